"""What the words of a source mean as decisions."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from sopro_node.importing.fields import STATUS_WORDS
from sopro_node.importing.mapping_parts import OTHERS

_NUMBER: Final = re.compile(
    r"(-?)([0-9]+|[0-9]{1,3}(?:[ \u00a0\u202f'\u2019][0-9]{3})+)"
    r"(?:[.,]([0-9]+))?(?:[eE]([+-]?[0-9]{1,4}))?\s*(%?)"
)
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
        if self.lacks_number(status):
            return ""
        return self._table.get(status) or self._compared(status) or self._table.get(OTHERS, "")

    def lacks_number(self, status: str) -> bool:
        """Say whether numbers are compared here, and this is none, nor a word.

        A score that cannot be read, or is missing, is not among all others: otherwise `88 P.` would
        end a label.
        """
        if not self._bounds or status in self._table:
            return False
        is_word = bool(status) and not any(one.isdecimal() for one in status)
        return not is_word and self._number(status) is None

    def _number(self, text: str) -> Decimal | None:
        """Read a number; `88 %` is 88 where that is how the table compares."""
        parts = _NUMBER.fullmatch(text.strip())
        if parts is None:
            return None
        sign, whole, places, power, percent = parts.groups()
        if percent and all(abs(bound) <= 1 for _, bound, _ in self._bounds):
            return None
        digits = "".join(one for one in whole if one.isdecimal())
        return Decimal(f"{sign}{digits}.{places or 0}e{power or 0}")

    def _compared(self, status: str) -> str:
        """Return what a number means, where the table compares it with others."""
        number = self._number(status)
        if number is None:
            return ""
        holds = (word for sign, bound, word in self._bounds if _COMPARE[sign](number, bound))
        return next(holds, "")
