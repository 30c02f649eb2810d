"""MEM-24: what a member may say about two histories of the coordinator's log."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from sopro_conformance.case import case
from sopro_conformance.cases.judged import is_void
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.accusation import describe, write
from sopro_conformance.world.federation import World
from sopro_conformance.world.sitelog import SiteLog, Written

Body: TypeAlias = dict[str, Value]
Change: TypeAlias = Callable[[World, Body], Body]


def part(log: SiteLog) -> SiteLog:
    """Return another history of a log, which parts from it at its last entry."""
    other = log.fork(log.size - 1)
    other.state()
    return other


def decide(log: SiteLog, other: SiteLog, size: int, **changes: Any) -> Body:
    """Return the body of an anchor that decides for the first of two histories (ANCHOR)."""
    fields = describe(log, other, size)
    held = {one.tree.root(size): one.tree.leaves[size - 1] for one in (log, other)}
    body: Body = {
        "evidence": write(fields),
        "leaves": [held[root] for _, root, _ in fields["heads"]],
        "origin": log.origin,
        "root": log.tree.root(size),
        "size": size,
    }
    return {key: one for key, one in (body | changes).items() if one is not None}


def _of_members(world: World, body: Body) -> Body:
    log = world.sites["hu"]
    right = decide(log, part(log), log.size)
    return {"evidence": right["evidence"], "root": body["root"]}


def _of_its_own(world: World, _body: Body) -> Body:
    log = world.sites["at"]
    return decide(log, part(log), log.size)


def _another_size(world: World, body: Body) -> Body:
    return {"size": int(str(body["size"])) - 1}


_WRONG: Final[tuple[tuple[str, str, Change], ...]] = (
    ("about its own log", "anc.log", _of_its_own),
    ("with evidence against another log", "anc.evidence", _of_members),
    ("with evidence at another size", "anc.evidence", _another_size),
    ("for a root of neither history", "anc.evidence", lambda *_: {"root": bytes(32)}),
    ("with what is no evidence", "anc.evidence", lambda *_: {"evidence": b"\x80"}),
    ("with neither evidence nor successor", "anc.evidence", lambda *_: {"evidence": b""}),
    (
        "with addresses",
        "anc.evidence",
        lambda *_: {"urls": ["https://successor.example"]},
    ),
)


@case(
    "MEM-24",
    "A member decides for one of two histories of which there is evidence, and once.",
    clauses="ANCHOR-1 ANCHOR-2",
)
async def anchors(trial: Trial) -> None:
    """Decide rightly, and wrongly in one thing each."""
    for delta, code, change in _WRONG:

        def act(world: World, bad: bool, change: Change = change) -> tuple[SiteLog, Written]:
            log, coordinator = world.sites["at"], world.coordinator
            body = decide(coordinator, part(coordinator), coordinator.size)
            changed = body | (change(world, body) if bad else {})
            kept = {key: one for key, one in changed.items() if one != b""}
            return log, log.append("anchor/1", kept)

        await is_void(trial, code, act, delta=f"a decision {delta}")

    def again(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, coordinator = world.sites["at"], world.coordinator
        other = part(coordinator)
        size = coordinator.size
        log.append("anchor/1", decide(coordinator, other, size))
        if bad:
            return log, log.append("anchor/1", decide(other, coordinator, size))
        world.publish_scheme(scheme="other")
        return log, log.append("anchor/1", decide(coordinator, part(coordinator), coordinator.size))

    await is_void(trial, "anc.again", again, delta="decides otherwise behind the same entries")
