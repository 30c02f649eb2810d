"""Which rows of a file are meant, and why others are not."""

from collections.abc import Iterator, Sequence
from typing import Final

from sopro_node.importing.cells import CellReader
from sopro_node.importing.fields import Kind, field_of
from sopro_node.importing.mapping_parts import OTHERS, SourceMapping, listed
from sopro_node.importing.values import CellError, clean
from sopro_protocol.errors import FormatError

_SHOWN: Final = 60


class Sieve:
    """Takes rows apart and passes over those that a mapping does not ask for.

    Raises:
        FormatError: [only] asks for a field that comes from nowhere.
    """

    def __init__(
        self, kind: Kind, mapping: SourceMapping, header: Sequence[str], reader: CellReader
    ) -> None:
        self._reader = reader
        self._each = mapping.each
        self._skip = mapping.skip
        self._at = {name: number for number, name in enumerate(header)}
        self._where = [
            (self._at[column], set(map(clean, listed(value))))
            for column, value in mapping.where.items()
        ]
        self._only = [
            (one, set(listed(values)))
            for name, values in mapping.only.items()
            if (one := field_of(kind, name)) is not None
        ]

        for one, _ in self._only:
            if not reader.has_source(one):
                raise FormatError(
                    f"[only] asks for {one.name!r}, and the mapping does not say which column it "
                    "is; name it in [columns]"
                )

    def is_asked_for(self, cells: Sequence[str]) -> bool:
        """Say whether a row is one of those that [where] names by its columns."""
        return all(at < len(cells) and clean(cells[at]) in values for at, values in self._where)

    def parts(self, cells: list[str]) -> Iterator[list[str]]:
        """Take a row apart, where it counts once for each part of a cell."""
        if self._each is None:
            yield cells
            return
        at = self._at[self._each.column]
        found = [clean(part) for part in cells[at].split(self._each.separator)]
        for part in dict.fromkeys(filter(None, found)) or [""]:
            yield [*cells[:at], part, *cells[at + 1 :]]

    def why_not(self, cells: Sequence[str]) -> str:
        """Say why a row is passed over: by [only], or by a reason of [skip]; empty if it is not."""
        return self._not_meant(cells) or self._skipped(cells)

    def _not_meant(self, cells: Sequence[str]) -> str:
        for one, values in self._only:
            wanted = ", ".join(sorted(values))
            try:
                value = self._reader.try_field(one, cells)
            except CellError as error:
                return f"{one.name} is not known to be {wanted}: {error}"
            found = value if isinstance(value, list) else [value]
            if not values.intersection(found):
                return f"{one.name} is {', '.join(map(str, found))}, not {wanted}"
        return ""

    def _skipped(self, cells: Sequence[str]) -> str:
        for column, reasons in self._skip.items():
            text = clean(cells[self._at[column]])
            if reason := reasons.get(text) or reasons.get(OTHERS, ""):
                return f"column {column!r}, value {text[:_SHOWN]!r}: {reason}"
        return ""
