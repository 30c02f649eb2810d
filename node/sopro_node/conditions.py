"""What a search asks for: conditions, each met by terms (`registry.terms`)."""

from dataclasses import dataclass
from typing import Final

from sopro_registry.activities import divisions_of
from sopro_registry.terms import (
    ACTIVITY,
    HOLDER,
    IDENTIFIER,
    ITEM,
    LISTED,
    PROCUREMENT,
    REGION,
    SCALE,
    WORD,
    cut_procurement,
    fold_item,
    spell_identifier,
    words_asked,
)

_SHORTEST: Final = 3


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is asked for.

    Attributes:
        terms: any of which meets it.
        is_open: whether a term that begins so meets it too.
        word: as it was asked; empty for a code.
    """

    terms: tuple[str, ...]
    is_open: bool = False
    word: str = ""


def ask_words(text: str) -> list[Condition]:
    """Ask for every word of a text; one of three letters or more also for what begins with it."""
    return [
        Condition(
            tuple(WORD + one for one in alternatives),
            is_open=len(alternatives[0]) >= _SHORTEST,
            word=alternatives[0],
        )
        for alternatives in words_asked(text)
    ]


def ask_procurement(code: str) -> Condition:
    """Ask for a procurement code and all below it: zeros at its end stand for everything."""
    return Condition((PROCUREMENT + cut_procurement(code),))


def ask_activity(code: str) -> Condition:
    """Ask for an economic activity, its revision before it, and all below it.

    A section is a letter, and the divisions below it do not begin with it.
    """
    return Condition(tuple(ACTIVITY + one for one in (code, *divisions_of(code))))


def ask_listed(code: str) -> Condition:
    """Ask for a code of a published list, the list's name before it."""
    return Condition((LISTED + code,))


def ask_region(code: str) -> Condition:
    """Ask for a region and all within it."""
    return Condition((REGION + code,))


def ask_scale(word: str) -> Condition:
    """Ask for how far the effect of an offering reaches."""
    return Condition((SCALE + word,))


def ask_holder(word: str) -> Condition:
    """Ask for a type of organisation."""
    return Condition((HOLDER + word,))


def ask_item(number: str) -> Condition:
    """Ask for a trade item number."""
    return Condition((ITEM + fold_item(number),))


def ask_identifier(text: str) -> Condition:
    """Ask for an identifier of an organisation, however it is written."""
    return Condition(tuple(IDENTIFIER + one for one in spell_identifier(text)))
