"""Pulling one log from other nodes: open the head, check consistency, fetch, verify, keep.

Nothing is half-applied: each transaction adds entries that are proven to lie under the signed head,
together with everything that follows from them. A large sync first proves the bundles' roots
from hash tiles, so that every full bundle can be checked, committed and resumed on its own; the
head that this node serves moves only with the last of them (SPEC section SYNC).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from sopro_node.ahead import look_ahead
from sopro_node.evidence import EvidenceKeeper
from sopro_node.fetch import Fetch, Fetched
from sopro_node.forks import find_parting, fork_in_roots, fork_within, read_roots, root_below
from sopro_node.holdings import HeldLog, Holdings, Step
from sopro_node.store.base import Store
from sopro_node.verify import CheckedBundle, check_bundle, check_pushed, find_withheld
from sopro_node.worker import Task, run_task
from sopro_node.writer import Writer
from sopro_protocol.bundle import MAX_BUNDLE, WIDTH, Item, Withheld, parse_bundle
from sopro_protocol.checkpoint import SignedCheckpoint, keep_lines_of, open_sized_checkpoint
from sopro_protocol.encoding import MAX_INTEGER
from sopro_protocol.errors import (
    FormatError,
    PeerError,
    SoproError,
    SplitViewError,
    VerificationError,
)
from sopro_protocol.evidence import Fork
from sopro_protocol.keys import Role, VerifierKey, make_vkey
from sopro_protocol.merkle import CompactRange, SubtreeReader, root_of
from sopro_protocol.tile import bundle_path, parse_tile, tile_path
from sopro_registry.family import KeySpan, Withholding
from sopro_registry.keyhistory import KeyRecord, log_keys_at, open_key_history
from sopro_registry.withholding import open_withholding

MAX_CHECKPOINT: Final = 64 * 1024
MAX_KEYS: Final = 1024 * 1024
FEW: Final = 4
"""Up to so many missing bundles are fetched at once and proven by their root alone."""
_GROUP: Final = 4
_PER_TRANSACTION: Final = 16
_LARGE: Final = 1024 * 1024
_MOST_ENTRIES: Final = 2**27
"""A larger log is not mirrored: the roots of its bundles would take too much memory."""

_KEYS: Final = msgspec.msgpack.Decoder(list[KeyRecord])


def parse_keys(data: bytes) -> list[KeyRecord]:
    """Read what `/keys` answers; nothing is verified.

    Raises:
        FormatError: `hos.keys`, it is no list of key records.
    """
    try:
        return _KEYS.decode(data)
    except msgspec.MsgspecError as error:
        raise FormatError(f"keys: {error}", code="hos.keys") from None


@dataclass(frozen=True, slots=True)
class Target:
    """A log to pull.

    Attributes:
        origin: of the log.
        root_key: that signed its entry 0, as the first membership record or the invite names it.
        bases: URLs under which nodes serve it, its own site's first.
        own_bases: how many of them are its own site's.
        latest_root: its root key as the latest membership names it; empty where it is the same.
    """

    origin: str
    root_key: bytes
    bases: tuple[str, ...]
    own_bases: int = 1
    latest_root: bytes = b""

    @property
    def named_root(self) -> bytes:
        """The root key of the site that its key records have to lead to."""
        return self.latest_root or self.root_key


class Push(NamedTuple):
    """A head as its own site has pushed it (SPEC SYNC-8, SYNC-11).

    Attributes:
        note: the signed checkpoint.
        since: size of the log before the entries that came with it.
        bundle: those entries and their documents; empty where none came.
        size: of the log with them, as it was told.
    """

    note: bytes
    since: int = 0
    bundle: bytes = b""
    size: int = MAX_INTEGER


@dataclass(slots=True)
class Pulled:
    """What a pull did.

    Attributes:
        size: of the log afterwards.
        added: entries stored.
        requests: made.
        received: bytes on the wire.
        problem: what the site's own node failed with, where a mirror had to stand in.
        note: the signed head as it was served, with lines that nobody has verified.
    """

    size: int = 0
    added: int = 0
    requests: int = 0
    received: int = 0
    problem: SoproError | None = None
    note: bytes = b""


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
        self._holdings = holdings
        self._store = store
        self._writer = writer
        self._workers = workers
        self._evidence = evidence

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
        problem: SoproError | None = None
        found: Pulled | None = None
        for number in range(len(target.bases)):
            pull = _Pull(self, target, fetch, first=number)
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
            pull = _Pull(self, target, fetch, first=number)
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

        def catch_up() -> None:
            with self._store.transaction():
                step = self._holdings.step(held, root_key=root_key)
                step.catch_up()
                step.write(checkpoint=held.checkpoint)
            step.publish(checkpoint=held.checkpoint)

        await self._writer.run(catch_up)


class _Pull:
    """One pull of one log from one node."""

    def __init__(self, mirror: Mirror, target: Target, fetch: Fetch, *, first: int) -> None:
        self._holdings = mirror._holdings
        self._store = mirror._store
        self._writer = mirror._writer
        self._workers = mirror._workers
        self._evidence = mirror._evidence
        self._target = target
        self._bases = target.bases[first:]
        self._is_own = first < target.own_bases
        self._fetch = fetch
        self._done = Pulled()
        self._keys: Mapping[bytes, bytes] = {}
        self._opened_with: tuple[KeySpan, ...] = ()
        self._proven: SubtreeReader | None = None
        self._abandoned: HeldLog | None = None
        held = self.held
        self._is_first = held is None or not held.keys

    @property
    def held(self) -> HeldLog | None:
        held = self._holdings.logs.get(self._target.origin)
        # What is given up is dropped only when something takes its place.
        return None if held is self._abandoned else held

    @property
    def _is_coordinator(self) -> bool:
        return self._target.origin == self._holdings.coordinator_origin

    async def run(self, push: Push | None) -> Pulled:
        self._check_trusted()
        try:
            return await self._run(push)
        except SplitViewError:
            held = self.held
            if held is None or self._is_coordinator or not self._evidence.is_abandoned(held):
                raise
        # The federation goes on with the other history (SPEC EVID-12): begin anew with it.
        await self._writer.run(lambda: self._holdings.discard(held))
        self._is_first = True
        return await self._run(None)

    async def _run(self, push: Push | None) -> Pulled:
        held = self.held
        history: Sequence[KeySpan] = held.keys if held else ()
        if self._is_first:
            # The keys come first: whether this site may be listened to follows from them.
            history = await self._fetch_keys()
        if push is None:
            push = Push(await self._get("checkpoint", limit=MAX_CHECKPOINT))
        signed = await self._open_head(push.note, history)
        self._done.note = push.note
        if await self._is_of_other_history(signed):
            # From the beginning, keys too, and from here: nothing that was pushed is of use.
            self._abandoned, self._is_first = self.held, True
            signed = await self._open_head(push.note, await self._fetch_keys())
        held = self.held
        before = held.size if held else 0
        if await self._is_new(signed, held) and not await self._grow_by_push(signed, push):
            await self._grow(signed, before)
        held = self.held
        self._done.size = held.size if held else 0
        self._done.added = self._done.size - before
        return self._done

    def _check_trusted(self) -> None:
        """Take nothing more from a log that evidence stands against (SPEC EVID-7)."""
        refusal = self._evidence.refusal(self._target.origin)
        if refusal is not None:
            raise refusal

    async def _is_of_other_history(self, signed: SignedCheckpoint) -> bool:
        """Say whether members have settled that a head's history holds and not the one held.

        Raises:
            VerificationError: `hos.fork`, they have settled that its history does not hold.
        """
        if not self._is_coordinator:
            return False
        held, anchored = self.held, self._evidence.anchored(self._target.origin)
        wrong = [
            one
            for one in anchored
            if held and one.size <= held.size and held.tree.root_at(one.size) != one.root
        ]
        reached = held.size if held and not wrong else 0
        for one in anchored:
            if not reached < one.size <= signed.size:
                continue
            if await root_below(signed, one.size, self._tile) != one.root:
                raise VerificationError(
                    f"{signed.origin}: this node still serves a history that the members have "
                    f"abandoned: of the first {one.size} entries the root is not {one.root.hex()}",
                    code="hos.fork",
                )
        if any(one.size > signed.size for one in wrong):
            raise VerificationError(
                f"{signed.origin}: this head is too small to show of which history it is",
                code="hos.rollback",
            )
        return bool(wrong)

    # Keys.

    async def _open_head(self, note: bytes, history: Sequence[KeySpan]) -> SignedCheckpoint:
        """Open a head with the log keys that count at its size (SPEC KEY-9, SYNC-12).

        Where none of those this node knows has signed it, the site may have changed its keys
        since; then its key records are asked for.
        """
        try:
            return self._open_with(note, history)
        except VerificationError as error:
            if error.code != "ckp.signature" or self._is_first:
                raise
            fetched = await self._fetch_keys()
            if fetched == tuple(history):
                raise
        return self._open_with(note, fetched)

    def _open_with(self, note: bytes, keys: Sequence[KeySpan]) -> SignedCheckpoint:
        self._keys = {span.key_id: span.public for span in keys}
        self._opened_with = tuple(keys)
        origin = self._target.origin

        def may_sign(size: int) -> list[VerifierKey]:
            return [make_vkey(origin, public) for public in log_keys_at(keys, size)]

        signed = open_sized_checkpoint(note, origin=origin, keys=may_sign)
        return keep_lines_of(signed, may_sign(signed.size))

    async def _fetch_keys(self) -> tuple[KeySpan, ...]:
        """Ask for the site's key records, which verify by themselves (SPEC SYNC-1)."""
        history = parse_keys(await self._get("keys", limit=MAX_KEYS))
        try:
            return self._follow_keys(history)
        except (FormatError, VerificationError) as error:
            # Out of order, or by nobody whom the membership names.
            code = "hos.keys" if error.code == "hos.keys" else "mem.untrusted"
            raise VerificationError(f"keys: {error}", code=code) from None

    def _follow_keys(self, history: Sequence[KeyRecord]) -> tuple[KeySpan, ...]:
        target = self._target
        try:
            return open_key_history(history, origin=target.origin, root=target.named_root)
        except VerificationError:
            if self._is_first:
                raise
        # The log may not have come to that root key yet; its beginning is held already.
        return open_key_history(history, origin=target.origin, root=target.root_key)

    def _check_keys(self, step: Step, signed: SignedCheckpoint) -> bytes:
        """Hold the head and the membership to the key records that are really in the log.

        Before, they were taken from whoever served them, who could have left some out or told
        other positions. Return the head with the lines of the keys that may sign it.
        """
        if step.ledger.cursor.projected < step.size:
            return signed.note
        keys = step.ledger.cursor.keys
        if keys != self._opened_with:
            # From what was served: before, lines of keys that were unknown were dropped.
            signed = self._open_with(self._done.note, keys)
        roots = {span.public for span in keys if span.role == Role.ROOT.value}
        if self._is_first and self._target.named_root not in roots:
            raise VerificationError(
                f"{self._target.origin}: its key records do not lead to the root key of its "
                "membership",
                code="mem.untrusted",
            )
        return signed.note

    # Heads.

    async def _is_new(self, signed: SignedCheckpoint, held: HeldLog | None) -> bool:
        """Compare a head with the one held (SPEC SYNC-2)."""
        if signed.size > _MOST_ENTRIES:
            raise VerificationError(
                f"{signed.origin}: head at size {signed.size}, this node mirrors no log of more "
                f"than {_MOST_ENTRIES} entries",
                code="hos.oversize",
            )
        if held is None:
            return True
        if signed.size <= held.size and held.tree.root_at(signed.size) != signed.root:
            raise await self._split(signed, held, fork_within(held, signed))
        if signed.size < held.signed_size and self._is_own:
            raise VerificationError(
                f"{signed.origin}: head at size {signed.size}, {held.signed_size} was seen before",
                code="hos.rollback",
            )
        return signed.size > held.signed_size or not held.checkpoint

    async def _split(
        self, signed: SignedCheckpoint, held: HeldLog, fork: Fork | None
    ) -> SplitViewError:
        """Keep the evidence, and then say so (SPEC EVID-7)."""
        if fork is not None:
            await self._evidence.accuse(await self._sharpen(fork, signed, held))
        return SplitViewError(
            f"{signed.origin}: two histories, the head at size {signed.size} excludes what is "
            f"held, {held.shown_size} entries",
            held=held.checkpoint,
            offered=signed.note,
        )

    async def _sharpen(self, fork: Fork, signed: SignedCheckpoint, held: HeldLog) -> Fork:
        """Show right behind what both share that they differ, where it can be shown (EVID-11)."""
        if not self._is_coordinator:
            return fork
        try:
            parting = await find_parting(held, signed, self._tile)
        except (FormatError, PeerError, VerificationError):
            return fork
        return parting.fork if parting is not None else fork

    # Growing.

    async def _grow_by_push(self, signed: SignedCheckpoint, push: Push) -> bool:
        """Add the entries that came with a head; False where they have to be fetched after all.

        What is wrong with them is not told: what is fetched under the same head tells more.
        """
        held = self.held
        number, start = divmod(push.since, WIDTH)
        width = signed.size - number * WIDTH
        if not push.bundle or held is None or held.size != push.since or not start < width <= WIDTH:
            return False

        def fill(step: Step) -> None:
            pushed = check_pushed(
                push.bundle, number=number, start=start, width=width, keys=self._keys
            )
            if step.size != push.since:
                raise VerificationError("the log has grown meanwhile", code="hos.bundle")
            step.add(pushed.entries, pushed.leaves, pushed.verified)
            step.add_documents(pushed.documents)

        try:
            await self._writer.run(lambda: self._extend(fill, signed, must_end=True))
        except (FormatError, VerificationError):
            return False
        self._done.received += len(push.bundle)
        return True

    async def _grow(self, signed: SignedCheckpoint, before: int) -> None:
        if signed.size <= before:
            # Its entries came under a larger head, which was not reached.
            await self._writer.run(lambda: self._extend(_add_nothing, signed, must_end=False))
            return
        first = before // WIDTH
        if (signed.size - 1) // WIDTH - first < FEW:
            await self._grow_by_few(signed, first)
            return
        roots = await self._prove_roots(signed)
        if before % WIDTH:
            [fetched] = await self._fetch_bundles([first], [WIDTH])
            await self._commit([(first, WIDTH, fetched)], signed, root=roots[first])
            first += 1
        await self._grow_by_many(first, roots, signed)
        if signed.size % WIDTH or not self._is_whole(signed):
            await self._grow_by_few(signed, signed.size // WIDTH)

    def _is_whole(self, signed: SignedCheckpoint) -> bool:
        held = self.held
        return held is not None and held.signed_size == signed.size

    async def _grow_by_few(self, signed: SignedCheckpoint, first: int) -> None:
        numbers = list(range(first, -(-signed.size // WIDTH)))
        widths = [min(WIDTH, signed.size - number * WIDTH) for number in numbers]
        fetched = await self._fetch_bundles(numbers, widths)
        try:
            await self._commit(list(zip(numbers, widths, fetched, strict=True)), signed)
        except VerificationError:
            # Say whether the bundle is wrong or the log has two histories.
            await self._prove_roots(signed)
            raise

    async def _fetch_bundles(self, numbers: Sequence[int], widths: Sequence[int]) -> list[Fetched]:
        # One after the other, and a large one is looked at first: what is made to explode is
        # held once.
        fetched = []
        for number, width in zip(numbers, widths, strict=True):
            one = await self._ask(bundle_path(index=number, width=width), limit=MAX_BUNDLE)
            if len(one.body) > _LARGE:
                parse_bundle(one.body, index=number, width=width)
            fetched.append(one)
        return fetched

    async def _grow_by_many(
        self, first: int, roots: Sequence[bytes], signed: SignedCheckpoint
    ) -> None:
        """Let the workers fetch and check full bundles; commit them in order."""
        loop = asyncio.get_running_loop()
        numbers = list(range(first, len(roots)))
        groups = [numbers[at : at + _GROUP] for at in range(0, len(numbers), _GROUP)]
        pool = self._workers()
        window: list[asyncio.Future[list[CheckedBundle] | SoproError]] = []
        ready: list[CheckedBundle] = []
        try:
            while groups or window:
                while groups and len(window) < 8:
                    group = groups.pop(0)
                    task = Task(
                        self._bases,
                        group,
                        [roots[number] for number in group],
                        self._keys,
                        self._fetch.deadline,
                        self._fetch.reach.allow_private,
                        self._fetch.reach.ca_file,
                    )
                    window.append(loop.run_in_executor(pool, run_task, task))
                answer = await window.pop(0)
                if isinstance(answer, SoproError):
                    raise answer
                self._done.requests += len(answer)
                self._done.received += sum(bundle.wire_size for bundle in answer)
                ready.extend(answer)
                if len(ready) >= _PER_TRANSACTION or not (groups or window):
                    await self._commit_full(ready, signed)
                    ready = []
        finally:
            for future in window:
                future.cancel()

    async def _commit_full(self, bundles: list[CheckedBundle], signed: SignedCheckpoint) -> None:
        gaps = [
            (bundle.number * WIDTH + place, item)
            for bundle in bundles
            for place, item in enumerate(bundle.entries)
            if isinstance(item, Withheld)
        ]
        explained = await self._explain(gaps, signed)

        def commit() -> None:
            def fill(step: Step) -> None:
                step.explain(explained)
                for bundle in bundles:
                    step.add_bundle(bundle)

            self._extend(fill, signed, must_end=False)

        await self._writer.run(commit)

    async def _commit(
        self,
        fetched: list[tuple[int, int, Fetched]],
        signed: SignedCheckpoint,
        *,
        root: bytes | None = None,
    ) -> None:
        """Commit bundles up to the signed head, or one whose root was proven."""
        explained: list[Withholding] = []

        def commit() -> None:
            def fill(step: Step) -> None:
                step.explain(explained)
                for number, width, answer in fetched:
                    held = step.tail
                    bundle = check_bundle(
                        answer, number=number, width=width, root=root, keys=self._keys, held=held
                    )
                    start = len(held.entries)
                    step.add(bundle.entries[start:], bundle.leaves[start:], bundle.verified)
                    step.add_documents(bundle.documents)

            self._extend(fill, signed, must_end=root is None)

        try:
            await self._writer.run(commit)
        except VerificationError as error:
            if error.code != "wdh.gap":
                raise
            before = self.held.size if self.held else 0
            gaps = [
                (position, item)
                for number, width, answer in fetched
                for position, item in find_withheld(answer, number=number, width=width)
                if position >= before
            ]
            explained += await self._explain(gaps, signed)
            await self._writer.run(commit)

    # Withheld entries.

    async def _explain(
        self, gaps: Iterable[tuple[int, Item]], signed: SignedCheckpoint
    ) -> list[Withholding]:
        """Fetch the records that are said to withhold entries (SPEC WITHHOLD-9).

        What they say is needed to judge the log; that they count is seen when it is judged up to
        them, and that they stand there at all when the entries lead to the signed root.

        Raises:
            VerificationError: `wdh.gap`, an entry is withheld without such a record.
        """
        roots = {one.key_id: one.public for one in self._opened_with if one.role == Role.ROOT.value}
        found = []
        bundle: tuple[int, list[Item]] = (-1, [])
        for index, item in gaps:
            if not isinstance(item, Withheld):
                continue
            number, place = divmod(item.record, WIDTH)
            if item.record >= signed.size:
                raise VerificationError(
                    f"{signed.origin}: entry {index} is withheld by entry {item.record}, which is "
                    f"not under the head at size {signed.size}",
                    code="wdh.gap",
                )
            if number != bundle[0]:
                width = min(WIDTH, signed.size - number * WIDTH)
                answer = await self._ask(bundle_path(index=number, width=width), limit=MAX_BUNDLE)
                bundle = (number, parse_bundle(answer.body, index=number, width=width).items)
            data = bundle[1][place]
            found.append(
                open_withholding(
                    data if isinstance(data, bytes) else b"",
                    origin=signed.origin,
                    index=index,
                    leaf=item.leaf,
                    record=item.record,
                    roots=roots,
                )
            )
        return found

    def _extend(
        self, fill: Callable[[Step], None], signed: SignedCheckpoint, *, must_end: bool
    ) -> None:
        """Extend the log in one transaction, on the writer's thread."""
        is_first, abandoned = self.held is None, self._abandoned
        directory = self._holdings.directory
        self._check_trusted()
        try:
            with self._store.transaction():
                if abandoned is not None:
                    directory = self._holdings.give_up(abandoned)
                held = self.held or self._holdings.begin(self._target.origin)
                step = self._holdings.step(held, root_key=self._target.root_key)
                step.catch_up()
                fill(step)
                note = held.checkpoint
                if must_end:
                    _check_root(step, signed)
                if step.size >= signed.size:
                    step.check_explained(signed.size)
                    note = self._check_keys(step, signed)
                if step.size == signed.size:
                    step.ahead = None
                elif step.size < signed.size and self._proven is not None:
                    step.ahead = look_ahead(
                        signed.note, start=step.size, size=signed.size, read=self._proven
                    )
                step.write(checkpoint=note)
        except BaseException:
            if is_first:
                self._holdings.forget(self._target.origin)
            if abandoned is not None:
                self._holdings.take_back(abandoned, directory)
            raise
        if abandoned is not None:
            self._holdings.begin_judging_anew()
            self._abandoned = None
        step.publish(checkpoint=note)

    # Hash tiles.

    async def _prove_roots(self, signed: SignedCheckpoint) -> list[bytes]:
        """Fetch the roots of all full bundles and prove them under the signed head (SPEC SYNC-3).

        Raises:
            VerificationError: `hos.tile`, the tiles do not lead to the signed root.
            SplitViewError: they do, and what this node holds is not under it.
        """
        full, width = divmod(signed.size, WIDTH)
        roots: list[bytes] = []
        for tile in range(-(-full // WIDTH)):
            roots += await self._tile(1, tile, min(WIDTH, full - tile * WIDTH))
        leaves = await self._tile(0, full, width) if width else []
        proven = CompactRange()
        for root in roots:
            proven.append_subtree(root, level=8)
        proven.extend(leaves)
        if proven.root() != signed.root:
            raise VerificationError(
                f"{signed.origin}: the hash tiles lead to another root than the signed one",
                code="hos.tile",
            )
        if self.held is not None:
            await self._check_prefix(self.held, signed, roots, leaves)
        self._proven = read_roots(roots, {full: leaves})
        return roots

    async def _check_prefix(
        self,
        held: HeldLog,
        signed: SignedCheckpoint,
        roots: Sequence[bytes],
        leaves: Sequence[bytes],
    ) -> None:
        """Hold what this node has to the proven roots.

        Raises:
            SplitViewError: it does not lie under them.
        """
        edge = held.tree.edge
        known = {len(roots): leaves}
        is_prefix = list(roots[: edge.full]) == held.tree.roots[: edge.full]
        if is_prefix and edge.full < len(roots) and edge.leaves:
            known[edge.full] = await self._tile(0, edge.full, WIDTH)
            if root_of(known[edge.full]) != roots[edge.full]:
                raise VerificationError(
                    f"{held.origin}: tile 0/{edge.full} does not match its parent", code="hos.tile"
                )
        if not is_prefix or list(known.get(edge.full, ())[: len(edge.leaves)]) != edge.leaves:
            raise await self._split(signed, held, fork_in_roots(held, signed, roots, known))

    async def _tile(self, level: int, index: int, width: int) -> list[bytes]:
        path = tile_path(level=level, index=index, width=width)
        return list(parse_tile(await self._get(path, limit=WIDTH * 32), width=width))

    # Asking.

    async def _get(self, path: str, *, limit: int) -> bytes:
        return (await self._ask(path, limit=limit)).body

    async def _ask(self, path: str, *, limit: int) -> Fetched:
        self._done.requests += 1
        fetched = await self._fetch.get(f"{self._bases[0]}/{path}", limit=limit)
        self._done.received += fetched.wire_size
        return fetched


def _add_nothing(_step: Step) -> None:
    """Let a log stay as long as it is."""


def _check_root(step: Step, signed: SignedCheckpoint) -> None:
    if step.range.root() != signed.root:
        raise VerificationError(
            f"{signed.origin}: the entries lead to another root than the signed one",
            code="hos.bundle",
        )
