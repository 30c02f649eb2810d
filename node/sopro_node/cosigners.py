"""Asking the witnesses of the policy to cosign this node's own heads (SPEC WIT-8).

Each site of the policy has a task of its own, with what it is believed to hold, its deadline and
its pause after failures; none waits for another, and no append waits for any. All are asked for the
same head until it has its quorum, because heads that follow one another faster than an answer comes
would each gather a single cosignature.
"""

import asyncio
import logging
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Final

from sopro_node.config import Settings
from sopro_node.cosignatures import Cosignatures
from sopro_node.fetch import Fetch
from sopro_node.holdings import Holdings
from sopro_node.policy import PATH
from sopro_node.tasks import start_task, wait_at_most
from sopro_node.witness import Stale, Witness
from sopro_protocol.checkpoint import parse_checkpoint_text
from sopro_protocol.cosignature import AddCheckpoint, format_add_checkpoint
from sopro_protocol.errors import FormatError, PeerError, SoproError, VerificationError
from sopro_protocol.merkle import MAX_SIZE, prove_consistency
from sopro_protocol.note import Note, format_note, parse_note, parse_signatures
from sopro_protocol.witness import SIZE_TYPE
from sopro_registry.witnesses import site_of

_MAX_ANSWER: Final = 16 * 1024
_MOST_TRIES: Final = 3
_MOST_BACK_OFF: Final = 300.0
_PACE: Final = 0.1
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,15})\n")

_logger = logging.getLogger("sopro.cosigners")


@dataclass(slots=True)
class WitnessState:
    """How it goes with one site's witness.

    Attributes:
        site: its code.
        size: that it is believed to hold of our log.
        note: the head it cosigned last.
        asked: monotonic time of the last request.
        failures: since the last answer that was good.
        code: of the last failure; empty when there is none.
        message: of the last failure.
        cosigned: cosignatures it has given since this process started.
        refusals: by code, since this process started.
        wake: something is new.
    """

    site: str
    size: int = 0
    note: bytes = b""
    asked: float = 0.0
    failures: int = 0
    code: str = ""
    message: str = ""
    cosigned: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    wake: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Round:
    """The head that is being cosigned, and when that began (monotonic)."""

    note: bytes
    size: int
    began: float


class Cosigners:
    """Collects cosignatures on this node's own heads.

    Attributes:
        witnesses: every site of the policy.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        holdings: Holdings,
        witness: Witness,
        cosignatures: Cosignatures,
        urls: Callable[[str], list[str]],
        gathered: Callable[[bytes], None],
    ) -> None:
        self.witnesses: dict[str, WitnessState] = {}
        self._settings = settings
        self._holdings = holdings
        self._witness = witness
        self._cosignatures = cosignatures
        self._urls = urls
        self._gathered = gathered
        self._fetch = Fetch(settings.fetch_seconds, reach=settings.reach)
        self._round = Round(b"", 0, 0.0)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_running = False
        self._is_behind = False

    # Life.

    async def start(self) -> None:
        """Begin to collect."""
        await self._fetch.__aenter__()
        self._is_running = True
        self.refresh()

    async def stop(self) -> None:
        """Stop collecting."""
        self._is_running = False
        while running := [task for task in self._tasks.values() if not task.done()]:
            # Again where a library below has swallowed the cancellation.
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=1)
        await self._fetch.__aexit__(None, None, None)

    def refresh(self) -> None:
        """Ask the sites of the policy in force, and no others."""
        policy = self._cosignatures.policy
        sites = {site_of(witness.name) for witness in policy.witnesses} if policy else set()
        for site in self.witnesses.keys() - sites:
            del self.witnesses[site]
            self._tasks.pop(site).cancel()
        if not self._is_running:
            return
        for site in sorted(sites):
            state = self.witnesses.setdefault(site, WitnessState(site))
            state.note = b""
            task = self._tasks.get(site)
            if task is None or task.done():
                work = partial(self._follow, state)
                self._tasks[site] = start_task(work, name=f"witness {site}")
        self._advance()
        self._wake_all()

    def wake(self) -> None:
        """Notice a new head, or that a head has its quorum."""
        has_begun = self._advance()
        is_behind = self._holdings.own.checkpoint != self._round.note
        # While a round goes on, the heads behind it are no news; only that there are some is.
        if has_begun or (is_behind and not self._is_behind):
            self._wake_all()
        self._is_behind = is_behind

    def _wake_all(self) -> None:
        for state in self.witnesses.values():
            state.wake.set()

    def _advance(self) -> bool:
        """Go on to the newest head where the one being cosigned is done or takes too long."""
        held, known = self._holdings.own, self._cosignatures.known(self._holdings.own_origin)
        newest, age = held.checkpoint, monotonic() - self._round.began
        is_done = not self._round.note or held.witnessed_size >= self._round.size
        if newest == self._round.note or not (is_done or age > self._settings.fetch_seconds):
            return False
        self._round = Round(newest, held.signed_size, monotonic())
        self._is_behind = False
        if known.head != newest:
            self._cosignatures.gather(newest)
        return True

    # One witness.

    async def _follow(self, state: WitnessState) -> None:
        while True:
            if self._advance():
                # The others may be asleep until the next heartbeat.
                self._wake_all()
            is_shown = self._holdings.is_shown(self._holdings.own)
            pause = self._pause(state) if is_shown else float(self._settings.heartbeat_seconds)
            if pause > 0:
                await wait_at_most(state.wake, pause)
                state.wake.clear()
                continue
            await self._ask_once(state)

    def _pause(self, state: WitnessState) -> float:
        """Return for how long there is nothing to ask this witness."""
        since = monotonic() - state.asked
        if state.failures:
            back_off: float = min(_MOST_BACK_OFF, 0.5 * 2 ** min(state.failures, 12))
            return back_off * random.uniform(0.75, 1.25) - since  # noqa: S311  # spreads load
        due = self._settings.heartbeat_seconds - since
        if state.note != self._round.note and state.size <= self._round.size:
            due = 0.0
        if self._holdings.own.checkpoint != self._round.note:
            due = min(due, self._round.began + self._settings.fetch_seconds - monotonic())
        return max(due, _PACE - since) if state.asked else due

    async def _ask_once(self, state: WitnessState) -> None:
        state.asked = monotonic()
        note = self._round.note
        try:
            await self._ask(state, note)
        except SoproError as error:
            self._fail(state, error)
        except Exception as error:  # a bug of ours must not end the collecting
            _logger.exception("bug in cosigning", extra={"witness": state.site})
            self._fail(state, SoproError(f"this node made a mistake: {type(error).__name__}"))
        else:
            state.failures, state.code, state.message = 0, "", ""

    def _fail(self, state: WitnessState, error: SoproError) -> None:
        is_news = (error.code, str(error)) != (state.code, state.message)
        state.failures += 1
        state.refusals[error.code] += 1
        state.code, state.message = error.code, str(error)
        if is_news:
            _logger.warning(
                "witness failed",
                extra={"witness": state.site, "code": error.code, "reason": str(error)},
            )

    async def _ask(self, state: WitnessState, note: bytes) -> None:
        """Have one head cosigned; a 409 says what to prove from."""
        size = parse_checkpoint_text(parse_note(note).text).size
        for _ in range(_MOST_TRIES):
            proof = prove_consistency(
                self._holdings.own.tree.read, old_size=state.size, new_size=size
            )
            request = format_add_checkpoint(AddCheckpoint(state.size, tuple(proof), note))
            answer = await self._send(state, request)
            if not isinstance(answer, Stale):
                self._keep(state, note, answer)
                state.size, state.note = size, note
                return
            self._check_size(state, answer.size)
            state.size = answer.size
            if answer.size > size:
                return  # It cosigned a later head of ours; this one needs no proof any more.
        raise PeerError(
            f"witness {state.site}: names another size each time it is asked", code="wit.size"
        )

    def _check_size(self, state: WitnessState, size: int) -> None:
        """Refuse a size this log never had: either the witness errs, or this log was put back."""
        if size > self._holdings.own.signed_size:
            raise PeerError(
                f"witness {state.site}: holds this log at size {size}, it has "
                f"{self._holdings.own.signed_size}",
                code="wit.size",
            )

    async def _send(self, state: WitnessState, request: bytes) -> bytes | Stale:
        if state.site == self._holdings.own.site:
            return await self._witness.add_checkpoint(request)
        urls = self._urls(state.site)
        if not urls:
            raise PeerError(f"witness {state.site}: no address is known", code="hos.unreachable")
        url = f"{urls[state.failures % len(urls)].rstrip('/')}{PATH}/add-checkpoint"
        answer = await self._fetch.post_for(url, request, limit=_MAX_ANSWER, statuses=(409,))
        if answer.status == 200:
            return answer.body
        return Stale(_parse_size(url, answer.headers.get("content-type", ""), answer.body))

    def _keep(self, state: WitnessState, note: bytes, answer: bytes) -> None:
        """Keep the lines of this site's witness; there must be one that verifies."""
        policy = self._cosignatures.policy
        names = {
            (witness.key.name, witness.key.note_key_id)
            for witness in (policy.witnesses if policy else ())
            if site_of(witness.name) == state.site
        }
        lines = tuple(
            line for line in parse_signatures(answer) if (line.name, line.key_id) in names
        )
        text, own = parse_note(note).text, self._holdings.own_origin
        before = self._holdings.own.witnessed_size
        if not lines or not self._cosignatures.verifies(text, lines):
            raise VerificationError(
                f"witness {state.site}: its answer holds no cosignature of its own that verifies",
                code="ckp.cosignature",
            )
        state.cosigned += 1
        if self._cosignatures.take(own, format_note(Note(text, lines))):
            known = self._cosignatures.known(own)
            if self._holdings.own.witnessed_size > before:
                self._gathered(known.witnessed)
                self.wake()


def _parse_size(url: str, kind: str, body: bytes) -> int:
    found = _SIZE.fullmatch(body)
    if kind.partition(";")[0].strip().lower() != SIZE_TYPE or not found or int(found[1]) > MAX_SIZE:
        raise FormatError(
            f"{url}: 409, expected a size as {SIZE_TYPE}, got {kind[:40]!r} {body[:32]!r}",
            code="ckp.format",
        )
    return int(found[1])
