"""What a site's people can have done with its keys, by name (see `office`).

A change of keys is a record that the root key signs, and the root key need not be here: a plan is
written here, signed by whoever holds the key, and put into the log as it was signed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sopro_node.approving import list_others, warn_approvers, warn_foreign_root
from sopro_node.drafting import Note, Signed
from sopro_node.keyplan import KeyPlan, open_key_files, own_keys
from sopro_node.keyrecords import read_approvers
from sopro_node.keyring import (
    NEXT_ROOT,
    PLANNED,
    KeyFile,
    is_encrypted,
    list_key_files,
    list_planned,
    open_key,
)
from sopro_node.keyuse import warn_shared
from sopro_node.node import Node
from sopro_node.passphrase import Passphrase
from sopro_node.planned import find_secret
from sopro_node.renewal import Due, due_keys, warn_due
from sopro_protocol.errors import ConflictError, FormatError, RefusedError
from sopro_protocol.keys import Role
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.families import anchor, key_recovery, site_keys
from sopro_registry.family import KeySpan

Answer = dict[str, Any]


_BY_ROOT: Final = (site_keys.FAMILY.title, key_recovery.FAMILY.title, anchor.FAMILY.title)


# What there is.


async def keys(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List the site's keys. Answers `keys`, `next_root`, `approvers` and `warnings`.

    `approvers` are the sites that may approve a new root key of this one.

    `renew_by` of a key is the last day on which the site means to use it, `days_left` the days from
    today to it; both None where nobody has said one.
    """
    state = own_keys(node)
    files = open_key_files(node)
    size = node.log.held.size
    due = {one.key.public: one for one in due_keys(node) if one.key is not None}
    return {
        "keys": [
            _describe(span, files.get(span.public) or _known_file(node, span), size)
            | _describe_due(due.get(span.public))
            for span in state.spans
        ],
        "next_root": state.next_root.hex(),
        "approvers": read_approvers(node.reader, node.holdings, node.log.held),
        "warnings": _warn(node, state, files),
    }


def _describe_due(due: Due | None) -> Answer:
    return {"renew_by": due.by if due else None, "days_left": due.days if due else None}


def _known_file(node: Node, span: KeySpan) -> KeyFile | None:
    """Return the file of a key that was opened before it was encrypted, if it is still there."""
    file = node.signatory.file(span.public)
    try:
        return replace(file, encrypted=is_encrypted(file.path)) if file else None
    except FormatError:
        return None


def _describe(span: KeySpan, file: KeyFile | None, size: int) -> Answer:
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
    files_here = [*list_key_files(node.folder), *list_planned(node.folder)]
    plain = [path.name for _, path in files_here if not _is_protected(path)]
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
    told = (warn_foreign_root, warn_approvers, warn_due, warn_shared)
    return [*warnings, *(warning for tell in told for warning in tell(node))]


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

    `act`: rotate, finish, revoke, date or approvers; `role`: a role, or next-root; `size`? and
    `key`? (id, or its beginning) for revoke; `sites` for approvers, None for all; `successor`?: the
    public key that becomes root; `renew_by`?: until when the new key is to be used, or with `date`
    the one that there is (empty for no day). Answers `record`, `root` (who has to sign it), `made`
    (files of new keys), `approvers` and `dropped` (sites), `ended` (ids), `doubtful` (positions).
    """
    act, role = values["act"], values.get("role", "")
    state = own_keys(node)
    plan = KeyPlan(node, state, renew_by=values.get("renew_by"))
    try:
        _act(plan, act, role, values)
        return plan.answer()
    except BaseException:
        node.planned.drop(plan.made, state)
        raise


def _act(plan: KeyPlan, act: str, role: str, values: Mapping[str, Any]) -> None:
    if act == "revoke":
        plan.revoke(role, values["size"], values.get("key") or "")
    elif act == "date":
        plan.date(role, values.get("key") or "")
    elif act == "finish":
        plan.finish()
    elif act == "approvers":
        sites = values["sites"]
        plan.name_approvers(list_others(plan.node) if sites is None else sites)
    elif role == Role.ROOT.value:
        plan.succeed(values["successor"])
    elif role == NEXT_ROOT:
        plan.commit_anew()
    else:
        plan.rotate(role)


async def put_keys(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Append a record that was signed by the root key, once. `entry`. Answers `index`."""
    entry: bytes = values["entry"]
    record, body = read_record(parse_entry(entry).record, READERS)
    if record.family not in _BY_ROOT:
        raise RefusedError(f"expected a record of {' or '.join(_BY_ROOT)}, got {record.family!r}")
    async with node.planned.changing:
        is_new = not node.log.has(entry)
        if (
            is_new
            and isinstance(body, site_keys.Body)
            and not node.planned.has(body, own_keys(node))
        ):
            raise ConflictError(
                "the new keys of this record are not in keys/ any more; plan and sign it again"
            )
        appended = await node.log.append(Signed(entry), note=note)
        node.planned.keep(own_keys(node))
    return {"index": appended.index}


async def drop_plan(node: Node, values: Mapping[str, Any]) -> Answer:
    """Remove the new keys of a plan that is given up. `made`: as `plan_keys` answered."""
    async with node.planned.changing:
        node.planned.drop([Path(path + PLANNED) for path in values["made"]], own_keys(node))
    return {}


async def unlock(node: Node, values: Mapping[str, Any]) -> Answer:
    """Take the passphrase of the key files. `passphrase`?: bytes. Answers `is_open`.

    Without one it answers whether the node has one already, where one is needed.
    """
    told = values.get("passphrase")
    if told is not None:
        locked = [path for _, path in list_key_files(node.folder) if is_encrypted(path)]
        errors = []
        for path in locked:
            try:
                open_key(path, Passphrase.of(told))
            except FormatError as error:
                errors.append(error)
        if locked and len(errors) == len(locked):
            raise errors[0]
        if locked:
            node.passphrase.learn(told)
    try:
        find_secret(node.folder, node.passphrase)
    except RefusedError:
        return {"is_open": False}
    return {"is_open": True}
