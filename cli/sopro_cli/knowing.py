"""What whole logs say of a certificate, for `verify` of kind `certificate` of the protocol."""

import base64
from collections.abc import Mapping
from typing import Any

from sopro_cli.judging import Audited, audit_logs, follow_labels
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.knowledge import Gone, Knowledge, KnownLog, read_gone


def know_logs(request: Mapping[str, Any]) -> Knowledge:
    """Judge the logs that are handed over beside a certificate (SPEC CERT-16, CERT-18).

    Raises:
        KeyError: a field is missing.
        ValueError: a field is not what it has to be.
    """
    coordinator = str(request["coordinator"])
    root = base64.b64decode(request["root"], validate=True)
    audited = audit_logs(coordinator, root, request["logs"])
    entries = {
        str(one["origin"]): [base64.b64decode(entry, validate=True) for entry in one["entries"]]
        for one in request["logs"]
    }
    followed = follow_labels(audited.auditor, audited.logs)
    courses = {one.stages[0].label.number: one for one in followed}
    held = audited.logs.get(coordinator)
    size = held.cursor.projected if held is not None else 0

    def look(origin: str) -> KnownLog | None:
        recorded = entries.get(coordinator, [])
        gone = None if origin == coordinator else _find_gone(audited, origin, recorded)
        return _know(audited, origin, entries.get(origin, []), gone)

    return Knowledge(size, look, courses.get)


def _know(
    audited: Audited, origin: str, entries: list[bytes], gone: Gone | None
) -> KnownLog | None:
    audit = audited.logs.get(origin)
    beginning = audited.auditor.directory.beginning(origin) or b""
    if audit is None:
        if gone is None and not beginning:
            return None
        return KnownLog(0, lambda _: b"", {}, lambda _: None, beginning, gone)
    cursor = audit.cursor
    return KnownLog(
        cursor.projected,
        audit.tree.root_at,
        {position: leaf_hash(entries[position]) for position in cursor.key_records},
        audit.tables.voids.get,
        beginning,
        gone,
        cursor.last_time,
    )


def _find_gone(audited: Audited, origin: str, recorded: list[bytes]) -> Gone | None:
    """Return that a site takes no part any more with a log, by its latest membership."""
    latest = audited.auditor.directory.last_word(origin)
    if latest is None:
        return None
    position, body = latest
    record, _ = read_record(parse_entry(recorded[position]).record, READERS)
    return read_gone(body, origin, time=record.time)
