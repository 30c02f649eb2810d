"""Making a data directory again: from a backup, or from what other nodes hold.

A directory appears in its place only when everything in it has been verified; what an interrupted
attempt left beside it is thrown away by the next. Whatever is older than what the site has
published is healed afterwards by the start fence, before anything is signed.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from sopro_node.config import load_settings
from sopro_node.fence_state import load_kept, save_kept
from sopro_node.fresh import check_free, check_space, new_directory
from sopro_node.heldback import hold_back
from sopro_node.heldlog import decode_cursor
from sopro_node.identity import check_projection, load_identity
from sopro_node.keychest import write_keys
from sopro_node.keyring import load_ring
from sopro_node.manifest import FileDigest, Manifest, check_logs, digest_file, read_manifest
from sopro_node.passphrase import NO_PASSPHRASE, Passphrase
from sopro_node.signatory import SIGNING
from sopro_node.store.connection import DATABASE
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.errors import FormatError, VerificationError
from sopro_registry.tables import Cursor

_BLOCK: Final = 1024 * 1024


def restore(
    backup: Path,
    folder: Path,
    keys: Mapping[str, bytes] | None,
    *,
    passphrase: Passphrase | None = None,
) -> Manifest:
    """Make a data directory from a backup, after all of it was verified.

    Args:
        backup: a directory that `sopro backup` wrote.
        folder: the data directory to be.
        keys: key files; None where they are put there by hand.
        passphrase: of encrypted key files; None where the backup's settings say where it is.

    Raises:
        FormatError: the backup is incomplete or of a newer version, or the place is taken.
        VerificationError: the backup is damaged, or the keys are not this site's.
        StorageFullError: there is too little space.
    """
    check_free(folder)
    manifest = read_manifest(backup)
    with new_directory(folder) as part:
        check_space(part, sum(one.size for one in manifest.files.values()), what="the backup")
        for name, digest in manifest.files.items():
            _copy(backup / name, part / name, digest)
        if keys is not None:
            write_keys(part, keys)
        with _named_for_people(part):
            _verify(part, manifest, passphrase or Passphrase(load_settings(part)), keys is not None)
    return manifest


@contextmanager
def _named_for_people(part: Path) -> Iterator[None]:
    """Name files in errors as they are called in a node's directory: this one is thrown away."""
    try:
        yield
    except (FormatError, VerificationError) as error:
        words = str(error).replace(f"{part}/", "")
        raise type(error)(words, code=error.code) from None


def is_projected(folder: Path) -> bool:
    """Say whether the tables of a directory are in the form that this version reads.

    Raises:
        FormatError: there is no node in it.
    """
    store = SqliteStore.open(folder, writing=False)
    try:
        check_projection(store, folder=folder)
    except FormatError:
        return False
    finally:
        store.close()
    return True


def _copy(source: Path, target: Path, expected: FileDigest) -> None:
    """Copy a file and verify the copy.

    Raises:
        VerificationError: it is not what the manifest says.
        FormatError: it cannot be read.
    """
    try:
        reading = source.open("rb")
    except OSError as error:
        raise FormatError(
            f"{source}: cannot be read ({error.strerror}); is the backup complete?"
        ) from None
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with reading, os.fdopen(descriptor, "wb") as writing:
        left = expected.size + 1
        while left > 0 and (block := reading.read(min(_BLOCK, left))):
            writing.write(block)
            left -= len(block)
    found = digest_file(target)
    if found != expected:
        raise VerificationError(
            f"{source}: {found.size} bytes with the digest {found.sha256[:16]}, the manifest says "
            f"{expected.size} with {expected.sha256[:16]}; this backup is damaged, take another one"
        )


def _verify(
    part: Path,
    manifest: Manifest,
    passphrase: Passphrase,
    has_keys: bool,  # private
) -> None:
    """Verify the database from its entries, and tell the fence that it may be old.

    What has been erased since the backup has to go before anybody is served; this is the one place
    between a verified copy and a directory that can be served.
    """
    store = SqliteStore.open(part, writing=True)
    try:
        damage = store.find_damage()
        if damage:
            raise VerificationError(f"{DATABASE}: {damage[0]}; this backup is damaged")
        rows = {row.origin: row for row in check_logs(store)}
        found = {(row.origin, row.size, row.root.hex()) for row in rows.values()}
        stated = {(one.origin, one.size, one.root) for one in manifest.logs}
        own = (manifest.origin, manifest.size, manifest.root)
        if found != stated or own not in found or load_identity(store).origin != manifest.origin:
            raise VerificationError(
                f"{DATABASE}: holds other logs than the manifest says; this is not the database "
                "of that backup"
            )
        if has_keys:
            cursor = decode_cursor(rows[manifest.origin].cursor)
            check_keys(part, cursor, passphrase=passphrase)
        with store.transaction():
            hold_back(store)
            save_kept(store, msgspec.structs.replace(load_kept(store), is_restored=True))
    finally:
        store.close()


def check_keys(folder: Path, cursor: Cursor, *, passphrase: Passphrase = NO_PASSPHRASE) -> None:
    """Hold the keys that sign to those that the site's log names.

    Raises:
        FormatError: a key file is missing or unreadable.
        VerificationError: a key is none of this site's.
    """
    size = cursor.projected
    named = {(span.role, span.public) for span in cursor.keys if span.counts_at(size)}
    ring = load_ring(folder, *SIGNING, passphrase=passphrase)
    for role in SIGNING:
        here = {(one.kind, one.signer.public_key) for one in ring if one.kind == role.value}
        if not here & named:
            raise VerificationError(
                f"keys: {role.value}.pem is no {role.value} key that this site's log names; "
                "is it another site's, or newer than the log that was found?"
            )
