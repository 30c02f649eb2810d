"""Which labels and organisations of one log a search finds: conditions, the rarest one first.

Every condition is met by terms (`registry.terms`) of an organisation, or of one of its offerings.
The rarest leads, and the others are asked about what it finds; what is found comes in a fixed
order, organisation by organisation, so that a search goes on where it stopped. No step is longer
than a bound, however much there is.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Final, NamedTuple

from sopro_node.store.base import Reader
from sopro_node.store.directory_index import MOST_LED, MOST_THINGS, PLACE, Found, LabelColumns
from sopro_node.store.listing import NOTHING
from sopro_node.store.rows import LabelRow
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

MOST_BEGUN: Final = 1000
"""Things that words with one beginning may lie on, for the beginning to be looked for."""
_FEW: Final = 8
_FIRST_LED: Final = 32
"""Enough for a page where most of them are what is looked for."""
_TIMES: Final = 8
"""By how much more may meet a condition than was led to, for all of it to be read at once."""
_SHORTEST: Final = 3
_LAST: Final = b"\xff" * PLACE
_END: Final = "\U0010ffff"

Place = tuple[bytes, bytes]
_Things = dict[bytes, set[bytes]]
_NONE: Final[Set[bytes]] = frozenset()
START: Final[Place] = (b"", b"")
_VERY_LAST: Final[Place] = (_LAST, _LAST)


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


class _Weighed:
    """A condition in one log.

    Attributes:
        weight: how many meet it, as far as they were counted.
        terms: any of which meets it.
        is_open: whether a term that begins so does, too; few do then.
    """

    def __init__(self, reader: Reader, log: int, condition: Condition, *, most: int) -> None:
        """Weigh it; one that is not open no further than up to a number."""
        self._index = reader.directory
        self._log = log
        self._asked: Set[bytes] = frozenset()
        self._ahead: _Things = {}
        self._dense: set[str] = set()
        self.terms = condition.terms
        self.is_open = False
        self.weight = 0
        if condition.is_open:
            self._weigh_word()
        else:
            self._weigh_code(most)

    def _weigh_word(self) -> None:
        begun = whole = 0
        for term in self.terms:
            all_of, of_term = self._index.count_begun(
                self._log, term, term + _END, most=MOST_BEGUN + 1
            )
            begun += all_of
            whole += of_term
        self.is_open = begun <= MOST_BEGUN
        self.weight = begun if self.is_open else whole

    def _weigh_code(self, most: int) -> None:
        for term in self.terms:
            if self.weight >= most:
                return
            self.weight += self._index.count_found(self._log, term, most=most - self.weight)

    @cached_property
    def _places(self) -> list[Place]:
        """Those who meet it, where they are few."""
        found: set[Place] = set()
        for term in self.terms:
            found |= self._index.found_from(self._log, term, term + _END, limit=MOST_BEGUN)
        return sorted(found)

    @cached_property
    def _every(self) -> _Things:
        return _by_holder(self._places)

    def behind(self, at: Place, *, most: int) -> list[Place]:
        """Return the next of those who meet it, in order; fewer than asked for at the end."""
        if self.is_open:
            start = bisect_right(self._places, at)
            return self._places[start : start + most]
        found = [self._index.found(self._log, one, after=at, limit=most) for one in self.terms]
        if len(found) == 1:
            return found[0]
        # What lies behind the last row of a full piece may have others before it.
        end = min((rows[-1] for rows in found if len(rows) == most), default=_VERY_LAST)
        return sorted({one for rows in found for one in rows if one <= end})[:most]

    def keep(self, led: Sequence[Place]) -> list[Place]:
        """Return those of some places where it is met.

        Of an organisation that does not meet it itself, these are the offerings that do, or all of
        it where so much lies there that they are not read together.
        """
        self.look_ahead(led)
        kept: list[Place] = []
        for holder, thing in led:
            found = self._things(holder)
            if found is None:
                kept += [(holder, thing)] if self.meets(holder, thing) else []
            elif NOTHING in found or thing in found:
                kept.append((holder, thing))
            elif not thing:
                kept += [(holder, one) for one in sorted(found)]
        return kept

    def look_ahead(self, led: Sequence[Place]) -> None:
        """Read together what would be asked one by one, where that is not much more."""
        self._asked, self._ahead = frozenset(), {}
        if self.is_open or len(led) < _FEW:
            return
        asked, found = {holder for holder, _ in led}, set[Place]()
        for term in self.terms:
            rows = self._read(term, asked, (led[0][0], led[-1][0]), most=_TIMES * len(led))
            if rows is None:
                return
            found.update(rows)
        self._asked, self._ahead = asked, _by_holder(found)

    def _read(
        self, term: str, asked: Set[bytes], ends: tuple[bytes, bytes], *, most: int
    ) -> Sequence[Place] | None:
        """Read what a term finds at some holders, the quick way while it goes; None for too much.

        What lies between them in the index is read in one go; where that is much more than lies
        at them, each is looked for.
        """
        if term not in self._dense:
            rows = self._index.found_among(self._log, term, ends, limit=most)
            if len(rows) < most:
                return rows
            self._dense.add(term)
        rows = self._index.found_at(self._log, term, asked, limit=most)
        return rows if len(rows) < most else None

    def _things(self, holder: bytes) -> Set[bytes] | None:
        """Return what meets it at a holder; None where that was not read."""
        if self.is_open:
            return self._every.get(holder, _NONE)
        return self._ahead.get(holder, _NONE) if holder in self._asked else None

    def meets(self, holder: bytes, thing: bytes) -> bool:
        """Say whether an offering meets it, itself or by its holder; of a holder, anything."""
        found = self._things(holder)
        if found is not None:
            return NOTHING in found or thing in found or (not thing and bool(found))
        if not thing:
            return self._is_found(holder, NOTHING, _LAST)
        return self._is_found(holder, NOTHING, NOTHING) or self._is_found(holder, thing, thing)

    def _is_found(self, holder: bytes, low: bytes, high: bytes) -> bool:
        return any(
            self._index.is_found(self._log, term, holder, low=low, high=high) for term in self.terms
        )


def _by_holder(places: Iterable[Place]) -> _Things:
    things: _Things = {}
    for holder, thing in places:
        things.setdefault(holder, set()).add(thing)
    return things


def _part(places: Sequence[Place]) -> tuple[Sequence[Place], Sequence[Place]]:
    """Return the first places, offerings only or one organisation, and the others."""
    end = next((at for at, one in enumerate(places[:MOST_THINGS]) if not one[1]), MOST_THINGS)
    return places[: end or 1], places[end or 1 :]


class Hit(NamedTuple):
    """A label that was found, or, without its columns, only how far the search has come.

    Attributes:
        holder: place of the organisation.
        thing: place of the offering.
        number: certificate number.
        label: the columns that tell its status.
        row: its state, where it was read.
        found: where and how it lies in a log's directory.
        steps: it took since the one before.
    """

    holder: bytes
    thing: bytes
    number: str
    label: LabelColumns | None = None
    row: LabelRow | None = None
    found: Found | None = None
    steps: int = 1


BEGINNING: Final = Hit(b"", b"", "")


def _hit(found: Found) -> Hit:
    listed = found.listed
    return Hit(listed.holder, listed.thing, listed.number, found.label, found.row, found)


_WEIGHT: Final = attrgetter("weight")


def _weigh(
    reader: Reader, log: int, conditions: Sequence[Condition]
) -> list[tuple[Condition, _Weighed]]:
    """Weigh conditions, none further than it takes to know that another one is met more rarely."""
    # One alone leads, however many meet it.
    most = MOST_BEGUN + 1 if len(conditions) > 1 else 0
    found = []
    for condition in sorted(conditions, key=lambda one: not one.is_open):
        weighed = _Weighed(reader, log, condition, most=most)
        found.append((condition, weighed))
        most = min(most, weighed.weight + 1)
    return found


class Finder:
    """A search in one log.

    Attributes:
        narrowed: words so many begin with that only the word itself was looked for.
    """

    def __init__(
        self,
        reader: Reader,
        log: int,
        conditions: Sequence[Condition],
        *,
        with_states: bool = False,
    ) -> None:
        """Weigh the conditions; labels come with their states where these are asked for."""
        self._reader = reader
        self._log = log
        self._with_states = with_states
        weighed = _weigh(reader, log, conditions)
        self.narrowed = [
            condition.word
            for condition, one in weighed
            if condition.word and condition.is_open and not one.is_open
        ]
        self._leader, *self._others = sorted((one for _, one in weighed), key=_WEIGHT)

    def labels(self, after: Hit) -> Iterator[Hit]:
        """Go through the labels that are found, in order, from behind one.

        Between them comes how far the search has got, so that whoever has waited long enough can
        end it there.
        """
        for led in self._led(after):
            kept = self._kept(led)
            while kept:
                few, kept = _part(kept)
                yield from self._labels_of(few, after)
            holder, thing = led[-1]
            yield Hit(holder, thing or _LAST, _END, steps=len(led))

    def _kept(self, led: Sequence[Place]) -> Sequence[Place]:
        kept = led
        for one in self._others:
            kept = one.keep(kept)
        if len(self._others) < 2:  # one leaves nothing to ask again
            return kept
        # One may have kept all of an organisation, and a later one only some of its offerings.
        whole = {holder for holder, thing in led if not thing}
        return [
            (holder, thing)
            for holder, thing in kept
            if not thing
            or holder not in whole
            or all(one.meets(holder, thing) for one in self._others)
        ]

    def _labels_of(self, places: Sequence[Place], after: Hit) -> Iterator[Hit]:
        """Go through the labels of some offerings, or of all of one organisation."""
        if len(places) > 1 and after.holder != places[0][0]:
            rows = self._reader.directory.labels_of(
                self._log, places, limit=MOST_LED, with_states=self._with_states
            )
            if len(rows) < MOST_LED:
                yield from map(_hit, rows)
                return
        for holder, thing in places:
            yield from self._labels_at(holder, thing, after)

    def _labels_at(self, holder: bytes, thing: bytes, after: Hit) -> Iterator[Hit]:
        between = (thing, thing) if thing else (NOTHING, _LAST)
        behind = (after.thing, after.number) if holder == after.holder else (NOTHING, "")
        while True:
            rows = self._reader.directory.labels_at(
                self._log,
                holder,
                between=between,
                after=behind,
                limit=MOST_LED,
                with_states=self._with_states,
            )
            for row in rows:
                if thing or all(one.meets(holder, row.listed.thing) for one in self._others):
                    yield _hit(row)
            if len(rows) < MOST_LED:
                return
            behind = (rows[-1].listed.thing, rows[-1].listed.number)
            yield Hit(holder, *behind)

    def holders(self, after: bytes) -> Iterator[tuple[bytes, bool]]:
        """Go through organisations: each, and whether it or an offering meets every condition."""
        last = after
        for led in self._led(Hit(after, _LAST, _END)):
            asked = [(one, NOTHING) for one in dict.fromkeys(one for one, _ in led) if one != last]
            met = asked
            for one in self._others:
                one.look_ahead(met)
                met = [place for place in met if one.meets(*place)]
            yield from ((place[0], place in met) for place in asked)
            last = led[-1][0]

    def _led(self, after: Hit) -> Iterator[list[Place]]:
        """Go through what the leading condition finds, more of it at once the longer it takes.

        That is all of an organisation, or an offering.
        """
        # Nothing comes before a holder's own line, so one byte less is before it.
        at: Place = (after.holder[:-1], _LAST) if after.holder else START
        whole, size = b"", _FIRST_LED
        while places := self._leader.behind(at, most=size):
            at, led = places[-1], []
            for holder, thing in places:
                if thing == NOTHING:
                    whole = holder
                elif holder == whole:
                    continue
                if (holder, thing or _LAST) >= (after.holder, after.thing):
                    led.append((holder, thing))
            if led:
                yield led
            if len(places) < size:
                return
            size = MOST_LED
