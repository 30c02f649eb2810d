"""scheme/1: a label scheme and its periods, in the coordinator's log (SPEC LBL-SCHEME)."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import CivilDate, Code, SmallCount, Text, day_of


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A scheme from this record on.

    Attributes:
        effective_date: civil date in the coordinator's zone.
        grace_days: after the end of validity in which a renewal is still one.
        kind: ISO/IEC 17067, what is certified.
        max_validity_months: the longest a grant or renewal may hold.
        scheme: its code.
        status: whether new labels may be granted under it.
        surveillance_interval_months: between two surveillance evaluations.
        title: by language.
    """

    effective_date: CivilDate
    grace_days: SmallCount
    kind: Literal["product", "service", "product+service"]
    max_validity_months: Annotated[int, Meta(ge=1, le=1200)]
    scheme: Code
    status: Literal["proposed", "active", "deprecated"]
    surveillance_interval_months: SmallCount
    title: Text


class State(Struct, frozen=True, array_like=True):
    """Every version of a scheme, with the position of its record."""

    versions: list[tuple[int, Body]]


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Add a version of the scheme.

    Raises:
        RefusedError: `mem.name` when the code is taken or changes.
    """
    body = fact.body
    day_of(body.effective_date, field="effective_date")
    if state is None and view.exists_named("scheme", body.scheme):
        raise RefusedError(f"scheme: code {body.scheme!r} is taken", code="mem.name")
    if state is not None and state.versions[-1][1].scheme != body.scheme:
        raise RefusedError("scheme: the code is permanent", code="mem.name")
    versions = [*(state.versions if state else []), (fact.index, body)]
    return Change(State(versions), names=(body.scheme,))


FAMILY = Family("scheme", 1, Body, State, Role.REGISTRAR, Place.COORDINATOR, apply)
