"""criteria_set/1: what a scheme judges by, in the coordinator's log (SPEC ASS-CRITERIA)."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import CivilDate, Code, Count, Version, day_of


class Part(Struct, frozen=True, kw_only=True):
    """A version of a criterion."""

    code: Code
    version: Version


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a scheme's criteria.

    Attributes:
        applies_from: civil date from which it may be used.
        criteria: of all countries and those of single ones, by code.
        min_points: that a label needs; absent for none.
        published_on: civil date from which everybody could read it.
        scheme: code of the scheme.
        transition_until: last civil date on which the version before may still be used.
        version: rises by one.
    """

    applies_from: CivilDate
    criteria: Annotated[list[Part], Meta(min_length=1, max_length=256)]
    min_points: Count | UnsetType = UNSET
    published_on: CivilDate
    scheme: Code
    transition_until: CivilDate | UnsetType = UNSET
    version: Version


class State(Struct, frozen=True, array_like=True):
    """Every version of a scheme's criteria, with the position of its record."""

    versions: list[tuple[int, Body]]


def last_day(after: Body) -> int:
    """Return the last day on which the version before one may be used."""
    if after.transition_until is not UNSET:
        return day_of(after.transition_until, field="transition_until")
    return day_of(after.applies_from, field="applies_from") - 1


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Add a version of the criteria.

    Raises:
        RefusedError: `lbl.criteria` for a scheme or a criterion that is not there, or a version
            that is not the next; `lbl.dates` for dates in the wrong order; `mem.name` where the
            scheme has a set already, or the set had another scheme.
    """
    body = fact.body
    _check_dates(body)
    if not view.exists_named("scheme", body.scheme):
        raise RefusedError(f"criteria: no scheme {body.scheme!r}", code="lbl.criteria")
    before = state.versions[-1][1] if state else None
    if before is None and view.exists_named("criteria_set", body.scheme):
        raise RefusedError(f"criteria: scheme {body.scheme!r} has a set", code="mem.name")
    if before is not None and before.scheme != body.scheme:
        raise RefusedError("criteria: the scheme is permanent", code="mem.name")
    expected = before.version + 1 if before else 1
    if body.version != expected:
        raise RefusedError(
            f"criteria: version {body.version}, expected {expected}; one is never altered (I9)",
            code="lbl.criteria",
        )
    codes = [part.code for part in body.criteria]
    if codes != sorted(set(codes)):
        raise RefusedError("criteria: not in the order of their codes", code="lbl.criteria")
    for part in body.criteria:
        if view.criterion(body.scheme, part.code, version=part.version) is None:
            raise RefusedError(
                f"criteria: no version {part.version} of criterion {part.code!r}",
                code="lbl.criteria",
            )
    versions = [*(state.versions if state else []), (fact.index, body)]
    return Change(State(versions), names=(body.scheme,))


def _check_dates(body: Body) -> None:
    published = day_of(body.published_on, field="published_on")
    applies = day_of(body.applies_from, field="applies_from")
    until = body.transition_until
    if published > applies:
        raise RefusedError("criteria: they apply before they are published", code="lbl.dates")
    if until is not UNSET and day_of(until, field="transition_until") < applies:
        raise RefusedError("criteria: the transition ends before they apply", code="lbl.dates")


FAMILY = Family("criteria_set", 1, Body, State, Role.REGISTRAR, Place.COORDINATOR, apply)
