"""One process on a data directory at a time."""

import fcntl
import os
from pathlib import Path
from typing import Final

from sopro_protocol.errors import UnavailableError

LOCK: Final = "lock"


class DirectoryLock:
    """Holds a data directory; given back when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self._file = self._path.open("a+")
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
