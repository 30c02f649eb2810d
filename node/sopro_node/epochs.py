"""Beginning the log that continues another, of which entries are lost for ever (SPEC EPOCH)."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.identity import Identity
from sopro_node.keyrecords import read_approvers, read_renewals, write_renewals
from sopro_node.keyring import NEXT_ROOT, KeyFile, create_key, load_ring
from sopro_node.log import OwnLog
from sopro_node.passphrase import Passphrase
from sopro_node.signatory import SIGNING, Signatory
from sopro_node.store.base import Reader, Store
from sopro_node.writer import Writer
from sopro_protocol.keys import Role
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.families import site_keys
from sopro_registry.fields import End


class Beginning(NamedTuple):
    """What a log begins with.

    Attributes:
        files: the keys that its entry 0 names, one of each role, and the root key.
        values: of the body of that entry.
    """

    files: list[KeyFile]
    values: dict[str, object]


def choose_keys(
    folder: Path,
    store: Reader,
    holdings: Holdings,
    held: HeldLog,
    root: KeyFile,
    *,
    passphrase: Passphrase,
) -> Beginning:
    """Choose the keys that a log goes on with: those in force where it was cut off.

    Args:
        folder: with the key files.
        store: of the logs.
        holdings: likewise.
        held: the log before.
        root: the root key of the site.
        passphrase: of encrypted key files.

    Raises:
        FormatError: a key file is missing.
    """
    ring = load_ring(folder, *SIGNING, passphrase=passphrase)
    files = [_choose(ring, held, role) for role in SIGNING]
    end = End(origin=held.origin, root=held.tree.root(), size=held.size)
    values: dict[str, object] = {
        "continues": msgspec.to_builtins(end, builtin_types=(bytes,)),
        "keys": [{"public": one.signer.public_key, "role": one.kind} for one in files],
        "next_root": _next_root(folder, store, holdings, held, root, passphrase=passphrase),
        "root": root.signer.public_key,
    }
    named = {root.signer.public_key, *(one.signer.public_key for one in files)}
    renewals = read_renewals(store, holdings, held)
    values |= write_renewals({key: by for key, by in renewals.items() if key in named})
    approvers = read_approvers(store, holdings, held)
    values |= {"approvers": approvers} if approvers else {}
    return Beginning([*files, replace(root, kind=Role.ROOT.value)], values)


def _choose(ring: list[KeyFile], held: HeldLog, role: Role) -> KeyFile:
    """Return the newest key of a role that counts, or that came after the last entry at hand."""
    retired = {span.public for span in held.keys if not span.counts_at(held.size)}
    files = [one for one in ring if one.kind == role.value]
    return [one for one in files if one.signer.public_key not in retired or len(files) == 1][-1]


def _next_root(
    folder: Path,
    store: Reader,
    holdings: Holdings,
    held: HeldLog,
    root: KeyFile,
    *,
    passphrase: Passphrase,
) -> bytes:
    """Return what commits to the successor of the root key: what has done so until now.

    Where the root key is a new one, the successor is that at hand, or made here.
    """
    entry = holdings.entry(store, held, held.cursor.key_records[-1])
    _, body = read_record(parse_entry(entry).record, READERS)
    if isinstance(body, site_keys.Body) and body.root == root.signer.public_key:
        return body.next_root
    files = load_ring(folder, NEXT_ROOT, passphrase=passphrase, must_be=False)
    files = files or [create_key(folder, NEXT_ROOT, passphrase.find())]
    successor = files[-1]
    return hashlib.sha256(successor.signer.public_key).digest()


def found_epoch(store: Store, holdings: Holdings, identity: Identity, beginning: Beginning) -> None:
    """Write the first entries of the log, on the writer's thread."""
    log = OwnLog(
        holdings,
        store,
        Writer(),
        signatory=Signatory(beginning.files),
        root_key=identity.root,
        published=lambda _: None,
    )
    log.found(beginning.values)
