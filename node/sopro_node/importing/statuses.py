"""What the words of a source mean as decisions."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from sopro_node.importing.fields import STATUS_WORDS
from sopro_node.importing.mapping_parts import OTHERS

_COMPARED: Final = re.compile(r"(<=|>=|<|>)\s*(-?[0-9]+(?:\.[0-9]+)?)")
_COMPARE: Final[Mapping[str, Callable[[Decimal, Decimal], bool]]] = {
    "<": Decimal.__lt__,
    "<=": Decimal.__le__,
    ">": Decimal.__gt__,
    ">=": Decimal.__ge__,
}


class StatusWords:
    """The table [status] or [results] of a mapping; without one, a source's words are ours."""

    def __init__(self, table: Mapping[str, str], *, known: Sequence[str] = STATUS_WORDS) -> None:
        self._table = table
        self._ours = known
        matches = ((_COMPARED.fullmatch(word), meaning) for word, meaning in table.items())
        self._bounds = [(match[1], Decimal(match[2]), word) for match, word in matches if match]

    def meaning(self, status: str) -> str:
        """Return what a status means: an action, `hold` or `end`; empty where nobody knows."""
        if not self._table:
            return status if status in self._ours else ""
        return self._table.get(status) or self._compared(status) or self._table.get(OTHERS, "")

    def _compared(self, status: str) -> str:
        """Return what a number means, where the table compares it with others."""
        if not self._bounds:
            return ""
        try:
            number = Decimal(status.replace(",", "."))
        except InvalidOperation:
            return ""
        if not number.is_finite():
            return ""
        holds = (word for sign, bound, word in self._bounds if _COMPARE[sign](number, bound))
        return next(holds, "")
