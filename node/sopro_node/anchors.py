"""Counting what members have decided about two histories of the coordinator's log (SPEC ANCHOR).

Their anchors are read from the entries of their logs, whether those can be judged yet or not: what
judges them is the very log in doubt. Nothing is counted while nothing is in doubt.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from sopro_node.accusing import SUCCESSION_MARK
from sopro_node.evidence import EvidenceKeeper
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.identity import Invite
from sopro_node.store.base import Reader, Store
from sopro_node.succession import Succession
from sopro_node.writer import Writer
from sopro_protocol.errors import SoproError
from sopro_protocol.tile import WIDTH
from sopro_registry.anchors import Ballot, Held, Tally, count_all, is_genuine, read_ballot
from sopro_registry.nominations import judge_fork

ANCHOR_MARK: Final = b"anchor/1"
"""Bytes that every anchor holds."""
MOST_ANCHORS: Final = 64
"""Of one site that are looked at."""
_PER_TURN: Final = 64 * WIDTH
"""Entries looked through before others may write."""

_logger = logging.getLogger("sopro.anchors")


class Anchors:
    """Counts anchors, and keeps what follows from them.

    Attributes:
        tallies: how many members have decided for which history, as counted last.
        succession: whom members appoint in the place of a coordinator that is gone.
    """

    def __init__(
        self,
        holdings: Holdings,
        store: Store,
        writer: Writer,
        *,
        reader: Reader,
        evidence: EvidenceKeeper,
        invite: Callable[[], Invite | None],
    ) -> None:
        self._holdings = holdings
        self._reader = reader
        self.succession = Succession(holdings, reader)
        self._store = store
        self._writer = writer
        self._evidence = evidence
        self._settled = evidence.settled
        self._invite = invite
        self._looked: dict[int, int] = {}
        self._found: dict[int, dict[int, Ballot]] = {}
        self._genuine: dict[bytes, bool] = {}
        self._weighed: dict[bytes, tuple[int, int]] = {}
        self._working = asyncio.Lock()
        self.tallies: tuple[Tally, ...] = tuple(evidence.settled)

    async def ballots(self) -> list[Ballot]:
        """Return the first decision of each member about each pair of histories, if genuine."""
        found = [
            one
            for held in self._holdings.logs.values()
            for one in self._found.get(held.number, {}).values()
            if one.position not in held.withheld
        ]
        return [one for one in found if await self._is_genuine(one)]

    async def count(self) -> bool:
        """Count what is new; say whether anything was settled by it.

        Two histories are counted while evidence of them stands, successors always.
        """
        origin = self._holdings.coordinator_origin
        if origin is None:
            return False
        async with self._working:
            is_news = self.look()
            fresh = [*self._fresh(self.succession.tallies()), *self._settled_forks(origin)]
            if fresh:
                await self._keep(origin, fresh)
            if not self._evidence.standing(origin):
                return is_news or bool(fresh)
            for held in self._holdings.logs.values():
                if held.origin != origin and held.keys:
                    await self._look_through(held)
            return await self._settle(origin) or is_news or bool(fresh)

    def look(self) -> bool:
        """Look who was appointed and who has taken over; say whether that is news."""
        is_news = self.succession.look()
        self._evidence.left = frozenset(one.position for one in self.succession.taken)
        settled = [one.size for one in self.succession.awaited if one.is_settled]
        self._evidence.ended = min(settled, default=None)
        return is_news

    def _fresh(self, tallies: Iterable[Tally]) -> list[Tally]:
        known = {one.size for one in self._settled}
        return [one for one in tallies if one.size not in known]

    def _settled_forks(self, origin: str) -> list[Tally]:
        """Settle what stands where one of the two histories is a successor's."""
        held, invite = self._holdings.logs.get(origin), self._invite()
        if held is None or invite is None:
            return []
        found = []
        for one in self._evidence.standing(origin):
            weighed = held.size, one.size
            if self._weighed.get(one.id) == weighed:
                continue
            file = self._reader.others.evidence_file(one.id)
            if file is None or SUCCESSION_MARK not in file:
                continue
            root = held.tree.root_at(one.size) if one.size <= held.size else None
            tally = judge_fork(
                file,
                Held(held.size, held.tree.read, root),
                self._holdings.directory,
                coordinator=origin,
                root_key=invite.root_key,
            )
            if tally is not None and tally.is_settled:
                found.append(tally)
            else:
                # Verifying it again would show the same, as long as nothing else is held.
                self._weighed[one.id] = weighed
        return self._fresh(found)

    async def _keep(self, origin: str, fresh: list[Tally]) -> None:
        """Write down what is settled, and go by it."""
        await self._writer.run(lambda: self._settled.keep(self._store, fresh))
        self.tallies = tuple(self._settled)
        for one in fresh:
            _logger.warning(
                "two histories settled",
                extra={"origin": origin, "size": one.size, "root": one.root.hex(), "by": one.by},
            )

    async def _look_through(self, held: HeldLog) -> None:
        while (start := self._looked.get(held.number, 0)) < held.size:
            end = min(held.size, (start // _PER_TURN + 1) * _PER_TURN)
            await self._writer.run(lambda start=start, end=end: self._read(held, start, end))  # type: ignore[misc]  # mypy infers no default
            self._looked[held.number] = end

    def _read(self, held: HeldLog, start: int, end: int) -> None:
        found = self._found.setdefault(held.number, {})
        for number in range(start // WIDTH, -(-end // WIDTH)):
            entries = self._holdings.bundle_of(self._store, held, number)
            for position, data in enumerate(entries, number * WIDTH):
                if not isinstance(data, bytes) or ANCHOR_MARK not in data:
                    continue
                if start <= position < end and len(found) < MOST_ANCHORS:
                    ballot = read_ballot(
                        data, origin=held.origin, position=position, keys=held.keys
                    )
                    if ballot is not None and ballot.body.origin == self._origin:
                        found.setdefault(ballot.body.size, ballot)

    @property
    def _origin(self) -> str:
        return self._holdings.coordinator_origin or ""

    async def _settle(self, origin: str) -> bool:
        held = self._holdings.logs.get(origin)
        if held is None:
            return False
        ballots = await self.ballots()
        known = {one.size: one for one in self._settled}
        tallies = count_all(ballots, self._holdings.directory, size=held.size, tree=held.tree.read)
        fresh = [one for one in tallies if one.is_settled and one.size not in known]
        counted = (*known.values(), *(one for one in tallies if one.size not in known))
        self.tallies = counted
        if not fresh:
            return False
        decided = {(one.size, one.root) for one in fresh}
        await self._take_evidence(
            one.body.evidence
            for one in ballots
            if (one.body.size, one.body.root) in decided and isinstance(one.body.evidence, bytes)
        )
        await self._keep(origin, fresh)
        self.tallies = counted
        return True

    async def _is_genuine(self, ballot: Ballot) -> bool:
        """Verify the evidence in a ballot, once."""
        data, invite = ballot.body.evidence, self._invite()
        if invite is None or not isinstance(data, bytes):
            return False
        if data not in self._genuine:
            # On another thread: a site can make what takes long to verify.
            self._genuine[data] = await asyncio.to_thread(
                is_genuine, ballot, coordinator=invite.origin, root_key=invite.root_key
            )
        return self._genuine[data]

    async def _take_evidence(self, files: Iterable[bytes]) -> None:
        """Keep what was decided about: it says of its heads which of them are abandoned."""
        for data in set(files):
            with contextlib.suppress(SoproError):
                await self._evidence.take(data)

    def describe(self) -> list[dict[str, Any]]:
        """Describe the tallies, for programs."""
        return [
            {
                "origin": self._origin,
                "size": one.size,
                "root": one.root.hex(),
                "by": list(one.by),
                "needed": one.needed,
                "voters": one.voters,
                "settled": one.is_settled,
            }
            for one in self.tallies
        ]
