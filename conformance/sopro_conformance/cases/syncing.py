"""SYN: the candidate as a mirror of other sites' logs."""

import asyncio
from typing import Any

from sopro_conformance.case import case
from sopro_conformance.cases.staged import (
    ENTRIES,
    HEAD,
    MANY,
    TILES,
    Poison,
    fresh,
    goes_on,
    refuses_all,
)
from sopro_conformance.trial import Trial
from sopro_conformance.world.client import words
from sopro_conformance.world.federation import status_of
from sopro_conformance.world.lies import cut_after, say, stall
from sopro_conformance.world.scene import Peer
from sopro_conformance.world.served import WIDTH, render, resource_path

_VERBS = "start sync"
_DAY = "2026-03-15"


async def is_mirrored(trial: Trial, peer: Peer, what: str) -> None:
    """Check that the candidate serves a peer's log byte by byte."""
    client, log = await trial.node(), peer.log
    wrong = [] if await trial.scene.holds(peer) else ["its checkpoint"]
    for number in range(-(-log.size // WIDTH)):
        width = min(WIDTH, log.size - number * WIDTH)
        for kind in ("tile/0", "tile/entries"):
            path = resource_path(kind, number, width)
            reply = await client.ask(f"{peer.path}/{path}")
            if reply.status != 200 or reply.body != render(log, path, log.size):
                wrong.append(f"{path}: {words(reply)[:80]}")
    trial.check(
        what,
        holds=not wrong,
        expected=f"{log.size} entries, served as their own site serves them",
        actual="; ".join(wrong[:3]) or "as expected",
    )


@case(
    "SYN-01",
    "A log is mirrored from nothing, byte by byte.",
    clauses="EXCH-1 EXCH-5 SYNC-1 SYNC-3 SYNC-5",
    profiles="peer",
    verbs=_VERBS,
)
async def cold(trial: Trial) -> None:
    """Admit sites with short and long logs."""
    await trial.member()
    for count in (0, 300, 3000):
        peer = await trial.scene.new_peer(count)
        await trial.scene.catches_up(peer)
        await is_mirrored(trial, peer, f"a site that begins with {peer.log.size} entries")


@case(
    "SYN-02",
    "What is held is not fetched again.",
    clauses="SYNC-4 SYNC-5 EXCH-5",
    profiles="peer",
    verbs=_VERBS,
)
async def incremental(trial: Trial) -> None:
    """Let a log grow in steps, and look at what is asked for."""
    peer = await fresh(trial, 300)
    mark = peer.server.mark()
    for count in (1, 10, 300):
        trial.scene.grow(peer, count)
        await trial.scene.catches_up(peer)
        await is_mirrored(trial, peer, f"{count} records more")
    first = rf"{peer.path}/(bundle|tile/entries)/000"
    again = peer.server.since(mark, first)
    trial.check(
        "the first bundle, which was held in full",
        holds=not again,
        expected="not fetched again",
        actual=f"fetched {len(again)} times",
    )


@case(
    "SYN-03",
    "A pull that breaks off leaves nothing behind that is not verified.",
    clauses="EXCH-5 SYNC-5 SYNC-7",
    profiles="peer",
    verbs="start sync kill9",
)
async def interrupted(trial: Trial) -> None:
    """Break connections after some bytes, and kill the candidate in the middle of a pull."""
    peer = await fresh(trial)
    codes = "hos.content hos.unreachable hos.timeout"
    poisons = [
        Poison(f"{about} breaks off after {size} bytes", about, cut_after(size), codes)
        for about in (HEAD, ENTRIES)
        for size in (0, 1, 60, 150)
    ]
    await refuses_all(trial, peer, poisons)
    scene = trial.scene
    scene.grow(peer, MANY)
    before = await scene.mirrored(peer.origin)
    mark = peer.server.mark()
    peer.server.misbehave(f"{peer.path}/(bundle|tile/entries)/002", stall)
    pull = asyncio.ensure_future(scene.adapter.ask("sync", origin=peer.origin))
    within = 20 * scene.patience
    asked = await peer.server.wait_asked(f"{peer.path}{ENTRIES}", since=mark, within=within)
    trial.need(asked, "the peer's new entries were never fetched")
    await scene.ask("kill9")
    await asyncio.gather(pull)
    await scene.ask("start")
    after = await scene.mirrored(peer.origin)
    trial.check(
        "killed in the middle of a pull",
        holds=after is not None and before is not None and after.text == before.text,
        expected="the head of before is served",
        actual=f"size {after.size if after else 0}, before {before.size if before else 0}",
    )
    peer.server.behave()
    await scene.catches_up(peer)
    await is_mirrored(trial, peer, "the rest, after the restart")


@case(
    "SYN-04",
    "A mirror moves only with the last entry of a head.",
    clauses="SYNC-3 SYNC-4 SYNC-5 SYNC-7",
    profiles="peer",
    verbs=_VERBS,
)
async def withheld(trial: Trial) -> None:
    """Serve everything but the last bundle, and everything but a tile."""
    peer = await fresh(trial)
    gone = say(b"{}", status=404)
    last = r"/(bundle|tile/entries)/.*\.p/.*"
    await refuses_all(
        trial,
        peer,
        [
            Poison("the last bundle is missing", last, gone, "hos.status"),
            Poison("the last of many bundles is missing", last, gone, "hos.status", MANY),
            Poison("a tile is missing", TILES, gone, "hos.status hos.tile", MANY),
        ],
    )


@case(
    "SYN-05",
    "Whoever holds a log can stand in for the site whose it is.",
    clauses="EXCH-8 SYNC-9",
    profiles="peer",
    verbs=_VERBS,
)
async def stand_in(trial: Trial) -> None:
    """Take a site's node away, and offer its log at the coordinator's."""
    peer = await fresh(trial)
    scene = trial.scene
    scene.grow(peer, 5)
    await peer.server.stop()
    try:
        scene.coordinator.serve(peer.log)
        mark = scene.coordinator.mark()
        await scene.sync(peer.origin)
        trial.need(
            scene.coordinator.since(mark, peer.path + HEAD), "no other node was asked for the log"
        )
        await is_mirrored(trial, peer, "a log whose own node is away")
    finally:
        scene.coordinator.logs.pop(peer.path, None)
        await peer.server.start()
    await goes_on(trial)


async def label_status(trial: Trial, number: str) -> Any:
    """Ask the candidate how a label stands."""
    return status_of((await trial.scene.ask("view", label=number, day=_DAY)).ok, number)


@case(
    "SYN-06",
    "Who holds the same logs comes to the same states, in whatever order they came.",
    clauses="VOID-2 VOID-16 EXCH-5",
    profiles="peer",
    verbs="start sync view",
)
async def convergence(trial: Trial) -> None:
    """Grant and suspend labels in three logs, and have them pulled in an order of chance."""
    await trial.member()
    scene = trial.scene
    peers = [await scene.new_peer() for _ in range(3)]
    wanted: dict[str, str] = {}
    for step in range(4):
        for peer in trial.random.sample(peers, 3):
            number = scene.world.number(peer.log)
            granted = scene.world.grant(peer.log, number)
            wanted[number] = "active"
            if (step + peers.index(peer)) % 2:
                body = scene.world.decision("suspend", number)
                peer.log.append("label_decision/1", body, entity=granted.entity)
                wanted[number] = "suspended"
            peer.log.state(scene.world.coordinator)
        for peer in trial.random.sample(peers, 2):
            await scene.sync(peer.origin)
    for peer in peers:
        await scene.catches_up(peer)
    found = {number: await label_status(trial, number) for number in wanted}
    trial.check(
        f"{len(wanted)} labels of three sites",
        holds=found == wanted,
        expected=str(wanted),
        actual=str(found),
    )


@case(
    "SYN-07",
    "A node whose peer fails asks again later, not at once.",
    clauses="SYNC-7",
    profiles="peer",
    must=False,
    verbs=_VERBS,
)
async def politeness(trial: Trial) -> None:
    """Answer 503 for a while, and count."""
    peer = await fresh(trial)
    busy = say(b"", status=503, headers={"Retry-After": "5"})
    peer.server.misbehave(".*", busy)
    await trial.scene.sync(peer.origin)
    mark = peer.server.mark()
    await peer.server.wait_asked("nothing", since=mark, within=3)
    asked = peer.server.since(mark, peer.path + HEAD)
    trial.check(
        "three seconds of 503 with Retry-After",
        holds=len(asked) <= 6,
        expected="at most 6 requests for its head",
        actual=f"{len(asked)} requests",
    )
    peer.server.behave()
    code = await trial.scene.catches_up(peer)
    trial.need(not code, f"the peer is not mirrored once it is well ({code})")


@case(
    "SYN-08",
    "A head that could not be confirmed is not shown as current.",
    clauses="SYNC-9 MEM-6",
    profiles="peer",
    verbs="start sync view",
)
async def staleness(trial: Trial) -> None:
    """Have a peer fail, and look at what is said of its log."""
    peer = await fresh(trial)
    for is_well in (True, False, True):
        if not is_well:
            peer.server.misbehave(".*", say(b"", status=503))
        await (trial.scene.catches_up(peer) if is_well else trial.scene.sync(peer.origin))
        given = (await trial.scene.ask("view", origin=peer.origin)).ok or {}
        trial.check(
            "a peer that answers" if is_well else "a peer that fails",
            holds=given.get("stale") is not is_well and given.get("size") == peer.log.size,
            expected=f"size {peer.log.size}, stale {not is_well}",
            actual=f"size {given.get('size')}, stale {given.get('stale')}",
        )
        peer.server.behave()


@case(
    "SYN-09",
    "Nobody sees half of what an entry does.",
    clauses="EXCH-5 SYNC-5",
    profiles="peer",
    verbs="start sync view",
)
async def whole(trial: Trial) -> None:
    """Read a label and the mirror's head again and again while a long log comes."""
    await trial.member()
    scene = trial.scene
    peer = await scene.new_peer()
    number = scene.world.number(peer.log)
    scene.grow(peer, 600)
    granted = scene.world.grant(peer.log, number)
    scene.grow(peer, 1200)
    body = scene.world.decision("suspend", number)
    peer.log.append("label_decision/1", body, entity=granted.entity)
    scene.grow(peer, 1200)
    states = {(None, None), ("active", 1), ("suspended", 2)}
    pull = asyncio.ensure_future(scene.sync(peer.origin))
    seen: set[tuple[Any, Any]] = set()
    sizes: set[int] = set()
    is_done = False
    while not is_done:
        is_done = pull.done()
        labels = ((await scene.ask("view", label=number, day=_DAY)).ok or {}).get("labels", {})
        label = labels.get(number, {})
        seen.add((label.get("status"), label.get("decisions")))
        head = await scene.mirrored(peer.origin)
        sizes.add(head.size if head else 0)
    await pull
    trial.check(
        "the label meanwhile",
        holds=seen <= states and ("suspended", 2) in seen,
        expected=f"one of {states}",
        actual=str(seen),
    )
    trial.check(
        "the mirror's head meanwhile",
        holds=sizes <= {0, peer.log.size} and peer.log.size in sizes,
        expected=f"none, then size {peer.log.size}",
        actual=str(sizes),
    )


@case(
    "SYN-11",
    "A new member is followed without a restart.",
    clauses="MEM-2 MEM-3 SYNC-1",
    profiles="peer",
    verbs="start sync view",
)
async def new_member(trial: Trial) -> None:
    """Admit a site while the candidate runs, and one that nobody has admitted."""
    await trial.member()
    scene = trial.scene
    peer = await scene.new_peer(3)

    async def is_followed() -> bool:
        return await scene.holds(peer)

    await trial.within(is_followed, 30, "a new member's log is mirrored without being told to")
    await is_mirrored(trial, peer, "a site that was admitted meanwhile")
    given = (await scene.ask("view", members=True)).ok or {}
    members = given.get("members", {})
    expected = {"admitted"}
    trial.check(
        "the list of members",
        holds={members.get(one) for one in scene.peers} == expected,
        expected=f"{sorted(scene.peers)} admitted",
        actual=str(members),
    )
