"""A federation in memory: authors who write real signed logs, and nodes that project them.

An author appends whatever it is told to, also what breaks every rule; a node is handed the bytes
and nothing else. So a test says what was written and asks a node what follows.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sopro_protocol.encoding import decode, encode
from sopro_protocol.keys import Ed25519Signer
from sopro_protocol.merkle import CompactRange, leaf_hash
from sopro_protocol.record import parse_entry, sign_record
from sopro_registry.catalogue import encode_state
from sopro_registry.directory import Directory
from sopro_registry.family import Decided, Erased, LabelIndex, Waiting, Withholding
from sopro_registry.label import Decision, Label, Status, status_at
from sopro_registry.overlays import Lookup, find_overlays
from sopro_registry.projection import Judgement, Ledger
from sopro_registry.tables import Cursor, EntityRow, Void
from sopro_registry.transfer import Course, Stage, follow_label

FEDERATION = "sopro.example"
SITE_ROLES = ("log", "witness", "registrar", "decision", "access")
COORDINATOR_SITE = "eu"
NOW = int(datetime(2028, 1, 1, 12, tzinfo=UTC).timestamp() * 1000)

MAX_VALIDITY_MONTHS = 24
GRACE_DAYS = 30
GRANTED, EXPIRES = "2026-01-10", "2027-01-10"


def bytes16(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:16]


def signer(name: str) -> Ed25519Signer:
    return Ed25519Signer(hashlib.sha256(f"seed of {name}".encode()).digest())


def shift(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


def ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()


class MemoryTables:
    """Tables of one log; rows leave and enter as copies, as from a database."""

    def __init__(self, roots: list[bytes]) -> None:
        self.rows: dict[bytes, tuple[str, bytes, bytes | None, bool]] = {}
        self.names: dict[tuple[str, str], bytes] = {}
        self.labels: dict[bytes, LabelIndex] = {}
        self.voids: dict[int, Void] = {}
        self.counts: Counter[tuple[str, int]] = Counter()
        self.decided: Counter[Decided] = Counter()
        self.erased: list[Erased] = []
        self._roots = roots

    def entity(self, entity: bytes) -> EntityRow | None:
        if entity not in self.rows:
            return None
        family, head, state, undetermined = self.rows[entity]
        return EntityRow(family, head, state, undetermined=undetermined)

    def put_entity(self, entity: bytes, row: EntityRow) -> None:
        state = row.state
        data = state if state is None or isinstance(state, bytes) else encode_state(state)
        self.rows[entity] = (row.family, row.head, data, row.undetermined)

    def has_name(self, family: str, name: str) -> bool:
        if family == "label_decision":
            return any(label.number == name for label in self.labels.values())
        return (family, name) in self.names

    def named(self, family: str, name: str) -> bytes | None:
        return self.names.get((family, name))

    def put_name(self, family: str, name: str, entity: bytes) -> None:
        self.names[family, name] = entity

    def put_label(self, entity: bytes, label: LabelIndex) -> None:
        self.labels[entity] = label

    def put_void(self, index: int, void: Void) -> None:
        self.voids[index] = void

    def count(self, action: str, year: int, more: int = 1) -> None:
        self.counts[action, year] += more

    def count_decided(self, decided: Decided, more: int = 1) -> None:
        self.decided[decided] += more

    def erase(self, erased: Erased) -> None:
        self.erased.append(erased)

    def coordinator_root(self, size: int) -> bytes:
        if size >= len(self._roots):
            raise Waiting(size)
        return self._roots[size]


class Replica(NamedTuple):
    """One log at one node."""

    ledger: Ledger
    tables: MemoryTables
    cursor: Cursor


class Node:
    """What one node knows: a projection of every log that was delivered to it."""

    def __init__(self, root_keys: Mapping[str, bytes], *, coordinator: str) -> None:
        self._coordinator = coordinator
        self._tree = CompactRange()
        self._roots: list[bytes] = [self._tree.root()]
        self.directory = Directory()
        self.replicas: dict[str, Replica] = {}
        self._root_keys = dict(root_keys)
        self._taken: dict[str, list[bytes]] = {origin: [] for origin in root_keys}
        self.withheld: dict[str, dict[int, Withholding]] = {origin: {} for origin in root_keys}
        for origin in root_keys:
            self._begin(origin)

    def follow(self, origin: str, root: bytes) -> None:
        """Take another log, which the root key named has begun."""
        self._root_keys[origin] = root
        self._taken[origin], self.withheld[origin] = [], {}
        self._begin(origin)

    def _begin(self, origin: str) -> None:
        tables, cursor = MemoryTables(self._roots), Cursor()
        ledger = Ledger(
            origin=origin,
            root_key=self._root_keys[origin],
            cursor=cursor,
            tables=tables,
            directory=self.directory,
            is_coordinator=origin == self._coordinator,
            leaf_at=lambda index: self._leaf(origin, index),
            withholdings=self.withheld[origin],
        )
        self.replicas[origin] = Replica(ledger, tables, cursor)

    def _leaf(self, origin: str, index: int) -> bytes:
        withheld = self.withheld[origin].get(index)
        return withheld.leaf if withheld else leaf_hash(self._taken[origin][index])

    def explain(self, origin: str, withheld: Withholding) -> None:
        """Tell what is withheld before a log is delivered; its bytes will not matter."""
        self.withheld[origin][withheld.index] = withheld
        self._begin(origin)

    def take(self, origin: str, data: bytes) -> Judgement:
        """Judge and commit the next entry of a log; raises `Waiting`."""
        self._taken[origin].append(data)
        try:
            judgement = self._catch_up(origin)
        except Waiting:
            self._taken[origin].pop()
            raise
        assert judgement is not None
        if origin == self._coordinator:
            self._tree.append(leaf_hash(data))
            self._roots.append(self._tree.root())
            self._take_again()
        return judgement

    def _catch_up(self, origin: str) -> Judgement | None:
        """Judge all that was taken, and return what came last; raises `Waiting`."""
        judgement, taken = None, self._taken[origin]
        while self.replicas[origin].cursor.projected < len(taken):
            ledger, _, cursor = self.replicas[origin]
            judgement = ledger.judge(taken[cursor.projected])
            ledger.commit(judgement)
            if ledger.overtaken is not None:
                self.withheld[origin][ledger.overtaken.index] = ledger.overtaken
                self._begin(origin)
        return judgement

    def _take_again(self) -> None:
        """Judge anew every log that the coordinator has ended below what is judged."""
        for origin, (_, _, cursor) in list(self.replicas.items()):
            endings = self.directory.endings(origin)[cursor.endings :]
            if any(ending.size < cursor.projected for ending in endings):
                self._begin(origin)
            # An entry that was void may count now, and act on what is not here yet.
            with suppress(Waiting):
                self._catch_up(origin)

    def deliver(self, origin: str, entries: Sequence[bytes]) -> int:
        """Take entries until one has to wait; say how many were taken."""
        for count, data in enumerate(entries):
            try:
                self.take(origin, data)
            except Waiting:
                return count
        return len(entries)

    def state(self, origin: str, entity: bytes) -> Any:
        """Return an entity's state as another program run would find it."""
        replica = self.replicas[origin]
        row = replica.tables.entity(entity)
        return None if row is None else replica.ledger._state(row)

    def lookup(self) -> Lookup:
        """Return what overlays ask of the logs."""

        def about(origin: str, family: str, label: bytes) -> list[bytes]:
            names = self.replicas[origin].tables.names.items()
            return [
                entity
                for (held, name), entity in names
                if held == family and name.startswith(f"{label.hex()} ")
            ]

        def acted_on(origin: str) -> int | None:
            head = self.replicas[origin].cursor.acted_on
            return head.size if head else None

        return Lookup(
            lambda origin, entity: self.replicas[origin].tables.entity(entity),
            about,
            acted_on,
            lambda origin: self.replicas[origin].cursor.import_closed_on,
            self.directory,
        )

    def overlays(self, origin: str, entity: bytes, day: str) -> list[str]:
        """Return what lies over a label on a day, as words, from the log that granted it on."""
        found = find_overlays(self.course(origin, entity), ordinal(day), self.lookup())
        return [one.value for one in found]

    def course(self, origin: str, entity: bytes) -> Course:
        """Follow a label from the log that granted it."""

        def stages(site: str, entity: bytes) -> Iterator[Stage]:
            for other, replica in self.replicas.items():
                state = self.state(other, entity)
                if other.split("/")[1] == site and isinstance(state, Label):
                    yield Stage(other, entity, state, replica.tables.rows[entity][3])

        [first] = stages(origin.split("/")[1], entity)
        return follow_label(first, stages, successors=self.directory.successors)

    def status(self, origin: str, entity: bytes, day: str) -> str:
        """Return a label's status on a day as its word."""
        label = self.state(origin, entity)
        decisions = label.decisions if isinstance(label, Label) else []
        return status_at(decisions, ordinal(day))[0].word


class Written(NamedTuple):
    """An entry and what a node made of it."""

    data: bytes
    judgement: Judgement

    @property
    def code(self) -> str | None:
        """The reason it is void, None where it counts."""
        return self.judgement.void.code if self.judgement.void else None


class Author:
    """A site (or the coordinator) that writes its log; by default what the rules allow."""

    def __init__(self, site: str, node: Node, *, prefix: str = "", time: int = NOW) -> None:
        self.site = site
        self.prefix = prefix
        self.time = time
        self.origin = f"{FEDERATION}/{site}/1"
        self.keys = {role: signer(f"{site} {role}") for role in ("root", *SITE_ROLES)}
        self.node = node
        self.entries: list[bytes] = []
        self.tree = CompactRange()
        self.roots: list[bytes] = [self.tree.root()]
        self.heads: dict[bytes, bytes] = {}

    @property
    def cursor(self) -> Cursor:
        return self.node.replicas[self.origin].cursor

    @property
    def tables(self) -> MemoryTables:
        return self.node.replicas[self.origin].tables

    def head(self, size: int | None = None) -> dict[str, Any]:
        size = len(self.entries) if size is None else size
        return {"root": self.roots[size], "size": size}

    def draft(
        self,
        family: str,
        body: Mapping[str, Any],
        *,
        entity: bytes,
        role: str = "registrar",
        signers: Sequence[Ed25519Signer] | None = None,
        **changes: Any,
    ) -> bytes:
        """Sign a record into an entry; `changes` replace fields of the envelope, None drops one."""
        envelope: dict[str, Any] = {
            "body": dict(body),
            "entity": entity,
            "family": family,
            "log": self.origin,
            "prev": self.heads.get(entity),
            "salt": bytes16(f"salt {len(self.entries)}"),
            "time": self.time,
            "v": 1,
        }
        envelope |= changes
        record = encode({name: value for name, value in envelope.items() if value is not None})
        return sign_record(record, [self.keys[role]] if signers is None else signers)

    def append(self, data: bytes, *, entity: bytes | None = None) -> None:
        """Put an entry into the log, whatever it is, without showing it to the node.

        With `entity`, the next record on it names this entry as the one before.
        """
        self.entries.append(data)
        leaf = leaf_hash(data)
        self.tree.append(leaf)
        self.roots.append(self.tree.root())
        if entity is not None:
            self.heads[entity] = leaf

    def write(self, family: str, body: Mapping[str, Any], *, entity: bytes, **how: Any) -> Written:
        """Append an entry and have the node take it."""
        data = self.draft(family, body, entity=entity, **how)
        head = self.heads.get(entity)
        self.append(data, entity=entity if how.get("prev", head) == head else None)
        return Written(data, self.node.take(self.origin, data))

    def write_bytes(self, data: bytes) -> Written:
        """Append bytes that are no record of this log."""
        self.append(data)
        return Written(data, self.node.take(self.origin, data))

    def judge(self, family: str, body: Mapping[str, Any], *, entity: bytes, **how: Any) -> Written:
        """Ask what the node would make of an entry; nothing is written."""
        data = self.draft(family, body, entity=entity, **how)
        return Written(data, self.node.replicas[self.origin].ledger.judge(data))

    # What every log has.

    def write_keys(self, keys: Mapping[bytes, str] | None = None, **changes: Any) -> Written:
        """Write the keys of the site, from public key to role."""
        body = keys_body(self, keys) | changes
        return self.write("site_keys/1", body, entity=bytes16("keys"), role="root")

    def state_body(self, coordinator: "Author | None" = None, /, **changes: Any) -> dict[str, Any]:
        body: dict[str, Any] = {
            "certificates": self.cursor.grants,
            "keys": self.cursor.keys_record,
        }
        if coordinator is not None:
            body["coordinator"] = coordinator.head()
        return body | changes

    def write_state(self, coordinator: "Author | None" = None, /, **changes: Any) -> Written:
        """Write a log_state, which acts on the coordinator's whole log where one is given."""
        body = self.state_body(coordinator, **changes)
        return self.write("log_state/1", body, entity=bytes16("state"))

    # What a member writes.

    def number(self, count: int) -> str:
        return f"SOPRO/{self.prefix}/001/{count:05}"

    def decision(
        self, action: str, /, *, label: str = "label", basis: str = "assessed", **changes: Any
    ) -> dict[str, Any]:
        """Return a body that is right for the action, before its `changes`; None drops a field."""
        held = self.node.state(self.origin, bytes16(label))
        number = held.number if held else self.number(1)
        body = decision_body(action, basis=basis)
        if number and action != "refuse":
            body["certificate"] = number
        if action in ("grant", "refuse", "transfer_in"):
            body |= {"offering": bytes16("offering"), "scheme": "sopro"}
        if action == "grant":
            body["status_index"] = self.cursor.grants
        body |= changes
        return {name: value for name, value in body.items() if value is not None}

    def decide(
        self,
        action: str,
        /,
        *,
        label: str = "label",
        how: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Written:
        """Write a decision on a label."""
        return self.write(
            "label_decision/1",
            self.decision(action, label=label, **changes),
            entity=bytes16(label),
            **{"role": "decision"} | dict(how or {}),
        )

    def would_decide(self, action: str, /, *, label: str = "label", **changes: Any) -> Written:
        """Ask what the node would make of a decision."""
        return self.judge(
            "label_decision/1",
            self.decision(action, label=label, **changes),
            entity=bytes16(label),
            role="decision",
        )

    def status(self, day: str, *, label: str = "label") -> str:
        return self.node.status(self.origin, bytes16(label), day)

    def decisions(self, *, label: str = "label") -> list[Decision]:
        state = self.node.state(self.origin, bytes16(label))
        return list(state.decisions)


class World:
    """A coordinator, two admitted sites with one offering each, and a node that saw it all."""

    def __init__(self, *, time: int = NOW) -> None:
        sites = {COORDINATOR_SITE: "", "at": "AT1", "hu": "HU1"}
        self.node = self.new_node(sites)
        self.coordinator, self.at, self.hu = (
            Author(site, self.node, prefix=prefix, time=time) for site, prefix in sites.items()
        )
        self.coordinator.write_keys()
        self.coordinator.write_state()
        self.put_scheme()
        for site in (self.at, self.hu):
            self.put_membership(site)
            site.write_keys()
            site.write_state()
            site.write_state(self.coordinator)
            site.write("organisation/1", organisation_body(), entity=bytes16("organisation"))
            site.write("offering/1", offering_body(), entity=bytes16("offering"))

    @staticmethod
    def new_node(sites: Sequence[str] | Mapping[str, str] = (COORDINATOR_SITE, "at", "hu")) -> Node:
        roots = {f"{FEDERATION}/{site}/1": signer(f"{site} root").public_key for site in sites}
        return Node(roots, coordinator=f"{FEDERATION}/{COORDINATOR_SITE}/1")

    def put_scheme(self, **changes: Any) -> Written:
        entity = bytes16("scheme")
        return self.coordinator.write("scheme/1", scheme_body() | changes, entity=entity)

    def put_membership(self, site: Author, /, **changes: Any) -> Written:
        entity = bytes16(f"membership of {site.site}")
        body = membership_body(site) | changes
        return self.coordinator.write("site_membership/1", body, entity=entity)

    def meet(self) -> None:
        """Have `at`, which joined before the other, act on what the coordinator has said since."""
        assert self.at.write_state(self.coordinator).code is None

    def bring_to(self, status: Status, *, basis: str = "assessed") -> str:
        """Bring the label of `at` into a status; return a day on which it has it."""
        at, path = self.at, _PATHS[status]
        if "transfer_out" in path:
            self.meet()
        for action, effective in zip(path, (GRANTED, "2026-02-01"), strict=False):
            written = at.decide(action, basis=basis, **dates_of(action, effective))
            assert written.code is None, written
        return "2027-01-20" if status is Status.EXPIRED else "2026-06-01"


_PATHS = {
    Status.NONE: (),
    Status.ACTIVE: ("grant",),
    Status.SUSPENDED: ("grant", "suspend"),
    Status.REVOKED: ("grant", "revoke"),
    Status.TERMINATED: ("grant", "terminate_on_request"),
    Status.TRANSFERRED: ("grant", "transfer_out"),
    Status.REFUSED: ("refuse",),
    Status.EXPIRED: ("grant",),
}


def dates_of(action: str, effective: str) -> dict[str, str]:
    dates = {"effective_date": effective, "decided_on": effective}
    if action in ("grant", "renew", "transfer_in"):
        dates |= {"valid_from": effective, "valid_until": shift(effective, 365)}
    if action == "suspend":
        dates["suspended_until"] = shift(effective, 60)
    if action == "revoke":
        dates["appeal_until"] = shift(effective, 30)
    return dates


def decision_body(
    action: str, *, basis: str = "assessed", effective: str = GRANTED
) -> dict[str, Any]:
    """Return what an action needs besides certificate, offering, scheme and status index."""
    body: dict[str, Any] = {"action": action, "basis": basis} | dates_of(action, effective)
    if basis == "assessed":
        body["decider"] = bytes16("officer")
        if action == "transfer_out":
            body |= {"receiver": "hu", "receiver_entity": bytes16("handed over")}
    else:
        body["source"] = bytes16(f"{action} {effective}")
    if action in ("suspend", "reduce_scope", "refuse", "revoke", "terminate_on_request"):
        body["reason_code"] = "nc_not_closed"
    return body


def keys_body(author: Author, keys: Mapping[bytes, str] | None = None) -> dict[str, Any]:
    """Return a key record; `keys` maps public key to role."""
    if keys is None:
        keys = {author.keys[role].public_key: role for role in SITE_ROLES}
    return {
        "keys": [{"public": public, "role": role} for public, role in keys.items()],
        "next_root": hashlib.sha256(signer(f"{author.site} next root").public_key).digest(),
        "root": author.keys["root"].public_key,
    }


def membership_body(site: Author) -> dict[str, Any]:
    return {
        "country": site.site.upper(),
        "effective_date": "2025-12-01",
        "languages": ["de", "hu"],
        "name": {"en": f"Service site {site.site}"},
        "origin": site.origin,
        "prefix": site.prefix,
        "root": site.keys["root"].public_key,
        "site": site.site,
        "status": "admitted",
        "urls": [f"https://{site.site}.{FEDERATION}"],
        "zone": "Europe/Vienna",
    }


def recovery_body(site: Author, root: bytes | None = None) -> dict[str, Any]:
    """Return an approval that a site gets a new root key."""
    return {
        "before": site.keys["root"].public_key,
        "origin": site.origin,
        "root": root or signer(f"{site.site} new root").public_key,
    }


def mandate(site: Author, *approvers: str) -> bytes:
    """Write a key record with which a site says who may approve a new root key of it."""
    body = keys_body(site) | {"approvers": list(approvers)}
    return site.draft("site_keys/1", body, entity=bytes16("keys"), role="root")


def scheme_body() -> dict[str, Any]:
    return {
        "effective_date": "2025-12-01",
        "grace_days": GRACE_DAYS,
        "kind": "product+service",
        "max_validity_months": MAX_VALIDITY_MONTHS,
        "scheme": "sopro",
        "status": "active",
        "surveillance_interval_months": 12,
        "title": {"de": "SoPro", "en": "SoPro"},
    }


def criterion_body() -> dict[str, Any]:
    return {
        "applies_from": "2026-01-01",
        "code": "S1",
        "dimension": "social",
        "kind": "threshold",
        "obligation": "mandatory",
        "principle": "social_participation",
        "scheme": "sopro",
        "status": "active",
        "threshold": 25,
        "threshold_scale": 0,
        "title": {"en": "Share of supported employment"},
        "unit": "P1",
        "version": 1,
    }


def codelist_body() -> dict[str, Any]:
    return {
        "digest": hashlib.sha256(b"a list").digest(),
        "list": "cpv",
        "size": 2,
        "valid_from": "2026-01-01",
        "version": "2008",
    }


def commitment(name: str, **changes: Any) -> dict[str, Any]:
    """Return what a record says of a document that it commits to."""
    return {
        "commitment": bytes(32),
        "name": name,
        "size": 9,
        "type": "application/vnd.sopro.document+msgpack",
        "visibility": "public",
    } | changes


def organisation_body() -> dict[str, Any]:
    return {
        "actor_type": "social_enterprise",
        "country": "AT",
        "effective_date": "2025-12-01",
        "status": "active",
    }


def offering_body() -> dict[str, Any]:
    return {
        "cpv": ["03000000"],
        "effective_date": "2025-12-01",
        "kind": "product",
        "organisation": bytes16("organisation"),
        "status": "published",
    }


def erasure_body() -> dict[str, Any]:
    return {"deadline": "2028-02-01", "document": 0, "index": 1, "reason": "request"}


def orphan_erasure_body(origin: str) -> dict[str, Any]:
    return erasure_body() | {"origin": origin}


def withhold_body(author: Author, index: int, instead: bytes = b"") -> dict[str, Any]:
    body = {"index": index, "leaf": leaf_hash(author.entries[index]), "reason": "mistake"}
    return body | ({"instead": instead} if instead else {})


def instead_of(data: bytes, **changes: Any) -> bytes:
    """Return the record that holds instead of an entry: the same without documents."""
    fields = decode(parse_entry(data).record)
    assert isinstance(fields, dict)
    fields |= {"salt": bytes16("instead")} | changes
    return encode({name: value for name, value in fields.items() if name != "docs"})


def receipt_body(origin: str) -> dict[str, Any]:
    return {"erasure": bytes(32), "index": 4, "origin": origin}


def statement_body(**changes: Any) -> dict[str, Any]:
    body = {
        "began": 1_780_000_000_000,
        "counts": {"not_applicable": 1, "passed": 88, "waived": 0, "warned": 0},
        "ended": 1_780_000_300_000,
        "nonce": bytes(32),
        "profiles": ["peer", "witness"],
        "report": bytes(32),
        "requirements": bytes(32),
        "results": bytes(32),
        "runner": "self",
        "software": "my-node",
        "suite": bytes(32),
        "suite_version": "0.1.0",
        "valid_until": "2027-05-28",
        "version": "0.3",
    }
    return body | changes
