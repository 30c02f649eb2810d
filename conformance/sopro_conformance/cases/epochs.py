"""MEM-20: a log that goes on in another."""

from collections.abc import Callable
from typing import Final, TypeAlias

from sopro_conformance.case import case
from sopro_conformance.cases.judged import is_void
from sopro_conformance.cases.refused import is_refused
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.sitelog import ROLES, SiteLog, Written

Body: TypeAlias = dict[str, Value]


def end_of(log: SiteLog) -> Body:
    """Return where a log ends, as what continues it names it (EPOCH-1)."""
    return {"origin": log.origin, "root": log.tree.root(), "size": log.size}


def begin_next(
    world: World, old: SiteLog, *, origin: str = "", key: SigningKey | None = None, **end: Value
) -> SiteLog:
    """Begin a log of the same root key that continues another one."""
    federation, site, epoch = old.origin.split("/")
    new = SiteLog(world.source, origin or f"{federation}/{site}/{int(epoch) + 1}")
    new.padding, new.time = old.padding, old.time
    new.keys["root"] = key or old.keys["root"]
    new.name_keys(continues=end_of(old) | end)
    new.state()
    return new


def closing(old: SiteLog, new: SiteLog) -> Body:
    """Return what the membership record says that names the next log (EPOCH-2)."""
    ends: Value = {"origin": old.origin, "size": old.size}
    return {"ends": ends, "epoch": new.entries[0], "origin": new.origin}


def go_on(world: World, code: str, *, is_named: bool = True) -> SiteLog:
    """Have a site go on in the next log, or (False) begin that log a second time."""
    old = world.sites.get(f"{code}/1") or world.sites[code]
    new = begin_next(world, old)
    if is_named:
        world.change_membership(code, **closing(old, new))
        world.coordinator.state()
        world.sites |= {f"{code}/1": old, code: new}
        new.state(world.coordinator)
    return new


def number_of(log: SiteLog) -> str:
    """Return a number that a log of its epoch may grant (EPOCH-6)."""
    epoch = int(log.origin.split("/")[2])
    return f"SOPRO/{log.site.upper()}0/001/{epoch:04}{log.grants:05}"


@case(
    "MEM-20",
    "A log that is closed goes on in one that names its end, and neither side says so alone.",
    clauses="EPOCH-1 EPOCH-2 EPOCH-6 EPOCH-9",
)
async def epochs(trial: Trial) -> None:
    """Continue logs wrongly in one thing each: in entry 0, in the membership, in the numbers."""
    await _beginnings(trial)
    for delta, change in _CLOSINGS:

        def act(world: World, bad: bool, change: Change = change) -> tuple[SiteLog, Written]:
            old = world.sites["at"]
            wrong, body = change(world, old) if bad else (begin_next(world, old), {})
            log = world.coordinator
            written = log.append(
                "site_membership/1",
                world.membership("at") | closing(old, wrong) | body,
                entity=world.member_entity("at"),
            )
            return log, written

        await is_void(trial, "mem.epoch", act, delta=delta)

    def same(world: World, bad: bool) -> tuple[SiteLog, Written]:
        old, log = world.sites["at"], world.coordinator
        more: Body = {"epoch": begin_next(world, old).entries[0]} if bad else {}
        body = world.membership("at") | more
        written = log.append("site_membership/1", body, entity=world.member_entity("at"))
        return log, written

    await is_void(trial, "mem.epoch", same, delta="the same log with an entry 0")

    def suspended(world: World, bad: bool) -> tuple[SiteLog, Written]:
        old, log = world.sites["at"], world.coordinator
        world.change_membership("at", status="suspended")
        if not bad:
            world.change_membership("at", status="admitted")
        body = world.membership("at") | closing(old, begin_next(world, old))
        written = log.append(
            "site_membership/1", body | {"status": "admitted"}, entity=world.member_entity("at")
        )
        return log, written

    await is_void(trial, "mem.epoch", suspended, delta="of who was not admitted before")
    await _numbers(trial)

    def begins(world: World, bad: bool) -> SiteLog:
        new = go_on(world, "at")
        if bad:
            other = go_on(world, "at", is_named=False)
            other.state(world.coordinator)
            world.sites["at"] = other
            return other
        return new

    await is_refused(trial, "mem.epoch", begins, delta="begins otherwise than it is named")


async def _beginnings(trial: Trial) -> None:
    """EPOCH-1: who continues what, and where that stands."""

    def later(world: World, bad: bool) -> tuple[SiteLog, Written]:
        old, new = world.sites["at"], go_on(world, "at")
        before = new.keys_id
        keys: list[tuple[str, SigningKey]] = [(role, new.keys[role]) for role in ROLES]
        more: Body = {"continues": end_of(old)} if bad else {}
        written = new.name_keys(keys, **more)
        if bad:
            new.keys_id = before
        return new, written

    await is_void(trial, "mem.epoch", later, delta="continues another in a later record")
    for delta, origin in (
        ("continues a log of another site", "hu/0"),
        ("continues no log of this epoch's", "si/7"),
    ):

        def alone(world: World, bad: bool, origin: str = origin) -> SiteLog:
            log = world.begin("si")
            end: Body = {"origin": f"{world.name}/{origin}", "root": bytes(32), "size": 5}
            log.name_keys(**({"continues": end} if bad else {}))
            log.state()
            world.enroll("si", origin=log.origin, root=log.keys["root"].public, urls=["http://si"])
            world.coordinator.state()
            world.sites["si"] = log
            return log

        await is_refused(trial, "mem.untrusted", alone, delta=delta)


Change: TypeAlias = Callable[[World, SiteLog], tuple[SiteLog, Body]]


def _other_end(world: World, old: SiteLog) -> tuple[SiteLog, Body]:
    return begin_next(world, old, size=old.size - 1), {}


def _other_site(world: World, old: SiteLog) -> tuple[SiteLog, Body]:
    return begin_next(world, old, origin=f"{world.name}/hu/2"), {"origin": f"{world.name}/at/2"}


def _other_key(world: World, old: SiteLog) -> tuple[SiteLog, Body]:
    return begin_next(world, old, key=SigningKey(world.source.randbytes(32))), {}


def _no_keys(world: World, old: SiteLog) -> tuple[SiteLog, Body]:
    new = begin_next(world, old)
    return new, {"epoch": new.entries[1]}


def _two_on(world: World, old: SiteLog) -> tuple[SiteLog, Body]:
    return begin_next(world, old, origin=f"{world.name}/at/3"), {}


def _ends_elsewhere(world: World, old: SiteLog) -> tuple[SiteLog, Body]:
    ends: Body = {"origin": old.origin, "size": old.size + 1}
    return begin_next(world, old), {"ends": ends}


def _damaged(world: World, old: SiteLog) -> tuple[SiteLog, Body]:
    new = begin_next(world, old)
    entry = new.entries[0]
    return new, {"epoch": entry[:-1] + bytes([entry[-1] ^ 1])}


_CLOSINGS: Final[tuple[tuple[str, Change], ...]] = (
    ("entry 0 names another end than the membership", _other_end),
    ("entry 0 of another site's log", _other_site),
    ("entry 0 by another root key", _other_key),
    ("entry 0 is no key record", _no_keys),
    ("an epoch is left out", _two_on),
    ("the membership names another end than entry 0", _ends_elsewhere),
    ("entry 0 is damaged", _damaged),
)


async def _numbers(trial: Trial) -> None:
    """EPOCH-6: whoever goes on gives no number that the log before may have given."""
    for delta, is_next, right, wrong in (
        ("a number of epoch 1 in epoch 2", True, "000200000", "000000"),
        ("a number of epoch 3 in epoch 2", True, "000200000", "000300000"),
        ("a number of epoch 2 in epoch 1", False, "000000", "000200000"),
        ("a number of epoch 1 in nine digits", False, "000000", "000100000"),
    ):

        def act(
            world: World,
            bad: bool,
            is_next: bool = is_next,
            names: tuple[str, str] = (right, wrong),
        ) -> tuple[SiteLog, Written]:
            log = go_on(world, "at") if is_next else world.sites["at"]
            body = world.decision(
                "grant",
                f"SOPRO/AT0/001/{names[bad]}",
                offering=world.offer(log),
                scheme=SCHEME,
                status_index=log.grants,
            )
            log.grants += not bad
            return log, log.append("label_decision/1", body)

        await is_void(trial, "lbl.competence", act, delta=delta)
