"""One condition of a search in one log: how many meet it, and which of some places do.

A place is an organisation, or one of its offerings; all the offerings of an organisation meet what
it meets itself.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice, takewhile
from typing import Final

from sopro_node.conditions import Condition
from sopro_node.store.base import Reader
from sopro_node.store.directory_index import PLACE

MOST_BEGUN: Final = 1000
"""Things that words with one beginning may lie on, for the beginning to be looked for."""
NOTHING: Final = b""
LAST: Final = b"\xff" * PLACE
END: Final = "\U0010ffff"
_FEW: Final = 8
_TIMES: Final = 8
"""By how much more may meet a condition than was led to, for all of it to be read at once."""

Place = tuple[bytes, bytes]
_VERY_LAST: Final[Place] = (LAST, LAST)


class Met:
    """The places where a condition is met, of some or of all."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._rows = places
        self._places = set(places)
        self._holders = {holder for holder, thing in places if not thing}

    @cached_property
    def _in_order(self) -> list[Place]:
        # They come in order, or in a few pieces that are.
        return sorted(self._rows)

    def _at(self, holder: bytes) -> Iterator[Place]:
        """Go through the places of an organisation."""
        start = bisect_left(self._in_order, (holder, NOTHING))
        return takewhile(lambda one: one[0] == holder, islice(self._in_order, start, None))

    def keep(self, led: Sequence[Place]) -> list[Place]:
        """Return those of some places where it is met; of an organisation what meets it there."""
        kept: list[Place] = []
        places, holders = self._places, self._holders
        for one in led:
            if one in places or one[0] in holders:
                kept.append(one)
            elif not one[1]:
                kept += dict.fromkeys(self._at(one[0]))
        return kept

    def has(self, holder: bytes, thing: bytes) -> bool:
        """Say whether an offering meets it, itself or by its holder; of a holder, anything."""
        if holder in self._holders or (holder, thing) in self._places:
            return True
        return not thing and next(self._at(holder), None) is not None


def _in_order(places: Sequence[Place]) -> list[Place]:
    """Return places in order, each once."""
    return sorted(dict.fromkeys(places))


class Weighed:
    """A condition in one log.

    Attributes:
        condition: it.
        weight: how many meet it, as far as they were counted.
        is_open: whether a term that begins as its terms do meets it, too; few do then.
    """

    def __init__(self, reader: Reader, log: int, condition: Condition, *, most: int) -> None:
        """Weigh it; one that is not open no further than up to a number."""
        self._index = reader.directory
        self._log = log
        self._terms = condition.terms
        self._places: list[Place] = []
        self._led: Sequence[Place] = ()
        self._met: Met | None = None
        self._dense: set[str] = set()
        self.condition = condition
        self.weight = 0
        self.is_open = condition.is_open and self._read_begun()
        if self.is_open:
            self.weight = len(self._places)
        elif not self.weight:
            self.weight = self._count(most)

    def _read_begun(self) -> bool:
        """Read all that words with these beginnings lie on, unless that is too much."""
        found: list[Place] = []
        for term in self._terms:
            last = self._index.begun_at(self._log, term, term + END, place=MOST_BEGUN)
            if last is not None:
                # Those of the word itself come before the others.
                self.weight = MOST_BEGUN + 1 if last == term else 0
                return False
            found += self._index.found_from(self._log, term, term + END, limit=MOST_BEGUN)
            if len(found) > MOST_BEGUN:
                return False
        self._places = _in_order(found)
        return True

    def _count(self, most: int) -> int:
        count = 0
        for term in self._terms:
            if count >= most:
                break
            count += self._index.count_found(self._log, term, most=most - count)
        return count

    @cached_property
    def _every(self) -> Met:
        return Met(self._places)

    def behind(self, at: Place, *, most: int) -> list[Place]:
        """Return the next of those who meet it, in order; fewer than asked for at the end."""
        if self.is_open:
            start = bisect_right(self._places, at)
            return self._places[start : start + most]
        found = [self._index.found(self._log, one, after=at, limit=most) for one in self._terms]
        if len(found) == 1:
            return found[0]
        # What lies behind the last row of a full piece may have others before it.
        end = min((rows[-1] for rows in found if len(rows) == most), default=_VERY_LAST)
        some = _in_order([one for rows in found for one in rows])
        return some[: min(most, bisect_right(some, end))]

    def keep(self, led: Sequence[Place]) -> list[Place]:
        """Return those of some places where it is met.

        Of an organisation that does not meet it itself, these are the offerings that do, or all of
        it where so much lies there that they are not read together.
        """
        if self.is_open:
            return self._every.keep(led)
        self.look_ahead(led)
        if self._met is not None:
            return self._met.keep(led)
        return [(holder, thing) for holder, thing in led if self.meets(holder, thing)]

    def look_ahead(self, led: Sequence[Place]) -> None:
        """Read together what would be asked one by one, where that is not much more."""
        self._met = None
        if self.is_open or len(led) < _FEW:
            return
        found: list[Place] = []
        for term in self._terms:
            rows = self._read(term, led, most=_TIMES * len(led))
            if rows is None:
                return
            found += rows
        self._led, self._met = led, Met(found)

    def _read(self, term: str, led: Sequence[Place], *, most: int) -> Sequence[Place] | None:
        """Read what a term finds at the holders of places; None for too much.

        What lies between them in the index is read in one go; where that is much more than lies
        at them, each is looked for.
        """
        if term not in self._dense:
            ends = led[0][0], led[-1][0]
            rows = self._index.found_among(self._log, term, ends, limit=most)
            if len(rows) < most:
                return rows
            self._dense.add(term)
        holders = {holder for holder, _ in led}
        rows = self._index.found_at(self._log, term, holders, limit=most)
        return rows if len(rows) < most else None

    def meets(self, holder: bytes, thing: bytes) -> bool:
        """Say whether an offering meets it, itself or by its holder; of a holder, anything."""
        if self.is_open:
            return self._every.has(holder, thing)
        if self._met is not None and self._was_read(holder):
            return self._met.has(holder, thing)
        if not thing:
            return self._is_found(holder, NOTHING, LAST)
        return self._is_found(holder, NOTHING, NOTHING) or self._is_found(holder, thing, thing)

    def _was_read(self, holder: bytes) -> bool:
        """Say whether what meets it at a holder was read; places stand in order."""
        at = bisect_left(self._led, (holder, NOTHING))
        return at < len(self._led) and self._led[at][0] == holder

    def _is_found(self, holder: bytes, low: bytes, high: bytes) -> bool:
        return any(
            self._index.is_found(self._log, term, holder, low=low, high=high)
            for term in self._terms
        )
