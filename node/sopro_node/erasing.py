"""Erasing documents: our own everywhere, those of others here, and who has said so (SPEC ERASE).

That a document is gone from the tables follows from its erasure record, in the transaction that
takes the record in. What is left to do after it is to leave nothing behind on the disk, and to say
in our own log that another site's document is gone; both are done again until they succeed.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sopro_node.holdings import OWN, HeldLog, Holdings
from sopro_node.log import Draft, OwnLog
from sopro_node.store.base import Reader, Store
from sopro_node.writer import Writer
from sopro_protocol.bundle import Item, Withheld
from sopro_protocol.errors import NotFoundError, SoproError, StorageFullError, UnavailableError
from sopro_protocol.record import parse_entry, read_record
from sopro_protocol.tile import WIDTH
from sopro_registry.catalogue import READERS, decode_state
from sopro_registry.families import erasure_receipt
from sopro_registry.family import Erased
from sopro_registry.fields import format_day

_TRIES: Final = 25
_PAUSE: Final = 0.2
_BATCH: Final = 512


class Outstanding(NamedTuple):
    """An erasure of ours that some members have not confirmed.

    Attributes:
        erased: what, and by when.
        sites: who has not.
    """

    erased: Erased
    sites: list[str]

    def plain(self, *, today: int) -> dict[str, Any]:
        """Write it for programs."""
        return {
            "entry": self.erased.position,
            "document": self.erased.number,
            "deadline": format_day(self.erased.deadline),
            "overdue": today > self.erased.deadline,
            "missing": self.sites,
        }


class Eraser:
    """Carries erasures out at this node."""

    def __init__(
        self, holdings: Holdings, store: Store, reader: Reader, writer: Writer, log: OwnLog
    ) -> None:
        self._holdings = holdings
        self._store = store
        self._reader = reader
        self._writer = writer
        self._log = log
        self._lock = asyncio.Lock()

    async def erase(self, entity: bytes, *, reason: str, deadline: str) -> list[Erased]:
        """Erase every document of the records on an entity of our own log.

        Args:
            entity: of an organisation, an offering, ...
            reason: one of the family's.
            deadline: civil date by which every mirror has done so.

        Raises:
            NotFoundError: no document of such an entity is here.
        """
        places = await self.documents_of(entity)
        if not places:
            raise NotFoundError(f"no document of an entity {entity.hex()} is here")
        outcomes = await self._log.append_all(
            [
                Draft(
                    "erasure",
                    {"deadline": deadline, "document": number, "index": index, "reason": reason},
                )
                for index, number in places
            ]
        )
        await self.follow()
        for outcome in outcomes:
            if isinstance(outcome, SoproError):
                raise outcome
        done = {(one.position, one.number): one for one in self._reader.erased(OWN)}
        return [done[place] for place in places]

    async def follow(self) -> None:
        """Leave nothing behind of what was erased in our own log just now.

        Raises:
            UnavailableError: a reader is in the way; it is done later.
        """
        await self._writer.run(self._drop_continued)
        await self.scrub()

    async def documents_of(self, entity: bytes) -> list[tuple[int, int]]:
        """Return the documents of the records on an entity of our own log that are here.

        Each is the position of its record and its number there.
        """
        return await self._writer.run(lambda: list(self._places_of(entity)))

    def _places_of(self, entity: bytes) -> Iterator[tuple[int, int]]:
        for place, found in self._places(self._holdings.own):
            if found == entity:
                yield place

    def _places(self, held: HeldLog) -> Iterator[tuple[tuple[int, int], bytes]]:
        """Go through the documents of a log that are here, with the entity each is about."""
        bundle: tuple[int, Sequence[Item]] = (-1, [])
        for index, number in self._store.document_places(held.number):
            at, offset = divmod(index, WIDTH)
            if at != bundle[0]:
                bundle = (at, self._holdings.bundle_of(self._store, held, at))
            item = bundle[1][offset]
            if isinstance(item, Withheld):
                continue
            record, _ = read_record(parse_entry(item).record, READERS)
            yield (index, number), record.entity

    def _drop_continued(self) -> None:
        """Drop from logs that were closed what is erased in those that continue them (EPOCH-8)."""
        logs, directory = self._holdings.logs, self._holdings.directory
        for held in logs.values():
            if not directory.is_closed(held.origin):
                continue
            known = directory.logs(held.site)
            later = [logs[one] for one in known[known.index(held.origin) + 1 :] if one in logs]
            gone = {entity for one in later for entity in self._erased_entities(one)}
            if not gone:
                continue
            places = [place for place, entity in self._places(held) if entity in gone]
            if places:
                with self._store.transaction():
                    self._store.cut_documents(held.number, places)
                self._holdings.changed_documents += 1

    def _erased_entities(self, held: HeldLog) -> Iterator[bytes]:
        for erased in self._store.erased(held.number):
            data = self._holdings.record(self._store, held, erased.position)
            yield read_record(data, READERS).record.entity

    async def carry_out(self) -> None:
        """Leave nothing of what other sites have had erased, and say so in our own log.

        Raises:
            UnavailableError: a reader is in the way; nothing was said, try again.
        """
        async with self._lock:
            await self._writer.run(self._drop_continued)
            due = self._due()
            residue = await self._writer.run(self._store.residue)
            if due or residue:
                await self.scrub()
            receipts = [self._confirm(*one) for one in due]
            for start in range(0, len(receipts), _BATCH):
                await self._log.append_all(receipts[start : start + _BATCH])

    def _due(self) -> list[tuple[HeldLog, Erased]]:
        """Return what other sites have had erased and this one has not confirmed."""
        return [
            (held, erased)
            for held in self._holdings.logs.values()
            if held.number != OWN
            for erased in self._reader.erased(held.number)
            if self._receipt(OWN, held.origin, erased.erasure) is None
        ]

    def _confirm(self, held: HeldLog, erased: Erased) -> Draft:
        return Draft(
            "erasure_receipt",
            {
                "erasure": self._entry_id(held, erased.erasure),
                "index": erased.erasure,
                "origin": held.origin,
            },
        )

    async def scrub(self) -> None:
        """Leave nothing on the disk of what was dropped.

        Raises:
            UnavailableError: a reader is in the way, or the disk is too full.
        """
        for _ in range(_TRIES):
            try:
                if await self._writer.run(self._store.scrub):
                    return
            except StorageFullError:
                raise UnavailableError(
                    "it is dropped, but there is no room to write the database anew without what "
                    "its free space holds; free twice its size, and it is done at the next erasure "
                    "or start"
                ) from None
            await asyncio.sleep(_PAUSE)
        raise UnavailableError(
            "it is dropped, but the write-ahead log cannot be emptied while somebody reads the "
            "database; end what reads it, and it is done at the next erasure or start"
        )

    def _entry_id(self, held: HeldLog, index: int) -> bytes:
        return held.tree.leaves(index // WIDTH)[index % WIDTH]

    def _receipt(self, log: int, origin: str, index: int) -> erasure_receipt.State | None:
        name = erasure_receipt.name_of(origin, index)
        entity = self._reader.named(log, erasure_receipt.FAMILY.name, name)
        row = self._reader.entity(log, entity) if entity is not None else None
        if row is None or not isinstance(row.state, bytes):
            return None
        state = decode_state(erasure_receipt.FAMILY.name, row.state)
        return state if isinstance(state, erasure_receipt.State) else None

    def outstanding(self) -> list[Outstanding]:
        """Return erasures of our own that members which follow us have not confirmed."""
        found = []
        own = self._holdings.own
        for erased in self._reader.erased(OWN):
            entry_id = self._entry_id(own, erased.erasure)
            sites = [
                site
                for site, held in self._mirrors()
                if held is None or not self._is_confirmed(held, own, erased, entry_id)
            ]
            if sites:
                found.append(Outstanding(erased, sites))
        return found

    def _mirrors(self) -> Iterator[tuple[str, HeldLog | None]]:
        """Go through the coordinator and the members that are admitted, without us."""
        holdings = self._holdings
        coordinator = holdings.coordinator
        if coordinator is not None and coordinator is not holdings.own:
            yield coordinator.site, coordinator
        for member in holdings.directory.members():
            if member.status == "admitted" and member.origin != holdings.own_origin:
                yield member.site, holdings.logs.get(member.origin)

    def _is_confirmed(self, held: HeldLog, own: HeldLog, erased: Erased, entry_id: bytes) -> bool:
        receipt = self._receipt(held.number, own.origin, erased.erasure)
        return receipt is not None and receipt.erasure == entry_id
