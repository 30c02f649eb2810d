"""LBL-43: in what order findings count, and who was allowed to find them after all."""

from sopro_conformance.case import case
from sopro_conformance.cases.judged import is_void
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.assessment import (
    EVALUATED,
    Assessment,
    assess,
    evaluate_again,
    grant_assessed,
    publish_criteria,
)
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written

BEFORE = "2026-02-09"
AFTER = "2026-02-11"


def _prepare(world: World) -> SiteLog:
    publish_criteria(world)
    world.coordinator.state()
    log = world.sites["at"]
    log.state(world.coordinator)
    return log


def _look_again(
    log: SiteLog, rests: Assessment, about: dict[str, Value], *, bad: bool
) -> tuple[bytes, bytes]:
    """Find a major deviation, and record behind it that it is closed: by whom looked before."""
    major = evaluate_again(log, rests, "major_nc", about)
    looked: dict[str, Value] = {"performed_on": BEFORE if bad else EVALUATED}
    conform: dict[str, Value] = {
        "findings": [{"code": "C-2", "points": 8, "result": "conform"}],
    }
    return major.entity, evaluate_again(log, rests, "", about | looked | conform).entity


@case(
    "LBL-43",
    "What was looked at before closes nothing, and who was not authorised has found nothing.",
    clauses="ASS-17 ASS-18 ASS-21",
)
async def outcome(trial: Trial) -> None:
    """Record late what was looked at early; withdraw who evaluated, from before they did."""

    def granted(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = _prepare(world)
        rests = assess(world, log)
        looked = _look_again(log, rests, {"application": rests.application}, bad=bad)
        review = log.append(
            "review/1",
            {
                "application": rests.application,
                "evaluations": sorted([rests.evaluation, *looked]),
                "outcome": "recommend_grant",
                "reviewed_on": "2026-02-15",
                "reviewer": world.source.randbytes(16),
            },
        )
        return log, grant_assessed(world, log, rests, counts=not bad, review=review.entity)

    await is_void(
        trial, "ass.outcome", granted, delta="what closes a major deviation was performed before it"
    )

    def reinstated(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = _prepare(world)
        rests, number = assess(world, log), world.number(log)
        label = grant_assessed(world, log, rests).entity
        _look_again(log, rests, {"kind": "surveillance", "label": label}, bad=bad)
        for action in ("suspend", "reinstate"):
            body = world.decision(action, number)
            written = log.append("label_decision/1", body, entity=label)
        return log, written

    await is_void(
        trial, "ass.outcome", reinstated, delta="a return on what was performed before it was found"
    )

    for status in ("withdrawn", "suspended"):

        def withdrawn(world: World, bad: bool, status: str = status) -> tuple[SiteLog, Written]:
            log = _prepare(world)
            rests = assess(world, log)
            body: dict[str, Value] = {
                "basis": "iso17065",
                "effective_date": EVALUATED if bad else AFTER,
                "level": "third_party",
                "person": rests.assessor,
                "scheme": SCHEME,
                "status": status,
                "valid_from": "2026-01-15",
                "valid_until": "2027-01-14",
            }
            log.append("assessor_authorisation/1", body, entity=rests.authorisation)
            return log, grant_assessed(world, log, rests, counts=not bad)

        await is_void(
            trial, "ass.authority", withdrawn, delta=f"{status} from the day of the evaluation"
        )
