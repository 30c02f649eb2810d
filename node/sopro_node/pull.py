"""Pulling one log from other nodes: open the head, check consistency, fetch, verify, keep.

Nothing is half-applied: each transaction adds entries that are proven to lie under the signed head,
together with everything that follows from them. A large sync first proves the bundles' roots
from hash tiles, so that every full bundle can be checked, committed and resumed on its own; the
head that this node serves moves only with the last of them (SPEC section SYNC).
"""

from sopro_node.fetch import Fetch
from sopro_node.growing import Growing
from sopro_node.history import History, Place
from sopro_node.opening import Opening
from sopro_node.peer import Peer
from sopro_node.target import MAX_CHECKPOINT, Pulled, Push, Target
from sopro_protocol.errors import SplitViewError


class Pull:
    """One pull of one log from one node."""

    def __init__(self, place: Place, target: Target, fetch: Fetch, *, first: int) -> None:
        self._place = place
        self._peer = Peer(fetch, target.bases[first:], is_own=first < target.own_bases)
        self._history = History(place, target, self._peer)
        held = self._history.held
        self._opening = Opening(
            target,
            self._peer,
            is_coordinator=self._history.is_coordinator,
            is_first=held is None or not held.keys,
        )
        self._growing = Growing(
            place, target, self._peer, opening=self._opening, history=self._history
        )

    async def run(self, push: Push | None) -> Pulled:
        """Bring the log up to the newest head; `Mirror.pull` says what goes wrong.

        Args:
            push: a head its own site has pushed; without it the node is asked.
        """
        self._history.check_trusted()
        try:
            return await self._run(push)
        except SplitViewError:
            held, evidence = self._history.held, self._place.evidence
            is_coordinator = self._history.is_coordinator
            if held is None or is_coordinator or not evidence.is_abandoned(held):
                raise
        # The federation goes on with the other history (SPEC EVID-12): begin anew with it.
        await self._place.writer.run(lambda: self._place.holdings.discard(held))
        self._opening.is_first = True
        return await self._run(None)

    async def _run(self, push: Push | None) -> Pulled:
        opening, history, done = self._opening, self._history, self._peer.done
        known = history.held.keys if history.held else ()
        if opening.is_first:
            # The keys come first: whether this site may be listened to follows from them.
            known = await opening.fetch_keys()
        if push is None:
            push = Push(await self._peer.get("checkpoint", limit=MAX_CHECKPOINT))
        signed = await opening.open_head(push.note, known)
        self._place.evidence.check_keys(signed.origin, signed.size, opening.spans)
        done.note = push.note
        if await history.is_of_other(signed):
            # From the beginning, keys too, and from here: nothing that was pushed is of use.
            history.abandoned, opening.is_first = history.held, True
            signed = await opening.open_head(push.note, await opening.fetch_keys())
        before = history.held.size if history.held else 0
        if await history.is_new(signed) and not await self._growing.grow_by_push(signed, push):
            await self._growing.grow(signed)
        done.size = history.held.size if history.held else 0
        done.added = done.size - before
        return done
