"""One log judged again from its entries: hashes, signed head, every signature, every rule."""

from collections import Counter
from collections.abc import Iterable, Sequence

from sopro_node.ahead import Ahead
from sopro_node.anchors import ANCHOR_MARK, MOST_ANCHORS
from sopro_node.audit.forks import Marked
from sopro_node.audit.report import LogReport, Problems
from sopro_node.replay import MemoryTables, Replay
from sopro_node.store.rows import DocumentRow
from sopro_node.tree import LogTree
from sopro_protocol.bundle import Item
from sopro_protocol.checkpoint import SignedCheckpoint, open_checkpoint, parse_checkpoint_text
from sopro_protocol.commitment import check_document
from sopro_protocol.errors import SoproError
from sopro_protocol.keys import make_vkey
from sopro_protocol.merkle import leaf_hash, root_at
from sopro_protocol.note import parse_note
from sopro_registry.directory import Directory
from sopro_registry.family import Waiting, Withholding
from sopro_registry.keyhistory import log_keys_at
from sopro_registry.projection import Judgement
from sopro_registry.tables import Cursor


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
