"""The clock: the one place that reads the time."""

import time as system
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def now() -> int:
    """Return the time in milliseconds UTC."""
    return system.time_ns() // 1_000_000


def uptime() -> float:
    """Return seconds on a clock that nobody sets; only their difference says anything."""
    return system.monotonic()


def today(zone: str) -> int:
    """Return the civil date in a zone as a day."""
    return datetime.now(tz=ZoneInfo(zone)).toordinal()


def end_of_day(day: int, zone: str) -> int:
    """Return the instant at which a civil date is over in a zone, in milliseconds UTC."""
    if day >= date.max.toordinal():
        return int(datetime.max.replace(tzinfo=UTC).timestamp() * 1000)
    after = datetime.combine(date.fromordinal(day + 1), time.min, tzinfo=ZoneInfo(zone))
    return int(after.timestamp() * 1000)


def format_time(time_ms: int) -> str:
    """Write an instant for people and programs: `2026-11-22T05:13:00Z`."""
    return datetime.fromtimestamp(time_ms // 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
