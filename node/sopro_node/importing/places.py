"""The place of a row among the rows of its key: a number, a day, or a text as it stands there."""

from typing import Final

from sopro_node.importing.days import formats_of
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_node.importing.values import CellError, ValueReader

_MOST_DIGITS: Final = 18
_YEAR: Final = "%Y"


class PlaceReader:
    """Reads places in the order as a mapping says.

    A column that is a date of the row, too, or has a form in [dates.order], goes by its days.
    """

    def __init__(self, mapping: SourceMapping, values: ValueReader) -> None:
        self._values = values
        self._dated = date_of_order(mapping)

    def read(self, text: str, column: str) -> tuple[int | str, str]:
        """Return a place that can be compared, and what the source calls it.

        Raises:
            CellError: it is none.
        """
        if not text:
            raise CellError(column, "", "expected the row's place in the order, found nothing")
        if self._dated:
            # Rows of one day are in the order of what stands there: of times, of numbers.
            return f"{self._values.moment(self._dated, text, column)} {text}", text
        if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS:
            return int(text), str(int(text))
        forms = [one for one in formats_of(text) if not one.startswith(_YEAR)]
        if forms:
            wanted = " or ".join(f'"{one}"' for one in forms)
            problem = "a day that would be compared as text"
            raise CellError(column, text, f"{problem}; say [dates.order] format = {wanted}")
        return text, text


def date_of_order(mapping: SourceMapping) -> str:
    """Return the field whose form the days of the order have; empty where it is of no days."""
    if "order" in mapping.dates:
        return "order"
    columns = mapping.columns_of("order")
    for name in _DATES:
        if set(columns) & set(mapping.columns_of(name)):
            return name
    return ""


_DATES: Final = ("effective_date", "decided_on", "valid_from")
