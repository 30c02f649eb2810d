"""New keys until a record of the log names them.

A key is made when a change of keys is planned, and the root key that signs the change may be
missing, so the change may never be made. Until then the name of the key's file ends in `.planned`;
it is kept by another name once the log names it, and removed when the plan is given up. What a
process left behind that was killed is settled by the next, which does not remove anything before
it is certain that it holds the whole log.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Collection
from pathlib import Path
from typing import Final

from sopro_node.keyring import (
    FRESH,
    KEYS,
    NEXT_ROOT,
    KeyFile,
    is_encrypted,
    keep_file,
    list_key_files,
    list_planned,
    open_key,
    plan_key,
)
from sopro_node.passphrase import Passphrase
from sopro_node.signatory import SIGNING, Signatory
from sopro_protocol.errors import FormatError, RefusedError
from sopro_registry.families import site_keys

_SIGNING: Final = frozenset(role.value for role in SIGNING)

_logger = logging.getLogger("sopro.keys")


def find_secret(folder: Path, passphrase: Passphrase) -> bytes | None:
    """Return what a new key file is to be encrypted with; None where the others are in clear.

    Raises:
        RefusedError: the others are encrypted, with another passphrase than is known here.
    """
    locked = [(kind, path) for kind, path in list_key_files(folder) if is_encrypted(path)]
    if not locked:
        return None
    ours = [path for kind, path in locked if kind in _SIGNING]
    secret = passphrase.find()
    for path in ours or [path for _, path in locked]:
        with contextlib.suppress(FormatError):
            open_key(path, passphrase)
            return secret
    if not ours:
        # Only a root key is here under a passphrase, which is its own.
        return None
    raise RefusedError(
        f"{folder / KEYS}: the key files are encrypted with a passphrase that this node does not "
        "know, and a new key is not written in clear beside them; name the file of the passphrase "
        "with --key-passphrase-file, or in the setting 'key_passphrase_file' and start the node "
        "again"
    )


class PlannedKeys:
    """The new keys of a node, from when they are made until the log names them."""

    def __init__(self, folder: Path, passphrase: Passphrase, signatory: Signatory) -> None:
        self._folder = folder
        self._passphrase = passphrase
        self._signatory = signatory
        self._left = [path for _, path in list_planned(folder)]
        self.changing = asyncio.Lock()
        """Held while a record that names new keys is put into the log, or keys are removed."""

    @property
    def is_unsettled(self) -> bool:
        """Whether an earlier process has left a key behind that may have to go."""
        return bool(self._left)

    def make(self, kind: str, state: site_keys.State) -> KeyFile:
        """Return a key that no record names, made anew unless a plan has left one behind.

        A root key's successor is always made anew: one that was given up may have been seen.

        Raises:
            RefusedError: as `find_secret`.
        """
        secret = find_secret(self._folder, self._passphrase)
        if kind not in _SIGNING:
            return plan_key(self._folder, kind, secret)
        file = self._find(kind, state, encrypted=secret is not None)
        file = file or plan_key(self._folder, kind, secret)
        self._signatory.add(file)
        return file

    def _find(self, kind: str, state: site_keys.State, *, encrypted: bool) -> KeyFile | None:
        for planned, path in list_planned(self._folder):
            file = self._open(path) if planned == kind else None
            if file and file.encrypted == encrypted and not _is_named(path, file, state):
                return file
        return None

    def _open(self, path: Path) -> KeyFile | None:
        try:
            return open_key(path, self._passphrase)
        except FormatError:
            return None

    def has(self, body: site_keys.Body, state: site_keys.State) -> bool:
        """Say whether every key that a record names for the first time is here."""
        known = {span.public for span in state.spans}
        if any(not self._signatory.has(one.public) for one in body.keys if one.public not in known):
            return False
        if body.next_root == state.next_root:
            return True
        files = [path for kind, path in list_planned(self._folder) if kind == NEXT_ROOT]
        return any(
            hashlib.sha256(file.signer.public_key).digest() == body.next_root
            for path in files
            if (file := self._open(path))
        )

    def keep(self, state: site_keys.State) -> None:
        """Give the keys that the log names by now the names that they keep."""
        for _, path in list_planned(self._folder):
            file = self._open(path)
            if not _is_named(path, file, state):
                continue
            kept = keep_file(path)
            if file is not None and file.kind in _SIGNING:
                self._signatory.add(open_key(kept, self._passphrase))

    def drop(self, paths: Collection[Path], state: site_keys.State) -> None:
        """Remove planned keys that no record names."""
        for _, path in list_planned(self._folder):
            if path in paths:
                file = self._open(path)
                if _is_named(path, file, state):
                    continue
                if file is not None:
                    self._signatory.drop(file.signer.public_key)
                path.unlink(missing_ok=True)
                _logger.info("planned key removed", extra={"file": path.name})

    def settle(self, state: site_keys.State, *, is_whole: bool) -> None:
        """Keep or remove what an earlier process has left behind.

        Args:
            state: the keys as the log names them.
            is_whole: whether all of the log is here, so that no record that is missing can name
                one of the keys.
        """
        self.keep(state)
        for path in (self._folder / KEYS).glob(f"*{FRESH}"):
            # The file it was to take the place of is still there.
            path.unlink(missing_ok=True)
        if is_whole:
            self.drop(self._left, state)
            self._left = []


def _is_named(path: Path, file: KeyFile | None, state: site_keys.State) -> bool:
    """Say whether a key record names a key, or commits to it; by its file's name if need be."""
    short = path.name.split(".")[1]
    if any(span.key_id.hex().startswith(short) for span in state.spans):
        return True
    if file is None:
        # Of a successor the log knows a digest only, which its file has to be opened for.
        return path.name.startswith(NEXT_ROOT) and is_encrypted(path)
    return hashlib.sha256(file.signer.public_key).digest() == state.next_root
