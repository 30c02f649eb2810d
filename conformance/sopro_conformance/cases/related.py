"""LBL-26: relations of organisations, in one log and across sites."""

import hashlib
import itertools
from collections.abc import Sequence
from typing import Final

from sopro_conformance.adapter import Answer
from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import new_world, question
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import World, status_of, void_of
from sopro_conformance.world.scene import organisation
from sopro_conformance.world.sitelog import SiteLog, Written

SINCE: Final = "2026-02-20"
KINDS: Final = ("successor_of", "merged_into", "part_of")
"""Kinds that never lead back to where they began."""
WIDEST: Final = 32
"""So many relations one record states at most."""


def _new(log: SiteLog) -> bytes:
    return log.append("organisation/1", organisation(log.site)).entity


def _relate(
    log: SiteLog, one: bytes, *others: bytes, kind: str = "part_of", **more: Value
) -> Written:
    """Append all relations of an organisation."""
    relations: list[Value] = [
        {"kind": kind, "organisation": other, "since": SINCE, **more} for other in others
    ]
    subject = hashlib.sha256(b"sopro-relations/1\n" + one).digest()[:16]
    body: dict[str, Value] = {"organisation": one, "relations": relations}
    return log.append("organisation_relation/1", body, entity=subject)


@case(
    "LBL-26",
    "Relations of organisations lead back to none in one log, and bind nobody across sites.",
    clauses="REL-1 REL-4 REL-5",
)
async def relations(trial: Trial) -> None:
    """Close circles of every kind in one log, and across two."""
    await _circles(trial)
    await _wide(trial)
    await _across(trial)


async def _circles(trial: Trial) -> None:
    world = new_world(trial, "circles")
    log = world.sites["at"]
    bench = Bench(trial, world, log)
    for kind in KINDS:
        for length in (2, 3, 5):
            chain = [_new(log) for _ in range(length)]
            for one, other in itertools.pairwise(chain):
                _relate(log, one, other, kind=kind)
            wrong = _relate(log, chain[-1], chain[0], kind=kind)
            twin = _relate(log, chain[-1], _new(log), kind=kind)
            bench.is_void(f"{kind} around {length}", "rel.cycle", wrong, twin=twin)
    one, other = _new(log), _new(log)
    _relate(log, one, other, kind="same_as")
    bench.counts("same_as, and back", _relate(log, other, one, kind="same_as"))
    first, second = _new(log), _new(log)
    _relate(log, first, second, kind="successor_of")
    back = _relate(log, second, first, kind="merged_into")
    bench.counts("back by another kind", back)
    one, other = _new(log), _new(log)
    _relate(log, one, other)
    _relate(log, one)
    bench.counts("back, after that was taken back", _relate(log, other, one))
    await bench.judge()


async def _wide(trial: Trial) -> None:
    """Reach 1,024 others, and one more."""
    world = new_world(trial, "wide")
    log = world.sites["at"]
    bench = Bench(trial, world, log)
    hubs = [_hub(log, WIDEST - 1) for _ in range(WIDEST)]
    twin = _relate(log, _new(log), *hubs)
    wrong = _relate(log, _new(log), *hubs[1:], _hub(log, WIDEST))
    bench.is_void("1,025 others", "rel.cycle", wrong, twin=twin)
    await bench.judge()


def _hub(log: SiteLog, count: int) -> bytes:
    hub = _new(log)
    _relate(log, hub, *(_new(log) for _ in range(count)))
    return hub


async def _across(trial: Trial) -> None:
    """State counterparts, circles and what nobody confirms: all count, and no label moves."""
    world = new_world(trial, "across")
    at, hu = world.sites["at"], world.sites["hu"]
    holder, number = _labelled(world, at)
    said: list[tuple[str, SiteLog, Written]] = []
    for here, there in (("successor_of", "merged_into"), ("same_as", "same_as")):
        said += _both(world, here, there, what="the counterpart")
    for kind in KINDS:
        said += _both(world, kind, kind, what="a circle over two sites")
    nobody = world.source.randbytes(16)
    alone = _relate(at, holder, nobody, kind="merged_into", site=hu.site)
    said.append(("of what nobody knows at the other site", at, alone))
    at.state(world.coordinator)
    hu.state(world.coordinator)

    def judge(answer: Answer) -> None:
        for what, log, written in said:
            found = void_of(answer.ok, written, log.origin)
            trial.check(
                what, holds=found == "", expected="counts", actual=str(found or ""), answer=answer
            )
        trial.check(
            "a label of who is related so",
            holds=status_of(answer.ok, number) == "active",
            expected="active",
            answer=answer,
        )

    trial.ask(judge, question(trial, world))


def _labelled(world: World, log: SiteLog) -> tuple[bytes, str]:
    """Grant an organisation a label; return its entity and the number."""
    holder, number = _new(log), world.number(log)
    offering = log.append(
        "offering/1",
        {
            "effective_date": "2026-02-01",
            "kind": "product",
            "organisation": holder,
            "status": "published",
        },
    )
    world.grant(log, number, offering=offering.entity)
    return holder, number


def _both(
    world: World, here: str, there: str, *, what: str
) -> Sequence[tuple[str, SiteLog, Written]]:
    at, hu = world.sites["at"], world.sites["hu"]
    one, other = _new(at), _new(hu)
    return [
        (f"{here}, at one site", at, _relate(at, one, other, kind=here, site=hu.site)),
        (
            f"{there}, at the other: {what}",
            hu,
            _relate(hu, other, one, kind=there, site=at.site),
        ),
    ]
