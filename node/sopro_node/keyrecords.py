"""The key records of the logs this node holds, as they are stored."""

from collections.abc import Iterable, Mapping

from msgspec import UNSET

from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS, decode_state
from sopro_registry.families import site_keys
from sopro_registry.fields import format_day
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


def write_renewals(days: Mapping[bytes, str]) -> dict[str, list[dict[str, object]]]:
    """Write the field of a key record that says until when keys are to be used."""
    said: list[dict[str, object]] = [
        {"by": by, "key": public} for public, by in sorted(days.items())
    ]
    return {"renew_by": said} if said else {}


def renew_after(publics: Iterable[bytes], *, today: int, days: int) -> dict[bytes, str]:
    """Return the last day of new keys; nothing where they have none."""
    return {public: format_day(today + days) for public in publics} if days else {}


def read_renewals(reader: Reader, holdings: Holdings, held: HeldLog) -> dict[bytes, str]:
    """Return until when the keys in force are to be used, as the latest key record says."""
    body = _latest(reader, holdings, held)
    if body is None or body.renew_by is UNSET:
        return {}
    named = {body.root, *(one.public for one in body.keys)}
    return {one.key: one.by for one in body.renew_by if one.key in named}


def read_approvers(reader: Reader, holdings: Holdings, held: HeldLog) -> list[str]:
    """Return who may approve a new root key of a site, as its latest key record says."""
    body = _latest(reader, holdings, held)
    return [] if body is None or body.approvers is UNSET else body.approvers


def list_named(reader: Reader, holdings: Holdings, held: HeldLog, root: bytes) -> set[str]:
    """Return whom any key record by a root key names: no later one takes that back (STATE-15)."""
    found: set[str] = set()
    for one in list_key_records(reader, holdings, held):
        _, body = read_record(parse_entry(one.entry).record, READERS)
        if isinstance(body, site_keys.Body) and body.root == root and body.approvers is not UNSET:
            found.update(body.approvers)
    return found


def find_mandate(
    reader: Reader, holdings: Holdings, held: HeldLog, root: bytes
) -> tuple[bytes, list[str]] | None:
    """Return the last key record by a root key, and whom it names to approve a new one (MEM-10).

    None where it names nobody, or that root key has signed none.
    """
    for one in reversed(list_key_records(reader, holdings, held)):
        _, body = read_record(parse_entry(one.entry).record, READERS)
        if isinstance(body, site_keys.Body) and body.root == root:
            return None if body.approvers is UNSET else (one.entry, body.approvers)
    return None


def _latest(reader: Reader, holdings: Holdings, held: HeldLog) -> site_keys.Body | None:
    state = read_keys(reader, holdings, held)
    if state is None or not state.positions:
        return None
    entry = holdings.entry(reader, held, state.positions[-1])
    _, body = read_record(parse_entry(entry).record, READERS)
    return body if isinstance(body, site_keys.Body) else None
