"""MEM-26, MEM-27: what others say of two histories, and a history that was abandoned."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sopro_conformance.adapter import unpack
from sopro_conformance.case import case
from sopro_conformance.cases.forked import evidence_id, evidence_of, fork, is_proven, stays
from sopro_conformance.cases.staged import HEAD, fresh, goes_on, head_of
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import decode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import read_checkpoint
from sopro_conformance.world.accusation import describe, vouch, write
from sopro_conformance.world.client import wait_until
from sopro_conformance.world.scene import Peer, organisation
from sopro_conformance.world.sitelog import SiteLog

_HEARD: Final = 60.0
"""Seconds in which every member has been asked for what it keeps."""
_LISTENS: Final = 10.0
"""Seconds in which a candidate that hears events has begun to listen to a member's."""


def part(log: SiteLog) -> SiteLog:
    """Return another history of a peer's log, which parts from it at its last entry."""
    other = log.fork(log.size - 1)
    other.append("organisation/1", organisation(log.site))
    other.append("organisation/1", organisation(log.site))
    return other


async def tell(peer: Peer, files: Sequence[bytes]) -> None:
    """Have a peer keep evidence and tell it (EVID-8)."""
    ids = [evidence_id(one) for one in files]
    listed = []
    for name, file in zip(ids, files, strict=True):
        value = decode(file)
        heads = [read_checkpoint(note) for note, _, _ in value["heads"]]
        listed.append(
            {
                "id": name,
                "origin": value["origin"],
                "size": value["size"],
                "sizes": [one.size for one in heads],
                "roots": [root.hex() for _, root, _ in value["heads"]],
                "stands": True,
            }
        )
        peer.server.files[f"/evidence/{name}"] = file
    peer.server.files["/evidence"] = json.dumps({"evidence": listed}).encode()
    for one in listed:
        data = json.dumps({"evidence": one["id"], "origin": one["origin"]})
        await peer.server.push(f"event: evidence\ndata: {data}\n\n".encode())


def _rotate(peer: Peer) -> SigningKey:
    """Replace a peer's root and log key by its own record; return the root key of before."""
    log = peer.log
    before, log.keys["root"] = log.keys["root"], log.next_root
    log.next_root = SigningKey(log.source.randbytes(32))
    log.keys["log"] = SigningKey(log.source.randbytes(32))
    log.name_keys()
    return before


async def _follow_rotation(trial: Trial, peer: Peer) -> SigningKey:
    """Have a peer replace its root key, and the coordinator name the new one."""
    scene, log = trial.scene, peer.log
    before = _rotate(peer)
    succession = [log.entries[at] for at in log.key_positions]
    root = log.keys["root"].public
    scene.world.change_membership(peer.code, root=root, succession=succession)
    await scene.publish()
    log.state(scene.world.coordinator)
    code = await scene.catches_up(peer)
    trial.need(not code, f"a peer that has replaced its root key is not mirrored ({code})")
    return before


def _forged(trial: Trial, peer: Peer, before: SigningKey) -> list[tuple[str, bytes]]:
    """Return what accuses a peer and does not verify, each with other heads."""
    world = trial.scene.world
    membership = world.last_membership(peer.code)

    def accuse(log: SiteLog | None = None, **changes: Any) -> bytes:
        other = part(log or peer.log)
        return write(describe(log or peer.log, other, peer.log.size) | vouched, **changes)

    vouched = vouch(world, membership)
    thief = peer.log.fork(peer.log.size)
    thief.keys = {role: SigningKey(trial.random.randbytes(32)) for role in peer.log.keys}
    body = world.membership(peer.code) | {"root": thief.keys["root"].public}
    forged = world.coordinator.fork(world.coordinator.size)
    forged.keys = dict(thief.keys)
    stolen = forged.append("site_membership/1", body)
    theirs = SiteLog(trial.random, peer.origin)
    theirs.keys = thief.keys
    keys = [theirs.name_keys().entry]
    stranger = SiteLog(trial.random, "conformance.example/nobody/1")
    stranger.name_keys()
    stranger.state()
    # The root key that the site has replaced.
    former = peer.log.fork(peer.log.size)
    former.keys = dict(thief.keys) | {"root": before}
    former.name_keys()
    wrong = describe(peer.log, part(peer.log), peer.log.size)
    heads = [[note, root, [bytes(32), *proof]] for note, root, proof in wrong["heads"]]
    honest = describe(peer.log, peer.log, peer.log.size - 1, sizes=(peer.log.size - 1, 0))
    return [
        (
            "heads by keys that the log never named",
            write(describe(thief, part(thief), peer.log.size) | vouched),
        ),
        ("key records by a root key that nobody named", accuse(thief, keys=keys)),
        (
            "key records by a root key that was replaced",
            write(describe(former, part(former), former.size) | vouched),
        ),
        (
            "a membership that the coordinator did not sign",
            write(
                describe(thief, part(thief), peer.log.size)
                | vouched
                | {"keys": keys, "membership": [stolen.entry, vouched["membership"][1]]}
            ),
        ),
        ("proofs that lead elsewhere", write(wrong | vouched | {"heads": heads})),
        ("two heads of one history", write(honest | vouched)),
        (
            "a log that nobody knows",
            write(describe(stranger, part(stranger), stranger.size) | vouched),
        ),
    ]


@case(
    "MEM-26",
    "Evidence from others is believed only where it verifies, and a head that shows nothing never.",
    clauses="EVID-5 EVID-6 EVID-9",
    profiles="peer",
    verbs="start sync evidence",
)
async def accused(trial: Trial) -> None:
    """Have a peer tell of evidence that is none, against one, and of some that is, of another."""
    victim, teller = await fresh(trial, 3), await fresh(trial)
    guilty = await fresh(trial, 3)
    scene = trial.scene
    forged = _forged(trial, victim, await _follow_rotation(trial, victim))
    # That the guilty one has changed its keys accuses it all the same.
    _rotate(guilty)
    guilty.log.state(scene.world.coordinator)
    code = await scene.catches_up(guilty)
    trial.need(not code, f"a peer that has changed its keys is not mirrored ({code})")
    vouched = vouch(scene.world, scene.world.last_membership(guilty.code))
    true = write(describe(guilty.log, part(guilty.log), guilty.log.size) | vouched)
    size = victim.log.size + 50
    shown = head_of(victim, size=size, root=trial.random.randbytes(32))
    teller.server.files[victim.path + HEAD] = shown
    mark = teller.server.mark()

    async def is_listening() -> bool:
        return teller.server.listeners > 0

    # Who does not listen asks, sooner or later.
    await wait_until(is_listening, within=_LISTENS * scene.patience)
    await tell(teller, [*(one for _, one in forged), true])
    said = json.dumps(
        {"origin": victim.origin, "size": victim.log.size + 50, "note": shown.decode()}
    )
    await teller.server.push(f"event: checkpoint\ndata: {said}\n\n".encode())

    async def is_held() -> bool:
        return bool(await evidence_of(scene, guilty.origin))

    await trial.within(is_held, _HEARD, "evidence that a member keeps is asked for")
    trial.check("evidence that verifies", holds=True, expected="is kept", actual="as expected")

    async def are_asked() -> bool:
        return all(teller.server.since(mark, f"/evidence/{evidence_id(one)}") for _, one in forged)

    await trial.within(are_asked, _HEARD, "all that the member keeps is asked for")
    held = await _ids(trial)
    for what, file in forged:
        trial.check(
            f"evidence with {what}" if "log that" not in what else f"evidence against {what}",
            holds=evidence_id(file) not in held,
            expected="is not kept",
            actual="it is kept" if evidence_id(file) in held else "as expected",
        )

    async def is_compared() -> bool:
        return bool(teller.server.since(mark, victim.path + "/.*"))

    await trial.within(is_compared, _HEARD, "what a member shows of another log is looked at")
    teller.server.files.clear()
    scene.grow(victim)
    code = await scene.catches_up(victim)
    trial.check(
        "the log that was accused wrongly",
        holds=not code and not await evidence_of(scene, victim.origin),
        expected="is followed on",
        actual=f"it is not ({code})" if code else "as expected",
    )
    await stays(
        trial,
        guilty,
        what="the log that has two histories",
        expected="nothing more is taken of it",
    )
    await goes_on(trial)


async def _ids(trial: Trial) -> set[str]:
    given = (await trial.scene.ask("evidence")).ok or {}
    held = given.get("evidence")
    files = [unpack(one) for one in held] if isinstance(held, list) else []
    return {evidence_id(one) for one in files if one is not None}


@case(
    "MEM-27",
    "Of a history that was abandoned nothing is kept once the other is offered.",
    clauses="EVID-10 EVID-12",
    profiles="peer",
    verbs="start sync evidence view",
)
async def abandoned(trial: Trial) -> None:
    """Fork a peer's log; abandon the history that the candidate holds, and offer the other."""
    peer = await fresh(trial, 4)
    scene, held = trial.scene, peer.log
    await fork(trial, scene, peer, 1)
    file = await is_proven(trial, scene, peer, "at once")
    heads = [read_checkpoint(note) for note, _, _ in decode(file)["heads"]]
    mine = [one for one in heads if held.size >= one.size and held.tree.root(one.size) == one.root]
    trial.need(len(mine) == 1, "neither head of the evidence is the one that is held")
    other = _other(peer)
    peer.log = other
    await scene.sync(peer.origin)
    before = await scene.mirrored(peer.origin)
    trial.need(before is not None and before.root == held.tree.root(before.size), "it has moved")
    gone: Mapping[str, Any] = {"root": mine[0].root, "size": mine[0].size}
    scene.world.change_membership(peer.code, abandoned=[gone])
    await scene.publish()
    await scene.sync(scene.world.coordinator.origin)
    code = await scene.catches_up(peer)
    after = await scene.mirrored(peer.origin)
    trial.check(
        "the history that was not abandoned",
        holds=not code and after is not None and after.root == other.tree.root(after.size),
        expected=f"taken anew, up to {other.size}",
        actual=f"it is not ({code})" if code else "as expected",
    )
    peer.server.serve(held)
    scene.grow(Peer(peer.code, held, peer.server, peer.witness), 5)
    code = await scene.sync(peer.origin)
    last = await scene.mirrored(peer.origin)
    trial.check(
        "the history that was abandoned, offered again",
        holds=code == "hos.fork"
        and last is not None
        and after is not None
        and last.text == after.text,
        expected="refused hos.fork",
        actual=f"refused {code or 'nothing'}, the mirror at {last.size if last else 'nothing'}",
    )
    peer.server.serve(other)
    await goes_on(trial)


def _other(peer: Peer) -> SiteLog:
    """Return the history that is served now."""
    log = peer.server.logs[peer.path]
    assert isinstance(log, SiteLog), "as it was written here"  # noqa: S101
    return log
