"""Registers that officers have sent to be imported: files beside the database, each for a day.

One is used as often as somebody wants: its rows hold organisations, offerings and decisions, which
come in one after the other.
"""

import asyncio
import errno
import hashlib
import os
import shutil
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sopro_node import clock
from sopro_node.keyring import write_private
from sopro_protocol.errors import FormatError, NotFoundError, RefusedError, StorageFullError

MAX_FILE: Final = 256 << 20
MAX_FILES: Final = 8
HOURS_KEPT: Final = 24
MAX_NAME: Final = 120
_HOUR: Final = 60 * 60 * 1000
_CHUNK: Final = 1 << 20
_ABOUT: Final = ".json"


class ImportFile(Struct, frozen=True):
    """A file that can be imported.

    Attributes:
        file: its id.
        name: as it was sent.
        size: in bytes.
        sha256: of its bytes, in hex; the trail names it by that.
        officer: who has sent it.
        time: when it came, ms UTC.
    """

    file: str
    name: str
    size: int
    sha256: str
    officer: str
    time: int


class ImportFiles:
    """The files below a directory, each in a directory of its own that has its id as a name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = 0

    def place(self, number: str) -> Path:
        """Return the directory in which a file is."""
        return self._folder / number

    def all(self) -> list[ImportFile]:
        """List the files that are here, the latest first."""
        found = [_read(path) for path in self._folder.glob(f"*{_ABOUT}")]
        return sorted(filter(None, found), key=lambda one: (-one.time, one.file))

    def get(self, number: str) -> ImportFile:
        """Return a file by its id, which is of hexadecimal digits.

        Raises:
            NotFoundError: there is none.
        """
        found = _read(self._folder / f"{number}{_ABOUT}")
        if found is None:
            raise NotFoundError(
                f"no file {number} is here to be imported; one is kept for {HOURS_KEPT} hours",
                code="ofc.file",
            )
        return found

    async def keep(self, pieces: AsyncIterator[bytes], *, name: str, officer: str) -> ImportFile:
        """Write a file as it comes.

        Raises:
            FormatError: it is empty.
            RefusedError: too many are here already.
            StorageFullError: the disk is full; nothing of it is kept.
        """
        if len(self.all()) + self._incoming >= MAX_FILES:
            raise RefusedError(
                f"{MAX_FILES} files wait here to be imported already; drop one that has been, or "
                f"wait until it is {HOURS_KEPT} hours old",
                code="ofc.file",
            )
        number = os.urandom(16).hex()
        place = self._folder / number
        self._incoming += 1
        try:
            place.mkdir(mode=0o700, parents=True)
            size, digest = await _write(place / name, pieces)
            one = ImportFile(number, name, size, digest, officer, clock.now())
            about = msgspec.json.encode(one)
            await asyncio.to_thread(write_private, self._folder / f"{number}{_ABOUT}", about)
        except BaseException as error:
            shutil.rmtree(place, ignore_errors=True)
            raise explain_full(error, name) from None
        finally:
            self._incoming -= 1
        return one

    def drop(self, one: ImportFile) -> None:
        """Drop a file."""
        (self._folder / f"{one.file}{_ABOUT}").unlink(missing_ok=True)
        shutil.rmtree(self._folder / one.file, ignore_errors=True)

    def drop_old(self, *, now: int, spared: str = "") -> int:
        """Drop what has been here for long, and what an earlier process has not received whole.

        Args:
            now: ms UTC.
            spared: id of a file that stays.
        """
        known = self.all()
        before = now - HOURS_KEPT * _HOUR
        old = [one for one in known if one.time < before and one.file != spared]
        for one in old:
            self.drop(one)
        whole = {one.file for one in known}
        for path in self._folder.glob("*/") if not self._incoming else ():
            if path.name not in whole:
                shutil.rmtree(path, ignore_errors=True)
        return len(old)


def check_name(text: str) -> str:
    """Return the name of a file without the directories that a program may have put before it.

    Raises:
        FormatError: it is none, too long, or not to be printed.
    """
    name = unicodedata.normalize("NFC", text).replace("\\", "/").rpartition("/")[2].strip()
    if name in ("", ".", "..") or len(name) > MAX_NAME or not name.isprintable():
        raise FormatError(
            f"name: expected that of a file, such as firms.xlsx, of at most {MAX_NAME} characters, "
            f"got {text[:40]!r}",
            code="ofc.file",
        )
    # What begins with a dash or a dot would be something else to other programs.
    return f"_{name}" if name[0] in "-." else name


def explain_full(error: BaseException, name: str) -> BaseException:
    """Say in a sentence that the disk is full, where that is what an error is."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFullError(f"{name}: the disk is full; nothing was begun")
    return error


async def _write(path: Path, pieces: AsyncIterator[bytes]) -> tuple[int, str]:
    """Write pieces to a new file; return its size and its SHA-256."""
    digest, size, waiting = hashlib.sha256(), 0, bytearray()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        async for piece in pieces:
            waiting += piece
            size += len(piece)
            if len(waiting) >= _CHUNK:
                digest.update(waiting)
                await asyncio.to_thread(file.write, bytes(waiting))
                waiting.clear()
        digest.update(waiting)
        file.write(waiting)
        file.flush()
        await asyncio.to_thread(os.fsync, file.fileno())
    if not size:
        raise FormatError("body: expected the bytes of a file, got none", code="ofc.file")
    return size, digest.hexdigest()


def _read(path: Path) -> ImportFile | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ImportFile)
    except (OSError, msgspec.DecodeError):
        return None
