"""Who goes on for a coordinator that is gone: what members' logs and the coordinator's own say.

Before the successor has taken over, members' anchors name it and where it answers; afterwards its
own first key record does (SPEC SUCC). Both follow from the logs, so nothing of it is stored.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader
from sopro_protocol.errors import WithheldError
from sopro_registry.anchors import Tally
from sopro_registry.appointment import Appointed
from sopro_registry.catalogue import decode_state
from sopro_registry.families import anchor
from sopro_registry.family import KeySpan
from sopro_registry.nominations import (
    Nomination,
    Saying,
    count_sayings,
    find_succession,
    read_saying,
)

_MOST_SAYINGS: Final = 64
"""Anchors of one site that are looked at."""


class Taken(NamedTuple):
    """A successor that has taken over.

    Attributes:
        position: of its first key record in the coordinator's log.
        appointed: what members have said.
    """

    position: int
    appointed: Appointed


class Succession:
    """Who was appointed, and who has taken over.

    Attributes:
        nominations: whom members appoint whose logs are held, as looked at last.
        taken: the successors that have taken over, in the order of the log.
    """

    def __init__(self, holdings: Holdings, reader: Reader) -> None:
        self._holdings = holdings
        self._reader = reader
        self._judged: dict[str, tuple[int, int, int]] = {}
        self._sayings: dict[str, list[Saying]] = {}
        self._records: tuple[tuple[int, ...], Sequence[KeySpan]] = ((), ())
        self.nominations: tuple[Nomination, ...] = ()
        self.taken: tuple[Taken, ...] = ()

    @property
    def awaited(self) -> tuple[Nomination, ...]:
        """Whom members appoint beyond where anybody has taken over."""
        last = self.taken[-1].position if self.taken else -1
        return tuple(one for one in self.nominations if one.size > last)

    @property
    def urls(self) -> tuple[str, ...]:
        """Where the coordinator answers, if not where the invite says."""
        settled = [one for one in self.awaited if one.is_settled]
        if settled:
            return settled[-1].urls
        return self.taken[-1].appointed.urls if self.taken else ()

    def look(self) -> bool:
        """Look through what is new; say whether something may follow from it."""
        coordinator = self._holdings.coordinator
        if coordinator is None:
            return False
        before = self.nominations, self.taken
        if (coordinator.cursor.key_records, coordinator.keys) != self._records:
            self._records = coordinator.cursor.key_records, coordinator.keys
            self.taken = tuple(self._list_taken(coordinator))
        is_new = False
        for held in list(self._holdings.logs.values()):
            judged = held.cursor.projected, self._holdings.rejudged, self._holdings.discarded
            if self._judged.get(held.origin) != judged:
                self._judged[held.origin] = judged
                sayings = list(self._list_sayings(held, coordinator.origin))
                # Who may vote follows from the coordinator's log.
                is_new = is_new or held is coordinator
                is_new = is_new or sayings != self._sayings.get(held.origin, [])
                self._sayings[held.origin] = sayings
        if is_new:
            said = [one for log in self._sayings.values() for one in log]
            self.nominations = tuple(count_sayings(said, self._holdings.directory))
        return before != (self.nominations, self.taken)

    def _list_taken(self, coordinator: HeldLog) -> Iterator[Taken]:
        positions, spans = self._records
        for position in positions:
            entry = self._holdings.entry(self._reader, coordinator, position)
            appointed = find_succession(entry, position, origin=coordinator.origin, spans=spans)
            if appointed is not None:
                yield Taken(position, appointed)

    def _list_sayings(self, held: HeldLog, coordinator: str) -> Iterator[Saying]:
        family = anchor.FAMILY.name
        for entity in self._reader.named_entities(held.number, family, limit=_MOST_SAYINGS):
            row = self._reader.entity(held.number, entity)
            if row is None or not isinstance(row.state, bytes):
                continue
            state = decode_state(family, row.state)
            if not isinstance(state, anchor.State) or state.origin != coordinator:
                continue
            try:
                entry = self._holdings.entry(self._reader, held, state.index)
            except WithheldError:
                continue
            saying = read_saying(entry, origin=held.origin, coordinator=coordinator)
            if saying is not None:
                yield saying

    def tallies(self) -> list[Tally]:
        """Return what every successor that has taken over settles (SPEC SUCC-7)."""
        coordinator = self._holdings.coordinator
        return [
            Tally(
                one.position + 1,
                coordinator.tree.root_at(one.position + 1),
                one.appointed.by,
                one.appointed.needed,
                one.appointed.voters,
                is_settled=True,
            )
            for one in self.taken
            if coordinator is not None and one.position < coordinator.size
        ]

    def describe(self) -> list[dict[str, Any]]:
        """Describe who is appointed or has taken over, for programs."""
        taken = [
            {
                "size": one.position,
                "root": one.appointed.root.hex(),
                "by": list(one.appointed.by),
                "needed": one.appointed.needed,
                "voters": one.appointed.voters,
                "urls": list(one.appointed.urls),
                "state": "taken_over",
            }
            for one in self.taken
        ]
        awaited = [
            {
                "size": one.size,
                "root": one.root.hex(),
                "successor": one.successor.hex(),
                "by": list(one.by),
                "needed": one.needed,
                "voters": one.voters,
                "urls": list(one.urls),
                "state": "appointed" if one.is_settled else "proposed",
            }
            for one in self.awaited
        ]
        return taken + awaited
