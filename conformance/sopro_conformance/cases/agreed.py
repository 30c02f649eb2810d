"""MEM-13: another's root key that members agree to, who has gone, and until when keys serve."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import is_void, lists, new_world
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.edwards import LOW_ORDER
from sopro_conformance.world.federation import World
from sopro_conformance.world.scene import organisation
from sopro_conformance.world.sitelog import SiteLog, Written

NO_DAY: Final = "2026-02-30"
Changes: TypeAlias = "Mapping[str, Value | None]"
"""What is another in a record; None for what is left out."""


def _approve(world: World, changes: Mapping[str, Value], *, entity: bytes = b"") -> Written:
    """Have one member agree to another root key of the other."""
    body: dict[str, Value] = {
        "before": world.sites["hu"].keys["root"].public,
        "origin": world.sites["hu"].origin,
        "root": SigningKey(world.source.randbytes(32)).public,
    }
    return world.sites["at"].append("key_recovery/1", {**body, **changes}, entity=entity)


@case(
    "MEM-13",
    "An approval is one record about another's sound key; who has gone stays gone.",
    clauses="MEM-2 MEM-11 MEM-14 STATE-14 STATE-4",
)
async def agreed(trial: Trial) -> None:
    """Approve twice, for oneself and for weak keys; say more than evidence of who has gone."""

    def again(world: World, bad: bool) -> tuple[SiteLog, Written]:
        first = _approve(world, {})
        return world.sites["at"], _approve(world, {}, entity=first.entity if bad else b"")

    await is_void(trial, "mem.key", again, delta="a second approval on the entity")

    def own(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at" if bad else "hu"]
        return world.sites["at"], _approve(world, {"origin": log.origin})

    await is_void(trial, "mem.key", own, delta="an approval about the log it stands in")
    for point in sorted(LOW_ORDER)[::4]:

        def weak(world: World, bad: bool, point: bytes = point) -> tuple[SiteLog, Written]:
            return world.sites["at"], _approve(world, {"root": point} if bad else {})

        await is_void(trial, "sig.weak-key", weak, delta=f"approves the key {point.hex()[:8]}")
    await _gone(trial)
    await _until(trial)


def _let_go(world: World, status: str) -> dict[str, Value]:
    """End a membership; return the body of the record that settles its two histories."""
    log = world.sites["hu"]
    ends: dict[str, Value] = {"origin": log.origin, "size": log.size}
    world.change_membership("hu", status=status, ends=ends, successor="at")
    heads: list[Value] = [{"root": world.source.randbytes(32), "size": log.size}]
    return world.membership("hu") | {"ends": ends, "successor": "at", "abandoned": heads}


async def _gone(trial: Trial) -> None:
    wrong: dict[str, Changes] = {
        "without evidence": {"abandoned": None},
        "another country": {"country": "SI"},
        "another day": {"effective_date": "2026-01-02"},
        "another address": {"urls": ["http://elsewhere.invalid"]},
        "another end": {"ends": {"size": 999}},
        "an end no more": {"ends": None},
        "another successor": {"successor": "eu"},
        "a statement that it did not have": {"conformance": bytes(32)},
        "admitted again": {"status": "admitted", "ends": None},
    }
    for status in ("left", "expelled"):
        for delta, changes in wrong.items():

            def act(
                world: World,
                bad: bool,
                status: str = status,
                changes: Changes = changes,
            ) -> tuple[SiteLog, Written]:
                body = {**_let_go(world, status), **(changes if bad else {})}
                if isinstance(body["ends"], dict):
                    body["ends"] |= {"origin": world.sites["hu"].origin}
                kept = {name: one for name, one in body.items() if one is not None}
                entity = world.member_entity("hu")
                written = world.coordinator.append("site_membership/1", kept, entity=entity)
                return world.coordinator, written

            await is_void(trial, "mem.status", act, delta=f"of who has {status}: {delta}")
        await _stays(trial, status)


async def _stays(trial: Trial, status: str) -> None:
    world = new_world(trial, f"two histories of who has {status}")
    body, entity = _let_go(world, status), world.member_entity("hu")
    world.coordinator.append("site_membership/1", body, entity=entity)
    world.coordinator.state()
    wanted = {"at": "admitted", "hu": status}
    what = f"the list of members, with two histories of who has {status}"
    await lists(trial, world, wanted, what=what)


async def _until(trial: Trial) -> None:
    """Say until when keys are meant to be used: a day, and nothing follows from it."""

    def no_day(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        before, key = log.keys_id, log.keys["registrar"].public
        written = log.name_keys(renew_by=[{"by": NO_DAY if bad else "2026-02-28", "key": key}])
        log.keys_id = before if bad else written.id
        return log, written

    await is_void(trial, "rec.body", no_day, delta="until a day that is none")
    world = new_world(trial, "a day that is over")
    log = world.sites["at"]
    bench = Bench(trial, world, log)
    key = log.keys["registrar"].public
    bench.counts(
        "until a day that is over", log.name_keys(renew_by=[{"by": "2020-01-01", "key": key}])
    )
    bench.counts("signed by that key", log.append("organisation/1", organisation("at")))
    bench.counts("until no day any more", log.name_keys())
    await bench.judge()
