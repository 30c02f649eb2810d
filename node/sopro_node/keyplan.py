"""A change of a site's keys in the making: a record that the root key has yet to sign."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from sopro_node import clock
from sopro_node.approving import choose_approvers
from sopro_node.batch import own_entity
from sopro_node.keyrecords import (
    list_named,
    read_approvers,
    read_keys,
    read_renewals,
    renew_after,
    write_renewals,
)
from sopro_node.keyring import (
    NEXT_ROOT,
    PLANNED,
    KeyFile,
    list_key_files,
    open_key,
)
from sopro_node.node import Node
from sopro_node.signatory import SIGNING
from sopro_protocol.encoding import encode_struct
from sopro_protocol.errors import FormatError, RefusedError, SoproError
from sopro_protocol.keys import Role
from sopro_protocol.record import Record, parse_entry
from sopro_registry.catalogue import FAMILIES
from sopro_registry.families import site_keys
from sopro_registry.family import KeySpan
from sopro_registry.fields import parse_day

Answer = dict[str, Any]

MARGIN: Final = 2000
"""A plan claims so many milliseconds more than now, so that what is appended while it is being
signed does not claim a later time."""

_MOST_DOUBTFUL: Final = 1000


def open_key_files(node: Node) -> dict[bytes, KeyFile]:
    """Open what can be opened of the key files; a passphrase is not asked for here."""
    found = {}
    for _, path in list_key_files(node.folder):
        try:
            file = open_key(path, node.passphrase)
        except FormatError:
            continue
        found[file.signer.public_key] = file
    return found


def own_keys(node: Node) -> site_keys.State:
    """Return the keys of this site, as far as its log is committed.

    Raises:
        FormatError: the log names none.
    """
    state = read_keys(node.reader, node.holdings, node.log.held)
    if state is None:
        raise FormatError("this node's log names no keys; it is damaged: sopro audit")
    return state


class KeyPlan:
    """A key record in the making."""

    def __init__(self, node: Node, state: site_keys.State, *, renew_by: str | None = None) -> None:
        if renew_by:
            parse_day(renew_by, field="renew_by")
        self._renew_by = renew_by
        self._renewals = read_renewals(node.reader, node.holdings, node.log.held)
        self._approvers = read_approvers(node.reader, node.holdings, node.log.held)
        self._node = node
        self._state = state
        self._size = node.log.held.size
        self._root = state.root
        self._next_root = state.next_root
        self._named = [span for span in state.spans if span.counts_at(self._size)]
        self._revoked: list[Answer] = []
        self._made: list[KeyFile] = []
        self._ended: list[KeySpan] = []
        self._doubtful: list[int] = []

    # Acts.

    def rotate(self, role: str) -> None:
        """Name a new key of a role instead of the old one; a log key is named beside it."""
        held = self._of(role)
        if role == Role.LOG.value:
            if len(held) > 1:
                raise RefusedError(
                    f"{len(held)} log keys are in force already; retire the older first with: "
                    f"sopro keys rotate {self._node.folder} log --finish"
                )
        else:
            self._end(held)
        self._make(role)

    def finish(self) -> None:
        """Retire every log key but the newest."""
        held = self._of(Role.LOG.value)
        if len(held) < 2:
            raise RefusedError("only one log key is in force; there is nothing to finish")
        if not self._node.signatory.has(held[-1].public):
            raise RefusedError(
                f"the newest log key {held[-1].key_id.hex()[:16]} is not in keys/; put it back "
                "before the older one is retired"
            )
        self._end(held[:-1])

    def revoke(self, role: str, size: int, key: str) -> None:
        """Cut off a key at a size, and name a new one where it was in force."""
        if role == NEXT_ROOT:
            raise RefusedError(
                "next-root has signed nothing that could be cut off; commit to another one at once "
                f"with: sopro keys rotate {self._node.folder} next-root"
            )
        if role == Role.ROOT.value:
            raise RefusedError(
                "a root key is not cut off but replaced, by its successor: "
                f"sopro keys recover {self._node.folder}"
            )
        if not 0 <= size <= self._size:
            raise RefusedError(
                f"--at-size {size}: this log has {self._size} entries, and a key is cut off at a "
                "size it has had; to replace a key in good order, rotate it"
            )
        span = self._find(role, key)
        self._revoked.append({"key": span.public, "size": size})
        if span in self._named:
            self._end([span])
            if not self._of(role):
                self._make(role)
        self._doubtful = _signed_by(self._node, span, size)

    def succeed(self, successor: bytes) -> None:
        """Make another key the root key, and commit to a new successor."""
        member = self._node.holdings.directory.membership(self._node.identity.site)
        is_named = member is not None and member.root == successor
        if not is_named and not site_keys.is_successor(successor, self._state):
            raise RefusedError(
                "this is not the key that the log has committed to as the root key's successor "
                f"(SHA-256 {self._state.next_root.hex()[:16]}...), nor the one that the "
                "coordinator's log names; where both are lost, the other members can approve a "
                f"new one: sopro keys recover {self._node.folder} --new-root"
            )
        self._root = successor
        if self._renew_by:
            self._renewals[successor] = self._renew_by
        self.commit_anew()

    def commit_anew(self) -> None:
        """Commit to a new successor of the root key."""
        file = self._new(NEXT_ROOT)
        self._next_root = hashlib.sha256(file.signer.public_key).digest()

    def date(self, role: str, key: str) -> None:
        """Say anew until when a key is to be used; its key stays."""
        span = self._find(role, key)
        if span not in self._named:
            raise RefusedError(
                f"the {role} key {span.key_id.hex()[:16]} is not in force any more, so there is no "
                "day by which it is to be replaced"
            )
        self._renewals.pop(span.public, None)
        if self._renew_by:
            self._renewals[span.public] = self._renew_by

    def name_approvers(self, sites: Sequence[str]) -> None:
        """Say anew who may approve a new root key; nobody where no site is named."""
        self._approvers = choose_approvers(self._node, sites)

    # Its parts.

    @property
    def node(self) -> Node:
        """Whose keys they are."""
        return self._node

    @property
    def made(self) -> list[Path]:
        """The files of new keys, as long as no record names them."""
        return [file.path for file in self._made]

    def _of(self, role: str) -> list[KeySpan]:
        return [span for span in self._named if span.role == role]

    def _find(self, role: str, key: str) -> KeySpan:
        found = [
            span
            for span in (self._state.spans if key else self._named)
            if span.role == role and span.key_id.hex().startswith(key)
        ]
        if len(found) != 1:
            known = ", ".join(span.key_id.hex()[:16] for span in found) or "none"
            raise RefusedError(
                f"expected one {role} key{f' {key!r}' if key else ' in force'}, found {known}; "
                f"name one with --key ID, as 'sopro keys list {self._node.folder}' shows them"
            )
        return found[0]

    def _end(self, spans: Sequence[KeySpan]) -> None:
        self._ended += spans
        self._named = [span for span in self._named if span not in spans]

    def _make(self, role: str) -> None:
        """Name a new key."""
        file = self._new(role)
        public = file.signer.public_key
        self._named.append(KeySpan(role, public, file.signer.key_id, self._size))
        if self._renew_by is not None:
            self._renewals |= {public: self._renew_by} if self._renew_by else {}
        else:
            today, days = self._node.desk.today(), self._node.settings.key_days
            self._renewals |= renew_after([public], today=today, days=days)

    def _new(self, kind: str) -> KeyFile:
        file = self._node.planned.make(kind, self._state)
        self._made.append(file)
        return file

    def _replace_lost(self) -> None:
        """Name new keys where none that the node signs with is here any more."""
        for role in SIGNING:
            held = self._of(role)
            if not any(self._node.signatory.has(span.public) for span in held):
                self._end(held)
                self._make(role)

    def _dropped(self) -> list[str]:
        """Return who keeps the say that the same root key has given and this record does not."""
        node = self._node
        named = list_named(node.reader, node.holdings, node.log.held, self._root)
        return sorted(named.difference(self._approvers))

    def answer(self) -> Answer:
        """Write the record."""
        self._replace_lost()
        body: Answer = {
            "keys": [
                {"public": span.public, "role": span.role}
                for span in self._named
                if span.role != Role.ROOT.value
            ],
            "next_root": self._next_root,
            "root": self._root,
        }
        if self._approvers:
            body["approvers"] = self._approvers
        if self._revoked:
            body["revoked"] = self._revoked
        named = {self._root, *(span.public for span in self._named)}
        body |= write_renewals({key: by for key, by in self._renewals.items() if key in named})
        entity = own_entity(self._node.log.held.origin, "site_keys")
        return {
            "record": write_record(self._node, site_keys.FAMILY.title, body, entity),
            "root": self._root,
            "made": [str(file.path).removesuffix(PLANNED) for file in self._made],
            "approvers": self._approvers,
            "dropped": self._dropped(),
            "ended": [f"{span.role} {span.key_id.hex()[:16]}" for span in self._ended],
            "doubtful": self._doubtful,
        }


def write_record(node: Node, family: str, body: Answer, entity: bytes) -> bytes:
    """Write a record of this site's log for the root key to sign."""
    row = node.reader.entity(1, entity)
    typed = msgspec.convert(
        body, FAMILIES[family.split("/", maxsplit=1)[0]].body, builtin_types=(bytes,)
    )
    record = Record(
        body=msgspec.Raw(encode_struct(typed)),
        entity=entity,
        family=family,
        log=node.log.held.origin,
        prev=row.head if row else msgspec.UNSET,
        salt=os.urandom(16),
        time=max(clock.now() + MARGIN, node.log.held.cursor.last_time),
        v=1,
    )
    return encode_struct(record)


def _signed_by(node: Node, span: KeySpan, size: int) -> list[int]:
    """Find the records from a size on that a key has signed; what counted goes on counting."""
    held = node.log.held
    found = []
    for position in range(max(size, span.since), held.size):
        try:
            entry = node.holdings.entry(node.reader, held, position)
            signatures = parse_entry(entry).signatures
        except SoproError:
            continue
        if any(one.key_id == span.key_id for one in signatures):
            found.append(position)
        if len(found) == _MOST_DOUBTFUL:
            break
    return found
