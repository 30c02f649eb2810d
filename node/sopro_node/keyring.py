"""Key files: one PKCS#8 file for each role, readable by their owner only."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sopro_protocol.errors import FormatError
from sopro_protocol.keys import Ed25519Signer, Role

KEYS: Final = "keys"
IMPORT_KEY: Final = "import.key"
_NEXT_ROOT: Final = "next-root"
_FILES: Final = (*(role.value for role in Role), _NEXT_ROOT)


def create_keys(folder: Path) -> None:
    """Make a key for each role, the successor of the root, and the secret of the importer.

    Raises:
        FileExistsError: there are keys already.
    """
    (folder / KEYS).mkdir(mode=0o700)
    for name in _FILES:
        pem = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        _write(folder / KEYS / f"{name}.pem", pem)
    _write(folder / KEYS / IMPORT_KEY, os.urandom(32))


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def load_keys(folder: Path, *roles: Role) -> Mapping[Role, Ed25519Signer]:
    """Read the keys of some roles.

    Raises:
        FormatError: one is missing or is no Ed25519 key.
    """
    return {role: _load(folder / KEYS / f"{role.value}.pem") for role in roles}


def load_next_root(folder: Path) -> Ed25519Signer:
    """Read the key that may replace the root.

    Raises:
        FormatError: it is missing or is no Ed25519 key.
    """
    return _load(folder / KEYS / f"{_NEXT_ROOT}.pem")


def load_import_key(folder: Path) -> bytes:
    """Read the secret by which the importer finds what it imported before.

    Raises:
        FormatError: it is missing.
    """
    return _read(folder / KEYS / IMPORT_KEY)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FormatError(
            f"{path}: key file cannot be read ({error.strerror}); put it back from your backup"
        ) from None


def _load(path: Path) -> Ed25519Signer:
    data = _read(path)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise FormatError(f"{path}: expected an Ed25519 key in PKCS#8 PEM")
    return Ed25519Signer(key.private_bytes_raw())
