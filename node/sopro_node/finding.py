"""Which labels and organisations of one log a search finds: conditions, the rarest one first.

Every condition is met by terms (`registry.terms`) of an organisation, or of one of its offerings.
The rarest leads, and the others are asked about what it finds; what is found comes in a fixed
order, organisation by organisation, so that a search goes on where it stopped. No step is longer
than a bound, however much there is.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final, NamedTuple

from sopro_node.store.base import Reader
from sopro_node.store.directory_index import LabelColumns
from sopro_node.store.listing import NOTHING, PLACE
from sopro_node.store.rows import LabelRow
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

MOST_BEGUN: Final = 1000
"""Things that words with one beginning may lie on, for the beginning to be looked for."""
_CHUNK: Final = 64
_FEW: Final = 8
_TIMES: Final = 8
"""By how much more may meet a condition than was led to, for all of it to be read at once."""
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


class _Ahead(NamedTuple):
    """All that meets a condition from one organisation to another.

    Attributes:
        first: the one.
        last: the other.
        places: that meet it.
        holders: organisations among them.
    """

    first: bytes
    last: bytes
    places: frozenset[Place]
    holders: frozenset[bytes]


class _Weighed:
    """A condition in one log.

    Attributes:
        weight: how many meet it, as far as they were counted.
        terms: any of which meets it.
        is_open: whether a term that begins so does, too; few do then.
    """

    def __init__(self, reader: Reader, log: int, condition: Condition) -> None:
        self._index = reader.directory
        self._log = log
        self._ahead: _Ahead | None = None
        self.terms = condition.terms
        self.weight = 0
        self.is_open = condition.is_open
        if self.is_open:
            self.weight = self._count(is_open=True)
            self.is_open = self.weight <= MOST_BEGUN
        if not self.is_open:
            self.weight = self._count(is_open=False)

    def _count(self, *, is_open: bool) -> int:
        counts = (
            self._index.count_found(
                self._log, term, term + _END if is_open else "", most=MOST_BEGUN + 1
            )
            for term in self.terms
        )
        return sum(counts)

    @cached_property
    def places(self) -> frozenset[Place]:
        """Those who meet it, where they are few."""
        found: set[Place] = set()
        for term in self.terms:
            found |= self._index.found_from(self._log, term, term + _END, limit=MOST_BEGUN)
        return frozenset(found)

    @cached_property
    def holders(self) -> frozenset[bytes]:
        """Organisations among them."""
        return frozenset(holder for holder, _ in self.places)

    def look_ahead(self, led: Sequence[Place]) -> None:
        """Read together what would be asked one by one, where that is not much more."""
        self._ahead = None
        if self.is_open or len(led) < _FEW:
            return
        first, last, most = led[0][0], led[-1][0], _TIMES * len(led)
        found: set[Place] = set()
        for term in self.terms:
            rows = self._index.found_among(self._log, term, (first, last), limit=most)
            if len(rows) == most:
                return
            found.update(rows)
        self._ahead = _Ahead(first, last, frozenset(found), frozenset(one for one, _ in found))

    def is_met(self, holder: bytes, high: bytes, *, low: bytes = NOTHING) -> bool:
        """Say whether something of a holder between two meets it: one thing, or any."""
        if self.is_open:
            return (holder, high) in self.places if low == high else holder in self.holders
        ahead = self._ahead
        if ahead is not None and ahead.first <= holder <= ahead.last:
            return (holder, high) in ahead.places if low == high else holder in ahead.holders
        return any(
            self._index.is_found(self._log, term, holder, low=low, high=high) for term in self.terms
        )


class Hit(NamedTuple):
    """A label that was found, or, without its columns, only how far the search has come."""

    holder: bytes
    thing: bytes
    number: str
    label: LabelColumns | None = None
    row: LabelRow | None = None


BEGINNING: Final = Hit(b"", b"", "")


class Finder:
    """A search in one log.

    Attributes:
        narrowed: words so many begin with that only the word itself was looked for.
    """

    def __init__(self, reader: Reader, log: int, conditions: Sequence[Condition]) -> None:
        self._reader = reader
        self._log = log
        weighed = [_Weighed(reader, log, one) for one in conditions]
        self.narrowed = [
            condition.word
            for condition, one in zip(conditions, weighed, strict=True)
            if condition.word and condition.is_open and not one.is_open
        ]
        self._leader, *self._others = sorted(weighed, key=lambda one: one.weight)

    def labels(self, after: Hit) -> Iterator[Hit]:
        """Go through the labels that are found, in order, from behind one.

        Between them comes how far the search has got, so that whoever has waited long enough can
        end it there.
        """
        for holder, thing in self._led(after):
            if self._may_meet(holder, thing):
                yield from self._labels_of(holder, thing, after)
            yield Hit(holder, thing or _LAST, _END)

    def _labels_of(self, holder: bytes, thing: bytes, after: Hit) -> Iterator[Hit]:
        between = (thing, thing) if thing else (NOTHING, _LAST)
        behind = (after.thing, after.number) if holder == after.holder else (NOTHING, "")
        while True:
            rows = self._reader.directory.labels_at(
                self._log, holder, between=between, after=behind, limit=_CHUNK
            )
            for of, label, row in rows:
                if thing or self._meets_others(holder, of):
                    yield Hit(holder, of, label.number, label, row)
            if len(rows) < _CHUNK:
                return
            behind = (rows[-1][0], rows[-1][1].number)
            yield Hit(holder, *behind)

    def holders(self, after: bytes) -> Iterator[tuple[bytes, bool]]:
        """Go through organisations: each, and whether it or an offering meets every condition."""
        last = after
        for holder, _ in self._led(Hit(after, _LAST, _END)):
            if holder != last:
                last = holder
                yield holder, all(one.is_met(holder, _LAST) for one in self._others)

    def _led(self, after: Hit) -> Iterator[Place]:
        """Go through what the leading condition finds: all of an organisation, or an offering."""
        whole = b""
        for holder, thing in self._looking_ahead(self._places(after)):
            if thing == NOTHING:
                whole = holder
            elif holder == whole:
                continue
            if (holder, thing or _LAST) >= (after.holder, after.thing):
                yield holder, thing

    def _looking_ahead(self, places: Iterator[Place]) -> Iterator[Place]:
        """Go through places, more of them at once the longer it takes."""
        size = _FEW
        while led := list(islice(places, size)):
            for one in self._others:
                one.look_ahead(led)
            yield from led
            size = min(2 * size, _CHUNK)

    def _places(self, after: Hit) -> Iterator[Place]:
        terms = self._leader.terms
        if self._leader.is_open:
            yield from sorted(one for one in self._leader.places if one[0] >= after.holder)
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

    def _may_meet(self, holder: bytes, thing: bytes) -> bool:
        """Say whether an offering meets the other conditions, or one of an organisation's may."""
        if thing:
            return self._meets_others(holder, thing)
        return all(one.is_met(holder, _LAST) for one in self._others)

    def _meets_others(self, holder: bytes, thing: bytes) -> bool:
        return all(
            one.is_met(holder, NOTHING) or one.is_met(holder, thing, low=thing)
            for one in self._others
        )
