"""The cosignatures this node knows, and which heads are witnessed (SPEC WIT-9, WIT-14).

A line is verified before it is kept. For each log there are a head with all its lines, which is
served, and the newest head that had the quorum of the policy, on which the word *witnessed* rests.
All of it can be asked for again, so it is written down in passing and not before anybody is
answered. Used on the event loop only.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from sopro_node import clock
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.policy import read_policy
from sopro_node.store.base import Store
from sopro_node.store.rows import CosignedRow
from sopro_node.writer import Writer
from sopro_protocol.checkpoint import (
    Checkpoint,
    keep_lines_of,
    open_checkpoint,
    open_sized_checkpoint,
    parse_checkpoint_text,
)
from sopro_protocol.errors import FormatError, StorageFullError, VerificationError
from sopro_protocol.keys import VerifierKey, make_vkey
from sopro_protocol.note import Note, NoteSignature, add_signatures, parse_note
from sopro_protocol.policy import Policy, find_cosignatures
from sopro_registry.family import KeySpan
from sopro_registry.keyhistory import log_keys_at
from sopro_registry.verdict import MAX_AHEAD
from sopro_registry.witnesses import site_of

MAX_NOTE: Final = 64 * 1024
_SAVE_AFTER: Final = 1.0
_MOST_PENDING: Final = 1024

_logger = logging.getLogger("sopro.cosignatures")


class Line(NamedTuple):
    """A verified cosignature and its time in POSIX seconds."""

    signature: NoteSignature
    time: int


@dataclass(slots=True)
class Known:
    """What is known of one log's heads.

    Attributes:
        head: note whose cosignatures are gathered, with the log's own lines only.
        lines: cosignatures on it, by witness.
        witnessed: note of the newest head that had a quorum, with its lines; or empty.
        times: of the quorum's cosignatures, by witness.
        followed: size of the newest head noticed.
        pending: sizes of heads that are not witnessed, and since when (ms UTC).
    """

    head: bytes = b""
    lines: dict[str, Line] = field(default_factory=dict)
    witnessed: bytes = b""
    times: Mapping[str, int] = field(default_factory=dict)
    followed: int = -1
    pending: list[tuple[int, int]] = field(default_factory=list)


class Cosignatures:
    """Keeps and judges cosignatures on every log this node holds.

    Attributes:
        policy: in force, with the keys known here; None where there is none, or too few keys.
        mirrored: the size of this node's own log at each other node, as that node signed for it.
    """

    def __init__(
        self,
        *,
        holdings: Holdings,
        store: Store,
        writer: Writer,
        urls: Callable[[str], list[str]],
        now: Callable[[], int] = clock.now,
    ) -> None:
        self.policy: Policy | None = None
        self.mirrored: dict[str, int] = {}
        self._holdings = holdings
        self._store = store
        self._writer = writer
        self._urls = urls
        self._now = now
        self._known: dict[str, Known] = {}
        self._dirty: set[str] = set()
        self._saving: asyncio.Task[None] | None = None
        self._rests_on: tuple[object, ...] = ()

    def restore(self) -> None:
        """Take up what was written down, once the logs are open."""
        self.review()
        for origin in self._holdings.logs:
            self.follow(origin)
        self.gather(self._holdings.own.checkpoint)
        for row in self._store.others.cosigned():
            self.take(row.origin, row.witnessed)
            self.take(row.origin, row.newest)

    def known(self, origin: str) -> Known:
        """Return what is known of a log's heads."""
        return self._known.setdefault(origin, Known())

    def forget(self, origin: str) -> None:
        """Forget what is known of a log's heads, because another history of it is held now."""
        self._known.pop(origin, None)

    # The policy.

    def review(self) -> bool:
        """Read the policy anew, with the keys in force; say whether it is another one now."""
        holdings = self._holdings
        rests_on = (holdings.directory, *(_current_keys(held) for held in holdings.logs.values()))
        if rests_on == self._rests_on:
            return False
        self._rests_on = rests_on
        policy = read_policy(holdings, urls=self._urls)
        if policy == self.policy:
            return False
        self.policy = policy
        for origin in list(self._known):
            self._judge_again(origin)
        return True

    def _judge_again(self, origin: str) -> None:
        """Hold a log's notes to another policy than the one they were kept under."""
        known = self.known(origin)
        notes = (known.witnessed, self._note(known))
        known.witnessed, known.times, known.lines = b"", {}, {}
        self._settle(origin)
        known.followed = -1
        self.follow(origin)
        for note in notes:
            self.take(origin, note)

    # Heads and lines.

    def follow(self, origin: str) -> None:
        """Notice that a log has a new head."""
        held, known = self._holdings.logs[origin], self.known(origin)
        if origin != self._holdings.own_origin and known.head != held.checkpoint:
            self._begin(held, held.checkpoint)
        if held.signed_size > known.followed:
            known.followed = held.signed_size
            if known.followed > held.witnessed_size and len(known.pending) < _MOST_PENDING:
                known.pending.append((known.followed, self._now()))

    def gather(self, head: bytes) -> None:
        """Gather cosignatures on a head of this node's own log from now on."""
        self._begin(self._holdings.own, head)

    def _begin(self, held: HeldLog, head: bytes) -> None:
        known = self.known(held.origin)
        if not known.head or not head.startswith(_text_of(known.head)):
            known.lines = {}
        known.head = head
        held.cosigned = self._note(known)

    def take(self, origin: str, note: bytes) -> bool:
        """Keep the cosignatures under a note; say whether any was new.

        The note may come from anybody: what does not verify is passed over.
        """
        held = self._holdings.logs.get(origin)
        if held is None or not held.checkpoint or not note or len(note) > MAX_NOTE:
            return False
        known = self.known(origin)
        try:
            parsed = parse_note(note)
            if known.head and parsed.text.encode() == _text_of(known.head):
                return self._take_lines(held, parsed)
            return self._take_other(held, parsed, note)
        except (FormatError, VerificationError):
            return False

    def _take_lines(self, held: HeldLog, note: Note) -> bool:
        known = self.known(held.origin)
        before = {(line.signature.name, line.signature.signature) for line in known.lines.values()}
        fresh = [line for line in note.signatures if (line.name, line.signature) not in before]
        newer = {
            name: line
            for name, line in self._find(note.text, fresh).items()
            if name not in known.lines or line.time > known.lines[name].time
        }
        if not newer:
            return False
        known.lines |= newer
        held.cosigned = self._note(known)
        if self.policy is not None and self.policy.is_met(known.lines):
            known.witnessed = held.cosigned
            known.times = {name: line.time for name, line in known.lines.items()}
            self._settle(held.origin)
        self._save_soon(held.origin)
        return True

    def _take_other(self, held: HeldLog, note: Note, data: bytes) -> bool:
        """Take a quorum over an earlier head: it too says that what is under it is witnessed."""
        checkpoint = parse_checkpoint_text(note.text)
        if not held.witnessed_size < checkpoint.size <= held.size or self.policy is None:
            return False
        found = self._find(note.text, note.signatures)
        if not self.policy.is_met(found) or held.tree.root_at(checkpoint.size) != checkpoint.root:
            return False
        keys = _log_keys(held, checkpoint.size)
        signed = open_checkpoint(data, origin=held.origin, keys=keys)
        known = self.known(held.origin)
        own = keep_lines_of(signed, keys).note
        known.witnessed = _with_lines(own, found.values())
        known.times = {name: line.time for name, line in found.items()}
        self._settle(held.origin)
        self._save_soon(held.origin)
        return True

    def verifies(self, text: str, signatures: Iterable[NoteSignature]) -> bool:
        """Say whether one of these lines is a cosignature that counts."""
        return bool(self._find(text, signatures))

    def _find(self, text: str, signatures: Iterable[NoteSignature]) -> dict[str, Line]:
        witnesses = self.policy.witnesses if self.policy else ()
        latest = self._now() // 1000 + MAX_AHEAD
        found = find_cosignatures(text, signatures, witnesses, latest=latest)
        return {name: Line(*line) for name, line in found.items()}

    def _note(self, known: Known) -> bytes:
        return _with_lines(known.head, known.lines.values())

    def _settle(self, origin: str) -> None:
        """Say which entries are witnessed now."""
        known, held = self.known(origin), self._holdings.logs[origin]
        held.witnessed = known.witnessed
        held.witnessed_size = _head_of(known.witnessed).size if known.witnessed else 0
        known.pending = [one for one in known.pending if one[0] > held.witnessed_size]

    # What other nodes say.

    def hear(self, teller: str, origin: str, note: bytes) -> bool:
        """Take a note that another node serves; say whether it brought a cosignature.

        Our own head at another node is its word that it holds our log so far (SPEC SYNC-5).
        """
        if origin == self._holdings.own_origin and teller != origin:
            self._hear_of_own(teller, note)
        return self.take(origin, note)

    def _hear_of_own(self, teller: str, note: bytes) -> None:
        held = self._holdings.own
        try:
            size = open_sized_checkpoint(
                note, origin=held.origin, keys=partial(_log_keys, held)
            ).size
        except (FormatError, VerificationError):
            return
        if size <= held.size:
            self.mirrored[teller] = max(size, self.mirrored.get(teller, 0))
            held.mirrored_size = max(size, held.mirrored_size)

    # Keeping.

    def _save_soon(self, origin: str) -> None:
        self._dirty.add(origin)
        if self._saving is None or self._saving.done():
            self._saving = asyncio.create_task(self._save_later(), name="cosignatures")

    async def _save_later(self) -> None:
        await asyncio.sleep(_SAVE_AFTER)
        await self.save()

    async def save(self) -> None:
        """Write down what is new."""
        dirty, self._dirty = self._dirty, set()
        rows = [
            CosignedRow(origin, self._note(self.known(origin)), self.known(origin).witnessed)
            for origin in dirty
        ]

        def write() -> None:
            with self._store.transaction():
                for row in rows:
                    self._store.others.put_cosigned(row)

        if rows:
            try:
                await self._writer.run(write)
            except StorageFullError:
                _logger.warning("cosignatures not kept", extra={"logs": len(rows)})

    async def stop(self) -> None:
        """Write down what is new, and end."""
        if self._saving is not None:
            self._saving.cancel()
            await asyncio.gather(self._saving, return_exceptions=True)
        await self.save()

    # Answers.

    def unwitnessed_seconds(self, origin: str) -> float:
        """Return for how long the oldest head that is not witnessed has been waiting."""
        pending = self.known(origin).pending
        return max(0.0, (self._now() - pending[0][1]) / 1000) if pending else 0.0

    def sites(self, origin: str) -> dict[str, int]:
        """Return the latest time at which each site cosigned the head that is being cosigned."""
        times: dict[str, int] = {}
        for name, line in self.known(origin).lines.items():
            times[site_of(name)] = max(line.time, times.get(site_of(name), 0))
        return times


def _text_of(note: bytes) -> bytes:
    """Return a checkpoint's text: its three lines."""
    return note[: note.index(b"\n\n") + 1]


def _with_lines(head: bytes, lines: Iterable[Line]) -> bytes:
    """Put cosignatures under a head, in the same order on every node."""
    signatures = sorted((line.signature for line in lines), key=lambda one: (one.name, one.key_id))
    return add_signatures(head, signatures) if signatures else head


def _log_keys(held: HeldLog, size: int) -> list[VerifierKey]:
    """Return the keys that may sign a log's head of a size (SPEC KEY-9)."""
    return [make_vkey(held.origin, public) for public in log_keys_at(held.keys, size)]


def _current_keys(held: HeldLog) -> tuple[KeySpan, ...]:
    """Return the keys that count at the end of a log; a cut may lie ahead of the last record."""
    return tuple(span for span in held.keys if span.counts_at(held.size))


def _head_of(note: bytes) -> Checkpoint:
    return parse_checkpoint_text(_text_of(note).decode())
