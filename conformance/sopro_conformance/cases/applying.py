"""LBL-16: the steps of an application, and what each of them may say."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Begin, Bench, Table, Take, try_table
from sopro_conformance.cases.judged import is_void, new_world
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.assessment import CODES, assess, grant_assessed, publish_criteria
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.scene import organisation
from sopro_conformance.world.sitelog import SiteLog, Written

TABLE: Final[Table] = {
    "": ("submitted",),
    "submitted": ("accepted", "returned", "refused_intake", "withdrawn"),
    "returned": ("submitted", "lapsed", "withdrawn"),
    "accepted": ("withdrawn",),
    "refused_intake": (),
    "lapsed": (),
    "withdrawn": (),
}
"""Which step of an application may follow which (ASS-7)."""

DAY: Final = "2026-02-20"
BEFORE: Final = "2026-02-19"
LAST: Final = "2026-03-01"
"""The civil date of the records' time at UTC+14."""
TOMORROW: Final = "2026-03-02"
NO_DAY: Final = "2026-02-30"


class Desk(NamedTuple):
    """A log in which somebody applies.

    Attributes:
        world: whose log it is.
        log: of the site.
        applicants: two organisations.
        offerings: one of each.
        labels: two that were granted.
    """

    world: World
    log: SiteLog
    applicants: tuple[bytes, bytes]
    offerings: tuple[bytes, bytes]
    labels: tuple[bytes, bytes]

    def body(self, step: str, **changes: Value) -> dict[str, Value]:
        """Return the body of a step as it has to be."""
        body: dict[str, Value] = {
            "applicant": self.applicants[0],
            "criteria_version": 1,
            "effective_date": DAY,
            "kind": "initial",
            "offering": self.offerings[0],
            "scheme": SCHEME,
            "step": step,
        }
        return body | changes

    def begin(self) -> Take:
        """Begin an application."""
        entity = self.log.source.randbytes(16)
        return lambda step: self.write(self.body(step), entity)

    def write(self, body: Mapping[str, Value], entity: bytes) -> Written:
        """Append a step."""
        return self.log.append("label_application/1", body, entity=entity)


def open_desk(world: World, **second: Value) -> Desk:
    """Bring a site to where it takes applications, under criteria of two versions.

    Args:
        world: whose site `at` it is.
        second: changes the second version.
    """
    log = world.sites["at"]
    # Labels that rest on nothing are granted before there are criteria (ASS-14).
    labels = world.grant(log).entity, world.grant(log).entity
    first = publish_criteria(world)
    body: dict[str, Value] = {
        "applies_from": "2026-02-21",
        "criteria": [{"code": code, "version": 1} for code in CODES],
        "published_on": "2026-01-01",
        "scheme": SCHEME,
        "transition_until": "2026-12-31",
        "version": 2,
    }
    kept = {name: one for name, one in (body | second).items() if one != ""}
    world.coordinator.append("criteria_set/1", kept, entity=first.entity)
    world.publish_scheme(scheme="bare", title={"en": "A scheme without criteria"})
    world.coordinator.state()
    log.state(world.coordinator)
    holders = [log.append("organisation/1", organisation("at")).entity for _ in range(2)]
    things = [
        log.append(
            "offering/1",
            {
                "effective_date": "2026-02-01",
                "kind": "product",
                "organisation": holder,
                "status": "published",
            },
        ).entity
        for holder in holders
    ]
    return Desk(world, log, (holders[0], holders[1]), (things[0], things[1]), labels)


def _prepare(world: World) -> tuple[SiteLog, Begin]:
    desk = open_desk(world)
    return desk.log, desk.begin


Change: TypeAlias = Callable[[Desk], dict[str, Value]]


class _Rule(NamedTuple):
    """One rule: the steps before, and the step after as it is right and wrong.

    Attributes:
        delta: what is wrong.
        code: why.
        step: that is right or wrong.
        good: changes of the right one.
        bad: what differs from it.
        both: changes of every step.
        second: changes the second version of the criteria.
    """

    delta: str
    code: str
    step: str
    bad: Change
    good: Change = lambda _: {}
    both: Change = lambda _: {}
    second: Mapping[str, Value] = {}


def _renewal(desk: Desk) -> dict[str, Value]:
    return {"kind": "renewal", "label": desk.labels[0]}


def _never_changes(name: str, bad: Change, both: Change = lambda _: {}) -> _Rule:
    return _Rule(f"another {name}", "lbl.reference", "accepted", bad, both=both)


_NOBODY: Final = bytes(16)
_ENDS_ON_DAY: Final = {"applies_from": "2026-02-15", "transition_until": DAY}
_JUST_APPLIES: Final = {"transition_until": ""}

_RULES: Final = (
    _Rule("a day that is none", "rec.body", "submitted", lambda _: {"effective_date": NO_DAY}),
    _Rule(
        "a step of tomorrow",
        "lbl.dates",
        "accepted",
        lambda _: {"effective_date": TOMORROW},
        good=lambda _: {"effective_date": LAST},
    ),
    _Rule(
        "a step before the one it follows",
        "lbl.dates",
        "accepted",
        lambda _: {"effective_date": BEFORE},
    ),
    _never_changes("applicant", lambda desk: {"applicant": desk.applicants[1]}),
    _never_changes("kind", lambda _: {"kind": "transfer"}),
    _never_changes("label", lambda desk: {"label": desk.labels[1]}, _renewal),
    _never_changes("offering", lambda desk: {"offering": desk.offerings[1]}),
    _never_changes("scheme", lambda _: {"scheme": "bare"}),
    _never_changes("version of the criteria", lambda _: {"criteria_version": 2}),
    _Rule(
        "an applicant who is not there",
        "lbl.reference",
        "submitted",
        lambda _: {"applicant": _NOBODY},
    ),
    _Rule(
        "an offering that is not there",
        "lbl.reference",
        "submitted",
        lambda _: {"offering": _NOBODY},
    ),
    _Rule(
        "a renewal of a label that is not there",
        "lbl.reference",
        "submitted",
        lambda _: {"label": _NOBODY},
        good=_renewal,
    ),
    _Rule(
        "a renewal without a label",
        "lbl.reference",
        "submitted",
        lambda _: {"kind": "renewal"},
    ),
    _Rule(
        "an extension without a label",
        "lbl.reference",
        "submitted",
        lambda _: {"kind": "scope_extension"},
    ),
    _Rule(
        "a first application that names a label",
        "lbl.reference",
        "submitted",
        lambda desk: {"label": desk.labels[0]},
    ),
    _Rule(
        "a transfer that names a label",
        "lbl.reference",
        "submitted",
        lambda desk: {"label": desk.labels[0]},
        good=lambda _: {"kind": "transfer"},
    ),
    _Rule(
        "a version of the criteria that is not there",
        "lbl.criteria",
        "submitted",
        lambda _: {"criteria_version": 3},
        good=lambda _: {"criteria_version": 2},
    ),
    _Rule("a scheme without criteria", "lbl.criteria", "submitted", lambda _: {"scheme": "bare"}),
    _Rule(
        "submitted after the last day of its criteria",
        "lbl.criteria",
        "submitted",
        lambda _: {"effective_date": "2026-02-21"},
        second=_ENDS_ON_DAY,
    ),
    _Rule(
        "submitted when the next criteria apply, which name no last day",
        "lbl.criteria",
        "submitted",
        lambda _: {"effective_date": "2026-02-21"},
        second=_JUST_APPLIES,
    ),
    _Rule(
        "accepted after the last day of its criteria",
        "lbl.criteria",
        "accepted",
        lambda _: {"effective_date": "2026-02-21"},
        second=_ENDS_ON_DAY,
    ),
)


@case(
    "LBL-16",
    "An application takes the steps of its table, and says the same throughout.",
    clauses="ASS-3 ASS-7 ASS-8 ASS-9",
)
async def applications(trial: Trial) -> None:
    """Take every step after every other, and break one rule of a step after the other."""
    await try_table(trial, TABLE, "app.transition", _prepare)
    for rule in _RULES:

        def act(world: World, bad: bool, rule: _Rule = rule) -> tuple[SiteLog, Written]:
            desk = open_desk(world, **rule.second)
            entity = world.source.randbytes(16)
            if rule.step == "accepted":
                desk.write(desk.body("submitted", **rule.both(desk)), entity)
            changes = rule.both(desk) | rule.good(desk) | (rule.bad(desk) if bad else {})
            return desk.log, desk.write(desk.body(rule.step, **changes), entity)

        await is_void(trial, rule.code, act, delta=rule.delta)
    await is_void(trial, "app.transition", _decided, delta="a step after it was decided")
    await _submitted_anew(trial)


def _decided(world: World, bad: bool) -> tuple[SiteLog, Written]:
    desk = open_desk(world)
    applied: dict[str, Value] = {}

    def note(family: str, body: dict[str, Value]) -> None:
        if family == "label_application":
            applied.update(body)

    rests = assess(world, desk.log, note)
    if bad:
        grant_assessed(world, desk.log, rests)
    return desk.log, desk.write(applied | {"step": "withdrawn"}, rests.application)


async def _submitted_anew(trial: Trial) -> None:
    """Take another version of the criteria where it is submitted again, and only there."""
    world = new_world(trial, "another version")
    desk = open_desk(world)
    bench = Bench(trial, world, desk.log)
    entities = world.source.randbytes(16), world.source.randbytes(16)
    for entity in entities:
        for step in ("submitted", "returned"):
            desk.write(desk.body(step), entity)
        what = "submitted again for the version that follows"
        bench.counts(what, desk.write(desk.body("submitted", criteria_version=2), entity))
    twin, wrong = (
        desk.write(desk.body("accepted", criteria_version=version), entity)
        for version, entity in zip((2, 1), entities, strict=True)
    )
    bench.is_void("accepted for the version before", "lbl.reference", wrong, twin=twin)
    await bench.judge()
