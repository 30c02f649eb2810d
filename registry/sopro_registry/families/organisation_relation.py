"""organisation_relation/1: what an organisation of this site is to others (SPEC REL)."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry import family
from sopro_registry.family import Change, Fact, Family, View
from sopro_registry.fields import Bytes16, CivilDate, SiteCode, day_of, latest_day
from sopro_registry.relations import (
    MAX_RELATED,
    MOST_ONE,
    ONE,
    Kind,
    Place,
    Relation,
    Relations,
    leads_back,
    naming_name,
    relations_entity,
    said_name,
)


class Stated(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One relation.

    Attributes:
        kind: what the organisation is to the other.
        organisation: entity of the other.
        since: civil date from which it holds.
        site: code of the site that registered the other; absent where this one did.
    """

    kind: Kind
    organisation: Bytes16
    since: CivilDate
    site: SiteCode | UnsetType = UNSET


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every relation of one organisation, from this record on.

    Attributes:
        organisation: its entity, in this log.
        relations: none where it has none any more.
    """

    organisation: Bytes16
    relations: Annotated[list[Stated], Meta(max_length=32)]


def apply(fact: Fact[Body], _state: Relations | None, view: View) -> Change[Relations]:
    """Replace the relations of an organisation.

    Raises:
        RefusedError: `rec.body` for a date that is none, `rel.subject` where the entity is not
            that of the organisation's relations or one is named twice or itself, `lbl.reference`
            for an organisation this log does not hold, `lbl.dates` for a day to come, `rel.cycle`
            where relations lead back to the organisation.
    """
    body = fact.body
    relations = [
        Relation(
            one.kind,
            one.organisation,
            "" if one.site is UNSET else one.site,
            day_of(one.since, field="since"),
        )
        for one in body.relations
    ]
    if fact.record.entity != relations_entity(body.organisation):
        raise RefusedError(
            "relation: the entity is not the one on which this organisation's relations stand",
            code="rel.subject",
        )
    _check_subjects(body.organisation, relations, view)
    if any(one.since > latest_day(fact.record.time) for one in relations):
        raise RefusedError("relation: since a day that has not come yet", code="lbl.dates")
    _check_cycles(body.organisation, relations, view)
    names = tuple(_names(body.organisation, relations, view))
    return Change(Relations(fact.index, body.organisation, relations), names=names)


def _names(organisation: bytes, relations: list[Relation], view: View) -> Iterator[str]:
    """Go through the names under which others are found that these say to be one with theirs."""
    for one in relations:
        other = Place(one.site, one.organisation)
        said = said_name(organisation, other)
        if one.kind not in ONE or view.exists_named("organisation_relation", said):
            continue
        # Of more than are ever followed, it is enough to know that there are more.
        number = bisect_left(
            range(MOST_ONE + 1),
            True,
            key=lambda number: (
                not view.exists_named("organisation_relation", naming_name(other, number))
            ),
        )
        yield said
        if number <= MOST_ONE:
            yield naming_name(other, number)


def _check_subjects(organisation: bytes, relations: list[Relation], view: View) -> None:
    others = [(one.site, one.organisation) for one in relations]
    if len(set(others)) != len(others):
        raise RefusedError("relation: names an organisation twice", code="rel.subject")
    if ("", organisation) in others:
        raise RefusedError("relation: an organisation has none to itself", code="rel.subject")
    if view.site in {site for site, _ in others}:
        raise RefusedError(
            f"relation: {view.site} is this site; leave 'site' out", code="rel.subject"
        )
    for other in (organisation, *(entity for site, entity in others if not site)):
        if not view.exists("organisation", other):
            raise RefusedError(
                f"relation: no organisation {other.hex()} in this log", code="lbl.reference"
            )


def _check_cycles(organisation: bytes, relations: list[Relation], view: View) -> None:
    def find(other: bytes) -> Relations | None:
        held = view.state("organisation_relation", relations_entity(other))
        return held if isinstance(held, Relations) else None

    try:
        kind = leads_back(organisation, relations, find)
    except OverflowError:
        raise RefusedError(
            f"relation: more than {MAX_RELATED} organisations hang together", code="rel.cycle"
        ) from None
    if kind is not None:
        raise RefusedError(
            f"relation: {kind.value} leads back to {organisation.hex()} itself", code="rel.cycle"
        )


FAMILY = Family(
    "organisation_relation", 1, Body, Relations, Role.REGISTRAR, family.Place.MEMBER, apply
)
