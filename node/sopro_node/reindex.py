"""Building every index table again from the entries, in one transaction."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from sopro_node.identity import (
    Identity,
    Invite,
    load_federation,
    load_identity,
    save_projection,
)
from sopro_node.lock import DirectoryLock
from sopro_node.rechecking import Rechecker
from sopro_node.replay import Replay
from sopro_node.store.base import Store
from sopro_node.store.rows import LogRow
from sopro_node.store.sqlite import SqliteStore
from sopro_node.store.tables import StoreTables
from sopro_node.tree import LogTree
from sopro_protocol.errors import FormatError
from sopro_registry.directory import Directory
from sopro_registry.family import Waiting

Progress = Callable[[str, int, int], None]
"""Told the origin, how many entries are done, and how many there are."""

_PER_FLUSH: Final = 16


def reindex(folder: Path, progress: Progress) -> dict[str, int]:
    """Judge every entry of every log again, signatures too, and write what follows.

    Killed half-way it leaves the old tables. Returns the number of entries by origin.

    Raises:
        UnavailableError: another process works on the directory.
        FormatError: it holds no node, or entries that do not lead to their root.
        StorageFullError: the disk is full; the old tables are still there.
    """
    lock = DirectoryLock(folder)
    try:
        store = SqliteStore.open(folder, writing=True)
        try:
            with ExitStack() as stack, store.transaction():
                return _Reindex(store, Rechecker(store, stack), progress).run()
        finally:
            store.close()
    finally:
        lock.release()


class _Reindex:
    def __init__(self, store: Store, rechecker: Rechecker, progress: Progress) -> None:
        self._store = store
        self._rechecker = rechecker
        self._progress = progress
        self._identity: Identity = load_identity(store)
        self._invite: Invite | None = load_federation(store)
        self._directory = Directory()
        self._coordinator: LogTree | None = None
        self._judged = 0

    def run(self) -> dict[str, int]:
        self._store.clear_indexes()
        save_projection(self._store)
        rows = coordinator_first(self._store.logs(), self._invite)
        for row in rows:
            self._rebuild(row)
        return {row.origin: row.size for row in rows}

    def _rebuild(self, row: LogRow) -> None:
        is_coordinator = self._invite is not None and row.origin == self._invite.origin
        tables = StoreTables(self._store, row.log, coordinator_root=self._coordinator_root)
        replay = Replay(
            row.origin,
            self._root_key(row.origin),
            tables=tables,
            directory=self._directory,
            is_coordinator=is_coordinator,
        )
        replay.explain(self._store.withheld(row.log))
        done = 0
        for bundle in self._rechecker.bundles(row, replay.public_keys):
            tables.expect(bundle.entities)
            replay.feed_checked(bundle)
            done += len(bundle.entries)
            self._progress(row.origin, done, row.size)
            if bundle.number % _PER_FLUSH == _PER_FLUSH - 1:
                tables.flush(self._store)
        tables.flush(self._store)
        tree = replay.tree()
        if (tree.size, tree.root()) != (row.size, row.root):
            raise FormatError(
                f"{row.origin}: the entries on disk do not lead to the stored root at size "
                f"{row.size}; 'sopro audit' names them; restore the database, or sync this site "
                "anew from its peers"
            )
        cursor = msgspec.msgpack.encode(replay.ledger.cursor)
        self._store.set_log(row._replace(cursor=cursor))
        if is_coordinator:
            self._coordinator, self._judged = tree, replay.ledger.cursor.projected

    def _coordinator_root(self, size: int) -> bytes:
        if self._coordinator is None or size > self._judged:
            raise Waiting(size)
        return self._coordinator.root_at(size)

    def _root_key(self, origin: str) -> bytes:
        key = root_key_of(origin, self._identity, self._invite, self._directory)
        if key is None:
            raise FormatError(
                f"{origin}: no membership names its root key, so its entries cannot be judged"
            )
        return key


def coordinator_first(rows: Sequence[LogRow], invite: Invite | None) -> list[LogRow]:
    """Sort logs so that the one whose records the rules of others read comes first."""
    return sorted(rows, key=lambda row: invite is None or row.origin != invite.origin)


def root_key_of(
    origin: str, identity: Identity, invite: Invite | None, directory: Directory
) -> bytes | None:
    """Return the root key that a log's first entry must be signed by, where one is known."""
    if origin == identity.origin:
        return identity.root
    if invite is not None and origin == invite.origin:
        return invite.root_key
    return directory.founding_root(origin)
