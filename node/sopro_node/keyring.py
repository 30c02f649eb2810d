"""Key files: one PKCS#8 file for each key, readable by their owner only, encrypted where asked.

`<role>.pem` is the key a site was made with, `<role>.<id>.pem` one that came later; `<id>` is the
beginning of its key id. Which file counts follows from the log. A key that no record names yet has
`.planned` at the end of its file's name (see `planned`); no other file is ever renamed.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sopro_node.fresh import explain
from sopro_node.passphrase import NO_PASSPHRASE, Passphrase, check_private
from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.keys import Ed25519Signer, Role

KEYS: Final = "keys"
IMPORT_KEY: Final = "import.key"
NEXT_ROOT: Final = "next-root"
KINDS: Final = (*(role.value for role in Role), NEXT_ROOT)
"""What key files are named after."""

PLANNED: Final = ".planned"
"""Ends the name of the file of a key that no record names yet."""
FRESH: Final = ".new"
"""Ends the name of what is about to take a key file's place."""

_ENCRYPTED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_MAX_FILE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key file that was opened.

    Attributes:
        kind: its role, or `next-root`.
        path: of the file.
        signer: signs with it.
        encrypted: whether a passphrase protects it.
    """

    kind: str
    path: Path
    signer: Ed25519Signer
    encrypted: bool


def create_keys(folder: Path, passphrase: bytes | None = None) -> None:
    """Make a key for each role, the successor of the root, and the secret of the importer.

    Raises:
        FileExistsError: there are keys already.
    """
    (folder / KEYS).mkdir(mode=0o700)
    for kind in KINDS:
        write_private(
            folder / KEYS / f"{kind}.pem", format_key(Ed25519PrivateKey.generate(), passphrase)
        )
    write_private(folder / KEYS / IMPORT_KEY, os.urandom(32))


def create_key(folder: Path, kind: str, passphrase: bytes | None) -> KeyFile:
    """Make another key of a kind; durable when this returns, and never half there."""
    return keep_key(plan_key(folder, kind, passphrase))


def plan_key(folder: Path, kind: str, passphrase: bytes | None) -> KeyFile:
    """Make another key of a kind, in a file whose name says that no record names it yet.

    Raises:
        StorageFullError: the disk is full.
        FormatError: the file cannot be written.
    """
    private = Ed25519PrivateKey.generate()
    signer = Ed25519Signer(private.private_bytes_raw())
    path = folder / KEYS / f"{kind}.{signer.key_id.hex()[:16]}.pem{PLANNED}"
    try:
        write_private(path, format_key(private, passphrase))
    except OSError as error:
        raise explain(error, path) from None
    sync_folder(path.parent)
    return KeyFile(kind, path, signer, passphrase is not None)


def keep_key(file: KeyFile) -> KeyFile:
    """Give a planned key the name that it keeps."""
    return replace(file, path=keep_file(file.path))


def keep_file(path: Path) -> Path:
    """Give the file of a planned key the name that it keeps, durably."""
    kept = path.with_name(path.name.removesuffix(PLANNED))
    if kept != path:
        path.replace(kept)
        sync_folder(kept.parent)
    return kept


def format_key(private: Ed25519PrivateKey, passphrase: bytes | None) -> bytes:
    """Write a private key as PKCS#8 PEM, encrypted where there is a passphrase."""
    cipher: KeySerializationEncryption = (
        BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    )
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, cipher)


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read, durably: all of it, or there is none."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make new names in a directory durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def list_key_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Go through the key files of a node, each with its kind, the oldest of a kind first."""
    paths = [path for path in (folder / KEYS).glob("*.pem") if path.name.split(".")[0] in KINDS]
    for path in sorted(paths, key=lambda path: (path.name.count("."), path.stat().st_mtime_ns)):
        yield path.name.split(".")[0], path


def list_planned(folder: Path) -> list[tuple[str, Path]]:
    """List the files of keys that no record named when they were made, each with its kind."""
    return [
        (path.name.split(".")[0], path) for path in sorted((folder / KEYS).glob(f"*.pem{PLANNED}"))
    ]


def is_encrypted(path: Path) -> bool:
    """Say whether a passphrase protects a key file."""
    return _read(path).startswith(_ENCRYPTED)


def load_keys(
    folder: Path, *roles: Role, passphrase: Passphrase = NO_PASSPHRASE
) -> Mapping[Role, Ed25519Signer]:
    """Read the keys a site was made with, of some roles.

    Raises:
        FormatError: one is missing, can be opened by others, or is no Ed25519 key.
    """
    return {
        role: open_key(folder / KEYS / f"{role.value}.pem", passphrase).signer for role in roles
    }


def load_ring(
    folder: Path,
    *kinds: str,
    passphrase: Passphrase = NO_PASSPHRASE,
    must_be: bool = True,
) -> list[KeyFile]:
    """Read every key of some kinds, planned ones too: a record may name them by now.

    Raises:
        FormatError: none of a kind is here and one must be, or one of them cannot be used.
    """
    found = [open_key(path, passphrase) for kind, path in list_key_files(folder) if kind in kinds]
    for kind in kinds if must_be else ():
        if not any(one.kind == kind for one in found):
            _read(folder / KEYS / f"{kind}.pem")
    for kind, path in list_planned(folder):
        # One that was being written when the process ended was never named.
        with contextlib.suppress(FormatError):
            found += [open_key(path, passphrase)] if kind in kinds else []
    return found


def load_import_key(folder: Path) -> bytes:
    """Read the secret by which the importer finds what it imported before.

    Raises:
        FormatError: it is missing, or others can read it.
    """
    return _read(folder / KEYS / IMPORT_KEY)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE)
    except OSError as error:
        raise FormatError(
            f"{path}: key file cannot be read ({error.strerror}); put it back from your backup"
        ) from None
    check_private(path, what="key file")
    return data


def open_key(path: Path, passphrase: Passphrase = NO_PASSPHRASE) -> KeyFile:
    """Open a key file.

    Raises:
        FormatError: it is missing, others can open it, its passphrase is not at hand or wrong, or
            it is no Ed25519 key.
    """
    data = _read(path)
    encrypted = data.startswith(_ENCRYPTED)
    secret = passphrase.find() if encrypted else None
    if encrypted and not secret:
        raise FormatError(
            f"{path}: encrypted, and no passphrase is at hand; name its file in the setting "
            "'key_passphrase_file', or give systemd the credential 'key-passphrase'; where a "
            "command has the option, --key-passphrase-file FILE does"
        )
    try:
        key = load_pem_private_key(data, password=secret)
    except (ValueError, TypeError):
        if encrypted:
            raise FormatError(
                f"{path}: the passphrase does not open this key file; where it is lost, put back a "
                "copy of the key whose passphrase you have, or move the file away and have the "
                "root key name a new one: sopro keys rotate"
            ) from None
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise FormatError(
            f"{path}: expected an Ed25519 key in PKCS#8 PEM; put back the copy you keep of it"
        )
    signer = Ed25519Signer(key.private_bytes_raw())
    return KeyFile(path.name.split(".")[0], path, signer, encrypted)


def find_key(folder: Path, public: bytes, *, passphrase: Passphrase) -> KeyFile:
    """Find a root key among the key files of a node.

    Raises:
        RefusedError: it is not there.
        FormatError: one that cannot be opened is there, and none of the others is it.
    """
    closed: FormatError | None = None
    for kind, path in list_key_files(folder):
        if kind in (Role.ROOT.value, NEXT_ROOT):
            try:
                file = open_key(path, passphrase)
            except FormatError as error:
                closed = closed or error
                continue
            if file.signer.public_key == public:
                return file
    if closed is not None:
        raise closed
    raise RefusedError(
        f"the root key is not in {folder}/keys, where it need not be; name its file with "
        "--root-key FILE"
    )


def encrypt_key(path: Path, passphrase: bytes) -> None:
    """Put a key file that is not encrypted under a passphrase; either all of it or nothing.

    Raises:
        FormatError: as `open_key`.
    """
    data = _read(path)
    open_key(path)
    private = load_pem_private_key(data, password=None)
    assert isinstance(private, Ed25519PrivateKey), "opened above"  # noqa: S101
    fresh = path.with_name(path.name + FRESH)
    fresh.unlink(missing_ok=True)
    write_private(fresh, format_key(private, passphrase))
    fresh.replace(path)
    sync_folder(path.parent)


def copy_keys(
    paths: Iterable[Path], target: Path, *, passphrase: Passphrase, secret: bytes
) -> list[Path]:
    """Write copies of key files under another passphrase into a directory: all, or none is left.

    Raises:
        FormatError: as `open_key`, or a copy exists already, or cannot be written.
        StorageFullError: the disk is full.
    """
    copies = {target / path.name: _format_anew(path, passphrase, secret) for path in paths}
    for path in copies:
        if path.exists():
            raise FormatError(f"{path}: exists already; name another directory")
    is_new, written = not target.exists(), []
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, data in copies.items():
            write_private(path, data)
            written.append(path)
        sync_folder(target)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        if is_new:
            with contextlib.suppress(OSError):
                target.rmdir()
        raise explain(error, target) from None
    return written


def _format_anew(path: Path, passphrase: Passphrase, secret: bytes) -> bytes:
    """Return a key file as it is under another passphrase."""
    opened = open_key(path, passphrase)
    private = load_pem_private_key(
        _read(path), password=passphrase.find() if opened.encrypted else None
    )
    assert isinstance(private, Ed25519PrivateKey), "opened above"  # noqa: S101
    return format_key(private, secret)
