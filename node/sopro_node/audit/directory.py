"""Verifying a data directory: its logs from their entries, and the tables that follow from them."""

import sqlite3
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from sopro_node.ahead import decode_ahead
from sopro_node.audit.comparing import compare
from sopro_node.audit.forks import check_evidence, count_anchors
from sopro_node.audit.judging import Auditor, LogAudit, check_continued
from sopro_node.audit.report import LogReport, Report
from sopro_node.audit.witness import find_witness_problems
from sopro_node.config import load_settings
from sopro_node.heldlog import decode_cursor
from sopro_node.identity import check_projection, load_federation, load_identity
from sopro_node.keyring import is_encrypted, list_key_files, load_ring
from sopro_node.passphrase import Passphrase
from sopro_node.reindex import Progress, coordinator_first, root_key_of
from sopro_node.replay import read_bundles
from sopro_node.store.base import Reader
from sopro_node.store.rows import DocumentRow, LogRow
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.bundle import Item
from sopro_protocol.errors import FormatError, SoproError
from sopro_protocol.keys import Role
from sopro_protocol.tile import WIDTH
from sopro_registry.projection import Judgement
from sopro_registry.tables import Cursor


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
    report.problems += check_evidence(store.others.evidence(), invite, directory, settled, tree)
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
        for position, number in self._store.documents.places(self._row.log):
            if (position, number) in erased:
                problem = f"document {number} of entry {position} was erased, and is here"
                audit.problems.add("documents", problem)
        audit.close()

    def _feed(self, audit: LogAudit, number: int, entries: list[Item], roots: list[bytes]) -> None:
        start = number * WIDTH
        for position, item in enumerate(entries, start):
            if position in self._withheld and isinstance(item, bytes):
                audit.problems.add("withheld", f"entry {position} is withheld, and its bytes here")
        rows = self._store.documents.between(self._row.log, start, start + len(entries))
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
