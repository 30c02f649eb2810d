"""The parts of a mapping, as a TOML file says them; `mapping.py` says what each means."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

OTHERS: Final = "*"
SERIAL: Final = "serial"
MAX_HEADER_LINE: Final = 1000


class DateForm(Struct, frozen=True):
    """How a source writes a date.

    Attributes:
        kind: `date` (as ISO 8601 has it, or `format`) or `instant` (with its zone).
        format: the form, or several of which the first that fits counts; `days.py` says which.
        language: of the names of months, where a name is that of another month elsewhere.
    """

    kind: Literal["date", "instant"] = "date"
    format: str | list[str] = ""
    language: str = ""

    @property
    def formats(self) -> tuple[str, ...]:
        """The forms, none where it is ISO 8601."""
        return tuple(filter(None, listed(self.format)))


class TextColumn(Struct, frozen=True):
    """A column of text (or several: the first with any) and its language.

    Attributes:
        column: its name.
        language: of all rows, or of those without one in `language_column`.
        language_column: says each row's language.
        kind: `json` for a JSON object of texts by language.
    """

    column: str | list[str]
    language: str = ""
    language_column: str = ""
    kind: Literal["text", "json"] = "text"


class IdentifierColumn(Struct, frozen=True):
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


class Each(Struct, frozen=True):
    """A column of several things: a row counts once for each part of its cell."""

    column: str
    separator: str


class FindingColumn(Struct, frozen=True):
    """A column of what was found about one criterion.

    Attributes:
        column: its name.
        kind: `result` by [results]; `points` that it earns; `value` that was measured, whose
            result is by [results], too.
        scale: decimal places of the criterion's threshold, for values.
    """

    column: str
    kind: Literal["result", "points", "value"] = "result"
    scale: Annotated[int, Meta(ge=0, le=9)] = 0


class SourceMapping(Struct, frozen=True):
    """A mapping as it is written; the first lines of `mapping.py` say what each table means."""

    where: dict[str, str | list[str]] = {}
    only: dict[str, str | list[str]] = {}
    skip: dict[str, dict[str, str]] = {}
    each: Each | None = None
    columns: dict[str, str | list[str]] = {}
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    dates: dict[str, DateForm] = {}
    texts: dict[str, TextColumn | list[TextColumn]] = {}
    identifiers: list[IdentifierColumn] = []
    identifier_reasons: dict[str, str] = {}
    changed_keys: dict[str, str] = {}
    joined: dict[str, list[str]] = {}
    kept: dict[str, str] = {}
    separators: dict[str, str] = {}
    status: dict[str, str] = {}
    findings: dict[str, FindingColumn] = {}
    results: dict[str, str] = {}
    delimiter: Literal["", ",", ";", "\t", "|"] = ""
    encoding: str = ""
    sheet: str = ""
    source: Annotated[str, Meta(max_length=100)] = ""
    sources: dict[str, Annotated[str, Meta(max_length=100)]] = {}
    header_line: Annotated[int, Meta(ge=0, le=MAX_HEADER_LINE)] = 0
    header_lines: Annotated[int, Meta(ge=1, le=3)] = 1
    repeated_keys: Literal["error", "first"] = "error"
    unusable_cells: Literal["error", "empty"] = "error"

    def columns_of(self, name: str) -> tuple[str, ...]:
        """Return the columns of a field: parts of a key; of any other, the first with a value."""
        return tuple(listed(self.columns.get(name, [])))

    def source_of(self, name: str) -> str:
        """Return the source of the keys that a field holds; empty where they have none."""
        return self.sources.get(name, self.source)

    def texts_of(self, name: str) -> tuple[TextColumn, ...]:
        """Return the columns of a text, one for each language."""
        found = self.texts.get(name, [])
        return (found,) if isinstance(found, TextColumn) else tuple(found)

    def used(self) -> dict[str, str]:
        """Return every column the mapping names, with all that it is for."""
        used: dict[str, list[str]] = {}
        for column, use in self._uses():
            names = used.setdefault(column, [])
            if use not in names:
                names.append(use)
        return {column: ", ".join(names) for column, names in used.items()}

    def _uses(self) -> Iterator[tuple[str, str]]:
        for name in self.columns:
            yield from ((column, name) for column in self.columns_of(name))
        for name in self.texts:
            for one in self.texts_of(name):
                columns = (*listed(one.column), one.language_column)
                yield from ((column, name) for column in columns if column)
        yield from ((one.column, "identifiers") for one in self.identifiers)
        for name, joined in self.joined.items():
            yield from ((column, name) for column in joined)
        yield from ((column, name) for name, column in self.kept.items())
        yield from ((one.column, f"finding {code}") for code, one in self.findings.items())
        yield from ((column, "skip") for column in self.skip)
        if self.each is not None:
            yield self.each.column, "each"
        yield from ((column, "where") for column in self.where)


def listed(value: str | list[str]) -> list[str]:
    """Return one or several as several."""
    return [value] if isinstance(value, str) else value
