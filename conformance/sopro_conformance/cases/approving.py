"""MEM: who can replace a root key that is lost."""

from collections.abc import Sequence
from functools import partial
from typing import Final, TypeAlias

from sopro_conformance.case import case
from sopro_conformance.cases.judged import is_void
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.world.federation import World
from sopro_conformance.world.sitelog import SiteLog, Written

_Made: TypeAlias = tuple[SiteLog, Written]
_INVENTED: Final = ("xa", "xb", "xc")


def _begin(world: World) -> None:
    """Have the coordinator make members of its own, which everybody knows."""
    for code in _INVENTED:
        world.sites[code] = world.found(code)
        world.change_membership(code)
    world.coordinator.state()
    for log in world.sites.values():
        log.state(world.coordinator)


def _approved(world: World, approvers: Sequence[str]) -> tuple[dict[str, Value], Written]:
    """Have sites approve a new root key of `at`, which has named hu and si for that."""
    log = world.sites["at"]
    mandate = log.name_keys(None, approvers=["hu", "si"])
    log.state(world.coordinator)
    root = SigningKey(world.source.randbytes(32)).public
    body = {"before": world.membership("at")["root"], "origin": log.origin, "root": root}
    approvals: list[Value] = []
    for code in approvers:
        approvals.append(world.sites[code].append("key_recovery/1", body).entry)
        world.sites[code].state(world.coordinator)
    return {"approvals": approvals, "root": root}, mandate


@case(
    "MEM-12",
    "Only whom a site has named can replace its root key.",
    clauses="MEM-10 STATE-15",
)
async def approved_roots(trial: Trial) -> None:
    """Name a root key by approvals of sites that the coordinator has made, and by too few."""

    def act(world: World, bad: bool, by: Sequence[str], *, mandated: bool = True) -> _Made:
        _begin(world)
        changes, mandate = _approved(world, by if bad else ("hu", "si"))
        if mandated or not bad:
            changes["mandate"] = mandate.entry
        body, entity = world.membership("at") | changes, world.member_entity("at")
        return world.coordinator, world.coordinator.append("site_membership/1", body, entity=entity)

    for delta, one in (
        ("members that the coordinator has made", partial(act, by=_INVENTED)),
        ("one of two, and members that it has made", partial(act, by=("hu", *_INVENTED))),
        ("one of two", partial(act, by=("hu",))),
        ("without what the site has named", partial(act, by=("hu", "si"), mandated=False)),
    ):
        await is_void(trial, "mem.key", one, delta=delta, sites="at hu si")

    def keys(world: World, bad: bool) -> _Made:
        log = world.sites["at"]
        before = log.keys_id
        written = log.name_keys(None, approvers=["si", "hu"] if bad else ["hu", "si"])
        log.keys_id = before if bad else written.id
        return log, written

    await is_void(trial, "mem.key", keys, delta="approvers out of order")
