"""Keeping mirrors current: who is followed, when to look, what went wrong.

`/events` makes it fast, polling makes it sure. Each followed log has one task that pulls it; each
followed node has one task that listens to its events. Failures of one never touch another.
"""

import asyncio
import contextlib
import json
import logging
import os
import random
from base64 import b64decode
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from sopro_node import clock
from sopro_node.config import Settings
from sopro_node.evidence import EvidenceKeeper, Kept
from sopro_node.fetch import Fetch
from sopro_node.gossip import Gossip
from sopro_node.holdings import Holdings
from sopro_node.hub import Hub
from sopro_node.identity import Identity, Invite
from sopro_node.mirror import Mirror
from sopro_node.store.base import ExchangeRow, Store
from sopro_node.target import MAX_CHECKPOINT, Pulled, Push, Target
from sopro_node.tasks import start_task, wait_at_most
from sopro_node.worker import start_pool
from sopro_node.writer import Writer
from sopro_protocol.errors import (
    SoproError,
    StorageFullError,
    UnavailableError,
    VerificationError,
)
from sopro_registry.families import site_membership

_MOST_BACK_OFF: Final = 300.0
_HEARSAY_DELAY: Final = 2.0
_MOST_BASES: Final = 5
_POOL_IDLE: Final = 30.0
_MOST_FRUITLESS: Final = 4
_CALM: Final = 0.5

_logger = logging.getLogger("sopro.exchange")


@dataclass(slots=True)
class PeerState:
    """How the exchange of one log goes.

    Attributes:
        target: what is pulled, and from where.
        attempted: time of the last try.
        confirmed: time at which the head held was last found to be the newest.
        served: time at which anybody has last served a head of it that is held in full now, its
            own site or a mirror; 0 for not since the start.
        failures: tries that failed since the last that did not.
        code: of the last failure; empty when there is none.
        message: of the last failure.
        refusals: by code, since this process started.
        seconds: the last pull took.
        fruitless: pulls in a row that brought nothing.
        push: the newest head that its own site has pushed, not pulled yet.
        heard: when it was confirmed on a clock that nobody sets; None for not since the start.
    """

    target: Target
    attempted: int = 0
    confirmed: int = 0
    failures: int = 0
    code: str = ""
    message: str = ""
    refusals: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    fruitless: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    push: Push | None = None
    heard: float | None = None
    served: int = 0

    def confirm(self) -> None:
        """Note that the head held is the newest."""
        self.confirmed, self.heard = clock.now(), clock.uptime()

    def lag(self) -> float | None:
        """Return the seconds since the head held was last found to be the newest.

        None where it never was. A clock that was set back since says nothing of it either.
        """
        if self.heard is not None:
            return clock.uptime() - self.heard
        seconds = (clock.now() - self.confirmed) / 1000
        return seconds if self.confirmed and seconds >= 0 else None


class Exchange:
    """Follows every log this node mirrors.

    Attributes:
        mirror: pulls logs.
        peers: how the exchange of each log goes, by origin.
        on_own_head: told the notes of this node's own log, and who announces them.
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
        self._invite = invite
        self._former_urls = former_urls
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
        self._pool: ProcessPoolExecutor | None = None
        self._pool_timer: asyncio.TimerHandle | None = None
        self._pulling = 0
        self._is_running = False
        self.mirror = Mirror(holdings, store, writer, workers=self._workers, evidence=evidence)
        self.evidence = evidence
        evidence.tell(self._distrust)
        self.gossip = Gossip(holdings, evidence, tellers=self._tellers)
        self.peers: dict[str, PeerState] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._fetch = Fetch(settings.fetch_seconds, reach=settings.reach)
        self.on_own_head: Callable[[bytes, str], None] = lambda _note, _teller: None
        for row in store.exchanges():
            state = PeerState(Target(row.origin, b"", ()), *row[1:])
            self.peers[row.origin] = state

    # Targets.

    def targets(self) -> list[Target]:
        """Return what is to be followed now, the coordinator first."""
        invite = self._invite()
        targets = []
        roots: dict[str, tuple[bytes, ...]] = {}
        urls: dict[str, list[str]] = {}
        members = list(self._holdings.directory.members())
        mirrored = self._mirrored(members)
        if invite is not None:
            urls[invite.origin] = list(invite.urls)
            targets.append((invite.origin, invite.root_key))
        for member in members:
            known = urls.setdefault(member.origin, [])
            known[:0] = [url for url in member.urls if url not in known]
            is_followed = member.status in ("admitted", "suspended", "left", "expelled")
            if is_followed and member.site in mirrored:
                for origin in self._holdings.directory.logs(member.site):
                    # The site's node has its closed logs as others do.
                    urls.setdefault(origin, known)
                    targets.append((origin, self._founding_root(origin, member)))
                    roots[origin] = self._holdings.directory.leading_roots(origin)
        own = self._identity.origin
        seen = dict(targets)
        return [
            replace(
                self._target(origin, root, urls),
                roots=roots.get(origin, ()),
                is_cut=self._holdings.directory.is_closed(origin),
                beginning=self._holdings.directory.beginning(origin) or b"",
            )
            for origin, root in seen.items()
            if origin != own
        ]

    def _mirrored(self, members: Sequence[site_membership.Body]) -> set[str]:
        """Return the sites whose logs are mirrored.

        With a site that has ever gone, be it this one, go those that look after it, or have, since
        what was erased in its log stands in theirs (ERASE-8).
        """
        directory = self._holdings.directory
        chosen = {one.site for one in members if self._settings.mirrors(one.site)}
        gone = [site for site in {*chosen, self._identity.site} if directory.has_gone(site)]
        return chosen.union(*(directory.caretakers(site) for site in gone))

    def _founding_root(self, origin: str, member: site_membership.Body) -> bytes:
        return self._holdings.directory.founding_root(origin) or member.root

    def _target(self, origin: str, root: bytes, urls: dict[str, list[str]]) -> Target:
        path = "/log/" + origin.split("/", 1)[1]
        others = [url for other, known in urls.items() if other != origin for url in known]
        own, every = (
            [
                url.rstrip("/") + path
                for url in dict.fromkeys(known)
                if url.rstrip("/") != self._settings.public_url
            ]
            for known in (urls.get(origin, []), [*urls.get(origin, []), *others])
        )
        return Target(origin, root, tuple(every[:_MOST_BASES]), own_bases=len(own))

    def _tellers(self) -> dict[str, str]:
        """Return where the other nodes are, by the origin of their own logs.

        Where a coordinator was that has a successor is among them: it may come back.
        """
        former = {f"former coordinator at {url}": url.rstrip("/") for url in self._former_urls()}
        return former | {
            origin: _root_url(origin, state.target.bases[0])
            for origin, state in self.peers.items()
            if state.target.own_bases and state.target.bases
            if not self._holdings.directory.is_closed(origin)
        }

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
                self._begin(f"events {target.origin}", self._listen, target.origin)

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
        self._close_pool()
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
            self._close_pool()
        return results

    def _save(self) -> None:
        with self._store.transaction():
            for origin, state in self.peers.items():
                self._store.put_exchange(
                    ExchangeRow(
                        origin,
                        state.attempted,
                        state.confirmed,
                        state.failures,
                        state.code,
                        state.message,
                    )
                )

    # Pulling.

    async def heal(self, target: Target, fetch: Fetch, *, note: bytes) -> None:
        """Fetch the tail of this node's own log from its mirrors (`Mirror.heal`)."""
        self._pulling += 1
        try:
            await self.mirror.heal(target, fetch, note=note)
        except BrokenExecutor:
            self._close_pool()
            raise UnavailableError("a worker process ended; is there too little memory?") from None
        finally:
            self._pulling -= 1

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
        self._pulling += 1
        try:
            pulled = await self.mirror.pull(state.target, fetch, push=push)
        except SoproError as error:
            self._fail(state, error)
            return error
        except BrokenExecutor:
            self._close_pool()
            ended = UnavailableError("a worker process ended; is there too little memory?")
            self._fail(state, ended)
            return ended
        finally:
            self._pulling -= 1
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
        is_news = (error.code, str(error)) != (state.code, state.message)
        state.failures += 1
        state.fruitless += 1
        state.code, state.message = error.code, str(error)
        state.refusals[error.code] = state.refusals.get(error.code, 0) + 1
        if is_news:
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

    # Events.

    async def _listen(self, origin: str) -> None:
        failures = faults = 0
        while True:
            url = _root_url(origin, self.peers[origin].target.bases[0]) + "/events"
            try:
                async for line in self._fetch.lines(url, limit=2 * MAX_CHECKPOINT):
                    failures = 0
                    if line.startswith(b"data:"):
                        self._hear(origin, line[5:].strip())
                faults = 0
            except SoproError as error:
                if error.code != "hos.unreachable":
                    faults += 1
                    state = self.peers[origin]
                    state.refusals[error.code] = state.refusals.get(error.code, 0) + 1
            failures += 1
            await asyncio.sleep(
                min(60.0, 0.5 * 2 ** min(failures + faults, 7)) * random.uniform(0.75, 1.25)  # noqa: S311
            )

    def _hear(self, teller: str, data: bytes) -> None:
        """Take a head that was pushed as a hint; the pull verifies it."""
        try:
            event = json.loads(data)
            self.gossip.hear(teller, event)
            origin, size, note = event["origin"], event["size"], event["note"].encode()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return
        if origin == self._identity.origin:
            self.on_own_head(note, teller)
        if isinstance(origin, str):
            self._heard(teller, origin, note)
        state = self.peers.get(origin) if isinstance(origin, str) else None
        held = self._holdings.logs.get(origin) if state else None
        if state is None or not isinstance(size, int) or (held and size <= held.signed_size):
            return
        if teller == origin:
            state.push = Push(note, *_read_tail(event), size=size)
            state.wake.set()
        else:
            # The origin itself tells us in a moment, unless it is down.
            asyncio.get_running_loop().call_later(_HEARSAY_DELAY, self._hearsay, origin, size)

    def _hearsay(self, origin: str, size: int) -> None:
        held = self._holdings.logs.get(origin)
        if held is None or held.signed_size < size:
            self.peers[origin].wake.set()

    # Workers.

    def _workers(self) -> ProcessPoolExecutor:
        """Return the worker processes, started for this sync and let go when idle."""
        if self._pool is None:
            self._pool = start_pool(self._settings.workers or os.cpu_count() or 1)
        self._plan_closing()
        return self._pool

    def _plan_closing(self) -> None:
        if self._pool_timer is not None:
            self._pool_timer.cancel()
        loop = asyncio.get_running_loop()
        self._pool_timer = loop.call_later(_POOL_IDLE, self._close_idle_pool)

    def _close_idle_pool(self) -> None:
        if self._pulling:
            self._plan_closing()
        else:
            self._close_pool()

    def _close_pool(self) -> None:
        if self._pool_timer is not None:
            self._pool_timer.cancel()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _root_url(origin: str, base: str) -> str:
    """Return a node's URL from that of a log it serves."""
    return base[: -len("/log/" + origin.split("/", 1)[1])]


def _read_tail(event: Mapping[str, Any]) -> tuple[int, bytes]:
    """Return the size before the entries that came with a head, and these; or none."""
    since, bundle = event.get("since"), event.get("bundle")
    if not isinstance(since, int) or since < 0 or not isinstance(bundle, str):
        return 0, b""
    try:
        return since, b64decode(bundle, validate=True)
    except ValueError:
        return 0, b""
