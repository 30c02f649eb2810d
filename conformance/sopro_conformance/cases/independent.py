"""LBL-41: the applicant's own people are no third party, and judge nothing that is theirs."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.evaluating import LAST
from sopro_conformance.cases.judged import is_void, new_world
from sopro_conformance.cases.panels import employ, have_appealed
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.assessment import assess, grant_assessed, publish_criteria
from sopro_conformance.world.federation import World
from sopro_conformance.world.ground import OTHER, Changes, Ground
from sopro_conformance.world.scene import organisation
from sopro_conformance.world.sitelog import SiteLog, Written

EARLIEST: Final = "2026-02-28"
"""The civil date of the records' time at UTC-12."""
TOO_EARLY: Final = "2026-02-27"
MOST: Final = 64
"""Authorisations of one person (ASS-23)."""
MOST_ONE: Final = 256
"""Organisations that are followed (ASS-22)."""
ALIKE: Final[Changes] = {}
LONG: Final[Changes] = {"effective_date": "2020-01-01", "valid_from": "2020-01-01"}

Papers: TypeAlias = Callable[[bytes], Sequence[Changes]]
"""What is said of somebody's work for an organisation: one authorisation, record by record."""

_WORKED: Final[tuple[tuple[str, Papers], ...]] = (
    ("has", lambda body: [{"organisation": body}]),
    (
        "as a second party under another scheme has",
        lambda body: [{"organisation": body, "level": "second_party", "scheme": OTHER}],
    ),
    ("has, and then none,", lambda body: [{"organisation": body}, {}]),
    (
        "has, which ended two years ago to the day,",
        lambda body: [{**LONG, "organisation": body, "valid_until": "2024-02-10"}],
    ),
    (
        "has, and then one that is said to have ended long ago,",
        lambda body: [
            {**LONG, "organisation": body},
            {**LONG, "organisation": body, "valid_until": "2020-01-02"},
        ],
    ),
)


def _assess(ground: Ground, papers: Sequence[Changes], more: Changes = ALIKE) -> Written:
    """Have somebody new assess under an authorisation of their own, beside what else is said."""
    person = ground.world.source.randbytes(16)
    entity = ground.world.source.randbytes(16)
    for one in papers:
        ground.authorise({"person": person, **one}, entity=entity)
    last = ground.authorise({"person": person, **more}).entity
    changes: Changes = {"assessors": ground.by(last, person)}
    return ground.evaluate(changes, {"performed_on": LAST} if more else ALIKE)


def _body(ground: Ground) -> bytes:
    return ground.log.append("organisation/1", organisation("at")).entity


def _relate(ground: Ground, one: bytes, *others: tuple[str, bytes, str]) -> None:
    """State all relations of an organisation: to others, each of a site or of this one."""
    since: dict[str, Value] = {"since": "2026-02-01"}
    relations: list[Value] = [
        {"kind": kind, "organisation": other, **since, **({"site": site} if site else {})}
        for kind, other, site in others
    ]
    entity = hashlib.sha256(b"sopro-relations/1\n" + one).digest()[:16]
    body: dict[str, Value] = {"organisation": one, "relations": relations}
    ground.log.append("organisation_relation/1", body, entity=entity)


@case(
    "LBL-41",
    "Whoever works for who applies is no third party, and judges nothing, for two years more.",
    clauses="ASS-12 ASS-13 ASS-16 ASS-20 ASS-22 ASS-23",
)
async def independence(trial: Trial) -> None:
    """Have the people of the applicant, of who offers and of who is one with them assess."""
    await _people(trial)
    await _related(trial)
    await _crowd(trial)
    await _returning(trial)
    await _judging(trial)


async def _people(trial: Trial) -> None:
    world = new_world(trial, "people")
    ground = Ground(world)
    bench = Bench(trial, world, ground.log)
    inspectors = _body(ground)
    for whose, own in (("the applicant's", ground.applicant), ("who offers it's", ground.owner)):
        for delta, papers in _WORKED:
            bench.is_void(
                f"by who {delta} another authorisation as one of {whose} people",
                "ass.authority",
                _assess(ground, papers(own)),
                twin=_assess(ground, papers(inspectors)),
            )
    ended: Changes = {**LONG, "valid_until": "2024-02-09"}
    free = _assess(ground, [{**ended, "organisation": ground.applicant}])
    bench.counts("by who has worked for the applicant until two years and a day ago", free)
    gone: Changes = {"effective_date": "2026-02-20", "status": "withdrawn"}
    again: Changes = {"effective_date": EARLIEST}
    bench.is_void(
        "by who was withdrawn as one of the applicant's people and authorised anew",
        "ass.authority",
        _assess(ground, [{"organisation": ground.applicant}, gone], again),
        twin=_assess(ground, [{"organisation": inspectors}, gone], again),
    )
    await bench.judge()


async def _related(trial: Trial) -> None:
    world = new_world(trial, "organisations that are one")
    ground = Ground(world)
    bench = Bench(trial, world, ground.log)
    for kind in ("same_as", "merged_into", "successor_of"):
        ours, other, theirs = (_body(ground) for _ in range(3))
        _relate(ground, ours, (kind, ground.owner, ""))
        _relate(ground, other, ("part_of", ground.owner, ""))
        twin = _assess(ground, [{"organisation": other}])
        bad = _assess(ground, [{"organisation": ours}])
        bench.is_void(
            f"by who works for what is {kind} who offers it", "ass.authority", bad, twin=twin
        )
        before = _assess(ground, [{"organisation": theirs}])
        _relate(ground, ground.applicant, (kind, theirs, ""))
        after = _assess(ground, [{"organisation": theirs}])
        bench.is_void(
            f"by who works for what the applicant is {kind}", "ass.authority", after, twin=before
        )
        _relate(ground, ground.applicant)
        bench.counts(f"what was {kind} no more", _assess(ground, [{"organisation": theirs}]))
    middle, near, far, abroad = *(_body(ground) for _ in range(3)), world.source.randbytes(16)
    _relate(ground, middle, ("merged_into", ground.applicant, ""), ("same_as", abroad, "hu"))
    _relate(ground, near, ("successor_of", abroad, "hu"))
    _relate(ground, far, ("successor_of", abroad, "de"))
    bench.is_void(
        "by who works for what is one over two others, one of them another site's",
        "ass.authority",
        _assess(ground, [{"organisation": near}]),
        twin=_assess(ground, [{"organisation": far}]),
    )
    await bench.judge()


async def _crowd(trial: Trial) -> None:
    """Have more organisations said to be one with the applicant than are followed."""
    world = new_world(trial, "too many to be followed")
    ground = Ground(world)
    bench = Bench(trial, world, ground.log)
    inspectors = _body(ground)
    many = [_body(ground) for _ in range(MOST_ONE + 1)]
    for one in many[: MOST_ONE - 1]:
        _relate(ground, one, ("same_as", ground.applicant, ""))
    within = _assess(ground, [{"organisation": inspectors}])
    _relate(ground, many[-2], ("same_as", ground.applicant, ""))
    beyond = _assess(ground, [{"organisation": inspectors}])
    bench.is_void("where 257 organisations are one", "ass.authority", beyond, twin=within)
    bench.counts("by who works for nobody, where they are", _assess(ground, []))
    _relate(ground, many[-2])
    within = _assess(ground, [{"organisation": inspectors}])
    for others in ([("same_as", ground.applicant, "")], []):
        _relate(ground, many[-1], *others)
    beyond = _assess(ground, [{"organisation": inspectors}])
    bench.is_void("where 257 have ever said to be one", "ass.authority", beyond, twin=within)
    await bench.judge()


async def _returning(trial: Trial) -> None:
    """Authorise anew who was suspended or withdrawn, for days before; and once too often."""
    world = new_world(trial, "who comes back")
    ground = Ground(world)
    bench = Bench(trial, world, ground.log)
    for status in ("suspended", "withdrawn"):
        person, entity = (world.source.randbytes(16) for _ in range(2))
        for said in ("active", status):
            held = ground.authorise({"person": person, "status": said}, entity=entity).entity
        wrong: Changes = {"effective_date": TOO_EARLY, "person": person}
        right: Changes = {"effective_date": EARLIEST, "person": person}
        bench.is_void(
            f"an authorisation of who was {status}, from before",
            "lbl.dates",
            ground.authorise(wrong),
            twin=ground.authorise(right),
        )
        if status == "suspended":
            bench.is_void(
                "a suspension that is lifted for days before",
                "lbl.dates",
                ground.authorise(wrong, entity=held),
                twin=ground.authorise(right, entity=held),
            )
        bench.counts(
            f"of who was {status} under another scheme, from before",
            ground.authorise({**wrong, "scheme": OTHER}),
        )
    person = world.source.randbytes(16)
    papers = [ground.authorise({"person": person}) for _ in range(MOST + 1)]
    bench.is_void(
        "a 65th authorisation of one person", "ass.authority", papers[-1], twin=papers[-2]
    )
    again = ground.authorise({"person": person}, entity=papers[-2].entity)
    bench.counts("one more record on the 64th", again)
    await bench.judge()


_LATER: Final[tuple[tuple[str, Changes], ...]] = (
    ("revoke", {}),
    ("correct", {}),
    ("suspend", {"reason_code": "nc_not_closed"}),
    ("terminate_on_request", {"reason_code": "other"}),
)
"""Decisions that rest on what was found (ASS-20)."""


async def _judging(trial: Trial) -> None:
    """Have what is applied for reviewed and decided on, and a label judged, by their own people."""
    world = new_world(trial, "who reviews")
    ground = Ground(world)
    bench = Bench(trial, world, ground.log)
    found = ground.evaluate().entity
    for whose, own in (("the applicant's", ground.applicant), ("who offers it's", ground.owner)):
        tied = employ(world, ground.log, own, "2024-02-15")
        free = employ(world, ground.log, own, "2024-02-14")
        bench.is_void(
            f"a review by one of {whose} people",
            "ass.duties",
            ground.review([found], {"reviewer": tied}),
            twin=ground.review([found], {"reviewer": free}),
        )
    await bench.judge()

    def granted(world: World, bad: bool) -> tuple[SiteLog, Written]:
        publish_criteria(world)
        world.coordinator.state()
        log = world.sites["at"]
        log.state(world.coordinator)
        holders: list[bytes] = []

        def note(_family: str, body: dict[str, Value]) -> None:
            if isinstance(holder := body.get("applicant"), bytes):
                holders.append(holder)

        rests = assess(world, log, note)
        tied = employ(world, log, holders[0], "2026-12-31")
        other = world.source.randbytes(16)
        decider = tied if bad else other
        return log, grant_assessed(world, log, rests, counts=not bad, decider=decider)

    await is_void(trial, "ass.duties", granted, delta="a grant by one of the applicant's people")
    for action, changes in _LATER:

        def decided(
            world: World, bad: bool, action: str = action, changes: Changes = changes
        ) -> tuple[SiteLog, Written]:
            found = have_appealed(world)
            tied = employ(world, found.log, found.holder, "2026-12-31")
            decider = tied if bad else world.source.randbytes(16)
            more = {name: value for name, value in changes.items() if value is not None}
            body = world.decision(action, found.number, decider=decider, **more)
            written = found.log.append("label_decision/1", body, entity=found.granted.entity)
            return found.log, written

        delta = f"{action} by one of the holder's people"
        await is_void(trial, "ass.duties", decided, delta=delta)
