"""What a wrong word perhaps means."""

from collections.abc import Iterable
from typing import Final

from rapidfuzz import fuzz, process

from sopro_node.importing.countries import fold

_NEAR: Final = 70
_LONGEST: Final = 80


def nearest(text: str, words: Iterable[str]) -> str:
    """Return the word that is nearly that; empty where none is."""
    known = {fold(word): word for word in words}
    folded = fold(text[:_LONGEST])
    if not folded or not known:
        return ""
    if folded in known:
        return known[folded]
    found = process.extractOne(folded, known.keys(), scorer=fuzz.ratio, score_cutoff=_NEAR)
    return known[found[0]] if found else ""


def did_you_mean(word: str) -> str:
    """Ask for a word, where there is one."""
    return f"; did you mean {word!r}?" if word else ""
