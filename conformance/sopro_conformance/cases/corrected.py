"""LBL-30: what was refused and is corrected, and labels that are handed over to nobody."""

from typing import Final

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import is_void, new_world
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.assessment import REVIEWED, assess, publish_criteria
from sopro_conformance.world.federation import GRANTED, SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written

AFTER: Final = "2026-02-21"
"""The day after everything in the world was decided."""
EARLIER: Final = "2025-11-03"


def _refuse(world: World) -> tuple[SiteLog, Written]:
    """Refuse what nobody has assessed, since the scheme has no criteria."""
    log = world.sites["at"]
    body = world.decision("refuse", "", offering=world.offer(log), scheme=SCHEME)
    del body["certificate"]
    return log, log.append("label_decision/1", body)


def _refuse_assessed(world: World) -> tuple[SiteLog, Written, bytes]:
    """Refuse what was assessed; return also who assessed it."""
    publish_criteria(world)
    world.coordinator.state()
    log = world.sites["at"]
    log.state(world.coordinator)
    rests = assess(world, log)
    body = world.decision("refuse", "", offering=rests.offering, scheme=SCHEME)
    del body["certificate"]
    body |= {"application": rests.application, "review": rests.review}
    return log, log.append("label_decision/1", body), rests.assessor


def _correct(world: World, log: SiteLog, refusal: Written, **changes: Value) -> Written:
    body = world.decision("correct", "", corrects=refusal.position)
    del body["certificate"]
    return log.append("label_decision/1", body | changes, entity=refusal.entity)


@case(
    "LBL-30",
    "A refusal is corrected within what it could have said, and no label goes to nobody.",
    clauses="LBL-8 LBL-9 LBL-28 XFER-1",
)
async def refused(trial: Trial) -> None:
    """Correct reasons and days of refusals, and hand labels over without saying to whom."""
    await _corrections(trial)
    wrongs: tuple[tuple[dict[str, Value], str, str], ...] = (
        ({"refused_on": AFTER}, "lbl.dates", "refused after it was corrected"),
        ({"refused_on": "2026-02-30"}, "rec.body", "refused on a day that is none"),
        ({"certificate": "SOPRO/AT0/001/000000"}, "lbl.reference", "a number for a refusal"),
    )
    for changes, code, delta in wrongs:

        def wrong(
            world: World, bad: bool, changes: dict[str, Value] = changes
        ) -> tuple[SiteLog, Written]:
            log, refusal = _refuse(world)
            return log, _correct(world, log, refusal, **(changes if bad else {}))

        await is_void(trial, code, wrong, delta=delta)

    def early(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, refusal, _ = _refuse_assessed(world)
        return log, _correct(world, log, refusal, refused_on=EARLIER if bad else REVIEWED)

    await is_void(trial, "lbl.dates", early, delta="refused before it was reviewed")

    def assessor(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, refusal, person = _refuse_assessed(world)
        return log, _correct(world, log, refusal, **({"decider": person} if bad else {}))

    await is_void(trial, "ass.duties", assessor, delta="corrected by who assessed it")
    await _no_refusals(trial)
    await _nobody(trial)


async def _corrections(trial: Trial) -> None:
    world = new_world(trial, "what may be corrected")
    log, refusal = _refuse(world)
    bench = Bench(trial, world, log)
    for what, changes in (
        ("its reason", {"reason_code": "fees_unpaid"}),
        ("its day", {"refused_on": EARLIER}),
        ("both", {"reason_code": "insolvency", "refused_on": GRANTED}),
    ):
        given: dict[str, Value] = dict(changes)
        bench.counts(f"a refusal is corrected: {what}", _correct(world, log, refusal, **given))
    await bench.judge()


async def _no_refusals(trial: Trial) -> None:
    """Say when something was refused where that was granted, or where nothing is corrected."""

    def granted(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        number = world.number(log)
        label = world.grant(log, number)
        days: dict[str, Value] = {"refused_on": GRANTED} if bad else {}
        body = world.decision("correct", number, corrects=label.position, **days)
        return log, log.append("label_decision/1", body, entity=label.entity)

    await is_void(trial, "lbl.reference", granted, delta="the day on which a grant was refused")

    def nothing(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, refusal = _refuse(world)
        body = world.decision("correct", "", refused_on=GRANTED, corrects=refusal.position)
        del body["certificate"]
        if bad:
            del body["corrects"]
        return log, log.append("label_decision/1", body, entity=refusal.entity)

    await is_void(trial, "lbl.precondition", nothing, delta="refused some day, correcting nothing")


async def _nobody(trial: Trial) -> None:
    for left_out in (("receiver",), ("receiver_entity",), ("receiver", "receiver_entity")):

        def handed(
            world: World, bad: bool, names: tuple[str, ...] = left_out
        ) -> tuple[SiteLog, Written]:
            log = world.sites["at"]
            number = world.number(log)
            label = world.grant(log, number)
            entity = world.source.randbytes(16)
            body = world.decision("transfer_out", number, receiver="hu", receiver_entity=entity)
            for name in names if bad else ():
                del body[name]
            return log, log.append("label_decision/1", body, entity=label.entity)

        delta = f"handed over without {' and '.join(left_out)}"
        await is_void(trial, "lbl.precondition", handed, delta=delta)
