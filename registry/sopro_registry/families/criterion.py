"""criterion/1: a criterion of a scheme, in the coordinator's log (SPEC LBL-CRITERION)."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import CivilDate, Code, Count, Line, Text, day_of


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A criterion from this record on.

    Attributes:
        applies_from: civil date from which evaluations use this version.
        code: within the scheme, for example `S1`.
        dimension: what the criterion is about.
        kind: how it is judged.
        obligation: whether it must be met or earns points.
        points: the most it earns.
        principle: the principle of SoPro it serves.
        scheme: code of the scheme.
        status: whether it is in force.
        threshold: scaled by 10^-threshold_scale, in `unit`.
        threshold_scale: decimal places of the threshold.
        title: by language.
        transition_until: last civil date at which the version before may still be used.
        unit: UN/CEFACT recommendation 20.
        version: rises by one.
    """

    applies_from: CivilDate
    code: Code
    dimension: Literal["economic", "ecological", "regional", "social"]
    kind: Literal["threshold", "boolean", "score", "narrative"]
    obligation: Literal["mandatory", "points"]
    points: Count | UnsetType = UNSET
    principle: Literal[
        "resource_saving", "regional_inputs", "quality", "innovation", "social_participation"
    ]
    scheme: Code
    status: Literal["proposed", "active", "deprecated"]
    threshold: Count | UnsetType = UNSET
    threshold_scale: Annotated[int, Meta(ge=0, le=9)] | UnsetType = UNSET
    title: Text
    transition_until: CivilDate | UnsetType = UNSET
    unit: Line | UnsetType = UNSET
    version: Annotated[int, Meta(ge=1, le=100_000)]


class State(Struct, frozen=True, array_like=True):
    """Every version of a criterion, with the position of its record."""

    versions: list[tuple[int, Body]]


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Add a version of the criterion.

    Raises:
        RefusedError: `lbl.criteria` for a scheme that is not there or a version that is not the
            next, `mem.name` when the code is taken or changes.
    """
    body = fact.body
    day_of(body.applies_from, field="applies_from")
    if body.transition_until is not UNSET:
        day_of(body.transition_until, field="transition_until")
    if not view.exists_named("scheme", body.scheme):
        raise RefusedError(f"criterion: no scheme {body.scheme!r}", code="lbl.criteria")
    name = f"{body.scheme} {body.code}"
    before = state.versions[-1][1] if state else None
    if before is None and view.exists_named("criterion", name):
        raise RefusedError(f"criterion: code {body.code!r} is taken", code="mem.name")
    if before is not None and (before.scheme, before.code) != (body.scheme, body.code):
        raise RefusedError("criterion: scheme and code are permanent", code="mem.name")
    expected = before.version + 1 if before else 1
    if body.version != expected:
        raise RefusedError(
            f"criterion: version {body.version}, expected {expected}", code="lbl.criteria"
        )
    versions = [*(state.versions if state else []), (fact.index, body)]
    return Change(State(versions), names=(name,))


FAMILY = Family("criterion", 1, Body, State, Role.REGISTRAR, Place.COORDINATOR, apply)
