"""Whether what a node serves of a log continues what is held of it; if not, the evidence."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Final, NamedTuple

from sopro_node.evidence import EvidenceKeeper
from sopro_node.forks import (
    find_parting,
    fork_ahead,
    fork_in_roots,
    fork_within,
    read_roots,
    root_below,
)
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.peer import Peer
from sopro_node.store.base import Store
from sopro_node.target import Target
from sopro_node.writer import Writer
from sopro_protocol.bundle import WIDTH
from sopro_protocol.checkpoint import SignedCheckpoint
from sopro_protocol.errors import FormatError, PeerError, SplitViewError, VerificationError
from sopro_protocol.evidence import Fork
from sopro_protocol.merkle import CompactRange, SubtreeReader, root_of

_MOST_ENTRIES: Final = 2**27
"""A larger log is not mirrored: the roots of its bundles would take too much memory."""


class Place(NamedTuple):
    """Where what is pulled is kept.

    Attributes:
        holdings: the logs.
        store: the database.
        writer: the one thread that writes it.
        workers: processes that check a large sync.
        evidence: what stands against whom.
    """

    holdings: Holdings
    store: Store
    writer: Writer
    workers: Callable[[], Executor]
    evidence: EvidenceKeeper


class History:
    """The history of a log that is held, beside the one that a node serves.

    Attributes:
        abandoned: the log as it is held, where it is given up for another history.
        proven: reads the tree of the head that is grown to, once its bundles' roots are proven.
    """

    def __init__(self, place: Place, target: Target, peer: Peer) -> None:
        self._holdings = place.holdings
        self._evidence = place.evidence
        self._target = target
        self._peer = peer
        self.abandoned: HeldLog | None = None
        self.proven: SubtreeReader | None = None

    @property
    def held(self) -> HeldLog | None:
        """The log as far as it is here."""
        held = self._holdings.logs.get(self._target.origin)
        # What is given up is dropped only when something takes its place.
        return None if held is self.abandoned else held

    @property
    def is_coordinator(self) -> bool:
        """Say whether it is the coordinator's log."""
        return self._target.origin == self._holdings.coordinator_origin

    def check_trusted(self) -> None:
        """Take nothing more from a log that evidence stands against (SPEC EVID-7).

        Raises:
            VerificationError, SplitViewError: evidence does.
        """
        refusal = self._evidence.refusal(self._target.origin)
        if refusal is not None:
            raise refusal

    async def is_of_other(self, signed: SignedCheckpoint) -> bool:
        """Say whether members have settled that a head's history holds and not the one held.

        Raises:
            VerificationError: `hos.fork`, they have settled that its history does not hold.
        """
        if not self.is_coordinator:
            return False
        held, anchored = self.held, self._evidence.anchored(self._target.origin)
        wrong = [
            one
            for one in anchored
            if held and one.size <= held.size and held.tree.root_at(one.size) != one.root
        ]
        reached = held.size if held and not wrong else 0
        for one in anchored:
            if not reached < one.size <= signed.size:
                continue
            if await root_below(signed, one.size, self._peer.tile) != one.root:
                raise VerificationError(
                    f"{signed.origin}: this node still serves a history that the members have "
                    f"abandoned: of the first {one.size} entries the root is not {one.root.hex()}",
                    code="hos.fork",
                )
        if any(one.size > signed.size for one in wrong):
            raise VerificationError(
                f"{signed.origin}: this head is too small to show of which history it is",
                code="hos.rollback",
            )
        return bool(wrong)

    async def is_new(self, signed: SignedCheckpoint) -> bool:
        """Compare a head with the one held (SPEC SYNC-2).

        Raises:
            SplitViewError: it excludes that one; the evidence is kept.
            VerificationError: `hos.rollback`, `hos.oversize`.
        """
        held = self.held
        if signed.size > _MOST_ENTRIES:
            raise VerificationError(
                f"{signed.origin}: head at size {signed.size}, this node mirrors no log of more "
                f"than {_MOST_ENTRIES} entries",
                code="hos.oversize",
            )
        if held is None:
            return True
        if signed.size <= held.size and held.tree.root_at(signed.size) != signed.root:
            raise await self._split(signed, held, fork_within(held, signed))
        if signed.size < held.signed_size and self._peer.is_own:
            raise VerificationError(
                f"{signed.origin}: head at size {signed.size}, {held.signed_size} was seen before",
                code="hos.rollback",
            )
        if fork := await fork_ahead(held, signed, self._peer.tile):
            raise await self._split(signed, held, fork)
        return signed.size > held.signed_size or not held.checkpoint

    async def _split(
        self, signed: SignedCheckpoint, held: HeldLog, fork: Fork | None
    ) -> SplitViewError:
        """Keep the evidence, and then say so (SPEC EVID-7)."""
        fork = await self._sharpen(fork, signed, held) if fork is not None else None
        if fork is not None:
            await self._evidence.accuse(fork, served_keys=self._peer.served_keys)
        return SplitViewError(
            f"{signed.origin}: two histories, the head at size {signed.size} excludes what is "
            f"held, {held.shown_size} entries",
            held=held.checkpoint,
            offered=signed.note,
        )

    async def _sharpen(self, fork: Fork, signed: SignedCheckpoint, held: HeldLog) -> Fork | None:
        """Show right behind what both share that they differ, where it can be shown (EVID-11).

        None where it cannot, and members may have settled that fork already (ANCHOR-7).
        """
        if not self.is_coordinator:
            return fork
        try:
            parting = await find_parting(held, signed, self._peer.tile)
        except (FormatError, PeerError, VerificationError):
            parting = None
        if parting is not None:
            return parting.fork
        return None if self._evidence.may_be_settled(fork) else fork

    async def prove_roots(self, signed: SignedCheckpoint) -> list[bytes]:
        """Fetch the roots of all full bundles and prove them under the signed head (SPEC SYNC-3).

        Raises:
            VerificationError: `hos.tile`, the tiles do not lead to the signed root.
            SplitViewError: they do, and what this node holds is not under it.
        """
        full, width = divmod(signed.size, WIDTH)
        roots: list[bytes] = []
        for tile in range(-(-full // WIDTH)):
            roots += await self._peer.tile(1, tile, min(WIDTH, full - tile * WIDTH))
        leaves = await self._peer.tile(0, full, width) if width else []
        proven = CompactRange()
        for root in roots:
            proven.append_subtree(root, level=8)
        proven.extend(leaves)
        if proven.root() != signed.root:
            raise VerificationError(
                f"{signed.origin}: the hash tiles lead to another root than the signed one",
                code="hos.tile",
            )
        if self.held is not None:
            await self._check_prefix(self.held, signed, roots, leaves)
        self.proven = read_roots(roots, {full: leaves})
        return roots

    async def _check_prefix(
        self,
        held: HeldLog,
        signed: SignedCheckpoint,
        roots: Sequence[bytes],
        leaves: Sequence[bytes],
    ) -> None:
        """Hold what this node has to the proven roots.

        Raises:
            SplitViewError: it does not lie under them.
        """
        edge = held.tree.edge
        known = {len(roots): leaves}
        is_prefix = list(roots[: edge.full]) == held.tree.roots[: edge.full]
        if is_prefix and edge.full < len(roots) and edge.leaves:
            known[edge.full] = await self._peer.tile(0, edge.full, WIDTH)
            if root_of(known[edge.full]) != roots[edge.full]:
                raise VerificationError(
                    f"{held.origin}: tile 0/{edge.full} does not match its parent", code="hos.tile"
                )
        if not is_prefix or list(known.get(edge.full, ())[: len(edge.leaves)]) != edge.leaves:
            raise await self._split(signed, held, fork_in_roots(held, signed, roots, known))
