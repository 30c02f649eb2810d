"""From the cells of a row to the values of a draft, or to what is wrong with them."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from sopro_node.identifying import OVERRIDES
from sopro_node.importing.cell_access import CellAccess
from sopro_node.importing.cell_identifiers import IdentifierReader
from sopro_node.importing.cell_texts import TextReader
from sopro_node.importing.cell_validity import ValidityReader
from sopro_node.importing.fields import (
    EXPIRED,
    FIELDS,
    LONG_TEXT,
    REFERENCES,
    STANDS,
    STATUS_WORDS,
    Field,
    Form,
    Kind,
)
from sopro_node.importing.findings import FindingReader
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_node.importing.places import PlaceReader
from sopro_node.importing.readings import Identified, Item, Reading
from sopro_node.importing.statuses import StatusWords
from sopro_node.importing.values import (
    MOST_KEY,
    CellError,
    ValueReader,
    check_word,
    shown_key,
)
from sopro_protocol.errors import FormatError
from sopro_registry.identifiers import check_identifier

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
        self._cells = CellAccess(header, is_lenient=mapping.unusable_cells == "empty")
        self._values = ValueReader(mapping, ZoneInfo(zone), has_days=has_days)
        self._texts = TextReader(mapping, self._cells, self._values)
        self._identifiers = IdentifierReader(mapping, self._cells, self._values)
        self._today = today
        self._validity = ValidityReader(mapping, self._cells, today=today)
        self._fields = [
            one
            for one in FIELDS[kind]
            if one.form not in _APART and not one.is_asked and self.has_source(one)
        ]
        self._kept = [
            (name, self._cells.at[column]) for name, column in sorted(mapping.kept.items())
        ]
        self._has_order = bool(mapping.columns_of("order"))
        self._places = PlaceReader(mapping, self._values)
        self._words = StatusWords(mapping.status)
        self._findings = FindingReader(mapping, self._cells.text) if mapping.findings else None
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
        is_lenient, self._cells.is_lenient = self._cells.is_lenient, False
        self._values.is_trying = True
        try:
            return self._read_field(one, cells)
        finally:
            self._cells.is_lenient = is_lenient
            self._values.is_trying = False

    def read(self, cells: Sequence[str]) -> Reading:
        """Read a row."""
        self._cells.left_out, self._identifiers.found = [], []
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
                is_lost = one.is_needed or not self._cells.is_lenient
                (problems if is_lost else self._cells.left_out).append(str(error))
            else:
                if value:
                    (public if one.is_public else values)[one.name] = value
        if kept := self._read_kept(cells, problems):
            public["kept"] = kept
        if overrides := [[*one[:2], one.reason] for one in self._identifiers.found if one.reason]:
            public[OVERRIDES] = overrides
        reading = Reading(key, order, None, problems)
        reading = self._finish(cells, reading, values, public, place=place)
        return reading._replace(left_out=self._cells.left_out, identifiers=self._identifiers.found)

    def _read_kept(self, cells: Sequence[str], problems: list[str]) -> dict[str, str]:
        """Read what no field is for, as text."""
        kept = {}
        for name, at in self._kept:
            column = self._mapping.kept[name]
            try:
                text = self._cells.fits(partial(self._cells.text, cells, column))
                if text and len(text) > LONG_TEXT:
                    self._cells.fits(partial(_refuse_long, text, column))
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
                    self._validity.read_expired(status, values)
                self._validity.check(cells, word, values)
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
            is_named = any(self._cells.name(cells, column) for column in columns)
            return self._key(cells, name) if is_named else []
        return self._key(cells, name) if columns else key

    # Fields of each form.

    def _key(self, cells: Sequence[str], name: str) -> list[str]:
        columns = self._mapping.columns_of(name)
        parts = [self._cells.name(cells, column) for column in columns]
        if not any(parts):
            raise CellError(", ".join(columns), "", f"expected {name}, found nothing")
        if sum(map(len, parts)) > MOST_KEY and not self._cells.is_lenient:
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
        return self._places.read(self._cells.name(cells, column), column)

    def _status(self, cells: Sequence[str]) -> tuple[str, str]:
        columns = self._mapping.columns_of("status")
        column = columns[0] if columns else "[constants]"
        text = self._cells.name(cells, column) if columns else ""
        text = text or self._mapping.constants.get("status", "")
        if self._words.lacks_number(text):
            raise CellError(
                column,
                text,
                "expected a number, since [status] compares numbers; "
                "write it as one, or add it to [status] as it stands",
            )
        meaning = self._words.meaning(text)
        if not meaning or (self._has_order and meaning == EXPIRED):
            raise check_word(column, text, self._mapping.status or STATUS_WORDS)
        if not self._has_order and meaning not in STANDS:
            raise check_word(column, text, STANDS)
        if meaning != text:
            self._values.note("status", text, meaning)
        return column, text

    def _read_field(self, one: Field, cells: Sequence[str]) -> Any:
        value: Any
        if one.form is Form.TEXTS:
            value = self._texts.read(one, cells)
        elif one.form is Form.IDENTIFIERS:
            value = self._identifiers.read(one, cells)
        elif joined := self._mapping.joined.get(one.name):
            text = " ".join(filter(None, (self._cells.text(cells, column) for column in joined)))
            value = self._values.read(one, text, joined[0])
        else:
            sources = self._mapping.columns_of(one.name)
            value = self._cells.first(sources, partial(self._read_cell, one, cells))
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
        value = self._values.read(
            one, self._translated(one, self._cells.text(cells, column)), column
        )
        if one.name == "gtin" and value and (flaw := check_identifier("GTIN", value)):
            self._identifiers.found.append(
                Identified("GTIN", value, flaw, self._values.reason_for("GTIN", value))
            )
        return value

    def _translated(self, one: Field, text: str) -> str:
        """Return what a cell means; of a list, each part is translated by itself."""
        return text if one.form is Form.CODES else self._values.translate(one.name, text)


_APART: Final = {Form.KEY, Form.ORDER, Form.STATUS}


def _refuse_long(text: str, column: str) -> None:
    raise CellError(column, text, f"expected text of at most {LONG_TEXT} characters")
