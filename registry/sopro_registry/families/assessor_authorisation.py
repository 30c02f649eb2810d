"""assessor_authorisation/1: who may evaluate what, and until when (SPEC ASS-AUTHORISATION)."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.assessment import Level
from sopro_registry.authorisation import TRANSITIONS, Authorisation, Grant, Status
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import (
    Bytes16,
    CivilDate,
    Code,
    day_of,
    earliest_day,
    format_day,
    latest_day,
)
from sopro_registry.ties import authorisations_of, next_authorisation


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An authorisation from this record on.

    Attributes:
        basis: what shows that the person can.
        criteria: codes of those it is for; absent for all.
        effective_date: civil date in the site's zone.
        level: how independent the person is of who offers.
        organisation: entity of the body that the person works for.
        person: pseudonym of the person at this site.
        scheme: code of the scheme it is for.
        status: whether it holds.
        valid_from: first civil date on which the person may evaluate.
        valid_until: the last.
    """

    basis: Literal["iso17065", "iso17020", "site_staff", "peer"]
    criteria: Annotated[list[Code], Meta(min_length=1, max_length=256)] | UnsetType = UNSET
    effective_date: CivilDate
    level: Literal["second_party", "third_party"]
    organisation: Bytes16 | UnsetType = UNSET
    person: Bytes16
    scheme: Code
    status: Status
    valid_from: CivilDate
    valid_until: CivilDate


def apply(fact: Fact[Body], state: Authorisation | None, view: View) -> Change[Authorisation]:
    """Add a version of an authorisation.

    Raises:
        RefusedError: `ass.transition` where the table has no such step, `lbl.reference` for an
            organisation that is not there or another person or scheme, `lbl.criteria` for a scheme
            that is not there, `lbl.dates` for dates in the wrong order, or days that have passed
            for who was suspended or withdrawn, `ass.authority` for too many of one person.
    """
    body = fact.body
    effective = day_of(body.effective_date, field="effective_date")
    valid_from = day_of(body.valid_from, field="valid_from")
    valid_until = day_of(body.valid_until, field="valid_until")
    last = state.versions[-1] if state else None
    if valid_until < valid_from:
        raise RefusedError("authorisation: it ends before it begins", code="lbl.dates")
    if last is not None and effective < last.effective:
        raise RefusedError("authorisation: effective before the last version", code="lbl.dates")
    if state is not None and (state.person, state.scheme) != (body.person, body.scheme):
        raise RefusedError(
            "authorisation: its person and its scheme are permanent", code="lbl.reference"
        )
    if view.scheme(body.scheme) is None:
        raise RefusedError(f"authorisation: no scheme {body.scheme!r}", code="lbl.criteria")
    if body.organisation is not UNSET and not view.exists("organisation", body.organisation):
        raise RefusedError(
            "authorisation: its organisation is not in this log", code="lbl.reference"
        )
    status = body.status
    before = last.status if last else None
    if (before, status) not in TRANSITIONS:
        raise RefusedError(
            f"authorisation: cannot become {status} where it is {before or 'none yet'}",
            code="ass.transition",
        )
    _check_returning(fact, state, effective, view)
    version = Grant(
        fact.index,
        effective,
        status,
        valid_from,
        valid_until,
        Level(body.level),
        tuple(body.criteria or ()),
        b"" if isinstance(body.organisation, UnsetType) else body.organisation,
        latest_day(fact.record.time),
    )
    versions = [*(state.versions if state else []), version]
    names = () if state else (next_authorisation(body.person, view),)
    return Change(Authorisation(body.person, body.scheme, versions), names=names)


def _check_returning(
    fact: Fact[Body], state: Authorisation | None, effective: int, view: View
) -> None:
    """Give nobody days back for which they were suspended or withdrawn (SPEC ASS-4)."""
    body = fact.body
    if state is not None:
        was_away = state.versions[-1].status is Status.SUSPENDED and body.status is Status.ACTIVE
    else:
        was_away = any(
            held.scheme == body.scheme
            and any(one.status is not Status.ACTIVE for one in held.versions)
            for held in authorisations_of(body.person, view)
        )
    earliest = earliest_day(fact.record.time)
    if was_away and effective < earliest:
        raise RefusedError(
            f"authorisation: effective from {body.effective_date}, but {body.person.hex()[:8]} was "
            "suspended or withdrawn, and comes back from the day on which that is recorded, "
            f"{format_day(earliest)} or later (I3, ASS-23)",
            code="lbl.dates",
        )


FAMILY = Family(
    "assessor_authorisation", 1, Body, Authorisation, Role.REGISTRAR, Place.MEMBER, apply
)
