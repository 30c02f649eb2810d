"""LBL-04: what a grant rests on."""

from sopro_conformance.case import case
from sopro_conformance.cases.judged import is_void, new_world, stands
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.assessment import CODES, assess, grant_assessed, publish_criteria
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written


def _prepare(world: World) -> SiteLog:
    publish_criteria(world)
    world.coordinator.state()
    log = world.sites["at"]
    log.state(world.coordinator)
    return log


@case(
    "LBL-04",
    "A grant rests on a fresh assessment of that product, by somebody else.",
    clauses="ASS-4 ASS-6 ASS-12 ASS-13 ASS-14 ASS-15 ASS-16 ASS-17 ASS-18",
)
async def assessment(trial: Trial) -> None:
    """Grant without an assessment, on another's, on an old one, by who made it."""
    world = new_world(trial, "assessed")
    log = _prepare(world)
    number = world.number(log)
    grant_assessed(world, log, assess(world, log))
    await stands(trial, world, {number: "active"}, what="granted after a whole certification")

    def none(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = _prepare(world)
        rests = assess(world, log)
        if not bad:
            return log, grant_assessed(world, log, rests)
        body = world.decision(
            "grant",
            world.number(log),
            offering=rests.offering,
            scheme=SCHEME,
            status_index=log.grants,
        )
        return log, log.append("label_decision/1", body)

    await is_void(trial, "lbl.precondition", none, delta="without an application and a review")
    await _others(trial)
    await _steps(trial)


async def _others(trial: Trial) -> None:
    """Rest on what is there, but not for this."""

    def other_offering(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = _prepare(world)
        first, second = assess(world, log), assess(world, log)
        offering = second.offering if bad else first.offering
        return log, grant_assessed(world, log, first, counts=not bad, offering=offering)

    await is_void(trial, "ass.subject", other_offering, delta="the application of another offering")

    def other_review(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = _prepare(world)
        first, second = assess(world, log), assess(world, log)
        review = second.review if bad else first.review
        return log, grant_assessed(world, log, first, counts=not bad, review=review)

    await is_void(trial, "ass.subject", other_review, delta="the review of another application")

    def twice(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = _prepare(world)
        first, second = assess(world, log), assess(world, log)
        grant_assessed(world, log, first)
        chosen = first if bad else second
        return log, grant_assessed(world, log, chosen, counts=not bad)

    await is_void(trial, "ass.subject", twice, delta="an application that is decided")

    def same_person(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = _prepare(world)
        rests = assess(world, log)
        changes: dict[str, Value] = {"decider": rests.assessor} if bad else {}
        return log, grant_assessed(world, log, rests, counts=not bad, **changes)

    await is_void(trial, "ass.duties", same_person, delta="the assessor decides")

    def decided_before(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = _prepare(world)
        rests = assess(world, log)
        day = "2026-02-14" if bad else "2026-02-15"
        changes: dict[str, Value] = {"decided_on": day, "effective_date": day, "valid_from": day}
        return log, grant_assessed(world, log, rests, counts=not bad, **changes)

    await is_void(trial, "lbl.dates", decided_before, delta="decided before it was reviewed")


async def _steps(trial: Trial) -> None:
    """Change one step of the assessment: the grant that rests on it is void."""
    findings: list[Value] = [
        {"code": CODES[0], "result": "conform"},
        {"code": CODES[1], "points": 8, "result": "conform"},
    ]
    changes: dict[str, tuple[str, dict[str, Value]]] = {
        "a review that recommends to refuse": ("review", {"outcome": "recommend_refuse"}),
        "a review that returns it": ("review", {"outcome": "return"}),
        "a mandatory criterion with a minor deviation": (
            "evaluation",
            {"findings": [{"code": CODES[0], "result": "minor_nc"}, findings[1]]},
        ),
        "a criterion with a major deviation": (
            "evaluation",
            {"findings": [findings[0], {"code": CODES[1], "result": "major_nc"}]},
        ),
        "a mandatory criterion that was not assessed": ("evaluation", {"findings": [findings[1]]}),
        "too few points": ("evaluation", {"findings": [findings[0]]}),
        "an evaluation by a second party": ("evaluation", {"level": "second_party"}),
        "an evaluation older than twelve months": ("evaluation", {"performed_on": "2025-02-19"}),
    }
    for delta, (family, fields) in changes.items():

        def act(
            world: World,
            bad: bool,
            family: str = family,
            fields: dict[str, Value] = fields,
            old: bool = "older" in delta,
        ) -> tuple[SiteLog, Written]:
            log = _prepare(world)

            def change(step: str, body: dict[str, Value]) -> None:
                if bad and step == family:
                    body.update(fields)
                if old and step == "assessor_authorisation":
                    body |= {"effective_date": "2025-01-15", "valid_from": "2025-01-15"}

            rests = assess(world, log, change)
            return log, grant_assessed(world, log, rests, counts=not bad)

        await is_void(trial, "ass.outcome", act, delta=delta)
