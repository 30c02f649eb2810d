"""Keeping mirrors current: who is followed, when to look, what went wrong.

`/events` makes it fast, polling makes it sure. Each followed log has one task that pulls it; each
followed node has one task that listens to its events. Failures of one never touch another.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Final

from sopro_node import clock
from sopro_node.config import Settings
from sopro_node.evidence import EvidenceKeeper, Kept
from sopro_node.fetch import Fetch
from sopro_node.followed import Followed
from sopro_node.gossip import Gossip
from sopro_node.holdings import Holdings
from sopro_node.hub import Hub
from sopro_node.identity import Identity, Invite
from sopro_node.listening import Listener
from sopro_node.mirror import Mirror
from sopro_node.peer_state import PeerState
from sopro_node.pool import Pool
from sopro_node.store.base import Store
from sopro_node.target import Pulled, Target
from sopro_node.tasks import start_task, wait_at_most
from sopro_node.writer import Writer
from sopro_protocol.errors import (
    SoproError,
    StorageFullError,
    VerificationError,
)

_MOST_BACK_OFF: Final = 300.0
_MOST_FRUITLESS: Final = 4
_CALM: Final = 0.5

_logger = logging.getLogger("sopro.exchange")


class Exchange:
    """Follows every log this node mirrors.

    Attributes:
        mirror: pulls logs.
        peers: how the exchange of each log goes, by origin.
        gossip: compares what nodes tell of heads.
        listener: hears what they announce.
    """

    def __init__(  # noqa: PLR0913  # the parts it joins
        self,
        *,
        settings: Settings,
        identity: Identity,
        invite: Callable[[], Invite | None],
        former_urls: Callable[[], Iterable[str]] = tuple,
        holdings: Holdings,
        store: Store,
        writer: Writer,
        hub: Hub,
        joined: Callable[[], Awaitable[None]],
        erased: Callable[[], Awaitable[None]],
        restarted: Callable[[], None],
        count_anchors: Callable[[], Awaitable[None]],
        heard: Callable[[str, str, bytes], None],
        evidence: EvidenceKeeper,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._holdings = holdings
        self._store = store
        self._writer = writer
        self._hub = hub
        self._joined = joined
        self._erased = erased
        self._erasures = -1
        self._restarted = restarted
        self._restarts = 0
        self._count_anchors = count_anchors
        self._heard = heard
        self.pool = Pool(settings.workers)
        self._is_running = False
        self.mirror = Mirror(holdings, store, writer, workers=self.pool.workers, evidence=evidence)
        self.evidence = evidence
        evidence.tell(self._distrust)
        self._followed = Followed(
            settings, identity, holdings, invite=invite, former_urls=former_urls
        )
        self.gossip = Gossip(holdings, evidence, tellers=self._tellers)
        self.peers: dict[str, PeerState] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._fetch = Fetch(settings.fetch_seconds, reach=settings.reach)
        self.listener = Listener(self.peers, self._fetch, holdings, gossip=self.gossip, heard=heard)
        for row in store.others.exchanges():
            state = PeerState(Target(row.origin, b"", ()), *row[1:])
            self.peers[row.origin] = state

    def targets(self) -> list[Target]:
        """Return what is to be followed now, the coordinator first."""
        return self._followed.targets()

    def _tellers(self) -> dict[str, str]:
        return self._followed.tellers(state.target for state in self.peers.values())

    def refresh(self) -> None:
        """Follow new members, and old ones at new addresses."""
        for target in self.targets():
            state = self.peers.get(target.origin)
            if state is None:
                state = self.peers[target.origin] = PeerState(target)
            state.target = target
            held = self._holdings.logs.get(target.origin)
            if held is not None and self._holdings.is_overtaken(held):
                state.wake.set()
            self._begin(f"pull {target.origin}", self._follow, target.origin)
            if target.bases and not self._holdings.directory.is_closed(target.origin):
                self._begin(f"events {target.origin}", self.listener.listen, target.origin)

    def refresh_soon(self) -> None:
        """Refresh where this exchange is running."""
        if self._is_running:
            self.refresh()

    def _begin(
        self, name: str, work: Callable[[str], Coroutine[Any, Any, None]], origin: str
    ) -> None:
        task = self._tasks.get(name)
        if task is None or task.done():
            self._tasks[name] = start_task(partial(work, origin), name=name)

    # Life.

    async def start(self) -> None:
        """Begin to follow."""
        await self._fetch.__aenter__()
        self._is_running = True
        self.refresh()
        every = float(self._settings.poll_seconds)
        watch = partial(self.gossip.run, self._fetch, every=every)
        self._tasks["gossip"] = start_task(watch, name="gossip")

    async def stop(self) -> None:
        """Stop following; what was committed stays."""
        self._is_running = False
        while running := [task for task in self._tasks.values() if not task.done()]:
            # Again where a library below has swallowed the cancellation.
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=1)
        await self._fetch.__aexit__(None, None, None)
        self.pool.close()
        with contextlib.suppress(StorageFullError):
            await self._writer.run(self._save)

    async def sync_once(self, only: str = "") -> dict[str, Pulled | SoproError]:
        """Pull everything once, the coordinator first; new members are pulled too.

        Args:
            only: origin of a log; of all others only the coordinator's is pulled then.
        """
        wanted = (only, self._holdings.coordinator_origin)
        results: dict[str, Pulled | SoproError] = {}
        async with Fetch(self._settings.fetch_seconds, reach=self._settings.reach) as fetch:
            while True:
                waiting = [
                    one
                    for one in self.targets()
                    if one.origin not in results and (not only or one.origin in wanted)
                ]
                if not waiting:
                    break
                for target in waiting:
                    state = self.peers.setdefault(target.origin, PeerState(target))
                    state.target = target
                    # Whoever asks wants to know what the origin says now, not what it pushed.
                    state.push = None
                    results[target.origin] = await self._pull(state, fetch)
                await self._try(self._after_coordinator)
            tellers = self._tellers().items()
            await asyncio.gather(*(self.gossip.visit(*one, fetch) for one in tellers))
        await self._try(self._count_anchors)
        await self._try(self._after_erasures)
        await self._writer.run(self._save)
        if not self._is_running:
            self.pool.close()
        return results

    def _save(self) -> None:
        with self._store.transaction():
            for state in self.peers.values():
                self._store.others.put_exchange(state.row())

    # Pulling.

    async def heal(self, target: Target, fetch: Fetch, *, note: bytes) -> None:
        """Fetch the tail of this node's own log from its mirrors (`Mirror.heal`)."""
        with self.pool.used():
            await self.mirror.heal(target, fetch, note=note)

    async def _follow(self, origin: str) -> None:
        state = self.peers[origin]
        while True:
            outcome = await self._pull(state, self._fetch)
            if isinstance(outcome, Pulled) and outcome.added:
                self._hub.announce_soon(self._holdings.logs[origin])
                if origin == self._holdings.coordinator_origin:
                    self.refresh()
            if origin == self._holdings.coordinator_origin:
                await self._try(self._after_coordinator)
            await self._try(self._after_erasures)
            await self._try(self._count_anchors)
            await self._pause(state)

    def confirmed_at(self, origin: str) -> str | None:
        """Return when a mirrored log's head was last found to be the newest."""
        state = self.peers.get(origin)
        return clock.format_time(state.confirmed) if state and state.confirmed else None

    async def _pause(self, state: PeerState) -> None:
        pause = float(self._settings.poll_seconds)
        if state.failures:
            pause = min(_MOST_BACK_OFF, pause, 0.5 * 2 ** min(state.failures, 12))
        pause *= random.uniform(0.75, 1.25)  # noqa: S311  # spreads load, hides nothing
        if state.fruitless > _MOST_FRUITLESS:
            # Whoever wakes us for nothing again and again gets no more than this.
            calm = min(pause, _CALM)
            await asyncio.sleep(calm)
            pause -= calm
        await wait_at_most(state.wake, pause)
        state.wake.clear()

    async def _pull(self, state: PeerState, fetch: Fetch) -> Pulled | SoproError:
        """Pull one log; whatever goes wrong, the others go on."""
        async with state.lock:
            try:
                return await self._pull_alone(state, fetch)
            except Exception as error:  # a bug of ours must not end the exchange
                _logger.exception("bug in pull", extra={"origin": state.target.origin})
                failure = SoproError(f"this node made a mistake: {type(error).__name__}")
                self._fail(state, failure)
                return failure

    async def _pull_alone(self, state: PeerState, fetch: Fetch) -> Pulled | SoproError:
        origin = state.target.origin
        push, state.push = state.push, None
        held = self._holdings.logs.get(origin)
        if push is not None and held is not None and push.size <= held.signed_size:
            push = None
        if held is not None and self._holdings.is_overtaken(held):
            # Whether or not its site answers.
            await self.mirror.resume(held, state.target.root_key)
        before = held.size if held else 0
        began = clock.now()
        state.attempted = began
        try:
            with self.pool.used():
                pulled = await self.mirror.pull(state.target, fetch, push=push)
        except SoproError as error:
            self._fail(state, error)
            return error
        if self._restarts != self._holdings.restarts:
            self._restarts = self._holdings.restarts
            self._restarted()
        state.seconds = (clock.now() - began) / 1000
        state.served = clock.now()
        pulled.problem = pulled.problem or self._check_end(origin)
        if pulled.problem is None:
            state.confirm()
            state.failures, state.code, state.message = 0, "", ""
        else:
            # A mirror stood in: it cannot say that there is nothing newer.
            self._fail(state, pulled.problem)
        state.fruitless = 0 if pulled.added else state.fruitless + 1
        held = self._holdings.logs.get(origin)
        if held is not None and self._holdings.is_behind(held):
            self.wake_coordinator()
        self._heard(origin, origin, pulled.note)
        if pulled.added:
            # One decision that comes by itself is no news to whoever reads logs.
            level = logging.INFO if pulled.requests else logging.DEBUG
            _logger.log(
                level,
                "pulled",
                extra={"origin": origin, "old_size": before, "new_size": pulled.size},
            )
        return pulled

    def _check_end(self, origin: str) -> VerificationError | None:
        """Hold a log that was closed to the root at which another continues it (EPOCH-3)."""
        held = self._holdings.logs.get(origin)
        for end in self._holdings.directory.ends() if held is not None else ():
            is_here = held is not None and end.origin == origin and end.size <= held.size
            if held is not None and is_here and held.tree.root_at(end.size) != end.root:
                return VerificationError(
                    f"{origin}: another log continues it from size {end.size} under another root "
                    "than the entries here lead to",
                    code="hos.fork",
                )
        return None

    def _fail(self, state: PeerState, error: SoproError) -> None:
        if state.fail(error):
            _logger.warning(
                "pull failed",
                extra={
                    "origin": state.target.origin,
                    "code": error.code,
                    "reason": str(error),
                    "failures": state.failures,
                },
            )

    def _distrust(self, kept: Kept) -> None:
        """Say at once that a log is not followed any more, not only when it would be pulled."""
        state, refusal = self.peers.get(kept.origin), self.evidence.refusal(kept.origin)
        if state is not None and refusal is not None:
            self._fail(state, refusal)

    def wake_coordinator(self) -> None:
        """Look at the coordinator's log now."""
        state = self.peers.get(self._holdings.coordinator_origin or "")
        if state is not None:
            state.wake.set()

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        """Go on; what cannot be done now is tried again after the next look."""
        try:
            await work()
        except SoproError as error:
            _logger.warning("waiting", extra={"code": error.code, "reason": str(error)})

    async def _after_coordinator(self) -> None:
        """Judge what had to wait for the coordinator's log, and act on it in our own."""
        for target in self.targets():
            held = self._holdings.logs.get(target.origin)
            if held is not None and self._holdings.is_behind(held):
                await self.mirror.resume(held, target.root_key)
                self._hub.announce_soon(held)
        own = self._holdings.own
        if self._holdings.is_behind(own):
            await self.mirror.resume(own, self._identity.root)
            if not self._holdings.is_behind(own):
                # What it said of its labels last is not how they stand now.
                await self._joined()
        await self._say_joined()

    async def _after_erasures(self) -> None:
        """Carry out what other sites have had erased; once after a start, for what was left."""
        erasures = self._holdings.changed_documents
        if erasures != self._erasures:
            await self._erased()
            self._erasures = erasures

    async def _say_joined(self) -> None:
        """Name the coordinator's head in our own log as soon as it admits us, also once more."""
        own = self._holdings.own
        member = self._holdings.directory.membership(own.site)
        if self._identity.coordinator or member is None or member.status != "admitted":
            return
        if member.origin != own.origin:
            return
        acted = own.cursor.acted_on
        size = acted.size if acted else 0
        before = self._holdings.directory.membership(own.site, size=size)
        is_news = before is None or (before.status, before.origin) != ("admitted", own.origin)
        endings = self._holdings.directory.endings(own.origin)
        if is_news or any(ending.position >= size for ending in endings):
            await self._joined()
