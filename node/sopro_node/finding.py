"""Which labels and organisations of one log a search finds: conditions, the rarest one first.

Every condition is met by terms (`registry.terms`) of an organisation, or of one of its offerings.
The rarest leads, and the others are asked about what it finds; what is found comes in a fixed
order, organisation by organisation, so that a search goes on where it stopped. No step is longer
than a bound, however much there is.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sopro_node.store.base import Reader
from sopro_node.store.directory_index import LabelColumns
from sopro_node.store.listing import NOTHING, PLACE
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
    fold_identifier,
    fold_item,
    words_asked,
)

MOST_BEGUN: Final = 2000
"""Things that words with one beginning may lie on, for the beginning to be looked for."""
_COUNTED: Final = 256
_CHUNK: Final = 64
_SHORTEST: Final = 3
_LAST: Final = b"\xff" * PLACE
_END: Final = "\U0010ffff"

Place = tuple[bytes, bytes]
START: Final[Place] = (b"", b"")


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
    digits = code.partition("-")[0]
    significant = digits.rstrip("0") if len(digits) == 8 else digits
    return Condition((PROCUREMENT + significant.ljust(2, "0"),), is_open=True)


def ask_activity(code: str) -> Condition:
    """Ask for an economic activity, its revision before it, and all below it."""
    return Condition((ACTIVITY + code,))


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
    return Condition((IDENTIFIER + fold_identifier(text),))


class _Weighed(NamedTuple):
    """A condition in one log: how many meet it, as far as they were counted; few are at hand."""

    weight: int
    terms: tuple[str, ...]
    places: frozenset[Place] | None


class Hit(NamedTuple):
    """A label that was found, or, without its columns, only how far the search has come."""

    holder: bytes
    thing: bytes
    number: str
    label: LabelColumns | None = None


BEGINNING: Final = Hit(b"", b"", "")


class Finder:
    """A search in one log.

    Attributes:
        narrowed: words so many begin with that only the word itself was looked for.
    """

    def __init__(self, reader: Reader, log: int, conditions: Sequence[Condition]) -> None:
        self._reader = reader
        self._log = log
        self.narrowed: list[str] = []
        weighed = sorted((self._weigh(one) for one in conditions), key=lambda one: one.weight)
        self._leader, *self._others = weighed

    def _weigh(self, condition: Condition) -> _Weighed:
        if condition.is_open:
            places: set[Place] = set()
            for term in condition.terms:
                left = MOST_BEGUN + 1 - len(places)
                places |= self._reader.directory.found_from(
                    self._log, term, term + _END, limit=left
                )
            if len(places) <= MOST_BEGUN:
                return _Weighed(len(places), (), frozenset(places))
            if condition.word:
                self.narrowed.append(condition.word)
        count = sum(
            self._reader.directory.count_found(self._log, term, "", most=_COUNTED)
            for term in condition.terms
        )
        return _Weighed(count, condition.terms, None)

    def labels(self, after: Hit) -> Iterator[Hit]:
        """Go through the labels that are found, in order, from behind one.

        Between them comes how far the search has got, so that whoever has waited long enough can
        end it there.
        """
        for holder, thing in self._led(after):
            between = (thing, thing) if thing else (NOTHING, _LAST)
            behind = (after.thing, after.number) if holder == after.holder else (NOTHING, "")
            while True:
                rows = self._reader.directory.labels_at(
                    self._log, holder, between=between, after=behind, limit=_CHUNK
                )
                for of, label in rows:
                    if self._meets_others(holder, of):
                        yield Hit(holder, of, label.number, label)
                if len(rows) < _CHUNK:
                    break
                behind = (rows[-1][0], rows[-1][1].number)
                yield Hit(holder, *behind)
            yield Hit(holder, thing or _LAST, _END)

    def holders(self, after: bytes) -> Iterator[tuple[bytes, bool]]:
        """Go through organisations: each, and whether it or an offering meets every condition."""
        last = after
        for holder, _ in self._led(Hit(after, _LAST, _END)):
            if holder != last:
                last = holder
                yield holder, all(self._is_met(one, holder, _LAST) for one in self._others)

    def _led(self, after: Hit) -> Iterator[Place]:
        """Go through what the leading condition finds: all of an organisation, or an offering."""
        whole = b""
        for holder, thing in self._places(after):
            if thing == NOTHING:
                whole = holder
            elif holder == whole:
                continue
            if (holder, thing or _LAST) >= (after.holder, after.thing):
                yield holder, thing

    def _places(self, after: Hit) -> Iterator[Place]:
        terms, places = self._leader.terms, self._leader.places
        if places is not None:
            yield from sorted(one for one in places if one[0] >= after.holder)
        elif len(terms) == 1:
            yield from self._scan(terms[0], after.holder)
        else:
            last: Place | None = None
            for place in heapq.merge(*(self._scan(term, after.holder) for term in terms)):
                if place != last:
                    yield place
                last = place

    def _scan(self, term: str, holder: bytes) -> Iterator[Place]:
        """Go through what a term finds from a holder on, read piece by piece."""
        # Nothing comes before a holder's own line, so one byte less is before it.
        at: Place = (holder[:-1], _LAST) if holder else START
        rows = self._reader.directory.found(self._log, term, after=at, limit=_CHUNK)
        while rows:
            yield from (row for row in rows if row[0] >= holder)
            if len(rows) < _CHUNK:
                return
            rows = self._reader.directory.found(self._log, term, after=rows[-1], limit=_CHUNK)

    def _meets_others(self, holder: bytes, thing: bytes) -> bool:
        return all(
            self._is_met(one, holder, NOTHING) or self._is_met(one, holder, thing, low=thing)
            for one in self._others
        )

    def _is_met(self, one: _Weighed, holder: bytes, high: bytes, *, low: bytes = NOTHING) -> bool:
        if one.places is not None:
            if low == high:
                return (holder, high) in one.places
            return any(held == holder for held, _ in one.places)
        return any(
            self._reader.directory.is_found(self._log, term, holder, low=low, high=high)
            for term in one.terms
        )
