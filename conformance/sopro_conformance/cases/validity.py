"""LBL-22 to LBL-24: ends of validity, what was imported, and who takes a label away."""

from typing import Final, NamedTuple

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import is_void, new_world, stands
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.assessment import assess, grant_assessed, publish_criteria
from sopro_conformance.world.federation import GRANTED, World
from sopro_conformance.world.sitelog import SiteLog, Written

EARLY: Final = "2026-01-10"
ENDED: Final = "2026-01-20"
GRACE_ENDS: Final = "2026-02-19"
"""30 days after the end, as the scheme of the world has it."""
TOO_LATE: Final = "2026-02-20"
NO_DAY: Final = "2026-02-30"
LONGEST: Final = "2028-02-20"
"""24 months after the day of the grant, as the scheme of the world has it."""


class Label(NamedTuple):
    """A label that was granted, by its number."""

    world: World
    log: SiteLog
    number: str
    granted: Written

    def decide(self, action: str, **changes: Value) -> Written:
        """Append another decision on it."""
        body = self.world.decision(action, self.number, **changes)
        return self.log.append("label_decision/1", body, entity=self.granted.entity)


def _grant(world: World, **changes: Value) -> Label:
    log = world.sites["at"]
    number = world.number(log)
    return Label(world, log, number, world.grant(log, number, **changes))


def _grant_early(world: World) -> Label:
    """Grant a label that has ended by now."""
    days: dict[str, Value] = {"decided_on": EARLY, "effective_date": EARLY}
    return _grant(world, **days, valid_from=EARLY, valid_until=ENDED)


def _renew_late(label: Label, day: str) -> Written:
    return label.decide("renew", decided_on=GRACE_ENDS, effective_date=day, valid_from=GRACE_ENDS)


@case(
    "LBL-22",
    "What has ended is renewed or corrected within the grace, and no longer than a grant.",
    clauses="LBL-14 LBL-17 LBL-26",
)
async def ends(trial: Trial) -> None:
    """Renew and correct on the last day and the day after, and correct ends of validity."""

    def renewed(world: World, bad: bool) -> tuple[SiteLog, Written]:
        label = _grant_early(world)
        return label.log, _renew_late(label, TOO_LATE if bad else GRACE_ENDS)

    await is_void(trial, "lbl.transition", renewed, delta="renewed a day after the grace")

    def corrected(world: World, bad: bool) -> tuple[SiteLog, Written]:
        label = _grant_early(world)
        return label.log, label.decide(
            "correct",
            corrects=label.granted.position,
            decided_on=GRACE_ENDS,
            effective_date=TOO_LATE if bad else GRACE_ENDS,
            valid_until="2026-12-31",
        )

    await is_void(trial, "lbl.transition", corrected, delta="corrected a day after the grace")
    await _corrections(trial)
    await _standings(trial)


async def _corrections(trial: Trial) -> None:
    for delta, good, wrong in (
        ("an end before the label was granted", GRANTED, "2026-02-19"),
        ("an end that a grant could not have given", LONGEST, "2028-02-21"),
    ):

        def end(
            world: World, bad: bool, days: tuple[str, str] = (good, wrong)
        ) -> tuple[SiteLog, Written]:
            label = _grant(world)
            position = label.granted.position
            return label.log, label.decide("correct", corrects=position, valid_until=days[bad])

        await is_void(trial, "lbl.dates", end, delta=delta)

    def older(world: World, bad: bool) -> tuple[SiteLog, Written]:
        label = _grant(world)
        renewed = label.decide("renew")
        position = (label.granted if bad else renewed).position
        return label.log, label.decide("correct", corrects=position, valid_until="2027-03-31")

    await is_void(trial, "lbl.reference", older, delta="the end of what was renewed since")

    def other(world: World, bad: bool) -> tuple[SiteLog, Written]:
        label = _grant(world)
        suspended = label.decide("suspend")
        position = (suspended if bad else label.granted).position
        return label.log, label.decide("correct", corrects=position, valid_until="2027-03-31")

    await is_void(trial, "lbl.reference", other, delta="the end that a suspension has not set")


async def _standings(trial: Trial) -> None:
    """Look at labels whose end was corrected, and at one that was suspended when it ended."""
    world = new_world(trial, "standings")
    shorter, longer, suspended = _grant(world), _grant(world), _grant_early(world)
    shorter.decide("correct", corrects=shorter.granted.position, valid_until="2026-03-14")
    longer.decide("correct", corrects=longer.granted.position, valid_until=LONGEST)
    days: dict[str, Value] = {"decided_on": EARLY, "effective_date": EARLY}
    suspended.decide("suspend", **days)
    _renew_late(suspended, GRACE_ENDS)
    numbers = (shorter.number, longer.number, suspended.number)
    for day, words in (
        ("2026-03-14", ("active", "active", "suspended")),
        ("2026-03-15", ("expired", "active", "suspended")),
        ("2027-03-15", ("expired", "active", "expired")),
        ("2028-02-21", ("expired", "expired", "expired")),
    ):
        wanted = dict(zip(numbers, words, strict=True))
        await stands(trial, world, wanted, what="ends that were corrected or renewed", day=day)


def _close_import(log: SiteLog, day: str = GRANTED) -> Written:
    return log.append("import_closed/1", {"effective_date": day})


@case(
    "LBL-23",
    "An existing register is taken over until that is closed, and not over own decisions.",
    clauses="ASS-19 LBL-13 LBL-15",
)
async def imported(trial: Trial) -> None:
    """Import behind the end of importing, behind two, and behind a decision of the site."""
    for times, delta in ((1, "behind the end of importing"), (2, "behind the end said twice")):

        def closed(world: World, bad: bool, times: int = times) -> tuple[SiteLog, Written]:
            log = world.sites["at"]
            for _ in range(times * bad):
                _close_import(log)
            written = world.grant(log, basis="imported")
            log.grants -= bad
            return log, written

        await is_void(trial, "lbl.imported", closed, delta=delta)

    def no_day(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        return log, _close_import(log, NO_DAY if bad else GRANTED)

    await is_void(trial, "rec.body", no_day, delta="importing ends on a day that is none")

    def behind(world: World, bad: bool) -> tuple[SiteLog, Written]:
        label = _grant(world, basis="imported")
        label.decide("suspend", basis="assessed" if bad else "imported")
        return label.log, label.decide("reinstate", basis="imported")

    await is_void(trial, "lbl.imported", behind, delta="behind a decision of the site's own")
    world = new_world(trial, "an end that is void")
    log = world.sites["at"]
    bench = Bench(trial, world, log)
    _close_import(log, NO_DAY)
    bench.counts("imported behind an end that is void", _grant(world, basis="imported").granted)
    _close_import(log)
    bench.counts("decided by the site itself, behind the end", _grant(world).granted)
    await bench.judge()


_JUDGED: Final = (
    "nc_not_closed",
    "criteria_change",
    "misuse_of_mark",
    "refused_surveillance",
    "fees_unpaid",
    "false_information",
    "insolvency",
    "complaint_upheld",
    "appeal_upheld",
    "other",
)
"""Reasons for the end of a label that somebody has to have judged (ASS-20)."""
_ASKED_FOR: Final = ("holder_request", "product_discontinued")


def _assessed(world: World) -> tuple[Label, bytes]:
    """Grant a label after a whole assessment; return it with who assessed it."""
    publish_criteria(world)
    world.coordinator.state()
    log = world.sites["at"]
    log.state(world.coordinator)
    rests, number = assess(world, log), world.number(log)
    return Label(world, log, number, grant_assessed(world, log, rests)), rests.assessor


@case(
    "LBL-24",
    "Who has assessed a label takes nothing from it and gives nothing back.",
    clauses="ASS-20",
)
async def later(trial: Trial) -> None:
    """Have the assessor end a label for every reason, reduce it and give it back."""
    for reason in _JUDGED:

        def ended(world: World, bad: bool, reason: str = reason) -> tuple[SiteLog, Written]:
            label, assessor = _assessed(world)
            changes: dict[str, Value] = {"decider": assessor} if bad else {}
            return label.log, label.decide("terminate_on_request", reason_code=reason, **changes)

        await is_void(trial, "ass.duties", ended, delta=f"the assessor ends it: {reason}")
    for action in ("reinstate", "reduce_scope"):

        def decided(world: World, bad: bool, action: str = action) -> tuple[SiteLog, Written]:
            label, assessor = _assessed(world)
            if action == "reinstate":
                label.decide("suspend")
            changes: dict[str, Value] = {"decider": assessor} if bad else {}
            if action == "reduce_scope":
                changes["scope"] = {"areas": ["AT130"]}
            return label.log, label.decide(action, **changes)

        await is_void(trial, "ass.duties", decided, delta=f"the assessor decides to {action}")
    for reason in _ASKED_FOR:
        world = new_world(trial, reason)
        label, assessor = _assessed(world)
        bench = Bench(trial, world, label.log)
        ended_by = label.decide("terminate_on_request", reason_code=reason, decider=assessor)
        bench.counts(f"the assessor ends what nobody judges: {reason}", ended_by)
        await bench.judge()
