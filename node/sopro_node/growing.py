"""Growing a log to a head: fetch what is missing, check it, commit it (SPEC section SYNC)."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sopro_node.ahead import look_ahead
from sopro_node.fetch import Fetched
from sopro_node.gaps import explain_gaps
from sopro_node.history import History, Place
from sopro_node.opening import Opening
from sopro_node.peer import Peer
from sopro_node.step import Step
from sopro_node.target import Push, Target
from sopro_node.verify import CheckedBundle, check_bundle, check_pushed, find_withheld
from sopro_node.worker import Task, run_task
from sopro_protocol.bundle import MAX_BUNDLE, WIDTH, Item, Withheld, parse_bundle
from sopro_protocol.checkpoint import SignedCheckpoint
from sopro_protocol.errors import FormatError, SoproError, VerificationError
from sopro_protocol.tile import bundle_path
from sopro_registry.family import Withholding

FEW: Final = 4
"""Up to so many missing bundles are fetched at once and proven by their root alone."""
_GROUP: Final = 4
_PER_TRANSACTION: Final = 16
_LARGE: Final = 1024 * 1024


class Growing:
    """The way of one log to a signed head, over one peer."""

    def __init__(
        self, place: Place, target: Target, peer: Peer, *, opening: Opening, history: History
    ) -> None:
        self._place = place
        self._writer = place.writer
        self._target = target
        self._peer = peer
        self._opening = opening
        self._history = history

    async def grow_by_push(self, signed: SignedCheckpoint, push: Push) -> bool:
        """Add the entries that came with a head; False where they have to be fetched after all.

        What is wrong with them is not told: what is fetched under the same head tells more.
        """
        held = self._history.held
        number, start = divmod(push.since, WIDTH)
        width = signed.size - number * WIDTH
        if not push.bundle or held is None or held.size != push.since or not start < width <= WIDTH:
            return False

        def fill(step: Step) -> None:
            pushed = check_pushed(
                push.bundle, number=number, start=start, width=width, keys=self._opening.keys
            )
            if step.size != push.since:
                raise VerificationError("the log has grown meanwhile", code="hos.bundle")
            step.add(pushed.entries, pushed.leaves, pushed.verified)
            step.add_documents(pushed.documents)

        try:
            await self._writer.run(lambda: self._extend(fill, signed, must_end=True))
        except (FormatError, VerificationError):
            return False
        self._peer.done.received += len(push.bundle)
        return True

    async def grow(self, signed: SignedCheckpoint) -> None:
        """Fetch, check and commit what is missing up to a head.

        Raises:
            FormatError, PeerError, VerificationError: something was not served as it was signed.
            SplitViewError: what is held does not lie under that head.
        """
        held = self._history.held
        before = held.size if held else 0
        if signed.size <= before:
            # Its entries came under a larger head, which was not reached.
            await self._writer.run(lambda: self._extend(_add_nothing, signed, must_end=False))
            return
        first = before // WIDTH
        if (signed.size - 1) // WIDTH - first < FEW:
            await self._grow_by_few(signed, first)
            return
        roots = await self._history.prove_roots(signed)
        if before % WIDTH:
            [fetched] = await self._fetch_bundles([first], [WIDTH])
            await self._commit([(first, WIDTH, fetched)], signed, root=roots[first])
            first += 1
        await self._grow_by_many(first, roots, signed)
        if signed.size % WIDTH or not self._is_whole(signed):
            await self._grow_by_few(signed, signed.size // WIDTH)

    def _is_whole(self, signed: SignedCheckpoint) -> bool:
        held = self._history.held
        return held is not None and held.signed_size == signed.size

    async def _grow_by_few(self, signed: SignedCheckpoint, first: int) -> None:
        numbers = list(range(first, -(-signed.size // WIDTH)))
        widths = [min(WIDTH, signed.size - number * WIDTH) for number in numbers]
        fetched = await self._fetch_bundles(numbers, widths)
        try:
            await self._commit(list(zip(numbers, widths, fetched, strict=True)), signed)
        except VerificationError:
            # Say whether the bundle is wrong or the log has two histories.
            await self._history.prove_roots(signed)
            raise

    async def _fetch_bundles(self, numbers: Sequence[int], widths: Sequence[int]) -> list[Fetched]:
        # One after the other, and a large one is looked at first: what is made to explode is
        # held once.
        fetched = []
        for number, width in zip(numbers, widths, strict=True):
            one = await self._peer.ask(bundle_path(index=number, width=width), limit=MAX_BUNDLE)
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
        pool = self._place.workers()
        window: list[asyncio.Future[list[CheckedBundle] | SoproError]] = []
        ready: list[CheckedBundle] = []
        try:
            while groups or window:
                while groups and len(window) < 8:
                    group = groups.pop(0)
                    task = Task(
                        self._peer.bases,
                        group,
                        [roots[number] for number in group],
                        self._opening.keys,
                        self._peer.fetch.deadline,
                        self._peer.fetch.reach,
                    )
                    window.append(loop.run_in_executor(pool, run_task, task))
                answer = await window.pop(0)
                if isinstance(answer, SoproError):
                    raise answer
                self._peer.done.requests += len(answer)
                self._peer.done.received += sum(bundle.wire_size for bundle in answer)
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
                        answer,
                        number=number,
                        width=width,
                        root=root,
                        keys=self._opening.keys,
                        held=held,
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
            before = self._history.held.size if self._history.held else 0
            gaps = [
                (position, item)
                for number, width, answer in fetched
                for position, item in find_withheld(answer, number=number, width=width)
                if position >= before
            ]
            explained += await self._explain(gaps, signed)
            await self._writer.run(commit)

    async def _explain(
        self, gaps: Iterable[tuple[int, Item]], signed: SignedCheckpoint
    ) -> list[Withholding]:
        roots = self._opening.roots
        return await explain_gaps(
            gaps, self._peer, origin=signed.origin, size=signed.size, roots=roots
        )

    def _extend(
        self, fill: Callable[[Step], None], signed: SignedCheckpoint, *, must_end: bool
    ) -> None:
        """Extend the log in one transaction, on the writer's thread."""
        is_first, abandoned = self._history.held is None, self._history.abandoned
        holdings, store = self._place.holdings, self._place.store
        directory = holdings.directory
        self._history.check_trusted()
        try:
            with store.transaction():
                if abandoned is not None:
                    directory = holdings.give_up(abandoned)
                held = self._history.held or holdings.begin(self._target.origin)
                step = Step(holdings, store, held, root_key=self._target.root_key)
                step.catch_up()
                fill(step)
                self._target.check_beginning(*step.beginning)
                note = held.checkpoint
                if must_end:
                    _check_root(step, signed)
                if step.size >= signed.size:
                    step.check_explained(signed.size)
                    note = self._opening.check_keys(step, signed)
                if step.size == signed.size:
                    step.ahead = None
                elif step.size < signed.size and self._history.proven is not None:
                    step.ahead = look_ahead(
                        signed.note, start=step.size, size=signed.size, read=self._history.proven
                    )
                step.write(checkpoint=note)
        except BaseException:
            if is_first:
                holdings.forget(self._target.origin)
            if abandoned is not None:
                holdings.take_back(abandoned, directory)
            raise
        if abandoned is not None:
            holdings.begin_judging_anew()
            self._history.abandoned = None
        step.publish(checkpoint=note)


def _add_nothing(_step: Step) -> None:
    """Let a log stay as long as it is."""


def _check_root(step: Step, signed: SignedCheckpoint) -> None:
    if step.range.root() != signed.root:
        raise VerificationError(
            f"{signed.origin}: the entries lead to another root than the signed one",
            code="hos.bundle",
        )
