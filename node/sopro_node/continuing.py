"""Logs that go on in others: what a site asks for, and what its coordinator checks (SPEC EPOCH)."""

from collections.abc import Mapping
from typing import Any

from sopro_node.node import Node
from sopro_node.rootkeys import current_root
from sopro_protocol.checkpoint import parse_checkpoint_text
from sopro_protocol.encoding import Value
from sopro_protocol.errors import RefusedError
from sopro_protocol.note import parse_note
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.epoch import open_epoch
from sopro_registry.families import site_keys, site_membership
from sopro_registry.fields import End


def continued(node: Node) -> dict[str, Value]:
    """Return the field of a request by which the coordinator closes the log before (JOIN-1)."""
    own = node.log.held
    member = node.holdings.directory.membership(own.site)
    if not own.size or (member is not None and member.origin == own.origin):
        return {}
    entry = node.holdings.entry(node.reader, own, 0)
    _, body = read_record(parse_entry(entry).record, READERS)
    is_later = isinstance(body, site_keys.Body) and isinstance(body.continues, End)
    return {"epoch": entry} if is_later and current_root(node) else {}


def describe_end(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Say which log a request asks to close and where; None where it asks for no such thing."""
    if "epoch" not in request:
        return None
    end = _open(request)
    return {"origin": end.origin, "size": end.size, "root": end.root.hex()}


def check_log(member: site_membership.Body | None, request: Mapping[str, Any]) -> None:
    """Hold a site's request to the log that the federation knows.

    Raises:
        RefusedError: `mem.epoch`, it asks with another one, and that does not continue it.
    """
    if member is None:
        if "epoch" in request:
            raise RefusedError(
                f"no site {request['site']!r} is known here, so none of its logs can be continued",
                code="mem.epoch",
            )
        return
    if "epoch" in request:
        end = _open(request)
        if end.origin != member.origin or member.status != "admitted":
            raise RefusedError(
                f"the log of {member.site}, which is {member.status}, is {member.origin}; "
                f"{request['origin']} would continue {end.origin}",
                code="mem.epoch",
            )
    elif request["origin"] != member.origin:
        raise RefusedError(
            f"the log of {member.site} is {member.origin}; {request['origin'][:80]} does not "
            "continue it",
            code="mem.epoch",
        )


def check_end(node: Node, member: site_membership.Body, request: Mapping[str, Any]) -> End:
    """Hold the end of a log to what this coordinator has verified of it (SPEC EPOCH-3).

    Raises:
        RefusedError: `mem.epoch`, it ends elsewhere.
    """
    check_log(member, request)
    end = _open(request)
    held = node.holdings.logs.get(end.origin)
    size = held.signed_size if held is not None else 0
    if held is None or end.size > size:
        raise RefusedError(
            f"{end.origin}: cannot be closed at size {end.size}, the largest head verified here "
            f"has size {size}; this node takes the rest from whoever serves it: 'sopro sync', then "
            "try again",
            code="mem.epoch",
        )
    if end.size < size:
        raise RefusedError(
            f"{end.origin}: cannot be closed at size {end.size}, the largest head verified here "
            f"has size {size} and nothing of it may be cut off; the site runs 'sopro recover "
            "--new-epoch' again when this node can be reached",
            code="mem.epoch",
        )
    if held.tree.root_at(end.size) != end.root or node.evidence.standing(end.origin):
        raise RefusedError(
            f"{end.origin}: has two histories; they are settled first, with 'sopro members "
            f"release DIRECTORY {member.site}'",
            code="mem.epoch",
        )
    return end


def known_beyond(node: Node, end: End) -> int:
    """Return how many entries beyond the end this node's witness has cosigned a head of."""
    heads = [row.note for row in node.reader.others.witness_heads() if row.origin == end.origin]
    cosigned = [parse_checkpoint_text(parse_note(note).text).size for note in heads]
    return max([0, *(size - end.size for size in cosigned)])


def _open(request: Mapping[str, Any]) -> End:
    return open_epoch(request["epoch"], origin=request["origin"], root=request["root"])
