"""The start fence: nothing is signed before peers were asked what they hold of this node's log.

A copy of a data directory that is older than what was published would tell a second history with
its next signature. So a node that starts asks its peers for the largest head of its own log that
its own key has signed (SPEC FENCE). Where they know more, it fetches its own tail from them, under
that signature, and only then goes on. Reading works all the while.

It goes on listening afterwards: a head of its own log that it has not made itself means that
another process signs with the same key.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from sopro_node.asking import Heard, Question, ask_everybody, is_given_up, known_peers
from sopro_node.config import Settings
from sopro_node.drafting import Draft, Note
from sopro_node.exchange import Exchange
from sopro_node.fence_state import (
    ABANDONED,
    ALONE,
    CLOSED,
    DOUBLE,
    FORKED,
    FORKED_COORDINATOR,
    OTHER,
    SETTLED,
    Kept,
    State,
    explain,
    load_kept,
    log_keys,
    save_kept,
)
from sopro_node.fetch import Fetch
from sopro_node.holdings import Holdings
from sopro_node.identity import Identity, Invite
from sopro_node.log import OwnLog
from sopro_node.losses import note_recovery
from sopro_node.store.base import Store
from sopro_node.target import Target
from sopro_node.tasks import start_task, wait_at_most
from sopro_node.writer import Writer
from sopro_protocol.checkpoint import (
    SignedCheckpoint,
    open_sized_checkpoint,
    parse_checkpoint_text,
)
from sopro_protocol.errors import (
    RefusedError,
    SoproError,
    SplitViewError,
    UnavailableError,
)
from sopro_protocol.keys import VerifierKey
from sopro_protocol.note import parse_note

_LONGEST: Final = 5.0
_FIRST_PAUSE: Final = 0.25
_MOST_PAUSE: Final = 60.0

_logger = logging.getLogger("sopro.fence")


class Fence:
    """Stands before the node's own log until it is certain that nothing newer is signed.

    Attributes:
        state: how it stands.
        reason: why it is not open, a sentence for people; empty where it is.
        asked: how many peers are known.
        answered: how many of them have answered since the start.
    """

    def __init__(  # noqa: PLR0913  # the parts it joins
        self,
        *,
        identity: Identity,
        invite: Callable[[], Invite | None],
        settings: Settings,
        holdings: Holdings,
        store: Store,
        writer: Writer,
        exchange: Exchange,
        log: OwnLog,
        log_keys: Collection[bytes],
    ) -> None:
        self._identity = identity
        self._invite = invite
        self._own_url = settings.public_url
        self._deadline = settings.fetch_seconds
        self._reach = settings.reach
        self._holdings = holdings
        self._store = store
        self._writer = writer
        self._exchange = exchange
        self._log = log
        self._in_directory = log_keys
        self._kept = load_kept(store)
        self._heard: dict[str, Heard] = {}
        self._known: SignedCheckpoint | None = None
        self._event: tuple[SignedCheckpoint, str] | None = None
        self._opened_at: int | None = None
        self._is_doubled = False
        self._task: asyncio.Task[None] | None = None
        self._decided = asyncio.Event()
        self._wake = asyncio.Event()
        self._working = asyncio.Lock()
        self.state = State.ASKING
        self.reason = ""

    # What others ask it.

    def describe(self) -> dict[str, object]:
        """Say how it stands, for programs."""
        return {
            "state": str(self.state),
            "reason": self.reason,
            "peers": self.asked,
            "answered": self.answered,
        }

    @property
    def asked(self) -> int:
        """How many peers are known."""
        return len(self.peers())

    @property
    def answered(self) -> int:
        """How many peers have answered since the start."""
        return len(self._heard)

    def is_informed(self) -> bool:
        """Say whether it is known since the start what others hold of this log.

        An operator can open it without (SPEC FENCE-5); that tells what is signed, and not what was
        erased meanwhile. Where no other node is known there is nobody to tell.
        """
        peers = self.peers()
        has_heard = any(one.head is not None for one in self._heard.values())
        return self.state is State.OPEN and (has_heard or peers.keys() <= self._heard.keys())

    async def admit(self) -> None:
        """Let an append pass, after the peers were asked where that has not happened yet.

        Raises:
            UnavailableError: the fence is not open; says why and what to do.
        """
        await self.settle()
        self._is_over()
        if self.state is not State.OPEN:
            raise UnavailableError(self.reason, code=explain(self.state, self.reason).code)

    async def settle(self) -> None:
        """Wait until the peers were asked once; that takes some seconds at most."""
        if self.state is State.OPEN:
            return
        if self._task is not None:
            await self._decided.wait()
        elif not self._decided.is_set():
            async with Fetch(self._deadline, reach=self._reach) as fetch:
                await self._look(fetch)
            self._decided.set()

    async def open_alone(self, reason: str, *, note: Note | None = None) -> int | None:
        """Open it because an operator says so; the decision is the next entry.

        Returns its position, or None where peers have answered and no decision is needed.

        Raises:
            RefusedError: peers have answered, and they know more than this node.
            FormatError: the reason does not fit a record.
        """
        await self.settle()
        async with self._working:
            if self.state is State.OPEN:
                return None
            if self.state is not State.ASKING:
                raise RefusedError(
                    f"{self.reason}; no operator can open that, because the next signature would "
                    "contradict what this site has signed",
                    code=explain(self.state, self.reason).code,
                )
            index = await self._decide_alone(reason, note)
            await self._keep(Kept())
            self._open()
        return index

    async def _decide_alone(self, reason: str, note: Note | None) -> int:
        draft = Draft("serve_alone", {"peers": self.asked, "reason": reason})
        self._log.open()
        try:
            [outcome] = await self._log.append_first([draft], note=note)
        except BaseException:
            self._set(self.state, self.reason)
            raise
        if isinstance(outcome, SoproError):
            self._set(self.state, self.reason)
            raise outcome
        _logger.warning("opened alone", extra={"peers": self.asked, "reason": reason})
        return outcome.index

    # Life.

    def begin(self) -> None:
        """Say how it stands before anybody was asked; a log nobody was ever offered is open."""
        if self._is_over():
            self._decided.set()
        elif self._kept.fork is not None:
            self._set(State.FORKED, self._words_forked())
            self._decided.set()
        elif self._kept.known:
            self._known = self._open_note(self._kept.known)
            self._set(State.BEHIND, self._words_behind())
        elif not self.peers() and not self._kept.is_restored:
            self._open()
        else:
            self._set(State.ASKING, self._words_asking())

    async def start(self) -> None:
        """Ask, heal and watch from now on, beside a node that serves."""
        self._task = start_task(self._run, name="fence")

    async def stop(self) -> None:
        """Stop; a healing that was begun goes on at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        began, pause = loop.time(), _FIRST_PAUSE
        try:
            async with Fetch(self._deadline, reach=self._reach) as fetch:
                while True:
                    await self._try(fetch)
                    is_late = loop.time() - began >= _LONGEST
                    is_settled = self.state in SETTLED
                    if is_settled or is_late:
                        self._decided.set()
                    if is_late:
                        most = _MOST_PAUSE if self.state is State.OPEN else _LONGEST
                        pause = min(most, pause * 2)
                    await wait_at_most(self._wake, pause)
                    self._wake.clear()
        finally:
            self._decided.set()

    async def _try(self, fetch: Fetch) -> None:
        """Ask and heal once; what fails is tried again."""
        try:
            if self._is_over():
                return
            if self.state in (State.CLOSED, State.OTHER):
                await self._ask_again()  # the members have settled another history since
            if self.state is State.FORKED:
                await self._reopen()
            if self.state is State.FORKED:
                return
            await self._look(fetch)
            await self._heal(fetch)
        except SoproError as error:
            _logger.warning("fence", extra={"code": error.code, "reason": str(error)})

    # Asking.

    def peers(self) -> dict[str, list[str]]:
        """Return the addresses of whoever may hold this log, by the origin of their own."""
        return known_peers(
            self._holdings.directory,
            self._invite(),
            own_origin=self._identity.origin,
            own_url=self._own_url,
        )

    async def _look(self, fetch: Fetch) -> None:
        """Ask who has not answered yet, and draw the conclusion."""
        peers = self.peers()
        is_asking = self.state is State.ASKING
        unasked = {
            origin: urls
            for origin, urls in peers.items()
            if origin not in self._heard or (is_asking and self._heard[origin].head is None)
        }
        if not unasked and not is_asking:
            return
        heard = await self._ask(unasked, fetch)
        async with self._working:
            self._heard |= {one.peer: one for one in heard}
            await self._take(one.head for one in heard if one.head is not None)
            if self.state is State.ASKING and self._is_answered(peers):
                await self._keep(Kept())
                self._open()
            elif self.state is State.ASKING:
                self._set(State.ASKING, self._words_asking())

    def _is_answered(self, peers: Mapping[str, object]) -> bool:
        """Say whether the answers suffice (SPEC FENCE-3)."""
        if any(one.head is not None for one in self._heard.values()):
            return True
        return bool(peers) and peers.keys() <= self._heard.keys() and not self._kept.is_restored

    async def _take(self, heads: Iterable[SignedCheckpoint]) -> None:
        """Compare heads that carry our signature with what the disk holds."""
        for head in sorted(heads, key=lambda one: one.size):
            own = self._holdings.own
            if self.state is State.FORKED:
                return
            if (head.size, head.root) in self._abandoned():
                continue
            if head.size <= own.size:
                if own.tree.root_at(head.size) != head.root:
                    await self._fork(own.checkpoint, head.note)
            elif self._known is None or head.size > self._known.size:
                start = self._kept.start if self._kept.known else own.size
                self._known = head
                await self._keep(
                    Kept(
                        known=head.note,
                        start=start,
                        is_restored=self._kept.is_restored,
                        settled=self._settlements(),
                    )
                )
                self._shut(State.BEHIND, self._words_behind())

    def hear(self, note: bytes, teller: str) -> None:
        """Take a head of our own log from a peer's events, as a hint (SPEC SYNC-8)."""
        if self.state not in (State.OPEN, State.DOUBLE):
            return
        own = self._holdings.own
        with contextlib.suppress(SoproError):
            said = parse_checkpoint_text(parse_note(note).text)
            if said.size <= own.size and own.tree.root_at(said.size) == said.root:
                return
            if (said.size, said.root) in self._abandoned():
                return
            # Not what this process has signed; its own task compares and heals.
            self._event = self._open_note(note), teller
            # Who has answered since the start and learns more now has it from somebody else.
            self._is_doubled = self._is_doubled or teller in self._heard
            self._wake.set()

    # Healing.

    async def _heal(self, fetch: Fetch) -> None:
        """Fetch our own tail where peers hold more than the disk (SPEC FENCE-4)."""
        async with self._working:
            event, self._event = self._event, None
            if event is not None:
                await self._take(await self._heads_of(*event, fetch))
            if self.state is not State.BEHIND or self._known is None:
                return
            # A batch that was under way is part of what is compared.
            await self._writer.run(lambda: None)
            await self._fetch_tail(self._known, fetch)

    async def _fetch_tail(self, known: SignedCheckpoint, fetch: Fetch) -> None:
        own = self._holdings.own
        has_signed = self._is_doubled or self._opened_at not in (None, own.size)
        try:
            if own.size < known.size:
                await self._exchange.heal(self._target(known), fetch, note=known.note)
            if own.cursor.projected < own.size:
                await self._exchange.mirror.resume(own, self._identity.root)
        except SplitViewError as error:
            await self._fork(error.held, error.offered)
            return
        except SoproError as error:
            self._set(State.BEHIND, f"{self._words_behind()} (last try: {error})")
            await self._weigh_known(known)
            return
        await self._report(self._kept.start)
        if own.cursor.projected < own.size:
            self._set(
                State.BEHIND,
                "this node has fetched what it lacked of its own log, and waits for the "
                "coordinator's log to judge it",
            )
            return
        heads = [one.head for one in self._heard.values() if one.head is not None]
        self._known = None
        await self._take([*heads, known])
        if self.state is State.BEHIND and self._known is None:
            await self._keep(Kept())
            if has_signed:
                self._set(State.DOUBLE, DOUBLE)
            else:
                self._open()

    async def _weigh_known(self, known: SignedCheckpoint) -> None:
        """See whether the head that cannot be fetched is of another history."""
        own = self._holdings.own
        if self._exchange.evidence.standing(own.origin):
            await self._fork(own.checkpoint, known.note)
        elif self._is_settled_since():
            await self._ask_again()

    async def _ask_again(self) -> None:
        self._known = None
        await self._keep(Kept())
        self._heard = {}
        self._shut(State.ASKING, self._words_asking())

    async def _report(self, before: int) -> None:
        """Keep what was fetched back, and which documents no mirror had."""
        own = self._holdings.own
        if own.size == before:
            return

        def save() -> None:
            with self._store.transaction():
                note_recovery(self._store, own, start=before, end=own.size)

        await self._writer.run(save)
        _logger.warning(
            "healed", extra={"origin": own.origin, "old_size": before, "new_size": own.size}
        )

    def _target(self, known: SignedCheckpoint) -> Target:
        """Name who may have the tail, who has shown that head first."""
        path = self._holdings.own.path
        shown = [
            one.base for one in self._heard.values() if one.head and one.head.size >= known.size
        ]
        others = [url.rstrip("/") + path for urls in self.peers().values() for url in urls]
        bases = tuple(dict.fromkeys([*shown, *others]))
        return Target(self._identity.origin, self._identity.root, bases, own_bases=0)

    # Turning.

    def _open(self) -> None:
        if self._is_over():
            return
        self._known = None
        self._opened_at = self._holdings.own.size
        self._set(State.OPEN, "")
        self._log.open()

    def _shut(self, state: State, reason: str) -> None:
        self._set(state, reason)
        _logger.warning("fence", extra={"state": str(state), "reason": reason})

    def _set(self, state: State, reason: str) -> None:
        self.state, self.reason = state, reason
        if state is not State.OPEN:
            self._log.close(explain(state, reason))

    def _is_over(self) -> bool:
        """Shut it for good where the federation goes on with another log, and say whether it does.

        That is one that continues this one (SPEC EPOCH-4), or one of the same name that was begun
        in another directory (SPEC EPOCH-9).
        """
        if self._holdings.is_other(self._holdings.own):
            over, reason = State.OTHER, OTHER
        elif self._holdings.directory.is_closed(self._identity.origin):
            over, reason = State.CLOSED, CLOSED
        else:
            return False
        if self.state is not over:
            self._shut(over, reason)
        return True

    async def _fork(self, held: bytes, offered: bytes) -> None:
        await self._keep(Kept(fork=(held, offered), settled=self._settlements()))
        self._shut(State.FORKED, self._words_forked())

    def _abandoned(self) -> frozenset[tuple[int, bytes]]:
        """Return the heads of our own log that the coordinator has abandoned (SPEC EVID-10)."""
        return self._holdings.directory.abandoned(self._identity.origin)

    def _settlements(self) -> int:
        """Return how much is settled about two histories of our own log."""
        anchored = self._exchange.evidence.anchored(self._identity.origin)
        return len(anchored) + len(self._abandoned())

    def _is_settled_since(self) -> bool:
        """Say whether it was settled since the fence has shut that what is on this disk holds."""
        evidence, own = self._exchange.evidence, self._holdings.own
        return (
            self._settlements() > self._kept.settled
            and not evidence.is_abandoned(own)
            and not evidence.standing(own.origin)
        )

    async def _ask(self, peers: Mapping[str, list[str]], fetch: Fetch) -> list[Heard]:
        """Ask nodes which head of our own log they hold."""
        question = Question(self._identity.origin, self._keys, with_witness=True)
        heard = await ask_everybody(question, peers, fetch)
        own = self._holdings.own
        anchored = self._exchange.evidence.anchored(own.origin)
        return [one for one in heard if not await is_given_up(one, own, anchored, fetch)]

    async def _heads_of(
        self, said: SignedCheckpoint, teller: str, fetch: Fetch
    ) -> list[SignedCheckpoint]:
        """Return a head that was told, or where something is settled what its teller serves now."""
        if not self._exchange.evidence.anchored(self._identity.origin):
            return [said]
        peers = {origin: urls for origin, urls in self.peers().items() if origin == teller}
        heard = await self._ask(peers, fetch)
        return [one.head for one in heard if one.head is not None]

    async def _reopen(self) -> None:
        """Ask again where it is settled that the history on this disk holds."""
        own, fork = self._holdings.own, self._kept.fork
        heads = [self._open_note(note) for note in fork or ()]
        self._set(State.FORKED, self._words_forked())
        if self._is_settled_since() or any(
            (head.size, head.root) in self._abandoned()
            and (head.size > own.size or own.tree.root_at(head.size) != head.root)
            for head in heads
        ):
            await self._ask_again()

    async def _keep(self, kept: Kept) -> None:
        if kept == self._kept:
            return

        def save() -> None:
            with self._store.transaction():
                save_kept(self._store, kept)

        await self._writer.run(save)
        self._kept = kept

    # Words and keys.

    def _keys(self, size: int) -> list[VerifierKey]:
        """Return our log keys that may sign a head of a size."""
        return log_keys(self._holdings.own, self._in_directory, size)

    def _open_note(self, note: bytes) -> SignedCheckpoint:
        return open_sized_checkpoint(note, origin=self._identity.origin, keys=self._keys)

    def _words_forked(self) -> str:
        evidence = self._exchange.evidence
        if evidence.is_abandoned(self._holdings.own):
            return ABANDONED
        return FORKED_COORDINATOR if self._identity.coordinator else FORKED

    def _words_asking(self) -> str:
        if not self.peers():
            return (
                "this directory was restored from a backup that knows no other node, so nobody "
                "can be asked whether it is the newest; " + ALONE
            )
        return (
            f"none of the {self.asked} other nodes this one knows has said yet what it holds of "
            f"this site's log, so nothing may be signed; it goes on asking; {ALONE}"
        )

    def _words_behind(self) -> str:
        size = self._known.size if self._known else 0
        return (
            f"this site has signed its log up to size {size} and this disk holds "
            f"{self._holdings.own.size} entries, so nothing may be signed; a node that serves "
            "fetches the rest from its mirrors and goes on by itself; where nobody has it "
            "any more, another log goes on: sopro recover NEW-DIRECTORY --from-peers --new-epoch"
        )
