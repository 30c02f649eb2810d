"""Whole logs judged from their bytes alone, for `verify` of kind `logs` of the adapter protocol."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from sopro_node.audit import Auditor, LogAudit
from sopro_protocol.errors import SoproError, VerificationError
from sopro_protocol.tile import WIDTH
from sopro_registry.fields import day_of
from sopro_registry.label import Label, status_at
from sopro_registry.transfer import Course, Stage, follow_label

_LABEL: Final = msgspec.msgpack.Decoder(Label)


def judge_logs(request: Mapping[str, Any]) -> dict[str, Any]:
    """Judge logs; returns what `ok` gives.

    Raises:
        KeyError: a field is missing.
        ValueError: a field is not what it has to be.
    """
    coordinator = str(request["coordinator"])
    auditor = Auditor(coordinator)
    logs = {str(one["origin"]): one for one in request["logs"]}
    root = base64.b64decode(request["root"], validate=True)
    refused: dict[str, str] = {}
    audits: dict[str, LogAudit] = {}
    # Without the coordinator's log nobody else is a member.
    for origin in sorted(logs, key=lambda one: one != coordinator):
        key = root if origin == coordinator else auditor.directory.founding_root(origin)
        try:
            audits[origin] = _audit(auditor, origin, key, logs[origin])
        except SoproError as error:
            refused[origin] = error.code
    day = day_of(request["day"], field="day")
    return {
        "logs": {origin: _say(audit) for origin, audit in audits.items()},
        "refused": refused,
        "labels": dict(_labels(auditor, audits, day)),
        "members": {one.site: one.status for one in auditor.directory.members()},
    }


def _audit(auditor: Auditor, origin: str, root: bytes | None, log: Mapping[str, Any]) -> LogAudit:
    if root is None:
        raise VerificationError(f"{origin}: no member's log", code="mem.untrusted")
    entries = [base64.b64decode(one, validate=True) for one in log["entries"]]
    audit = auditor.begin(origin, root)
    for start in range(0, len(entries), WIDTH):
        audit.feed(entries[start : start + WIDTH], ())
    if not audit.cursor.keys or audit.tables.voids.get(0):
        raise VerificationError(f"{origin}: entry 0 does not count", code="mem.untrusted")
    audit.finish()
    head = audit.open_head(base64.b64decode(log["checkpoint"], validate=True))
    if head is None or audit.problems.listed():
        auditor.audits.remove(audit)
        raise VerificationError("; ".join(audit.problems.listed()), code="ckp.signature")
    return audit


def _say(audit: LogAudit) -> dict[str, Any]:
    said: dict[str, Any] = {
        "void": {str(index): void.code for index, void in audit.tables.voids.items()}
    }
    if audit.cursor.projected < audit.tree.size:
        said["waits_at"] = audit.cursor.projected
    return said


def _labels(
    auditor: Auditor, audits: Mapping[str, LogAudit], day: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go through the labels, each where it is on that day."""

    def find(site: str, entity: bytes) -> Iterator[Stage]:
        for origin, audit in audits.items():
            if origin.split("/")[1] == site:
                yield from _stages(audit, entity)

    for audit in audits.values():
        for entity in audit.tables.labels:
            for stage in _stages(audit, entity):
                course = follow_label(stage, find, successors=auditor.directory.successors)
                yield stage.label.number, _say_label(course, day)


def _stages(audit: LogAudit, entity: bytes) -> Iterator[Stage]:
    row = audit.tables.entities.get(entity)
    if row is not None and row.family == "label_decision" and isinstance(row.state, bytes):
        label = _LABEL.decode(row.state)
        yield Stage(audit.report.origin, entity, label, row.undetermined)


def _say_label(course: Course, day: int) -> dict[str, Any]:
    stage = course.at(day)
    status = status_at(stage.label.decisions, day)[0]
    return {
        "status": "undetermined" if stage.undetermined else status.word,
        "site": stage.site,
        "decisions": sum(len(one.label.decisions) for one in course.stages),
    }
