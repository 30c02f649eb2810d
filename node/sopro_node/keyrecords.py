"""The key records of the logs this node holds, as they are stored."""

from sopro_node.holdings import HeldLog, Holdings
from sopro_node.store.base import Reader
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS, decode_state
from sopro_registry.families import site_keys
from sopro_registry.keyhistory import KeyRecord


def read_keys(reader: Reader, holdings: Holdings, held: HeldLog) -> site_keys.State | None:
    """Return what the key records of a log say; None before the first that counts."""
    if not held.keys:
        return None
    first, _ = read_record(parse_entry(holdings.entry(reader, held, 0)).record, READERS)
    row = reader.entity(held.number, first.entity)
    if row is None or not isinstance(row.state, bytes):
        return None
    state = decode_state(row.family, row.state)
    return state if isinstance(state, site_keys.State) else None


def list_key_records(reader: Reader, holdings: Holdings, held: HeldLog) -> list[KeyRecord]:
    """Return the key records that count under the head this node serves."""
    return [
        KeyRecord(position, holdings.entry(reader, held, position))
        for position in held.cursor.key_records
        if position < held.signed_size
    ]
