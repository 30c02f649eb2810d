"""anchor/1: how another log goes on, as its site decides in its own log (SPEC ANCHOR, SUCC).

Where the coordinator's log has two histories nobody above the members can say which one holds. Each
member that decides so names the root of one of them, right behind the last entry both share. Where
the coordinator is gone, each names the head it has left, and who goes on from there.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.evidence import Fork, parse_evidence
from sopro_protocol.keys import Role, check_public_key
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Bytes32, Count, Origin, Url

MAX_FILE = 24_576
"""Bytes of evidence that fit into a record beside the rest."""


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a log goes on; alike at every member that means the same.

    Attributes:
        evidence: file that proves the two histories, which differ in their first `size` entries;
            absent where a successor is appointed.
        leaves: leaf hashes at position `size` - 1 under its two heads, which show that they share
            every entry before; absent where one history cannot be seen.
        origin: of the log.
        root: of the first `size` entries of the history that holds, or of the log as it was left.
        size: at which the two have different roots, or of the log as it was left.
        successor: public root key of who goes on with a log whose site is gone.
        urls: where the successor answers.
    """

    evidence: Annotated[bytes, Meta(min_length=1, max_length=MAX_FILE)] | UnsetType = UNSET
    leaves: Annotated[list[Bytes32], Meta(min_length=2, max_length=2)] | UnsetType = UNSET
    origin: Origin
    root: Bytes32
    size: Count
    successor: Bytes32 | UnsetType = UNSET
    urls: Annotated[list[Url], Meta(min_length=1, max_length=8)] | UnsetType = UNSET


class State(Struct, frozen=True, array_like=True):
    """One such decision."""

    index: int
    origin: str
    size: int
    root: bytes


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Keep the decision; a site decides once between histories that part at one place.

    It also appoints once who goes on from one size.

    Raises:
        RefusedError: `anc.log` about the log it stands in, `anc.evidence` where the evidence is
            about something else, or something else is there, `anc.again` for a second decision,
            `sig.weak-key` for a successor that is no root key.
    """
    body = fact.body
    if body.origin == view.origin:
        raise RefusedError("anchor: a log does not say which history of it holds", code="anc.log")
    name = f"{body.origin} {body.size}"
    if body.successor is not UNSET:
        _check_successor(body, body.successor)
        name = f"{body.origin} after {body.size}"
    else:
        read_fork(body)
    if state is not None or view.exists_named("anchor", name):
        raise RefusedError(
            f"anchor: this site has decided already how {body.origin} goes on at size "
            f"{body.size}; a decision is never changed",
            code="anc.again",
        )
    return Change(State(fact.index, body.origin, body.size, body.root), names=(name,))


def _check_successor(body: Body, successor: bytes) -> None:
    if body.evidence is not UNSET or body.leaves is not UNSET or body.urls is UNSET:
        raise RefusedError(
            "anchor: a successor, expected with its urls and without evidence", code="anc.evidence"
        )
    try:
        check_public_key(successor)
    except FormatError as error:
        raise RefusedError(f"anchor: {error}", code="sig.weak-key") from None


def read_fork(body: Body) -> Fork:
    """Return the two histories a body decides between; nothing is verified.

    Raises:
        RefusedError: `anc.evidence`, it has none, or its evidence is about something else.
    """
    if body.evidence is UNSET or body.successor is not UNSET or body.urls is not UNSET:
        raise RefusedError("anchor: neither evidence nor a successor", code="anc.evidence")
    try:
        fork = parse_evidence(body.evidence).fork
    except FormatError as error:
        raise RefusedError(f"anchor: {error}", code="anc.evidence") from None
    if (fork.origin, fork.size) != (body.origin, body.size):
        raise RefusedError(
            f"anchor: evidence about {fork.origin[:80]} at size {fork.size}, expected "
            f"{body.origin[:80]} at size {body.size}",
            code="anc.evidence",
        )
    if body.root not in (head.root for head in fork.heads):
        raise RefusedError("anchor: the root is of neither history", code="anc.evidence")
    return fork


FAMILY = Family("anchor", 1, Body, State, Role.ROOT, Place.ANY, apply)
