"""What a store keeps of a log, compared with what follows from its entries."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import msgspec

from sopro_node.audit.judging import LogAudit
from sopro_node.store.base import Reader
from sopro_registry.tables import Cursor, EntityRow

K = TypeVar("K")
V = TypeVar("V")


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
