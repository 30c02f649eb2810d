"""The parts of a mapping, as a TOML file says them; `mapping.py` says what each means."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

OTHERS: Final = "*"
MAX_HEADER_LINE: Final = 1000


class DateForm(Struct, frozen=True):
    """How a source writes a date: `date` (ISO, or `format`) or `instant` (with its zone)."""

    kind: Literal["date", "instant"] = "date"
    format: str = ""


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
    joined: dict[str, list[str]] = {}
    kept: dict[str, str] = {}
    separators: dict[str, str] = {}
    status: dict[str, str] = {}
    findings: dict[str, FindingColumn] = {}
    results: dict[str, str] = {}
    delimiter: Literal["", ",", ";", "\t", "|"] = ""
    encoding: str = ""
    sheet: str = ""
    header_line: Annotated[int, Meta(ge=0, le=MAX_HEADER_LINE)] = 0
    repeated_keys: Literal["error", "first"] = "error"
    unusable_cells: Literal["error", "empty"] = "error"

    def columns_of(self, name: str) -> tuple[str, ...]:
        """Return the columns of a field: parts of a key; of any other, the first with a value."""
        return tuple(listed(self.columns.get(name, [])))

    def texts_of(self, name: str) -> tuple[TextColumn, ...]:
        """Return the columns of a text, one for each language."""
        found = self.texts.get(name, [])
        return (found,) if isinstance(found, TextColumn) else tuple(found)

    def used(self) -> dict[str, str]:
        """Return every column the mapping names, with what it is for."""
        used = {column: name for name in self.columns for column in self.columns_of(name)}
        for name in self.texts:
            for one in self.texts_of(name):
                columns = (*listed(one.column), one.language_column)
                used |= {column: name for column in columns if column}
        used |= {one.column: "identifiers" for one in self.identifiers}
        used |= {column: name for name, columns in self.joined.items() for column in columns}
        used |= {column: name for name, column in self.kept.items()}
        used |= {one.column: f"finding {code}" for code, one in self.findings.items()}
        used |= dict.fromkeys(self.skip, "skip")
        if self.each is not None:
            used.setdefault(self.each.column, "each")
        return used | dict.fromkeys(self.where, "where")


def listed(value: str | list[str]) -> list[str]:
    """Return one or several as several."""
    return [value] if isinstance(value, str) else value
