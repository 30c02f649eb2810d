"""Whole logs judged from their bytes alone, for `verify` of kind `logs` of the adapter protocol."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from sopro_node.audit.judging import Auditor, LogAudit
from sopro_protocol.checkpoint import SignedCheckpoint, open_sized_checkpoint
from sopro_protocol.errors import SoproError, VerificationError
from sopro_protocol.keys import Role, key_id, make_vkey
from sopro_protocol.record import check_signatures, parse_entry, read_record
from sopro_protocol.tile import WIDTH
from sopro_registry.catalogue import READERS
from sopro_registry.families import site_keys
from sopro_registry.family import KeySpan, Withholding
from sopro_registry.fields import day_of, format_day
from sopro_registry.keyhistory import KeyRecord, log_keys_at, open_key_history
from sopro_registry.label import Label, status_at
from sopro_registry.transfer import Course, Stage, follow_label

_LABEL: Final = msgspec.msgpack.Decoder(Label)


class Audited(NamedTuple):
    """Logs that were judged.

    Attributes:
        auditor: what they have in common.
        logs: those that could be opened, by origin.
        refused: the codes of the others.
    """

    auditor: Auditor
    logs: dict[str, LogAudit]
    refused: dict[str, str]


def judge_logs(request: Mapping[str, Any]) -> dict[str, Any]:
    """Judge logs; returns what `ok` gives.

    Raises:
        KeyError: a field is missing.
        ValueError: a field is not what it has to be.
    """
    coordinator = str(request["coordinator"])
    root = base64.b64decode(request["root"], validate=True)
    auditor, audits, refused = audit_logs(coordinator, root, request["logs"])
    day = day_of(request["day"], field="day")
    return {
        "logs": {origin: _say(audit) for origin, audit in audits.items()},
        "refused": refused,
        "labels": {
            course.stages[0].label.number: _say_label(course, day)
            for course in follow_labels(auditor, audits)
        },
        "members": {
            one.site: one.status for one in auditor.directory.members() if coordinator in audits
        },
    }


def audit_logs(coordinator: str, root: bytes, given: Iterable[Mapping[str, Any]]) -> Audited:
    """Judge every log that can be opened.

    Args:
        coordinator: origin of the coordinator's.
        root: its root key.
        given: as the protocol hands them over.

    Raises:
        KeyError: a field is missing.
        ValueError: a field is not what it has to be.
    """
    auditor = Auditor(coordinator)
    logs = {str(one["origin"]): one for one in given}
    refused: dict[str, str] = {}
    audits: dict[str, LogAudit] = {}
    # Without the coordinator's log nobody else is a member.
    for origin in sorted(logs, key=lambda one: one != coordinator):
        key = root if origin == coordinator else auditor.directory.founding_root(origin)
        if origin != coordinator and coordinator in refused:
            key = None
        try:
            audits[origin] = _audit(auditor, origin, key, logs[origin])
        except SoproError as error:
            refused[origin] = error.code
    return Audited(auditor, audits, refused)


def _audit(auditor: Auditor, origin: str, root: bytes | None, log: Mapping[str, Any]) -> LogAudit:
    if root is None:
        raise VerificationError(f"{origin}: no member's log", code="mem.untrusted")
    _check_beginning(auditor, origin, log)
    audit = _feed(auditor, origin, root, log)
    if not audit.cursor.keys or audit.tables.voids.get(0):
        raise VerificationError(f"{origin}: entry 0 does not count", code="mem.untrusted")
    audit.finish()
    roots = auditor.directory.leading_roots(origin) or (root,)
    try:
        _check_head(audit, log, roots)
        _check_roots(audit, roots)
    except SoproError:
        auditor.audits.remove(audit)
        raise
    return audit


def _check_beginning(auditor: Auditor, origin: str, log: Mapping[str, Any]) -> None:
    """Hold a log that continues another to the entry 0 that its membership names (SPEC EPOCH-9)."""
    beginning = auditor.directory.beginning(origin)
    if beginning is not None and _entries(log)[:1] not in ([], [beginning]):
        raise VerificationError(
            f"{origin}: begins otherwise than its membership names it", code="mem.epoch"
        )


def _entries(log: Mapping[str, Any]) -> list[bytes]:
    return [base64.b64decode(one, validate=True) for one in log["entries"]]


def _feed(auditor: Auditor, origin: str, root: bytes, log: Mapping[str, Any]) -> LogAudit:
    """Judge entries, anew for each that another withholds (SPEC WITHHOLD-4)."""
    entries = _entries(log)
    withholdings: list[Withholding] = []
    while True:
        audit = auditor.begin(origin, root)
        audit.explain(withholdings)
        try:
            for start in range(0, len(entries), WIDTH):
                audit.feed(entries[start : start + WIDTH], ())
        except VerificationError as error:
            if error.code != "wdh.gap":
                raise
            # Every entry is here with its bytes: one may not be withheld (WITHHOLD-5).
            raise VerificationError(str(error), code="wdh.state") from None
        if audit.overtaken is None:
            return audit
        withholdings.append(audit.overtaken)


def _check_head(audit: LogAudit, log: Mapping[str, Any], roots: Sequence[bytes]) -> None:
    note, origin = base64.b64decode(log["checkpoint"], validate=True), audit.report.origin
    try:
        head = _open_head(note, origin, audit.cursor.keys)
    except VerificationError as error:
        if error.code != "ckp.signature" or not _is_waiting(audit):
            raise
        head = _open_head(note, origin, _hinted(audit, _entries(log), roots))
    if (head.size, head.root) != (audit.tree.size, audit.tree.root()):
        raise VerificationError(
            f"{origin}: {audit.tree.size} entries, the signed head has {head.size} or another root",
            code="hos.bundle",
        )


def _is_waiting(audit: LogAudit) -> bool:
    return audit.cursor.projected < audit.tree.size


def _open_head(note: bytes, origin: str, keys: Iterable[KeySpan]) -> SignedCheckpoint:
    spans = tuple(keys)
    return open_sized_checkpoint(
        note,
        origin=origin,
        keys=lambda size: [make_vkey(origin, public) for public in log_keys_at(spans, size)],
    )


def _hinted(audit: LogAudit, entries: Sequence[bytes], roots: Sequence[bytes]) -> Iterable[KeySpan]:
    """Return the keys that records say which wait to be judged (SPEC SYNC-12, VOID-16)."""
    cursor, origin = audit.cursor, audit.report.origin
    waiting = range(cursor.projected, len(entries))
    history = [
        KeyRecord(position, entries[position])
        for position in (
            *cursor.key_records,
            *(one for one in waiting if _is_key_record(entries[one], origin)),
        )
    ]
    for root in roots[:-1]:
        try:
            return open_key_history(history, origin=origin, root=root)
        except VerificationError:
            continue
    return open_key_history(history, origin=origin, root=roots[-1])


def _is_key_record(data: bytes, origin: str) -> bool:
    """Say whether an entry is a key record of a log, signed by the root key that it names."""
    try:
        entry = parse_entry(data)
        record, body = read_record(entry.record, READERS)
        if not isinstance(body, site_keys.Body) or record.log != origin:
            return False
        check_signatures(entry, {key_id(body.root): body.root})
    except SoproError:
        return False
    return True


def _check_roots(audit: LogAudit, roots: Sequence[bytes]) -> None:
    """Hold the keys that were judged to the root keys of the membership (SPEC SYNC-12)."""
    named = {span.public for span in audit.cursor.keys if span.role == Role.ROOT.value}
    if not _is_waiting(audit) and named.isdisjoint(roots):
        raise VerificationError(
            f"{audit.report.origin}: no key record names the root key of its membership",
            code="mem.untrusted",
        )


def _say(audit: LogAudit) -> dict[str, Any]:
    said: dict[str, Any] = {
        "void": {str(index): void.code for index, void in audit.tables.voids.items()}
    }
    if audit.cursor.projected < audit.tree.size:
        said["waits_at"] = audit.cursor.projected
    return said


def follow_labels(auditor: Auditor, audits: Mapping[str, LogAudit]) -> Iterator[Course]:
    """Go through the labels, each on its way from the log that has it first."""

    def find(site: str, entity: bytes) -> Iterator[Stage]:
        for origin, audit in audits.items():
            if origin.split("/")[1] == site:
                yield from _stages(audit, entity)

    for audit in audits.values():
        for entity in audit.tables.labels:
            for stage in _stages(audit, entity):
                yield follow_label(stage, find, successors=auditor.directory.successors)


def _stages(audit: LogAudit, entity: bytes) -> Iterator[Stage]:
    row = audit.tables.entities.get(entity)
    if row is not None and row.family == "label_decision" and isinstance(row.state, bytes):
        label = _LABEL.decode(row.state)
        yield Stage(audit.report.origin, entity, label, row.undetermined)


def _say_label(course: Course, day: int) -> dict[str, Any]:
    stage = course.at(day)
    status, since = status_at(stage.label.decisions, day)[0], course.recorded_by(day)
    return {
        "status": "undetermined" if stage.undetermined else status.word,
        "site": stage.site,
        "decisions": sum(len(one.label.decisions) for one in course.stages),
        "recorded_late": course.is_recorded_late(day),
        **({"on_record": format_day(since)} if since else {}),
    }
