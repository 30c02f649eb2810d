"""The types of the fields that bodies are made of, and dates.

Dates on the wire are civil dates `YYYY-MM-DD`, read in the site's zone. Inside, a day is its
proleptic Gregorian ordinal (0001-01-01 is day 1), so that comparing and storing days is cheap.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from sopro_protocol.encoding import MAX_INTEGER, TEXT_PATTERN
from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.record import Bytes16, Bytes32, Origin, SiteCode

CivilDate: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
CountryCode: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
LanguageTag: TypeAlias = Annotated[
    str, Meta(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*\Z", max_length=35)
]
Line: TypeAlias = Annotated[str, Meta(min_length=1, max_length=500, pattern=TEXT_PATTERN)]
Code: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}\Z")]
# What is entered by hand is held to these; the wire takes any code (SPEC REG-ORG).
ActivityCode: TypeAlias = Annotated[
    str, Meta(pattern=r"^[1-9](\.[0-9])?:([A-V]|[0-9]{2}(\.[0-9]{1,2})?)\Z")
]
NutsCode: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z]{2}[A-Z0-9]{0,3}\Z")]
Prefix: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z0-9]{3}\Z")]
CertificateNumber: TypeAlias = Annotated[
    str, Meta(pattern=r"^SOPRO/[A-Z0-9]{3}/[0-9]{3}/[0-9]{5,9}\Z")
]
Text: TypeAlias = Annotated[dict[LanguageTag, Line], Meta(min_length=1, max_length=40)]
LongLine: TypeAlias = Annotated[str, Meta(min_length=1, max_length=4_000, pattern=TEXT_PATTERN)]
LongText: TypeAlias = Annotated[dict[LanguageTag, LongLine], Meta(min_length=1, max_length=40)]
Url: TypeAlias = Annotated[
    str, Meta(pattern=r"^https?://[A-Za-z0-9.:\[\]_-]+(/[!-~]*)?\Z", max_length=500)
]
ErasureReason: TypeAlias = Literal["request", "court_order", "mistake", "retention_ended", "other"]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
SmallCount: TypeAlias = Annotated[int, Meta(ge=0, le=12_000)]
Version: TypeAlias = Annotated[int, Meta(ge=1, le=100_000)]

__all__ = [
    "ActivityCode",
    "Bytes16",
    "Bytes32",
    "CertificateNumber",
    "CivilDate",
    "Code",
    "Count",
    "CountryCode",
    "LanguageTag",
    "Line",
    "LongLine",
    "LongText",
    "NutsCode",
    "Origin",
    "Prefix",
    "SiteCode",
    "SmallCount",
    "Text",
    "Url",
    "Version",
]

_CIVIL_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ORIGIN: Final = re.compile(r"[^/]+/[^/]+/([1-9][0-9]{0,5})")
_FARTHEST_ZONE: Final = timedelta(hours=14)
_HINDMOST_ZONE: Final = timedelta(hours=12)
_EPOCH: Final = date(1970, 1, 1).toordinal()
_LAST_DAY: Final = date.max.toordinal()


class Head(Struct, frozen=True, kw_only=True):
    """A size of a log and its root there."""

    root: Bytes32
    size: Count


class Cut(Struct, frozen=True, kw_only=True):
    """A position in a log: what lies at or after `size` is beyond it."""

    origin: Origin
    size: Count


class End(Struct, frozen=True, kw_only=True):
    """The size at which a log ends, and its root there."""

    origin: Origin
    root: Bytes32
    size: Count


class CodeOf(Struct, frozen=True, kw_only=True):
    """A code, and the version of the list it is from (SPEC CDL)."""

    code: Code
    list: Code
    version: Code


Codes: TypeAlias = Annotated[list[CodeOf], Meta(min_length=1, max_length=32)]


def site_of(origin: str) -> str:
    """Return the site code in the origin of a log, `<federation>/<site>/<epoch>`; or nothing."""
    parts = origin.split("/")
    return parts[1] if len(parts) == 3 else ""


def epoch_of(origin: str) -> int:
    """Return the epoch in the origin of a log (SPEC STATE-1); 0 where it is none."""
    match = _ORIGIN.fullmatch(origin)
    return int(match[1]) if match else 0


def origin_after(origin: str) -> str:
    """Return the origin of the log that continues another: of the next epoch (SPEC EPOCH-1)."""
    return f"{origin.rpartition('/')[0]}/{epoch_of(origin) + 1}"


def day_of(text: str, *, field: str) -> int:
    """Read a civil date as a day.

    Raises:
        RefusedError: `rec.body` where the calendar has no such day.
    """
    try:
        return _ordinal(text)
    except ValueError:
        raise RefusedError(
            f"{field}: {text!r} is not a day of the calendar", code="rec.body"
        ) from None


def parse_day(text: str, *, field: str, code: str = "format") -> int:
    """Read a civil date that a person has written as a day.

    Raises:
        FormatError: it is none.
    """
    try:
        if _CIVIL_DATE.fullmatch(text):
            return _ordinal(text)
    except ValueError:
        pass
    raise FormatError(
        f"{field}: expected a civil date like 2026-11-22, got {text[:32]!r}", code=code
    )


# Dates repeat: a register knows some thousands of days, and reading one costs more than finding it.
@lru_cache(maxsize=16_384)
def _ordinal(text: str) -> int:
    return date.fromisoformat(text).toordinal()


@lru_cache(maxsize=16_384)
def year_of(day: int) -> int:
    """Return the year of a day."""
    return date.fromordinal(day).year


@lru_cache(maxsize=16_384)
def format_day(day: int) -> str:
    """Write a day as a civil date."""
    return date.fromordinal(day).isoformat()


def latest_day(time: int) -> int:
    """Return the latest civil date anywhere on Earth at an instant (ms UTC)."""
    return _latest_day_of_hour(time // 3_600_000)


@lru_cache(maxsize=4096)
def _latest_day_of_hour(hour: int) -> int:
    # The farthest zone is whole hours ahead, so that no hour has two such dates.
    try:
        return (datetime.fromtimestamp(hour * 3600, tz=UTC) + _FARTHEST_ZONE).toordinal()
    except (ValueError, OverflowError, OSError):
        return date.max.toordinal()


def recorded_day(time: int) -> int:
    """Return the civil date of a record's time in UTC (SPEC OVL-11), the last day for any later."""
    return min(_EPOCH + time // 86_400_000, _LAST_DAY)


def earliest_day(time: int) -> int:
    """Return the earliest civil date anywhere on Earth at an instant (ms UTC)."""
    return _earliest_day_of_hour(time // 3_600_000)


@lru_cache(maxsize=4096)
def _earliest_day_of_hour(hour: int) -> int:
    try:
        return (datetime.fromtimestamp(hour * 3600, tz=UTC) - _HINDMOST_ZONE).toordinal()
    except (ValueError, OverflowError, OSError):
        return date.max.toordinal()


@lru_cache(maxsize=16_384)
def add_months(day: int, months: int) -> int:
    """Return the same day of the month `months` later, or that month's last day."""
    start = date.fromordinal(day)
    month = start.month - 1 + months
    year, month = start.year + month // 12, month % 12 + 1
    if year > date.max.year:
        return date.max.toordinal()
    last = monthrange(year, month)[1]
    return date(year, month, min(start.day, last)).toordinal()
