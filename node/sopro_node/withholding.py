"""Withholding entries that should never have been logged: operations by name (see `office`).

A withhold record is signed by the root key, which need not be here: it is planned here, signed by
whoever holds the key, and put into the log as it was signed (SPEC WITHHOLD).
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sopro_node.drafting import Note, Signed
from sopro_node.keyplan import own_keys, write_record
from sopro_node.node import Node
from sopro_protocol.encoding import Value, encode
from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import Record, parse_entry, read_record
from sopro_registry.catalogue import FAMILIES, READERS
from sopro_registry.families import withhold

Answer = dict[str, Any]

_SAID: Mapping[str, Mapping[str, Value]] = {"serve_alone": {"reason": "withheld"}}
"""What is put for fields of free text."""


async def plan_withholding(node: Node, values: Mapping[str, Any]) -> Answer:
    """Write a withhold record for the root key to sign.

    `index`: position of the entry; `reason`; `drop`?: fields of its body that do not hold any
    more either. Answers `record` and `root`, who has to sign it, and `family`.
    """
    held, index = node.log.held, values["index"]
    if node.identity.coordinator:
        raise RefusedError(
            "the coordinator's log is what everybody's rules read; nothing of it can be withheld",
            code="wdh.coordinator",
        )
    data = node.holdings.entry(node.reader, held, index)
    body: Answer = {"index": index, "leaf": leaf_hash(data), "reason": values["reason"]}
    family, instead = _instead(node, data, index, values.get("drop", ()))
    if instead:
        body["instead"] = instead
    record = write_record(node, withhold.FAMILY.title, body, os.urandom(16))
    return {"record": record, "root": own_keys(node).root, "family": family}


def _instead(node: Node, data: bytes, index: int, drop: Sequence[str]) -> tuple[str, bytes]:
    """Write what holds instead of an entry: its record with nothing but what states follow from.

    Of a void entry, which nothing follows from, that is nothing.

    Raises:
        RefusedError: it is of a family that keeps its bytes.
        FormatError: it has no such field.
    """
    try:
        record, body = read_record(parse_entry(data).record, READERS)
    except FormatError:
        return "", b""
    name = record.family.split("/")[0]
    if _is_void(node, index):
        return record.family, b""
    if name in withhold.UNTOUCHABLE or withhold.is_transfer(record):
        raise RefusedError(
            f"entry {index} is a {name} record about the log itself or a transfer; what follows "
            "from it cannot be said without its bytes, so it cannot be withheld",
            code="wdh.instead",
        )
    fields = _known_fields(name, body) | dict(_SAID.get(name, {}))
    for field in drop:
        if field not in fields:
            raise FormatError(
                f"--drop {field}: entry {index} has no such field; it has: {', '.join(fields)}"
            )
        del fields[field]
    envelope: dict[str, Value] = {
        "body": fields,
        "entity": record.entity,
        "family": record.family,
        "log": record.log,
        "salt": os.urandom(16),
        "time": record.time,
        "v": 1,
    }
    for field_name in ("crit", "prev"):
        found = getattr(record, field_name)
        if found is not msgspec.UNSET:
            envelope[field_name] = found
    return record.family, encode(envelope)


def _is_void(node: Node, index: int) -> bool:
    return any(position == index for position, _ in node.reader.voids(1, start=index, limit=1))


def _known_fields(name: str, body: object) -> dict[str, Value]:
    """Return the fields of a body that this version knows; nothing follows from others."""
    if name not in FAMILIES or not isinstance(body, msgspec.Struct):
        return {}
    fields: dict[str, Value] = msgspec.to_builtins(body, builtin_types=(bytes,))
    return fields


async def put_withholding(
    node: Node, values: Mapping[str, Any], note: Note | None = None
) -> Answer:
    """Append a withhold record that was signed by the root key, and leave nothing of the entry.

    `entry`. Answers `index`, and `left`: why something may be on this disk for now, or nothing.
    """
    entry: bytes = values["entry"]
    record: Record = read_record(parse_entry(entry).record, READERS).record
    if record.family != withhold.FAMILY.title:
        raise RefusedError(f"expected a withhold record, got {record.family!r}")
    appended = await node.log.append(Signed(entry), note=note)
    return {"index": appended.index, "left": await node.eraser.follow()}
