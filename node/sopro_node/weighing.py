"""One condition of a search in one log: how many meet it, and which of some places do.

A place is an organisation, or one of its offerings; all the offerings of an organisation meet what
it meets itself.
"""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from functools import cached_property
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

    def __init__(self, places: Collection[Place]) -> None:
        self._places = frozenset(places)
        self._holders = frozenset(holder for holder, thing in self._places if not thing)

    @cached_property
    def _by_holder(self) -> dict[bytes, list[bytes]]:
        things: dict[bytes, list[bytes]] = {}
        for holder, thing in sorted(self._places):
            things.setdefault(holder, []).append(thing)
        return things

    def keep(self, led: Sequence[Place]) -> list[Place]:
        """Return those of some places where it is met; of an organisation what meets it there."""
        if all(thing for _, thing in led):
            places, holders = self._places, self._holders
            return [one for one in led if one in places or one[0] in holders]
        kept: list[Place] = []
        for holder, thing in led:
            if thing or holder in self._holders:
                kept += [(holder, thing)] if self.has(holder, thing) else []
            else:
                kept += [(holder, one) for one in self._by_holder.get(holder, ())]
        return kept

    def has(self, holder: bytes, thing: bytes) -> bool:
        """Say whether an offering meets it, itself or by its holder; of a holder, anything."""
        if holder in self._holders:
            return True
        return (holder, thing) in self._places if thing else holder in self._by_holder


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
        self._asked: frozenset[bytes] = frozenset()
        self._met: Met | None = None
        self._dense: set[str] = set()
        self.condition = condition
        self.is_open = condition.is_open and self._read_begun()
        self.weight = len(self._places) if self.is_open else self._count(most)

    def _read_begun(self) -> bool:
        """Read all that words with these beginnings lie on, unless that is too much."""
        found: list[Place] = []
        for term in self._terms:
            if self._index.has_begun(self._log, term, term + END, more_than=MOST_BEGUN):
                return False
            found += self._index.found_from(self._log, term, term + END, limit=MOST_BEGUN)
            if len(found) > MOST_BEGUN:
                return False
        self._places = sorted(set(found))
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
        return sorted({one for rows in found for one in rows if one <= end})[:most]

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
        self._asked, self._met = frozenset(), None
        if self.is_open or len(led) < _FEW:
            return
        asked, found = frozenset(holder for holder, _ in led), list[Place]()
        for term in self._terms:
            rows = self._read(term, asked, (led[0][0], led[-1][0]), most=_TIMES * len(led))
            if rows is None:
                return
            found += rows
        self._asked, self._met = asked, Met(found)

    def _read(
        self, term: str, asked: frozenset[bytes], ends: tuple[bytes, bytes], *, most: int
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

    def meets(self, holder: bytes, thing: bytes) -> bool:
        """Say whether an offering meets it, itself or by its holder; of a holder, anything."""
        if self.is_open:
            return self._every.has(holder, thing)
        if self._met is not None and holder in self._asked:
            return self._met.has(holder, thing)
        if not thing:
            return self._is_found(holder, NOTHING, LAST)
        return self._is_found(holder, NOTHING, NOTHING) or self._is_found(holder, thing, thing)

    def _is_found(self, holder: bytes, low: bytes, high: bytes) -> bool:
        return any(
            self._index.is_found(self._log, term, holder, low=low, high=high)
            for term in self._terms
        )
