"""The key records of the logs this node holds, as they are stored."""

from sopro_node.holdings import HeldLog, Holdings
from sopro_node.store.base import Reader
from sopro_registry.catalogue import decode_state
from sopro_registry.families import site_keys
from sopro_registry.keyhistory import KeyRecord


def read_keys(reader: Reader, log: int) -> site_keys.State | None:
    """Return what the key records of a log say; None before the first that counts."""
    for _, _, data in reader.entities(log, "site_keys"):
        state = decode_state("site_keys", data)
        if isinstance(state, site_keys.State):
            return state
    return None


def list_key_records(reader: Reader, holdings: Holdings, held: HeldLog) -> list[KeyRecord]:
    """Return the key records that count under the head this node serves."""
    state = read_keys(reader, held.number)
    return [
        KeyRecord(position, holdings.entry(reader, held, position))
        for position in (state.positions if state else ())
        if position < held.signed_size
    ]
