"""The store on SQLite: one writer, readers beside it, nothing acknowledged before fsync.

The same class reads and writes; the writing instance is used by one thread only.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from sopro_node.store import statements as sql
from sopro_node.store.accounts import Accounts
from sopro_node.store.connection import BUSY, DATABASE, connect, explain
from sopro_node.store.directory_index import DirectoryIndex
from sopro_node.store.documents import Documents
from sopro_node.store.others import Others
from sopro_node.store.residue import Residue
from sopro_node.store.rows import LabelRow, LogRow
from sopro_node.store.schema import INDEXES
from sopro_node.store.states import pack_state, unpack_state
from sopro_protocol.bundle import Item, Withheld
from sopro_protocol.errors import FormatError
from sopro_registry.catalogue import encode_state
from sopro_registry.family import LabelIndex, Withholding
from sopro_registry.tables import EntityRow, Void

T = TypeVar("T")


class SqliteStore:
    """A node's database in one file (see `base.Store`)."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._db = connection
        self._residue = Residue(connection, folder, patience=BUSY * 1000)
        self.accounts = Accounts(connection)
        self.directory = DirectoryIndex(connection)
        self.others = Others(connection)
        self.documents = Documents(
            connection, self._residue, accounts=self.accounts, directory=self.directory
        )
        self._kinds: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._load_kinds()

    def _load_kinds(self) -> None:
        self._kinds = {family: number for number, family in self._db.execute(sql.KINDS)}
        self._names = {number: family for family, number in self._kinds.items()}

    @classmethod
    def open(cls, folder: Path, *, writing: bool) -> "SqliteStore":
        """Open a node's database; the writing one also migrates it.

        Raises:
            FormatError: there is none, it is damaged, or a newer version wrote it.
        """
        try:
            connection = connect(folder, writing=writing)
            try:
                return cls(connection, folder)
            except BaseException:
                connection.close()
                raise
        except sqlite3.DatabaseError as error:
            raise FormatError(f"{folder / DATABASE}: cannot be read: {error}") from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit durably at the end, or roll back on any error.

        Raises:
            StorageFullError: the disk is full; nothing was written.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._roll_back()
                raise
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._roll_back()
            raise explain(error) from error

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._load_kinds()

    # Reading.

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let every read inside see the same commit."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    def setting(self, name: str) -> bytes | None:
        """Return a setting."""
        row = self._db.execute(sql.GET_SETTING, (name,)).fetchone()
        return row[0] if row else None

    def logs(self) -> list[LogRow]:
        """Return every log, its own first."""
        return [LogRow(*row) for row in self._db.execute(sql.LOGS)]

    def entries(self, log: int, start: int) -> list[Item]:
        """Return the entries after the last full bundle, from a position on."""
        gone = {one.index: Withheld(one.leaf, one.record) for one in self.withheld(log)}
        rows = self._db.execute(sql.GET_ENTRIES, (log, start))
        return [gone.get(position, data) for position, data in rows]

    def withheld(self, log: int) -> list[Withholding]:
        """Return the entries of a log that are withheld."""
        return [Withholding(*row) for row in self._db.execute(sql.GET_WITHHELD, (log,))]

    def bundle(self, log: int, number: int) -> bytes | None:
        """Return a full bundle's entries as a zstd frame."""
        row = self._db.execute(sql.GET_BUNDLE, (log, number)).fetchone()
        return row[0] if row else None

    def bundle_roots(self, log: int) -> list[bytes]:
        """Return the hash of every full bundle's subtree."""
        return [row[0] for row in self._db.execute(sql.GET_BUNDLE_ROOTS, (log,))]

    def public_documents(self, log: int, start: int, end: int) -> list[tuple[int, bytes]]:
        """Return position and content of the first documents of records that are public."""
        return self._db.execute(sql.GET_PUBLIC_DOCUMENTS, (log, start, end)).fetchall()

    def public_documents_of(self, log: int, positions: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return position and content of the first documents of some records that are public."""
        return [
            row
            for some in _at_once(positions, -1)
            for row in self._db.execute(sql.GET_PUBLIC_DOCUMENTS_OF, (log, *some))
        ]

    def entities_at(self, log: int, beginning: bytes) -> list[tuple[bytes, EntityRow]]:
        """Return the entities of a log that begin so."""
        values = (log, beginning, beginning.ljust(16, b"\xff"))
        rows = self._db.execute(sql.GET_ENTITIES_AT, values).fetchall()
        if any(kind not in self._names for _, kind, *_ in rows):
            self._load_kinds()
        return [(entity, self._entity_row(*columns)) for entity, *columns in rows]

    def entity(self, log: int, entity: bytes) -> EntityRow | None:
        """Return an entity's row."""
        row = self._db.execute(sql.GET_ENTITY, (log, entity)).fetchone()
        if row is None:
            return None
        if row[0] not in self._names:
            self._load_kinds()
        return self._entity_row(*row)

    def entities_of(self, log: int, entities: Sequence[bytes]) -> Iterator[tuple[bytes, EntityRow]]:
        """Go through the rows of some entities, `AT_ONCE` of them with each look."""
        self._load_kinds()
        for some in _at_once(entities, b""):
            for entity, *columns in self._db.execute(sql.GET_ENTITIES_OF, (log, *some)):
                yield entity, self._entity_row(*columns)

    def _entity_row(
        self, kind: int, head: bytes, undetermined: int, state: bytes | None
    ) -> EntityRow:
        whole = unpack_state(state, head) if state is not None else None
        return EntityRow(self._names.get(kind, ""), head, whole, undetermined=bool(undetermined))

    def entities(self, log: int, family: str) -> Iterator[tuple[bytes, bool, bytes]]:
        """Go through the entities of a family that have a state."""
        if family not in self._kinds:
            self._load_kinds()
        kind = self._kinds.get(family)
        rows = self._db.execute(sql.GET_ENTITIES_OF_KIND, (log, kind))
        for entity, undetermined, head, state in rows:
            if state is not None:
                yield entity, bool(undetermined), unpack_state(state, head)

    def entity_page(
        self, log: int, family: str, *, after: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return entities of a family behind one, in order, with their states."""
        if family not in self._kinds:
            self._load_kinds()
        kind = self._kinds.get(family)
        rows = self._db.execute(sql.GET_ENTITY_PAGE, (log, after, kind, limit))
        return [(entity, unpack_state(state, head)) for entity, head, state in rows]

    def named(self, log: int, family: str, name: str) -> bytes | None:
        """Find an entity by a name; a label's name is its number."""
        if family == "label_decision":
            row = self._db.execute(sql.GET_LABEL, (name,)).fetchone()
            return row[1] if row and row[0] == log else None
        row = self._db.execute(sql.GET_NAME, (log, family, name)).fetchone()
        return row[0] if row else None

    def named_entities(self, log: int, family: str, *, limit: int) -> list[bytes]:
        """Return entities of a family that bear names, in the order of these; no labels."""
        return [entity for (entity,) in self._db.execute(sql.GET_NAMES, (log, family, limit))]

    def named_after(self, log: int, family: str, first: str) -> list[bytes]:
        """Return entities of a family whose names are a first word and another behind it."""
        values = (log, family, f"{first} ", f"{first} ~")
        return [entity for (entity,) in self._db.execute(sql.GET_NAMED_BETWEEN, values)]

    def label(self, number: str) -> LabelRow | None:
        """Find a label by its number."""
        row = self._db.execute(sql.GET_LABEL_STATE, (number,)).fetchone()
        return _label_row(number, *row) if row else None

    def labels_numbered(self, numbers: Sequence[str]) -> dict[str, LabelRow]:
        """Find labels by their numbers, `AT_ONCE` of them with each look."""
        found = {}
        for some in _at_once(numbers, ""):
            for row in self._db.execute(sql.GET_LABELS_NUMBERED, some):
                found[row[0]] = _label_row(*row)
        return found

    def labels(self, *, after: str, before: str, limit: int) -> list[LabelRow]:
        """Return labels between two numbers, in order."""
        rows = self._db.execute(sql.GET_LABELS, (after, before, limit))
        return [_label_row(*row) for row in rows]

    def numbers_with(self, statuses: tuple[int, int], *, log: int = 0) -> list[str]:
        """Return the numbers of labels whose last decision left a status between two.

        Args:
            statuses: the first and the last of them.
            log: that granted them; every log if not given.
        """
        if log:
            rows = self._db.execute(sql.GET_NUMBERS_OF, (*statuses, log))
        else:
            rows = self._db.execute(sql.GET_NUMBERS, statuses)
        return [number for (number,) in rows]

    def takeovers(self, number: str) -> list[tuple[int, bytes]]:
        """Return log and entity where a label was taken over, the first of each log."""
        low, high = f"{number} ", f"{number} ~"
        if self._db.execute(sql.HAS_TAKEOVER, (low, high)).fetchone() is None:
            return []
        found = []
        for row in self.logs():
            entity = self._db.execute(sql.GET_TAKEOVER, (row.log, low, high)).fetchone()
            if entity:
                found.append((row.log, entity[0]))
        return found

    def taken_numbers(self) -> list[str]:
        """Return the numbers of labels that some log says it took over, each once, in order."""
        names = (name.split(" ")[0] for (name,) in self._db.execute(sql.ALL_TAKEOVERS))
        return list(dict.fromkeys(names))

    def last_number(self, *, low: str, high: str, log: int = 0) -> str | None:
        """Return the largest number strictly between two.

        Args:
            low: the one.
            high: the other.
            log: that granted it; every log if not given.
        """
        if log:
            row = self._db.execute(sql.LAST_NUMBER_OF, (low, high, log)).fetchone()
        else:
            row = self._db.execute(sql.LAST_NUMBER, (low, high)).fetchone()
        return row[0] if row else None

    def voids(self, log: int, *, start: int, limit: int) -> list[tuple[int, Void]]:
        """Return void entries and why they are."""
        rows = self._db.execute(sql.GET_VOIDS, (log, start, limit))
        return [(position, Void(code, message)) for position, code, message in rows]

    def decision_counts(self) -> list[tuple[int, str, int, int]]:
        """Return log, action, year and number of decisions."""
        return self._db.execute(sql.GET_COUNTS).fetchall()

    def settled_counts(self, day: int) -> list[tuple[int, int, int, int]]:
        """Return log, status, year and number of labels whose decisions are all effective."""
        return self._db.execute(sql.COUNT_SETTLED, (day, day)).fetchall()

    def unsettled(self, day: int) -> list[tuple[int, int, bytes]]:
        """Return log, year and state of labels with a decision after a day."""
        return self._db.execute(sql.GET_UNSETTLED, (day,)).fetchall()

    def all_entities(self, log: int) -> Iterator[tuple[bytes, EntityRow]]:
        """Go through every entity of a log."""
        self._load_kinds()
        for entity, *columns in self._db.execute(sql.ALL_ENTITIES, (log,)):
            yield entity, self._entity_row(*columns)

    def all_names(self, log: int) -> Iterator[tuple[str, str, bytes]]:
        """Go through every name of a log: family, name, entity."""
        yield from self._db.execute(sql.ALL_NAMES, (log,))

    def all_labels(self, log: int) -> Iterator[tuple[bytes, LabelIndex]]:
        """Go through the columns of every label of a log."""
        for entity, *columns in self._db.execute(sql.ALL_LABELS, (log,)):
            yield entity, LabelIndex(*columns)

    def find_damage(self) -> list[str]:
        """Have the database look through its own file; nothing is found in a sound one."""
        rows = self._db.execute("PRAGMA integrity_check(5)").fetchall()
        return [] if rows == [("ok",)] else [row[0] for row in rows]

    def undetermined(self) -> list[tuple[int, int, bytes]]:
        """Return log, year and state of labels that this version cannot judge."""
        return self._db.execute(sql.GET_UNDETERMINED).fetchall()

    # Writing, inside a transaction.

    def put_setting(self, name: str, value: bytes) -> None:
        """Keep a setting."""
        self._db.execute(sql.PUT_SETTING, (name, value))

    def put_log(self, row: LogRow) -> None:
        """Begin to hold a log."""
        self._db.execute(sql.PUT_LOG, row)

    def set_log(self, row: LogRow) -> None:
        """Move a log's head and cursor."""
        self._db.execute(sql.SET_LOG, (*row[2:], row.log))

    def drop_log(self, log: int) -> None:
        """Drop a log and everything that follows from it."""
        for statement in (sql.DROP_LOG, *sql.DROP_OF_LOG):
            self._db.execute(statement, (log,))

    def put_entries(self, log: int, start: int, entries: Sequence[Item]) -> None:
        """Add entries that fill no bundle yet; of withheld ones `put_withheld` keeps what is left.

        An entry may have no bytes at all, so that alone says nothing.
        """
        rows = [
            (log, start + number, item if isinstance(item, bytes) else b"")
            for number, item in enumerate(entries)
        ]
        self._db.executemany(sql.PUT_ENTRY, rows)

    def put_withheld(self, log: int, withheld: Iterable[Withholding]) -> None:
        """Drop entries that fill no bundle yet, and documents, of withheld positions for ever.

        See `scrub`.
        """
        for one in withheld:
            row = (one.index, one.leaf, one.record, one.reason, one.instead)
            self._db.execute(sql.PUT_WITHHELD, (log, *row))
            self._db.execute(sql.BLANK_ENTRY, (b"", log, one.index))
            places = self.documents.places(log, one.index, one.index + 1)
            self.documents.cut(log, places)
            self.directory.cut_described(log, [one.index])
            self._residue.leave()

    def cut_entries(self, log: int, end: int) -> None:
        """Drop entries that have moved into a bundle."""
        self._db.execute(sql.CUT_ENTRIES, (log, end))

    def put_bundles(self, log: int, bundles: Iterable[tuple[int, bytes, bytes]]) -> None:
        """Add full bundles: number, root, zstd frame."""
        self._db.executemany(sql.PUT_BUNDLE, [(log, *bundle) for bundle in bundles])

    def cut_uploads(self, *, before: int) -> int:
        """Drop the files that came before an instant, ms UTC, and return how many; see `scrub`."""
        count = self.accounts.cut_uploads(before=before)
        if count:
            self._residue.leave()
        return count

    def residue(self) -> int:
        """Say whether anything of what was dropped may be left on the disk: 0 where not."""
        return self._residue.left()

    def scrub(self) -> bool:
        """Leave nothing on the disk of what was dropped; False where a reader is in the way.

        Writes the whole database anew: as much free space as it takes is needed, twice.

        Raises:
            StorageFullError: there is not; nothing is lost, do it again.
        """
        try:
            return self._residue.scrub()
        except sqlite3.OperationalError as error:
            raise explain(error) from error

    def put_entities(self, log: int, rows: Iterable[tuple[bytes, EntityRow]]) -> None:
        """Keep entities' rows."""
        self._db.executemany(
            sql.PUT_ENTITY,
            [
                (
                    log,
                    entity,
                    self._kind(row.family),
                    row.head,
                    row.undetermined,
                    _pack(row),
                )
                # In the order of the key, so that one page after the other is written.
                for entity, row in sorted(rows, key=itemgetter(0))
            ],
        )

    def _kind(self, family: str) -> int:
        number = self._kinds.get(family)
        if number is None:
            number = 1 + max(self._names, default=0)
            self._kinds[family] = number
            self._names[number] = family
            self._db.execute(sql.PUT_KIND, (number, family))
        return number

    def put_names(self, log: int, names: Iterable[tuple[str, str, bytes]]) -> None:
        """Keep names: family, name, entity."""
        self._db.executemany(sql.PUT_NAME, [(log, *name) for name in names])

    def put_labels(self, log: int, labels: Iterable[tuple[bytes, LabelIndex]]) -> None:
        """Keep the columns of labels."""
        self._db.executemany(
            sql.PUT_LABEL,
            [
                (row.number, log, entity, row.status, row.settled, row.until, row.year)
                for entity, row in labels
            ],
        )

    def put_voids(self, log: int, voids: Iterable[tuple[int, Void]]) -> None:
        """Keep why entries are void."""
        self._db.executemany(
            sql.PUT_VOID, [(log, position, void.code, void.message) for position, void in voids]
        )

    def put_counts(self, log: int, counts: Iterable[tuple[str, int, int]]) -> None:
        """Add to the numbers of decisions: action, year, how many more."""
        for action, year, more in counts:
            row = self._db.execute(sql.GET_COUNT, (log, action, year)).fetchone()
            self._db.execute(sql.PUT_COUNT, (log, action, year, more + (row[0] if row else 0)))

    def clear_indexes(self, log: int | None = None) -> None:
        """Empty every table that follows from the logs, or from one of them."""
        which, values = ("", ()) if log is None else (" WHERE log = ?", (log,))
        for table in INDEXES:
            self._db.execute(f"DELETE FROM {table.name}{which}", values)  # noqa: S608  # our names


def _at_once(values: Sequence[T], nothing: T) -> Iterator[list[T]]:
    """Part values into as many as one statement takes, what lacks filled up with nothing."""
    for start in range(0, len(values), sql.AT_ONCE):
        some = list(values[start : start + sql.AT_ONCE])
        yield some + [nothing] * (sql.AT_ONCE - len(some))


def _label_row(  # the columns
    number: str, log: int, entity: bytes, undetermined: int, head: bytes, state: bytes
) -> LabelRow:
    return LabelRow(number, log, entity, bool(undetermined), unpack_state(state, head))


def _pack(row: EntityRow) -> bytes | None:
    state = encode_state(row.state) if isinstance(row.state, Struct) else row.state
    return pack_state(state, row.head) if state is not None else None
