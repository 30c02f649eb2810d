"""Acting on what members have settled about the coordinator's log: its history, and who goes on.

Where that log is this node's own, it signs nothing any more once another was put in its place.
"""

from typing import Final

from sopro_node.anchors import Anchors
from sopro_node.cosignatures import Cosignatures
from sopro_node.drafting import Note
from sopro_node.evidence import EvidenceKeeper
from sopro_node.exchange import Exchange
from sopro_node.fence import Fence
from sopro_node.fence_state import State
from sopro_node.holdings import Holdings
from sopro_node.log import MAX_BATCH, OwnLog
from sopro_node.store.base import Reader
from sopro_node.witness import Witness
from sopro_protocol.checkpoint import open_checkpoint
from sopro_protocol.errors import UnavailableError, VerificationError
from sopro_protocol.keys import make_vkey
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.families import log_state
from sopro_registry.fields import Head
from sopro_registry.keyhistory import log_keys_at

_MOST_BEYOND: Final = 4096
"""Entries beyond the largest head in evidence that a member may have acted on."""


class Settling:
    """What follows at this node from what members have settled."""

    def __init__(  # noqa: PLR0913  # the parts it joins
        self,
        *,
        is_coordinator: bool,
        holdings: Holdings,
        reader: Reader,
        log: OwnLog,
        evidence: EvidenceKeeper,
        anchors: Anchors,
        exchange: Exchange,
        witness: Witness,
        cosignatures: Cosignatures,
        fence: Fence,
    ) -> None:
        self._is_coordinator = is_coordinator
        self._holdings = holdings
        self._reader = reader
        self._log = log
        self._evidence = evidence
        self._anchors = anchors
        self._exchange = exchange
        self._witness = witness
        self._cosignatures = cosignatures
        self._fence = fence

    def forget_other_history(self) -> None:
        """Let this witness and the cosignatures begin anew with the history that holds."""
        origin = self._holdings.coordinator_origin or ""
        self._witness.forget(origin)
        self._cosignatures.forget(origin)

    async def act(self) -> None:
        """Act on what members have settled about the coordinator's log."""
        if await self._anchors.count():
            self._exchange.refresh_soon()
            self._exchange.wake_coordinator()
        self._release_witness()
        if self._is_coordinator:
            await self.outgrow_abandoned()

    async def admit(self) -> None:
        """Let an append pass, unless members have put another in the coordinator's place."""
        self.check_in_place()
        await self._fence.admit()

    async def open_alone(self, reason: str, *, note: Note | None = None) -> int | None:
        """Open the log although no peer has answered (`Fence.open_alone`).

        A coordinator looks first whether its members have put another in its place: their nodes
        do not hold what its old keys sign, and so do not answer its fence.

        Raises:
            UnavailableError: they have.
        """
        if self._is_coordinator and self._fence.state is not State.OPEN:
            await self._exchange.sync_once()
        self.check_in_place()
        return await self._fence.open_alone(reason, note=note)

    def check_in_place(self) -> None:
        """Refuse where members have put another in this coordinator's place.

        Raises:
            UnavailableError: they have.
        """
        roots = {one.public for one in self._log.held.keys}
        awaited = self._anchors.succession.awaited if self._is_coordinator else ()
        for one in awaited:
            if one.is_settled and one.successor not in roots:
                raise UnavailableError(
                    f"{', '.join(one.by)} have appointed who goes on with this log after "
                    f"{one.size} entries, at {', '.join(one.urls)}; what is signed here counts no "
                    "more, so stop this node",
                    code="fence.forked",
                )

    def _release_witness(self) -> None:
        """Let go of a head by old keys that was cosigned before it was known who goes on.

        It would keep this witness from cosigning what does (SPEC SUCC-7).
        """
        held, taken = self._holdings.coordinator, self._anchors.succession.taken
        if held is None or not taken:
            return
        for row in self._witness.heads:
            if row.origin == held.origin and row.size > taken[-1].position:
                keys = [make_vkey(held.origin, one) for one in log_keys_at(held.keys, row.size)]
                try:
                    open_checkpoint(row.note, origin=held.origin, keys=keys)
                except VerificationError:
                    self._witness.forget(held.origin)

    async def outgrow_abandoned(self) -> None:
        """Make the coordinator's log as long as the abandoned one that members acted on.

        Their records name heads of it, and can be judged only where this log is as long.
        """
        own = self._holdings.own
        heads = [head for one in self._evidence if one.origin == own.origin for head in one.heads]
        if not self._evidence.anchored(own.origin) or self._fence.state is not State.OPEN:
            return
        most = max((size for size, _ in heads), default=0) + _MOST_BEYOND
        wanted = [size for size in self._sizes_waited_for() if own.size < size <= most]
        while wanted and own.size < max(wanted):
            await self._log.append_state(min(MAX_BATCH, max(wanted) - own.size))

    def _sizes_waited_for(self) -> list[int]:
        """Return the sizes of the coordinator's log at which other logs can be judged on."""
        sizes = []
        for held in self._holdings.logs.values():
            if held is not self._holdings.own and held.cursor.projected < held.size:
                entry = self._holdings.entry(self._reader, held, held.cursor.projected)
                _, body = read_record(parse_entry(entry).record, READERS)
                if isinstance(body, log_state.Body) and isinstance(body.coordinator, Head):
                    sizes.append(body.coordinator.size)
        return sizes
