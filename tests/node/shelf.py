"""What a node keeps of logs and documents: its own code on a database, without a network.

Entries come in any portions, each with those of its documents that happen to be at hand; what was
missing is gathered later, by the node's own passes, from whoever has it by then.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from sopro_node.documents import VISIBILITIES
from sopro_node.fetch import Fetch, Fetched
from sopro_node.gathering import Gatherer
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.step import Step
from sopro_node.store.connection import create_database
from sopro_node.store.rows import DocumentRow
from sopro_node.store.sqlite import SqliteStore
from sopro_node.target import Target
from sopro_node.writer import Writer
from sopro_protocol.commitment import check_document
from sopro_protocol.errors import FormatError, PeerError
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import Commitment, parse_entry, read_record
from sopro_registry.catalogue import READERS

Paper = tuple[bytes, bytes]
"""A document's key and content."""
Papers = Callable[[Commitment], Paper | None]
"""Returns a document by its commitment, where it is at hand."""
TABLES: Final = ("term", "listed", "described")


class Shelf:
    """Logs and documents on one database.

    Args:
        folder: an empty one.
        roots: root key of each log by its origin; the coordinator's first.
    """

    def __init__(self, folder: Path, roots: Mapping[str, bytes]) -> None:
        folder.mkdir()
        create_database(folder)
        self.store = SqliteStore.open(folder, writing=True)
        self._roots = dict(roots)
        self._writer = Writer()
        coordinator = next(iter(roots))
        self.holdings = Holdings(self.store, own=coordinator, coordinator=coordinator)
        with self.store.transaction():
            for origin in roots:
                self.holdings.begin(origin)

    def close(self) -> None:
        self._writer.close()
        self.store.close()

    def take(self, origin: str, entries: Sequence[bytes], papers: Papers) -> None:
        """Take entries behind those that are here, and the documents at hand."""
        held = self.holdings.logs[origin]
        documents = [
            row
            for position, data in enumerate(entries, held.size)
            for row in documents_of(position, data, papers)
        ]
        leaves = [leaf_hash(data) for data in entries]
        note = f"{origin}\n{held.size + len(entries)}\n".encode()
        with self.store.transaction():
            step = Step(self.holdings, self.store, held, root_key=self._roots[origin])
            step.add(entries, leaves, [False] * len(entries))
            step.add_documents(documents)
            step.write(checkpoint=note)
        step.publish(checkpoint=note)
        if held is self.holdings.coordinator:
            for other in self.holdings.logs.values():
                self._go_on(other)

    def _go_on(self, held: HeldLog) -> None:
        """Judge what waited for the coordinator's log, or counts no longer the same."""
        with self.store.transaction():
            step = Step(self.holdings, self.store, held, root_key=self._roots[held.origin])
            step.catch_up()
            step.write(checkpoint=held.checkpoint)
        step.publish(checkpoint=held.checkpoint)

    def gather(self, entries: Mapping[str, Sequence[bytes]], papers: Papers) -> None:
        """Make one pass for documents that are missing here."""
        fetch = cast("Fetch", _Others(entries, papers))
        targets = [Target(origin, root, (origin,)) for origin, root in self._roots.items()]
        gatherer = Gatherer(
            self.holdings, self.store, self._writer, targets=lambda: targets, signer=_nobody
        )
        asyncio.run(gatherer.gather(fetch))

    def found_by(self) -> dict[str, list[Any]]:
        """Return what a directory would find things by."""
        return {
            table: sorted(self.store._db.execute(f"SELECT * FROM {table}").fetchall())
            for table in TABLES
        }


def _nobody() -> Any:
    raise AssertionError("public documents are asked for without a signature")


class _Others:
    """Whoever has documents: the fetch of a pass."""

    def __init__(self, entries: Mapping[str, Sequence[bytes]], papers: Papers) -> None:
        self._entries = entries
        self._papers = papers

    async def find(self, url: str, *, limit: int, headers: Mapping[str, str]) -> Fetched:
        del limit, headers
        origin, _, place = url.partition("/document/")
        position, number = map(int, place.split("/"))
        for row in documents_of(position, self._entries[origin][position], self._papers):
            if row.number == number:
                keys = {"sopro-document-key": row.key.hex()}
                return Fetched(row.content, None, len(row.content), keys)
        raise PeerError("nobody has it", code="hos.status")


def documents_of(position: int, data: bytes, papers: Papers) -> list[DocumentRow]:
    """Return the public documents of an entry that are at hand."""
    rows = []
    with suppress(FormatError):
        record, _ = read_record(parse_entry(data).record, READERS)
        for number, commitment in enumerate(record.documents):
            paper = papers(commitment) if commitment.visibility == "public" else None
            if paper is not None:
                key, content = paper
                check_document(content, key=key, commitment=commitment)
                visibility = VISIBILITIES.index(commitment.visibility)
                rows.append(DocumentRow(position, number, visibility, key, content))
    return rows
