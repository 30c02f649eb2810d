"""LBL-39: what was found about a label, and who took part in it, stays with it."""

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
    evaluate_again,
    grant_assessed,
    publish_criteria,
)
from sopro_conformance.world.federation import EXPIRES, SCHEME, World
from sopro_conformance.world.sitelog import Written

SUSPENDED_UNTIL: Final = "2026-12-31"
STRANGER: Final = b"none of them all"
Body = dict[str, Value]


class Label:
    """A label that was granted by `at` after a whole assessment, and where it is now."""

    finds_again = True
    """Whether the evaluation of a renewal assesses the second criterion, too."""

    def __init__(self, world: World) -> None:
        at = world.sites["at"]
        self.world, self.log = world, at
        self.decider, self.holder = world.source.randbytes(16), b""
        self.rests = assess(world, at, self._note)
        self.number = world.number(at)
        self.last = grant_assessed(world, at, self.rests, decider=self.decider)
        self.entity, self.status = self.last.entity, "active"

    def _note(self, _family: str, body: Body) -> None:
        """Note who applies, and who reviews."""
        if isinstance(body.get("applicant"), bytes):
            self.holder = body["applicant"]  # type: ignore[assignment]
        if isinstance(body.get("reviewer"), bytes):
            self.reviewer = body["reviewer"]

    def decide(self, action: str, **changes: Value) -> Written:
        """Append a decision on it where it is."""
        body = self.world.decision(action, self.number, **changes)
        self.last = self.log.append("label_decision/1", body, entity=self.entity)
        self.status = {"suspend": "suspended", "reinstate": "active"}.get(action, self.status)
        return self.last

    def survey(self, rests: Assessment, **results: str) -> Written:
        """Append what somebody who is authorised has found about it."""
        findings: list[Value] = [{"code": f"C-{name[1]}", "result": one}
                                 for name, one in sorted(results.items())]  # fmt: skip
        changes: Body = {"findings": findings, "kind": "surveillance", "label": self.entity}
        return evaluate_again(self.log, rests, "", changes)

    def move(self, site: str) -> None:
        """Hand it over, and take it over as it stood."""
        source, there = self.log, self.world.sites[site]
        entity = self.world.source.randbytes(16)
        handed = self.decide("transfer_out", receiver=site, receiver_entity=entity)
        source.state(self.world.coordinator)
        body = self.world.decision(
            "transfer_in",
            self.number,
            offering=self.world.offer(there),
            scheme=SCHEME,
            standing=self.status,
            status_index=there.grants,
            takes=[source.origin, handed.position, handed.id],
            valid_until=EXPIRES,
        )
        if self.status == "suspended":
            body["suspended_until"] = SUSPENDED_UNTIL
        there.grants += 1
        self.last = there.append("label_decision/1", body, entity=entity)
        self.log, self.entity = there, entity

    def renew(self) -> Written:
        """Apply for a renewal, have all of it evaluated and reviewed, and decide on it."""
        applied: Body = {
            "applicant": self.holder,
            "criteria_version": 1,
            "effective_date": "2026-02-12",
            "kind": "renewal",
            "label": self.entity,
            "offering": self.rests.offering,
            "scheme": SCHEME,
            "step": "submitted",
        }
        application = self.log.append("label_application/1", applied).entity
        accepted = applied | {"step": "accepted"}
        self.log.append("label_application/1", accepted, entity=application)
        codes = CODES if self.finds_again else CODES[:1]
        changes: Body = {
            "application": application,
            "findings": [{"code": code, "result": "conform"} for code in codes],
            "kind": "recertification",
        }
        evaluation = evaluate_again(self.log, self.rests, "", changes).entity
        review: Body = {
            "application": application,
            "evaluations": [evaluation],
            "outcome": "recommend_grant",
            "reviewed_on": "2026-02-16",
            "reviewer": self.world.source.randbytes(16),
        }
        reviewed = self.log.append("review/1", review).entity
        return self.decide("renew", application=application, review=reviewed)


def _prepare(trial: Trial, name: str, *, points: int = 5) -> World:
    world = new_world(trial, name)
    publish_criteria(world, min_points=points)
    world.coordinator.state()
    for log in world.sites.values():
        log.state(world.coordinator)
    return world


@case(
    "LBL-39",
    "What was found about a label stays with it, through renewals and from site to site.",
    clauses="XFER-8 ASS-16 ASS-18 ASS-20 ASS-21 COMPL-6",
)
async def carried(trial: Trial) -> None:
    """Renew with something open, reinstate at another site, and come back to the first."""
    await _renewed(trial)
    await _taken(trial)
    await _back(trial)


async def _renewed(trial: Trial) -> None:
    """Renew by an evaluation that passes over what surveillance has found."""
    world = _prepare(trial, "renewed", points=0)
    bench = Bench(trial, world, world.sites["at"])
    closed, left = Label(world), Label(world)
    for label in (closed, left):
        label.survey(label.rests, c2="major_nc")
        label.finds_again = label is closed
    twin, written = closed.renew(), left.renew()
    bench.counts("renewed once a third party has found it closed", twin)
    delta = "renewed while a major deviation of surveillance is open"
    bench.is_void(delta, "ass.outcome", written, twin=twin)
    await bench.judge()


async def _taken(trial: Trial) -> None:
    """Reinstate what came from another site: before anybody has evaluated it here, and after."""
    world = _prepare(trial, "taken over")
    hu = world.sites["hu"]
    bench = Bench(trial, world, hu)
    leave = assess(world, hu)
    for came in ("active", "suspended"):
        labels = []
        for is_evaluated in (True, False):
            label = Label(world)
            if came == "suspended":
                label.decide("suspend")
            label.move("hu")
            if came == "active":
                label.decide("suspend", reason_code="fees_unpaid")
            if is_evaluated:
                label.survey(leave, c1="conform")
            labels.append(label.decide("reinstate"))
        twin, written = labels
        bench.counts(f"reinstated where it came {came}, once it was evaluated here", twin)
        delta = f"reinstated where it came {came}, and nobody has evaluated it here"
        bench.is_void(delta, "ass.outcome", written, twin=twin)
    await bench.judge()


async def _back(trial: Trial) -> None:
    """Bring a label back to where it was granted, and forget what was there before."""
    world = _prepare(trial, "come back")
    at = world.sites["at"]
    bench = Bench(trial, world, at)
    labels = [Label(world) for _ in range(2)]
    for label in labels:
        label.survey(label.rests, c2="major_nc")
        label.decide("suspend")
        label.move("hu")
        label.move("at")
    kept, forgotten = labels
    twin = kept.survey(kept.rests, c1="conform", c2="conform")
    bench.counts("all is evaluated again", twin)
    forgotten.survey(forgotten.rests, c1="conform")
    written = forgotten.decide("reinstate")
    twin = kept.decide("reinstate")
    delta = "reinstated with a deviation open that was found before it left"
    bench.is_void(delta, "ass.outcome", written, twin=twin)
    other = Label(world)
    other.move("hu")
    other.move("at")
    wrong = other.decide("revoke", decider=other.rests.assessor)
    _panels(world, bench, other)
    twin = other.decide("revoke")
    delta = "revoked by who had assessed it before it left"
    bench.is_void(delta, "ass.duties", wrong, twin=twin)
    await bench.judge()


def _panels(world: World, bench: Bench, label: Label) -> None:
    """Name people for a panel who had taken part before the label left, and a stranger."""
    body: Body = {
        "decision": 0,
        "effective_date": "2026-02-25",
        "label": label.entity,
        "step": "received",
    }
    suspended = label.decide("suspend", decider=world.source.randbytes(16))
    body["decision"] = suspended.position
    appeal = label.log.append("appeal/1", body).entity
    tried = [
        (
            what,
            label.log.append("appeal/1", body | {"panel": [who], "step": "panel"}, entity=appeal),
        )
        for what, who in (
            ("decided", label.decider),
            ("reviewed", label.reviewer),
            ("assessed", label.rests.assessor),
        )
    ]
    twin_body = body | {"panel": [STRANGER], "step": "panel"}
    twin = label.log.append("appeal/1", twin_body, entity=appeal)
    bench.counts("a panel of somebody who had no part in it", twin)
    for what, written in tried:
        delta = f"on the panel who had {what} before it left"
        bench.is_void(delta, "ass.duties", written, twin=twin)
