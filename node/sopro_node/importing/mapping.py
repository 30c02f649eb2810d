"""The mapping: which column of a source is which field, as a TOML file says it.

delimiter = ";"                       # otherwise found in the header
encoding = "cp1250"                   # otherwise found in the bytes
sheet = "Register"                    # of a workbook; otherwise the first that is shown
source = "organic list"               # of keys that another file uses, too; the same for all kinds
sources.organisation = "first list"   # of the keys that a row refers to, where they are another's
header_line = 3                       # otherwise the first; of a workbook the first with cells
header_lines = 2                      # names in several lines are one: `Label` above `since`
repeated_keys = "first"               # otherwise a key that comes back with other values is bad
unusable_cells = "empty"              # otherwise a row is bad where a cell does not fit its field

[where]                               # only these rows: columns, as the file spells them
country = "EL"

[only]                                # only these rows: fields, as they are read
country = ["AT", "LI"]

[skip.keyword]                        # not these rows, and why
other = "names no product or service"

[each]                                # a row once for each part of a cell
column = "keyword"
separator = ";"

[columns]                             # field = column
key = ["country", "company"]          # a key may need several
legal_name = ["company", "owner"]     # elsewhere the first with a value counts

[constants]                           # for every row, or where the column is empty
actor_type = "enterprise"

[values.country]                      # what the source says = what it means here
EL = "GR"                             # `"*"` for all others; "" for nothing

[values."name.de"]                    # the same for a text in one language
repair_cafe = "Reparaturcafé"

[values.valid_until]                  # of a day: what is none
unbefristet = ""

[dates.effective_date]                # kind "date" (YYYY-MM-DD, or `format`) or "instant"
kind = "date"
format = ["%d.%m.%Y", "%d. %B %Y"]    # or one; %y, %H:%M:%S and "serial", too: see `days.py`
language = "de"                       # of names of months that are not the same everywhere

[dates.order]                         # of an order that is a day and no other field
format = "%Y%m%d"

[texts]                               # text that people read, with its language
name = [{ column = "title", language = "de" }, { column = "cim", language = "hu" }]
description = { column = "texts", kind = "json" }     # {"de": "...", "hu": "..."}

[[identifiers]]                       # `VATAT-U123|NTRAT-9`: several, scheme up to the mark
column = "ids"
separator = "|"
scheme_until = "-"

[identifier_reasons]                  # why one that fails its check is taken; `"*"` for all
"VATCZ-CZ26439395" = "so it stands in the national list"

[changed_keys]                        # why a row whose name and place, or name and identifier,
"4711" = "renamed, and moved to Linz" # have both changed is what had that key; `"*"` for all

[joined]                              # one text of several columns, a space between
street = ["street", "house_number"]

[kept]                                # what no field is for: name = column, public, as text
score = "overall_score"

[separators]                          # of fields that are lists
cpv = ","

[status]                              # decisions: an action, "hold" or "end"; * for all others
granted = "hold"
">= 80" = "hold"                      # numbers: <, <=, >, >= in the order they stand here
"*" = "end"

[findings]                            # evaluations: criterion = its column, as a result,
S1 = { column = "score", kind = "points" }           # as points it earns, or as a value of so
S2 = { column = "share", kind = "value", scale = 2 } # many decimal places; an empty cell is none
S3 = { column = "quality" }

[results]                             # evaluations: conform, minor_nc, major_nc, ...; as [status]
ja = "conform"
">= 50" = "conform"
"*" = "major_nc"

A file may hold the mappings of all kinds: `[organisations.columns]`, `[offerings.columns]`, and so
on, instead of the tables above.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from sopro_node.importing.charset import check_charset
from sopro_node.importing.fields import FIELDS, Form, Kind, field_of
from sopro_node.importing.mapping_checks import check_sources, check_whole, check_words
from sopro_node.importing.mapping_parts import (
    DateForm,
    Each,
    FindingColumn,
    IdentifierColumn,
    SourceMapping,
    TextColumn,
)
from sopro_node.toml import parse_toml, read_toml
from sopro_protocol.errors import FormatError


def load_mapping(path: Path, kind: Kind) -> SourceMapping:
    """Read a mapping file.

    Raises:
        FormatError: it cannot be read, is not TOML, or says what no mapping says.
    """
    values = read_toml(path, hint="name the file that says which column is which field")
    return _of_kind(values, kind, str(path))


def read_mapping(text: str, kind: Kind, *, where: str) -> SourceMapping:
    """Read the text of a mapping file; `where` says in errors what it is.

    Raises:
        FormatError: it is no TOML, or says what no mapping says.
    """
    return _of_kind(parse_toml(text, where=where), kind, where)


def _of_kind(values: Mapping[str, Any], kind: Kind, where: str) -> SourceMapping:
    """Read the mapping of one kind, also from a file that has those of all."""
    if any(one.value in values for one in Kind):
        _only(values, [one.value for one in Kind], where, "table")
        if kind.value not in values:
            raise FormatError(f"{where}: has no table [{kind}]; it has {', '.join(values)}")
        return parse_mapping(_table(values, kind, where), kind, where=f"{where}: {kind}")
    return parse_mapping(values, kind, where=where)


def parse_mapping(values: Mapping[str, Any], kind: Kind, *, where: str) -> SourceMapping:
    """Read the tables of a mapping.

    Raises:
        FormatError: a table, field or word is not known; the message lists those that are.
    """
    _only(values, _names(SourceMapping), where, "key")
    for table, forms in _FORMS.items():
        known = [one.name for one in FIELDS[kind] if one.form in forms]
        names = list(_table(values, table, where))
        if table == "values":
            names = [_untagged(name, kind) for name in names]
        _only(names, known, f"{where}: [{table}]", "field")
    for table, struct in _PARTS.items():
        for name, part in _parts(values.get(table, {}), table):
            _only(part, _names(struct), f"{where}: {name}", "key")
            _check_choices(struct, part, f"{where}: {name}")
    _check_choices(SourceMapping, values, where)
    try:
        mapping = msgspec.convert(values, SourceMapping)
    except msgspec.ValidationError as error:
        raise FormatError(f"{where}: {str(error)[:1].lower()}{str(error)[1:]}") from None
    if mapping.encoding:
        check_charset(mapping.encoding, where=where)
    check_words(mapping, where)
    check_sources(mapping, where)
    check_whole(mapping, kind, where)
    return mapping


def plain_mapping(header: Iterable[str], kind: Kind) -> SourceMapping:
    """Make the mapping of a file whose columns are named like the fields.

    Text has one column for each language: `name.de`. Identifiers are `SCHEME:VALUE|SCHEME:VALUE`.

    Raises:
        FormatError: a column that is needed is missing.
    """
    columns: dict[str, str | list[str]] = {}
    texts: dict[str, list[TextColumn]] = {}
    identifiers: list[IdentifierColumn] = []
    for column in header:
        name, dot, tag = column.partition(".")
        found = field_of(kind, name)
        if found is not None and found.form is Form.TEXTS and dot:
            texts.setdefault(name, []).append(TextColumn(column, tag))
        elif found is not None and found.form is Form.IDENTIFIERS:
            identifiers.append(IdentifierColumn(column, separator="|", scheme_until=":"))
        elif found is not None and found.form is not Form.TEXTS and not dot:
            columns[name] = column
    separators = {one.name: "|" for one in FIELDS[kind] if one.form is Form.CODES}
    mapping = SourceMapping(
        columns=columns, texts=dict(texts), identifiers=identifiers, separators=separators
    )
    check_whole(mapping, kind, "without --mapping, columns are named like the fields")
    return mapping


def plain_columns(kind: Kind) -> list[str]:
    """List what columns are called where there is no mapping."""
    return [f"{one.name}.LANGUAGE" if one.form is Form.TEXTS else one.name for one in FIELDS[kind]]


_ONE_COLUMN: Final = {Form.CODE, Form.CODES, Form.DATE, Form.LINE, Form.ORDER, Form.STATUS}
_FORMS: Final[Mapping[str, set[Form]]] = {
    "columns": _ONE_COLUMN | {Form.KEY},
    "constants": _ONE_COLUMN - {Form.ORDER},
    "joined": {Form.LINE},
    "only": {Form.CODE, Form.CODES, Form.LINE},
    "values": {Form.DATE, Form.CODE, Form.CODES, Form.LINE, Form.TEXTS},
    "dates": {Form.DATE, Form.ORDER},
    "texts": {Form.TEXTS},
    "separators": {Form.CODES},
    "sources": {Form.KEY},
}
_PARTS: Final[Mapping[str, type[Struct]]] = {
    "dates": DateForm,
    "texts": TextColumn,
    "each": Each,
    "identifiers": IdentifierColumn,
    "findings": FindingColumn,
}


def _untagged(name: str, kind: Kind) -> str:
    """Return the field of a text in one language: `name` of `name.de`; a text needs one."""
    field, _, language = name.partition(".")
    found = field_of(kind, field)
    if found is None or found.form is not Form.TEXTS:
        return name
    return field if language else f"{name} without .LANGUAGE"


def _names(struct: type[Struct]) -> list[str]:
    return [one.name for one in fields(struct)]


def _table(values: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise FormatError(f"{where}: {name}: expected a table [{name}]")
    return table


def _parts(value: Any, table: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Go through the small tables inside a table, to judge their keys."""
    has_names = isinstance(value, dict) and table != "each"
    named = value.items() if has_names else [("", value)]
    for name, found in named:
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, dict):
                yield f"[{table}{'.' if name else ''}{name}]", one


def _check_choices(struct: type[Struct], values: Mapping[str, Any], where: str) -> None:
    """Check what can only be one of a few words, and list those."""
    for one in fields(struct):
        choices = get_args(one.type) if get_origin(one.type) is Literal else ()
        if choices and one.name in values and values[one.name] not in choices:
            raise FormatError(
                f"{where}: {one.name}: expected one of {', '.join(map(repr, choices))}, "
                f"got {values[one.name]!r}"
            )


def _only(values: Iterable[str], known: list[str], where: str, what: str) -> None:
    for name in values:
        if name not in known:
            raise FormatError(f"{where}: unknown {what} {name!r}; known: {', '.join(known)}")
