"""Erasing documents: our own everywhere, and those of others here (SPEC ERASE).

That a document is gone from the tables follows from its erasure record, in the transaction that
takes the record in. What is left to do after it is to leave nothing behind on the disk, and to say
in our own log that another site's document is gone; both are done again until they succeed.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from sopro_node.drafting import Draft, Note
from sopro_node.heldlog import OWN, HeldLog
from sopro_node.holdings import Holdings
from sopro_node.log import OwnLog
from sopro_node.receipts import Receipts
from sopro_node.scrubbing import Scrubber
from sopro_node.store.base import Reader, Store
from sopro_node.writer import Writer
from sopro_protocol.bundle import Item, Withheld
from sopro_protocol.errors import (
    FormatError,
    NotFoundError,
    RefusedError,
    SoproError,
    UnavailableError,
)
from sopro_protocol.record import parse_entry, read_record
from sopro_protocol.tile import WIDTH
from sopro_registry.catalogue import READERS
from sopro_registry.family import Erased
from sopro_registry.fields import site_of

_BATCH: Final = 512
_RESTING: Final = (
    "copies may be left in the free space of the database, which took long to be written anew the "
    "last time; a node that serves does it again when it has rested, or else the next start"
)
_logger = logging.getLogger("sopro.erasing")

_Place = tuple[int, int, str]
"""Position and number of a document, and the log it is in; empty for our own."""


class Erasing(NamedTuple):
    """What an officer has had erased.

    Attributes:
        erased: every document.
        left: why copies may be left in the free space of the database for now; empty where none
            is. A node that serves sees to it.
    """

    erased: list[Erased]
    left: str


class Eraser:
    """Carries erasures out at this node.

    Attributes:
        scrubber: leaves nothing on the disk of what was dropped.
    """

    def __init__(
        self, holdings: Holdings, store: Store, reader: Reader, writer: Writer, log: OwnLog
    ) -> None:
        self._holdings = holdings
        self._store = store
        self._reader = reader
        self._writer = writer
        self._log = log
        self.scrubber = Scrubber(store, writer)
        self._receipts = Receipts(holdings, reader)
        self._lock = asyncio.Lock()

    async def erase(
        self,
        entities: Sequence[bytes],
        *,
        site: str = "",
        reason: str,
        deadline: str,
        note: Note | None = None,
    ) -> Erasing:
        """Erase every document of the records on some entities.

        Args:
            entities: of organisations, offerings, ...
            site: that is gone and whose they are; this one where it is not given.
            reason: one of the family's.
            deadline: civil date by which every mirror has done so.
            note: written with the erasure records.

        Raises:
            NotFoundError: there is no document on one of them.
            RefusedError: this site does not look after that one.
        """
        is_own = site in ("", self._holdings.own.site)
        places = await self._writer.run(
            lambda: (
                _all_of(self._own_places(entities), "is here")
                if is_own
                else self._orphans(site, entities)
            )
        )
        if not is_own:
            await self._act_on_members()
        said = {"deadline": deadline, "reason": reason}
        drafts = [self._draft(place) for place in places]
        drafts = [replace(one, values={**said, **one.values}) for one in drafts]
        outcomes = []
        for start in range(0, len(drafts), _BATCH):
            outcomes += await self._log.append_all(drafts[start : start + _BATCH], note=note)
        left = await self.follow()
        for outcome in outcomes:
            if isinstance(outcome, SoproError):
                raise outcome
        wanted = set(places)
        done = [one for one in self._reader.documents.erased(OWN) if one[:2] + one[4:] in wanted]
        return Erasing(done, left)

    async def follow(self) -> str:
        """Leave nothing behind of what was dropped just now; say why where that has to wait.

        It is in the log and shown to nobody: that the disk is not clean yet is no failure of that.
        """
        await self._writer.run(self._drop_continued)
        try:
            return "" if await self.scrub() else _RESTING
        except UnavailableError as error:
            _logger.warning("waiting", extra={"code": error.code, "reason": str(error)})
            return str(error)

    async def documents_of(self, entity: bytes) -> list[tuple[int, int]]:
        """Return the documents of the records on an entity of our own log that are here.

        Each is the position of its record and its number there.
        """
        found = await self._writer.run(lambda: self._own_places([entity]))
        return [(position, number) for position, number, _ in found[entity]]

    @staticmethod
    def _draft(place: _Place) -> Draft:
        position, number, origin = place
        values = {"document": number, "index": position}
        if not origin:
            return Draft("erasure", values)
        return Draft("orphan_erasure", values | {"origin": origin})

    async def _act_on_members(self) -> None:
        """Have our log act on what the coordinator has written by now: who looks after whom."""
        own, coordinator = self._holdings.own, self._holdings.coordinator
        if own is coordinator or coordinator is None or own.cursor.acted_on is None:
            return
        if own.cursor.acted_on.size < min(coordinator.signed_size, coordinator.cursor.projected):
            await self._log.append_state()

    def _own_places(self, entities: Sequence[bytes]) -> dict[bytes, list[_Place]]:
        """Return the documents that are here of records on some entities of our own, by these."""
        found: dict[bytes, list[_Place]] = {one: [] for one in entities}
        for (position, number), entity in self._places(self._holdings.own):
            if entity in found:
                found[entity].append((position, number, ""))
        return found

    def _orphans(self, site: str, entities: Sequence[bytes]) -> list[_Place]:
        """Return every document of records on some entities of another site, here or not.

        Others may hold what this one was never shown.

        Raises:
            NotFoundError: there is none.
            RefusedError: `era.caretaker`, this site does not look after that one.
        """
        holdings = self._holdings
        coordinator = site_of(holdings.coordinator_origin or holdings.own_origin)
        caretaker = holdings.directory.caretaker(site, coordinator=coordinator)
        if caretaker != holdings.own.site:
            why = f"{caretaker} looks after it" if caretaker else "it has not left"
            raise RefusedError(
                f"{site}: this site cannot erase in its log: {why}; ask there",
                code="era.caretaker",
            )
        found: dict[bytes, list[_Place]] = {one: [] for one in entities}
        for held in holdings.logs.values():
            if held.site == site:
                gone = self._store.documents.erased_places(held.number)
                for position, number, entity in self._commitments(held, entities):
                    if (position, number) not in gone:
                        found[entity].append((position, number, held.origin))
        return _all_of(found, f"of {site} is known here that was not erased")

    def _commitments(
        self, held: HeldLog, entities: Sequence[bytes]
    ) -> Iterator[tuple[int, int, bytes]]:
        """Go through the documents that records on some entities of a log commit to."""
        for bundle in range(-(-held.size // WIDTH)):
            items = self._holdings.bundle_of(self._store, held, bundle)
            for position, item in enumerate(items, bundle * WIDTH):
                # Looked for as bytes first: most entries are about somebody else.
                if isinstance(item, Withheld) or not any(one in item for one in entities):
                    continue
                with contextlib.suppress(FormatError):
                    record, _ = read_record(parse_entry(item).record, READERS)
                    if record.entity in entities:
                        for number in range(len(record.documents)):
                            yield position, number, record.entity

    def _places(self, held: HeldLog) -> Iterator[tuple[tuple[int, int], bytes]]:
        """Go through the documents of a log that are here, with the entity each is about."""
        bundle: tuple[int, Sequence[Item]] = (-1, [])
        for index, number in self._store.documents.places(held.number):
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
                    self._store.documents.cut(held.number, places)
                self._holdings.changed_documents += 1

    def _erased_entities(self, held: HeldLog) -> Iterator[bytes]:
        for position, _ in self._store.documents.erased_places(held.number):
            with contextlib.suppress(SoproError):  # of a log of another one, maybe no such entry
                data = self._holdings.record(self._store, held, position)
                yield read_record(data, READERS).record.entity

    async def carry_out(self) -> None:
        """Leave nothing of what other sites have had erased, and say so in our own log.

        Raises:
            UnavailableError: a reader is in the way; nothing was said, try again.
        """
        async with self._lock:
            await self._writer.run(self._drop_continued)
            due = self._receipts.due()
            if not await self.scrub():
                return
            for start in range(0, len(due), _BATCH):
                await self._log.append_all(due[start : start + _BATCH])

    async def scrub(self) -> bool:
        """Leave nothing on the disk of what was dropped (`Scrubber.scrub`)."""
        return await self.scrubber.scrub()


def _all_of(found: Mapping[bytes, Sequence[_Place]], where: str) -> list[_Place]:
    """Return what was found on every entity.

    Raises:
        NotFoundError: on one, nothing was; nothing is erased then.
    """
    for entity, places in found.items():
        if not places:
            raise NotFoundError(f"no document of an entity {entity.hex()} {where}")
    return [place for places in found.values() for place in places]
