"""What a wrong word perhaps means."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from rapidfuzz import fuzz, process

from sopro_node.importing.countries import fold

_NEAR: Final = 70
_LONGEST: Final = 80
DATE_FORMATS: Final = (
    *("%d.%m.%Y", "%d. %m. %Y", "%Y.%m.%d", "%Y. %m. %d.", "%Y.%m.%d.", "%Y/%m/%d"),
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d"),
)


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


def formats_of(text: str) -> list[str]:
    """List the ways of writing a day by which a text is one."""
    found = []
    for form in DATE_FORMATS:
        try:
            datetime.strptime(text[:_LONGEST], form)  # noqa: DTZ007  # a civil day has no zone
        except ValueError:
            continue
        found.append(form)
    return found
