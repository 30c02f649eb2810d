"""Comparing what different nodes show of one log, and passing on what was found (SPEC EVID).

A site that shows one history to some and another to others is found where these talk to each
other. So every head that anybody tells of is compared with the one held, one member after the other
is asked which heads it serves of the logs that others own, and for the evidence it keeps. Nothing
that is heard is believed: a head is opened with the log's keys, evidence is verified as a whole.
"""

import asyncio
import json
import logging
import random
import re
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import Any, Final, NamedTuple

from sopro_node.evidence import EvidenceKeeper, Kept
from sopro_node.fetch import Fetch
from sopro_node.forks import AskTile, find_parting, fork_ahead, fork_beyond, fork_within
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.peer import Peer
from sopro_node.tasks import wait_at_most
from sopro_protocol.checkpoint import SignedCheckpoint, open_sized_checkpoint
from sopro_protocol.errors import (
    FormatError,
    NotFoundError,
    PeerError,
    RefusedError,
    SoproError,
    VerificationError,
)
from sopro_protocol.evidence import MAX_EVIDENCE, MAX_HEAD, Fork
from sopro_protocol.keys import Role, VerifierKey, make_vkey
from sopro_registry.keyhistory import log_keys_at

_MAX_LIST: Final = 256 * 1024
_MOST_FILES: Final = 8
_MOST_REFUSED: Final = 4096
_MOST_RUMOURS: Final = 4096
_CALM: Final = 0.5
_PATIENCE: Final = 5.0
"""So long the log's own node may take to tell of a head that another has told of."""
_ID: Final = re.compile(r"[0-9a-f]{64}")

_logger = logging.getLogger("sopro.gossip")


class _Rumour(NamedTuple):
    """A head that a node has told of: when, and where that node serves the log."""

    note: bytes
    base: str
    heard: float


class Gossip:
    """Weighs what other nodes tell of logs this one holds.

    Attributes:
        tellers: URL of every other member's node by the origin of its log.
    """

    def __init__(
        self,
        holdings: Holdings,
        evidence: EvidenceKeeper,
        *,
        tellers: Callable[[], Mapping[str, str]],
    ) -> None:
        self.tellers = tellers
        self._holdings = holdings
        self._evidence = evidence
        self._rumours: dict[tuple[str, str], _Rumour] = {}
        self._asked: dict[str, set[bytes]] = {}
        self._refused: set[tuple[str, bytes]] = set()
        self._turn = 0
        self._wake = asyncio.Event()

    # Hearing.

    def hear(self, teller: str, event: Mapping[str, Any]) -> None:
        """Take in what a node has told; it is weighed a little later, the newest of each log."""
        url = self.tellers().get(teller)
        if url is None:
            return
        told = event.get("evidence")
        if isinstance(told, str) and _ID.fullmatch(told):
            wanted = self._asked.setdefault(teller, set())
            if bytes.fromhex(told) not in self._evidence and len(wanted) < _MOST_FILES:
                wanted.add(bytes.fromhex(told))
                self._wake.set()
            return
        origin, note = event.get("origin"), event.get("note")
        if isinstance(origin, str) and isinstance(note, str):
            self._hear_head(teller, origin, note.encode("utf-8", "replace"), url)

    def _hear_head(self, teller: str, origin: str, note: bytes, url: str) -> None:
        held = self._holdings.logs.get(origin)
        if held is None or note == held.checkpoint or len(note) > MAX_HEAD:
            return
        if len(self._rumours) < _MOST_RUMOURS or (origin, teller) in self._rumours:
            base = url + held.path
            self._rumours[origin, teller] = _Rumour(note, base, monotonic())
            self._wake.set()

    # Weighing.

    async def weigh(
        self, origin: str, note: bytes, *, fetch: Fetch | None = None, base: str = ""
    ) -> Kept | None:
        """Compare a head from anywhere with the one held (SPEC EVID-6).

        Args:
            origin: of the log.
            note: the head; it need not be one.
            fetch: to ask for what lies between, where the head is larger.
            base: under which the head's log is served.

        Returns:
            the evidence, where it excludes the head that is held; it is on the disk by then.

        Raises:
            StorageFullError: the evidence could not be kept.
        """
        held = self._holdings.logs.get(origin)
        if held is None or not held.shown_size or self._evidence.standing(origin):
            return None
        try:
            signed = open_sized_checkpoint(note, origin=origin, keys=partial(self._log_keys, held))
            fork = fork_within(held, signed)
            ask = Peer(fetch, (base,)).tile if fetch is not None else None
            if signed.size > held.size and ask is not None:
                fork = await fork_beyond(held, signed, ask) or await fork_ahead(held, signed, ask)
            if fork is not None and origin == self._holdings.coordinator_origin:
                fork = await self._sharpen(fork, held, signed, ask)
        except (FormatError, VerificationError, PeerError):
            # Whoever told of it has shown nothing; that says nothing about the log's site.
            return None
        return await self._evidence.accuse(fork) if fork is not None else None

    async def _sharpen(
        self, fork: Fork, held: HeldLog, signed: SignedCheckpoint, ask: AskTile | None
    ) -> Fork | None:
        """Show right behind what both share that they differ, where it can be shown.

        Where members have settled a fork, what cannot be told apart from it is passed over: it
        would bring back for ever what is settled.
        """
        try:
            parting = await find_parting(held, signed, ask) if ask is not None else None
        except (FormatError, VerificationError, PeerError):
            parting = None
        if parting is not None:
            return parting.fork
        return None if self._evidence.may_be_settled(fork) else fork

    def _log_keys(self, held: HeldLog, size: int) -> list[VerifierKey]:
        """Return the keys that may sign a head, and those of a coordinator that was succeeded.

        What these go on signing says nothing of the log, but something of who has them.
        """
        left: frozenset[int] = frozenset()
        if held.origin == self._holdings.coordinator_origin:
            left = self._evidence.left
        old = [one.public for one in held.keys if one.role == Role.LOG.value and one.until in left]
        publics = dict.fromkeys([*log_keys_at(held.keys, size), *old])
        return [make_vkey(held.origin, public) for public in publics]

    async def _weigh_rumours(self, fetch: Fetch) -> None:
        for key, rumour in list(self._rumours.items()):
            origin, _ = key
            held = self._holdings.logs.get(origin)
            is_waiting = held is not None and _size(rumour.note) > held.signed_size
            if is_waiting and monotonic() - rumour.heard < _PATIENCE:
                continue
            if self._rumours.get(key) is rumour:
                del self._rumours[key]
            await self.weigh(origin, rumour.note, fetch=fetch, base=rumour.base)

    # Asking.

    async def run(self, fetch: Fetch, *, every: float) -> None:
        """Weigh what is heard, and ask one member after the other."""
        due = monotonic() + every * random.random()  # noqa: S311  # spreads load, hides nothing
        while True:
            pause = _CALM if self._rumours else max(0.0, due - monotonic())
            await wait_at_most(self._wake, pause)
            self._wake.clear()
            try:
                await self._weigh_rumours(fetch)
                await self._fetch_wanted(fetch)
                if monotonic() >= due:
                    due = monotonic() + every
                    await self._visit_next(fetch)
            except SoproError as error:
                _logger.warning("gossip", extra={"code": error.code, "reason": str(error)})
            # Whoever tells without end gets no more than this.
            await asyncio.sleep(_CALM)

    async def _visit_next(self, fetch: Fetch) -> None:
        tellers = sorted(self.tellers().items())
        if tellers:
            self._turn = (self._turn + 1) % len(tellers)
            await self.visit(*tellers[self._turn], fetch)
            await self._compare_mirrors(*tellers[self._turn], fetch)

    async def visit(self, teller: str, url: str, fetch: Fetch) -> None:
        """Ask a member for the evidence it keeps; what fails is tried again another time."""
        try:
            body = (await fetch.get(f"{url}/evidence", limit=_MAX_LIST)).body
            listed = json.loads(body)["evidence"]
            ids = [one["id"] for one in listed if isinstance(one["id"], str)]
        except (SoproError, ValueError, TypeError, KeyError, RecursionError):
            return
        wanted = [bytes.fromhex(one) for one in ids if _ID.fullmatch(one)]
        for one in [one for one in wanted if self._is_wanted(teller, one)][:_MOST_FILES]:
            await self._fetch_evidence(teller, url, one, fetch)

    def _is_wanted(self, teller: str, evidence: bytes) -> bool:
        return evidence not in self._evidence and (teller, evidence) not in self._refused

    async def _fetch_wanted(self, fetch: Fetch) -> None:
        asked, self._asked = self._asked, {}
        for teller, wanted in asked.items():
            url = self.tellers().get(teller)
            for one in wanted if url else ():
                if self._is_wanted(teller, one):
                    await self._fetch_evidence(teller, url or "", one, fetch)

    async def _fetch_evidence(self, teller: str, url: str, evidence: bytes, fetch: Fetch) -> None:
        """Fetch one file and believe it only where it verifies (SPEC EVID-9)."""
        try:
            answer = await fetch.get(f"{url}/evidence/{evidence.hex()}", limit=MAX_EVIDENCE)
            kept = await self._evidence.take(answer.body)
        except (PeerError, NotFoundError) as error:
            # Not to be had, or about a log that is not here yet: another time.
            if error.code != "hos.oversize":
                return
            self._refuse(teller, evidence, error)
        except (FormatError, VerificationError, RefusedError) as error:
            self._refuse(teller, evidence, error)
        else:
            if kept.id != evidence:
                self._refuse(teller, evidence, FormatError("another file than was asked for"))

    def _refuse(self, teller: str, evidence: bytes, error: SoproError) -> None:
        """Remember what was refused, so that it costs nothing a second time."""
        if len(self._refused) >= _MOST_REFUSED:
            self._refused.clear()
        self._refused.add((teller, evidence))
        _logger.warning(
            "evidence refused",
            extra={
                "peer": teller,
                "evidence": evidence.hex(),
                "code": error.code,
                "reason": str(error),
            },
        )

    async def _compare_mirrors(self, teller: str, url: str, fetch: Fetch) -> None:
        """Look at the heads a member serves of logs that are not its own."""
        for held in self._holdings.logs.values():
            if held.origin == teller:
                continue
            try:
                answer = await fetch.get(f"{url}{held.path}/checkpoint", limit=MAX_HEAD)
            except PeerError as error:
                if error.code != "hos.status":
                    return
                continue
            self._hear_head(teller, held.origin, answer.body, url)


def _size(note: bytes) -> int:
    """Return the size that a note claims; 0 where it claims none."""
    line = note.split(b"\n", 2)[1:2]
    text = line[0] if line else b""
    return int(text) if text.isdigit() and len(text) < 16 else 0
