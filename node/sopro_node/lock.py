"""One process on a data directory at a time."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Final

from sopro_protocol.errors import FormatError, UnavailableError

LOCK: Final = "lock"
IMPORT_LOCK: Final = "import.lock"


class DirectoryLock:
    """Holds a data directory; given back when the process ends, however it ends.

    Args:
        folder: the data directory.
        name: of the file; another one keeps others of the same kind out, beside a serving node.
    """

    def __init__(self, folder: Path, *, name: str = LOCK) -> None:
        self._path = folder / name
        try:
            self._file = self._path.open("a+")
        except OSError as error:
            raise FormatError(
                f"{folder}: cannot be worked on ({error.strerror}); {_advise(error)}"
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read(20).strip() or "unknown"
            self._file.close()
            raise UnavailableError(
                f"{folder}: another sopro process (number {holder}) works on this directory; "
                "stop it first",
                code="locked",
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Give the directory back."""
        self._file.close()


def lock_imports(folder: Path) -> DirectoryLock:
    """Hold a site's imports, of which there is one at a time, whoever has it done.

    Raises:
        UnavailableError: another is under way.
        FormatError: the directory cannot be worked on.
    """
    try:
        return DirectoryLock(folder, name=IMPORT_LOCK)
    except UnavailableError:
        raise UnavailableError(
            f"{folder.name}: another import into this site is under way; wait until it has ended",
            code="locked",
        ) from None


def _advise(error: OSError) -> str:
    if error.errno == errno.EROFS:
        return (
            "every command writes there at least that it works on it: make the file system "
            "writable, or copy the directory; 'sopro audit' only reads"
        )
    return "name the directory of a node that you own, 'sopro site new' makes one"
