"""criterion/1: a criterion of a scheme, in the coordinator's log (SPEC LBL-CRITERION)."""

from typing import Annotated, Literal, cast

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.assessment import Requirement
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import (
    CivilDate,
    Code,
    Count,
    CountryCode,
    Line,
    LongText,
    Text,
    Url,
    Version,
    day_of,
)

OfferingKind = Literal["product", "service", "production_step", "material_recovery"]
Way = Literal["document", "on_site", "test", "third_party_label"]


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A criterion from this record on.

    Attributes:
        applies_from: civil date from which evaluations use this version.
        code: within the scheme, for example `S1`.
        country: where it holds; absent for everywhere.
        dimension: what the criterion is about.
        equivalents: addresses of labels and standards that are accepted for it.
        kind: how it is judged.
        obligation: whether it must be met or earns points.
        offerings: kinds it is about; absent for all.
        operator: how a value is held to the threshold; absent for `>=`.
        points: the most it earns.
        principle: the principle of SoPro it serves.
        scheme: code of the scheme.
        status: whether it is in force.
        text: what it asks for, by language.
        threshold: scaled by 10^-threshold_scale, in `unit`.
        threshold_scale: decimal places of the threshold.
        tightens: code of the criterion that this one, of a country, is stricter than.
        title: by language.
        transition_until: last civil date at which the version before may still be used.
        unit: UN/CEFACT recommendation 20.
        verification: how it is found out whether it is met; any of these.
        version: rises by one.
    """

    applies_from: CivilDate
    code: Code
    country: CountryCode | UnsetType = UNSET
    dimension: Literal["economic", "ecological", "regional", "social"]
    equivalents: Annotated[list[Url], Meta(min_length=1, max_length=32)] | UnsetType = UNSET
    kind: Literal["threshold", "boolean", "score", "narrative"]
    obligation: Literal["mandatory", "points"]
    offerings: Annotated[list[OfferingKind], Meta(min_length=1, max_length=4)] | UnsetType = UNSET
    operator: Literal[">=", "<=", "="] | UnsetType = UNSET
    points: Count | UnsetType = UNSET
    principle: Literal[
        "resource_saving", "regional_inputs", "quality", "innovation", "social_participation"
    ]
    scheme: Code
    status: Literal["proposed", "active", "deprecated"]
    text: LongText | UnsetType = UNSET
    threshold: Count | UnsetType = UNSET
    threshold_scale: Annotated[int, Meta(ge=0, le=9)] | UnsetType = UNSET
    tightens: Code | UnsetType = UNSET
    title: Text
    transition_until: CivilDate | UnsetType = UNSET
    unit: Line | UnsetType = UNSET
    verification: Annotated[list[Way], Meta(min_length=1, max_length=4)] | UnsetType = UNSET
    version: Version


class State(Struct, frozen=True, array_like=True):
    """Every version of a criterion, with the position of its record."""

    versions: list[tuple[int, Body]]


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Add a version of the criterion.

    Raises:
        RefusedError: `lbl.criteria` for a scheme that is not there or a version that is not the
            next, or one of a country that is not stricter than what it tightens; `mem.name` when
            the code is taken or changes.
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
            f"criterion: version {body.version}, expected {expected}; one is never altered (I9)",
            code="lbl.criteria",
        )
    if before is not None and before.country != body.country:
        raise RefusedError("criterion: its country is permanent", code="lbl.criteria")
    _check_stricter(body, view)
    versions = [*(state.versions if state else []), (fact.index, body)]
    return Change(State(versions), names=(name,))


def _check_stricter(body: Body, view: View) -> None:
    """Hold a country's criterion to being stricter than what it tightens (I9)."""
    if body.country is not UNSET and body.obligation != "mandatory":
        raise RefusedError("criterion: what a country adds is mandatory (I9)", code="lbl.criteria")
    if isinstance(body.tightens, UnsetType):
        return
    if body.country is UNSET:
        raise RefusedError("criterion: only a country's one tightens another", code="lbl.criteria")
    common = view.criterion(body.scheme, body.tightens)
    if not isinstance(common, Body) or common.country is not UNSET:
        raise RefusedError(
            f"criterion: {body.tightens!r} is no criterion of all countries", code="lbl.criteria"
        )
    if not _is_as_strict(body, common):
        raise RefusedError(
            f"criterion: not as strict as {body.tightens!r}; a country may only add to it (I9)",
            code="lbl.criteria",
        )


def _is_as_strict(body: Body, common: Body) -> bool:
    """Say whether whatever meets one criterion meets the other."""
    if common.kind != "threshold" or common.threshold is UNSET:
        return True
    if body.kind != "threshold" or isinstance(body.threshold, UnsetType):
        return False
    if (body.unit, body.operator or ">=") != (common.unit, common.operator or ">="):
        return False
    own, other = _threshold(body), _threshold(common)
    if body.operator == "=":
        return own == other
    return own <= other if body.operator == "<=" else own >= other


def _threshold(body: Body) -> int:
    threshold, scale = body.threshold or 0, body.threshold_scale or 0
    return threshold * cast(int, 10 ** (9 - scale))


def read_requirement(body: Body) -> Requirement:
    """Return what evaluations are held to by a version of a criterion."""
    has_threshold = body.kind == "threshold" and body.threshold is not UNSET
    return Requirement(
        body.code,
        body.obligation == "mandatory",
        body.points or 0,
        tuple(body.offerings or ()),
        body.operator or ">=",
        (body.threshold or 0) if has_threshold else None,
        is_national=body.country is not UNSET,
    )


FAMILY = Family("criterion", 1, Body, State, Role.REGISTRAR, Place.COORDINATOR, apply)
