"""From the cells of a row to the values of a draft, or to what is wrong with them."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from sopro_node.identifying import OVERRIDES, describe_flaw
from sopro_node.importing.fields import (
    EXPIRED,
    FIELDS,
    LONG_TEXT,
    REFERENCES,
    SETS_VALIDITY,
    STANDS,
    STATUS_WORDS,
    Field,
    Form,
    Kind,
)
from sopro_node.importing.findings import FindingReader
from sopro_node.importing.mapping_parts import SourceMapping, TextColumn, listed
from sopro_node.importing.places import PlaceReader
from sopro_node.importing.readings import Identified, Item, Reading
from sopro_node.importing.statuses import StatusWords
from sopro_node.importing.texts import read_json_texts
from sopro_node.importing.values import (
    MOST_KEY,
    OVERRIDE,
    CellError,
    ValueReader,
    check_type,
    check_word,
    clean,
    shown_key,
)
from sopro_protocol.errors import FormatError
from sopro_registry.identifiers import check_identifier

_SHOWN: Final = 60

T = TypeVar("T")


class CellReader:
    """Reads the rows of one file by its mapping."""

    def __init__(
        self,
        kind: Kind,
        mapping: SourceMapping,
        header: Sequence[str],
        *,
        zone: str,
        today: str,
        has_days: bool = False,
    ) -> None:
        self._kind = kind
        self._mapping = mapping
        self._at = {name: number for number, name in enumerate(header)}
        self._is_lenient = mapping.unusable_cells == "empty"
        self._left_out: list[str] = []
        self._identified: list[Identified] = []
        self._values = ValueReader(mapping, ZoneInfo(zone), has_days=has_days)
        self._today = today
        self._fields = [
            one
            for one in FIELDS[kind]
            if one.form not in _APART and not one.is_asked and self.has_source(one)
        ]
        self._kept = [(name, self._at[column]) for name, column in sorted(mapping.kept.items())]
        self._has_order = bool(mapping.columns_of("order"))
        self._places = PlaceReader(mapping, self._values)
        self._words = StatusWords(mapping.status)
        self._findings = FindingReader(mapping, self._cell) if mapping.findings else None
        self._check_constants()

    def has_source(self, one: Field) -> bool:
        """Say whether the mapping says where a field comes from."""
        mapping = self._mapping
        has = mapping.columns_of(one.name) or one.name in mapping.constants or one.default
        is_found = one.form is Form.IDENTIFIERS and bool(mapping.identifiers)
        is_joined = one.name in mapping.joined
        return bool(has or is_found or is_joined or mapping.texts_of(one.name))

    def _check_constants(self) -> None:
        for one in FIELDS[self._kind]:
            if one.name in self._mapping.constants and one.form is not Form.KEY:
                try:
                    self._values.read(one, self._mapping.constants[one.name], "[constants]")
                except CellError as error:
                    raise FormatError(f"mapping: {one.name}: {error}") from None

    @property
    def spellings(self) -> Mapping[tuple[str, str, str], int]:
        """What was read as a code: field, spelling, code; how often."""
        return self._values.spellings

    def try_field(self, one: Field, cells: Sequence[str]) -> Any:
        """Read one field by itself.

        Raises:
            CellError: it cannot be read, also where the cell would count as empty.
        """
        is_lenient, self._is_lenient = self._is_lenient, False
        self._values.is_trying = True
        try:
            return self._read_field(one, cells)
        finally:
            self._is_lenient = is_lenient
            self._values.is_trying = False

    def read(self, cells: Sequence[str]) -> Reading:
        """Read a row."""
        self._left_out, self._identified = [], []
        problems: list[str] = []
        key: list[str] = []
        order: int | str | None = None
        place = ""
        try:
            key = self._key(cells, "key")
            order, place = self._order(cells)
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
        if kept := self._read_kept(cells, problems):
            public["kept"] = kept
        if overrides := [[*one[:2], one.reason] for one in self._identified if one.reason]:
            public[OVERRIDES] = overrides
        reading = Reading(key, order, None, problems)
        reading = self._finish(cells, reading, values, public, place=place)
        return reading._replace(left_out=self._left_out, identifiers=self._identified)

    def _read_kept(self, cells: Sequence[str], problems: list[str]) -> dict[str, str]:
        """Read what no field is for, as text."""
        kept = {}
        for name, at in self._kept:
            column = self._mapping.kept[name]
            try:
                text = self._fits(partial(self._cell, cells, column))
                if text and len(text) > LONG_TEXT:
                    self._fits(partial(_refuse_long, text, column))
                elif text and at >= 0:
                    kept[name] = text
            except CellError as error:
                problems.append(str(error))
        return kept

    def _finish(
        self,
        cells: Sequence[str],
        reading: Reading,
        values: dict[str, Any],
        public: dict[str, Any],
        *,
        place: str,
    ) -> Reading:
        reference: list[str] = []
        event: list[str] = []
        status = ("", "")
        try:
            if name := REFERENCES.get(self._kind):
                reference = self._reference(cells, name, reading.key)
            if self._kind is Kind.APPLICATIONS:
                event = self._key(cells, "organisation")
            elif self._findings is not None:
                values["findings"] = self._findings.read(cells)
            elif self._kind is Kind.DECISIONS:
                has_event = self._mapping.columns_of("event")
                event = self._key(cells, "event") if has_event else [place]
                status = self._status(cells)
                word = self._words.meaning(status[1])
                if word == EXPIRED:
                    self._read_expired(status, values)
                self._check_validity(cells, word, values)
        except CellError as error:
            reading.problems.append(str(error))
        if reading.problems:
            return reading
        is_dated = "effective_date" in values
        if self._kind in (Kind.ORGANISATIONS, Kind.OFFERINGS):
            values.setdefault("effective_date", self._today)
            public["source_key"] = shown_key(reading.key)
        item = Item(
            reading.key,
            reading.order if reading.order is not None else 0,
            event,
            reference,
            self._words.meaning(status[1]) if status[0] else "",
            status,
            values,
            public,
            is_dated,
        )
        return Reading(reading.key, reading.order, item, [])

    def _reference(self, cells: Sequence[str], name: str, key: list[str]) -> list[str]:
        """Return the key of what a row refers to; none for a complaint that gives a number."""
        columns = self._mapping.columns_of(name)
        if self._kind is Kind.COMPLAINTS:
            is_named = any(self._name(cells, column) for column in columns)
            return self._key(cells, name) if is_named else []
        return self._key(cells, name) if columns else key

    def _check_validity(self, cells: Sequence[str], word: str, values: Mapping[str, Any]) -> None:
        """Hold the end of a validity to its beginning, where the decision sets one."""
        is_holding = word in SETS_VALIDITY
        pairs = [("valid_until", "valid_from"), ("valid_until", "granted_on")]
        if is_holding:
            pairs.append(("valid_until", "effective_date"))
        if is_holding or not self._has_order:
            self._check_pairs(cells, pairs, values)
        if not self._has_order:
            self._check_pairs(cells, [("effective_date", "granted_on")], values)

    def _check_pairs(
        self, cells: Sequence[str], pairs: Iterable[tuple[str, str]], values: Mapping[str, Any]
    ) -> None:
        for name, before in pairs:
            if name in values and before in values and values[name] < values[before]:
                column, text = self._shown(cells, name)
                other, began = self._shown(cells, before)
                problem = f"lies before column {other!r}, value {began!r}; correct one of the two"
                raise CellError(column, text, problem)

    def _read_expired(self, status: tuple[str, str], values: dict[str, Any]) -> None:
        """Hold a label that has expired to an end of its validity: that, or the day of its status.

        Raises:
            CellError: there is none, or it lies ahead.
        """
        since = values.pop("effective_date", None)
        until = values.setdefault("valid_until", since)
        if until is None:
            problem = "nothing says when: name the column of 'valid_until', or let it mean \"end\""
            raise CellError(*status, problem)
        if until >= self._today:
            raise CellError(*status, f"it has not ended yet: its validity lasts until {until}")

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
        return _checked(clean(cells[self._at[column]]).replace("\r\n", "\n"), column)

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
        if sum(map(len, parts)) > MOST_KEY and not self._is_lenient:
            raise CellError(
                ", ".join(columns), "".join(parts), f"longer than {MOST_KEY} characters"
            )
        # An event is told apart within its key, which has the source already.
        source = self._mapping.source_of(name) if name != "event" else ""
        return [source, *parts] if source else parts

    def _order(self, cells: Sequence[str]) -> tuple[int | str | None, str]:
        """Return a row's place in the order, and what the source calls it."""
        if self._kind is not Kind.DECISIONS:
            return None, ""
        if not self._has_order:
            return 0, ""
        [column] = self._mapping.columns_of("order")
        return self._places.read(self._name(cells, column), column)

    def _status(self, cells: Sequence[str]) -> tuple[str, str]:
        columns = self._mapping.columns_of("status")
        column = columns[0] if columns else "[constants]"
        text = self._name(cells, column) if columns else ""
        text = text or self._mapping.constants.get("status", "")
        meaning = self._words.meaning(text)
        if not meaning or (self._has_order and meaning == EXPIRED):
            raise check_word(column, text, self._mapping.status or STATUS_WORDS)
        if not self._has_order and meaning not in STANDS:
            raise check_word(column, text, STANDS)
        return column, text

    def _read_field(self, one: Field, cells: Sequence[str]) -> Any:
        value: Any
        if one.form is Form.TEXTS:
            value = self._texts(one, cells)
        elif one.form is Form.IDENTIFIERS:
            value = self._identifiers(one, cells)
        elif joined := self._mapping.joined.get(one.name):
            text = " ".join(filter(None, (self._cell(cells, column) for column in joined)))
            value = self._values.read(one, text, joined[0])
        else:
            sources = self._mapping.columns_of(one.name)
            value = self._first(sources, partial(self._read_cell, one, cells))
            if not value:
                text = self._translated(one, "")
                text = text or self._mapping.constants.get(one.name, "") or one.default
                value = self._values.read(one, text, sources[0] if sources else "[constants]")
        if one.is_needed and not value:
            texts = self._mapping.texts_of(one.name)
            columns = self._mapping.columns_of(one.name) or [str(text.column) for text in texts]
            raise CellError(", ".join(columns), "", f"expected {one.name}, found nothing")
        return value

    def _read_cell(self, one: Field, cells: Sequence[str], column: str) -> Any:
        value = self._values.read(one, self._translated(one, self._cell(cells, column)), column)
        if one.name == "gtin" and value and (flaw := check_identifier("GTIN", value)):
            self._identified.append(
                Identified("GTIN", value, flaw, self._values.reason_for("GTIN", value))
            )
        return value

    def _translated(self, one: Field, text: str) -> str:
        """Return what a cell means; of a list, each part is translated by itself."""
        return text if one.form is Form.CODES else self._values.translate(one.name, text)

    def _texts(self, one: Field, cells: Sequence[str]) -> dict[str, str]:
        texts: dict[str, str] = {}
        for source in self._mapping.texts_of(one.name):
            columns = listed(source.column)
            if source.kind == "json":
                found = self._fits(partial(self._json_texts, one, cells, columns))
                texts = (found or {}) | texts
            elif text := self._first(columns, partial(self._text, one, cells)):
                language = self._language(source, cells)
                text = self._values.translate(f"{one.name}.{language}", text)
                if text:
                    texts.setdefault(language, text)
        return texts

    def _json_texts(
        self, one: Field, cells: Sequence[str], columns: Sequence[str]
    ) -> dict[str, str]:
        texts = {}
        for column in columns:
            for language, found in read_json_texts(self._cell(cells, column), column):
                if text := _checked(clean(found).replace("\r\n", "\n"), column):
                    check_type(text, one, column)
                    texts[self._values.language(language, column)] = text
        return texts

    def _text(self, one: Field, cells: Sequence[str], column: str) -> str:
        text = self._cell(cells, column)
        if text:
            check_type(text, one, column)
        return text

    def _language(self, source: TextColumn, cells: Sequence[str]) -> str:
        column = source.language_column
        if not column:
            return source.language
        tag = self._fits(lambda: self._values.language(self._cell(cells, column), column))
        if not (tag or source.language):
            raise CellError(column, "", "expected a language, found nothing")
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
                # A space behind the mark is no part of the scheme, and wrong where it stands.
                pair = [scheme.strip(), rest.rstrip()] if until else [column.scheme, part.strip()]
                if not pair[1].strip() or pair in found:
                    continue
                told = partial(self._check_identifier, pair, one, column.column, part.strip())
                if self._fits(told):
                    found.append(pair)
        return found

    def _check_identifier(self, pair: Sequence[str], one: Field, column: str, written: str) -> bool:
        scheme, value = pair
        check_type(value, one, column)
        flaw = check_identifier(scheme, value)
        reason = self._values.reason_for(scheme, value) if flaw else ""
        self._identified.append(Identified(scheme, value, flaw, reason))
        if flaw is not None and not reason:
            how = describe_flaw(flaw, is_overridable=OVERRIDE)
            raise CellError(column, written, how)
        return True


_APART: Final = {Form.KEY, Form.ORDER, Form.STATUS}


def _refuse_long(text: str, column: str) -> None:
    raise CellError(column, text, f"expected text of at most {LONG_TEXT} characters")


def _checked(text: str, column: str) -> str:
    """Return a text unless it holds what no text may."""
    for letter in "" if text.isascii() and text.isprintable() else text:
        if unicodedata.category(letter) == "Cs":
            raise CellError(column, text, "not UTF-8; save the file as CSV UTF-8")
        if unicodedata.category(letter) == "Cc" and letter not in "\n\t":
            raise CellError(column, text, "holds a control character; remove it")
    return text
