"""review/1: whether evaluations are sound, and what follows from them (SPEC ASS-REVIEW)."""

from typing import Annotated

from msgspec import Meta, Struct

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.application import Application, Step, decided_name
from sopro_registry.assessment import Evaluation, Recommendation, Review
from sopro_registry.authorisation import MONTHS_TIED
from sopro_registry.duties import has_assessed, has_more, last_name, part_name
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Bytes16, CivilDate, day_of, latest_day
from sopro_registry.label import Label
from sopro_registry.ties import is_tied, offered_by


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A review.

    Attributes:
        application: entity of the application.
        evaluations: entities of all evaluations for it, in the order of their bytes.
        outcome: what it recommends, or that the evaluation is to go on.
        reviewed_on: civil date in the site's zone.
        reviewer: pseudonym of who reviewed.
    """

    application: Bytes16
    evaluations: Annotated[list[Bytes16], Meta(min_length=1, max_length=32)]
    outcome: Recommendation
    reviewed_on: CivilDate
    reviewer: Bytes16


def apply(fact: Fact[Body], state: Review | None, view: View) -> Change[Review]:
    """Take a review.

    Raises:
        RefusedError: `ass.subject` for an application or an evaluation that cannot be reviewed or
            is left out, `ass.duties` where somebody reviews their own work, `lbl.dates` for dates
            in the wrong order.
    """
    body = fact.body
    reviewed = day_of(body.reviewed_on, field="reviewed_on")
    if reviewed > latest_day(fact.record.time):
        raise RefusedError("review: reviewed after it was recorded", code="lbl.dates")
    if state is not None and body.application != state.application:
        raise RefusedError("review: its application is permanent", code="ass.subject")
    application = view.state("label_application", body.application)
    if not isinstance(application, Application):
        raise RefusedError("review: its application is not in this log", code="ass.subject")
    if application.step is not Step.ACCEPTED:
        raise RefusedError(f"review: its application is {application.step}", code="ass.subject")
    if view.exists_named("label_application", decided_name(body.application)):
        raise RefusedError("review: its application is decided", code="ass.subject")
    if body.evaluations != sorted(set(body.evaluations)):
        raise RefusedError("review: evaluations not in order", code="ass.subject")
    for entity in body.evaluations:
        _check_evaluation(entity, body, reviewed, view)
    if has_more(body.application, len(body.evaluations), view):
        raise RefusedError(
            "review: it leaves out an evaluation of its application; it has to name all of them "
            "(I3)",
            code="ass.subject",
        )
    held = view.state("label_decision", application.label) if application.label else None
    earlier = held.earlier if isinstance(held, Label) else []
    if has_assessed(body.reviewer, (application.label, *earlier), view):
        raise RefusedError(
            "review: the reviewer has taken part in evaluating the label (I2)", code="ass.duties"
        )
    interested = (application.applicant, offered_by(application.offering, view))
    if is_tied(body.reviewer, interested, reviewed, view):
        raise RefusedError(
            f"review: the reviewer works for who applies or offers, or has within {MONTHS_TIED} "
            "months; somebody else has to review (I2, ASS-22)",
            code="ass.duties",
        )
    about = (body.application, application.label) if application.label else (body.application,)
    return Change(
        Review(
            fact.index,
            body.application,
            body.evaluations,
            body.outcome,
            reviewed,
            body.reviewer,
        ),
        names=(
            last_name(body.application),
            *(part_name(body.reviewer, one) for one in about),
        ),
    )


def _check_evaluation(entity: bytes, body: Body, reviewed: int, view: View) -> None:
    found = view.state("evaluation", entity)
    if not isinstance(found, Evaluation) or found.application != body.application:
        raise RefusedError(
            f"review: {entity.hex()} is no evaluation for this application", code="ass.subject"
        )
    if body.reviewer in found.assessors:
        raise RefusedError(
            "review: the reviewer has taken part in the evaluation (I2)", code="ass.duties"
        )
    if reviewed < found.performed:
        raise RefusedError("review: reviewed before the evaluation ended", code="lbl.dates")


FAMILY = Family("review", 1, Body, Review, Role.REGISTRAR, Place.MEMBER, apply)
