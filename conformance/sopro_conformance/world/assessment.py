"""What a decision rests on where a scheme has criteria: a whole certification, step by step."""

from collections.abc import Callable
from typing import Final, NamedTuple

from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written

CODES: Final = ("C-1", "C-2")
EVALUATED: Final = "2026-02-10"
REVIEWED: Final = "2026-02-15"


def publish_criteria(world: World, *, version: int = 1, **changes: Value) -> Written:
    """Append criteria and the set that a label needs (LBL-4, ASS-2)."""
    for code in CODES:
        body: dict[str, Value] = {
            "applies_from": "2026-01-01",
            "code": code,
            "dimension": "ecological",
            "kind": "boolean",
            "obligation": "mandatory" if code == CODES[0] else "points",
            "principle": "quality",
            "scheme": SCHEME,
            "status": "active",
            "title": {"en": f"Criterion {code}"},
            "version": 1,
        }
        points: dict[str, Value] = {} if code == CODES[0] else {"points": 10}
        world.coordinator.append("criterion/1", body | points)
    body = {
        "applies_from": "2026-01-01",
        "criteria": [{"code": code, "version": 1} for code in CODES],
        "min_points": 5,
        "published_on": "2026-01-01",
        "scheme": SCHEME,
        "version": version,
    }
    return world.coordinator.append("criteria_set/1", body | changes)


class Assessment(NamedTuple):
    """The steps before a decision.

    Attributes:
        offering: that is to be labelled.
        application: its entity.
        evaluation: its entity.
        review: its entity.
        assessor: the pseudonym of who evaluated.
        authorisation: the entity of what allowed it.
    """

    offering: bytes
    application: bytes
    evaluation: bytes
    review: bytes
    assessor: bytes
    authorisation: bytes


def assess(
    world: World, log: SiteLog, change: Callable[[str, dict[str, Value]], None] | None = None
) -> Assessment:
    """Append what a grant needs: offering, application, evaluation by a third party, review.

    Args:
        world: whose criteria they are.
        log: of the site.
        change: changes the body of a step, by the name of its family.
    """

    def write(family: str, body: dict[str, Value], entity: bytes = b"") -> Written:
        if change is not None:
            change(family, body)
        return log.append(f"{family}/1", body, entity=entity)

    holder = log.append(
        "organisation/1",
        {
            "actor_type": "enterprise",
            "country": log.site.upper(),
            "effective_date": "2026-02-01",
            "status": "active",
        },
    )
    thing = log.append(
        "offering/1",
        {
            "effective_date": "2026-02-01",
            "kind": "product",
            "organisation": holder.entity,
            "status": "published",
        },
    )
    assessor = world.source.randbytes(16)
    authorised = write(
        "assessor_authorisation",
        {
            "basis": "iso17065",
            "effective_date": "2026-01-15",
            "level": "third_party",
            "person": assessor,
            "scheme": SCHEME,
            "status": "active",
            "valid_from": "2026-01-15",
            "valid_until": "2027-01-14",
        },
    )
    applied: dict[str, Value] = {
        "applicant": holder.entity,
        "criteria_version": 1,
        "effective_date": "2026-02-02",
        "kind": "initial",
        "offering": thing.entity,
        "scheme": SCHEME,
        "step": "submitted",
    }
    application = write("label_application", dict(applied))
    accepted = applied | {"effective_date": "2026-02-03", "step": "accepted"}
    write("label_application", accepted, application.entity)
    evaluation = write(
        "evaluation",
        {
            "application": application.entity,
            "assessors": [{"authorisation": authorised.entity, "person": assessor}],
            "criteria_version": 1,
            "findings": [
                {"code": CODES[0], "result": "conform"},
                {"code": CODES[1], "points": 8, "result": "conform"},
            ],
            "kind": "initial",
            "level": "third_party",
            "method": "on_site",
            "performed_on": EVALUATED,
            "recommendation": "positive",
        },
    )
    review = write(
        "review",
        {
            "application": application.entity,
            "evaluations": [evaluation.entity],
            "outcome": "recommend_grant",
            "reviewed_on": REVIEWED,
            "reviewer": world.source.randbytes(16),
        },
    )
    return Assessment(
        thing.entity,
        application.entity,
        evaluation.entity,
        review.entity,
        assessor,
        authorised.entity,
    )


def evaluate_again(
    log: SiteLog,
    assessment: Assessment,
    result: str,
    changes: dict[str, Value],
    *,
    entity: bytes = b"",
) -> Written:
    """Append an evaluation by the same assessor that finds the second criterion so."""
    body: dict[str, Value] = {
        "assessors": [{"authorisation": assessment.authorisation, "person": assessment.assessor}],
        "criteria_version": 1,
        "findings": [{"code": CODES[1], "result": result}],
        "kind": "special",
        "level": "third_party",
        "method": "document",
        "performed_on": EVALUATED,
        "recommendation": "positive",
    }
    return log.append("evaluation/1", body | changes, entity=entity)


def grant_assessed(
    world: World, log: SiteLog, assessment: Assessment, *, counts: bool = True, **changes: Value
) -> Written:
    """Append the grant that rests on an assessment."""
    body = world.decision(
        "grant",
        world.number(log),
        application=assessment.application,
        offering=assessment.offering,
        review=assessment.review,
        scheme=SCHEME,
        status_index=log.grants,
    )
    log.grants += counts
    return log.append("label_decision/1", body | changes)
