"""Pulling one log from other nodes: open the head, check consistency, fetch, verify, keep.

Nothing is half-applied: each transaction adds entries that are proven to lie under the signed head,
together with everything that follows from them. A large sync first proves the bundles' roots
from hash tiles, so that every full bundle can be checked, committed and resumed on its own; the
head that this node serves moves only with the last of them (SPEC section SYNC).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Final, NamedTuple

from sopro_node.ahead import look_ahead
from sopro_node.evidence import EvidenceKeeper
from sopro_node.fetch import Fetch, Fetched
from sopro_node.forks import (
    find_parting,
    fork_ahead,
    fork_in_roots,
    fork_within,
    read_roots,
    root_below,
)
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.step import Step
from sopro_node.store.base import Store
from sopro_node.target import MAX_CHECKPOINT, MAX_KEYS, Pulled, Push, Target, parse_keys
from sopro_node.verify import CheckedBundle, check_bundle, check_pushed, find_withheld
from sopro_node.worker import Task, run_task
from sopro_node.writer import Writer
from sopro_protocol.bundle import MAX_BUNDLE, WIDTH, Item, Withheld, parse_bundle
from sopro_protocol.checkpoint import SignedCheckpoint, keep_lines_of, open_sized_checkpoint
from sopro_protocol.errors import (
    FormatError,
    PeerError,
    SoproError,
    SplitViewError,
    VerificationError,
)
from sopro_protocol.evidence import Fork
from sopro_protocol.keys import Role, VerifierKey, make_vkey
from sopro_protocol.merkle import CompactRange, SubtreeReader, leaf_hash, root_of
from sopro_protocol.tile import bundle_path, parse_tile, tile_path
from sopro_registry.family import KeySpan, Withholding
from sopro_registry.keyhistory import KeyRecord, log_keys_at, open_key_history
from sopro_registry.withholding import open_withholding

FEW: Final = 4
"""Up to so many missing bundles are fetched at once and proven by their root alone."""
_GROUP: Final = 4
_PER_TRANSACTION: Final = 16
_LARGE: Final = 1024 * 1024
_MOST_ENTRIES: Final = 2**27
"""A larger log is not mirrored: the roots of its bundles would take too much memory."""


class Place(NamedTuple):
    """Where what is pulled is kept.

    Attributes:
        holdings: the logs.
        store: the database.
        writer: the one thread that writes it.
        workers: processes that check a large sync.
        evidence: what stands against whom.
    """

    holdings: Holdings
    store: Store
    writer: Writer
    workers: Callable[[], Executor]
    evidence: EvidenceKeeper


class Pull:
    """One pull of one log from one node."""

    def __init__(self, place: Place, target: Target, fetch: Fetch, *, first: int) -> None:
        self._holdings, self._store, self._writer, self._workers, self._evidence = place
        self._target = target
        self._bases = target.bases[first:]
        self._is_own = first < target.own_bases
        self._fetch = fetch
        self._done = Pulled()
        self._keys: Mapping[bytes, bytes] = {}
        self._opened_with: tuple[KeySpan, ...] = ()
        self._served_keys: Sequence[bytes] = ()
        self._proven: SubtreeReader | None = None
        self._abandoned: HeldLog | None = None
        held = self.held
        self._is_first = held is None or not held.keys

    @property
    def held(self) -> HeldLog | None:
        """The log as far as it is here."""
        held = self._holdings.logs.get(self._target.origin)
        # What is given up is dropped only when something takes its place.
        return None if held is self._abandoned else held

    @property
    def _is_coordinator(self) -> bool:
        return self._target.origin == self._holdings.coordinator_origin

    async def run(self, push: Push | None) -> Pulled:
        """Bring the log up to the newest head; `Mirror.pull` says what goes wrong.

        Args:
            push: a head its own site has pushed; without it the node is asked.
        """
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
        self._evidence.check_keys(signed.origin, signed.size, self._opened_with)
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
            code = error.code if error.code in ("hos.keys", "mem.epoch") else "mem.untrusted"
            raise VerificationError(f"keys: {error}", code=code) from None

    def _follow_keys(self, history: Sequence[KeyRecord]) -> tuple[KeySpan, ...]:
        self._target.check_beginning(*(leaf_hash(one.entry) for one in history[:1]))
        roots = self._target.leading_roots
        if not self._is_first or self._target.is_cut:
            # The log may not have come to any of them yet; its beginning is held already, or it
            # is closed, and what it was closed at is known.
            roots = tuple(dict.fromkeys([*roots, self._target.root_key]))
        for root in roots[:-1]:
            try:
                return self._follow_from(history, root)
            except VerificationError:
                continue
        return self._follow_from(history, roots[-1])

    def _follow_from(self, history: Sequence[KeyRecord], root: bytes) -> tuple[KeySpan, ...]:
        spans = open_key_history(
            history, origin=self._target.origin, root=root, is_coordinator=self._is_coordinator
        )
        self._served_keys = [one.entry for one in history]
        return spans

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
        is_named = self._target.is_cut or not roots.isdisjoint(self._target.leading_roots)
        if self._is_first and not is_named:
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
        if fork := await fork_ahead(held, signed, self._tile):
            raise await self._split(signed, held, fork)
        return signed.size > held.signed_size or not held.checkpoint

    async def _split(
        self, signed: SignedCheckpoint, held: HeldLog, fork: Fork | None
    ) -> SplitViewError:
        """Keep the evidence, and then say so (SPEC EVID-7)."""
        fork = await self._sharpen(fork, signed, held) if fork is not None else None
        if fork is not None:
            await self._evidence.accuse(fork, served_keys=self._served_keys)
        return SplitViewError(
            f"{signed.origin}: two histories, the head at size {signed.size} excludes what is "
            f"held, {held.shown_size} entries",
            held=held.checkpoint,
            offered=signed.note,
        )

    async def _sharpen(self, fork: Fork, signed: SignedCheckpoint, held: HeldLog) -> Fork | None:
        """Show right behind what both share that they differ, where it can be shown (EVID-11).

        None where it cannot, and members may have settled that fork already (ANCHOR-7).
        """
        if not self._is_coordinator:
            return fork
        try:
            parting = await find_parting(held, signed, self._tile)
        except (FormatError, PeerError, VerificationError):
            parting = None
        if parting is not None:
            return parting.fork
        return None if self._evidence.may_be_settled(fork) else fork

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
                        self._fetch.reach,
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
                step = Step(self._holdings, self._store, held, root_key=self._target.root_key)
                step.catch_up()
                fill(step)
                self._target.check_beginning(*step.beginning)
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
