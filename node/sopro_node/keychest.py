r"""A site's keys in one encrypted file, away from the backup of its database.

The file is `sopro-keys/1\n` and the canonical array `[salt, nonce, sealed]` (SPEC ENC): `sealed` is
AES-256-GCM of a canonical map from file names to contents, under a key that scrypt makes from the
passphrase and the salt (N = 2^16, r = 8, p = 1); the first line is authenticated with it. It holds
every file of the directory `keys/`, in whatever form the files are.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sopro_node.keyring import KEYS, write_private
from sopro_protocol.encoding import decode, encode
from sopro_protocol.errors import FormatError, VerificationError

SHORTEST_PASSPHRASE: Final = 12
MAX_CHEST: Final = 1024 * 1024
_HEAD: Final = b"sopro-keys/1\n"
_SALT, _NONCE = 16, 12


def read_keys(folder: Path) -> dict[str, bytes]:
    """Read every file of a node's key directory.

    Raises:
        FormatError: it cannot be read, or is larger than keys can be.
    """
    found: dict[str, bytes] = {}
    try:
        for path in sorted((folder / KEYS).iterdir()):
            if path.is_file():
                found[path.name] = path.read_bytes()
    except OSError as error:
        raise FormatError(
            f"{folder / KEYS}: cannot be read ({error.strerror}); run this as the node's user"
        ) from None
    if not found or sum(map(len, found.values())) > MAX_CHEST // 2:
        raise FormatError(f"{folder / KEYS}: expected a few small key files")
    return found


def seal_keys(files: Mapping[str, bytes], passphrase: str) -> bytes:
    """Encrypt key files.

    Raises:
        FormatError: the passphrase is too short.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise FormatError(
            f"passphrase: {len(passphrase)} characters, expected {SHORTEST_PASSPHRASE} or more"
        )
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    content = encode(dict(sorted(files.items())))
    sealed = AESGCM(_derive(passphrase, salt)).encrypt(nonce, content, _HEAD)
    return _HEAD + encode([salt, nonce, sealed])


def open_keys(data: bytes, passphrase: str, *, where: str) -> dict[str, bytes]:
    """Decrypt key files.

    Raises:
        FormatError: it is no file of keys.
        VerificationError: the passphrase is wrong, or the file was changed.
    """
    if not data.startswith(_HEAD):
        raise FormatError(f"{where}: not a file of keys as 'sopro backup --keys' writes it")
    match decode(data[len(_HEAD) :], limit=MAX_CHEST):
        case [bytes(salt), bytes(nonce), bytes(sealed)] if len(salt) == _SALT:
            pass
        case _:
            raise FormatError(f"{where}: not a file of keys of this version")
    if len(nonce) != _NONCE:
        raise FormatError(f"{where}: not a file of keys of this version")
    try:
        content = AESGCM(_derive(passphrase, salt)).decrypt(nonce, sealed, _HEAD)
    except InvalidTag:
        raise VerificationError(
            f"{where}: the passphrase is another one, or the file is damaged"
        ) from None
    return _read_files(content, where)


def _read_files(content: bytes, where: str) -> dict[str, bytes]:
    files = decode(content, limit=MAX_CHEST)
    found: dict[str, bytes] = {}
    for name, data in files.items() if isinstance(files, dict) else ():
        if not isinstance(data, bytes) or Path(name).name != name or name in (".", ".."):
            raise FormatError(f"{where}: holds {name[:40]!r}, which is no key file")
        found[name] = data
    if not found:
        raise FormatError(f"{where}: holds no key")
    return found


def write_keys(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put key files into a new directory of a node, readable by its owner only."""
    (folder / KEYS).mkdir(mode=0o700)
    for name, data in files.items():
        write_private(folder / KEYS / name, data)


def _derive(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**16, r=8, p=1).derive(passphrase.encode())
