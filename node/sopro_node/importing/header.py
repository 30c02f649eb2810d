"""Where the names of the columns stand when a title or empty lines stand above them."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from sopro_node.importing.csvfile import DELIMITERS, read_lines
from sopro_node.importing.days import INSTANT, ISO, LOCAL, formats_of
from sopro_node.importing.recognising import is_workbook
from sopro_node.importing.workbook import Workbook
from sopro_protocol.errors import FormatError

SEARCHED: Final = 30
_CLEARLY: Final = 2
_LEAST: Final = 3
_NEARLY_ALL: Final = 0.75
_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9.,]*")
_YEAR: Final = re.compile(r"(19|20)[0-9]{2}")


class Early(NamedTuple):
    """One of the first lines of a file.

    Attributes:
        line: its number, from 1.
        cells: those that are not empty.
        places: at which they stand, from 0.
    """

    line: int
    cells: Sequence[str]
    places: Sequence[int] = ()


class Header(NamedTuple):
    """Where the names of the columns stand.

    Attributes:
        line: its number, from 1; 0 where it is the one that is read as the header anyway.
        above: the first line that is not empty, where that is another.
        lines: how many lines the names take.
    """

    line: int = 0
    above: Early | None = None
    lines: int = 1


def find_header(path: Path, sheet: str = "", encoding: str = "") -> Header:
    """Find the line that looks like the header: the first that is nearly as full as any.

    It is another than the first only where it has at least twice as many cells and three, and none
    of them is a number or a day.

    Args:
        path: of the file.
        sheet: of a workbook, where it is not the first that is shown.
        encoding: where a person has named it.

    Raises:
        FormatError: the file cannot be read.
    """
    if is_workbook(path):
        return _choose(_of_sheet(path, sheet), first=0)
    lines = read_lines(path, SEARCHED, encoding)
    begin = 2 if lines and lines[0].lstrip('"').startswith("sep=") else 1
    return _choose(_of_lines(lines, begin), first=begin)


def is_table(path: Path, sheet: str) -> bool:
    """Say whether a sheet looks like a table: two rows at least that are nearly as full as any."""
    try:
        rows = _of_sheet(path, sheet)
    except FormatError:
        return False
    widest = max((len(row.cells) for row in rows), default=0)
    return widest >= _LEAST and sum(2 * len(row.cells) >= widest for row in rows) > 1


def _choose(rows: Sequence[Early], *, first: int) -> Header:
    """Choose among lines that are not empty; `first` is read as the header unless another is."""
    if not rows:
        return Header()
    top = rows[0]
    if (upper := next(filter(_is_upper, pairwise(rows)), None)) is not None:
        begin = upper[0]
        is_first = begin is top and (not first or begin.line == first)
        return Header(0 if is_first else begin.line, None if begin is top else top, lines=2)
    widest = max(len(row.cells) for row in rows)
    if widest >= max(_LEAST, _CLEARLY * len(top.cells)):
        full = next(row for row in rows if len(row.cells) >= _NEARLY_ALL * widest)
        if full is not top and not any(map(_is_value, full.cells)):
            return Header(full.line, top)
    return Header(top.line) if first and top.line > first else Header()


def _is_upper(pair: tuple[Early, Early]) -> bool:
    """Say whether a line and the next hold the names together: each fills gaps of the other.

    As where cells are merged: `Label` stands above `Status` and `since`, `No` above nothing.
    """
    upper, lower = pair
    if lower.line != upper.line + 1 or len(upper.places) < _LEAST:
        return False
    width = max(*upper.places, *lower.places) + 1
    gaps = set(range(width)) - set(upper.places)
    is_below_names = set(lower.places) >= gaps and len(lower.cells) >= _LEAST
    is_above_nothing = bool(set(upper.places) - set(lower.places))
    is_right_of_name = bool(gaps) and min(gaps) > 0
    has_values = any(map(_is_value, [*upper.cells, *lower.cells]))
    return is_below_names and is_above_nothing and is_right_of_name and not has_values


def _is_value(text: str) -> bool:
    """Say whether a text is a number or a day, as names of columns are not; years may be."""
    if _YEAR.fullmatch(text):
        return False
    return bool(
        _NUMBER.fullmatch(text)
        or ISO.fullmatch(text)
        or LOCAL.fullmatch(text)
        or INSTANT.fullmatch(text)
        or formats_of(text)
    )


def _of_sheet(path: Path, sheet: str) -> list[Early]:
    book = Workbook(path, sheet=sheet)
    try:
        rows = [_early(line, cells) for line, cells in book.first_rows(SEARCHED)]
    finally:
        book.close()
    return [row for row in rows if row.cells]


def _of_lines(lines: Sequence[str], begin: int) -> list[Early]:
    """Take lines apart by the delimiter that makes most rows of one width, and those wide."""
    found = max((_split(lines, one) for one in DELIMITERS), key=_regularity)
    rows = [_early(line, [cell.strip() for cell in cells]) for line, cells in found]
    return [row for row in rows if row.line >= begin and row.cells]


def _early(line: int, cells: Sequence[str]) -> Early:
    places = [at for at, text in enumerate(cells) if text]
    return Early(line, [cells[at] for at in places], places)


def _split(lines: Sequence[str], delimiter: str) -> list[tuple[int, list[str]]]:
    """Return the rows with the lines that they begin on, up to where it is no CSV."""
    reader = csv.reader(lines, delimiter=delimiter)
    rows = []
    while True:
        line = reader.line_num + 1
        try:
            rows.append((line, next(reader)))
        except (StopIteration, csv.Error):
            return rows


def _regularity(rows: Sequence[tuple[int, Sequence[str]]]) -> int:
    widths = Counter(len(cells) for _, cells in rows)
    return max(((width - 1) * count for width, count in widths.items()), default=0)
