"""MEM-22: members appoint who goes on for a coordinator that is gone."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from sopro_conformance.case import case
from sopro_conformance.cases.judged import is_void
from sopro_conformance.cases.papers import paper_in
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.edwards import LOW_ORDER
from sopro_conformance.world.federation import World
from sopro_conformance.world.sitelog import ROLES, SiteLog, Written
from sopro_conformance.world.succession import (
    Body,
    Left,
    digest_of,
    leave,
    shorten,
    take_over,
    voters_of,
)


@case(
    "MEM-22",
    "Enough members, and nobody else, put another in the place of a coordinator that is gone.",
    clauses="SUCC-1 SUCC-2 SUCC-4 SUCC-5 SUCC-10",
)
async def succession(trial: Trial) -> None:
    """Appoint successors rightly, and wrongly in one thing each."""
    await _members(trial)
    await _anchors(trial)
    for delta, sites, build in _APPOINTED:

        def act(world: World, bad: bool, build: Build = build) -> tuple[SiteLog, Written]:
            log = world.coordinator
            before, keys, next_root = log.keys_id, dict(log.keys), log.next_root
            written = build(world, bad)
            if bad:
                log.keys_id, log.keys, log.next_root = before, keys, next_root
            return log, written

        await is_void(trial, "mem.key", act, delta=delta, sites=sites)
    await _elsewhere(trial)
    await _certificates(trial)


async def _members(trial: Trial) -> None:
    """SUCC-1: the coordinator, and it alone, says who its members are."""
    for delta, change in (
        ("a member is left out", lambda voters: voters[1:]),
        ("a member stands there twice", lambda voters: [*voters, voters[0]]),
        ("in another order", lambda voters: voters[::-1]),
    ):

        def act(
            world: World, bad: bool, change: Callable[[Any], Any] = change
        ) -> tuple[SiteLog, Written]:
            voters = voters_of(world)
            said = digest_of(change(voters) if bad else voters)
            return world.coordinator, world.coordinator.state(members=said)

        await is_void(trial, "sta.members", act, delta=delta)

    def gone(world: World, bad: bool) -> tuple[SiteLog, Written]:
        before = digest_of(voters_of(world))
        world.change_membership("hu", status="suspended")
        said = before if bad else digest_of(voters_of(world))
        return world.coordinator, world.coordinator.state(members=said)

    await is_void(trial, "sta.members", gone, delta="who is suspended stands there")

    def member(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        more: Body = {"members": digest_of(voters_of(world))} if bad else {}
        return log, log.state(world.coordinator, **more)

    await is_void(trial, "sta.members", member, delta="in a member's log")


async def _anchors(trial: Trial) -> None:
    """SUCC-2: what appoints, as an anchor in a member's log."""
    weak = min(LOW_ORDER)
    none: Value = b""
    changed: tuple[tuple[str, str, Body], ...] = (
        ("with leaves", "anc.evidence", {"leaves": [bytes(32)] * 2}),
        ("with evidence", "anc.evidence", {"evidence": b"\x80"}),
        ("without addresses", "anc.evidence", {"urls": none}),
        ("of a weak key", "sig.weak-key", {"successor": weak}),
    )
    for delta, code, change in changed:

        def act(world: World, bad: bool, change: Body = change) -> tuple[SiteLog, Written]:
            log = world.sites["at"]
            body = leave(world).body(**(change if bad else {}))
            kept = {key: one for key, one in body.items() if one != b""}
            return log, log.append("anchor/1", kept)

        await is_void(trial, code, act, delta=f"an appointment {delta}")

    def again(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        left = leave(world)
        log.append("anchor/1", left.body())
        more: Body = {} if bad else {"size": left.size + 1}
        other = SigningKey(world.source.randbytes(32)).public
        return log, log.append("anchor/1", left.body(successor=other, **more))

    await is_void(trial, "anc.again", again, delta="appoints another behind the same size")


Build: TypeAlias = Callable[[World, bool], Written]


def _approve(world: World, left: Left, sites: str, **changes: Value) -> list[bytes]:
    """Have members appoint in their logs; return these entries."""
    return [
        world.sites[code].append("anchor/1", left.body(**changes)).entry for code in sites.split()
    ]


def _simple(change: Callable[[World, Left, Body], Body]) -> Build:
    """Build what two members appoint, with something else in the proof."""

    def build(world: World, bad: bool) -> Written:
        left = leave(world)
        proof = left.proof(_approve(world, left, "at hu"))
        return take_over(left, proof | (change(world, left, proof) if bad else {}))

    return build


def _one_alone(world: World, bad: bool) -> Written:
    left = leave(world)
    return take_over(left, left.proof(_approve(world, left, "at" if bad else "at hu")))


def _one_twice(world: World, bad: bool) -> Written:
    left = leave(world)
    return take_over(left, left.proof(_approve(world, left, "at at" if bad else "at hu")))


def _two_of_five(world: World, bad: bool) -> Written:
    left = leave(world)
    return take_over(left, left.proof(_approve(world, left, "at hu" if bad else "at hu fr")))


def _not_alike(world: World, bad: bool) -> Written:
    left = leave(world)
    more: Body = {"urls": ["https://other.example"]} if bad else {}
    both = _approve(world, left, "at") + _approve(world, left, "hu", **more)
    return take_over(left, left.proof(both))


def _not_the_root_key(world: World, bad: bool) -> Written:
    left = leave(world)
    hu = world.sites["hu"]
    signer = hu.keys["registrar" if bad else "root"]
    other = hu.append("anchor/1", left.body(), signers=[signer]).entry
    return take_over(left, left.proof([*_approve(world, left, "at"), other]))


def _later_place(world: World, bad: bool) -> Written:
    left = leave(world)
    both = _approve(world, left, "at hu")
    if bad:
        left.log.state()
    return take_over(left, left.proof(both))


def _another_successor(world: World, bad: bool) -> Written:
    left = leave(world)
    proof = left.proof(_approve(world, left, "at hu"))
    other = SigningKey(world.source.randbytes(32))
    return take_over(left, proof, left.keys | ({"root": other} if bad else {}))


def _an_old_key(world: World, bad: bool) -> Written:
    left = leave(world)
    proof = left.proof(_approve(world, left, "at hu"))
    old = {"registrar": left.log.keys["registrar"]} if bad else {}
    return take_over(left, proof, left.keys | old)


def _a_members_key(world: World, bad: bool) -> Written:
    left = leave(world)
    if bad:
        left.keys["root"] = world.sites["hu"].keys["root"]
    return take_over(left, left.proof(_approve(world, left, "at hu")))


def _state_void(world: World, bad: bool) -> Written:
    """The log was left with a log_state that does not count."""
    voters = voters_of(world)
    more: Body = {"certificates": 7} if bad else {}
    world.coordinator.state(members=digest_of(voters), **more)
    keys = {role: SigningKey(world.source.randbytes(32)) for role in ("root", *ROLES)}
    left = Left(world.coordinator, world.coordinator.size, keys, voters)
    return take_over(left, left.proof(_approve(world, left, "at hu")))


def _votes(change: Callable[[list[Any]], list[Any]]) -> Build:
    """Have two of three members appoint, one of them in a vote."""

    def build(world: World, bad: bool) -> Written:
        left = leave(world)
        whole, other = _approve(world, left, "at hu")
        number = [one["origin"] for one in left.voters].index(world.sites["hu"].origin)
        vote: Any = shorten(number, other)
        return take_over(left, left.proof([whole], votes=[change(vote) if bad else vote]))

    return build


def _foreign_head(_world: World, left: Left, _proof: Body) -> Body:
    log = left.log.fork(left.size)
    log.keys = dict(left.keys)
    return {"head": log.checkpoint(left.size)}


def _other_state(_world: World, left: Left, _proof: Body) -> Body:
    at = left.size - 2
    return {"path": left.log.tree.inclusion(at, left.size), "state": left.log.entries[at]}


_APPOINTED: Final[tuple[tuple[str, str, Build], ...]] = (
    ("one of two members alone", "at hu", _one_alone),
    ("one member twice", "at hu", _one_twice),
    ("two of five members", "at hu fr si it", _two_of_five),
    ("members that name other addresses", "at hu", _not_alike),
    ("approved by another key than a member's root key", "at hu", _not_the_root_key),
    ("another position than they name", "at hu", _later_place),
    ("another root key than they name", "at hu", _another_successor),
    ("names a key of who is gone", "at hu", _an_old_key),
    ("a root key of a member", "at hu", _a_members_key),
    ("a log_state before it that does not count", "at hu", _state_void),
    ("a head that the log key did not sign", "at hu", _simple(_foreign_head)),
    ("another entry for the log_state", "at hu", _simple(_other_state)),
    (
        "a path that leads elsewhere",
        "at hu",
        _simple(lambda _world, _left, proof: {"path": [*list(proof["path"])[:-1], bytes(32)]}),
    ),
    (
        "other members than the log_state states",
        "at hu",
        _simple(lambda _world, left, _proof: {"members": left.voters[::-1]}),
    ),
    (
        "a vote with another signature",
        "at hu fr",
        _votes(lambda vote: [*vote[:4], vote[4][:-1] + bytes([vote[4][-1] ^ 1])]),
    ),
    ("a vote of a member that is not there", "at hu fr", _votes(lambda vote: [3, *vote[1:]])),
    ("a vote of another member", "at hu fr", _votes(lambda vote: [1 - vote[0] % 2, *vote[1:]])),
    (
        "a vote with another salt",
        "at hu fr",
        _votes(lambda vote: [*vote[:2], bytes(16), *vote[3:]]),
    ),
    (
        "a vote of another time",
        "at hu fr",
        _votes(lambda vote: [*vote[:3], vote[3] + 1, vote[4]]),
    ),
)


async def _elsewhere(trial: Trial) -> None:
    """SUCC-4: nobody is appointed in a member's log."""

    def act(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, left = world.sites["at"], leave(world)
        proof = left.proof(_approve(world, left, "at hu"))
        before = log.keys_id
        written = log.name_keys(**({"appointed": proof} if bad else {}))
        if bad:
            log.keys_id = before
        return log, written

    await is_void(trial, "mem.key", act, delta="in a member's log")


async def _certificates(trial: Trial) -> None:
    """SUCC-5: a certificate verifies from the root key of the invite of before."""
    questions = []
    for is_bad in (False, True):
        paper = paper_in(trial, "across a succession")
        world = paper.world
        left = leave(world)
        proof = left.proof(_approve(world, left, "at hu"))
        if is_bad:
            log = left.log.fork(left.size - 1)
            log.padding = None  # it has to be of that size again
            log.append("scheme/1", {"scheme": "another"})
            world.coordinator = log
            left = left._replace(log=log)
        take_over(left, proof)
        questions.append(paper.question(paper.write(paper.close())))
    twin, bad = questions
    valid = {"verdict": "valid"}
    await trial.accepts("certificate", valid, what="across a succession", **twin)
    delta = "the entries before the succession are others"
    await trial.refuses("certificate", "mem.untrusted", delta=delta, twin=twin, **bad)
