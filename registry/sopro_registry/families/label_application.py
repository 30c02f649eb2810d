"""label_application/1: asking for a label, up to its assessment (SPEC ASS-APPLICATION)."""

from msgspec import UNSET, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.application import (
    TRANSITIONS,
    Application,
    Kind,
    Step,
    asking_name,
    decided_name,
)
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Bytes16, CivilDate, Code, Version, day_of, latest_day


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step of an application; the agreement and all that names people are documents.

    Attributes:
        applicant: entity of the organisation that applies.
        criteria_version: of the scheme's criteria that it is to be judged by.
        effective_date: civil date of the step.
        kind: what is applied for.
        label: entity of the label, where there is one already.
        offering: entity of what is to be labelled.
        scheme: code of the scheme.
        step: where the application is from here on.
    """

    applicant: Bytes16
    criteria_version: Version
    effective_date: CivilDate
    kind: Kind
    label: Bytes16 | UnsetType = UNSET
    offering: Bytes16
    scheme: Code
    step: Step


def apply(fact: Fact[Body], state: Application | None, view: View) -> Change[Application]:
    """Take an application a step further.

    Raises:
        RefusedError: `app.transition` where the table has no such step, `lbl.reference` for an
            organisation, an offering or a label that is not there or has changed, `lbl.criteria`
            for criteria that may not be used, `lbl.dates` for dates in the wrong order.
    """
    body = fact.body
    step, day = body.step, day_of(body.effective_date, field="effective_date")
    before = state.step if state else None
    is_decided = view.exists_named("label_application", decided_name(fact.record.entity))
    if step not in TRANSITIONS[before] or is_decided:
        where = "decided" if is_decided else before or "not there yet"
        raise RefusedError(
            f"application: cannot become {step} where it is {where}", code="app.transition"
        )
    if day > latest_day(fact.record.time):
        raise RefusedError("application: a step after it was recorded", code="lbl.dates")
    if state is not None and day < state.steps[-1][2]:
        raise RefusedError("application: a step before the one it follows", code="lbl.dates")
    label = b"" if isinstance(body.label, UnsetType) else body.label
    if state is not None:
        _check_same(body, label, state)
    if step is Step.SUBMITTED:
        _check_references(body, label, view)
    if step in (Step.SUBMITTED, Step.ACCEPTED):
        _check_criteria(body, day, view)
    steps = [*(state.steps if state else []), (fact.index, step, day)]
    return Change(
        Application(
            step,
            body.kind,
            body.applicant,
            body.offering,
            label,
            body.scheme,
            body.criteria_version,
            state.submitted if state else day,
            steps,
        ),
        names=() if state else (asking_name(body.offering),),
    )


def _check_same(body: Body, label: bytes, state: Application) -> None:
    """Hold what is applied for: only the version of the criteria may be another."""
    now = (body.applicant, body.offering, label, body.scheme, body.kind)
    if now != (state.applicant, state.offering, state.label, state.scheme, state.kind):
        raise RefusedError(
            "application: who applies, for what, and under which scheme are permanent",
            code="lbl.reference",
        )
    if body.criteria_version != state.criteria_version and body.step is not Step.SUBMITTED:
        raise RefusedError(
            "application: another version of the criteria is another submission",
            code="lbl.reference",
        )


def _check_references(body: Body, label: bytes, view: View) -> None:
    if not view.exists("organisation", body.applicant):
        raise RefusedError("application: its applicant is not in this log", code="lbl.reference")
    if not view.exists("offering", body.offering):
        raise RefusedError("application: its offering is not in this log", code="lbl.reference")
    is_about_label = body.kind in (Kind.RENEWAL, Kind.SCOPE_EXTENSION)
    if is_about_label != bool(label):
        raise RefusedError(
            "application: for a renewal or an extension it names the label, else it names none",
            code="lbl.reference",
        )
    if label and not view.exists("label_decision", label):
        raise RefusedError("application: its label is not in this log", code="lbl.reference")


def _check_criteria(body: Body, day: int, view: View) -> None:
    criteria = view.criteria(body.scheme, version=body.criteria_version)
    if criteria is None:
        raise RefusedError(
            f"application: scheme {body.scheme!r} has no criteria of version "
            f"{body.criteria_version}",
            code="lbl.criteria",
        )
    if criteria.until and day > criteria.until:
        raise RefusedError(
            f"application: version {body.criteria_version} of the criteria is replaced",
            code="lbl.criteria",
        )


FAMILY = Family("label_application", 1, Body, Application, Role.REGISTRAR, Place.MEMBER, apply)
