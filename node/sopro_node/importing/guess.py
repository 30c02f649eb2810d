"""A first mapping for a file: from the names of its columns and from what stands in them.

What is written is TOML that a person reads and corrects: beside each column stand the values that
speak for it, what nobody can guess stands there as a comment that says what is needed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from sopro_node.importing.countries import fold
from sopro_node.importing.fields import FIELDS, REGISTERED, Field, Form, Kind
from sopro_node.importing.guess_columns import (
    MOST_WORDS,
    Column,
    count_right,
    date_of,
    find_columns,
    names_schemes,
    scheme_of,
    unread_countries,
    unread_days,
)
from sopro_node.importing.guess_findings import write_findings
from sopro_node.importing.guess_opening import Way, find_way
from sopro_node.importing.guess_standing import (
    find_standing,
    fit_together,
    is_of_standing,
    other_days,
    status_words,
)
from sopro_node.importing.guess_text import Lines, quote, samples, translate
from sopro_node.importing.guess_totals import find_totals, write_totals
from sopro_node.importing.guess_words import HEADERS, STANDING_HEADERS, STATUSES, VALUES
from sopro_node.importing.opening import open_source
from sopro_node.importing.rows import Recognised
from sopro_node.importing.values import clean
from sopro_protocol.errors import FormatError

_ROWS: Final = 1000


class Guessed(NamedTuple):
    """A mapping as text, and what a person should know of it."""

    toml: str
    remarks: list[str]


def guess_mapping(
    path: Path,
    kind: Kind | None = None,
    *,
    header_line: int = 0,
    sheet: str = "",
    encoding: str = "",
) -> Guessed:
    """Make a mapping of a file, for rows of one kind or of every kind that it may hold.

    Args:
        path: of the file.
        kind: what its rows are, where a person says so.
        header_line: where the names of its columns stand, from 1; 0 to find it.
        sheet: of a workbook; empty to find the first with a table.
        encoding: of its letters; empty to find it.

    Raises:
        FormatError: the file cannot be read.
    """
    way = find_way(path, header_line=header_line, sheet=sheet, encoding=encoding)
    source = open_source(path, way.as_mapping())
    try:
        rows = [row.cells for row in islice(source.rows(), _ROWS) if not row.problem]
        totals = find_totals(source.header, rows) if len(rows) < _ROWS else None
        if totals is not None:
            at = source.header.index(totals[0])
            rows = [cells for cells in rows if cells[at] not in totals[1]]
        known = source.recognised
        columns = [
            Column(
                name,
                "_".join(fold(name).split()),
                [text for row in rows if (text := clean(row[at]))],
                len(rows),
            )
            for at, name in enumerate(source.header)
            if name
        ]
    finally:
        source.close()
    if len(columns) < 2 and not rows:
        raise FormatError(
            f"{path}: one line and one column, which is no table; expected a line with the names "
            "of columns and rows below it"
        )
    found = _find(columns)
    kinds = [kind] if kind else [one for one in REGISTERED if _may_be(one, found[one])]
    kinds = kinds or [Kind.ORGANISATIONS]
    lines = Lines()
    lines.comment(f"A guess at {path.name}, made of its first {len(rows)} rows. Read every line.")
    lines.comment(f"It was read as {_describe(known)}.")
    lines.comment("Fields: README.md of the importer. Try it: sopro import DIR FILE --dry-run ...")
    used: set[str] = set()
    for one in kinds:
        way.write(one.value, lines)
        write_totals(one.value, totals, lines)
        used |= _Guess(one, columns, lines, found[one]).write()
    _list_unused(columns, used, lines)
    return Guessed(lines.text(), _remarks(path, known, columns, lines, way))


def _find(columns: Sequence[Column]) -> dict[Kind, dict[str, Column]]:
    """Find the columns of each kind; those of one register fit one another."""
    found = {one: find_columns(one, columns) for one in Kind}
    standing = find_standing(columns)
    if is_of_standing(standing):
        found[Kind.DECISIONS] = standing
        fit_together(found)
    return found


def _describe(known: Recognised) -> str:
    if known.form == "xlsx":
        return f"sheet {known.sheet!r} of a workbook"
    return f"CSV in {known.encoding} (by {known.reason}), delimiter {known.delimiter!r}"


def _remarks(
    path: Path, known: Recognised, columns: Sequence[Column], lines: Lines, way: Way
) -> list[str]:
    remarks = [f"{path}: {_describe(known)}, {len(columns)} columns", *way.remarks()]
    header = way.header
    if header.above:
        above = header.above
        remarks.append(
            f"line {header.line} looks like the header, line {above.line} "
            f"({above.cells[0][:40]!r}) does not; "
            "if another line is the header, name it with --header-line"
        )
    elif len(columns) == 1:
        remarks.append(
            "only one column; if their names stand in another line, name it with --header-line"
        )
    if lines.missing:
        remarks.append(f"to be filled in by hand: {', '.join(lines.missing)}")
    return remarks


def _may_be(kind: Kind, found: Mapping[str, Column]) -> bool:
    """Say whether rows look like those of a kind."""
    if kind is Kind.ORGANISATIONS:
        return "legal_name" in found
    if kind is Kind.OFFERINGS:
        return bool({"cpv", "gtin", "organisation"} & found.keys()) and "name" in found
    return "status" in found and bool(
        {"effective_date", "order"} & found.keys() or is_of_standing(found)
    )


class _Guess:
    """The tables of one kind."""

    def __init__(
        self, kind: Kind, columns: Sequence[Column], lines: Lines, found: dict[str, Column]
    ) -> None:
        self._kind = kind
        self._columns = columns
        self._lines = lines
        self._found = found
        self._is_standing = kind is Kind.DECISIONS and is_of_standing(found)
        self._others: list[str] = []
        self._fields = {one.name: one for one in FIELDS[kind]}

    def write(self) -> set[str]:
        """Write them; return the columns that they use."""
        self._write_columns()
        self._write_constants()
        self._write_words()
        self._write_countries()
        self._write_dates()
        self._write_texts()
        used = {one.name for one in self._found.values()} | set(self._others)
        if self._kind is Kind.ORGANISATIONS:
            used |= self._write_identifiers()
        if self._kind is Kind.EVALUATIONS:
            free = [one for one in self._columns if one.name not in used]
            used |= write_findings(free, self._lines)
        return used

    def _of(self, *forms: Form) -> Iterator[tuple[Field, Column]]:
        for name, column in self._found.items():
            if self._fields[name].form in forms:
                yield self._fields[name], column

    def _write_columns(self) -> None:
        self._lines.table(f"{self._kind}.columns")
        for name, one in self._fields.items():
            column = self._found.get(name)
            if one.form in (Form.TEXTS, Form.IDENTIFIERS):
                continue
            if self._is_standing and name == "effective_date":
                self._write_status_days()
            elif column is not None:
                self._lines.pair(name, quote(column.name), samples(column.values))
            elif self._is_standing and name == "order":
                self._lines.comment("One row a label, which says how it stands now. If a label has")
                self._lines.comment("several rows, name the column that puts them in 'order'.")
            elif name == "order" or (one.is_needed and name not in _CONSTANTS[self._kind]):
                self._want_column(name)
        headers = STANDING_HEADERS if self._is_standing else HEADERS[self._kind]
        for name, column in unread_days(headers, self._columns, self._found):
            example = f"{name} = {quote(column.name)}"
            remark = f"{samples(column.values)}: no days of the calendar, make them such"
            self._lines.wanted(f"{self._kind} {name}", example, remark)
        if self._kind is Kind.COMPLAINTS and not {"label", "certificate"} & self._found.keys():
            remark = "which column is it, or certificate for its number?"
            self._lines.wanted("complaints label", 'label = "..."', remark)

    def _write_status_days(self) -> None:
        """Write which columns say since when a label has had its status."""
        found = other_days(self._columns, self._found)
        self._others = [one.name for one in found]
        if len(found) > 1:
            remark = "since when it has its status; the first with a day counts"
            self._lines.pair("effective_date", f"[{', '.join(map(quote, self._others))}]", remark)
        elif found:
            self._lines.pair("effective_date", quote(found[0].name), samples(found[0].values))

    def _want_column(self, name: str) -> None:
        """Ask for a column; evaluations without a number are told apart by label and day."""
        parts = [self._found.get(one) for one in ("label", "performed_on")]
        if self._kind is Kind.EVALUATIONS and name == "key" and all(parts):
            columns = ", ".join(quote(one.name) for one in parts if one)
            example, remark = f"key = [{columns}]", "which columns make it?"
        else:
            example, remark = f'{name} = "..."', "which column is it?"
        self._lines.wanted(f"{self._kind} {name}", example, remark)

    def _write_constants(self) -> None:
        constants = {
            name: value for name, value in _CONSTANTS[self._kind].items() if name not in self._found
        }
        if not constants:
            return
        self._lines.table(f"{self._kind}.constants")
        for name, value in constants.items():
            if value:
                self._lines.pair(name, quote(value), "for every row; is it?")
            else:
                example = f"{name} = {quote(_EXAMPLES[name])}"
                self._lines.wanted(f"{self._kind} {name}", example, "of every row")

    def _write_words(self) -> None:
        status = self._found.get("status") if self._kind is Kind.DECISIONS else None
        if status is not None:
            self._lines.table(f"{self._kind}.status")
            words = status_words(self._found) if self._is_standing else STATUSES
            self._translate(status, words, "status")
        for name, words in VALUES.get(self._kind, {}).items():
            column = self._found.get(name)
            if column is not None and len(set(column.values)) <= MOST_WORDS:
                self._lines.table(f"{self._kind}.values.{name}")
                self._translate(column, words, name)

    def _write_countries(self) -> None:
        """Say what signs of cars mean, and ask for what is no country at all."""
        column = self._found.get("country")
        found = unread_countries(column.values) if column else {}
        if found:
            self._lines.table(f"{self._kind}.values.country")
        for text, (code, count) in found.items():
            if code:
                self._lines.pair(quote(text), quote(code), f"{count} rows; is it?")
            else:
                what = f"{self._kind} country {text[:40]!r}"
                self._lines.wanted(what, f'{quote(text)} = "..."', f"{count} rows: which country?")

    def _translate(self, column: Column, words: Mapping[str, str], name: str) -> None:
        counted = Counter(column.values).most_common(MOST_WORDS)
        translate(counted, words, f"{self._kind} {name}", self._lines)

    def _write_dates(self) -> None:
        for one, column in self._of(Form.DATE):
            days = date_of(column)
            if days is None:
                continue
            if days.said:
                self._lines.table(f"{self._kind}.dates.{one.name}")
            others = f"; or {', '.join(days.others)}?" if days.others else ""
            for name, value in days.said:
                self._lines.pair(name, value, f"{samples(column.values)}{others}")
            if days.words:
                self._lines.table(f"{self._kind}.values.{one.name}")
            for word in days.words:
                self._lines.pair(quote(word), quote(""), "no day; is it?")

    def _write_texts(self) -> None:
        found = list(self._of(Form.TEXTS))
        if not found:
            for one in self._fields.values():
                if one.form is Form.TEXTS and one.is_needed:
                    self._lines.table(f"{self._kind}.texts")
                    example = f'{one.name} = {{ column = "...", language = "de" }}'
                    self._lines.wanted(f"{self._kind} {one.name}", example, "which column is it?")
            return
        self._lines.table(f"{self._kind}.texts")
        for one, column in found:
            value = f'{{ column = {quote(column.name)}, language = "und" }}'
            remark = f"in which language? {samples(column.values)}"
            self._lines.pair(one.name, value, remark)

    def _write_identifiers(self) -> set[str]:
        used = set()
        taken = {one.name for name, one in self._found.items() if name != "key"}
        for column in self._columns:
            if column.name not in taken and names_schemes(column):
                used.add(column.name)
                self._lines.array(f"{self._kind}.identifiers")
                self._lines.pair("column", quote(column.name), samples(column.values))
                self._lines.pair("scheme_until", quote("-"), "VATAT-U38473200 and so on")
                marks = (mark for mark in "|;" if any(mark in text for text in column.values))
                self._lines.pair("separator", quote(next(marks, "|")), "between several")
                continue
            scheme = scheme_of(column)
            if scheme and column.name not in taken:
                used.add(column.name)
                self._lines.array(f"{self._kind}.identifiers")
                self._lines.pair("column", quote(column.name), samples(column.values))
                self._lines.pair("scheme", quote(scheme), count_right(scheme, column))
        return used


_CONSTANTS: Final[Mapping[Kind, Mapping[str, str]]] = {
    Kind.ORGANISATIONS: {"country": "", "actor_type": "enterprise"},
    Kind.OFFERINGS: {"kind": "product"},
    Kind.DECISIONS: {"scheme": "sopro"},
    Kind.APPLICATIONS: {"scheme": "sopro", "criteria_version": ""},
    Kind.EVALUATIONS: {"criteria_version": "", "method": ""},
    Kind.COMPLAINTS: {"kind": ""},
}
_EXAMPLES: Final[Mapping[str, str]] = {
    "country": "AT",
    "criteria_version": "1",
    "method": "on_site",
    "kind": "non_conformity",
}


def _list_unused(columns: Sequence[Column], used: set[str], lines: Lines) -> None:
    unused = [one for one in columns if one.name not in used]
    if unused:
        lines.blank()
        lines.comment("Not used; what no field is for can go under [KIND.kept]: name = column.")
    for column in unused:
        lines.comment(f"  {quote(column.name)}: {samples(column.values) or 'always empty'}")
