"""LBL-38: what a label was asked for stays as it is, and has to be there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import new_world
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.assessment import assess, grant_assessed, publish_criteria
from sopro_conformance.world.federation import GRANTED, SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written

ITEM: Final = "4006381333931"
OTHER: Final = "96385074"
BEFORE: Final = "2026-02-19"
AFTER: Final = "2026-02-21"
FURTHER: Final[Mapping[str, Value]] = {"areas": ["AT12", "AT13"]}
HERE: Final[Mapping[str, Value]] = {"areas": ["AT13"]}


@dataclass
class Thing:
    """An offering and its organisation, and an application for it, in one log.

    Attributes:
        log: they are in.
        item: the number it had when it was applied for; empty for none.
        applied: for it, and how far that has come: "", "submitted", "accepted" or "evaluated".
    """

    log: SiteLog
    item: str = ITEM
    applied: str = ""
    holder: Written = field(init=False)
    offering: Written = field(init=False)
    application: bytes = b""

    def __post_init__(self) -> None:
        """Register both, and apply."""
        self.holder = self.organise()
        told: dict[str, Value] = {"gtin": self.item} if self.item else {}
        self.offering = self.offer(b"", **told)
        for step in ("submitted", "accepted"):
            if self.applied in (step, "evaluated") or (self.applied and step == "submitted"):
                self.application = self.apply(step)

    def organise(self, entity: bytes = b"", **changes: Value) -> Written:
        """Append the organisation, or another version of one."""
        body: dict[str, Value] = {
            "actor_type": "enterprise",
            "country": "AT",
            "effective_date": "2026-01-10",
            "status": "active",
        }
        return self.log.append("organisation/1", body | changes, entity=entity)

    def offer(self, entity: bytes = b"", **changes: Value) -> Written:
        """Append the offering, or another version of it."""
        body: dict[str, Value] = {
            "effective_date": "2026-01-10",
            "kind": "product",
            "organisation": self.holder.entity,
            "status": "published",
        }
        return self.log.append("offering/1", body | changes, entity=entity)

    def change(self, **changes: Value) -> Written:
        """Append another version of the offering, with the number it has unless told otherwise."""
        body = ({"gtin": self.item} if self.item else {}) | changes
        told = {name: one for name, one in body.items() if one}
        return self.offer(self.offering.entity, **told)

    def apply(self, step: str, **changes: Value) -> bytes:
        """Append a step of an application for it; return whose it is."""
        body: dict[str, Value] = {
            "applicant": self.holder.entity,
            "criteria_version": 1,
            "effective_date": "2026-02-02",
            "kind": "initial",
            "offering": self.offering.entity,
            "scheme": SCHEME,
            "step": step,
        }
        done = self.log.append("label_application/1", body | changes, entity=self.application)
        return done.entity


def _prepare(trial: Trial, name: str) -> tuple[World, SiteLog]:
    world = new_world(trial, name)
    publish_criteria(world)
    world.coordinator.state()
    log = world.sites["at"]
    log.state(world.coordinator)
    return world, log


@case(
    "LBL-38",
    "What a label was asked for stays as it is, and has to be there.",
    clauses="LBL-6 LBL-30 LBL-31",
)
async def asked_for(trial: Trial) -> None:
    """Change what was applied for, and give labels for what is withdrawn or dissolved."""
    world, log = _prepare(trial, "asked for")
    bench = Bench(trial, world, log)
    _moves(bench, log)
    _numbers(bench, log)
    await bench.judge()
    await _assessed(trial)
    await _closed(trial)
    await _taken(trial)
    await _ended(trial)


def _moves(bench: Bench, log: SiteLog) -> None:
    """Say that somebody else offers it, or something of another kind."""
    for name in ("kind", "organisation"):
        free, asked = Thing(log), Thing(log, applied="submitted")
        new: Value = "service" if name == "kind" else free.organise().entity
        twin = free.change(**{name: new})
        bench.counts(f"another {name} before anybody has applied", twin)
        delta = f"another {name} than was applied for"
        bench.is_void(delta, "lbl.reference", asked.change(**{name: new}), twin=twin)


def _numbers(bench: Bench, log: SiteLog) -> None:
    """Give what was applied for another trade item number, one at all, or none."""
    rules = (("another number", ITEM, OTHER), ("a number", "", ITEM), ("no number", ITEM, ""))
    for what, before, after in rules:
        free, asked = Thing(log, before), Thing(log, before, applied="submitted")
        twin = free.change(gtin=after)
        bench.counts(f"{what} before anybody has applied", twin)
        delta = f"{what} where there was {before or 'none'}, and it was applied for"
        bench.is_void(delta, "lbl.reference", asked.change(gtin=after), twin=twin)
    same = Thing(log, applied="submitted")
    bench.counts("the same number in fourteen digits", same.change(gtin=f"0{ITEM}"))
    bench.counts("another status and codes", same.change(status="paused", cpv=["39112000"]))


async def _assessed(trial: Trial) -> None:
    """Name an application for another number: one that counts for it, and others."""
    world, log = _prepare(trial, "another number")
    bench = Bench(trial, world, log)
    good = Thing(log, applied="accepted")
    twin = good.change(gtin=OTHER, application=good.application)
    bench.counts("another number by an application that is accepted", twin)
    early = Thing(log, applied="submitted")
    other = Thing(log, applied="accepted")
    strange = Thing(log, applied="submitted")
    for what, thing, application in (
        ("by one that is not accepted", early, early.application),
        ("by one for something else", strange, other.application),
        ("by one that is not there", strange, bytes(16)),
    ):
        written = thing.change(gtin=OTHER, application=application)
        bench.is_void(f"another number {what}", "lbl.reference", written, twin=twin)
    for what in ("evaluated", "decided on"):
        people: list[Value] = []
        rests = assess(world, log, lambda _, body, people=people: _note(people, body))  # type: ignore[misc]
        if what == "decided on":
            grant_assessed(world, log, rests)
        told: dict[str, Value] = {"application": rests.application, "gtin": OTHER}
        written = good.offer(rests.offering, organisation=people[0], **told)
        bench.is_void(f"another number by one that is {what}", "lbl.reference", written, twin=twin)
    await bench.judge()


def _note(people: list[Value], body: Mapping[str, Value]) -> None:
    """Note who applies."""
    if "applicant" in body:
        people.append(body["applicant"])


async def _closed(trial: Trial) -> None:
    """Close the import: what was there by then stays, what comes later does not have to."""
    world, log = _prepare(trial, "the import is closed")
    bench = Bench(trial, world, log)
    old = Thing(log)
    log.append("import_closed/1", {"effective_date": "2026-02-01"})
    new = Thing(log)
    twin = new.change(gtin=OTHER)
    bench.counts("another number of what came after the import was closed", twin)
    delta = "another number of what was there when the import was closed"
    bench.is_void(delta, "lbl.reference", old.change(gtin=OTHER), twin=twin)
    await bench.judge()


async def _taken(trial: Trial) -> None:
    """Take a label over for something, and make that something else."""
    world, log = _prepare(trial, "taken over")
    hu = world.sites["hu"]
    bench = Bench(trial, world, log)
    free, taken = Thing(log), Thing(log)
    number, entity = world.number(hu), world.source.randbytes(16)
    granted = world.grant(hu, number)
    body = world.decision("transfer_out", number, receiver="at", receiver_entity=entity)
    handed = hu.append("label_decision/1", body, entity=granted.entity)
    hu.state(world.coordinator)
    body = world.decision(
        "transfer_in",
        number,
        offering=taken.offering.entity,
        scheme=SCHEME,
        standing="active",
        status_index=log.grants,
        takes=[hu.origin, handed.position, handed.id],
        valid_until="2027-02-19",
    )
    log.grants += 1
    bench.counts("a label is taken over", log.append("label_decision/1", body, entity=entity))
    for what, changes in (("number", {"gtin": OTHER}), ("kind", {"kind": "service"})):
        twin = free.change(**changes)
        written = taken.change(**changes)
        delta = f"another {what} of what a label was taken over for"
        bench.is_void(delta, "lbl.reference", written, twin=twin)
    await bench.judge()


async def _ended(trial: Trial) -> None:
    """Give and prolong labels on the day from which their offering or holder is no more."""
    world = new_world(trial, "what is there no more")
    log = world.sites["at"]
    bench = Bench(trial, world, log)
    for what, status in (("offering", "withdrawn"), ("organisation", "dissolved")):
        for action in ("grant", "transfer_in", "renew", "extend_scope"):
            done = {
                day: _give(world, log, action, what, day) for day in (AFTER, GRANTED)
            }  # the number is free again where it is void
            bench.counts(f"{action} the day before its {what} is {status}", done[AFTER])
            delta = f"{action} for an {what} that is {status}"
            bench.is_void(delta, "lbl.reference", done[GRANTED], twin=done[AFTER])
        for action in ("suspend", "revoke", "correct"):
            written = _give(world, log, action, what, BEFORE)
            bench.counts(f"{action} though its {what} is {status}", written)
    await bench.judge()


def _give(world: World, log: SiteLog, action: str, what: str, day: str) -> Written:
    """Decide on a label of something that ends on a day."""
    thing = Thing(log)
    first = action in ("grant", "transfer_in")
    number = f"SOPRO/AT0/038/{log.size:06}"
    entity = b""
    told: dict[str, Value] = {"offering": thing.offering.entity, "scheme": SCHEME}
    if not first:
        body = world.decision("grant", number, status_index=log.grants, scope=HERE, **told)
        log.grants += 1
        entity = log.append("label_decision/1", body).entity
    if what == "offering":
        thing.change(status="withdrawn", effective_date=day)
    else:
        thing.organise(thing.holder.entity, status="dissolved", effective_date=day)
    body = world.decision(action, number)
    if first:
        body |= told | {"valid_from": GRANTED, "valid_until": "2027-02-19"}
    if action == "grant":
        body["status_index"] = log.grants
        log.grants += day == AFTER
    if action == "extend_scope":
        body["scope"] = FURTHER
    return log.append("label_decision/1", body, entity=entity)
