"""LBL-19: who may be on the panel that decides on an appeal."""

from typing import Final, NamedTuple

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import is_void, new_world
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.assessment import assess, grant_assessed, publish_criteria
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written

DAY: Final = "2026-02-25"
FIRST, SECOND, THIRD = b"1st of the panel", b"2nd of the panel", b"3rd of the panel"
"""Pseudonyms, in the order of their bytes."""
DECIDES: Final = ("upheld", "partly_upheld", "rejected")


class Appealed(NamedTuple):
    """A label whose grant is appealed against, and everybody who has had to do with it.

    Attributes:
        log: of the site.
        number: of the label.
        granted: the decision appealed against.
        people: pseudonyms by what they have done.
        appeal: the entity of the appeal.
        holder: the organisation whose label it is.
    """

    log: SiteLog
    number: str
    granted: Written
    people: dict[str, bytes]
    appeal: bytes
    holder: bytes = b""

    def step(self, step: str, **changes: Value) -> Written:
        """Append a step of the appeal."""
        body: dict[str, Value] = {
            "decision": self.granted.position,
            "effective_date": DAY,
            "label": self.granted.entity,
            "step": step,
        }
        return self.log.append("appeal/1", body | changes, entity=self.appeal)

    def decide(self, world: World, action: str, decider: bytes) -> Written:
        """Append a later decision on the label, by somebody."""
        body = world.decision(action, self.number, decider=decider)
        return self.log.append("label_decision/1", body, entity=self.granted.entity)


def have_appealed(world: World) -> Appealed:
    """Grant a label after a whole assessment, and have the appeal received."""
    publish_criteria(world)
    world.coordinator.state()
    log = world.sites["at"]
    log.state(world.coordinator)
    people: dict[str, bytes] = {"decided": world.source.randbytes(16)}
    holders: list[bytes] = []

    def change(family: str, body: dict[str, Value]) -> None:
        if isinstance(holder := body.get("applicant"), bytes):
            holders.append(holder)
        _note(people, "reviewed", family, body)

    rests = assess(world, log, change)
    number = world.number(log)
    granted = grant_assessed(world, log, rests, decider=people["decided"])
    people["assessed"] = rests.assessor
    found = Appealed(log, number, granted, people, world.source.randbytes(16), holders[0])
    found.step("received")
    return found


def employ(world: World, log: SiteLog, holder: bytes, until: str) -> bytes:
    """Say of somebody new that they work for an organisation until a day."""
    person = world.source.randbytes(16)
    body: dict[str, Value] = {
        "basis": "peer",
        "effective_date": "2020-01-01",
        "level": "second_party",
        "organisation": holder,
        "person": person,
        "scheme": SCHEME,
        "status": "active",
        "valid_from": "2020-01-01",
        "valid_until": until,
    }
    log.append("assessor_authorisation/1", body)
    return person


def _note(people: dict[str, bytes], what: str, family: str, body: dict[str, Value]) -> None:
    if family == "review" and isinstance(body["reviewer"], bytes):
        people[what] = body["reviewer"]


def _renewing(world: World, found: Appealed) -> None:
    """Have a renewal of the label assessed and reviewed, which nobody decides on."""

    def change(family: str, body: dict[str, Value]) -> None:
        if family == "label_application":
            body |= {"kind": "renewal", "label": found.granted.entity}
        _note(found.people, "reviewed a renewal of", family, body)

    found.people["assessed a renewal of"] = assess(world, found.log, change).assessor


@case(
    "LBL-19",
    "Nobody decides on an appeal who has had a part in deciding on the label.",
    clauses="COMPL-6",
)
async def panels(trial: Trial) -> None:
    """Name no panel, a wrong one, and people who have had a part, by then or later."""
    await _forms(trial)
    for what in ("decided", "reviewed", "assessed", "suspended"):

        def took_part(world: World, bad: bool, what: str = what) -> tuple[SiteLog, Written]:
            found = have_appealed(world)
            found.people["suspended"] = world.source.randbytes(16)
            found.decide(world, "suspend", found.people["suspended"])
            person = found.people[what] if bad else FIRST
            return found.log, found.step("panel", panel=[person])

        await is_void(trial, "ass.duties", took_part, delta=f"who has {what} the label")
    for what in ("reviewed a renewal of", "assessed a renewal of"):

        def renewed(world: World, bad: bool, what: str = what) -> tuple[SiteLog, Written]:
            found = have_appealed(world)
            _renewing(world, found)
            person = found.people[what] if bad else FIRST
            return found.log, found.step("panel", panel=[person])

        await is_void(trial, "ass.duties", renewed, delta=f"who has {what} the label")
    for step in DECIDES:

        def by_then(world: World, bad: bool, step: str = step) -> tuple[SiteLog, Written]:
            found = have_appealed(world)
            found.step("panel", panel=[FIRST, SECOND])
            found.decide(world, "suspend", SECOND if bad else THIRD)
            return found.log, found.step(step)

        await is_void(trial, "ass.duties", by_then, delta=f"{step} by who has suspended it since")
    await _may(trial)


async def _forms(trial: Trial) -> None:
    """Name a panel where none may be, none where one has to be, and in another order."""
    one, both = [FIRST], [FIRST, SECOND]
    rules: tuple[tuple[str, str, list[bytes], list[bytes]], ...] = (
        ("a panel that is not named", "panel", one, []),
        ("a panel in another order", "panel", both, [SECOND, FIRST]),
        ("a panel that names somebody twice", "panel", one, [FIRST, FIRST]),
        ("a panel with what is withdrawn", "withdrawn", [], one),
        *((f"{step} by another panel", step, one, [SECOND]) for step in DECIDES),
        *((f"{step} by more than the panel", step, [], both) for step in DECIDES),
    )
    for delta, step, good, wrong in rules:

        def act(
            world: World,
            bad: bool,
            step: str = step,
            panels: tuple[list[bytes], list[bytes]] = (good, wrong),
        ) -> tuple[SiteLog, Written]:
            found = have_appealed(world)
            found.step("panel", panel=list(one))
            changes: dict[str, Value] = {"panel": list(panels[bad])} if panels[bad] else {}
            return found.log, found.step(step, **changes)

        await is_void(trial, "ass.duties", act, delta=delta)

    def received(world: World, bad: bool) -> tuple[SiteLog, Written]:
        found = have_appealed(world)
        body: dict[str, Value] = {
            "decision": found.granted.position,
            "effective_date": DAY,
            "label": found.granted.entity,
            "step": "received",
        }
        more: dict[str, Value] = {"panel": [FIRST]} if bad else {}
        return found.log, found.log.append("appeal/1", body | more)

    await is_void(trial, "ass.duties", received, delta="a panel with what is received")


async def _may(trial: Trial) -> None:
    """Have decided who may: a panel named anew, and nobody who granted, on a review or without."""
    world = new_world(trial, "who may")
    log = world.sites["at"]
    alone = world.source.randbytes(16)
    number = world.number(log)
    granted = world.grant(log, number, decider=alone)
    plain = Appealed(log, number, granted, {}, world.source.randbytes(16))
    plain.step("received")
    found = have_appealed(world)
    bench = Bench(trial, world, log)
    granting, other = plain.step("panel", panel=[alone]), plain.step("panel", panel=[THIRD])
    bench.is_void("who granted it on no review", "ass.duties", granting, twin=other)
    bench.counts("somebody else", other)
    bench.counts("upheld by them", plain.step("upheld", panel=[THIRD]))
    bench.counts("a first panel", found.step("panel", panel=[FIRST]))
    found.decide(world, "suspend", FIRST)
    bench.counts(
        "another panel for the one that has a part now", found.step("panel", panel=[THIRD])
    )
    bench.counts("rejected by the panel that was named last", found.step("rejected"))
    await bench.judge()
