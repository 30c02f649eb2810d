"""Which labels and organisations of one log a search finds: conditions, the rarest one first.

Every condition is met by terms (`registry.terms`) of an organisation, or of one of its offerings.
The rarest leads, and the others are asked about what it finds; what is found comes in a fixed
order, organisation by organisation, so that a search goes on where it stopped. No step is longer
than a bound, however much there is.
"""

from collections.abc import Iterator, Sequence
from itertools import compress
from operator import attrgetter, itemgetter, not_
from typing import Final, NamedTuple

from sopro_node import weighing
from sopro_node.conditions import Condition
from sopro_node.store.base import Reader
from sopro_node.store.directory_index import Found, LabelColumns
from sopro_node.store.directory_statements import MOST_LED, MOST_THINGS
from sopro_node.store.rows import LabelRow
from sopro_node.weighing import END, LAST, NOTHING, Place, Weighed

_LEAST_LED: Final = 32
"""Enough for a page where most of them are what is looked for."""
MOST_AT_ONCE: Final = 256
"""Places that are led to at once."""
START: Final[Place] = (b"", b"")


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
_HOLDER: Final = itemgetter(0)
_THING: Final = itemgetter(1)


def _weigh(reader: Reader, log: int, conditions: Sequence[Condition]) -> list[Weighed]:
    """Weigh conditions, none further than it takes to know that another one is met more rarely."""
    # One alone leads, however many meet it.
    most = weighing.MOST_BEGUN + 1 if len(conditions) > 1 else 0
    found: list[Weighed] = []
    for condition in sorted(conditions, key=lambda one: not one.is_open):
        found.append(Weighed(reader, log, condition, most=most))
        most = min(most, found[-1].weight + 1)
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
        few: int = 20,
        with_states: bool = False,
    ) -> None:
        """Weigh the conditions.

        Args:
            reader: on its thread.
            log: its number in the database.
            conditions: each of which has to be met.
            few: so many labels are enough for whoever asks.
            with_states: whether labels come with their states.
        """
        self._reader = reader
        self._log = log
        self._with_states = with_states
        self._few = few
        self._looked_at = self._found = 0
        weighed = _weigh(reader, log, conditions)
        self.narrowed = [
            one.condition.word
            for one in weighed
            if one.condition.word and one.condition.is_open and not one.is_open
        ]
        self._leader, *self._others = sorted(weighed, key=_WEIGHT)

    def labels(self, after: Hit) -> Iterator[Hit]:
        """Go through the labels that are found, in order, from behind one.

        Between them comes how far the search has got, so that whoever has waited long enough can
        end it there.
        """
        for led in self._led(after):
            kept = self._kept(led)
            self._looked_at += len(led)
            self._found += len(kept)
            while kept:
                few, kept = _part(kept)
                yield from self._labels_of(few, after)
            holder, thing = led[-1]
            yield Hit(holder, thing or LAST, END, steps=len(led))

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
        between = (thing, thing) if thing else (NOTHING, LAST)
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
        for led in self._led(Hit(after, LAST, END)):
            asked = [(one, NOTHING) for one in dict.fromkeys(one for one, _ in led) if one != last]
            met = asked
            for one in self._others:
                one.look_ahead(met)
                met = [place for place in met if one.meets(*place)]
            yield from ((place[0], place in met) for place in asked)
            last = led[-1][0]

    def _next_size(self) -> int:
        """Guess to how many places it takes until there is enough."""
        missing = self._few - self._found
        if missing <= 0 or not self._found:
            return MOST_AT_ONCE
        return max(_LEAST_LED, min(missing * self._looked_at // self._found + 1, MOST_AT_ONCE))

    def _led(self, after: Hit) -> Iterator[list[Place]]:
        """Go through what the leading condition finds, more of it at once the longer it takes.

        That is all of an organisation, or an offering.
        """
        # Nothing comes before a holder's own line, so one byte less is before it.
        at: Place = (after.holder[:-1], LAST) if after.holder else START
        whole, size = b"", _LEAST_LED
        while places := self._leader.behind(at, most=size):
            at = places[-1]
            wholes = {whole, *compress(map(_HOLDER, places), map(not_, map(_THING, places)))}
            led = [one for one in places if one[0] not in wholes or not one[1]]
            if places[0] <= (after.holder, after.thing):
                led = [
                    one for one in led if (one[0], one[1] or LAST) >= (after.holder, after.thing)
                ]
            # The offerings of the last organisation may go on in the next piece.
            whole = at[0] if at[0] in wholes else b""
            if led:
                yield led
            if len(places) < size:
                return
            size = self._next_size()
