"""How organisations are related, in one log and across sites, and what follows from that.

A site states relations of its own organisations only. What it says about one of another site is
*confirmed* where that site says the counterpart; nothing that anybody decides rests on it.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct

_CONTEXT: Final = b"sopro-relations/1\n"
MAX_RELATED: Final = 1_024


class Kind(StrEnum):
    """What an organisation is to another."""

    SUCCESSOR_OF = "successor_of"
    MERGED_INTO = "merged_into"
    PART_OF = "part_of"
    SAME_AS = "same_as"


DIRECTED: Final = (Kind.SUCCESSOR_OF, Kind.MERGED_INTO, Kind.PART_OF)
"""Kinds that never lead back to where they began."""

ONE: Final = (Kind.SUCCESSOR_OF, Kind.MERGED_INTO, Kind.SAME_AS)
"""Kinds by which two organisations are one, in the eyes of who is to be independent of them."""
MOST_ONE: Final = 256
"""How many organisations are followed that are one (SPEC ASS-22)."""

_COUNTERPARTS: Final[Mapping[Kind, tuple[Kind, ...]]] = {
    # What was merged is gone on with by what it was merged into.
    Kind.SUCCESSOR_OF: (Kind.MERGED_INTO,),
    Kind.MERGED_INTO: (Kind.SUCCESSOR_OF,),
    Kind.PART_OF: (),
    Kind.SAME_AS: (Kind.SAME_AS,),
}


class Relation(Struct, frozen=True, array_like=True, order=True):
    """What an organisation is to another; `site` is empty where that is in the same log."""

    kind: Kind
    organisation: bytes
    site: str
    since: int


class Relations(Struct, frozen=True, array_like=True):
    """Every relation that a site states of one of its organisations.

    Attributes:
        index: position of the last record.
        organisation: its entity.
        relations: in the order of the record.
    """

    index: int
    organisation: bytes
    relations: list[Relation]


def relations_entity(organisation: bytes) -> bytes:
    """Return the entity on which the relations of an organisation stand (SPEC REL-1)."""
    return hashlib.sha256(_CONTEXT + organisation).digest()[:16]


def leads_back(
    organisation: bytes, relations: Iterable[Relation], find: Callable[[bytes], Relations | None]
) -> Kind | None:
    """Say of which kind relations lead back to an organisation, within one log (SPEC REL-4).

    Args:
        organisation: whose relations these are.
        relations: that are to hold from here on.
        find: returns the relations of another organisation of the log.

    Raises:
        OverflowError: more than `MAX_RELATED` organisations hang together.
    """
    stated = list(relations)
    for kind in DIRECTED:
        seen: set[bytes] = set()
        waiting = _named(kind, stated)
        while waiting:
            other = waiting.pop()
            if other == organisation:
                return kind
            if other in seen:
                continue
            seen.add(other)
            if len(seen) > MAX_RELATED:
                raise OverflowError(kind)
            held = find(other)
            waiting += _named(kind, held.relations if held else ())
    return None


def _named(kind: Kind, relations: Iterable[Relation]) -> list[bytes]:
    return [one.organisation for one in relations if one.kind is kind and not one.site]


class Place(NamedTuple):
    """An organisation: the code of the site that registered it, and its entity there."""

    site: str
    entity: bytes


def naming_name(other: Place, number: int) -> str:
    """Name those relations that were the first, second ... to say that one is one with another."""
    return f"one with {other.site} {other.entity.hex()} {number}"


def said_name(organisation: bytes, other: Place) -> str:
    """Name the relations of an organisation by what they have said that it is one with."""
    return f"{organisation.hex()} one with {other.site} {other.entity.hex()}"


class Statement(NamedTuple):
    """What a site states of one of its organisations.

    Attributes:
        subject: the organisation.
        kind: what it is to the other.
        other: the other one.
        since: from which day.
        is_confirmed: whether the other's site says so, too, or it is the same site.
    """

    subject: Place
    kind: Kind
    other: Place
    since: int
    is_confirmed: bool


class Lineage(NamedTuple):
    """Every organisation that hangs together with one, and why.

    Attributes:
        members: the organisation itself first, then nearest first.
        statements: that tie them together, in the order of the members.
        is_cut: whether there are more than `MAX_RELATED`.
    """

    members: tuple[Place, ...]
    statements: tuple[Statement, ...]
    is_cut: bool


def follow_relations(
    first: Place, stated: Iterable[tuple[str, Relations]], *, day: int | None = None
) -> Lineage:
    """Follow the relations of an organisation across sites, whoever states them (SPEC REL-5).

    Being part of another is no history: the whole and its other parts are not followed.

    Args:
        first: the organisation.
        stated: the relations that every log holds, with the code of its site.
        day: on which they hold; None for every day.
    """
    statements = _statements(stated, day)
    tied: dict[Place, list[Statement]] = {}
    for one in statements:
        tied.setdefault(one.subject, []).append(one)
        tied.setdefault(one.other, []).append(one)
    members: dict[Place, None] = {first: None}
    used: dict[Statement, None] = {}
    waiting, is_cut = [first], False
    while waiting:
        place = waiting.pop(0)
        for one in tied.get(place, ()):
            used[one] = None
            other = one.other if one.subject == place else one.subject
            if one.kind is Kind.PART_OF or other in members:
                continue
            if len(members) >= MAX_RELATED:
                is_cut = True
                continue
            members[other] = None
            waiting.append(other)
    return Lineage(tuple(members), tuple(used), is_cut)


def _statements(stated: Iterable[tuple[str, Relations]], day: int | None) -> list[Statement]:
    said = {
        (Place(site, held.organisation), one.kind, Place(one.site or site, one.organisation)): (
            one.since
        )
        for site, held in stated
        for one in held.relations
        if day is None or one.since <= day
    }
    return [
        Statement(
            subject,
            kind,
            other,
            since,
            subject.site == other.site
            or any((other, back, subject) in said for back in _COUNTERPARTS[kind]),
        )
        for (subject, kind, other), since in sorted(said.items())
    ]
