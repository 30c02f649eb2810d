"""The documents of a log: who may see them, and dropping them so that nothing is left."""

import sqlite3
from collections.abc import Iterable

from sopro_node.store import statements as sql
from sopro_node.store.accounts import Accounts
from sopro_node.store.directory_index import DirectoryIndex
from sopro_node.store.residue import Residue
from sopro_node.store.rows import HIDDEN, DocumentRow
from sopro_protocol.encoding import MAX_INTEGER
from sopro_registry.family import Erased


class Documents:
    """The tables of documents and of what was erased, on a store's connection."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        residue: Residue,
        *,
        accounts: Accounts,
        directory: DirectoryIndex,
    ) -> None:
        self._db = connection
        self._residue = residue
        self._accounts = accounts
        self._directory = directory

    def get(self, log: int, position: int, number: int) -> DocumentRow | None:
        """Return one document."""
        row = self._db.execute(sql.GET_DOCUMENT, (log, position, number)).fetchone()
        return DocumentRow(position, number, *row) if row else None

    def between(self, log: int, start: int, end: int) -> list[DocumentRow]:
        """Return the documents of a range of positions."""
        return [DocumentRow(*row) for row in self._db.execute(sql.GET_DOCUMENTS, (log, start, end))]

    def riding(self, log: int, start: int, end: int, *, most: int) -> list[DocumentRow]:
        """Return the public documents of a range of positions that are not too large."""
        values = (log, start, end, most)
        return [DocumentRow(*row) for row in self._db.execute(sql.GET_RIDING_DOCUMENTS, values)]

    def visibility(self, log: int, position: int, number: int) -> int | None:
        """Say who may see a document; None where nobody may, or it is not here."""
        row = self._db.execute(sql.GET_DOCUMENT_HEAD, (log, position, number)).fetchone()
        return row[0] if row and row[0] < HIDDEN else None

    def places(self, log: int, start: int = 0, end: int = MAX_INTEGER) -> list[tuple[int, int]]:
        """Return positions and numbers of the documents of a range of positions."""
        return list(self._db.execute(sql.GET_DOCUMENT_PLACES, (log, start, end)))

    def erased(self, log: int) -> list[Erased]:
        """Return the documents that records in a log have erased, in it and in others."""
        rows = [Erased(*row) for row in self._db.execute(sql.GET_ERASED, (log,))]
        return rows + [Erased(*row) for row in self._db.execute(sql.GET_ORPHAN_ERASED, (log,))]

    def erased_places(self, log: int) -> set[tuple[int, int]]:
        """Return positions and numbers of the documents of a log that any record has erased."""
        return set(self._db.execute(sql.GET_ERASED_PLACES, (log, log)))

    def hide(self) -> None:
        """Have no document served to anybody, nor found by its words."""
        self._db.execute(sql.HIDE_DOCUMENTS, (HIDDEN, HIDDEN))
        self._directory.cut_all_described(row[0] for row in self._db.execute(sql.LOGS))

    def show(self, log: int) -> None:
        """Have the documents of a log served again to whom they were."""
        self._db.execute(sql.SHOW_DOCUMENTS, (HIDDEN, log, HIDDEN))

    def put(self, log: int, documents: Iterable[DocumentRow]) -> None:
        """Add documents, but none that was erased, or whose record is withheld."""
        rows = list(documents)
        if rows:
            gone = self.erased_places(log)
            withheld = {row[0] for row in self._db.execute(sql.GET_WITHHELD, (log,))}
            rows = [
                row
                for row in rows
                if (row.position, row.number) not in gone and row.position not in withheld
            ]
        self._db.executemany(sql.PUT_DOCUMENT, [(log, *row) for row in rows])

    def erase(self, log: int, erased: Iterable[Erased]) -> None:
        """Drop documents for ever, as records in a log say; see `scrub`."""
        rows = list(erased)
        here = [row for row in rows if not row.origin]
        self._db.executemany(sql.PUT_ERASED, [(log, *row[:4]) for row in here])
        self.cut(log, [(row.position, row.number) for row in here])
        for row in rows:
            if row.origin:
                place = (row.origin, row.position, row.number)
                values = (*place, log, row.erasure, row.deadline)
                self._db.execute(sql.PUT_ORPHAN_ERASED, values)
                for (number,) in self._db.execute(sql.GET_NUMBER_OF, (row.origin,)).fetchall():
                    self.cut(number, [(row.position, row.number)])

    def cut(self, log: int, places: Iterable[tuple[int, int]]) -> None:
        """Drop documents, and the files that wait to become the same; see `scrub`."""
        rows = list(places)
        for place in rows:
            self._accounts.cut_copies(log, *place)
        self._db.executemany(sql.CUT_DOCUMENT, [(log, *place) for place in rows])
        self._directory.cut_described(log, [position for position, number in rows if number == 0])
        if rows:
            self._residue.leave()
