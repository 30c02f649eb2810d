"""What a backup says of itself: its files with their digests, its logs with their sizes and roots.

`manifest.json` is the last file a backup writes; a directory without it is none.
"""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sopro_node.bundles import unpack_entries
from sopro_node.config import CONFIG
from sopro_node.found import INVITE
from sopro_node.store.base import Reader
from sopro_node.store.connection import DATABASE
from sopro_node.store.rows import LogRow
from sopro_protocol.bundle import leaf_of
from sopro_protocol.errors import FormatError, SoproError, VerificationError
from sopro_protocol.merkle import CompactRange, root_of
from sopro_protocol.tile import WIDTH

MANIFEST: Final = "manifest.json"
FILES: Final = (DATABASE, CONFIG, INVITE)
"""What a backup may hold besides its manifest, each straight in its directory."""
_MOST: Final = 4 * 1024 * 1024
_BLOCK: Final = 1024 * 1024


class FileDigest(Struct, frozen=True):
    """Size and SHA-256, in hex, of a file."""

    size: int
    sha256: str


class LogHead(Struct, frozen=True):
    """A log as the backup holds it: root in hex."""

    origin: str
    size: int
    root: str


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup says of itself.

    Attributes:
        sopro_backup: version of this form.
        origin: of the site's own log.
        size: of the site's own log.
        root: of the site's own log at that size, in hex.
        time: at which the snapshot was taken.
        version: of the software.
        schema: of the database.
        logs: every log it holds.
        files: by name.
    """

    sopro_backup: int
    origin: str
    size: int
    root: str
    time: str
    version: str
    schema: str
    logs: list[LogHead]
    files: dict[str, FileDigest]


def format_manifest(manifest: Manifest) -> bytes:
    """Write a manifest."""
    return msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises:
        FormatError: there is none, or it is not of this version.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
        manifest = msgspec.json.decode(data[:_MOST], type=Manifest)
    except OSError as error:
        raise FormatError(
            f"{path}: cannot be read ({error.strerror}); name the directory of a complete backup"
        ) from None
    except msgspec.MsgspecError as error:
        raise FormatError(f"{path}: not the manifest of a backup: {error}") from None
    if manifest.sopro_backup != 1:
        raise FormatError(
            f"{path}: form {manifest.sopro_backup}, this version reads 1; install a newer one"
        )
    unknown = set(manifest.files) - set(FILES)
    if unknown or DATABASE not in manifest.files:
        raise FormatError(
            f"{path}: names the files {', '.join(sorted(manifest.files))}; expected {DATABASE} "
            f"and at most {', '.join(FILES[1:])}"
        )
    return manifest


def software_version() -> str:
    """Return the version of this software."""
    return version("sopro")


def digest_file(path: Path) -> FileDigest:
    """Compute a file's digest."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return FileDigest(size, digest.hexdigest())


def check_logs(store: Reader) -> Iterator[LogRow]:
    """Recompute the root of every log from its entries; yield each that is sound.

    Raises:
        VerificationError: entries are missing or lead to another root than the stored one.
    """
    for row in store.logs():
        try:
            size, root = _recompute(store, row)
        except SoproError as error:
            raise VerificationError(f"{row.origin}: {error}") from None
        if (size, root) != (row.size, row.root):
            raise VerificationError(
                f"{row.origin}: its entries lead to another root than the stored one at size "
                f"{row.size}"
            )
        yield row


def _recompute(store: Reader, row: LogRow) -> tuple[int, bytes]:
    """Hash every entry of a stored log."""
    right = CompactRange()
    roots = store.bundle_roots(row.log)
    for number, root in enumerate(roots):
        entries = unpack_entries(store.bundle(row.log, number) or b"")
        if len(entries) != WIDTH or root_of([leaf_of(item) for item in entries]) != root:
            raise FormatError(f"bundle {number} is damaged")
        right.append_subtree(root, level=8)
    right.extend([leaf_of(item) for item in store.entries(row.log, len(roots) * WIDTH)])
    return right.size, right.root()
