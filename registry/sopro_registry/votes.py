"""Anchors of many members in one record: whole ones, and votes without what all have in common.

Most of a hundred members have to be heard where they appoint who takes over the coordinator's log,
and a record holds 32 KiB (SPEC SUCC-10).
"""

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple, TypeAlias

from msgspec import Meta, Struct

from sopro_protocol.encoding import decode, encode
from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import key_id
from sopro_protocol.record import (
    Bytes16,
    Bytes64,
    Integer,
    Signature,
    format_entry,
    parse_entry,
    read_record,
)
from sopro_registry.fields import Bytes32, Origin

ANCHOR: Final = "anchor/1"
MAX_APPROVALS: Final = 64
MOST_WHOLE: Final = 12_000
"""Bytes of approvals beside which everything else fits into a record, and that into evidence."""


class Voter(Struct, frozen=True, kw_only=True):
    """A member that decides: the origin of its log and its root key."""

    origin: Origin
    root: Bytes32


VoteFields: TypeAlias = tuple[
    Annotated[int, Meta(ge=0, le=255)], Bytes16, Bytes16, Integer, Bytes64
]
"""A vote as it stands in a record, and of what form."""


class Vote(NamedTuple):
    """An anchor of a member without what it has in common with another one (SPEC SUCC-10).

    Attributes:
        member: its number among the members, from 0.
        entity: of the record.
        salt: likewise.
        time: likewise.
        signature: by the member's root key.
    """

    member: int
    entity: bytes
    salt: bytes
    time: int
    signature: bytes


def shorten_vote(data: bytes, members: Sequence[Voter], body: bytes) -> Vote | None:
    """Write an anchor as a vote; None where it has more, or other, than an anchor has to.

    Args:
        data: the entry.
        members: of whom one has written it.
        body: that all anchors have.

    Raises:
        FormatError: it is no entry.
    """
    entry = parse_entry(data)
    record, _ = read_record(entry.record, {})
    numbers = {one.origin: number for number, one in enumerate(members)}
    if record.log not in numbers:
        return None
    vote = Vote(
        numbers[record.log], record.entity, record.salt, record.time, entry.signatures[0].signature
    )
    return vote if expand_vote(vote, members, body) == data else None


def expand_vote(vote: Vote, members: Sequence[Voter], body: bytes) -> bytes:
    """Return the entry that a vote stands for (SPEC SUCC-10).

    Raises:
        RefusedError: `mem.key`, it is of none of the members.
    """
    if vote.member >= len(members):
        raise RefusedError(
            f"site_keys: appointed: a vote of member {vote.member}, there are {len(members)}",
            code="mem.key",
        )
    member = members[vote.member]
    record = encode(
        {
            "body": decode(body),
            "entity": vote.entity,
            "family": ANCHOR,
            "log": member.origin,
            "salt": vote.salt,
            "time": vote.time,
            "v": 1,
        }
    )
    return format_entry(record, [Signature(key_id(member.root), vote.signature)])


def shorten_all(
    said: Sequence[bytes], members: Sequence[Voter], *, needed: int
) -> tuple[list[bytes], list[VoteFields]]:
    """Return anchors that say the same as they fit into a record: whole ones, and votes.

    They stay whole where they are few, and no more of them are taken than have to be where they
    are many.
    """
    if len(said) <= MAX_APPROVALS and sum(map(len, said)) <= MOST_WHOLE:
        return list(said), []
    said = said[:needed]
    body = body_of(said[0])
    short = [(data, shorten_vote(data, members, body)) for data in said[1:]]
    whole = [data for data, vote in short if vote is None]
    return [said[0], *whole], [vote for _, vote in short if vote is not None]


def body_of(data: bytes) -> bytes:
    """Return the body of an entry's record, encoded.

    Raises:
        FormatError: it is no entry.
    """
    record, _ = read_record(parse_entry(data).record, {})
    return encode(decode(bytes(record.body)))
