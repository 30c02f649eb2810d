"""Proof that members have appointed who takes over the coordinator's log (SPEC SUCC).

It stands in the first key record of the successor, and verifies from the key records before it
alone: the coordinator's own last `log_state` says who its members are, its log key has signed the
head below the record, and enough members have said, each under its own root key, that the log goes
on there under this one. So whoever follows the coordinator's keys needs no other log for it.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Annotated, Final, NamedTuple, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.checkpoint import SignedCheckpoint, open_sized_checkpoint
from sopro_protocol.encoding import decode, encode
from sopro_protocol.errors import RefusedError, SoproError
from sopro_protocol.keys import key_id, make_vkey
from sopro_protocol.merkle import Hash, check_inclusion, leaf_hash
from sopro_protocol.record import check_signatures, parse_entry, read_record
from sopro_registry.family import Membership
from sopro_registry.fields import Bytes32
from sopro_registry.recovery import needed_approvals
from sopro_registry.votes import ANCHOR, MAX_APPROVALS, Vote, VoteFields, Voter, expand_vote

_STATE: Final = "log_state/1"
_CONTEXT: Final = b"sopro-members/1\n"
_FEWEST: Final = 2
"""Nobody becomes the coordinator by the word of one."""

KeysAt: TypeAlias = Callable[[int], Collection[bytes]]
"""Returns the public keys of a role that count at a position, or for a size."""


class Appointment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a root key that no record of the log has prepared may sign a key record.

    Attributes:
        approvals: anchors of members that appoint it.
        head: the head of the log as it was left, signed by its log key.
        members: who was admitted there.
        path: of the last record below that head, to its root.
        state: that record, a `log_state` that states who the members are.
        votes: further anchors that say the same as the first of `approvals`.
    """

    approvals: Annotated[list[bytes], Meta(min_length=1, max_length=MAX_APPROVALS)]
    head: Annotated[bytes, Meta(min_length=1, max_length=4096)]
    members: Annotated[list[Voter], Meta(min_length=1, max_length=256)]
    path: Annotated[list[Bytes32], Meta(max_length=63)]
    state: Annotated[bytes, Meta(min_length=1, max_length=4096)]
    votes: Annotated[list[VoteFields], Meta(min_length=1, max_length=128)] | UnsetType = UNSET


class Appointed(NamedTuple):
    """What members have said alike.

    Attributes:
        size: of the log as it was left.
        root: of those entries.
        urls: where the successor answers.
        by: codes of the sites.
        voters: how many might have.
    """

    size: int
    root: bytes
    urls: tuple[str, ...]
    by: tuple[str, ...]
    voters: int

    @property
    def needed(self) -> int:
        """How many had to."""
        return needed_appointments(self.voters)


def needed_appointments(voters: int) -> int:
    """Return how many members must appoint a successor: as for anchors, and never one alone."""
    return max(_FEWEST, needed_approvals(voters))


def list_voters(members: Iterable[Membership]) -> list[Voter]:
    """Return the members that decide, the admitted ones, by origin."""
    voters = [
        Voter(origin=one.origin, root=one.root) for one in members if one.status == "admitted"
    ]
    return sorted(voters, key=lambda one: one.origin)


def digest_voters(voters: Sequence[Voter]) -> bytes:
    """Return what a `log_state` states of them (SPEC SUCC-2)."""
    return hashlib.sha256(_CONTEXT + encode([[one.origin, one.root] for one in voters])).digest()


def check_appointment(
    appointment: Appointment,
    *,
    origin: str,
    successor: bytes,
    log_keys: KeysAt,
    registrars: KeysAt,
) -> Appointed:
    """Check that members have appointed a root key, from the keys before it (SPEC SUCC-4).

    Args:
        appointment: the proof.
        origin: of the coordinator's log.
        successor: the root key that takes over.
        log_keys: keys of the log that may sign a head of a size.
        registrars: registrar keys of the log that count at a position.

    Raises:
        RefusedError: `mem.key`, they have not, or something in it is not what it should be.
    """
    try:
        head = open_sized_checkpoint(
            appointment.head,
            origin=origin,
            keys=lambda size: [make_vkey(origin, public) for public in log_keys(size)],
        )
        _check_state(appointment, head, registrars)
        return _count(appointment, head, successor)
    except RefusedError:
        raise
    except SoproError as error:
        raise _refusal(str(error)) from None


def _check_state(appointment: Appointment, head: SignedCheckpoint, registrars: KeysAt) -> None:
    """Hold the members to what the last record below the head states."""
    index = head.size - 1
    if index < 0:
        raise _refusal("the log was left empty")
    entry = parse_entry(appointment.state)
    record, _ = read_record(entry.record, {})
    check_signatures(entry, {key_id(public): public for public in registrars(index)})
    check_inclusion(
        leaf_hash(appointment.state),
        index=index,
        size=head.size,
        proof=[Hash(one) for one in appointment.path],
        root=head.root,
    )
    body = decode(bytes(record.body))
    stated = body.get("members") if isinstance(body, dict) else None
    if (record.family, record.log) != (_STATE, head.origin):
        raise _refusal(f"expected the last log_state of {head.origin}")
    if stated != digest_voters(appointment.members):
        raise _refusal("the log was left with other members than it names")


def _count(appointment: Appointment, head: SignedCheckpoint, successor: bytes) -> Appointed:
    roots = {one.origin: one.root for one in appointment.members}
    if successor in roots.values():
        raise _refusal("the root key is that of a member")
    expected, urls = _expect(appointment.approvals[0], head, successor)
    by = {_open(data, expected, roots) for data in appointment.approvals}
    votes = [] if isinstance(appointment.votes, UnsetType) else appointment.votes
    for one in votes:
        data = expand_vote(Vote(*one), appointment.members, expected)
        by.add(_open(data, expected, roots))
    appointed = Appointed(
        head.size,
        head.root,
        urls,
        tuple(sorted(one.split("/")[1] for one in by)),
        len(roots),
    )
    if len(by) < appointed.needed:
        raise _refusal(f"{len(by)} of {len(roots)} members agree, {appointed.needed} are needed")
    return appointed


def _expect(data: bytes, head: SignedCheckpoint, successor: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the body that all approvals must have, with the addresses of the first."""
    record, _ = read_record(parse_entry(data).record, {})
    body = decode(bytes(record.body))
    urls = body.get("urls") if isinstance(body, dict) else None
    if not isinstance(urls, list):
        raise _refusal("an approval appoints nobody")
    body = {
        "origin": head.origin,
        "root": head.root,
        "size": head.size,
        "successor": successor,
        "urls": urls,
    }
    return encode(body), tuple(str(url) for url in urls)


def _open(data: bytes, expected: bytes, roots: dict[str, bytes]) -> str:
    """Return the origin of the member whose approval this is."""
    entry = parse_entry(data)
    record, _ = read_record(entry.record, {})
    if record.family != ANCHOR or encode(decode(bytes(record.body))) != expected:
        raise _refusal("expected anchors that say the same")
    root = roots.get(record.log)
    if root is None:
        raise _refusal(f"{record.log[:80]!r} is not the log of a member that was admitted there")
    check_signatures(entry, {key_id(root): root})
    return record.log


def _refusal(what: str) -> RefusedError:
    return RefusedError(f"site_keys: appointed: {what}", code="mem.key")
