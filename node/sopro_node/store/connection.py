"""A connection to the database file: how it is made, opened, and what its failures mean.

WAL with synchronous=FULL, read back at start because a silent default would lose commits.
"""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from sopro_node.store.migrate import migrate
from sopro_node.store.residue import IN_MEMORY
from sopro_protocol.errors import FormatError, StorageFullError

DATABASE: Final = "node.db"
_PAGE: Final = 2048
BUSY: Final = 30
"""Seconds for which a connection waits for another one."""
_PRAGMAS: Final = (
    ("journal_mode", "wal"),
    ("synchronous", 2),
    ("foreign_keys", 1),
    ("cache_size", -16_000),
    ("wal_autocheckpoint", 8_000),
    ("journal_size_limit", 64 * 1024 * 1024),
    ("temp_store", IN_MEMORY),
    # What is deleted is overwritten.
    ("secure_delete", 1),
)

_log = logging.getLogger("sopro.store")


def create_database(folder: Path) -> None:
    """Create the database of a new node."""
    path = folder / DATABASE
    path.touch(mode=0o600, exist_ok=False)
    with closing(sqlite3.connect(path)) as connection:
        # Half a page is lost behind every bundle, so pages are small.
        connection.execute(f"PRAGMA page_size = {_PAGE}")
        connection.execute("VACUUM")
    migrate(path)


def connect(folder: Path, *, writing: bool) -> sqlite3.Connection:
    """Connect to a node's database; the writing connection also migrates it.

    Raises:
        FormatError: there is none, or a newer version wrote it.
        sqlite3.DatabaseError: it is damaged.
    """
    path = folder / DATABASE
    if not path.exists():
        raise FormatError(
            f"{folder}: no node here ({DATABASE} is missing); "
            "make one with 'sopro site new' or 'sopro federation new'"
        )
    if writing:
        migrate(path)
    mode = "rw" if writing else "ro&immutable=1" if _is_frozen(path) else "ro"
    connection = sqlite3.connect(
        f"file:{path}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY,
        cached_statements=256,
    )
    try:
        _set_pragmas(connection, path, writing=writing)
    except BaseException:
        connection.close()
        raise
    return connection


def explain(error: sqlite3.OperationalError) -> Exception:
    """Tell a full disk from a failing one; the latter ends the process.

    After a failed fsync nobody knows what is on the disk; going on could acknowledge what is
    lost. A fresh start reads what is really there.
    """
    code = error.sqlite_errorcode & 0xFF
    if code == sqlite3.SQLITE_FULL or error.sqlite_errorcode == sqlite3.SQLITE_IOERR_SHMSIZE:
        return StorageFullError(
            "the disk is full: nothing was written; free some space and try again"
        )
    if code == sqlite3.SQLITE_IOERR:
        _log.critical("disk failed", extra={"reason": str(error)})
        os._exit(70)
    return error


def _is_frozen(path: Path) -> bool:
    """Say whether nobody can be writing a database, so that it is read without its side files.

    They cannot be made on a read-only file system. One that is still open, by another way to the
    same disk, has a write-ahead log.
    """
    is_read_only = os.statvfs(path).f_flag & os.ST_RDONLY
    return bool(is_read_only) and not path.with_name(f"{path.name}-wal").exists()


def _set_pragmas(connection: sqlite3.Connection, path: Path, *, writing: bool) -> None:
    if not writing:
        connection.execute("PRAGMA query_only = 1")
        connection.execute("PRAGMA cache_size = -16000")
        return
    for name, value in _PRAGMAS:
        connection.execute(f"PRAGMA {name} = {value}")
    for name, value in _PRAGMAS[:3]:
        found = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if found != value:
            raise FormatError(f"{path}: the database refuses {name}={value}, it says {found!r}")
