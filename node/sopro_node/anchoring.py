"""Planning a site's anchor: how the coordinator's log goes on (SPEC ANCHOR, SUCC).

Where it has two histories, a person names the root of a head. What has to be shown with it is taken
from another member's anchor that says the same, or is asked of the nodes that serve the other
history. Where the coordinator is gone, a person names the root key of who goes on.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET

from sopro_node.evidence import Kept
from sopro_node.fetch import Fetch
from sopro_node.forks import Parting, find_parting, head_of
from sopro_node.heldlog import HeldLog
from sopro_node.keyplan import write_record
from sopro_node.node import Node
from sopro_node.peer import Peer
from sopro_node.rootkeys import current_root
from sopro_protocol.checkpoint import open_sized_checkpoint
from sopro_protocol.errors import FormatError, PeerError, RefusedError, VerificationError
from sopro_protocol.evidence import MAX_HEAD, Fork, parse_evidence
from sopro_protocol.keys import VerifierKey, make_vkey
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.anchors import Held, shares_all_before
from sopro_registry.catalogue import READERS
from sopro_registry.families import anchor, log_state
from sopro_registry.keyhistory import log_keys_at

Answer = dict[str, Any]


async def plan_anchor(node: Node, values: Mapping[str, Any]) -> Answer:
    """Write an anchor for this site's root key to sign. `keep`: first hex digits of a root.

    Answers `record`, `root` (who has to sign it), and `size` and `kept`, what it says.

    Raises:
        RefusedError: nothing is in doubt, or the root does not say which history is meant.
    """
    origin = node.holdings.coordinator_origin or ""
    await node.anchors.count()
    held, standing = node.holdings.logs.get(origin), node.evidence.standing(origin)
    if node.identity.coordinator:
        raise RefusedError(
            "the coordinator does not say which history of its own log holds; its members do"
        )
    if held is None or not standing:
        raise RefusedError(
            "no evidence stands against the coordinator's log, so there is nothing to settle"
        )
    named = _Named(held, standing, str(values["keep"]))
    shown, bare = await _said_by_others(node, named)
    body = shown or await _show_parting(node, named) or bare or _confirm_held(node, named)
    fields = {name: getattr(body, name) for name in body.__struct_fields__}
    known = {name: value for name, value in fields.items() if value is not UNSET}
    record = write_record(node, anchor.FAMILY.title, known, os.urandom(16))
    return {
        "record": record,
        "root": current_root(node),
        "size": body.size,
        "kept": body.root,
    }


async def plan_successor(node: Node, values: Mapping[str, Any]) -> Answer:
    """Write an anchor that appoints who goes on for the coordinator, for the root key to sign.

    `successor`: its public root key; `urls`: where it answers. Answers `record`, `root` (who has to
    sign it), `size`, what it says of the log as it was left, and `smaller` and `larger`: sites that
    have named a smaller or a larger size. Whoever names a larger one need not hold it, so that
    nobody can keep the others from going on.

    Raises:
        RefusedError: the coordinator answers, its log has two histories, or another head or
            successor has to be named.
    """
    node.anchors.look()
    successor = bytes(values["successor"])
    urls = tuple(url.rstrip("/") for url in values["urls"])
    held = node.holdings.coordinator
    if node.identity.coordinator or held is None:
        raise RefusedError("the members appoint who goes on for the coordinator; this is none")
    _check_gone(node, held)
    _check_fresh(node, held, successor)
    root = held.tree.root_at(held.signed_size)
    said = node.anchors.succession.awaited
    for one in said:
        is_same = (one.successor, one.urls) == (successor, urls)
        if one.is_settled and not (is_same and one.size == held.signed_size):
            raise RefusedError(
                f"{', '.join(one.by)} have appointed {one.successor.hex()} at size {one.size} "
                f"already, and that is enough; it answers at {', '.join(one.urls)}"
            )
    body = {
        "origin": held.origin,
        "root": root,
        "size": held.signed_size,
        "successor": successor,
        "urls": list(urls),
    }
    return {
        "record": write_record(node, anchor.FAMILY.title, body, os.urandom(16)),
        "root": current_root(node),
        "size": held.signed_size,
        "smaller": sorted({site for one in said if one.size < held.signed_size for site in one.by}),
        "larger": sorted({site for one in said if one.size > held.signed_size for site in one.by}),
    }


def _check_fresh(node: Node, held: HeldLog, successor: bytes) -> None:
    """Refuse a key that can never be the successor's, because a decision is not changed."""
    roots = {one.root for one in node.holdings.directory.members()}
    if successor in roots or any(one.public == successor for one in held.keys):
        raise RefusedError(
            f"{successor.hex()} is a key of the coordinator or of a member already; name the new "
            "root key that 'sopro federation take-over' has printed",
            code="mem.key",
        )


def _check_gone(node: Node, held: HeldLog) -> None:
    if node.evidence.standing(held.origin):
        raise RefusedError(
            "the coordinator's log has two histories; first decide which of them holds: "
            f"sopro anchor {node.folder} --keep ROOT"
        )
    state = node.exchange.peers.get(held.origin)
    if state is not None and state.confirmed and not state.failures:
        raise RefusedError(
            "the coordinator's node answers; it is replaced only where it is gone. Where its keys "
            "are lost, have its people stop it first"
        )
    last = node.holdings.entry(node.reader, held, held.signed_size - 1)
    _, state_body = read_record(parse_entry(last).record, READERS)
    if not isinstance(state_body, log_state.Body) or state_body.members is UNSET:
        raise RefusedError(
            f"entry {held.signed_size - 1} of the coordinator's log does not say who its members "
            "are; it was left by an older version, and nobody can be appointed in its place"
        )


class _Named(NamedTuple):
    """What a person has named of the histories in doubt.

    Attributes:
        held: what this node holds.
        standing: evidence, whose heads can be named.
        keep: first digits of a root.
    """

    held: HeldLog
    standing: Sequence[Kept]
    keep: str

    def side_of(self, fork: Fork) -> bytes | None:
        """Return the root, of the two of a fork, whose history is meant; None where unclear."""
        roots, tree = {head.root for head in fork.heads}, self.held.tree
        own = tree.root_at(fork.size) if fork.size <= self.held.size else b""
        named = {
            head.root
            for head in fork.heads
            if self._names(head.root) or self._names(head_of(head.note).root)
        }
        for size, root in (head for one in self.standing for head in one.heads):
            if self._names(root):
                is_own = size <= self.held.size and tree.root_at(size) == root
                named |= {own} if is_own else roots - {own}
        return named.pop() if len(named) == 1 and own in roots else None

    def is_indirect(self, body: anchor.Body) -> bool:
        """Say whether a body is about other heads than the one that is named."""
        fork = anchor.read_fork(body)
        return not any(
            self._names(head.root) or self._names(head_of(head.note).root) for head in fork.heads
        )

    def _names(self, root: bytes) -> bool:
        return root.hex().startswith(self.keep)


async def _said_by_others(
    node: Node, named: _Named
) -> tuple[anchor.Body | None, anchor.Body | None]:
    """Return what other members have said that names the history that is meant.

    First what shows where the histories part, then what confirms the history held here. What this
    site has decided already is left out: it decides once, so nobody's words are taken unchecked.
    """
    held, shown, bare = named.held, None, None
    ballots = await node.anchors.ballots()
    decided = {one.body.size for one in ballots if one.site == node.identity.site}
    for body in sorted((one.body for one in ballots), key=named.is_indirect):
        if body.size in decided or named.side_of(anchor.read_fork(body)) != body.root:
            continue
        own = held.tree.root_at(body.size) if body.size <= held.size else None
        known = Held(held.size, held.tree.read, own)
        if shares_all_before(body, anchor.read_fork(body), known):
            shown = shown or body
        elif body.leaves is UNSET and own == body.root:
            bare = bare or body
    return shown, bare


async def _show_parting(node: Node, named: _Named) -> anchor.Body | None:
    """Ask who serves the other history where it parts; None where nobody does."""
    found = await _partings(node, named.held)
    meant = {
        (one.fork.size, root): one for one in found if (root := named.side_of(one.fork)) is not None
    }
    if len(meant) != 1:
        return None
    [((size, root), parting)] = meant.items()
    return anchor.Body(
        evidence=_fitting(node.evidence.write(parting.fork)),
        leaves=list(parting.leaves),
        origin=named.held.origin,
        root=root,
        size=size,
    )


def _confirm_held(node: Node, named: _Named) -> anchor.Body:
    """Confirm the history that is held against a head whose entries nobody serves."""
    held = named.held
    for one in sorted(named.standing, key=lambda kept: kept.size):
        file = node.reader.others.evidence_file(one.id)
        root = named.side_of(parse_evidence(file).fork) if file else None
        if file and root is not None and root == held.tree.root_at(one.size):
            return anchor.Body(
                evidence=_fitting(file), origin=held.origin, root=root, size=one.size
            )
    roots = sorted({root.hex()[:16] for one in named.standing for _, root in one.heads})
    raise RefusedError(
        f"{held.origin}: --keep {named.keep[:64]}: expected the first digits of the root of one "
        f"of the heads in evidence, {' or '.join(roots)}; where that is of a history which this "
        "node does not hold, a node that serves it must be reachable"
    )


async def _partings(node: Node, held: HeldLog) -> list[Parting]:
    """Ask every other node which history of a log it serves, and where it parts from ours."""
    found = []
    path = held.path
    async with Fetch(node.settings.fetch_seconds, reach=node.settings.reach) as fetch:
        for base in _bases(node, path):
            try:
                note = (await fetch.get(f"{base}/checkpoint", limit=MAX_HEAD)).body
                signed = open_sized_checkpoint(
                    note, origin=held.origin, keys=lambda size: _log_keys(held, size)
                )
                parting = await find_parting(held, signed, Peer(fetch, (base,)).tile)
            except (FormatError, PeerError, VerificationError):
                continue
            if parting is not None:
                found.append(parting)
    return found


def _bases(node: Node, path: str) -> Iterator[str]:
    invite = node.invite
    urls = list(invite.urls) if invite else []
    for member in node.holdings.directory.members():
        if member.site != node.identity.site:
            urls += member.urls
    for url in dict.fromkeys(url.rstrip("/") for url in urls):
        yield url + path


def _log_keys(held: HeldLog, size: int) -> list[VerifierKey]:
    return [make_vkey(held.origin, public) for public in log_keys_at(held.keys, size)]


def _fitting(evidence: bytes) -> bytes:
    if len(evidence) > anchor.MAX_FILE:
        raise RefusedError(
            f"the evidence has {len(evidence)} bytes, and {anchor.MAX_FILE} fit into a record"
        )
    return evidence
