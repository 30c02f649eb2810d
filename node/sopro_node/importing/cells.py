"""From the cells of a row to the values of a draft, or to what is wrong with them."""

import re
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from sopro_node.importing.fields import FIELDS, SETS_VALIDITY, STATUS_WORDS, Field, Form, Kind
from sopro_node.importing.mapping import OTHERS, DateForm, SourceMapping, TextColumn
from sopro_protocol.encoding import CONTROL
from sopro_protocol.errors import FormatError
from sopro_registry.fields import LanguageTag

_SHOWN: Final = 60
_MOST_KEY: Final = 500
_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])"
)

_INSTANT_FORM: Final = "an instant such as 2016-06-30T22:00:00Z"
_SOME_DAY: Final = date(2016, 7, 31)

T = TypeVar("T")


class CellError(Exception):
    """A cell does not hold what its field needs: column, value, what is wrong."""

    def __init__(self, column: str, value: str, problem: str) -> None:
        shown = f"{value[:_SHOWN]!r}{'...' if len(value) > _SHOWN else ''}"
        super().__init__(f"column {column!r}, value {shown}: {problem}")


class Item(msgspec.Struct, array_like=True):
    """A row understood.

    Attributes:
        key: what names its thing in the source.
        order: its place among the rows of its key.
        event: what names a decision among those of its key.
        reference: key of what it refers to.
        word: of a decision: an action, `hold` or `end`.
        status: of a decision: what the source says, and in which column.
        values: fields of the record.
        fields: of the public document.
        is_dated: whether the source says from when it holds.
    """

    key: list[str]
    order: int | str
    event: list[str]
    reference: list[str]
    word: str
    status: tuple[str, str]
    values: dict[str, Any]
    fields: dict[str, Any]
    is_dated: bool


class Reading(NamedTuple):
    """What a row came to.

    Attributes:
        key: where it is known.
        order: likewise.
        item: None where there are problems.
        problems: what makes the row bad.
        left_out: what is wrong with cells that count as empty.
    """

    key: list[str]
    order: int | str | None
    item: Item | None
    problems: list[str]
    left_out: Sequence[str] = ()


def clean(cell: str) -> str:
    """Return a cell's text in normal form C, without space around it (SPEC ENC-13)."""
    return unicodedata.normalize("NFC", cell.strip())


class CellReader:
    """Reads the rows of one file by its mapping."""

    def __init__(
        self, kind: Kind, mapping: SourceMapping, header: Sequence[str], *, zone: str, today: str
    ) -> None:
        self._kind = kind
        self._mapping = mapping
        self._at = {name: number for number, name in enumerate(header)}
        self._is_lenient = mapping.unusable_cells == "empty"
        self._left_out: list[str] = []
        self._zone = ZoneInfo(zone)
        self._today = today
        self._fields = [
            one for one in FIELDS[kind] if one.form not in _APART and self._has_source(one)
        ]
        self._where = [
            (self._at[column], set(map(clean, [value] if isinstance(value, str) else value)))
            for column, value in mapping.where.items()
        ]
        self._check_constants()

    def _has_source(self, one: Field) -> bool:
        mapping = self._mapping
        has = mapping.columns_of(one.name) or one.name in mapping.constants or one.default
        is_found = one.form is Form.IDENTIFIERS and mapping.identifiers
        return bool(has or is_found or mapping.texts_of(one.name))

    def _check_constants(self) -> None:
        for one in FIELDS[self._kind]:
            if one.name in self._mapping.constants and one.form is not Form.KEY:
                try:
                    self._value_of(one, self._mapping.constants[one.name], "[constants]")
                except CellError as error:
                    raise FormatError(f"mapping: {one.name}: {error}") from None

    def is_wanted(self, cells: Sequence[str]) -> bool:
        """Say whether a row is one of those the mapping asks for."""
        return all(at < len(cells) and clean(cells[at]) in values for at, values in self._where)

    def read(self, cells: Sequence[str]) -> Reading:
        """Read a row."""
        self._left_out = []
        problems: list[str] = []
        key: list[str] = []
        order: int | str | None = None
        try:
            key = self._key(cells, "key")
            order = self._order(cells)
        except CellError as error:
            return Reading(key, order, None, [str(error)])
        values: dict[str, Any] = {}
        public: dict[str, Any] = {}
        for one in self._fields:
            try:
                value = self._read_field(one, cells)
            except CellError as error:
                is_lost = one.is_needed or not self._is_lenient
                (problems if is_lost else self._left_out).append(str(error))
            else:
                if value:
                    (public if one.is_public else values)[one.name] = value
        reading = self._finish(cells, Reading(key, order, None, problems), values, public)
        return reading._replace(left_out=self._left_out)

    def _finish(
        self,
        cells: Sequence[str],
        reading: Reading,
        values: dict[str, Any],
        public: dict[str, Any],
    ) -> Reading:
        reference: list[str] = []
        event: list[str] = []
        status = ("", "")
        try:
            if self._kind is Kind.OFFERINGS:
                reference = self._key(cells, "organisation")
            elif self._kind is Kind.DECISIONS:
                has_own = self._mapping.columns_of("offering")
                reference = self._key(cells, "offering") if has_own else reading.key
                has_event = self._mapping.columns_of("event")
                event = self._key(cells, "event") if has_event else [str(reading.order)]
                status = self._status(cells)
                self._check_validity(cells, self._word(status[1]), values)
        except CellError as error:
            reading.problems.append(str(error))
        if reading.problems:
            return reading
        is_dated = "effective_date" in values
        if self._kind is not Kind.DECISIONS:
            values.setdefault("effective_date", self._today)
            public["source_key"] = _shown_key(reading.key)
        item = Item(
            reading.key,
            reading.order if reading.order is not None else 0,
            event,
            reference,
            self._word(status[1]) if status[0] else "",
            status,
            values,
            public,
            is_dated,
        )
        return Reading(reading.key, reading.order, item, [])

    def _check_validity(self, cells: Sequence[str], word: str, values: Mapping[str, Any]) -> None:
        """Hold the end of a validity to its beginning, where the decision sets one."""
        until = values.get("valid_until")
        if until is None or word not in SETS_VALIDITY:
            return
        for name in ("effective_date", "valid_from"):
            if until < values.get(name, until):
                column, text = self._shown(cells, "valid_until")
                other, began = self._shown(cells, name)
                problem = f"lies before column {other!r}, value {began!r}; correct one of the two"
                raise CellError(column, text, problem)

    def _shown(self, cells: Sequence[str], name: str) -> tuple[str, str]:
        """Return the column that a field was read from, and its text."""
        for column in self._mapping.columns_of(name):
            if text := clean(cells[self._at[column]]):
                return column, text[:_SHOWN]
        return "[constants]", self._mapping.constants.get(name, "")

    # Fields of each form.

    def _fits(self, read: Callable[[], T]) -> T | None:
        """Read something; what does not fit is an error, or counts as empty and is told."""
        try:
            return read()
        except CellError as error:
            if not self._is_lenient:
                raise
            self._left_out.append(str(error))
            return None

    def _first(self, columns: Iterable[str], read: Callable[[str], T]) -> T | None:
        """Return the first value that one of the columns has."""
        found = (self._fits(partial(read, column)) for column in columns)
        return next((value for value in found if value), None)

    def _cell(self, cells: Sequence[str], column: str) -> str:
        text = clean(cells[self._at[column]])
        text = text.replace("\r\n", "\n")
        for letter in "" if text.isascii() and text.isprintable() else text:
            if unicodedata.category(letter) == "Cs":
                raise CellError(column, text, "not UTF-8; save the file as CSV UTF-8")
            if unicodedata.category(letter) == "Cc" and letter not in "\n\t":
                raise CellError(column, text, "holds a control character; remove it")
        return text

    def _name(self, cells: Sequence[str], column: str) -> str:
        """Return what is only compared: of a lenient mapping, whatever the cell holds."""
        if not self._is_lenient:
            return self._cell(cells, column)
        text = clean(cells[self._at[column]]).replace("\r\n", "\n")
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

    def _key(self, cells: Sequence[str], name: str) -> list[str]:
        columns = self._mapping.columns_of(name)
        parts = [self._name(cells, column) for column in columns]
        if not any(parts):
            raise CellError(", ".join(columns), "", f"expected {name}, found nothing")
        if sum(map(len, parts)) > _MOST_KEY and not self._is_lenient:
            raise CellError(
                ", ".join(columns), "".join(parts), f"longer than {_MOST_KEY} characters"
            )
        return parts

    def _order(self, cells: Sequence[str]) -> int | str | None:
        if self._kind is not Kind.DECISIONS:
            return None
        [column] = self._mapping.columns_of("order")
        text = self._name(cells, column)
        if not text:
            raise CellError(column, "", "expected the row's place in the order, found nothing")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else text

    def _status(self, cells: Sequence[str]) -> tuple[str, str]:
        columns = self._mapping.columns_of("status")
        column = columns[0] if columns else "[constants]"
        text = self._name(cells, column) if columns else ""
        text = text or self._mapping.constants.get("status", "")
        if not self._word(text):
            known = [one for one in self._mapping.status if one != OTHERS] or STATUS_WORDS
            raise CellError(
                column, text, f"no such status; known: {', '.join(known)}; add it to [status]"
            )
        return column, text

    def _word(self, status: str) -> str:
        table = self._mapping.status
        if not table:
            return status if status in STATUS_WORDS else ""
        return table.get(status) or table.get(OTHERS, "")

    def _read_field(self, one: Field, cells: Sequence[str]) -> Any:
        value: Any
        if one.form is Form.TEXTS:
            value = self._texts(one, cells)
        elif one.form is Form.IDENTIFIERS:
            value = self._identifiers(one, cells)
        else:
            sources = self._mapping.columns_of(one.name)
            value = self._first(sources, partial(self._read_cell, one, cells))
            if not value:
                text = self._translated(one, "")
                text = text or self._mapping.constants.get(one.name, "") or one.default
                value = self._value_of(one, text, sources[0] if sources else "[constants]")
        if one.is_needed and not value:
            texts = self._mapping.texts_of(one.name)
            columns = self._mapping.columns_of(one.name) or [str(text.column) for text in texts]
            raise CellError(", ".join(columns), "", f"expected {one.name}, found nothing")
        return value

    def _read_cell(self, one: Field, cells: Sequence[str], column: str) -> Any:
        return self._value_of(one, self._translated(one, self._cell(cells, column)), column)

    def _translated(self, one: Field, text: str) -> str:
        """Return what a cell means; of a list, each part is translated by itself."""
        if one.form is Form.CODES:
            return text
        table = self._mapping.values.get(one.name, {})
        if one.name == "country" and len(text) == 2 and text not in table:
            text = text.upper()
        return table.get(text, text)

    def _value_of(self, one: Field, text: str, column: str) -> Any:
        if not text:
            return None
        if one.form is Form.DATE:
            return self._date(self._mapping.dates.get(one.name, DateForm()), text, column)
        if one.form is Form.STATUS:
            return text
        value: Any = text
        if one.form is Form.CODES:
            table = self._mapping.values.get(one.name, {})
            mark = self._mapping.separators.get(one.name, "")
            parts = [part.strip() for part in (text.split(mark) if mark else [text])]
            value = [table.get(part, part) for part in parts if part]
        _check_type(value, one, column)
        return value

    def _texts(self, one: Field, cells: Sequence[str]) -> dict[str, str]:
        texts: dict[str, str] = {}
        for source in self._mapping.texts_of(one.name):
            columns = [source.column] if isinstance(source.column, str) else source.column
            if text := self._first(columns, partial(self._text, one, cells)):
                texts[self._language(source, cells)] = text
        return texts

    def _text(self, one: Field, cells: Sequence[str], column: str) -> str:
        text = self._cell(cells, column)
        if text:
            _check_type(text, one, column)
        return text

    def _language(self, source: TextColumn, cells: Sequence[str]) -> str:
        column = source.language_column
        if not column:
            return source.language
        tag = self._fits(lambda: _language_tag(self._cell(cells, column), column))
        if not (tag or source.language):
            raise CellError(column, "", _TAG_EXPECTED)
        return tag or source.language

    def _identifiers(self, one: Field, cells: Sequence[str]) -> list[list[str]]:
        found: list[list[str]] = []
        for column in self._mapping.identifiers:
            text = self._fits(partial(self._cell, cells, column.column)) or ""
            mark = column.separator
            for part in text.split(mark) if mark else [text]:
                scheme, until, rest = (
                    part.partition(column.scheme_until) if column.scheme_until else (part, "", "")
                )
                pair = [scheme, rest.strip()] if until else [column.scheme, part.strip()]
                if not pair[1] or pair in found:
                    continue
                if self._fits(partial(_check_type, pair[1], one, column.column)):
                    found.append(pair)
        return found

    def _date(self, form: DateForm, text: str, column: str) -> str:
        try:
            if form.kind == "instant":
                if not _INSTANT.fullmatch(text):
                    raise CellError(column, text, f"expected {_INSTANT_FORM}")
                instant = datetime.fromisoformat(text)
                return instant.astimezone(UTC).astimezone(self._zone).date().isoformat()
            if form.format:
                return date(*time.strptime(text, form.format)[:3]).isoformat()
            if not _ISO.fullmatch(text):
                raise CellError(column, text, _expected_day(form))
            return date.fromisoformat(text).isoformat()
        except (ValueError, OverflowError):
            raise CellError(column, text, _expected_day(form)) from None


def _expected_day(form: DateForm) -> str:
    """Say how a source writes a date, with one written so."""
    if form.kind == "instant":
        return f"expected a day of the calendar, in {_INSTANT_FORM}"
    if form.format:
        written = f"{form.format!r} such as {_SOME_DAY:{form.format}}"
    else:
        written = (
            f"year-month-day such as {_SOME_DAY}; for another form set it in [dates] of the mapping"
        )
    return f"expected a day of the calendar written {written}"


_APART: Final = {Form.KEY, Form.ORDER, Form.STATUS}


_TAG_EXPECTED: Final = "expected a language tag such as de or pt-BR"


def _shown_key(key: Sequence[str]) -> str:
    """Write a key as text; it may be of any length and hold anything."""
    shown = CONTROL.sub(" ", " / ".join(key))
    return shown if sum(map(len, key)) <= _MOST_KEY else f"{shown[:_MOST_KEY]}..."


def _check_type(value: Any, one: Field, column: str) -> bool:
    try:
        msgspec.convert(value, one.type)
    except msgspec.ValidationError:
        expected = one.expected or "another value"
        raise CellError(column, str(value), f"expected {expected}") from None
    return True


def _language_tag(text: str, column: str) -> str:
    """Read a language tag, also one that is written like a locale: de_AT."""
    tag = text.replace("_", "-")
    if tag:
        try:
            msgspec.convert(tag, LanguageTag)
        except msgspec.ValidationError:
            raise CellError(column, text, _TAG_EXPECTED) from None
    return tag


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Name the fields in which two maps differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
