"""Bytes and values with one thing changed."""

import random

from sopro_conformance.wire.codec import Value, decode, encode
from sopro_conformance.wire.records import write_entry
from sopro_conformance.world.sitelog import SiteLog, role_of


def change(value: Value, source: random.Random) -> Value:
    """Return another value, mostly of the same type."""
    if isinstance(value, list):
        return _change_array(value, source)
    if isinstance(value, dict):
        return _change_map(value, source)
    if isinstance(value, int):
        return source.choice([0, 1, value + 1, max(0, value - 1), 2**53 - 1])
    if isinstance(value, bytes):
        return source.choice([value[:-1], value + b"x", source.randbytes(len(value))])
    if isinstance(value, str):
        return source.choice(["", value + "x", value[:-1], "2026-03-01", "active", "é" * 600])
    return 1


def _change_array(value: list[Value], source: random.Random) -> Value:
    choices: list[Value] = [[], value + value, value[:-1], [*value, 1]]
    if value:
        at = source.randrange(len(value))
        choices += [[*value[:at], change(value[at], source), *value[at + 1 :]]] * 4
    return source.choice(choices)


def _change_map(value: dict[str, Value], source: random.Random) -> Value:
    name = source.choice(sorted(value)) if value else "a"
    changed = value | {name: change(value.get(name, 1), source)}
    without = {key: one for key, one in value.items() if key != name}
    return source.choice([changed, changed, without, value | {"zz": 1}])


def mutate_entry(entry: bytes, log: SiteLog, source: random.Random) -> bytes:
    """Change a byte, or one field of the record and sign it again."""
    if source.random() < 0.3:
        at = source.randrange(len(entry))
        return entry[:at] + bytes([source.randrange(256)]) + entry[at + 1 :]
    try:
        record, signatures = decode(entry)  # type: ignore[misc]
        fields = decode(record)  # type: ignore[arg-type]
    except ValueError:
        return entry[:-1]
    if not isinstance(fields, dict):
        return entry[:-1]
    if source.random() < 0.2:
        return encode([record, change(signatures, source)])  # type: ignore[list-item]
    name = source.choice(sorted(fields))
    family = str(fields.get("family", "unknown/1"))
    fields[name] = change(fields[name], source)
    return write_entry(encode(fields), [log.keys[role_of(family)]])
