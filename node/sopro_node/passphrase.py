"""The passphrase of the key files: from a file, from systemd's credentials, or asked for once."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sopro_node.config import Settings
from sopro_protocol.errors import FormatError

CREDENTIAL: Final = "key-passphrase"
"""Name of the credential under `$CREDENTIALS_DIRECTORY`, where systemd puts it."""

SHORTEST: Final = 16
"""Of a new passphrase: the key files' own derivation is fast, so guessing must be hopeless."""
_LONGEST: Final = 1024
_OTHERS: Final = 0o077

Ask = Callable[[str], str]


def check_private(path: Path, *, what: str) -> None:
    """Refuse a file that others than its owner can open.

    Raises:
        FormatError: its mode lets them, or it cannot be looked at.
    """
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise FormatError(f"{path}: {what} cannot be read ({error.strerror})") from None
    if mode & _OTHERS:
        raise FormatError(
            f"{path}: others than its owner can open this {what} (mode {mode:04o}, expected 0600); "
            f"change that with: chmod 600 {path}"
        )


def read_passphrase(path: Path) -> bytes:
    """Read a passphrase from the first line of a file that only its owner can open.

    Raises:
        FormatError: others can open it, it cannot be read, or is empty.
    """
    check_private(path, what="passphrase file")
    return _read(path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            line = file.read(_LONGEST + 1).split(b"\n", 1)[0]
    except OSError as error:
        raise FormatError(f"{path}: passphrase file cannot be read ({error.strerror})") from None
    if not 0 < len(line) <= _LONGEST:
        raise FormatError(
            f"{path}: passphrase, expected 1 to {_LONGEST} bytes in the first line, got {len(line)}"
        )
    return line


def check_new_passphrase(passphrase: bytes) -> None:
    """Refuse a passphrase that could be guessed.

    Raises:
        FormatError: it is too short.
    """
    if len(passphrase) < SHORTEST:
        raise FormatError(
            f"passphrase: expected at least {SHORTEST} characters, got {len(passphrase)}; "
            "'openssl rand -base64 24' makes a good one"
        )


class Passphrase:
    """Finds the passphrase when a key file needs it, and keeps it for the next."""

    def __init__(self, settings: Settings, *, ask: Ask | None = None) -> None:
        self._file = settings.key_passphrase_file
        self._ask = ask
        self._found: bytes | None = None

    @classmethod
    def of(cls, passphrase: bytes) -> "Passphrase":
        """Return one that is known already."""
        one = cls(Settings())
        one._found = passphrase
        return one

    @classmethod
    def asking(cls, ask: Ask | None) -> "Passphrase":
        """Return one that only a person knows."""
        return cls(Settings(), ask=ask)

    def find(self) -> bytes | None:
        """Return the passphrase; None where nobody has said where it is.

        Raises:
            FormatError: its file cannot be used.
        """
        if self._found is None:
            self._found = self._look()
        return self._found

    def learn(self, passphrase: bytes) -> None:
        """Take the passphrase that the owner has just told."""
        self._found = passphrase

    def _look(self) -> bytes | None:
        if self._file:
            return read_passphrase(Path(self._file))
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if folder and (Path(folder) / CREDENTIAL).exists():
            # systemd keeps others out of the directory; the mode shows its access list.
            return _read(Path(folder) / CREDENTIAL)
        if self._ask is not None:
            return self._ask("passphrase of the key files").encode(errors="surrogateescape")
        return None


NO_PASSPHRASE: Final = Passphrase(Settings())
"""For key files in clear, or where systemd has it."""
