"""Verifying everything a node holds or serves, by code that asks nothing of the running node.

Each log is judged again from its entries (`replay`): hashes, signed head, every signature, every
rule. What follows is compared with what the node keeps (a directory) or answers (`audit_peer`).
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from sopro_node.ahead import Ahead, decode_ahead
from sopro_node.anchors import ANCHOR_MARK, MOST_ANCHORS
from sopro_node.audit_forks import Marked, check_evidence, count_anchors
from sopro_node.audit_witness import find_witness_problems
from sopro_node.config import load_settings
from sopro_node.heldlog import decode_cursor
from sopro_node.identity import check_projection, load_federation, load_identity
from sopro_node.keyring import is_encrypted, list_key_files, load_ring
from sopro_node.passphrase import Passphrase
from sopro_node.reindex import Progress, coordinator_first, root_key_of
from sopro_node.replay import MemoryTables, Replay, read_bundles
from sopro_node.store.base import DocumentRow, LogRow, Reader
from sopro_node.store.sqlite import SqliteStore
from sopro_node.tree import LogTree
from sopro_protocol.bundle import Item
from sopro_protocol.checkpoint import SignedCheckpoint, open_checkpoint, parse_checkpoint_text
from sopro_protocol.commitment import check_document
from sopro_protocol.errors import FormatError, SoproError
from sopro_protocol.keys import Role, make_vkey
from sopro_protocol.merkle import leaf_hash, root_at
from sopro_protocol.note import parse_note
from sopro_protocol.tile import WIDTH
from sopro_registry.directory import Directory
from sopro_registry.family import Waiting, Withholding
from sopro_registry.keyhistory import log_keys_at
from sopro_registry.projection import Judgement
from sopro_registry.tables import Cursor, EntityRow

K = TypeVar("K")
V = TypeVar("V")

_MOST: Final = 20


@dataclass
class Problems:
    """What is wrong, as sentences; of many alike the first ones and their number."""

    sentences: list[str] = field(default_factory=list)
    _alike: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, sentence: str) -> None:
        """Note a problem of a kind."""
        self._alike[kind] += 1
        if self._alike[kind] <= _MOST:
            self.sentences.append(sentence)

    def listed(self) -> list[str]:
        """Return the sentences, and how many more there are of a kind."""
        more = [
            f"and {count - _MOST} more about {kind}"
            for kind, count in self._alike.items()
            if count > _MOST
        ]
        return self.sentences + more


@dataclass
class LogReport:
    """What an audit found about one log.

    Attributes:
        origin: of the log.
        entries: number of them.
        root: computed from them.
        signed_size: of the head whose signature was verified; 0 where none is kept.
        judged: number of entries judged; the rest waits for the coordinator's log.
        void: number of void entries by reason.
        labels: number of labels.
        documents: number of documents checked against their commitments.
        problems: what is wrong.
    """

    origin: str
    entries: int = 0
    root: str = ""
    signed_size: int = 0
    judged: int = 0
    void: dict[str, int] = field(default_factory=dict)
    labels: int = 0
    documents: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class Report:
    """What an audit found.

    Attributes:
        audited: directory or URL.
        trusted: where the coordinator's root key was taken from.
        logs: one for each log.
        problems: what is wrong with the whole.
    """

    audited: str
    trusted: str = ""
    logs: list[LogReport] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.problems and not any(log.problems for log in self.logs)


class Auditor:
    """What the logs of one federation have in common: its coordinator's records.

    Attributes:
        directory: members and criteria as the coordinator's log says.
        coordinator: its tree, once it has been judged.
        audits: the logs that have been judged.
    """

    def __init__(self, coordinator_origin: str | None) -> None:
        self.directory = Directory()
        self.audits: list[LogAudit] = []
        self.coordinator: LogTree | None = None
        self._origin = coordinator_origin
        self._judged = 0

    def coordinator_root(self, size: int) -> bytes:
        """Return the root of the coordinator's log at a size; raises `Waiting`."""
        if self.coordinator is None or size > self._judged:
            raise Waiting(size)
        return self.coordinator.root_at(size)

    def begin(self, origin: str, root_key: bytes, *, judged_until: int | None = None) -> "LogAudit":
        """Begin with a log."""
        return LogAudit(self, origin, root_key, judged_until)

    def is_coordinator(self, origin: str) -> bool:
        """Say whether a log is the coordinator's."""
        return origin == self._origin

    def marked(self) -> list[Marked]:
        """Return the entries of all logs that may be anchors."""
        return [Marked(one.report.origin, one.cursor.keys, one.anchors) for one in self.audits]

    def finish(self, audit: "LogAudit") -> None:
        """Take in a log; the coordinator's is the one which the others are judged by."""
        self.audits.append(audit)
        if self.is_coordinator(audit.report.origin):
            self.coordinator, self._judged = audit.tree, audit.cursor.projected


class LogAudit:
    """One log being audited.

    Attributes:
        report: what has been found.
        problems: likewise, while it is gathered.
        tables: what follows from the entries.
        tree: of the entries, after `finish`.
        anchors: entries that may be anchors, with their positions.
    """

    def __init__(
        self, auditor: Auditor, origin: str, root_key: bytes, judged_until: int | None
    ) -> None:
        self.report = LogReport(origin)
        self.problems = Problems()
        self.tables = MemoryTables(auditor.coordinator_root)
        self._auditor = auditor
        self._replay = Replay(
            origin,
            root_key,
            tables=self.tables,
            directory=auditor.directory,
            is_coordinator=auditor.is_coordinator(origin),
            judged_until=judged_until,
        )
        self.tree = self._replay.tree()
        self.anchors: list[tuple[int, bytes]] = []

    @property
    def cursor(self) -> Cursor:
        """What holds at the end of what was judged."""
        return self._replay.ledger.cursor

    @property
    def overtaken(self) -> Withholding | None:
        """What withholds an entry that was judged by its bytes; nothing was judged since."""
        return self._replay.overtaken

    def explain(self, withholdings: Iterable[Withholding]) -> None:
        """Take in why entries that are fed later have no bytes."""
        self._replay.explain(withholdings)

    def feed(self, entries: Sequence[Item], documents: Iterable[DocumentRow]) -> list[Judgement]:
        """Judge a bundle and check the documents that belong to it."""
        judged = self._replay.feed(entries)
        for position, data in enumerate(entries, self.report.entries):
            if isinstance(data, bytes) and ANCHOR_MARK in data:
                self.anchors.append((position, data))
        del self.anchors[MOST_ANCHORS:]
        self.report.entries += len(entries)
        records = {one.index: one.record for one in judged}
        for row in documents:
            self._check_document(row, records.get(row.position), is_judged=row.position in records)
        return judged

    def _check_document(self, row: DocumentRow, record: object, *, is_judged: bool) -> None:
        if not is_judged:
            return
        self.report.documents += 1
        where = f"document {row.number} of entry {row.position}"
        commitments = getattr(record, "documents", ())
        if row.number >= len(commitments):
            self.problems.add("documents", f"{where}: its record promises no such document")
            return
        try:
            check_document(row.content, key=row.key, commitment=commitments[row.number])
        except SoproError as error:
            self.problems.add("documents", f"{where}: {error}")

    def last_root(self) -> bytes:
        """Return the hash of the last full bundle's subtree."""
        return self._replay.last_root()

    def _open(self, note: bytes, what: str) -> SignedCheckpoint | None:
        origin = self.report.origin
        try:
            size = parse_checkpoint_text(parse_note(note).text).size
            publics = log_keys_at(self.cursor.keys, size)
            keys = [make_vkey(origin, public) for public in publics]
            return open_checkpoint(note, origin=origin, keys=keys)
        except SoproError as error:
            self.problems.add("head", f"{what}: {error}")
            return None

    def check_ahead(self, ahead: Ahead) -> None:
        """Verify the head that entries beyond the signed one came under."""
        what = "head that is not reached yet"
        head = self._open(ahead.note, what)
        if head is None:
            return
        read = ahead.reader(self.tree)
        if ahead.start != self.tree.size or root_at(read, head.size) != head.root:
            self.problems.add(
                "head", f"{what}: the {self.tree.size} entries do not lie under the root it signs"
            )

    def open_head(self, note: bytes) -> SignedCheckpoint | None:
        """Verify a signed head and compare it with the entries."""
        head = self._open(note, "signed head")
        if head is None:
            return None
        if head.size > self.tree.size:
            self.problems.add(
                "head", f"signed head: size {head.size}, only {self.tree.size} entries are here"
            )
        elif self.tree.root_at(head.size) != head.root:
            self.problems.add(
                "head", f"signed head: the {head.size} entries lead to another root than it signs"
            )
        self.report.signed_size = head.size
        return head

    def finish(self) -> None:
        """Compute the tree and hand the coordinator's log to the others."""
        self.tree = self._replay.tree()
        self.report.root = self.tree.root().hex()
        self.report.judged = self.cursor.projected
        self._check_withheld()
        self.report.labels = len(self.tables.labels)
        self.report.void = dict(Counter(void.code for void in self.tables.voids.values()))
        self._auditor.finish(self)

    def _check_withheld(self) -> None:
        """Check that whatever is withheld is so by a record that counts, and that it is gone."""
        overtaken = self._replay.overtaken
        if overtaken is not None:
            self.problems.add(
                "withheld",
                f"entry {overtaken.index} is withheld by entry {overtaken.record}, and its bytes "
                "are still here",
            )
        ledger = self._replay.ledger
        if not ledger.is_explained:
            self.problems.add("withheld", "an entry is withheld by a record that is not judged")

    def close(self) -> LogReport:
        """Return the report."""
        self.report.problems = self.problems.listed()
        return self.report


def check_continued(auditor: Auditor) -> list[str]:
    """Hold closed logs to the root at which others continue them, and those to how they begin.

    SPEC EPOCH-1, EPOCH-9.
    """
    trees = {one.report.origin: one.tree for one in auditor.audits}
    beginnings = {origin: auditor.directory.beginning(origin) for origin in trees}
    others = [
        f"{origin}: begins otherwise than its membership names it"
        for origin, entry in beginnings.items()
        if entry is not None and trees[origin].size
        if trees[origin].root_at(1) != leaf_hash(entry)
    ]
    return others + [
        f"{end.origin}: another log continues it from size {end.size} under another root than its "
        "entries lead to"
        for end in auditor.directory.ends()
        if end.origin in trees
        if end.size <= trees[end.origin].size
        if trees[end.origin].root_at(end.size) != end.root
    ]


def audit_directory(folder: Path, progress: Progress) -> Report:
    """Verify a data directory; works beside the node that serves it, from one snapshot.

    Raises:
        FormatError: there is no node in it.
    """
    report = Report(str(folder))
    store = SqliteStore.open(folder, writing=False)
    try:
        with store.snapshot():
            report.problems += [f"database file: {text}" for text in store.find_damage()]
            _audit_store(folder, store, report, progress)
    except sqlite3.DatabaseError as error:
        report.problems.append(
            f"database file: {error}; restore it from a backup, or sync this site anew"
        )
    finally:
        store.close()
    return report


def _audit_store(folder: Path, store: Reader, report: Report, progress: Progress) -> None:
    identity, invite = load_identity(store), load_federation(store)
    check_projection(store, folder=folder)
    auditor = Auditor(invite.origin if invite else None)
    report.trusted = "the invite this directory is pinned to" if invite else "nothing is pinned"
    stored: list[_StoredLog] = []
    for row in coordinator_first(store.logs(), invite):
        root_key = root_key_of(row.origin, identity, invite, auditor.directory)
        if root_key is None:
            problem = "no membership names its root key, so it cannot be judged"
            report.logs.append(LogReport(row.origin, problems=[problem]))
            continue
        stored.append(_StoredLog(folder, store, row, is_own=row.origin == identity.origin))
        report.logs.append(stored[-1].run(auditor, root_key, progress))
    orphans = {place for one in auditor.audits for place in one.tables.orphan_erased}
    for one in stored:
        one.check_erased(orphans)
    tree, directory = auditor.coordinator, auditor.directory
    settled = count_anchors(auditor.marked(), tree, invite, directory)
    report.problems += check_evidence(store.evidence(), invite, directory, settled, tree)
    report.problems += check_continued(auditor)


class _StoredLog:
    """One log of a directory."""

    def __init__(self, folder: Path, store: Reader, row: LogRow, *, is_own: bool) -> None:
        self._folder = folder
        self._store = store
        self._row = row
        self._is_own = is_own
        self._audit: LogAudit | None = None
        self._missing: list[tuple[int, int]] = []
        self._withheld = {one.index for one in store.withheld(row.log)}

    def _read_cursor(self) -> tuple[Cursor, str]:
        try:
            return decode_cursor(self._row.cursor), ""
        except FormatError as error:
            return Cursor(), str(error)

    def run(self, auditor: Auditor, root_key: bytes, progress: Progress) -> LogReport:
        row = self._row
        cursor, damage = self._read_cursor()
        judged = row.size if damage else cursor.projected
        audit = auditor.begin(row.origin, root_key, judged_until=judged)
        roots = self._store.bundle_roots(row.log)
        audit.explain(self._store.withheld(row.log))
        try:
            for number, entries in enumerate(read_bundles(self._store, row)):
                self._feed(audit, number, entries, roots)
                progress(row.origin, audit.report.entries, row.size)
        except SoproError as error:
            number = audit.report.entries // WIDTH
            audit.problems.add(
                "entries", f"bundle {number} (entries from {number * WIDTH} on): {error}"
            )
        audit.finish()
        if audit.report.entries != row.size:
            audit.problems.add(
                "entries", f"{row.size} entries are promised, {audit.report.entries} are there"
            )
            return audit.close()
        self._check_head(audit)
        ahead = decode_ahead(row.ahead)
        if ahead is not None:
            audit.check_ahead(ahead)
        elif row.checkpoint and not self._is_own and audit.report.signed_size < row.size:
            audit.problems.add(
                "head",
                f"the signed head covers {audit.report.signed_size} of {row.size} entries, and "
                "nothing vouches for the others",
            )
        for problem in find_witness_problems(
            self._store,
            row.origin,
            audit.cursor.keys,
            size=audit.tree.size,
            root_at=audit.tree.root_at,
        ):
            audit.problems.add("cosigned", problem)
        if damage:
            audit.problems.add("database", damage)
        else:
            for problem in compare(self._store, row.log, cursor, audit):
                audit.problems.add(problem.split(" ", 1)[0], problem)
        self._audit = audit
        return audit.close()

    def check_erased(self, orphans: Set[tuple[str, int, int]]) -> None:
        """Check that what was erased is gone, and nothing else, once every log was judged.

        Args:
            orphans: documents that others have erased: origin, position, number.
        """
        audit = self._audit
        if audit is None:
            return
        origin = self._row.origin
        erased = audit.tables.erased.keys() | {place[1:] for place in orphans if place[0] == origin}
        for position, number in self._missing:
            if (position, number) not in erased:
                audit.problems.add("documents", f"document {number} of entry {position} is gone")
        for position, number in self._store.document_places(self._row.log):
            if (position, number) in erased:
                problem = f"document {number} of entry {position} was erased, and is here"
                audit.problems.add("documents", problem)
        audit.close()

    def _feed(self, audit: LogAudit, number: int, entries: list[Item], roots: list[bytes]) -> None:
        start = number * WIDTH
        for position, item in enumerate(entries, start):
            if position in self._withheld and isinstance(item, bytes):
                audit.problems.add("withheld", f"entry {position} is withheld, and its bytes here")
        rows = self._store.documents(self._row.log, start, start + len(entries))
        judged = audit.feed(entries, rows)
        if len(entries) == WIDTH and audit.last_root() != roots[number]:
            audit.problems.add(
                "entries",
                f"bundle {number} (entries {start} to {start + WIDTH - 1}): its entries lead to "
                "another root than the stored one",
            )
        if self._is_own:
            shown = [one for one in judged if one.index not in self._withheld]
            self._missing.extend(_find_missing(shown, rows))

    def _check_head(self, audit: LogAudit) -> None:
        row = self._row
        if audit.tree.root() != row.root:
            audit.problems.add(
                "head", f"the {row.size} entries lead to another root than the stored one"
            )
        if row.checkpoint:
            audit.open_head(row.checkpoint)
        else:
            audit.problems.add(
                "head",
                "no signed head is kept, so nobody vouches for these entries; take the directory "
                "from a backup, or sync this site anew",
            )
        if self._is_own:
            _check_own_key(self._folder, audit)


def _find_missing(
    judged: Iterable[Judgement], rows: Iterable[DocumentRow]
) -> Iterator[tuple[int, int]]:
    """Go through our own documents that are not here; they are kept here or nowhere."""
    here = {(row.position, row.number) for row in rows}
    for one in judged:
        for number in range(len(one.record.documents) if one.record else 0):
            if (one.index, number) not in here:
                yield one.index, number


def _check_own_key(folder: Path, audit: LogAudit) -> None:
    """Our own head is signed when it is served; a key the log names must be there for it."""
    size = audit.tree.size
    wanted = {span.public for span in audit.cursor.keys if span.signs_head(size)}
    try:
        passphrase = Passphrase(load_settings(folder))
        if any(is_encrypted(path) for _, path in list_key_files(folder)) and not passphrase.find():
            return  # whoever audits need not be able to sign
        ring = load_ring(folder, Role.LOG, passphrase=passphrase)
    except SoproError as error:
        audit.problems.add("key", str(error))
        return
    if not wanted & {one.signer.public_key for one in ring}:
        audit.problems.add("key", "keys/log.pem is not the key that the log names")


def compare(store: Reader, log: int, cursor: Cursor, audit: LogAudit) -> Iterator[str]:
    """Compare what a store keeps of a log with what follows from its entries."""
    if cursor.projected != audit.cursor.projected:
        yield (
            f"entry {audit.cursor.projected} acts on a part of the coordinator's log that is not "
            f"here, and yet {cursor.projected} entries are judged"
        )
        return
    # How many endings were known counts at the last entry judged, and more may have come since.
    if msgspec.structs.replace(cursor, endings=audit.cursor.endings) != audit.cursor:
        yield f"cursor: the stored one is not what follows from {cursor.projected} entries"
    yield from _compare_voids(store, log, audit)
    yield from _compare_entities(store, log, audit)
    yield from _compare_labels(store, log, audit)
    stored = {(family, name): entity for family, name, entity in store.all_names(log)}
    yield from _differences(
        stored, audit.tables.names, lambda key: f"name {key[1]!r} of {key[0]}", _say_entity
    )
    counts = {
        (action, year): count
        for number, action, year, count in store.decision_counts()
        if number == log
    }
    yield from _differences(
        counts, audit.tables.counts, lambda key: f"count of {key[0]} in {key[1]}", str
    )


def _compare_voids(store: Reader, log: int, audit: LogAudit) -> Iterator[str]:
    stored = {
        index: void.code for index, void in store.voids(log, start=0, limit=audit.cursor.projected)
    }
    found = {index: void.code for index, void in audit.tables.voids.items()}
    for index in sorted(stored.keys() | found.keys()):
        if stored.get(index) != found.get(index):
            reason = audit.tables.voids[index].message if index in found else "it counts"
            yield f"entry {index}: stored as {_void(stored.get(index))}, but {reason}"


def _void(code: str | None) -> str:
    return f"void ({code})" if code else "one that counts"


def _compare_entities(store: Reader, log: int, audit: LogAudit) -> Iterator[str]:
    rest = dict(audit.tables.entities)
    for entity, row in store.all_entities(log):
        expected = rest.pop(entity, None)
        name = _name_entity(audit, entity, expected or row)
        if expected is None:
            yield f"{name}: stored, but no entry speaks of it"
        elif (row.family, row.head) != (expected.family, expected.head):
            yield f"{name}: the stored head is not the last entry on it"
        elif (row.state, row.undetermined) != (expected.state, expected.undetermined):
            yield f"{name}: the stored state is not what its entries say"
    for entity, expected in rest.items():
        yield f"{_name_entity(audit, entity, expected)}: not stored, but its entries are here"


def _name_entity(audit: LogAudit, entity: bytes, row: EntityRow) -> str:
    label = audit.tables.labels.get(entity)
    return f"label {label.number}" if label else f"{row.family or 'entity'} {entity.hex()}"


def _compare_labels(store: Reader, log: int, audit: LogAudit) -> Iterator[str]:
    stored = dict(store.all_labels(log))
    found = audit.tables.labels
    for entity in sorted(stored.keys() | found.keys()):
        one, other = stored.get(entity), found.get(entity)
        if one != other:
            number = (other or one).number  # type: ignore[union-attr]  # one of them is there
            yield f"label {number}: the row it is found and counted by is not what its entries say"


def _differences(
    stored: Mapping[K, V], found: Mapping[K, V], name: Callable[[K], str], say: Callable[[V], str]
) -> Iterator[str]:
    for key in [*stored, *(key for key in found if key not in stored)]:
        if stored.get(key) != found.get(key):
            told = say(stored[key]) if key in stored else "nothing"
            right = say(found[key]) if key in found else "nothing"
            yield f"{name(key)}: stored {told}, the entries say {right}"


def _say_entity(entity: bytes) -> str:
    return entity.hex()
