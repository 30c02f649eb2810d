"""LBL-33: what an evaluation may say, and of what."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import is_void, new_world
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import World
from sopro_conformance.world.ground import Changes, Ground
from sopro_conformance.world.sitelog import SiteLog, Written

NO_DAY: Final = "2026-02-30"
BEFORE: Final = "2026-02-09"
AFTER: Final = "2026-02-11"
LAST: Final = "2026-03-01"
"""The civil date of the records' time at UTC+14."""
TOMORROW: Final = "2026-03-02"
NOBODY: Final = bytes(16)
Find: TypeAlias = Callable[[Ground], Changes]


class Rule(NamedTuple):
    """One rule: a record that is right, and what is another in the wrong one.

    Attributes:
        delta: what is wrong.
        code: why.
        bad: what differs.
        good: changes of the right one, which the wrong one has, too.
        again: whether it goes on with one that is right.
        docs: so many documents the record has.
    """

    delta: str
    code: str
    bad: Find
    good: Find = lambda _: {}
    again: bool = False
    docs: int = 0


def says(name: str, value: Value) -> Find:
    """Say something else in a field."""
    return lambda _: {name: value}


def _applied(step: str) -> Find:
    return lambda ground: {"application": ground.apply(step)}


def _found(*findings: tuple[str, str] | tuple[str, str, dict[str, Value]]) -> Find:
    """Find results, each with what else is said of it."""
    rows: list[Value] = []
    for code, result, *more in findings:
        rows.append({"code": code, "result": result, **(more[0] if more else {})})
    return lambda _: {"findings": rows}


def _about(ground: Ground) -> Changes:
    return {"application": None, "label": ground.label.entity, "kind": "surveillance"}


def _decided(ground: Ground) -> None:
    """Bring the application to where a refusal decides it, with another evaluation."""
    ground.decide(ground.review([ground.evaluate().entity]).entity)


_OF_EVALUATIONS: Final = (
    Rule("a day that is none", "rec.body", lambda _: {"performed_on": NO_DAY}),
    Rule(
        "a day after its record",
        "lbl.dates",
        lambda _: {"performed_on": TOMORROW},
        lambda _: {"performed_on": LAST},
    ),
    Rule(
        "before the one it goes on with",
        "lbl.dates",
        lambda _: {"performed_on": BEFORE},
        again=True,
    ),
    Rule(
        "for an application and a label",
        "ass.subject",
        lambda ground: {"label": ground.label.entity},
    ),
    Rule("for neither", "ass.subject", lambda _: {"application": None}),
    Rule("an application that is not there", "ass.subject", lambda _: {"application": NOBODY}),
    *(
        Rule(
            f"an application that is {step}",
            "ass.subject",
            _applied(step),
        )
        for step in ("submitted", "returned", "withdrawn")
    ),
    Rule("a label that is not there", "ass.subject", lambda _: {"label": NOBODY}, _about),
    Rule("an initial one of a label", "ass.subject", lambda _: {"kind": "initial"}, _about),
    Rule("another level", "ass.subject", lambda _: {"level": "self"}, again=True),
    Rule("another version", "ass.subject", lambda _: {"criteria_version": 2}, again=True),
    Rule(
        "another application",
        "ass.subject",
        lambda ground: {"application": ground.apply()},
        again=True,
    ),
    Rule("a label now", "ass.subject", _about, again=True),
    Rule(
        "another version than that applied for",
        "lbl.criteria",
        lambda _: {"criteria_version": 2},
    ),
    Rule(
        "a version that is not there",
        "lbl.criteria",
        lambda _: {"criteria_version": 3},
        lambda ground: {**_about(ground), "criteria_version": 2},
    ),
    Rule(
        "findings in another order",
        "ass.findings",
        _found(("C-2", "conform"), ("C-1", "conform")),
        _found(("C-1", "conform"), ("C-2", "conform")),
    ),
    Rule("a finding twice", "ass.findings", _found(("C-1", "conform"), ("C-1", "conform"))),
    Rule("of what is no criterion", "ass.findings", _found(("C-9", "conform"))),
    Rule("of another country's", "ass.findings", _found(("C-4", "conform"))),
    Rule("of what is about services", "ass.findings", _found(("C-5", "conform"))),
    Rule(
        "more points than there are",
        "ass.findings",
        _found(("C-2", "conform", {"points": 11})),
        _found(("C-2", "conform", {"points": 10})),
    ),
    Rule(
        "points of what earns none",
        "ass.findings",
        _found(("C-1", "conform", {"points": 1})),
        _found(("C-1", "conform", {"points": 0})),
    ),
    Rule(
        "a value below the limit, and conform",
        "ass.findings",
        _found(("C-3", "conform", {"value": 49})),
        _found(("C-3", "conform", {"value": 50})),
    ),
    *(
        Rule(
            f"a value at the limit, and {result}",
            "ass.findings",
            _found(("C-3", result, {"value": 50})),
            _found(("C-3", result, {"value": 49})),
        )
        for result in ("minor_nc", "major_nc")
    ),
    Rule(
        "due on a day that is none",
        "rec.body",
        _found(("C-3", "minor_nc", {"due": NO_DAY})),
        _found(("C-3", "minor_nc", {"due": AFTER})),
    ),
    *(
        Rule(
            f"shown by documents {documents}",
            "ass.findings",
            _found(("C-3", "conform", {"documents": documents})),
            _found(("C-3", "conform", {"documents": [0, 1]})),
            docs=2,
        )
        for documents in ([2], [0, 2], [1, 0], [1, 1])
    ),
)


@case(
    "LBL-33",
    "An evaluation is of what may be evaluated, and says what its criteria allow.",
    clauses="ASS-3 ASS-10 ASS-11",
)
async def evaluations(trial: Trial) -> None:
    """Break one rule of an evaluation after the other."""
    world = new_world(trial, "what an evaluation says")
    ground = Ground(world)
    bench = Bench(trial, world, ground.log)
    for rule in _OF_EVALUATIONS:
        # An application has 32 evaluations at most.
        ground.application = ground.apply()
        good, wrong = rule.good(ground), rule.bad(ground)
        twin, other = (ground.evaluate().entity if rule.again else b"" for _ in range(2))
        bench.is_void(
            rule.delta,
            rule.code,
            ground.evaluate(good, wrong, entity=other, docs=rule.docs),
            twin=ground.evaluate(good, entity=twin, docs=rule.docs),
        )
    await bench.judge()

    def decided(world: World, bad: bool) -> tuple[SiteLog, Written]:
        ground = Ground(world)
        if bad:
            _decided(ground)
        return ground.log, ground.evaluate()

    await is_void(trial, "ass.subject", decided, delta="an application that is decided")

    def many(world: World, bad: bool) -> tuple[SiteLog, Written]:
        ground = Ground(world)
        for _ in range(32 if bad else 31):
            last = ground.evaluate()
        for _ in range(2):
            # What goes on with one is no further one.
            ground.evaluate(entity=last.entity)
        return ground.log, ground.evaluate()

    await is_void(trial, "ass.subject", many, delta="a 33rd one for an application")
