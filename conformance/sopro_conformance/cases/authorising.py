"""LBL-32: who may assess, and on which day."""

from typing import Final

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Begin, Bench, Table, Take, try_table
from sopro_conformance.cases.evaluating import AFTER, BEFORE, LAST, NO_DAY, NOBODY, Find, Rule, says
from sopro_conformance.cases.judged import is_void, new_world
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import World
from sopro_conformance.world.ground import OTHER, PERFORMED, Changes, Ground
from sopro_conformance.world.sitelog import SiteLog, Written

AUTHORISATIONS: Final[Table] = {
    "": ("active",),
    "active": ("active", "suspended", "withdrawn"),
    "suspended": ("active", "withdrawn"),
    "withdrawn": (),
}
"""Which status of an authorisation may follow which (ASS-5)."""


def _prepare(world: World) -> tuple[SiteLog, Begin]:
    ground = Ground(world)

    def begin() -> Take:
        entity, person = (world.source.randbytes(16) for _ in range(2))
        # Who was suspended comes back for no day before (ASS-23).
        said: Changes = {"effective_date": LAST, "person": person}
        return lambda step: ground.authorise({**said, "status": step}, entity=entity)

    return ground.log, begin


_OF_AUTHORISATIONS: Final = (
    *(
        Rule(f"{name} that is no day", "rec.body", says(name, NO_DAY))
        for name in ("effective_date", "valid_from", "valid_until")
    ),
    Rule(
        "ends before it begins",
        "lbl.dates",
        lambda _: {"valid_until": "2026-01-14"},
        lambda _: {"valid_until": "2026-01-15"},
    ),
    Rule(
        "effective before the one it follows",
        "lbl.dates",
        lambda _: {"effective_date": "2026-01-14"},
        again=True,
    ),
    Rule(
        "a body that is not there",
        "lbl.reference",
        lambda _: {"organisation": NOBODY},
        lambda ground: {"organisation": ground.applicant},
    ),
    Rule("another person", "lbl.reference", lambda _: {"person": NOBODY}, again=True),
    Rule("another scheme", "lbl.reference", lambda _: {"scheme": OTHER}, again=True),
    Rule("a scheme that is not there", "lbl.criteria", lambda _: {"scheme": "nobody"}),
)


@case(
    "LBL-32",
    "Who may assess is said by records that follow their table, and counts from day to day.",
    clauses="ASS-4 ASS-5 ASS-6 ASS-12",
)
async def authorisations(trial: Trial) -> None:
    """Take every step after every other, and have assessed who may not, or not on that day."""
    await try_table(trial, AUTHORISATIONS, "ass.transition", _prepare)
    world = new_world(trial, "what an authorisation says")
    ground = Ground(world)
    bench = Bench(trial, world, ground.log)
    for rule in _OF_AUTHORISATIONS:
        good, wrong = rule.good(ground), rule.bad(ground)
        twin, other = (ground.authorise({}).entity if rule.again else b"" for _ in range(2))
        bench.is_void(
            rule.delta,
            rule.code,
            ground.authorise({**good, **wrong}, entity=other),
            twin=ground.authorise(good, entity=twin),
        )
    await bench.judge()
    await _allowed(trial)
    await _suspended(trial)


_ALLOWED: Final[tuple[tuple[str, Find, Find], ...]] = (
    ("not yet valid", lambda _: {"valid_from": PERFORMED}, lambda _: {"valid_from": AFTER}),
    ("not valid any more", lambda _: {"valid_until": PERFORMED}, lambda _: {"valid_until": BEFORE}),
    ("not effective", lambda _: {"effective_date": PERFORMED}, lambda _: {"effective_date": AFTER}),
    ("for another level", lambda _: {}, lambda _: {"level": "second_party"}),
    ("for another scheme", lambda _: {}, lambda _: {"scheme": OTHER}),
    ("of another person", lambda _: {}, lambda _: {"person": NOBODY}),
    (
        "for one criterion of two",
        lambda _: {"criteria": ["C-1", "C-2"]},
        lambda _: {"criteria": ["C-1", "C-3"]},
    ),
    (
        "of the applicant's people",
        lambda _: {},
        lambda ground: {"organisation": ground.applicant},
    ),
    ("of who offers it", lambda _: {}, lambda ground: {"organisation": ground.owner}),
)
"""What an authorisation says that allows the evaluation, and what does not."""


async def _allowed(trial: Trial) -> None:
    world = new_world(trial, "who may")
    ground = Ground(world)
    bench = Bench(trial, world, ground.log)
    for delta, good, bad in _ALLOWED:
        # Of two people: whoever works for the applicant is no third party at all (LBL-41).
        people = [world.source.randbytes(16) for _ in range(2)]
        held = [{"person": one, **good(ground)} for one in people]
        right, other = ground.authorise(held[0]), ground.authorise({**held[1], **bad(ground)})
        bench.is_void(
            f"by an authorisation {delta}",
            "ass.authority",
            ground.evaluate({"assessors": ground.by(other.entity, people[1])}),
            twin=ground.evaluate({"assessors": ground.by(right.entity, people[0])}),
        )
    bench.is_void(
        "by nobody's authorisation",
        "ass.authority",
        ground.evaluate({"assessors": ground.by(b"")}),
        twin=ground.evaluate(),
    )
    oneself: Changes = {"assessors": ground.by(b""), "level": "self"}
    bench.counts("by oneself, without an authorisation", ground.evaluate(oneself))
    own = world.source.randbytes(16)
    theirs: Changes = {"level": "second_party", "organisation": ground.applicant, "person": own}
    leave = ground.authorise(theirs).entity
    second: Changes = {"assessors": ground.by(leave, own), "level": "second_party"}
    bench.counts("by a second party of the applicant's", ground.evaluate(second))
    one = ground.authorise({"criteria": ["C-1"]}).entity
    findings: list[Value] = [
        {"code": "C-1", "result": "conform"},
        {"code": "C-2", "result": "not_assessed"},
    ]
    partial: Changes = {"assessors": ground.by(one), "findings": findings}
    bench.counts("of one criterion, the other not assessed", ground.evaluate(partial))
    await bench.judge()


async def _suspended(trial: Trial) -> None:
    for status in ("suspended", "withdrawn"):

        def act(world: World, bad: bool, status: str = status) -> tuple[SiteLog, Written]:
            ground = Ground(world)
            day = PERFORMED if bad else AFTER
            ends: Changes = {"effective_date": day, "status": status}
            ground.authorise(ends, entity=ground.authorisation)
            return ground.log, ground.evaluate()

        await is_void(trial, "ass.authority", act, delta=f"by who was {status} on that day")
