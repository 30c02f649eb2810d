"""What a site's people can have done with its keys, by name (see `office`).

A change of keys is a record that the root key signs, and the root key need not be here: a plan is
written here, signed by whoever holds the key, and put into the log as it was signed.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sopro_node.keyplan import KeyPlan, open_key_files, own_keys
from sopro_node.keyring import NEXT_ROOT, KeyFile, is_encrypted, list_key_files
from sopro_node.log import Signed
from sopro_node.node import Node
from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.keys import Role
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.families import anchor, key_recovery, site_keys
from sopro_registry.family import KeySpan

Answer = dict[str, Any]


_BY_ROOT: Final = (site_keys.FAMILY.title, key_recovery.FAMILY.title, anchor.FAMILY.title)


# What there is.


async def keys(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List the site's keys. Answers `keys`, `next_root` and `warnings`."""
    state = own_keys(node)
    files = open_key_files(node)
    size = node.log.held.size
    return {
        "keys": [_describe(span, files, size) for span in state.spans],
        "next_root": state.next_root.hex(),
        "warnings": _warn(node, state, files),
    }


def _describe(span: KeySpan, files: Mapping[bytes, KeyFile], size: int) -> Answer:
    file = files.get(span.public)
    return {
        "role": span.role,
        "id": span.key_id.hex(),
        "public": span.public.hex(),
        "since": span.since,
        "until": span.until,
        "cut": span.cut,
        "in_force": span.counts_at(size),
        "file": file.path.name if file else None,
        "encrypted": file.encrypted if file else None,
    }


def _warn(node: Node, state: site_keys.State, files: Mapping[bytes, KeyFile]) -> list[str]:
    """Say what an operator should do about the keys."""
    size = node.log.held.size
    warnings = []
    plain = [path.name for _, path in list_key_files(node.folder) if not _is_protected(path)]
    if plain:
        warnings.append(
            f"key files without a passphrase: {', '.join(plain)}; "
            f"protect them with: sopro keys encrypt {node.folder}"
        )
    here = [files[public].path.name for public in files if _is_root(public, state)]
    if here:
        warnings.append(
            f"{' and '.join(sorted(here))} on this machine: keep the root key and its successor "
            f"where nothing is connected; sopro keys export {node.folder} copies them, then "
            "delete them here"
        )
    logs = [span for span in state.spans if span.signs_head(size)]
    if len(logs) > 1:
        warnings.append(
            f"{len(logs)} log keys sign; when every mirror has followed, retire the older with: "
            f"sopro keys rotate {node.folder} log --finish"
        )
    warnings += [
        f"the {span.role} key {span.key_id.hex()[:16]} counts until size {span.cut} only, "
        f"{span.cut - size} entries from now"
        for span in state.spans
        if span.cut is not None and span.counts_at(size)
    ]
    return warnings


def _is_protected(path: Path) -> bool:
    try:
        return is_encrypted(path)
    except FormatError:
        return False


def _is_root(public: bytes, state: site_keys.State) -> bool:
    return public == state.root or hashlib.sha256(public).digest() == state.next_root


# Changing them.


async def plan_keys(node: Node, values: Mapping[str, Any]) -> Answer:
    """Write a key record for the root key to sign; new keys are made here.

    `act`: rotate, finish or revoke; `role`: a role, or next-root; `size`? and `key`? (id, or its
    beginning) for revoke; `successor`?: the public key that becomes root. Answers `record`, `root`
    (who has to sign it), `made` (files of new keys), `ended` (ids), `doubtful` (positions).
    """
    act, role = values["act"], values["role"]
    state = own_keys(node)
    plan = KeyPlan(node, state)
    if act == "revoke":
        plan.revoke(role, values["size"], values.get("key") or "")
    elif act == "finish":
        plan.finish()
    elif role == Role.ROOT.value:
        plan.succeed(values["successor"])
    elif role == NEXT_ROOT:
        plan.commit_anew()
    else:
        plan.rotate(role)
    return plan.answer()


async def put_keys(node: Node, values: Mapping[str, Any]) -> Answer:
    """Append a record that was signed by the root key. `entry`. Answers `index`."""
    entry: bytes = values["entry"]
    record, _ = read_record(parse_entry(entry).record, READERS)
    if record.family not in _BY_ROOT:
        raise RefusedError(f"expected a record of {' or '.join(_BY_ROOT)}, got {record.family!r}")
    appended = await node.log.append(Signed(entry))
    return {"index": appended.index}
