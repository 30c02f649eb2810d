"""This node as a witness: it cosigns heads of the logs it knows (SPEC section WIT).

Comparing the size and storing the new head are one step on the writer's thread, and the answer
waits for the commit. What has gathered while one commit was under way is checked, one after the
other, in the next, so that many logs cost one look at the disk.
"""

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sopro_node import clock
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.store.base import Store
from sopro_node.store.rows import WitnessRow
from sopro_node.writer import Writer
from sopro_protocol.checkpoint import format_checkpoint
from sopro_protocol.errors import (
    ConflictError,
    NotFoundError,
    SoproError,
    SplitViewError,
    UnavailableError,
    VerificationError,
)
from sopro_protocol.keys import Ed25519Signer, make_vkey
from sopro_protocol.merkle import EMPTY_ROOT
from sopro_protocol.note import Note, format_note, format_signature
from sopro_protocol.witness import (
    Submission,
    check_growth,
    cosign_submission,
    open_request,
    parse_request,
)
from sopro_registry.family import KeySpan
from sopro_registry.keyhistory import log_keys_at

MAX_BEHIND: Final = 60
_MOST_WAITING: Final = 4096

_logger = logging.getLogger("sopro.witness")


@dataclass(frozen=True, slots=True)
class Stale:
    """The log believes another size; this is the one to prove from."""

    size: int


Answer = bytes | Stale
"""Signature lines, or the size the log should have named."""

_Waiting = tuple[Submission, asyncio.Future[Answer]]


class Witness:
    """Cosigns for every log whose keys this node knows.

    Attributes:
        name: of its key.
        answers: given so far, by what was answered: `cosigned` or the code of the refusal.
    """

    def __init__(  # noqa: PLR0913  # the parts it joins
        self,
        *,
        name: str,
        signer: Callable[[], Ed25519Signer],
        holdings: Holdings,
        store: Store,
        writer: Writer,
        weigh: Callable[[str, bytes], Awaitable[object]],
        check_keys: Callable[[str, int, Iterable[KeySpan]], None] = lambda *_: None,
        now: Callable[[], int] = clock.now,
    ) -> None:
        self.name = name
        self.answers: Counter[str] = Counter()
        self._signer = signer
        self._holdings = holdings
        self._store = store
        self._writer = writer
        self._weigh = weigh
        self._check_keys = check_keys
        self._now = now
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._load()

    def _load(self) -> None:
        self._heads = {row.origin: row for row in self._store.others.witness_heads()}

    def forget(self, origin: str) -> None:
        """Forget what was cosigned of a log, because another history of it is held now."""
        self._heads.pop(origin, None)

    @property
    def heads(self) -> Sequence[WitnessRow]:
        """What it cosigned last, by log."""
        return list(self._heads.values())

    def find_note(self, digest: str) -> bytes:
        """Return the latest checkpoint it cosigned, by the hash of the origin (SPEC WIT-5).

        Raises:
            NotFoundError: it has cosigned none (`wit.origin`).
        """
        for row in self.heads:
            if hashlib.sha256(row.origin.encode()).hexdigest() == digest:
                return row.note
        raise NotFoundError("this witness has cosigned no such log", code="wit.origin")

    async def add_checkpoint(self, body: bytes) -> Answer:
        """Cosign a head, durably, or say which size to prove from (SPEC WIT-3).

        Raises:
            FormatError: no request (`ckp.format`), or sizes that contradict (`wit.old-size`).
            NotFoundError: a log it does not serve (`wit.origin`).
            VerificationError: `ckp.signature` or `proof.invalid`.
            SplitViewError: it excludes entries this node holds; both notes are with it.
            UnavailableError: its clock is behind, or too many ask at once.
            StorageFullError: nothing was stored.
        """
        try:
            submission = self._open(body)
            try:
                answer = await self._submit(submission)
            except VerificationError as error:
                await self._compare(submission, error)
                raise
            if isinstance(answer, Stale):
                await self._compare(submission)
        except SoproError as error:
            self.answers[error.code] += 1
            raise
        self.answers["wit.size" if isinstance(answer, Stale) else "cosigned"] += 1
        return answer

    async def _compare(
        self, submission: Submission, error: VerificationError | None = None
    ) -> None:
        """Have a head that is not cosigned compared with the one held (SPEC EVID-6).

        Its log has signed it, whatever it was refused for; where it excludes what this node holds,
        the evidence is on the disk before the answer leaves.
        """
        origin = submission.checkpoint.origin
        if submission.checkpoint.size:
            await self._weigh(origin, _note_of(submission))
        if isinstance(error, SplitViewError):
            await self._weigh(origin, error.offered)

    def _open(self, body: bytes) -> Submission:
        request = parse_request(body)
        origin = request.checkpoint.origin
        held = self._holdings.logs.get(origin)
        if held is None or not held.keys:
            raise NotFoundError(f"this witness serves no log {origin[:80]!r}", code="wit.origin")
        self._check_end(held, request.checkpoint.size)
        # No record names a key below size 1: the head of an empty log is signed by its first keys.
        publics = log_keys_at(held.keys, max(request.checkpoint.size, 1))
        return open_request(request, [make_vkey(origin, public) for public in publics])

    def _check_end(self, held: HeldLog, size: int) -> None:
        """Cosign nothing beyond the end of a log that is closed, or whose site has gone."""
        directory = self._holdings.directory
        member = directory.membership(held.site)
        if member is None or (
            member.origin == held.origin and member.status not in ("left", "expelled")
        ):
            return
        ends = [one.size for one in directory.endings(held.origin)]
        if ends and size > ends[-1]:
            raise NotFoundError(
                f"this witness serves {held.origin} up to size {ends[-1]}, where it has ended",
                code="wit.origin",
            )

    async def _submit(self, submission: Submission) -> Answer:
        if len(self._waiting) >= _MOST_WAITING:
            raise UnavailableError("too many ask this witness at once; try again")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((submission, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain(), name="witness")
        return await future

    async def _drain(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            submissions = [submission for submission, _ in taken]
            try:
                outcomes = await self._writer.run(lambda batch=submissions: self._commit(batch))  # type: ignore[misc]  # mypy infers no default
            except Exception as error:  # nothing was stored: all who wait are told
                outcomes = [error] * len(taken)
            for (_, future), outcome in zip(taken, outcomes, strict=True):
                if future.done():
                    continue
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    async def stop(self) -> None:
        """Answer who waits."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    # On the writer's thread.

    def _commit(self, submissions: Sequence[Submission]) -> list[Answer | Exception]:
        """Check submissions in order, each against what the one before left; store, then answer."""
        fresh: dict[str, WitnessRow] = {}
        outcomes = [self._try(submission, fresh) for submission in submissions]
        if fresh:
            try:
                with self._store.transaction():
                    for row in fresh.values():
                        self._store.others.put_witness_head(row)
            except BaseException:
                # Whether it was stored is what the disk says.
                self._load()
                raise
            self._heads.update(fresh)
        return outcomes

    def _try(self, submission: Submission, fresh: dict[str, WitnessRow]) -> Answer | Exception:
        origin = submission.checkpoint.origin
        last = fresh.get(origin) or self._heads.get(origin)
        try:
            size, root = self._base(submission, last)
            try:
                check_growth(submission, size=size, root=root)
            except ConflictError:
                return Stale(size)
            self._check_held(submission)
            self._check_keys(origin, submission.checkpoint.size, self._held(submission).keys)
            row, line = self._cosign(submission, last)
        except SoproError as error:
            return error
        fresh[origin] = row
        return line

    def _base(self, submission: Submission, last: WitnessRow | None) -> tuple[int, bytes]:
        """Return the size and root to prove from (SPEC WIT-7).

        It is what was cosigned last, unless that proof could pass by entries this node holds.
        """
        size, root = (last.size, last.root) if last else (0, EMPTY_ROOT)
        held = self._held(submission)
        if size < held.size < submission.checkpoint.size:
            self._check_root(held, size, root, last.note if last else b"")
            return held.size, held.tree.root_at(held.size)
        return size, root

    def _check_held(self, submission: Submission) -> None:
        offered, held = submission.checkpoint, self._held(submission)
        if offered.size <= held.size:
            self._check_root(held, offered.size, offered.root, _note_of(submission))

    def _held(self, submission: Submission) -> HeldLog:
        return self._holdings.logs[submission.checkpoint.origin]

    @staticmethod
    def _check_root(held: HeldLog, size: int, root: bytes, note: bytes) -> None:
        if held.tree.root_at(size) != root:
            _logger.error("two histories", extra={"origin": held.origin, "size": size})
            raise SplitViewError(
                f"{held.origin}: the head at size {size} excludes what this node holds",
                held=held.checkpoint,
                offered=note,
            )

    def _cosign(self, submission: Submission, last: WitnessRow | None) -> tuple[WitnessRow, bytes]:
        time = self._now() // 1000
        if last is not None and last.time - time > MAX_BEHIND:
            raise UnavailableError(
                f"the clock of this witness is {last.time - time} s behind what it cosigned last"
            )
        time = max(time, last.time if last else time)
        signer = self._signer()
        line, note = cosign_submission(submission, name=self.name, signer=signer, time=time)
        offered = submission.checkpoint
        row = WitnessRow(offered.origin, offered.size, offered.root, time, note)
        return row, format_signature(line).encode()


def _note_of(submission: Submission) -> bytes:
    """Return an offered head with the lines its log has signed it with."""
    return format_note(Note(format_checkpoint(submission.checkpoint), submission.lines))
