"""How the start fence stands: its states, what it must not forget, and its words for people."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from sopro_node.heldlog import HeldLog
from sopro_node.log import Closed
from sopro_node.store.base import Reader, Store
from sopro_protocol.keys import VerifierKey, make_vkey
from sopro_registry.keyhistory import log_keys_at

_SETTING: Final = "fence"


class State(StrEnum):
    """How the fence stands.

    Attributes:
        OPEN: the log takes records.
        ASKING: no peer has answered since the start.
        BEHIND: peers hold more of the log than the disk does.
        DOUBLE: another process signs with this site's key.
        FORKED: two histories of this log carry its signature.
        CLOSED: another log continues this one.
        OTHER: the membership names another beginning of this log.
    """

    OPEN = "open"
    ASKING = "asking"
    BEHIND = "behind"
    DOUBLE = "double"
    FORKED = "forked"
    CLOSED = "closed"
    OTHER = "other"


SETTLED: Final = frozenset({State.OPEN, State.FORKED, State.CLOSED, State.OTHER})
"""The states in which nobody has to be waited for."""


class Kept(Struct, frozen=True, kw_only=True):
    """What the fence must not forget when the process ends.

    Attributes:
        known: the largest head with our signature that the disk did not hold yet.
        start: size of the disk's log when that was found out.
        fork: two heads with our signature that exclude one another.
        is_restored: the directory came from a backup, so the list of peers may be too old.
        settled: how much had been settled about two histories of this log by then.
    """

    known: bytes = b""
    start: int = 0
    fork: tuple[bytes, bytes] | None = None
    is_restored: bool = False
    settled: int = 0


def load_kept(store: Reader) -> Kept:
    """Read what the fence of a directory must not forget."""
    data = store.setting(_SETTING)
    return msgspec.msgpack.decode(data, type=Kept) if data else Kept()


def save_kept(store: Store, kept: Kept) -> None:
    """Keep it, inside the caller's transaction."""
    store.put_setting(_SETTING, msgspec.msgpack.encode(kept))


ALONE: Final = (
    "if no other node can be reached for long, and nothing newer of this site can exist, "
    "open it with: sopro serve DIRECTORY --alone REASON"
)
DOUBLE: Final = (
    "another process signs with this site's keys: stop it, and then start this node again"
)
FORKED: Final = (
    "two histories of this site's log carry its signature, so nothing may be signed in it until "
    "the coordinator has settled which one holds; tell its operator"
)
FORKED_COORDINATOR: Final = (
    "two histories of the coordinator's log carry its signature, so nothing may be signed in it "
    "until enough members have anchored the one on this disk; agree with them which one holds, and "
    "each runs: sopro anchor DIRECTORY --keep ROOT"
)
ABANDONED: Final = (
    "the others go on with another history of this log than the one on this disk, so nothing may "
    "ever be signed in this one; make the directory anew from theirs with: sopro recover "
    "DIRECTORY --from-peers"
)


CLOSED: Final = (
    "another log of this site continues this one, so nothing may be signed in it; start the node "
    "from the directory of that log, or make it with: sopro recover DIRECTORY --from-peers"
)


OTHER: Final = (
    "this log was begun in another directory, too, and the federation goes on with that one, so "
    "nothing may be signed here; start the node from that directory or, where it is lost, make it "
    "with: sopro recover NEW-DIRECTORY --from-peers; then put this directory away"
)


def explain(state: State, reason: str) -> Closed:
    """Say why nothing may be signed, by the clause that forbids it."""
    match state:
        case State.BEHIND:
            return Closed(code="fence.behind", message=reason)
        case State.DOUBLE:
            return Closed(code="fence.double", message=reason)
        case State.FORKED:
            return Closed(code="fence.forked", message=reason)
        case State.CLOSED:
            return Closed(code="fence.closed", message=reason)
        case State.OTHER:
            return Closed(code="fence.other", message=reason)
        case _:
            return Closed(code="fence.asking", message=reason)


def log_keys(own: HeldLog, in_directory: Collection[bytes], size: int) -> list[VerifierKey]:
    """Return the keys that a head of a site's own log may be signed by (SPEC KEY-9).

    A key in the directory that no record names here yet may be named by one this disk lacks.
    """
    named = {span.public for span in own.keys}
    publics = {*log_keys_at(own.keys, size), *(set(in_directory) - named)}
    return [make_vkey(own.origin, public) for public in sorted(publics)]
