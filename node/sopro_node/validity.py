"""Whether labels are valid on a day, by whatever one has of them; one question or many."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from sopro_node.desk import Desk
from sopro_node.directory import Directory
from sopro_node.finding import BEGINNING, Condition, Finder, ask_identifier, ask_item
from sopro_node.holdings import HeldLog, Holdings
from sopro_node.store.base import Reader
from sopro_node.store.listing import PLACE
from sopro_protocol.errors import FormatError
from sopro_registry.fields import format_day, parse_day
from sopro_registry.queries import Basis, Standing, stand

MOST_LABELS: Final = 100
"""Labels of one item number, identifier or offering that an answer names."""
MOST_LINES: Final = 20_000
MOST_BYTES: Final = 2 * 1024 * 1024
_LONGEST: Final = 200
_NUMBER: Final = re.compile(r"SOPRO/[A-Z0-9]{3}/[0-9]{3}/[0-9]{5,9}")
_ENTITY: Final = re.compile(r"[0-9a-f]{32}")
_ITEM: Final = re.compile(r"[0-9]{8,14}")


class By(StrEnum):
    """What a label is asked for by."""

    NUMBER = "number"
    ITEM = "gtin"
    IDENTIFIER = "identifier"
    OFFERING = "offering"


class Validity(msgspec.Struct, frozen=True):
    """Whether something is labelled on a day.

    Attributes:
        by: what was asked by.
        value: what was asked.
        at: the civil date asked about.
        valid: whether one of the labels is valid on that day.
        labels: that were found, in the order of their numbers; those that are valid first.
        more: whether there are more than are named; a valid one may be among them.
        computed_from: the log prefixes the answer rests on.
    """

    by: By
    value: str
    at: str
    valid: bool
    labels: list[Standing]
    more: bool
    computed_from: list[Basis]


class Asked(NamedTuple):
    """One line of many questions, or what is wrong with it."""

    by: By
    value: str
    day: int
    problem: str = ""


class Registrar:
    """Answers whether labels are valid; on its desk's thread."""

    def __init__(
        self, reader: Reader, holdings: Holdings, desk: Desk, directory: Directory
    ) -> None:
        self._reader = reader
        self._holdings = holdings
        self._desk = desk
        self._directory = directory

    def check(self, by: By, value: str, day: int) -> Validity:
        """Say whether something is labelled on a day; nothing known of it is not valid."""
        return self._directory.settled(lambda: self._check(by, value, day))

    def _check(self, by: By, value: str, day: int) -> Validity:
        if by is By.NUMBER:
            return self._by_number(value, day)
        numbers = sorted({one for held in self._logs() for one in self._numbers(held, by, value)})
        found = [one for number in numbers[:MOST_LABELS] if (one := self._stand(number, day))]
        found.sort(key=lambda one: not one.valid)
        return Validity(
            by,
            value,
            format_day(day),
            any(one.valid for one in found),
            found,
            len(numbers) > MOST_LABELS,
            self._bases(),
        )

    def _by_number(self, number: str, day: int) -> Validity:
        row = self._reader.label(number)
        if row is None:
            return _answer(number, day, [], self._bases())
        course = self._desk.courses.follow(row)
        found = stand(course, day)
        bases = [self._desk.basis_of(stage) for stage in course.stages]
        return _answer(number, day, [found], bases)

    def _stand(self, number: str, day: int) -> Standing | None:
        course = self._desk.courses.of(number)
        return stand(course, day) if course else None

    def _logs(self) -> Iterable[HeldLog]:
        return self._holdings.logs.values()

    def _bases(self) -> list[Basis]:
        return [self._desk.basis(held) for held in self._logs()]

    def _numbers(self, held: HeldLog, by: By, value: str) -> Iterator[str]:
        """Go through the numbers of what is asked for in one log, one more than are named."""
        return islice(self._offered(held, by, value), MOST_LABELS + 1)

    def _offered(self, held: HeldLog, by: By, value: str) -> Iterator[str]:
        if by is By.OFFERING:
            yield from self._of_offering(held, bytes.fromhex(value))
            return
        condition: Condition = (ask_item if by is By.ITEM else ask_identifier)(value)
        hits = Finder(self._reader, held.number, [condition]).labels(BEGINNING)
        yield from (hit.number for hit in hits if hit.label is not None)

    def _of_offering(self, held: HeldLog, entity: bytes) -> Iterator[str]:
        holder = self._desk.holder_of(held, entity)
        if holder:
            thing = entity[:PLACE]
            rows = self._reader.directory.labels_at(
                held.number,
                holder[:PLACE],
                between=(thing, thing),
                after=(b"", ""),
                limit=MOST_LABELS + 1,
            )
            yield from (label.number for _, label in rows)

    def line(self, asked: Asked) -> list[str]:
        """Answer one of many questions as the cells of a line, see `COLUMNS`."""
        if asked.problem:
            return [asked.by, asked.value, "", "", "", "", "", "", "", asked.problem, ""]
        found = self.check(asked.by, asked.value, asked.day)
        first = found.labels[0] if found.labels else None
        return [
            found.by,
            found.value,
            found.at,
            "yes" if found.valid else "no",
            first.status if first else "unknown",
            first.number if first else "",
            first.site if first else "",
            (first.valid_until or "") if first else "",
            f"{len(found.labels)}{'+' if found.more else ''}",
            "",
            " ".join(f"{one.origin}@{one.size}:{one.root}" for one in found.computed_from),
        ]


def _answer(number: str, day: int, found: list[Standing], bases: list[Basis]) -> Validity:
    is_valid = any(one.valid for one in found)
    return Validity(
        By.NUMBER, number, format_day(day), is_valid, found, more=False, computed_from=bases
    )


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
)
"""Of the answer to many questions; `computed_from` is origin@size:root, between blanks."""


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
        case By.NUMBER if not _NUMBER.fullmatch(value):
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
    """Write lines of a table; a cell that a spreadsheet would compute is marked as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in rows:
        writer.writerow([f"'{cell}" if cell[:1] in _FORMULAS else cell for cell in row])
    return out.getvalue()


_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
