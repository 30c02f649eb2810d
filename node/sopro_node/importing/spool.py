"""Rows on their way in, sorted by key on disk: memory stays bounded however long the file is.

A private temporary database, gone when it is closed or when the process ends.
"""

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import msgspec

from sopro_node.importing.readings import Item, Reading
from sopro_node.importing.rows import Row

_ITEM = msgspec.msgpack.Decoder(Item)
_CELLS = msgspec.msgpack.Decoder(list[bytes])


class Spooled(NamedTuple):
    """A row of a known key: understood, or with what is wrong."""

    line: int
    cells: list[str]
    item: Item | None
    problem: str


class Spool:
    """Rows in, groups of rows of one key out: in their order, keys as they first came."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("")
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.execute("CREATE TABLE keys (key BLOB PRIMARY KEY, first) WITHOUT ROWID")
        self._base.execute(
            "CREATE TABLE rows "
            "(number INTEGER PRIMARY KEY, line, first, place, cells, item, problem)"
        )
        self.count = 0

    def add(self, row: Row, reading: Reading) -> None:
        """Keep a row, or a part of one; they come by line."""
        key = msgspec.msgpack.encode(reading.key)
        self._base.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (key, self.count))
        self._base.execute(
            "INSERT INTO rows SELECT ?, ?, first, ?, ?, ?, ? FROM keys WHERE key = ?",
            (
                self.count,
                row.line,
                reading.order,
                msgspec.msgpack.encode([_bytes(cell) for cell in row.cells]),
                msgspec.msgpack.encode(reading.item) if reading.item else None,
                "; ".join(reading.problems),
                key,
            ),
        )
        self.count += 1

    def groups(self) -> Iterator[list[Spooled]]:
        """Go through the rows, those of one key together.

        Numbers go before text in the order; a row whose place is unknown goes first.
        """
        self._base.execute("CREATE INDEX IF NOT EXISTS places ON rows (first, place, number)")
        rows = self._base.execute(
            "SELECT first, line, cells, item, problem FROM rows ORDER BY first, place, number"
        )
        for _, group in groupby(rows, key=lambda row: row[0]):
            yield [
                Spooled(
                    line,
                    [_text(cell) for cell in _CELLS.decode(cells)],
                    _ITEM.decode(item) if item else None,
                    problem,
                )
                for _, line, cells, item, problem in group
            ]

    def close(self) -> None:
        """Drop everything."""
        self._base.close()


def _bytes(cell: str) -> bytes:
    return cell.encode("utf-8", "surrogateescape")


def _text(cell: bytes) -> str:
    return cell.decode("utf-8", "surrogateescape")
