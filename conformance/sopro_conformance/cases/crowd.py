"""HOS-19: many peers that misbehave at once, and two that do not."""

import asyncio
import time
from pathlib import Path
from typing import Final

from sopro_conformance.case import case
from sopro_conformance.cases.staged import ENTRIES, HEAD, fresh, goes_on, head_of
from sopro_conformance.trial import Trial
from sopro_conformance.world.client import wait_until
from sopro_conformance.world.lies import (
    PORTAL,
    bomb,
    cut_after,
    drip,
    flip,
    flood,
    never,
    no_http,
    packed_wrongly,
    promise,
    redirect,
    say,
    stall,
    twist,
)
from sopro_conformance.world.scene import Peer
from sopro_conformance.world.server import Lie

_SHORT: Final = 60.0
_LONG: Final = 600.0
_LAG: Final = 10.0
_GROWTH: Final = 384 * 1024 * 1024
"""Bytes that all processes behind the adapter may grow by: a bundle's limit, several times."""


def _lies(peer: Peer, number: int) -> tuple[str, Lie]:
    kinds: list[tuple[str, Lie]] = [
        (HEAD, never),
        (HEAD, stall),
        (HEAD, drip),
        (HEAD, flood),
        (HEAD, bomb(40)),
        (HEAD, say(PORTAL)),
        (HEAD, no_http),
        (HEAD, redirect("http://169.254.169.254/")),
        (HEAD, packed_wrongly()),
        (HEAD, twist(lambda _: head_of(peer, size=2))),
        (ENTRIES, flood),
        (ENTRIES, drip),
        (ENTRIES, twist(flip(-50))),
        (ENTRIES, cut_after(20)),
        (ENTRIES, promise(2**30)),
        (HEAD, say(b"", status=500)),
        (ENTRIES, say(b"")),
        (HEAD, cut_after(10)),
        (ENTRIES, bomb(40)),
        (".*", never),
    ]
    return kinds[number % len(kinds)]


def memory_of(process: int | None) -> int:
    """Return the bytes that a process and all it has started take; 0 where that is not known."""
    if process is None or not Path("/proc/self/task").exists():
        return 0
    total = 0
    waiting = [process]
    while waiting:
        folder = Path(f"/proc/{waiting.pop()}")
        try:
            fields = (folder / "statm").read_text().split()
            total += int(fields[1]) * 4096
            for task in (folder / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, ValueError, IndexError):
            continue
    return total


@case(
    "HOS-19",
    "Twenty peers that misbehave at once do not keep two others from being followed.",
    clauses="EXCH-9 SYNC-7 EXCH-6",
    profiles="peer",
    verbs="start sync",
)
async def crowd(trial: Trial) -> None:
    """Let twenty peers misbehave for a while, each in its way, and two grow meanwhile."""
    scene = trial.scene
    good = [await fresh(trial), await fresh(trial)]
    bad = [await fresh(trial) for _ in range(20)]
    before = memory_of(trial.candidate.process_id)
    for number, peer in enumerate(bad):
        about, lie = _lies(peer, number)
        peer.server.misbehave(peer.path + about, lie)
        scene.grow(peer)
        await peer.server.announce(peer.log)
    lags, peak = [], before
    end = time.monotonic() + (_LONG if scene.is_long else _SHORT)
    try:
        while time.monotonic() < end:
            for peer in good:
                scene.grow(peer)
                await peer.server.announce(peer.log)
                began = time.monotonic()
                await wait_until(lambda one=peer: scene.holds(one), within=3 * _LAG)  # type: ignore[misc]  # mypy infers no default
                lags.append(time.monotonic() - began)
            peak = max(peak, memory_of(trial.candidate.process_id))
            await asyncio.sleep(0.2)
    finally:  # what comes after this case is tried among peers that are well
        for peer in bad:
            peer.server.behave()
    reached = [one.code for one in bad if one.server.asked]
    trial.need(len(reached) == len(bad), "not every peer that misbehaves was asked")
    lag, slowest = sorted(lags)[len(lags) * 19 // 20], max(lags)
    trial.check(
        f"{len(lags)} heads of the two others",
        holds=max(lag, slowest / 3) < _LAG * trial.candidate.deadline,
        expected=f"19 of 20 mirrored within {_LAG:.0f} seconds, each within {3 * _LAG:.0f}",
        actual=f"19 of 20 within {lag:.1f} s, the slowest {slowest:.1f} s",
    )
    trial.check(
        "the memory of all processes behind the adapter",
        holds=peak - before < _GROWTH,
        expected=f"grows by less than {_GROWTH // 2**20} MiB",
        actual=f"grew by {(peak - before) // 2**20} MiB",
    )
    await goes_on(trial)
