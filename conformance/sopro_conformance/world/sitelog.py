"""One log of the world: it appends whatever it is told to, also what breaks every rule."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sopro_conformance.wire.codec import Value, WireError, decode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import sign_text, write_note, write_text
from sopro_conformance.wire.records import Draft, entry_id, write_entry
from sopro_conformance.wire.tree import Tree, leaf_hash
from sopro_conformance.world.padding import fillers

ROLES: Final = ("log", "witness", "registrar", "decision", "access")
BEGINNING: Final = 1_772_355_600_000
"""The `time` of the first record: 2026-03-01 09:00 UTC, in milliseconds."""
_ROOT_SIGNS: Final = frozenset({"site_keys", "key_recovery", "anchor", "withhold"})


class Written(NamedTuple):
    """Where an entry came to lie.

    Attributes:
        position: in its log.
        id: its entry id.
        entity: whom it is about.
        entry: its bytes.
    """

    position: int
    id: bytes
    entity: bytes
    entry: bytes


class SiteLog:
    """A log with its keys.

    Attributes:
        origin: of the log.
        keys: by role, `root` among them; a case may exchange them.
        entries: all there are.
        tree: over them.
        grants: so many labels it has granted that count.
        statuses: leaves of its status tree; None where it states none (STATE-10).
        withheld: so many of its entries are withheld by records that count.
        time: of the next record, in ms UTC.
        keys_id: entry id of the latest key record that counts.
        state_entity: whom its log_state records are on.
        documents: key and content by position and number, as far as they ride in bundles.
        key_positions: where its key records are.
        first: the number of its first label.
        padding: of records beside the point, before each that is appended; None for none.
    """

    def __init__(self, source: random.Random, origin: str) -> None:
        self.origin = origin
        self.source = source
        self.site = origin.split("/")[1]
        self.keys = {role: SigningKey(source.randbytes(32)) for role in ("root", *ROLES)}
        self.next_root = SigningKey(source.randbytes(32))
        self.entries: list[bytes] = []
        self.tree = Tree()
        self.grants = 0
        self.statuses: list[bytes] | None = None
        self.withheld = 0
        self.time = BEGINNING
        self.keys_id = b""
        self._key_entity = source.randbytes(16)
        self.state_entity = source.randbytes(16)
        self.documents: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        self.key_positions: list[int] = []
        self.padding: random.Random | None = None
        self.first = 0
        self._last: dict[bytes, bytes] = {}

    def fork(self, size: int) -> "SiteLog":
        """Return another history of the log, the same up to a size, written with its keys."""
        other = SiteLog(self.source, self.origin)
        other.__dict__ |= {**self.__dict__, "entries": [], "tree": Tree(), "_last": {}}
        other.documents = dict(self.documents)
        other.key_positions = [at for at in self.key_positions if at < size]
        for entry in self.entries[:size]:
            other.entries.append(entry)
            other.tree.append(entry_id(entry))
            if entity := _entity_of(entry):
                other._last[entity] = entry_id(entry)
        return other

    @property
    def size(self) -> int:
        """So many entries there are."""
        return len(self.entries)

    def name_keys(
        self, keys: Sequence[tuple[str, SigningKey]] | None = None, /, **more: Value
    ) -> Written:
        """Append a key record that names the present keys, or others (STATE-3)."""
        named = [(role, self.keys[role]) for role in ROLES] if keys is None else keys
        body: dict[str, Value] = {
            "keys": [{"public": key.public, "role": role} for role, key in named],
            "next_root": _digest(self.next_root.public),
            "root": self.keys["root"].public,
        }
        written = self.append("site_keys/1", body | more, entity=self._key_entity)
        self.keys_id = written.id
        self.key_positions.append(written.position)
        return written

    def state(self, coordinator: "SiteLog | None" = None, /, **more: Value) -> Written:
        """Append a log_state, which ends a batch (STATE-6)."""
        body: dict[str, Value] = {"certificates": self.grants, "keys": self.keys_id}
        if self.statuses is not None:
            body["status_root"] = status_tree(self.statuses).root()
        if self.withheld:
            body["withheld"] = self.withheld
        if coordinator is not None:
            body["coordinator"] = {"root": coordinator.tree.root(), "size": coordinator.size}
        return self.append("log_state/1", body | more, entity=self.state_entity)

    def withhold(self, index: int, *, counts: bool = True, **changes: Value) -> Written:
        """Append a record that withholds an entry (WITHHOLD-RECORD)."""
        body: dict[str, Value] = {"index": index, "leaf": bytes(32), "reason": "mistake"}
        if index < self.size:
            body["leaf"] = self.tree.leaves[index]
        self.withheld += counts
        return self.append("withhold/1", body | changes)

    def append(
        self,
        family: str,
        body: Mapping[str, Value],
        *,
        entity: bytes = b"",
        signers: Sequence[SigningKey] | None = None,
        **fields: Any,
    ) -> Written:
        """Append a record; whatever is not said is as it has to be.

        Args:
            family: with its major.
            body: of the record.
            entity: whom it is about; a new one where absent.
            signers: the key of the family's role where absent.
            fields: of the record, instead of the right ones.
        """
        if not family.startswith("site_keys/"):  # which stand where a rule wants them
            self._pad()
        entity = entity or self.source.randbytes(16)
        draft = Draft(
            self.origin,
            family,
            body,
            entity,
            self.source.randbytes(16),
            self.time,
            prev=self._last.get(entity),
        )._replace(**fields)
        if signers is None:
            signers = [self.keys[role_of(family)]]
        return self.append_entry(write_entry(draft.encode(), signers), entity)

    def _pad(self) -> None:
        """Append records beside the point, which take no time."""
        if self.padding is None or not self.entries:
            return
        signer = self.keys["registrar"]
        for entry in fillers(self.padding, self.origin, self.time, signer):
            self.append_entry(entry)
            self.time -= 1000

    def append_entry(self, entry: bytes, entity: bytes = b"") -> Written:
        """Append bytes as they are; without an entity they become nobody's last entry."""
        written = Written(self.size, entry_id(entry), entity, entry)
        self.entries.append(entry)
        self.tree.append(written.id)
        if entity:
            self._last[entity] = written.id
        self.time += 1000
        return written

    def checkpoint(self, size: int | None = None) -> bytes:
        """Sign a head (CKP-5)."""
        size = self.size if size is None else size
        text = write_text(self.origin, size, self.tree.root(size))
        return write_note(text, [sign_text(text, self.origin, self.keys["log"])])

    def export(self) -> dict[str, Any]:
        """Return the log as `verify` of kind `logs` takes it."""
        return {"origin": self.origin, "checkpoint": self.checkpoint(), "entries": self.entries}


def _entity_of(entry: bytes) -> bytes:
    """Return whom an entry is about; nobody where it is none."""
    try:
        found = decode(decode(entry)[0])["entity"]
    except (WireError, LookupError, TypeError):
        return b""
    return found if isinstance(found, bytes) else b""


def status_tree(leaves: Sequence[bytes]) -> Tree:
    """Return the status tree over leaves (STATUS-1)."""
    return Tree([leaf_hash(b"sopro-status/1\n" + one) for one in leaves])


def role_of(family: str) -> str:
    """Return whose key signs records of a family (KEY-7)."""
    name = family.split("/", maxsplit=1)[0]
    if name in _ROOT_SIGNS:
        return "root"
    return "decision" if name == "label_decision" else "registrar"


def _digest(public: bytes) -> bytes:
    return hashlib.sha256(public).digest()
