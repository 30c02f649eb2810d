"""The node's own log: drafts in, durable entries and a signed checkpoint out.

Many callers, one writer: what has gathered while a batch was being committed is the next batch. The
order is the promise (SPEC LOG-ORDER): entries, what follows from them and the intent (size, root)
are committed in one transaction, then the checkpoint is signed, then it is published. The
signature is deterministic, so after a crash the same intent yields the same note.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Final, NamedTuple

from sopro_node.batch import Batch, SpoiltError, own_entity
from sopro_node.drafting import Appended, Draft, Note, Outcome, Signed
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.signatory import Signatory
from sopro_node.step import Step
from sopro_node.store.base import Store
from sopro_node.tasks import start_task
from sopro_node.writer import Writer
from sopro_protocol.checkpoint import Checkpoint
from sopro_protocol.errors import (
    RefusedError,
    SoproError,
    StorageFullError,
    UnavailableError,
)
from sopro_protocol.merkle import Hash, leaf_hash
from sopro_registry.family import KeySpan

MAX_BATCH: Final = 1024
_logger = logging.getLogger("sopro.log")


class _Group(NamedTuple):
    """What one caller wants appended."""

    drafts: Sequence[Draft | Signed]
    note: Note | None
    future: asyncio.Future[list[Outcome]]


class Closed(NamedTuple):
    """Why nothing may be signed, for programs and for people."""

    code: str
    message: str


async def _always() -> None:
    """Let every append pass."""


def _accept(_draft: Draft) -> SoproError | None:
    """Object to no draft."""
    return None


class _RehearsedError(Exception):
    """What was tried was only tried: the transaction is rolled back."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        super().__init__()
        self.outcomes = outcomes


class OwnLog:
    """The node's own log and its queue; it signs nothing before it is opened.

    Attributes:
        admit: waited for before an append is taken; raises where none may be.
        object_to: says why a draft may not be appended although no rule of its family forbids it.
    """

    def __init__(
        self,
        holdings: Holdings,
        store: Store,
        writer: Writer,
        *,
        signatory: Signatory,
        root_key: bytes,
        published: Callable[[HeldLog], None],
    ) -> None:
        self._holdings = holdings
        self._store = store
        self._writer = writer
        self._signatory = signatory
        self._root_key = root_key
        self._published = published
        self._waiting: list[_Group] = []
        self._unanswered: set[asyncio.Future[list[Outcome]]] = set()
        self._checker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checker")
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._must_sign = True
        self._closed: Closed | None = Closed("unavailable", "this node has not begun yet")
        self.admit: Callable[[], Awaitable[None]] = _always
        self.object_to: Callable[[Draft], SoproError | None] = _accept

    @property
    def held(self) -> HeldLog:
        """The log itself."""
        return self._holdings.own

    def start(self, *, must_sign: bool = True) -> None:
        """Begin to take drafts; until the log is opened they wait or are refused.

        Raises:
            FormatError: it must be able to sign, and the keys for it are not at hand.
        """
        held = self.held
        self._must_sign = must_sign
        if must_sign and held.keys:
            self._signatory.check(held.keys, size=held.size)
        self._task = start_task(self._run, name="own log")

    def open(self) -> None:
        """Sign the head found on disk and let appends pass (SPEC FENCE-1)."""
        self._closed = None
        held = self.held
        # Without keys the log waits for being judged, and its next batch is signed.
        is_sure = self._must_sign and bool(held.keys)
        with contextlib.nullcontext() if is_sure else contextlib.suppress(RefusedError):
            held.sign(self._sign(held.size, held.tree.root(), held.keys))
        self._published(held)

    def close(self, why: Closed) -> None:
        """Sign nothing from now on."""
        self._closed = why

    def _check_open(self) -> None:
        if self._closed is not None:
            raise UnavailableError(self._closed.message, code=self._closed.code)

    async def stop(self) -> None:
        """Commit what is waiting, keep the signed head, then take no more."""
        await asyncio.gather(*self._unanswered, return_exceptions=True)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._checker.shutdown(wait=False)
        with contextlib.suppress(StorageFullError):
            await self._writer.run(self._keep_head)

    async def append(self, draft: Draft | Signed, *, note: Note | None = None) -> Appended:
        """Append one record; durable when this returns. A note is written in its transaction.

        Raises:
            RefusedError: a rule forbids it.
            ConflictError: its entity has changed since it was seen.
            FormatError: a field does not fit.
            StorageFullError: the disk is full.
            UnavailableError: nothing may be signed now.
        """
        [outcome] = await self.append_all([draft], note=note)
        if isinstance(outcome, SoproError):
            raise outcome
        return outcome

    async def append_all(
        self, drafts: Sequence[Draft | Signed], *, note: Note | None = None
    ) -> list[Outcome]:
        """Append records in order, each on its own merits; durable when this returns.

        A note is written in the transaction of those that were appended, where there is any.

        Raises:
            StorageFullError: the disk is full; none was appended.
            UnavailableError: nothing may be signed now; none was appended.
        """
        await self.admit()
        objections = [
            self.object_to(one) if isinstance(one, Draft) and not one.is_copy else None
            for one in drafts
        ]
        accepted = [one for one, error in zip(drafts, objections, strict=True) if error is None]
        outcomes = iter(await self.append_first(accepted, note=note) if accepted else ())
        return [error or next(outcomes) for error in objections]

    async def append_first(
        self, drafts: Sequence[Draft | Signed], *, note: Note | None = None
    ) -> list[Outcome]:
        """Append records without asking whether appends may pass; for who decides on that."""
        future: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._unanswered.add(future)
        future.add_done_callback(self._unanswered.discard)
        self._waiting.append(_Group(drafts, note, future))
        self._wake.set()
        return await future

    def has(self, entry: bytes) -> bool:
        """Say whether an entry is in this log already, byte for byte."""
        return self.held.tree.find(leaf_hash(entry)) is not None

    async def rehearse(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Judge drafts as an append would now, in order, and append none of them.

        Raises:
            UnavailableError: nothing may be signed now.
        """
        await self.admit()
        return await self._writer.run(lambda: self._rehearse(drafts))

    async def _run(self) -> None:
        while True:
            while self._waiting:
                await self._commit_next()
            await self._wake.wait()
            self._wake.clear()

    async def _commit_next(self) -> None:
        taken = self._take()
        try:
            outcomes = await self._writer.run(lambda: self._commit(taken))
        except Exception as error:  # handed to the callers, who know what to do
            for group in taken:
                if not group.future.done():
                    group.future.set_exception(error)
            return
        for group, told in _by_group(taken, outcomes):
            if not group.future.done():
                group.future.set_result(told)
        self._published(self.held)

    def _take(self) -> list[_Group]:
        taken: list[_Group] = []
        count = 0
        while self._waiting and count < MAX_BATCH:
            taken.append(self._waiting.pop(0))
            count += len(taken[-1].drafts)
        return taken

    # On the writer's thread.

    def _commit(self, groups: Sequence[_Group]) -> list[Outcome]:
        refused: dict[int, SoproError] = {}
        while True:
            try:
                return self._commit_others(groups, refused)
            except SpoiltError as spoilt:
                refused[spoilt.number] = spoilt.error

    def _rehearse(self, drafts: Sequence[Draft]) -> list[Outcome]:
        refused: dict[int, SoproError] = {}
        while True:
            try:
                self._rehearse_others(drafts, refused)
            except _RehearsedError as done:
                return done.outcomes
            except SpoiltError as spoilt:
                refused[spoilt.number] = spoilt.error

    def _rehearse_others(self, drafts: Sequence[Draft], refused: Mapping[int, SoproError]) -> None:
        """Go as far as a commit goes, then have everything taken back."""
        with self._store.transaction():
            raise _RehearsedError(self._begin().try_all(drafts, refused))

    def _commit_others(
        self, groups: Sequence[_Group], refused: Mapping[int, SoproError]
    ) -> list[Outcome]:
        """Commit drafts but those that are refused already."""
        drafts = [draft for group in groups for draft in group.drafts]
        with self._store.transaction():
            batch = self._begin()
            outcomes = batch.try_all(drafts, refused)
            if batch.step.size == self.held.size and not batch.step.is_anew:
                return outcomes
            _write_notes(groups, outcomes)
            batch.append_state()
            batch.write(self._checker)
        self._publish(batch.step)
        return outcomes

    def _begin(self) -> Batch:
        """Begin a batch behind all that is here, inside a transaction."""
        self._check_open()
        batch = self._batch(self.held)
        batch.catch_up()
        return batch

    def _batch(self, held: HeldLog) -> Batch:
        return Batch(
            self._holdings, self._store, held, root_key=self._root_key, signatory=self._signatory
        )

    def _publish(self, step: Step) -> None:
        keys = step.ledger.cursor.keys
        step.publish(checkpoint=self._sign(step.size, step.range.root(), keys))

    def _sign(self, size: int, root: bytes, keys: Sequence[KeySpan]) -> bytes:
        return self._signatory.sign_head(Checkpoint(self.held.origin, size, Hash(root)), keys)

    def found(self, values: Mapping[str, Any]) -> None:
        """Write entry 0, the site's keys, and the first log_state; the log must be empty.

        Runs on the caller's thread, before anything else uses the store.
        """
        with self._store.transaction():
            held = self._holdings.begin(self._holdings.own_origin)
            batch = self._batch(held)
            entity = own_entity(held.origin, "site_keys")
            batch.append(Draft("site_keys", values, entity=entity))
            batch.append_state()
            batch.write(self._checker)
        self._publish(batch.step)
        self._keep_head()

    def go_on(self, entry: bytes) -> None:
        """Append the record with which a successor takes over the log, and the first log_state.

        Runs on the writer's thread, before anything else uses the store (SPEC SUCC-4).

        Raises:
            RefusedError: members have not appointed who signed it.
        """
        with self._store.transaction():
            batch = self._batch(self.held)
            batch.append_signed(entry)
            batch.append_state()
            batch.write(self._checker)
        self._publish(batch.step)
        self._keep_head()

    def _keep_head(self) -> None:
        """Store the signed head, so that it is served at the next start before anything is signed.

        Beside a batch only the head before it is stored; this is for an orderly end.
        """
        held = self.held
        [row] = [row for row in self._store.logs() if row.log == held.number]
        if (row.size, row.root) == (held.signed_size, held.tree.root()):
            with self._store.transaction():
                self._store.set_log(row._replace(checkpoint=held.checkpoint))

    async def append_state(self, count: int = 1) -> None:
        """End an empty batch: say which head of the coordinator this site acts on now.

        Args:
            count: of such records; several only make the log longer.
        """
        await self.admit()
        await self._writer.run(lambda: self._commit_state(count))
        self._published(self.held)

    def _commit_state(self, count: int) -> None:
        with self._store.transaction():
            batch = self._begin()
            for _ in range(count):
                batch.append_state()
            batch.write(self._checker)
        self._publish(batch.step)


def _by_group(
    groups: Sequence[_Group], outcomes: Sequence[Outcome]
) -> Iterator[tuple[_Group, list[Outcome]]]:
    """Give every group what came of its drafts."""
    rest = iter(outcomes)
    for group in groups:
        yield group, list(islice(rest, len(group.drafts)))


def _write_notes(groups: Sequence[_Group], outcomes: Sequence[Outcome]) -> None:
    """Write beside what was appended what its callers want to be there exactly if that is."""
    for group, told in _by_group(groups, outcomes):
        appended = [one for one in told if isinstance(one, Appended)]
        if group.note is not None and appended:
            group.note(appended)
