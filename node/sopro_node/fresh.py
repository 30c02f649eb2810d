"""Directories that appear in their place only when everything in them is complete and durable.

They are filled beside their place, under a lock; what a killed attempt left there is thrown away by
the next one, and nothing that is in the place already is ever touched.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sopro_node.lock import LOCK, DirectoryLock
from sopro_protocol.errors import FormatError, SoproError, StorageFullError

_SPARE = 16 * 1024 * 1024


@contextmanager
def new_directory(folder: Path) -> Iterator[Path]:
    """Give a directory to fill beside a place; it takes the place when nothing has failed.

    Raises:
        FormatError: the place is taken or cannot be written.
        StorageFullError: the disk is full.
        UnavailableError: another process fills it.
    """
    check_free(folder)
    place = folder.absolute()
    part = place.with_name(f".{place.name}.new")
    try:
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_strange = any(part.iterdir()) and not (part / LOCK).exists()
    except OSError as error:
        raise FormatError(f"{folder}: cannot be made ({error.strerror})") from None
    if is_strange:
        raise FormatError(f"{part}: is in the way, and was not made by this program; move it away")
    lock = DirectoryLock(part)
    try:
        _empty(part)
        yield part
        _move(part, place)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise explain(error, folder) from None
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        lock.release()


def _move(part: Path, place: Path) -> None:
    """Make everything durable, and then let it appear."""
    for path in (*part.rglob("*"), part):
        sync_file(path)
    check_free(place)
    (part / LOCK).unlink()
    part.rename(place)
    sync_file(place.parent)


def check_free(folder: Path) -> None:
    """Refuse a place where something is.

    Raises:
        FormatError: it is no empty directory, or not to be read.
    """
    try:
        is_taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise FormatError(f"{folder}: cannot be read ({error.strerror})") from None
    if is_taken:
        raise FormatError(
            f"{folder}: is not empty, and nothing is overwritten; name a new directory, or move "
            "away what is there"
        )


def _empty(part: Path) -> None:
    """Throw away what an interrupted attempt left."""
    for path in part.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def explain(error: OSError, path: Path) -> SoproError:
    """Tell a full disk from a place that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFullError(f"{path}: the disk is full; nothing was written")
    return FormatError(f"{path}: cannot be written ({error.strerror})")


def check_space(place: Path, needed: int, *, what: str) -> None:
    """Refuse to begin what the disk has no room for.

    Raises:
        StorageFullError: there is too little space.
    """
    needed += _SPARE
    free = shutil.disk_usage(place).free
    if free < needed:
        raise StorageFullError(
            f"{place.parent}: {free // 2**20} MiB are free, {what} takes up to "
            f"{needed // 2**20} MiB; nothing was written"
        )


def sync_file(path: Path) -> None:
    """Make a file's content, or the names in a directory, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
