"""LBL-04: what a grant rests on."""

from typing import NamedTuple

from sopro_conformance.case import case
from sopro_conformance.cases.judged import is_void, new_world, stands
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.assessment import (
    CODES,
    Assessment,
    assess,
    evaluate_again,
    grant_assessed,
    publish_criteria,
)
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written


class Label(NamedTuple):
    """A label that was granted: its number and its entity."""

    number: str
    entity: bytes


def _prepare(world: World) -> SiteLog:
    publish_criteria(world)
    world.coordinator.state()
    log = world.sites["at"]
    log.state(world.coordinator)
    return log


@case(
    "LBL-04",
    "A grant rests on a fresh assessment of that product, by somebody else.",
    clauses="ASS-4 ASS-6 ASS-10 ASS-11 ASS-12 ASS-13 ASS-14 ASS-15 ASS-16 ASS-17 ASS-18 ASS-20 "
    "ASS-21",
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
    await _left_out(trial)
    await _afterwards(trial)


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


async def _left_out(trial: Trial) -> None:
    """Leave out of a review what does not suit."""

    def other_evaluation(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = _prepare(world)
        rests = assess(world, log)
        changes: dict[str, Value] = {"application": rests.application}
        second = evaluate_again(log, rests, "major_nc", changes)
        third = evaluate_again(log, rests, "conform", changes)
        every = sorted([rests.evaluation, second.entity, third.entity])
        review: dict[str, Value] = {
            "application": rests.application,
            "evaluations": [one for one in every if not bad or one != second.entity],
            "outcome": "recommend_grant",
            "reviewed_on": "2026-02-16",
            "reviewer": world.source.randbytes(16),
        }
        return log, log.append("review/1", review)

    await is_void(trial, "ass.subject", other_evaluation, delta="a review of some evaluations")

    def comes_later(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = _prepare(world)
        rests = assess(world, log)
        if bad:
            evaluate_again(log, rests, "major_nc", {"application": rests.application})
        return log, grant_assessed(world, log, rests, counts=not bad)

    await is_void(trial, "ass.subject", comes_later, delta="an evaluation after the review")

    def unsaid(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = _prepare(world)
        rests = assess(world, log)
        changes: dict[str, Value] = {"application": rests.application}
        first = evaluate_again(log, rests, "major_nc", changes)
        again: list[Value] = [{"code": CODES[0], "result": "conform"}]
        if not bad:
            again.append({"code": CODES[1], "result": "minor_nc"})
        return log, evaluate_again(
            log, rests, "", changes | {"findings": again}, entity=first.entity
        )

    await is_void(trial, "ass.findings", unsaid, delta="what was open is said no more")


async def _afterwards(trial: Trial) -> None:
    """Decide on a label that somebody looks after."""

    def granted(world: World) -> tuple[SiteLog, Assessment, Label]:
        log = _prepare(world)
        rests, number = assess(world, log), world.number(log)
        return log, rests, Label(number, grant_assessed(world, log, rests).entity)

    def decide(world: World, action: str, log: SiteLog, label: Label, **changes: Value) -> Written:
        body = world.decision(action, label.number, **changes)
        return log.append("label_decision/1", body, entity=label.entity)

    for action, reason in (("revoke", "other"), ("correct", ""), ("suspend", "nc_not_closed")):

        def alone(
            world: World, bad: bool, action: str = action, reason: str = reason
        ) -> tuple[SiteLog, Written]:
            log, rests, label = granted(world)
            changes: dict[str, Value] = {"reason_code": reason} if reason else {}
            if bad:
                changes["decider"] = rests.assessor
            return log, decide(world, action, log, label, **changes)

        await is_void(trial, "ass.duties", alone, delta=f"the assessor decides to {action}")

    def back(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, rests, label = granted(world)
        changes: dict[str, Value] = {"kind": "surveillance", "label": label.entity}
        evaluate_again(log, rests, "major_nc" if bad else "minor_nc", changes)
        # In need whoever is there suspends a label, also who has found what is wrong.
        decide(world, "suspend", log, label, decider=rests.assessor)
        return log, decide(world, "reinstate", log, label)

    await is_void(trial, "ass.outcome", back, delta="a return with a major deviation open")
