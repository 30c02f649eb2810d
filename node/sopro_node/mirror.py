"""Bringing logs up to date from whoever serves them, and judging again what is held of them."""

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace

from sopro_node.evidence import EvidenceKeeper
from sopro_node.fetch import Fetch
from sopro_node.heldlog import HeldLog
from sopro_node.history import Place
from sopro_node.holdings import Holdings
from sopro_node.pull import Pull
from sopro_node.step import Step
from sopro_node.store.base import Store
from sopro_node.target import Pulled, Push, Target
from sopro_node.writer import Writer
from sopro_protocol.errors import (
    FormatError,
    PeerError,
    SoproError,
    SplitViewError,
    VerificationError,
)


class Mirror:
    """Pulls logs into the holdings; one pull of a log at a time."""

    def __init__(
        self,
        holdings: Holdings,
        store: Store,
        writer: Writer,
        *,
        workers: Callable[[], Executor],
        evidence: EvidenceKeeper,
    ) -> None:
        self._place = Place(holdings, store, writer, workers, evidence)

    async def pull(self, target: Target, fetch: Fetch, *, push: Push | None = None) -> Pulled:
        """Bring a log up to its newest head (SPEC SYNC-1).

        A node that cannot be reached or serves what was not signed is passed over for the next
        one that has the log, and so is a mirror with nothing new while there are others; what the
        site's own node failed with is told either way.

        Args:
            target: which log, and from where.
            fetch: the client.
            push: a head its own site has pushed; without it the target is asked.

        Raises:
            PeerError: nobody served it.
            FormatError, VerificationError: what was served is not what was signed.
            SplitViewError: the new head excludes the one held; the evidence is on the disk.
        """
        held, roots = self._place.holdings.logs.get(target.origin), target.leading_roots
        if len(roots) > 1 and (held is None or not held.keys):
            # Whoever leads to the latest root key comes first: one that was replaced may be in
            # anybody's hands (SPEC SYNC-1).
            with suppress(PeerError, FormatError, VerificationError):
                return await self._pull(replace(target, roots=roots[:1]), fetch, push=push)
        return await self._pull(target, fetch, push=push)

    async def _pull(self, target: Target, fetch: Fetch, *, push: Push | None) -> Pulled:
        problem: SoproError | None = None
        found: Pulled | None = None
        for number in range(len(target.bases)):
            pull = Pull(self._place, target, fetch, first=number)
            try:
                pulled = await pull.run(push if number == 0 else None)
            except (PeerError, FormatError, VerificationError) as error:
                if isinstance(error, SplitViewError):
                    raise
                # Its traceback holds on to what was fetched, which may be large.
                problem = problem or error.with_traceback(None)
                problem.__context__ = None
                continue
            pulled.problem = problem if number >= target.own_bases else None
            if pulled.problem is None or pulled.added:
                return pulled
            # A mirror that has nothing new may be cut off from the site too; another one is not.
            found = found or pulled
        if found is not None:
            return found
        raise problem or PeerError(
            f"{target.origin}: no node is known to serve it", code="hos.unreachable"
        )

    async def heal(self, target: Target, fetch: Fetch, *, note: bytes) -> None:
        """Fetch the tail of this node's own log under a head that its own key has signed.

        Raises:
            PeerError, FormatError, VerificationError: nobody served what that head signs.
            SplitViewError: what the disk holds does not lie under it.
        """
        problem: SoproError | None = None
        for number in range(len(target.bases)):
            pull = Pull(self._place, target, fetch, first=number)
            try:
                await pull.run(Push(note))
            except SplitViewError:
                raise
            except (PeerError, FormatError, VerificationError) as error:
                problem = problem or error.with_traceback(None)
                continue
            return
        raise problem or PeerError(
            f"{target.origin}: no other node is known that could serve it", code="hos.unreachable"
        )

    async def resume(self, held: HeldLog, root_key: bytes) -> None:
        """Judge entries that had to wait for the coordinator's log, or count no longer the same."""
        place = self._place

        def catch_up() -> None:
            with place.store.transaction():
                step = Step(place.holdings, place.store, held, root_key=root_key)
                step.catch_up()
                step.write(checkpoint=held.checkpoint)
            step.publish(checkpoint=held.checkpoint)

        await place.writer.run(catch_up)
