"""What is left in a database file of rows that were dropped, and writing it anew without that.

Where a cell stood before its page was split, SQLite leaves a copy of it that no deletion finds; and
the write-ahead log holds pages as they were. What is left to do until nothing is there stands in
the file's own header, so that nobody who opens it again can forget it.
"""

import sqlite3
import threading
from enum import IntEnum
from pathlib import Path
from typing import Final

IN_MEMORY: Final = 2
"""Where tables that a question needs for a moment are kept."""
_ON_DISK: Final = 1
_REWRITING: Final = threading.Lock()


class Left(IntEnum):
    """Where anything may be left."""

    NOWHERE = 0
    IN_THE_JOURNAL = 1
    IN_THE_FILE = 2


class Residue:
    """What is left in one database, on its writing connection."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, *, patience: int) -> None:
        self._db = connection
        self._folder = folder.resolve()
        self._patience = patience

    def leave(self, left: Left = Left.IN_THE_FILE) -> None:
        """Say what may be left, inside the transaction that drops it."""
        self._db.execute(f"PRAGMA user_version = {int(left)}")

    def left(self) -> int:
        """Say whether anything may be left: 0 where not."""
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def scrub(self) -> bool:
        """Leave nothing; False where a reader is in the way.

        Killed at any moment, it leaves a sound database that says what is left to do.
        """
        if self.left() == Left.IN_THE_FILE:
            self._rewrite()
            self.leave(Left.IN_THE_JOURNAL)
        done = self._empty_journal()
        if done and self.left():
            self.leave(Left.NOWHERE)
        return done

    def _rewrite(self) -> None:
        """Write the database anew, by way of a file without a name beside it."""
        # Anywhere else could be too little room, memory, nothing that a sandbox lets be written,
        # or a disk on which nobody expects what a node keeps. The setting is the whole process's.
        folder = str(self._folder).replace("'", "''")
        with _REWRITING:
            self._db.execute(f"PRAGMA temp_store_directory = '{folder}'")
            self._db.execute(f"PRAGMA temp_store = {_ON_DISK}")
            try:
                self._db.execute("VACUUM")
            finally:
                self._db.execute(f"PRAGMA temp_store = {IN_MEMORY}")
                self._db.execute("PRAGMA temp_store_directory = ''")

    def _empty_journal(self) -> bool:
        # Whoever waits here for a reader holds up every append.
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            busy, _, _ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {self._patience}")
        return not busy
