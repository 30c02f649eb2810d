"""Getting documents that did not come with their bundle: large ones, and those for members.

A pass goes through the records that are judged and were not looked at yet, asks for every document
this site may see and does not hold, and remembers how far it came. What nobody has just now is
asked for again later, ever more seldom (SPEC ACCESS-5).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from sopro_node import clock
from sopro_node.access import sign_request
from sopro_node.documents import VISIBILITIES, is_party
from sopro_node.fetch import Fetch
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.reach import Reach
from sopro_node.store.base import Store
from sopro_node.store.listing import describe_late
from sopro_node.store.rows import DocumentRow
from sopro_node.target import Target
from sopro_node.writer import Writer
from sopro_protocol.bundle import Item, Withheld
from sopro_protocol.commitment import check_document
from sopro_protocol.errors import FormatError, PeerError, SoproError
from sopro_protocol.keys import Ed25519Signer
from sopro_protocol.record import Commitment, parse_entry, read_record
from sopro_protocol.tile import WIDTH
from sopro_registry.catalogue import READERS

_BATCH: Final = 8 * 1024 * 1024
_MOST_MISSING: Final = 10_000
_FIRST_RETRY: Final = 2_000
_LAST_RETRY: Final = 3_600_000
_LONGEST_PASS: Final = 300
_LONGEST_WAIT: Final = 60

_logger = logging.getLogger("sopro.gathering")


class Progress(msgspec.Struct, array_like=True):
    """How far the documents of a log were looked at.

    Attributes:
        position: of the first record that was not.
        missing: position and number of documents that nobody had.
    """

    position: int = 0
    missing: list[tuple[int, int]] = []


_PROGRESS: Final = msgspec.msgpack.Decoder(Progress)


class Wanted(NamedTuple):
    """A document this site may see and does not hold; `entity` is what its record is about."""

    position: int
    number: int
    entity: bytes
    commitment: Commitment


class Gatherer:
    """Gets documents of the logs that are mirrored here."""

    def __init__(
        self,
        holdings: Holdings,
        store: Store,
        writer: Writer,
        *,
        targets: Callable[[], list[Target]],
        signer: Callable[[], Ed25519Signer],
    ) -> None:
        self._holdings = holdings
        self._store = store
        self._writer = writer
        self._targets = targets
        self._signer = signer
        self._waits: dict[str, tuple[int, int]] = {}
        self._lock = asyncio.Lock()

    async def run(self, *, every: float, deadline: float, reach: Reach) -> None:
        """Gather again and again; whatever goes wrong with one log, the others go on.

        Args:
            every: seconds between two passes.
            deadline: in seconds, for each document.
            reach: where members may be.
        """
        async with Fetch(deadline, reach=reach) as fetch:
            while True:
                try:
                    await self.gather(fetch)
                except Exception:  # a bug of ours must not end it
                    _logger.exception("bug in gathering")
                await asyncio.sleep(every)

    async def gather(self, fetch: Fetch) -> None:
        """Make one pass over every log, side by side: a slow one holds up no other."""
        async with self._lock:
            if self._is_somebody():
                await asyncio.gather(*(self._gather_log(one, fetch) for one in self._targets()))

    async def gather_now(self, *, deadline: float, reach: Reach) -> None:
        """Make one pass for somebody who waits for it, also for what is not due to be asked again.

        Args:
            deadline: in seconds, for each document.
            reach: where members may be.
        """
        self._waits = {origin: (0, pause) for origin, (_, pause) in self._waits.items()}
        async with Fetch(deadline, reach=reach) as fetch:
            with contextlib.suppress(TimeoutError):  # the node that serves goes on with it
                async with asyncio.timeout(_LONGEST_WAIT):
                    await self.gather(fetch)

    async def _gather_log(self, target: Target, fetch: Fetch) -> None:
        held = self._holdings.logs.get(target.origin)
        if held is None:
            return
        try:
            async with asyncio.timeout(_LONGEST_PASS):
                await _Pass(self, held, target, fetch).run()
        except (SoproError, TimeoutError) as error:
            reason = {"origin": target.origin, "reason": str(error) or "the pass took too long"}
            _logger.info("documents wait", extra=reason)

    def _is_somebody(self) -> bool:
        """Say whether it is settled what this node may see."""
        return self._holdings.own is self._holdings.coordinator or self.is_member()

    def is_member(self) -> bool:
        """Say whether this site is an admitted member."""
        member = self._holdings.directory.membership(self._holdings.own.site)
        return member is not None and member.status == "admitted"

    def is_due(self, origin: str) -> bool:
        """Say whether it is time to ask for missing documents again."""
        return clock.now() >= self._waits.get(origin, (0, 0))[0]

    def plan(self, origin: str, *, is_missing: bool) -> None:
        """Plan when to ask again."""
        pause = min(self._waits.get(origin, (0, _FIRST_RETRY // 2))[1] * 2, _LAST_RETRY)
        if is_missing:
            self._waits[origin] = (clock.now() + pause, pause)
        else:
            self._waits.pop(origin, None)


class _Pass:
    """One pass over one log."""

    def __init__(self, gatherer: Gatherer, held: HeldLog, target: Target, fetch: Fetch) -> None:
        self._gatherer = gatherer
        self._holdings = gatherer._holdings
        self._store = gatherer._store
        self._writer = gatherer._writer
        self._held = held
        self._target = target
        self._fetch = fetch
        self._rows: list[DocumentRow] = []
        self._first: list[tuple[int, bytes]] = []
        self._size = 0

    @property
    def _setting(self) -> str:
        return f"documents {self._held.origin}"

    async def run(self) -> None:
        data = await self._writer.run(lambda: self._store.setting(self._setting))
        progress = _PROGRESS.decode(data) if data else Progress()
        if progress.missing and self._gatherer.is_due(self._held.origin):
            await self._ask_again(progress)
        while progress.position < self._held.cursor.projected:
            if len(progress.missing) >= _MOST_MISSING:
                raise PeerError("too many documents are missing", code="hos.unreachable")
            await self._next_bundle(progress)

    async def _ask_again(self, progress: Progress) -> None:
        places, progress.missing = set(progress.missing), []
        for start in sorted({position // WIDTH * WIDTH for position, _ in places}):
            for one in await self._find(start, start + WIDTH):
                if (one.position, one.number) in places:
                    await self._take(one, progress)
        await self._save(progress)
        self._gatherer.plan(self._held.origin, is_missing=bool(progress.missing))

    async def _next_bundle(self, progress: Progress) -> None:
        start = progress.position
        end = min(self._held.cursor.projected, (start // WIDTH + 1) * WIDTH)
        was_member = self._gatherer.is_member()
        try:
            for one in await self._find(start, end):
                await self._take(one, progress)
        finally:
            await self._keep()
        if was_member != self._gatherer.is_member():
            # What it may see has changed meanwhile; these are looked at again.
            return
        progress.position = end
        if progress.missing:
            self._gatherer._waits.setdefault(
                self._held.origin, (clock.now() + _FIRST_RETRY, _FIRST_RETRY)
            )
        await self._save(progress)

    async def _find(self, start: int, end: int) -> list[Wanted]:
        return await self._writer.run(lambda: self._wanted(start, end))

    # On the writer's thread.

    def _wanted(self, start: int, end: int) -> list[Wanted]:
        """Return what is wanted of the records in a part of one bundle."""
        log = self._held.number
        here = set(self._store.documents.places(log, start, end))
        gone = self._store.documents.erased_places(log)
        voids = {at for at, _ in self._store.voids(log, start=start, limit=WIDTH)}
        return [
            one
            for one in self._visible(start, end)
            if (one.position, one.number) not in here | gone and one.position not in voids
        ]

    def _visible(self, start: int, end: int) -> Iterator[Wanted]:
        is_member, site = self._gatherer.is_member(), self._holdings.own.site
        first = start // WIDTH * WIDTH
        for position, data in enumerate(self._bundle(first // WIDTH), first):
            if not start <= position < end or isinstance(data, Withheld):
                continue
            try:
                record, _ = read_record(parse_entry(data).record, READERS)
            except FormatError:
                continue
            for number, commitment in enumerate(record.documents):
                is_public = commitment.visibility == "public"
                if is_public or (is_member and is_party(commitment, site)):
                    yield Wanted(position, number, record.entity, commitment)

    def _bundle(self, number: int) -> Sequence[Item]:
        return self._holdings.bundle_of(self._store, self._held, number)

    # Asking.

    async def _take(self, one: Wanted, progress: Progress) -> None:
        row = await self._ask(one)
        if row is None:
            progress.missing.append((one.position, one.number))
            return
        self._rows.append(row)
        if one.number == 0:
            self._first.append((one.position, one.entity))
        self._size += len(row.content)
        if self._size >= _BATCH:
            await self._keep()

    async def _ask(self, one: Wanted) -> DocumentRow | None:
        """Get a document from the first node that has it; None where no node does.

        Raises:
            PeerError: no node can be asked at all.
        """
        reached, failure = False, PeerError("no node is known to serve it", code="hos.unreachable")
        for base in self._target.bases:
            url = f"{base}/document/{one.position}/{one.number}"
            is_public = one.commitment.visibility == "public"
            headers = {} if is_public else sign_request("GET", url, self._gatherer._signer())
            try:
                found = await self._fetch.find(url, limit=one.commitment.size, headers=headers)
                key = bytes.fromhex(found.headers.get("sopro-document-key", ""))
                check_document(found.body, key=key, commitment=one.commitment)
            except PeerError as error:
                # Who answers, only not with this document, has been asked.
                reached = reached or error.code != "hos.unreachable"
                failure = error
            except (SoproError, ValueError):
                reached = True
            else:
                visibility = VISIBILITIES.index(one.commitment.visibility)
                return DocumentRow(one.position, one.number, visibility, key, found.body)
        if not reached:
            raise failure
        return None

    # Keeping.

    async def _keep(self, progress: Progress | None = None) -> None:
        rows, self._rows, self._size = self._rows, [], 0
        first, self._first = self._first, []

        def keep() -> None:
            with self._store.transaction():
                self._store.documents.put(self._held.number, rows)
                describe_late(self._store, self._held.number, first)
                if progress is not None:
                    self._store.put_setting(self._setting, msgspec.msgpack.encode(progress))

        await self._writer.run(keep)
        self._holdings.changed_documents += bool(rows)

    async def _save(self, progress: Progress) -> None:
        await self._keep(progress)
