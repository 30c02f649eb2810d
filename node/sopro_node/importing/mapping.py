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

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from sopro_node.importing.charset import check_charset
from sopro_node.importing.fields import EXPIRED, FIELDS, STANDS, STATUS_WORDS, Form, Kind, field_of
from sopro_node.importing.findings import RESULTS
from sopro_node.importing.mapping_parts import (
    OTHERS,
    SERIAL,
    DateForm,
    Each,
    FindingColumn,
    IdentifierColumn,
    SourceMapping,
    TextColumn,
)
from sopro_node.toml import parse_toml, read_toml
from sopro_protocol.errors import FormatError
from sopro_registry.fields import LanguageTag

_DIRECTIVE: Final = re.compile(r"%(.?)")
_SAME: Final = {"y": "Y", "B": "m", "b": "m"}
_CLOCK: Final = ("H", "M", "S")


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
    _check_words(mapping, where)
    _check_sources(mapping, where)
    _check_whole(mapping, kind, where)
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
    _check_whole(mapping, kind, "without --mapping, columns are named like the fields")
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
_DATES: Final = {
    one.name for named in FIELDS.values() for one in named if one.form in _FORMS["dates"]
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


def _check_words(mapping: SourceMapping, where: str) -> None:
    """Check the words whose meaning is fixed: actions, languages, forms of dates."""
    for word, meaning in mapping.status.items():
        if meaning not in STATUS_WORDS:
            raise FormatError(
                f"{where}: [status] {word}: expected one of {', '.join(STATUS_WORDS)}, "
                f"got {meaning!r}"
            )
    for word, meaning in mapping.results.items():
        if meaning not in RESULTS:
            raise FormatError(
                f"{where}: [results] {word}: expected one of {', '.join(RESULTS)}, got {meaning!r}"
            )
    for column, reasons in mapping.skip.items():
        if not all(reason.strip() for reason in reasons.values()):
            raise FormatError(f"{where}: [skip.{column}]: expected a reason for each value")
    for name, words in mapping.values.items():
        if OTHERS in words and name in _DATES:
            raise FormatError(
                f"{where}: [values.{name}] {OTHERS!r}: would be every day that stands there; name "
                "the words that are none"
            )
    for name in mapping.texts:
        for one in mapping.texts_of(name):
            _check_language(one, f"{where}: [texts] {name}")
    for name, form in mapping.dates.items():
        _check_format(form, f"{where}: [dates.{name}]")


def _check_language(one: TextColumn, where: str) -> None:
    if not (one.language or one.language_column or one.kind == "json"):
        raise FormatError(f"{where}: expected 'language' or 'language_column'")
    if one.language:
        try:
            msgspec.convert(one.language, LanguageTag)
        except msgspec.ValidationError:
            raise FormatError(
                f"{where}: expected a language tag such as de or pt-BR, got {one.language!r}"
            ) from None


def _check_format(form: DateForm, where: str) -> None:
    if form.kind == "instant" and form.formats:
        raise FormatError(f"{where}: an instant is ISO 8601 with its zone; leave out 'format'")
    for one in form.formats:
        parts = _DIRECTIVE.findall(one)
        day = sorted(_SAME.get(part, part) for part in parts if part not in _CLOCK)
        clock = [part for part in parts if part in _CLOCK]
        if one != SERIAL and (day != ["Y", "d", "m"] or len(set(clock)) != len(clock)):
            raise FormatError(
                f"{where}: expected a format of %Y, %m and %d such as '%d.%m.%Y' (%y for years of "
                f"two digits, %B for names of months, %H, %M and %S behind for times) or "
                f"{SERIAL!r}, got {one!r}"
            )


def _check_sources(mapping: SourceMapping, where: str) -> None:
    """Hold keys of other lists to what a row refers to: its own is of this one."""
    for name in mapping.sources:
        if name in ("key", "event") or not mapping.columns_of(name):
            raise FormatError(
                f"{where}: [sources] {name}: expected what rows refer to by a column of its own, "
                "such as 'organisation'; the source of their keys is 'source'"
            )


def _check_whole(mapping: SourceMapping, kind: Kind, where: str) -> None:
    """Check that every field that is needed comes from somewhere."""
    for one in FIELDS[kind]:
        has = mapping.columns_of(one.name) or one.name in mapping.constants | mapping.joined
        if one.is_needed and not has and not mapping.texts_of(one.name) and not one.default:
            tables = "[texts]" if one.form is Form.TEXTS else "[columns] or [constants]"
            raise FormatError(
                f"{where}: {kind} need {one.name!r}: name its column in {tables}; "
                f"fields: {', '.join(field.name for field in FIELDS[kind])}"
            )
    if bool(mapping.findings) != (kind is Kind.EVALUATIONS):
        raise FormatError(
            f"{where}: [findings] says for evaluations, and for nothing else, in which column "
            f"stands what was found about a criterion; these rows are {kind}"
        )
    if kind is Kind.DECISIONS:
        _check_decisions(mapping, where)
    has_label = mapping.columns_of("label") or mapping.columns_of("certificate")
    if kind is Kind.COMPLAINTS and not has_label:
        raise FormatError(
            f"{where}: complaints need 'label', its key, or 'certificate', its number: name the "
            "column of one in [columns]"
        )


def _check_decisions(mapping: SourceMapping, where: str) -> None:
    """Hold a mapping to one of two kinds: of histories, or of how labels stand now."""
    words = set(mapping.status.values())
    if mapping.columns_of("order"):
        for name in ("granted_on",):
            if mapping.columns_of(name) or name in mapping.constants:
                raise FormatError(
                    f"{where}: {name!r} is of rows that say how a label stands now; rows that have "
                    "an 'order' are its decisions, and say 'effective_date'"
                )
        if EXPIRED in words:
            raise FormatError(
                f"{where}: [status] {EXPIRED!r} is of rows that say how a label stands now; in a "
                "history 'valid_until' says when it ends, or \"end\" ends it"
            )
        return
    if mapping.columns_of("event"):
        raise FormatError(f"{where}: 'event' names a decision of a history; name its 'order', too")
    for word, meaning in mapping.status.items():
        if meaning not in STANDS:
            raise FormatError(
                f"{where}: [status] {word}: without 'order' each row says how a label stands now: "
                f"expected one of {', '.join(STANDS)}, got {meaning!r}"
            )


def check_header(mapping: SourceMapping, header: list[str], *, where: str) -> None:
    """Check that a file has the columns a mapping names, each once.

    Raises:
        FormatError: it has not; the message lists its columns.
    """
    for column, use in mapping.used().items():
        count = header.count(column)
        if count != 1:
            problem = "has no column" if count == 0 else f"has {count} columns"
            raise FormatError(
                f"{where}: {problem} {column!r} (for {use}); its columns: {', '.join(header)}"
            )
