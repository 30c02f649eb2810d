"""MEM-25 and MEM-23: members decide how the coordinator's log goes on, and who goes on with it."""

import hashlib
from typing import Any, Final

from sopro_conformance.case import case
from sopro_conformance.cases.anchors import decide
from sopro_conformance.cases.forked import is_proven, listed_evidence
from sopro_conformance.cases.staged import TILES
from sopro_conformance.trial import Trial
from sopro_conformance.wire.proof import write_add_checkpoint
from sopro_conformance.world.client import Reply, wait_until, words
from sopro_conformance.world.lies import falter
from sopro_conformance.world.scene import Peer, Scene
from sopro_conformance.world.served import prefix_of
from sopro_conformance.world.server import Server
from sopro_conformance.world.sitelog import SiteLog
from sopro_conformance.world.succession import digest_of, leave, state_members, take_over

_SETTLED: Final = 30.0
_TURNS: Final = 3


async def _land(trial: Trial, scene: Scene) -> list[Peer]:
    """Have the candidate be one of three members, and hold the logs of the others."""
    await scene.join()
    peers = [await scene.new_peer(1) for _ in range(2)]
    for one in peers:
        code = await scene.catches_up(one)
        trial.need(not code, f"a new peer is not mirrored ({code})")
    return peers


async def _is_held(trial: Trial, scene: Scene, log: SiteLog, what: str, expected: str) -> None:
    """Check which history of a log the candidate serves."""
    head = await scene.mirrored(log.origin)
    holds = head is not None and head.size <= log.size and head.root == log.tree.root(head.size)
    trial.check(
        what,
        holds=holds,
        expected=expected,
        actual="as expected" if holds else f"size {head.size if head else 0} of another history",
    )


async def _anchor(trial: Trial, scene: Scene, peer: Peer, body: dict[str, Any]) -> None:
    """Have a member decide, and the candidate hear of it."""
    peer.log.append("anchor/1", body)
    peer.log.state(scene.world.coordinator)
    code = await scene.catches_up(peer)
    trial.need(not code, f"a member's decision is not mirrored ({code})")


async def _some_turns(scene: Scene, peer: Peer) -> None:
    """Give the candidate the time in which it would act, if it did."""
    for _ in range(_TURNS):
        scene.grow(peer)
        await scene.catches_up(peer)
        await scene.sync(scene.world.coordinator.origin)


@case(
    "MEM-25",
    "Enough members settle for ever which history of the coordinator's log holds, and nobody less.",
    clauses="ANCHOR-4 ANCHOR-5 ANCHOR-6 ANCHOR-7 ANCHOR-9 ANCHOR-10 EVID-11",
    profiles="peer",
    verbs="start sync view evidence kill9",
    apart=True,
)
async def settled(trial: Trial) -> None:
    """Show two lists of members; let others decide for the one that the candidate does not hold."""
    async with trial.another_scene() as scene:
        early = await _land(trial, scene)
        held = scene.world.coordinator
        other = held.fork(held.size)
        parting = other.size + 1
        # Whom the history admits that the candidate holds: then two of three are two of five.
        late = [await scene.new_peer(1) for _ in range(2)]
        await scene.sync(held.origin)
        marked = [(one, one.log.state(held)) for one in early]
        size = held.size
        while other.size <= size:
            other.state()
        for one in early + late:
            await scene.catches_up(one)
        scene.coordinator.serve(other)
        code = await scene.sync(held.origin)
        trial.need(code == "hos.fork", f"two lists are not told apart ({code})")
        itself = Peer("eu", held, scene.coordinator, early[0].witness)
        await is_proven(trial, scene, itself, "of two lists")
        unshown, shown = decide(other, held, size, leaves=None), decide(other, held, parting)
        for what, deciding, body in (
            ("three of five decide, and nobody shows where they part", [*early, late[0]], unshown),
            ("one of those of before decides", early[:1], shown),
            ("two of three of before decide, who are two of five today", early[1:], shown),
        ):
            for one in deciding:
                await _anchor(trial, scene, one, body)
            await _some_turns(scene, early[0])
            await _is_held(trial, scene, held, what, "the history that it held")
        await _anchor(trial, scene, late[0], shown)
        await _goes_over(trial, scene, other)
        await _forgets(trial, scene, marked, other)
        await _lasts(trial, scene, held, other)


async def _goes_over(trial: Trial, scene: Scene, other: SiteLog) -> None:
    async def has_gone_over() -> bool:
        await scene.sync(other.origin)
        head = await scene.mirrored(other.origin)
        return head is not None and (head.size, head.root) == (other.size, other.tree.root())

    await wait_until(has_gone_over, within=_SETTLED * scene.patience)
    what = "two of three of before decide, who with another are three of five today"
    await _is_held(trial, scene, other, what, "the history that they decided for")


async def _forgets(trial: Trial, scene: Scene, marked: Any, other: SiteLog) -> None:
    """ANCHOR-7, ANCHOR-9, ANCHOR-10: what rested on the history that was given up."""
    world = scene.world
    world.coordinator = other

    async def is_judged_anew() -> bool:
        return all([await _void(scene, one, at.position) for one, at in marked])

    await trial.within(is_judged_anew, _SETTLED, "the members' logs are judged by that history")
    codes = [await _void(scene, one, at.position) for one, at in marked]
    trial.check(
        "records that name heads of the history that was given up",
        holds=set(codes) == {"sta.coordinator"},
        expected="void sta.coordinator",
        actual=str(codes),
    )
    client = await scene.start()
    reply = await client.ask("/evidence")
    listed = listed_evidence(reply)
    standing = [one for one in listed if one.get("origin") == other.origin and one.get("stands")]
    trial.check(
        "the evidence",
        holds=bool(listed) and not standing,
        expected="is kept, and stands no more",
        actual=f"{len(listed)} kept, {len(standing)} stand",
    )


async def _void(scene: Scene, peer: Peer, position: int) -> str:
    given = (await scene.ask("view", origin=peer.origin)).ok or {}
    log = given.get("logs", {}).get(peer.origin, {})
    return str(log.get("void", {}).get(str(position), ""))


async def _lasts(trial: Trial, scene: Scene, held: SiteLog, other: SiteLog) -> None:
    """ANCHOR-7, ANCHOR-9: the history that was given up does not come back."""
    tiles = prefix_of(held.origin) + TILES
    for when in ("at once", "after a kill", "with a hash tile that is there only once"):
        # Always longer, and always another head.
        while held.size <= other.size + 1:
            held.state()
        held.state()
        is_faulty = "only once" in when
        if is_faulty:
            scene.coordinator.misbehave(tiles, falter(1))
        scene.coordinator.serve(held)
        code = await scene.sync(held.origin)
        # Who does not get its tiles cannot say of which history it is.
        wanted = ("hos.fork", "hos.status", "hos.tile") if is_faulty else ("hos.fork",)
        trial.check(
            f"the history that was given up, offered again {when}",
            holds=code in wanted,
            expected=f"refused {' or '.join(wanted)}",
            actual=code or "no refusal told",
        )
        await _is_held(trial, scene, other, f"what is served, {when}", "the history that holds")
        if when == "at once":
            await scene.ask("kill9")
            await scene.ask("start")
    scene.coordinator.behave()
    scene.coordinator.serve(other)
    other.state()

    async def goes_on() -> bool:
        await scene.sync(other.origin)
        head = await scene.mirrored(other.origin)
        return head is not None and head.size == other.size

    followed = await wait_until(goes_on, within=_SETTLED * scene.patience)
    trial.check(
        "the history that holds grows",
        holds=followed,
        expected="is followed on",
        actual="as expected" if followed else "nothing more of it is taken",
    )


@case(
    "MEM-23",
    "Where members have appointed a successor, the coordinator's old keys lead nobody further.",
    clauses="SUCC-6 SUCC-7",
    profiles="peer",
    verbs="start sync",
    apart=True,
)
async def succeeded(trial: Trial) -> None:
    """Appoint a successor; let the old keys go on, then the successor, then the old keys again."""
    async with trial.another_scene() as scene:
        peers = await _land(trial, scene)
        world, server = scene.world, Server()
        old = world.coordinator
        await server.start()
        try:
            await _appoint(trial, scene, peers, server, old)
        finally:
            await server.stop()


async def _appoint(
    trial: Trial, scene: Scene, peers: list[Peer], server: Server, old: SiteLog
) -> None:
    world = scene.world
    left = leave(world)
    server.serve(old, size=left.size)
    scene.coordinator.serve(old, size=left.size)
    await scene.sync(old.origin)
    head = await scene.mirrored(old.origin)
    trial.need(head is not None and head.size == left.size, "the twin is not taken")
    is_witness = (await _cosign(scene, old, left.size)).status == 200
    mark = server.mark()
    approvals = []
    for one in peers:
        written = one.log.append("anchor/1", left.body(urls=[server.url]))
        approvals.append(written.entry)
        one.log.state(old)
        code = await scene.catches_up(one)
        trial.need(not code, f"a member's appointment is not mirrored ({code})")
    # It should ask there, which shows that it has counted; it need not.
    await server.wait_asked(".*", since=mark, within=_SETTLED * scene.patience / 2)
    state_members(world)
    for node in (server, scene.coordinator):
        node.serve(old)
    await _refused(trial, scene, old, left.size, "the old keys go on")
    if is_witness:
        reply = await _cosign(scene, old, old.size)
        trial.check(
            "a head by the old keys, to be cosigned",
            holds=reply.status in (403, 409, 422),
            expected="403, 409 or 422, and no cosignature",
            actual=words(reply)[:120],
        )
    new = old.fork(left.size)
    take_over(left._replace(log=new), left.proof(approvals))
    new.state(members=digest_of(left.voters))
    for node in (server, scene.coordinator):
        node.serve(new)

    async def is_taken() -> bool:
        await scene.sync(new.origin)
        shown = await scene.mirrored(new.origin)
        return shown is not None and (shown.size, shown.root) == (new.size, new.tree.root())

    await trial.within(is_taken, _SETTLED, "the log of the successor is taken")
    trial.check("the successor goes on", holds=True, expected="is taken", actual="as expected")
    while old.size <= new.size:
        old.state()
    for node in (server, scene.coordinator):
        node.serve(old)
    await _refused(trial, scene, old, new.size, "the old keys come back")


async def _cosign(scene: Scene, log: SiteLog, size: int) -> Reply:
    """Ask the candidate's witness, if it is one, to cosign a head."""
    client = await scene.start()
    name = hashlib.sha256(log.origin.encode()).hexdigest()
    last = await client.ask(f"/witness/{name}/checkpoint")
    old = int(last.body.split(b"\n")[1]) if last.status == 200 else 0
    request = write_add_checkpoint(old, log.tree.consistency(old, size), log.checkpoint(size))
    return await client.ask("/witness/add-checkpoint", method="POST", body=request)


async def _refused(trial: Trial, scene: Scene, log: SiteLog, size: int, what: str) -> None:
    code = await scene.sync(log.origin)
    head = await scene.mirrored(log.origin)
    trial.check(
        what,
        holds=code == "hos.fork" and head is not None and head.size == size,
        expected=f"refused hos.fork, the mirror stays at {size}",
        actual=f"refused {code or 'nothing'}, the mirror at {head.size if head else 0}",
    )
