"""The root key: where it is, and the proof that one follows another."""

from sopro_node.keyrecords import list_key_records
from sopro_node.node import Node
from sopro_protocol.keys import Role
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.families import site_keys, site_membership


def current_root(node: Node) -> bytes:
    """Return the public root key of this site as its log says."""
    return next(
        (
            span.public
            for span in node.log.held.keys
            if span.role == Role.ROOT.value and span.until is None
        ),
        node.identity.root,
    )


def roots_of_site(node: Node, member: site_membership.Body) -> set[bytes]:
    """Return the root keys that may speak for a member: the named one and its log's own.

    One that the site's log has replaced may not, though the membership still names it.
    """
    held = node.holdings.logs.get(member.origin)
    spans = [span for span in held.keys if span.role == Role.ROOT.value] if held else []
    current = {span.public for span in spans if span.until is None}
    return (current | {member.root}) - {span.public for span in spans if span.until is not None}


def prove_succession(
    node: Node, before: site_membership.Body | None, root: bytes
) -> dict[str, list[bytes]]:
    """Return the field that proves a member's new root key, where it has one (SPEC MEM-4)."""
    held = node.holdings.logs.get(before.origin) if before else None
    if before is None or held is None or before.root == root:
        return {}
    records = [
        (body.root, one.entry)
        for one in list_key_records(node.reader, node.holdings, held)
        if isinstance(
            body := read_record(parse_entry(one.entry).record, READERS).body, site_keys.Body
        )
    ]
    proof: list[tuple[bytes, bytes]] = []
    for number, (named, entry) in enumerate(records):
        is_first = number == 0 or records[number - 1][0] != named
        is_last = number + 1 == len(records) or records[number + 1][0] != named
        # Of each root key the record it came with, and the one that commits to the next.
        if is_last or (is_first and proof):
            proof.append((named, entry))
    start = max((at for at, (named, _) in enumerate(proof) if named == before.root), default=0)
    end = next((at for at, (named, _) in enumerate(proof) if named == root), len(proof) - 1)
    return {"succession": [entry for _, entry in proof[start : end + 1]]}
