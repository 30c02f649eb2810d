"""What a mapping has to say as a whole, and the words whose meaning is fixed."""

import re
from typing import Final

import msgspec

from sopro_node.importing.fields import EXPIRED, FIELDS, STANDS, STATUS_WORDS, Form, Kind
from sopro_node.importing.findings import RESULTS
from sopro_node.importing.mapping_parts import (
    OTHERS,
    SERIAL,
    DateForm,
    SourceMapping,
    TextColumn,
)
from sopro_protocol.errors import FormatError
from sopro_registry.fields import LanguageTag

_DIRECTIVE: Final = re.compile(r"%(.?)")
_SAME: Final = {"y": "Y", "B": "m", "b": "m"}
_CLOCK: Final = ("H", "M", "S")
_DATES: Final = {
    one.name for named in FIELDS.values() for one in named if one.form in (Form.DATE, Form.ORDER)
}


def check_words(mapping: SourceMapping, where: str) -> None:
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


def check_sources(mapping: SourceMapping, where: str) -> None:
    """Hold keys of other lists to what a row refers to: its own is of this one."""
    for name in mapping.sources:
        if name in ("key", "event") or not mapping.columns_of(name):
            raise FormatError(
                f"{where}: [sources] {name}: expected what rows refer to by a column of its own, "
                "such as 'organisation'; the source of their keys is 'source'"
            )


def check_whole(mapping: SourceMapping, kind: Kind, where: str) -> None:
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
