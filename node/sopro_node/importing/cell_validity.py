"""Days of a decision held to one another: a validity ends after its beginning."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sopro_node.importing.cell_access import CellAccess
from sopro_node.importing.fields import SETS_VALIDITY
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_node.importing.values import CellError, clean

_SHOWN: Final = 60


class ValidityReader:
    """Holds the days of a row to one another.

    Args:
        mapping: of the file.
        cells: of its rows.
        today: at the site.
    """

    def __init__(self, mapping: SourceMapping, cells: CellAccess, *, today: str) -> None:
        self._mapping = mapping
        self._cells = cells
        self._today = today
        self._has_order = bool(mapping.columns_of("order"))

    def check(self, cells: Sequence[str], word: str, values: Mapping[str, Any]) -> None:
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

    def read_expired(self, status: tuple[str, str], values: dict[str, Any]) -> None:
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
            if text := clean(cells[self._cells.at[column]]):
                return column, text[:_SHOWN]
        return "[constants]", self._mapping.constants.get(name, "")
