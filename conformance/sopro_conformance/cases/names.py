"""HOS-40: names that lead where no node may be called, or somewhere else each time."""

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from sopro_conformance.case import Check, Verdict, case
from sopro_conformance.cases.staged import fresh, goes_on
from sopro_conformance.trial import Trial
from sopro_conformance.world.canary import Canary
from sopro_conformance.world.names import Addresses
from sopro_conformance.world.scene import Peer

GOOD: Final = "127.0.0.1"
_FORBIDDEN: Final = ("127.0.0.2", "::1")
"""Addresses of this machine beyond those that `start` has allowed; one is enough."""
_TIMES: Final = 4
"""So often a name that changes has to have led either way."""


@contextlib.asynccontextmanager
async def forbidden(trial: Trial, peer: Peer) -> AsyncIterator[Canary]:
    """Listen beside a peer, on its port, at an address that may not be called."""
    for host in _FORBIDDEN:
        canary = Canary(host, peer.server.port)
        try:
            await canary.__aenter__()
        except OSError:
            continue
        try:
            yield canary
        finally:
            await canary.__aexit__(None, None, None)
        return
    trial.need(False, f"this machine has none of the addresses {_FORBIDDEN} to listen at")


@case(
    "HOS-40",
    "A name is resolved once for a connection, and only judged addresses are called.",
    clauses="REACH-2 REACH-3",
    profiles="peer",
    verbs="start sync",
    feature="name-server",
)
async def rebinding(trial: Trial) -> None:
    """Give a peer names with good and forbidden addresses, side by side and in turn."""
    peer = await fresh(trial)
    async with forbidden(trial, peer) as canary:
        bad = canary.host
        await _named(trial, peer, "good", lambda _: [GOOD], "")
        await _named(trial, peer, "bad", lambda _: [bad], "hos.address")
        await _named(trial, peer, "both", lambda _: [GOOD, bad], "hos.address")
        await _named(trial, peer, "both-turned", lambda _: [bad, GOOD], "hos.address")
        await _changes(trial, peer, "in-turn", lambda before: [bad if before % 2 else GOOD])
        await _changes(trial, peer, "in-turn-back", lambda before: [GOOD if before % 2 else bad])
        trial.check(
            f"the listener at {bad}, which may not be called",
            holds=not canary.calls,
            expected="0 connections",
            actual=f"{canary.calls} connections",
        )
        await _move(trial, peer, peer.server.url)
    code = await trial.scene.catches_up(peer)
    trial.need(not code, f"the peer is not mirrored at its old address ({code})")
    await goes_on(trial)


async def _move(trial: Trial, peer: Peer, url: str) -> None:
    """Have the peer's membership name another address."""
    scene = trial.scene
    scene.world.change_membership(peer.code, urls=[url])
    await scene.publish()
    await scene.sync(scene.world.coordinator.origin)


async def _enter(trial: Trial, peer: Peer, label: str, addresses: Addresses) -> str:
    """Give the peer a name of its own and have the membership say it."""
    name = f"{label}.{peer.code}.conformance.example"
    trial.scene.names.vary(name, addresses)
    await _move(trial, peer, f"http://{name}:{peer.server.port}")
    trial.scene.grow(peer)
    return name


async def _named(trial: Trial, peer: Peer, label: str, addresses: Addresses, expected: str) -> None:
    """Check what becomes of a name whose addresses stay."""
    scene = trial.scene
    before = await scene.mirrored(peer.origin)
    name = await _enter(trial, peer, label, addresses)
    code = await scene.sync(peer.origin) if expected else await scene.catches_up(peer)
    after = await scene.mirrored(peer.origin)
    stays = (before.text if before else "") == (after.text if after else "")
    told = scene.names.told(name)
    delta = f"a name that leads to {' and '.join(addresses(0))}"
    if not told:
        verdict = Verdict.NOT_MEASURED
    elif code != expected or stays != bool(expected):
        verdict = trial.failed
    else:
        verdict = Verdict.PASS
    said = f"refused {code}" if code else "no refusal told"
    trial.checks.append(
        Check(
            delta,
            verdict,
            f"refused {expected}, the mirror stays" if expected else "the log is followed there",
            f"{said}, the mirror {'stays' if stays else 'moves'}, resolved {len(told)} times",
        )
    )
    if not expected:
        trial.need(not code, f"{delta}: {code}, so names of the world lead nowhere")


async def _changes(trial: Trial, peer: Peer, label: str, addresses: Addresses) -> None:
    """Have the candidate call a name that leads elsewhere every other time."""
    scene = trial.scene
    name = await _enter(trial, peer, label, addresses)

    async def has_led_both_ways() -> bool:
        scene.grow(peer)
        await scene.sync(peer.origin)
        told = scene.names.told(name)
        return min(told.count((GOOD,)), len(told) - told.count((GOOD,))) >= _TIMES

    await trial.within(has_led_both_ways, 20, f"{name} is resolved {2 * _TIMES} times")
