"""The same counts from the CSV files alone: `csv` and dictionaries, nothing of the importer's.

Kept apart on purpose (no import of ours): what it and the federation agree on, two separate
pieces of code have found. Its rules are those of README.md beside it.
"""

import csv
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import product
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
SERVICE_COLUMNS = {"country", "service_key"}
EVENT_COLUMNS = SERVICE_COLUMNS | {"event_no", "status", "status_starting_time"}
_FRACTIONS = ["", *(f":00.{'0' * digits}" for digits in range(1, 7)), ":00"]
# What an instant looks like with each of its digits a zero.
_SHAPES = {
    "".join(parts)
    for parts in product(
        ["0000-00-00"],
        ["T", " "],
        ["00:00"],
        _FRACTIONS,
        ["Z", "+00:00", "-00:00", "+0000", "-0000"],
    )
}


class FileError(Exception):
    """A file is not one of those that can be counted."""


class Table:
    """The rows of a CSV file, and how many of its lines are no rows.

    Attributes:
        rows: by column, each text trimmed and in normal form C.
        broken: rows with too few or too many cells, or with quotes that do not end.
    """

    def __init__(self, path: Path, columns: set[str]) -> None:
        self.rows: list[dict[str, str]] = []
        self.broken = 0
        with path.open(encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
            delimiter = _delimiter(file.readline())
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            try:
                header = [name.strip() for name in next(reader, [])]
            except csv.Error:
                header = []
            if missing := columns - set(header):
                raise FileError(f"{path}: has no column {', '.join(sorted(missing))}")
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    break
                except csv.Error:
                    self.broken += 1
                    continue
                # Empty cells behind the last column are none, and a row of these is no row.
                while len(cells) > len(header) and not cells[-1]:
                    del cells[-1]
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) == len(header):
                    self.rows.append(dict(zip(header, map(_text, cells), strict=True)))
                else:
                    self.broken += 1


def _delimiter(header: str) -> str:
    return next((one for one in ";\t" if one in header and "," not in header), ",")


def _text(cell: str) -> str:
    return unicodedata.normalize("NFC", cell.strip()).replace("\r\n", "\n")


def spellings_of(services: Path, events: Path) -> Counter[str]:
    """Count the rows of each country, as either file spells it.

    Raises:
        FileError: it has no such columns.
    """
    tables = (Table(services, SERVICE_COLUMNS), Table(events, EVENT_COLUMNS))
    return Counter(row["country"] for table in tables for row in table.rows)


def recount(
    services: Path,
    events: Path,
    spellings: Mapping[str, str],
    zones: Mapping[str, str],
    today: date,
) -> dict[str, dict]:
    """Count each country's services and decisions, and how its services stand on a day.

    Args:
        services: one row for each.
        events: one row for each dated status.
        spellings: the country that each spelling of a file means; rows of others do not count.
        zones: of each country.
        today: the day.
    """
    counts = {country: _empty() for country in zones}
    there, dated = Table(services, SERVICE_COLUMNS), Table(events, EVENT_COLUMNS)
    for count in counts.values():
        # It may be anybody's: each import reads it, that of organisations, too.
        count["bad"] += 2 * there.broken + dated.broken
    keys = set()
    for row in there.rows:
        country, key = spellings.get(row["country"]), row["service_key"]
        if country and key:
            keys.add((country, key))
        elif country:
            counts[country]["bad"] += 1
    for country, _ in keys:
        counts[country]["services"] += 1
    lives: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in dated.rows:
        if country := spellings.get(row["country"]):
            lives.setdefault((country, row["service_key"]), []).append(row)
    for service, rows in lives.items():
        count, zone = counts[service[0]], ZoneInfo(zones[service[0]])
        count["left out"] += sum(_has_no_instant(row, zone) for row in rows)
        if service not in keys or not all(row["event_no"] for row in rows):
            # Of no service, or in no order that anybody knows: nothing of it can go in.
            count["bad"] += len(rows)
        else:
            _live(_in_order(rows), count, zone, today)
    return counts


def _in_order(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Sort by number, equals as they stand in the file; leave out what says nothing new."""
    once: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        once.setdefault((row["event_no"], row["status_starting_time"], row["status"]), row)
    return sorted(once.values(), key=_place)


def _place(row: dict[str, str]) -> tuple[int, int, str]:
    """Order by number; what is none comes after all that are."""
    text = row["event_no"]
    is_number = re.fullmatch("[0-9]{1,18}", text)
    return (0, int(text), "") if is_number else (1, 0, text)


def _empty() -> dict:
    return {
        "services": 0,
        "active": 0,
        "ended": 0,
        "decisions": dict.fromkeys(ACTIONS, 0),
        "decisions_by_year": {},
        "refused": 0,
        "bad": 0,
        "left out": 0,
    }


def _live(rows: list[dict[str, str]], count: dict, zone: ZoneInfo, today: date) -> None:
    """Go through one service's events and add them to its country's counts."""
    held = None
    standing = None
    last_day = date.min
    for row in rows:
        begins = row["status"] in HOLDING
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
        day = _civil_day(row["status_starting_time"], zone)
        year = str(day.year) if day else "unknown"
        last_day = day or last_day
        if last_day <= today:
            standing = held
        count["decisions"][action] += 1
        by_year = count["decisions_by_year"].setdefault(year, {})
        by_year[action] = by_year.get(action, 0) + 1
    if standing is not None:
        count["active" if standing else "ended"] += 1


def _has_no_instant(row: dict[str, str], zone: ZoneInfo) -> bool:
    """Say whether an event whose place is known states a time that cannot be read."""
    text = row["status_starting_time"]
    is_placed = row["service_key"] and row["event_no"]
    return bool(is_placed and text and _civil_day(text, zone) is None)


def _civil_day(text: str, zone: ZoneInfo) -> date | None:
    """Return the calendar day a wall clock in the zone shows at an instant, if it is one."""
    if re.sub("[0-9]", "0", text) not in _SHAPES:
        return None
    numbers = [int(one) for one in re.findall("[0-9]+", text)]
    clock, sign, ahead = text[11:], "", ""
    for mark in "+-":
        if mark in clock:
            sign, ahead = mark, clock.partition(mark)[2].replace(":", "")
    has_seconds = clock[5:6] == ":"
    try:
        instant = datetime(*numbers[:5], numbers[5] if has_seconds else 0, tzinfo=UTC)
        if ahead:
            hours, minutes = int(ahead[:2]), int(ahead[2:])
            if hours > 23 or minutes > 59:
                return None
            offset = timedelta(hours=hours, minutes=minutes)
            instant += offset if sign == "-" else -offset
        return instant.astimezone(zone).date()
    except (ValueError, OverflowError):
        return None


if __name__ == "__main__":
    sys.exit("recount.py is read by thirty_countries.py")
