"""LBL-40: the steps of an assessment follow one another, to the day."""

from typing import Final

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import new_world
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.assessment import (
    CODES,
    Assessment,
    assess,
    grant_assessed,
    publish_criteria,
)
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written

ACCEPTED: Final = "2026-02-19"
"""Later than the review, on which a decision has to wait as well."""
SUBMITTED: Final = "2026-02-02"
NEXT_VERSION: Final = "2026-02-24"
LAST: Final = "2026-03-01"
"""The civil date of the records' time at UTC+14."""
HERE: Final[dict[str, Value]] = {"areas": ["AT13"]}
WIDER: Final[dict[str, Value]] = {"areas": ["AT12", "AT13"]}
Body = dict[str, Value]


def _prepare(trial: Trial, name: str) -> tuple[World, SiteLog, Bench]:
    world = new_world(trial, name)
    first = publish_criteria(world)
    if name == "two versions":
        body: Body = {
            "applies_from": NEXT_VERSION,
            "criteria": [{"code": code, "version": 1} for code in CODES],
            "published_on": "2026-01-01",
            "scheme": SCHEME,
            "version": 2,
        }
        world.coordinator.append("criteria_set/1", body, entity=first.entity)
    world.coordinator.state()
    log = world.sites["at"]
    log.state(world.coordinator)
    return world, log, Bench(trial, world, log)


@case(
    "LBL-40",
    "The steps of an assessment follow one another to the day, and the last word counts.",
    clauses="ASS-15 ASS-17 ASS-19 LBL-23",
)
async def ordered(trial: Trial) -> None:
    """Decide a day too early or too late, on a review that is not the last, and wider."""
    world, log, bench = _prepare(trial, "days")
    _accepted(world, log, bench)
    _submitted(world, log, bench)
    _reviewed(world, log, bench)
    _evaluated(world, log, bench)
    _closed(log, bench)
    _scopes(world, log, bench)
    await bench.judge()
    world, log, bench = _prepare(trial, "two versions")
    _versions(world, log, bench)
    await bench.judge()


def _grant(
    world: World, log: SiteLog, rests: Assessment, decided: str, effective: str, *, counts: bool
) -> Written:
    days: Body = {"decided_on": decided, "effective_date": effective, "valid_from": decided}
    return grant_assessed(world, log, rests, counts=counts, **days)


def _accepted(world: World, log: SiteLog, bench: Bench) -> None:
    def late(family: str, body: Body) -> None:
        if family == "label_application" and body["step"] == "accepted":
            body["effective_date"] = ACCEPTED

    right, wrong = assess(world, log, late), assess(world, log, late)
    twin = _grant(world, log, right, ACCEPTED, ACCEPTED, counts=True)
    written = _grant(world, log, wrong, "2026-02-18", "2026-02-18", counts=False)
    bench.is_void("decided before its application was accepted", "lbl.dates", written, twin=twin)


def _submitted(world: World, log: SiteLog, bench: Bench) -> None:
    def refuse(day: str) -> Written:
        rests = assess(world, log)
        body = world.decision(
            "refuse",
            "",
            application=rests.application,
            effective_date=day,
            offering=rests.offering,
            review=rests.review,
            scheme=SCHEME,
        )
        del body["certificate"]
        return log.append("label_decision/1", body)

    twin, written = refuse(SUBMITTED), refuse("2026-02-01")
    bench.counts("refused as of the day of the application", twin)
    bench.is_void("holds before its application was submitted", "lbl.dates", written, twin=twin)


def _reviewed(world: World, log: SiteLog, bench: Bench) -> None:
    def again() -> tuple[Assessment, bytes]:
        rests = assess(world, log)
        body: Body = {
            "application": rests.application,
            "evaluations": [rests.evaluation],
            "outcome": "recommend_grant",
            "reviewed_on": "2026-02-16",
            "reviewer": world.source.randbytes(16),
        }
        return rests, log.append("review/1", body).entity

    rests, second = again()
    twin = grant_assessed(world, log, rests, review=second)
    bench.counts("rests on the review that came last", twin)
    rests, _ = again()
    written = grant_assessed(world, log, rests, counts=False)
    delta = "rests on a review that another came behind"
    bench.is_void(delta, "ass.subject", written, twin=twin)


def _evaluated(world: World, log: SiteLog, bench: Bench) -> None:
    def old(family: str, body: Body) -> None:
        if family == "evaluation":
            body["performed_on"] = "2025-02-25"
        if family == "assessor_authorisation":
            body |= {"effective_date": "2025-01-15", "valid_from": "2025-01-15"}

    right, wrong = assess(world, log, old), assess(world, log, old)
    twin = _grant(world, log, right, "2026-02-20", "2026-02-25", counts=True)
    written = _grant(world, log, wrong, "2026-02-20", "2026-02-26", counts=False)
    bench.counts("an evaluation of twelve months before it holds", twin)
    delta = "an evaluation older than twelve months on the day from which it holds"
    bench.is_void(delta, "ass.outcome", written, twin=twin)


def _versions(world: World, log: SiteLog, bench: Bench) -> None:
    right, wrong = assess(world, log), assess(world, log)
    twin = _grant(world, log, right, "2026-02-20", "2026-02-23", counts=True)
    written = _grant(world, log, wrong, "2026-02-20", NEXT_VERSION, counts=False)
    bench.counts("holds on the last day of its version of the criteria", twin)
    delta = "holds from a day on which its version of the criteria is over"
    bench.is_void(delta, "lbl.criteria", written, twin=twin)


def _closed(log: SiteLog, bench: Bench) -> None:
    written = log.append("import_closed/1", {"effective_date": "2026-03-02"})
    twin = log.append("import_closed/1", {"effective_date": LAST})
    bench.is_void("an import closed after its record", "lbl.dates", written, twin=twin)


def _scopes(world: World, log: SiteLog, bench: Bench) -> None:
    """Say of a scope that it was wrong: as narrow as it was, and wider."""

    def correct(scope: Body, *, reduced: bool) -> Written:
        rests = assess(world, log)
        number = world.number(log)
        first = WIDER if reduced else HERE
        last = granted = grant_assessed(world, log, rests, scope=first)
        if reduced:
            body = world.decision("reduce_scope", number, scope=HERE)
            last = log.append("label_decision/1", body, entity=granted.entity)
        body = world.decision("correct", number, corrects=last.position, scope=scope)
        return log.append("label_decision/1", body, entity=granted.entity)

    twin = correct(HERE, reduced=False)
    bench.counts("a correction that says the scope again", twin)
    written = correct(WIDER, reduced=False)
    bench.is_void("a correction that widens what was granted", "lbl.scope", written, twin=twin)
    twin = correct(WIDER, reduced=True)
    bench.counts("a correction that takes a reduction back", twin)
    written = correct({"areas": ["AT11", "AT12", "AT13"]}, reduced=True)
    delta = "a correction that gives more than a reduction took"
    bench.is_void(delta, "lbl.scope", written, twin=twin)
