"""Many questions as a table: what is read, line by line, and what is written back."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from sopro_protocol.errors import FormatError
from sopro_registry.certificate_number import fold_number
from sopro_registry.fields import parse_day

MOST_LINES: Final = 20_000
MOST_BYTES: Final = 2 * 1024 * 1024
_LONGEST: Final = 200
_ENTITY: Final = re.compile(r"[0-9a-f]{32}")
_ITEM: Final = re.compile(r"[0-9]{8,14}")
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


class By(StrEnum):
    """What a label is asked for by."""

    NUMBER = "number"
    ITEM = "gtin"
    IDENTIFIER = "identifier"
    OFFERING = "offering"


class Asked(NamedTuple):
    """One line of many questions, or what is wrong with it."""

    by: By
    value: str
    day: int
    problem: str = ""


COLUMNS: Final = (
    "by",
    "value",
    "at",
    "valid",
    "status",
    "number",
    "site",
    "valid_until",
    "labels",
    "problem",
    "computed_from",
    "imported",
    "on_record_since",
    "recorded_late",
)
"""Of the answer to many questions; `computed_from` is origin@size:root, between blanks."""


def part_questions(questions: Sequence[Asked], *, most: int) -> Iterator[Sequence[Asked]]:
    """Part questions into what is answered in one go: many by number, or one by anything else."""
    start = 0
    for at, one in enumerate(questions):
        if one.by is not By.NUMBER or at + 1 - start == most:
            yield questions[start : at + 1]
            start = at + 1
    if questions[start:]:
        yield questions[start:]


def read_questions(data: bytes, *, today: int) -> list[Asked]:
    """Read many questions from a table.

    One column of certificate numbers needs no header. With one, every line has one of `number`,
    `gtin`, `identifier` and `offering`, and may have `at`.

    Raises:
        FormatError: `format`, it is no such table, or too long; a line that is wrong is not.
    """
    rows = _read_rows(data)
    if not any(map(any, rows)):
        raise FormatError("the table: expected a line for each question, got nothing")
    header = [cell.strip().lower() for cell in rows[0]]
    known = [*By, "at"]
    if not set(header) & set(known):
        header = [By.NUMBER.value]
    else:
        rows = rows[1:]
        unknown = [one for one in header if one not in known]
        if unknown or len(set(header)) != len(header) or header == ["at"]:
            raise FormatError(
                f"line 1: expected columns out of {', '.join(known)}, each once, got "
                f"{', '.join(header)[:_LONGEST]!r}"
            )
    return [_read_line(header, row, today) for row in rows if any(row)]


def _read_rows(data: bytes) -> list[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"the table: expected UTF-8, got the byte {data[error.start]:#04x} at {error.start}"
        ) from None
    if "\0" in text:
        raise FormatError("the table: expected text, got a zero byte")
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True))
    except csv.Error as error:
        raise FormatError(f"the table: it cannot be read as CSV ({error})") from None
    if len(rows) > MOST_LINES:
        raise FormatError(f"the table: at most {MOST_LINES} lines, got {len(rows)}")
    return rows


def _read_line(header: Sequence[str], row: Sequence[str], today: int) -> Asked:
    cells = {name: cell.strip() for name, cell in zip(header, row, strict=False) if cell.strip()}
    day_text = cells.pop("at", "")
    named = [(By(name), value) for name, value in cells.items()]
    by, value = named[0] if named else (By.NUMBER, "")
    day, problem = today, ""
    if len(named) != 1:
        problem = f"expected one of {', '.join(By)}, got {len(named)}"
    elif len(row) > len(header) and any(row[len(header) :]):
        problem = f"expected {len(header)} cells, got {len(row)}"
    try:
        day = parse_day(day_text, field="at") if day_text else today
    except FormatError as error:
        problem = problem or str(error)
    problem = problem or explain_value(by, value)
    return Asked(by, value[:_LONGEST], day, problem)


def explain_value(by: By, value: str) -> str:
    """Say why a value cannot be asked by; nothing where it can."""
    match by:
        case By.NUMBER if fold_number(value) is None:
            return f"expected a number such as SOPRO/AT0/001/00001, got {value[:40]!r}"
        case By.ITEM if not _ITEM.fullmatch(value):
            return f"expected a trade item number of 8 to 14 digits, got {value[:40]!r}"
        case By.OFFERING if not _ENTITY.fullmatch(value):
            return f"expected 32 hexadecimal digits, got {value[:40]!r}"
        case By.IDENTIFIER if not 0 < len(value) <= 80:
            return f"expected an identifier of at most 80 characters, got {len(value)}"
        case _:
            return ""


def write_lines(rows: Iterable[Sequence[str]]) -> str:
    """Write lines of a table."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def as_text(cell: str) -> str:
    """Mark what a spreadsheet would compute as text."""
    return f"'{cell}" if cell[:1] in _FORMULAS else cell
