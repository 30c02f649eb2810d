"""Sections of NACE: the letters that stand for a range of divisions, revision by revision."""

from collections.abc import Mapping
from typing import Final

Section = tuple[int, int]

_SECOND: Final[Mapping[str, Section]] = {
    "A": (1, 3), "B": (5, 9), "C": (10, 33), "D": (35, 35), "E": (36, 39), "F": (41, 43),
    "G": (45, 47), "H": (49, 53), "I": (55, 56), "J": (58, 63), "K": (64, 66), "L": (68, 68),
    "M": (69, 75), "N": (77, 82), "O": (84, 84), "P": (85, 85), "Q": (86, 88), "R": (90, 93),
    "S": (94, 96), "T": (97, 98), "U": (99, 99),
}  # fmt: skip
_SECOND_UPDATED: Final[Mapping[str, Section]] = {
    "A": (1, 3), "B": (5, 9), "C": (10, 33), "D": (35, 35), "E": (36, 39), "F": (41, 43),
    "G": (46, 47), "H": (49, 53), "I": (55, 56), "J": (58, 60), "K": (61, 63), "L": (64, 66),
    "M": (68, 68), "N": (69, 75), "O": (77, 82), "P": (84, 84), "Q": (85, 85), "R": (86, 88),
    "S": (90, 93), "T": (94, 96), "U": (97, 98), "V": (99, 99),
}  # fmt: skip
SECTIONS: Final[Mapping[str, Mapping[str, Section]]] = {
    "2": _SECOND,
    "2.0": _SECOND,
    "2.1": _SECOND_UPDATED,
}
"""The first and the last division of each section, by revision (Regulation (EC) No 1893/2006, and
Delegated Regulation (EU) 2023/137 for 2.1)."""


def divisions_of(code: str) -> list[str]:
    """Return the divisions of a section; none of a code that is no section.

    Args:
        code: behind its revision, for example `2.1:C`.
    """
    revision, _, letter = code.partition(":")
    span = SECTIONS.get(revision, {}).get(letter)
    return [f"{revision}:{number:02}" for number in range(span[0], span[1] + 1)] if span else []
