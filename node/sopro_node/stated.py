"""What a member's statement of conformance says, where its log is held (SPEC CONF-6)."""

from msgspec import UNSET

from sopro_node.heldlog import HeldLog
from sopro_node.node import Node
from sopro_protocol.errors import SoproError
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS, decode_state
from sopro_registry.families import site_membership
from sopro_registry.families.conformance_statement import FAMILY, Body, State


def profiles_of(node: Node, member: site_membership.Body) -> list[str]:
    """Return the profiles of the statement that a membership names.

    None where it names none, or where the record is in no log that this node holds.
    """
    if member.conformance is UNSET:
        return []
    for held in node.holdings.logs.values():
        if held.site == member.site:
            for _, _, data in node.reader.entities(held.number, FAMILY.name):
                state = decode_state(FAMILY.name, data)
                body = _read(node, held, state.index) if isinstance(state, State) else None
                if body is not None and body[0] == member.conformance:
                    return list(body[1].profiles)
    return []


def _read(node: Node, held: HeldLog, index: int) -> tuple[bytes, Body] | None:
    """Return the entry id and the body of a statement; None where it cannot be read any more."""
    try:
        entry = node.holdings.entry(node.reader, held, index)
        body = read_record(parse_entry(entry).record, READERS).body
    except SoproError:  # withheld, above all
        return None
    return (leaf_hash(entry), body) if isinstance(body, Body) else None
