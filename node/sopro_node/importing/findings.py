"""What was found about single criteria, read from the cells of an evaluation's row."""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sopro_node.importing.mapping_parts import FindingColumn, SourceMapping
from sopro_node.importing.statuses import StatusWords
from sopro_node.importing.values import CellError
from sopro_registry.assessment import Result

RESULTS: Final = tuple(one.value for one in Result)
_MOST: Final = 2**53 - 1

Cell = Callable[[Sequence[str], str], str]


class FindingReader:
    """Reads findings as the tables [findings] and [results] of a mapping say."""

    def __init__(self, mapping: SourceMapping, cell: Cell) -> None:
        self._columns = sorted(mapping.findings.items())
        self._words = StatusWords(mapping.results, known=RESULTS)
        self._cell = cell

    def read(self, cells: Sequence[str]) -> list[dict[str, Any]]:
        """Return the findings of a row by the codes of their criteria; an empty cell is none.

        Raises:
            CellError: a cell is no result, or no number.
        """
        found = []
        for code, source in self._columns:
            text = self._cell(cells, source.column)
            if text:
                found.append({"code": code, **self._read(source, text)})
        if not found:
            columns = ", ".join(source.column for _, source in self._columns)
            raise CellError(columns, "", "expected what was found about a criterion, found nothing")
        return found

    def _read(self, source: FindingColumn, text: str) -> dict[str, Any]:
        if source.kind == "points":
            points = _whole(source.column, text, scale=0)
            return {"points": points, "result": Result.CONFORM.value}
        if self._words.lacks_number(text):
            raise CellError(
                source.column,
                text,
                "expected a number, since [results] compares numbers; write it as one, or add it "
                "to [results] as it stands",
            )
        result = self._words.meaning(text)
        if result not in RESULTS:
            raise CellError(
                source.column,
                text,
                f"no such result; expected one of {', '.join(RESULTS)}, or add it to [results]",
            )
        if source.kind == "value":
            return {"result": result, "value": _whole(source.column, text, scale=source.scale)}
        return {"result": result}


def _whole(column: str, text: str, *, scale: int) -> int:
    """Return a number as the whole one that a finding has."""
    try:
        value = Decimal(text.replace(",", ".")).scaleb(scale)
    except (InvalidOperation, ArithmeticError):
        value = Decimal("NaN")
    if not value.is_finite():
        raise CellError(column, text, "expected a number alone, such as 69.5")
    is_whole = 0 <= value <= _MOST and value == value.to_integral_value()
    if not is_whole:
        places = f"with at most {scale} decimal places" if scale else "without decimal places"
        raise CellError(column, text, f"expected a number {places}")
    return int(value)
