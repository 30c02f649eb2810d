"""What a decision rests on: the application, the evaluations and the review behind it (I2-I4)."""

from typing import Final, NamedTuple

from sopro_protocol.errors import RefusedError
from sopro_registry.application import Application, Kind, Step, decided_name
from sopro_registry.assessment import (
    MONTHS_GOOD,
    Evaluation,
    Level,
    Recommendation,
    Result,
    Review,
    in_time,
    weigh,
)
from sopro_registry.authorisation import MONTHS_TIED, Authorisation
from sopro_registry.duties import evaluations_of, has_assessed, has_more, last_name
from sopro_registry.family import View
from sopro_registry.fields import add_months, format_day
from sopro_registry.label import Action
from sopro_registry.ties import is_tied, offered_by

RESTING: Final = frozenset(
    {Action.GRANT, Action.REFUSE, Action.RENEW, Action.EXTEND_SCOPE, Action.TRANSFER_IN}
)
"""Actions that rest on an assessment once a scheme has criteria."""

_KINDS: Final = {
    Action.GRANT: (Kind.INITIAL, Kind.TRANSFER),
    Action.REFUSE: (Kind.INITIAL, Kind.TRANSFER),
    Action.RENEW: (Kind.RENEWAL,),
    Action.EXTEND_SCOPE: (Kind.SCOPE_EXTENSION,),
    Action.TRANSFER_IN: (Kind.TRANSFER,),
}


class Resting(NamedTuple):
    """A decision that rests on an assessment.

    Attributes:
        action: what it does.
        label: entity of the label; empty on its first decision.
        earlier: its entities in this log before it left and came back.
        subjects: what evaluations of the label are about; none on its first decision.
        offering: entity of what is labelled.
        scheme: its code.
        decider: pseudonym of who decides.
        decided: the day.
        effective: the day from which it holds.
    """

    action: Action
    label: bytes
    earlier: list[bytes]
    subjects: tuple[bytes, ...]
    offering: bytes
    scheme: str
    decider: bytes
    decided: int
    effective: int


def check_assessment(decision: Resting, application: bytes, review: bytes, view: View) -> None:
    """Hold a decision to the assessment it names.

    Where the records are not here (`Unseen`), what was assessed is taken as said.

    Raises:
        RefusedError: `lbl.precondition` where it names none, `ass.subject` where that is of another
            thing or has not come so far, `ass.duties` where the decider took part in it,
            `ass.outcome` where it does not allow the decision.
    """
    for word, entity in (("application", application), ("review", review)):
        if not entity:
            raise RefusedError(
                f"decision: {decision.action} needs the {word} it rests on, because scheme "
                f"{decision.scheme!r} has criteria (I3)",
                code="lbl.precondition",
            )
    if not view.exists("label_application", application) or not view.exists("review", review):
        raise RefusedError(
            "decision: its application or its review is not in this log (I3)", code="ass.subject"
        )
    asked, reviewed = view.state("label_application", application), view.state("review", review)
    if not isinstance(asked, Application) or not isinstance(reviewed, Review):
        return
    _check_application(decision, asked, application, view)
    if reviewed.application != application:
        raise RefusedError(
            "decision: its review is of another application (I3)", code="ass.subject"
        )
    if view.named("review", last_name(application)) != review:
        raise RefusedError(
            "decision: its application was reviewed again since; name the review that came last "
            "(I3)",
            code="ass.subject",
        )
    evaluations = _evaluations(reviewed, view)
    if has_more(application, len(reviewed.evaluations), view):
        raise RefusedError(
            "decision: its application has an evaluation that the review does not name; it needs "
            "another review (I3)",
            code="ass.subject",
        )
    if has_assessed(decision.decider, (application, *decision.subjects), view):
        raise RefusedError(
            "decision: the decider has taken part in the evaluation (I2)", code="ass.duties"
        )
    interested = (asked.applicant, offered_by(decision.offering, view))
    if is_tied(decision.decider, interested, decision.decided, view):
        raise RefusedError(
            f"decision: the decider works for who applies or offers, or has within {MONTHS_TIED} "
            "months; somebody else has to decide (I2, ASS-22)",
            code="ass.duties",
        )
    if decision.decided < reviewed.reviewed:
        raise RefusedError("decision: decided before the review (I5)", code="lbl.dates")
    if decision.decided < asked.steps[-1][2] or decision.effective < asked.submitted:
        raise RefusedError(
            "decision: decided before its application was accepted, or effective before that was "
            f"submitted, on {format_day(asked.submitted)} (I5)",
            code="lbl.dates",
        )
    if decision.action is not Action.REFUSE:
        _check_outcome(decision, asked, reviewed, evaluations, view)


def check_there(offering: bytes, day: int, action: Action, view: View) -> None:
    """Hold what is given or prolonged to something that is still there (SPEC LBL-30).

    Raises:
        RefusedError: `lbl.reference` where what is labelled is withdrawn, or who offers it is
            dissolved, on the day from which the decision holds.
    """
    if action is Action.REFUSE:
        return
    held = view.state("offering", offering)
    holder = view.state("organisation", getattr(held, "organisation", b"")) if held else None
    for one, what in ((held, "its offering is withdrawn"), (holder, "its holder is dissolved")):
        ended = getattr(one, "ended", 0)
        if 0 < ended <= day:
            raise RefusedError(
                f"decision: {what} since {format_day(ended)}; nothing can {action.value} a label "
                "for what is there no more",
                code="lbl.reference",
            )


def _check_application(
    decision: Resting, asked: Application, application: bytes, view: View
) -> None:
    if view.exists_named("label_application", decided_name(application)):
        raise RefusedError("decision: its application is decided already (I3)", code="ass.subject")
    if asked.step is not Step.ACCEPTED:
        raise RefusedError(f"decision: its application is {asked.step} (I3)", code="ass.subject")
    is_same = (asked.offering, asked.scheme) == (decision.offering, decision.scheme)
    if not is_same or asked.label != decision.label or asked.kind not in _KINDS[decision.action]:
        raise RefusedError(
            "decision: its application is for something else (I3)", code="ass.subject"
        )


def _evaluations(reviewed: Review, view: View) -> list[Evaluation]:
    """Return what was reviewed, in the order of time."""
    found = [view.state("evaluation", entity) for entity in reviewed.evaluations]
    evaluations = in_time(one for one in found if isinstance(one, Evaluation))
    if any(one.index > reviewed.index for one in evaluations):
        raise RefusedError(
            "decision: an evaluation has gone on since the review (I3)", code="ass.subject"
        )
    return evaluations


def _evaluated(decision: Resting, view: View) -> list[Evaluation]:
    """Return the evaluations of a label that is there."""
    return evaluations_of((decision.label, *decision.earlier), view) if decision.label else []


def _check_outcome(
    decision: Resting,
    asked: Application,
    reviewed: Review,
    evaluations: list[Evaluation],
    view: View,
) -> None:
    """Hold I3 and I4: recommended, by the same criteria, by independent and recent evaluation."""
    if reviewed.outcome is not Recommendation.RECOMMEND_GRANT:
        raise RefusedError("decision: the review does not recommend it (I3)", code="ass.outcome")
    criteria = view.criteria(decision.scheme, version=asked.criteria_version)
    days = (decision.decided, decision.effective)
    if criteria is None or not all(criteria.may_be_used(day) for day in days):
        raise RefusedError(
            f"decision: version {asked.criteria_version} of the criteria does not apply on the "
            "day of the decision and on the day from which it holds (I3)",
            code="lbl.criteria",
        )
    independent = [
        one
        for one in evaluations
        if one.level is Level.THIRD_PARTY and one.criteria_version == asked.criteria_version
    ]
    if not independent:
        raise RefusedError("decision: no third party has evaluated it (I4)", code="ass.outcome")
    if any(add_months(one.performed, MONTHS_GOOD) < max(days) for one in independent):
        raise RefusedError(
            f"decision: an evaluation is older than {MONTHS_GOOD} months (I3)", code="ass.outcome"
        )
    for one in independent:
        _check_still_authorised(one, view)
    offering = view.state("offering", decision.offering)
    others = [
        one
        for one in _evaluated(decision, view)
        if one.level is Level.THIRD_PARTY and one.application != reviewed.application
    ]
    found = in_time([*independent, *others])
    kind = getattr(offering, "kind", "")
    outcome = weigh(criteria, kind, [(one.findings, one not in others) for one in found])
    if outcome.obstacle:
        raise RefusedError(f"decision: {outcome.obstacle} (I3)", code="ass.outcome")


def _check_still_authorised(evaluation: Evaluation, view: View) -> None:
    """Hold an evaluation to its assessors' authorisations as they are recorded now (I3).

    One that was withdrawn since, from a day before the evaluation, was none on that day.
    """
    codes = [one.code for one in evaluation.findings if one.result is not Result.NOT_ASSESSED]
    for entity in evaluation.leaves:
        held = view.state("assessor_authorisation", entity)
        if not isinstance(held, Authorisation):
            continue
        if not held.allows(evaluation.performed, level=evaluation.level, criteria=codes):
            raise RefusedError(
                f"decision: assessor {held.person.hex()[:8]} was not authorised on "
                f"{format_day(evaluation.performed)}, as was recorded since; somebody who is has "
                "to evaluate it (I3)",
                code="ass.authority",
            )
