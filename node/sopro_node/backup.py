"""Backing up a node while it serves: a snapshot of its database, checked, with a manifest.

Keys go into a file of their own, encrypted (`keychest`); they never stand beside the database. The
snapshot is one step of SQLite's backup, so what is being appended meanwhile is not in it and does
not hold it up. Everything is written beside its place and moved there when it is complete.
"""

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

from sopro_node import clock
from sopro_node.config import CONFIG
from sopro_node.found import INVITE
from sopro_node.fresh import check_space, explain, new_directory
from sopro_node.identity import load_identity
from sopro_node.keychest import read_keys, seal_keys
from sopro_node.keyring import write_private
from sopro_node.manifest import (
    MANIFEST,
    LogHead,
    Manifest,
    check_logs,
    digest_file,
    format_manifest,
    software_version,
)
from sopro_node.store.connection import DATABASE
from sopro_node.store.migrate import LATEST, migrate
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.encoding import MAX_INTEGER
from sopro_protocol.errors import FormatError, StorageFullError, VerificationError


def back_up(folder: Path, target: Path) -> Manifest:
    """Write a backup of a node's directory into a new directory.

    Raises:
        FormatError: the target is there already or cannot be written, or there is no node.
        StorageFullError: there is too little space for it; nothing is left.
        VerificationError: what was copied is damaged; nothing is left.
    """
    source = folder / DATABASE
    if not source.exists():
        raise FormatError(f"{folder}: no node here ({DATABASE} is missing)")
    with new_directory(target) as part:
        time = clock.format_time(clock.now())
        check_space(part, _size_of(source), what="the backup")
        _copy_database(source, part / DATABASE)
        for name in (CONFIG, INVITE):
            if (folder / name).is_file():
                write_private(part / name, (folder / name).read_bytes())
        manifest = _describe(part, time)
        write_private(part / MANIFEST, format_manifest(manifest))
    return manifest


def back_up_keys(folder: Path, target: Path, passphrase: str) -> int:
    """Write a node's keys, encrypted, into a new file; return how many files it holds.

    Raises:
        FormatError: the target is there already, cannot be written or lies in the node's directory,
            or the passphrase is too short.
        StorageFullError: the disk is full; nothing is left.
    """
    files = read_keys(folder)
    try:
        write_private(target, seal_keys(files, passphrase))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise explain(error, target) from None
        raise FormatError(
            f"{target}: cannot be written ({error.strerror}); name a new file"
        ) from None
    return len(files)


def _size_of(source: Path) -> int:
    """Return what a copy takes at most."""
    log = source.with_name(source.name + "-wal")
    return source.stat().st_size + (log.stat().st_size if log.exists() else 0)


def _copy_database(source: Path, target: Path) -> None:
    """Copy the last commit, whatever is written meanwhile."""
    target.touch(mode=0o600)
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as origin,
            closing(sqlite3.connect(target)) as copy,
        ):
            # In one step: a copy in several would begin again with every commit in between.
            origin.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = delete")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise StorageFullError(f"{target}: the disk is full; nothing was written") from None
        raise FormatError(f"{source}: cannot be copied: {error}") from None


def _leave_out(part: Path) -> None:
    """Drop from the copy what a backup is not to keep for years.

    Files that wait for a day to go into a record, and what is left of what was erased.
    """
    store = SqliteStore.open(part, writing=True)
    try:
        with store.transaction():
            store.cut_uploads(before=MAX_INTEGER)
        store.scrub()
    finally:
        store.close()
    with closing(sqlite3.connect(part / DATABASE)) as copy:
        copy.execute("PRAGMA journal_mode = delete")


def _describe(part: Path, time: str) -> Manifest:
    """Verify the copy and say what it is."""
    migrate(part / DATABASE)
    _leave_out(part)
    store = SqliteStore.open(part, writing=False)
    try:
        damage = store.find_damage()
        if damage:
            raise VerificationError(f"the database is damaged: {damage[0]}; see 'sopro audit'")
        identity = load_identity(store)
        logs = [LogHead(row.origin, row.size, row.root.hex()) for row in check_logs(store)]
    finally:
        store.close()
    own = next(one for one in logs if one.origin == identity.origin)
    names = [name for name in (DATABASE, CONFIG, INVITE) if (part / name).exists()]
    return Manifest(
        sopro_backup=1,
        origin=own.origin,
        size=own.size,
        root=own.root,
        time=time,
        version=software_version(),
        schema=LATEST,
        logs=logs,
        files={name: digest_file(part / name) for name in names},
    )
