"""The mapping: which column of a source is which field, as a TOML file says it.

    delimiter = ";"                       # otherwise found in the header
    repeated_keys = "first"               # otherwise a key that comes back with other values is bad

    [where]                               # only these rows
    country = "EL"

    [columns]                             # field = column; a key may need several
    key = ["country", "company"]
    legal_name = "company"

    [constants]                           # for every row, or where the column is empty
    actor_type = "enterprise"

    [values.country]                      # what the source says = what it means here
    EL = "GR"

    [dates.effective_date]                # kind "date" (YYYY-MM-DD, or `format`) or "instant"
    kind = "date"
    format = "%d.%m.%Y"

    [texts]                               # text that people read, with its language
    name = [{ column = "title", language = "de" }, { column = "cim", language = "hu" }]

    [[identifiers]]                       # `VATAT-U123|NTRAT-9`: several, scheme up to the mark
    column = "ids"
    separator = "|"
    scheme_until = "-"

    [separators]                          # of fields that are lists
    cpv = ","

    [status]                              # decisions: an action, "hold" or "end"; * for all others
    granted = "hold"
    "*" = "end"
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from sopro_node.importing.fields import FIELDS, STATUS_WORDS, Field, Form, Kind, field_of
from sopro_protocol.errors import FormatError
from sopro_registry.fields import LanguageTag

DELIMITERS: Final = (",", ";", "\t")
OTHERS: Final = "*"
_DIRECTIVES: Final = re.compile(r"%(.)")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DateForm:
    """How a source writes a date: `date` (ISO, or `format`) or `instant` (with its zone)."""

    kind: str = "date"
    format: str = ""


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of text and its language, fixed or in a column of its own."""

    column: str
    language: str = ""
    language_column: str = ""


@dataclass(frozen=True, slots=True)
class IdentifierColumn:
    """A column of identifiers.

    Attributes:
        column: its name.
        separator: between several.
        scheme: of identifiers that name none.
        scheme_until: mark that ends the scheme an identifier begins with.
    """

    column: str
    separator: str = ""
    scheme: str = "OTHER"
    scheme_until: str = ""


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """A mapping as read; the module says what each table means."""

    kind: Kind
    where: Mapping[str, frozenset[str]] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dates: Mapping[str, DateForm] = field(default_factory=dict)
    texts: Mapping[str, tuple[TextColumn, ...]] = field(default_factory=dict)
    identifiers: tuple[IdentifierColumn, ...] = ()
    separators: Mapping[str, str] = field(default_factory=dict)
    status: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ""
    repeated_keys: str = "error"

    def columns_used(self) -> dict[str, str]:
        """Return every column the mapping names, with what it is for."""
        used = {
            column: name for name, columns in self.columns.items() for column in columns if column
        }
        for name, columns in self.texts.items():
            for one in columns:
                used |= {column: name for column in (one.column, one.language_column) if column}
        used |= {one.column: "identifiers" for one in self.identifiers}
        return used | dict.fromkeys(self.where, "where")


def load_mapping(path: Path, kind: Kind) -> SourceMapping:
    """Read a mapping file.

    Raises:
        FormatError: it cannot be read, is not TOML, or says what no mapping says.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise FormatError(f"{path}: not TOML: {error}") from None
    return parse_mapping(values, kind, where=str(path))


def plain_mapping(header: list[str], kind: Kind) -> SourceMapping:
    """Make the mapping of a file whose columns are named like the fields.

    Text has one column for each language: `name.de`. Identifiers are `SCHEME:VALUE|SCHEME:VALUE`.

    Raises:
        FormatError: a column that is needed is missing.
    """
    columns: dict[str, tuple[str, ...]] = {}
    texts: dict[str, list[TextColumn]] = {}
    identifiers: list[IdentifierColumn] = []
    for column in header:
        name, dot, tag = column.partition(".")
        found = field_of(kind, name)
        if found is None:
            continue
        if found.form is Form.IDENTIFIERS:
            identifiers.append(IdentifierColumn(column, separator="|", scheme_until=":"))
        elif found.form is Form.TEXTS and dot:
            texts.setdefault(name, []).append(TextColumn(column, tag))
        elif not dot:
            columns[name] = (column,)
    mapping = SourceMapping(
        kind,
        columns=columns,
        texts={name: tuple(found) for name, found in texts.items()},
        identifiers=tuple(identifiers),
    )
    _check_whole(mapping, "the file's header (there is no --mapping)")
    return mapping


def parse_mapping(values: Mapping[str, Any], kind: Kind, *, where: str) -> SourceMapping:
    """Read the tables of a mapping.

    Raises:
        FormatError: a table, field or word is not known; the message lists those that are.
    """
    known = [one.name for one in fields(SourceMapping) if one.name != "kind"]
    _only(values, known, where, "key")
    table: Callable[[str], dict[str, Any]] = lambda name: _table(values, name, where)  # noqa: E731
    names = [one.name for one in FIELDS[kind]]
    for name in ("columns", "constants", "values", "dates", "texts", "separators"):
        _only(table(name), _allowed(kind, name), f"{where}: [{name}]", "field")
    mapping = SourceMapping(
        kind,
        where={
            column: frozenset(_texts(value, f"{where}: [where] {column}"))
            for column, value in table("where").items()
        },
        columns={
            name: tuple(_texts(value, f"{where}: [columns] {name}"))
            for name, value in table("columns").items()
        },
        constants=_plain_texts(table("constants"), f"{where}: [constants]"),
        values={
            name: _plain_texts(_table(table("values"), name, where), f"{where}: [values.{name}]")
            for name in table("values")
        },
        dates={
            name: _date_form(value, f"{where}: [dates.{name}]")
            for name, value in table("dates").items()
        },
        texts={
            name: tuple(_text_column(one, f"{where}: [texts] {name}") for one in _listed(value))
            for name, value in table("texts").items()
        },
        identifiers=tuple(
            _identifier_column(one, f"{where}: [[identifiers]]")
            for one in _listed(values.get("identifiers", []))
        ),
        separators=_plain_texts(table("separators"), f"{where}: [separators]"),
        status=_plain_texts(table("status"), f"{where}: [status]"),
        delimiter=_choice(values, "delimiter", ("", *DELIMITERS), where),
        repeated_keys=_choice(values, "repeated_keys", ("error", "first"), where),
    )
    _check_forms(mapping, where)
    _check_whole(mapping, where)
    del names
    return mapping
