"""The same counts from the CSV files alone: `csv` and dictionaries, nothing of the importer's.

Kept apart on purpose (no import of ours): what it and the federation agree on, two separate
pieces of code have found.
"""

import csv
import sys
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

HOLDING = {
    "granted",
    "recognisedatnationallevel",
    "undersupervision",
    "accredited",
    "supervisionincessation",
    "setbynationallaw",
}
ACTIONS = ("grant", "renew", "reinstate", "revoke")


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file at once; these are small."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def countries_of(services: Path, events: Path) -> list[str]:
    """List the countries that either file names."""
    found = {row["country"].strip() for path in (services, events) for row in read_rows(path)}
    return sorted(found)


def recount(services: Path, events: Path, zones: dict[str, str], today: date) -> dict[str, dict]:
    """Count each country's services and decisions, and how its services stand on a day."""
    counts = {country: _empty() for country in zones}
    keys = {(row["country"].strip(), row["service_key"].strip()) for row in read_rows(services)}
    for country, _ in keys:
        counts[country]["services"] += 1
    lives: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in read_rows(events):
        service = (row["country"].strip(), row["service_key"].strip())
        if service in keys and _is_readable(row["status_starting_time"].strip()):
            lives.setdefault(service, []).append(row)
        else:
            # Of no service, or at no instant: the importer has to refuse it.
            counts[service[0]]["bad"] += 1
    for (country, _), rows in lives.items():
        rows.sort(key=_place)
        _live(rows, counts[country], ZoneInfo(zones[country]), today)
    return counts


def _place(row: dict[str, str]) -> tuple[int, int, str]:
    """Order by number; what is none comes after all that are."""
    text = row["event_no"].strip()
    return (0, int(text), "") if text.isdecimal() else (1, 0, text)


def _empty() -> dict:
    return {
        "services": 0,
        "active": 0,
        "ended": 0,
        "decisions": dict.fromkeys(ACTIONS, 0),
        "decisions_by_year": {},
        "refused": 0,
        "bad": 0,
    }


def _live(rows: list[dict[str, str]], count: dict, zone: ZoneInfo, today: date) -> None:
    """Go through one service's events and add them to its country's counts."""
    held = None
    standing = None
    last_day = date.min
    for row in rows:
        begins = row["status"].strip() in HOLDING
        if held is None and not begins:
            count["refused"] += 1
            continue
        if not begins:
            action = "revoke"
        elif held is None:
            action = "grant"
        else:
            action = "renew" if held else "reinstate"
        held = begins
        day = _civil_day(row["status_starting_time"].strip(), zone)
        year = str(day.year) if day else "unknown"
        last_day = day or last_day
        if last_day <= today:
            standing = held
        count["decisions"][action] += 1
        by_year = count["decisions_by_year"].setdefault(year, {})
        by_year[action] = by_year.get(action, 0) + 1
    if standing is not None:
        count["active" if standing else "ended"] += 1


def _is_readable(text: str) -> bool:
    """Say whether a time is an instant, or not stated at all."""
    try:
        return not text or datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _civil_day(text: str, zone: ZoneInfo) -> date | None:
    """Return the calendar day a wall clock in the zone shows at an instant."""
    if not text:
        return None
    return datetime.fromisoformat(text).astimezone(zone).date()


if __name__ == "__main__":
    sys.exit("recount.py is read by thirty_countries.py")
