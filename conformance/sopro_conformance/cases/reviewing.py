"""LBL-34: who reviews what."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.evaluating import LAST, NO_DAY, NOBODY, TOMORROW
from sopro_conformance.cases.judged import is_void, new_world
from sopro_conformance.trial import Trial
from sopro_conformance.world.federation import World
from sopro_conformance.world.ground import PERFORMED, Changes, Ground
from sopro_conformance.world.sitelog import SiteLog, Written

Find: TypeAlias = Callable[[Ground, list[bytes]], Changes]


class Rule(NamedTuple):
    """One rule of a review.

    Attributes:
        delta: what is wrong.
        code: why.
        bad: what differs, by the evaluations that there are.
        good: changes of the right one.
        again: whether it goes on with one that is right.
    """

    delta: str
    code: str
    bad: Find
    good: Find = lambda *_: {}
    again: bool = False


def _other(ground: Ground, step: str = "accepted") -> bytes:
    return ground.apply(step)


def _of_step(step: str) -> Find:
    return lambda ground, _: {"application": _other(ground, step)}


def _with_other(ground: Ground, evaluations: list[bytes]) -> Changes:
    """Name an evaluation of another application, too."""
    of_other = ground.evaluate({"application": _other(ground)}).entity
    return {"evaluations": sorted([*evaluations, of_other])}


_RULES: Final = (
    Rule("a day that is none", "rec.body", lambda *_: {"reviewed_on": NO_DAY}),
    Rule(
        "a day after its record",
        "lbl.dates",
        lambda *_: {"reviewed_on": TOMORROW},
        lambda *_: {"reviewed_on": LAST},
    ),
    Rule(
        "before an evaluation has ended",
        "lbl.dates",
        lambda *_: {"reviewed_on": "2026-02-09"},
        lambda *_: {"reviewed_on": PERFORMED},
    ),
    Rule("of an application that is not there", "ass.subject", lambda *_: {"application": NOBODY}),
    *(
        Rule(
            f"of an application that is {step}",
            "ass.subject",
            _of_step(step),
        )
        for step in ("submitted", "returned", "withdrawn")
    ),
    Rule(
        "of another application",
        "ass.subject",
        lambda ground, _: {"application": _other(ground)},
        again=True,
    ),
    Rule("with what is for another application", "ass.subject", _with_other),
    Rule(
        "of what is no evaluation",
        "ass.subject",
        lambda ground, evaluations: {"evaluations": sorted([*evaluations, ground.offering])},
    ),
    Rule(
        "evaluations in another order",
        "ass.subject",
        lambda _, evaluations: {"evaluations": evaluations[::-1]},
    ),
    Rule(
        "an evaluation twice",
        "ass.subject",
        lambda _, evaluations: {"evaluations": sorted([*evaluations, evaluations[0]])},
    ),
    Rule(
        "an evaluation left out",
        "ass.subject",
        lambda _, evaluations: {"evaluations": evaluations[1:]},
    ),
    Rule("by the assessor", "ass.duties", lambda ground, _: {"reviewer": ground.assessor}),
)


@case(
    "LBL-34",
    "A review is of every evaluation of an application, by somebody else.",
    clauses="ASS-13",
)
async def reviews(trial: Trial) -> None:
    """Break one rule of a review after the other."""
    world = new_world(trial, "what a review says")
    ground = Ground(world)
    bench = Bench(trial, world, ground.log)
    for rule in _RULES:
        ground.application = ground.apply()
        evaluations = sorted(ground.evaluate().entity for _ in range(2))
        good, wrong = rule.good(ground, evaluations), rule.bad(ground, evaluations)
        twin, other = (ground.review(evaluations).entity if rule.again else b"" for _ in range(2))
        bench.is_void(
            rule.delta,
            rule.code,
            ground.review(evaluations, good, wrong, entity=other),
            twin=ground.review(evaluations, good, entity=twin),
        )
    await bench.judge()
    await is_void(trial, "ass.subject", _decided, delta="of an application that is decided")
    await is_void(trial, "ass.duties", _of_label, delta="by who has assessed the label before")


def _decided(world: World, bad: bool) -> tuple[SiteLog, Written]:
    ground = Ground(world)
    evaluations = [ground.evaluate().entity]
    review = ground.review(evaluations)
    if bad:
        ground.decide(review.entity)
    return ground.log, ground.review(evaluations)


def _of_label(world: World, bad: bool) -> tuple[SiteLog, Written]:
    """Review a renewal of a label that somebody has looked after."""
    ground = Ground(world)
    label = ground.label.entity
    ground.evaluate({"application": None, "label": label, "kind": "surveillance"})
    renewal = ground.apply(kind="renewal", label=label)
    person = world.source.randbytes(16)
    held = ground.authorise({"person": person}).entity
    by_other: Changes = {"application": renewal, "assessors": ground.by(held, person)}
    evaluation = ground.evaluate(by_other)
    reviewer: Changes = {"reviewer": ground.assessor} if bad else {}
    return ground.log, ground.review([evaluation.entity], {"application": renewal}, reviewer)
