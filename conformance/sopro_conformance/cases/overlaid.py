"""LBL-25: what is said of a label beside its status changes no status."""

from collections.abc import Mapping
from typing import Final

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import new_world, stands
from sopro_conformance.cases.panels import FIRST
from sopro_conformance.cases.validity import LONGEST, Label
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.assessment import CODES, assess, grant_assessed, publish_criteria
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written

LATER: Final = "2026-03-20"
"""A day by which all is so that the logs say from the start."""
NEXT_YEAR: Final = "2027-03-20"
"""A day by which twelve months are over since the labels were granted."""


def _grant(world: World, **changes: Value) -> Label:
    log = world.sites["at"]
    number = world.number(log)
    granted = world.grant(log, number, valid_until=LONGEST, **changes)
    return Label(world, log, number, granted)


def _appeal(label: Label, *steps: str) -> None:
    entity = label.world.source.randbytes(16)
    for step in steps:
        body: dict[str, Value] = {
            "decision": label.granted.position,
            "effective_date": "2026-02-25",
            "label": label.granted.entity,
            "step": step,
        }
        panel: dict[str, Value] = {"panel": [FIRST]} if step == "panel" else {}
        label.log.append("appeal/1", body | panel, entity=entity)


def _uphold_complaint(label: Label) -> None:
    entity = label.world.source.randbytes(16)
    for step in ("acknowledged", "investigating", "upheld"):
        body: dict[str, Value] = {
            "complaint": bytes(32),
            "effective_date": "2026-02-25",
            "index": 3,
            "label": label.granted.entity,
            "origin": label.world.sites["hu"].origin,
            "step": step,
        }
        label.log.append("complaint_answer/1", body, entity=entity)


@case(
    "LBL-25",
    "What is overdue, appealed against or upheld changes no status, and hinders no decision.",
    clauses="OVL-1 LBL-11",
)
async def overlays(trial: Trial) -> None:
    """Bring labels to where each of the words lies over them, and go on deciding on them."""
    world = new_world(trial, "words over a status")
    overdue, until, received, upheld, complaint = (_grant(world) for _ in range(5))
    until.decide("suspend", suspended_until="2026-03-10")
    _appeal(received, "received")
    _appeal(upheld, "received", "panel", "upheld")
    _uphold_complaint(complaint)
    labels = {
        "surveillance overdue": overdue,
        "suspension overdue": until,
        "under appeal": received,
        "appeal upheld": upheld,
        "complaint upheld": complaint,
    }
    wanted = {label.number: "active" for label in labels.values()} | {until.number: "suspended"}
    for day in (LATER, NEXT_YEAR):
        await stands(trial, world, wanted, what=", ".join(labels), day=day)
    await _go_on(trial, world, labels)
    await _outdated(trial)
    await _orphaned(trial)


async def _go_on(trial: Trial, world: World, labels: Mapping[str, Label]) -> None:
    bench = Bench(trial, world, world.sites["at"])
    for word, label in labels.items():
        action = "reinstate" if word == "suspension overdue" else "renew"
        written = label.decide(action, effective_date=NEXT_YEAR, **_until(action))
        bench.counts(f"{action} of a label with {word}", written)
    await bench.judge()
    wanted = {label.number: "active" for label in labels.values()}
    await stands(trial, world, wanted, what="all of them afterwards", day=NEXT_YEAR)


def _until(action: str) -> dict[str, Value]:
    return {"valid_until": LONGEST} if action == "renew" else {}


async def _outdated(trial: Trial) -> None:
    """Grant on criteria that other ones replace, and decide on the label afterwards."""
    world = new_world(trial, "criteria outdated")
    log = world.sites["at"]
    first = publish_criteria(world)
    _act(world, log)
    number = world.number(log)
    label = Label(world, log, number, grant_assessed(world, log, assess(world, log)))
    body: dict[str, Value] = {
        "applies_from": "2026-03-01",
        "criteria": [{"code": code, "version": 1} for code in CODES],
        "published_on": "2026-01-01",
        "scheme": SCHEME,
        "version": 2,
    }
    world.coordinator.append("criteria_set/1", body, entity=first.entity)
    _act(world, log)
    await stands(trial, world, {number: "active"}, what="criteria outdated", day=LATER)
    bench = Bench(trial, world, log)
    bench.counts("suspended with criteria outdated", _at(label, "suspend"))
    bench.counts("given back with criteria outdated", _at(label, "reinstate"))
    await bench.judge()


def _at(label: Label, action: str) -> Written:
    return label.decide(action, effective_date=LATER)


def _act(world: World, log: SiteLog) -> None:
    world.coordinator.state()
    log.state(world.coordinator)


async def _orphaned(trial: Trial) -> None:
    """Expel the site of a label, and ask after the grace of its scheme."""
    world = new_world(trial, "orphaned")
    label = _grant(world)
    label.log.state(world.coordinator)
    ends: dict[str, Value] = {"origin": label.log.origin, "size": label.log.size}
    world.change_membership("at", status="expelled", ends=ends)
    world.coordinator.state()
    await stands(trial, world, {label.number: "active"}, what="orphaned", day=NEXT_YEAR)
