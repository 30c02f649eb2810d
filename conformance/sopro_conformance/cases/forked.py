"""Two histories of one log, shown to the candidate: MEM-08, HOS-01, HOS-02, HOS-17; and SYN-10."""

import hashlib
from collections.abc import Mapping
from typing import Any

from sopro_conformance.adapter import unpack
from sopro_conformance.case import case
from sopro_conformance.cases.staged import fresh, goes_on
from sopro_conformance.plain import read_json
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import WireError, decode, encode
from sopro_conformance.wire.note import is_signed, read_checkpoint
from sopro_conformance.wire.tree import is_consistent
from sopro_conformance.world.client import Reply, words
from sopro_conformance.world.scene import Peer, Scene, organisation

_VERBS = "start sync evidence"


async def fork(trial: Trial, scene: Scene, peer: Peer, more: int) -> None:
    """Show the candidate another history that parts at the last entry, longer by so many."""
    head = await scene.mirrored(peer.origin)
    trial.need(head is not None, "the peer is not mirrored")
    other = peer.log.fork(peer.log.size - 1)
    for _ in range(1 + more):
        other.append("organisation/1", organisation(peer.code))
    peer.server.serve(other)
    code = await scene.sync(peer.origin)
    after = await scene.mirrored(peer.origin)
    trial.check(
        f"another history, {more} entries longer",
        holds=code == "hos.fork"
        and head is not None
        and after is not None
        # The same head; more cosignatures may stand under it by now.
        and after.text == head.text,
        expected="refused hos.fork, the mirror stays at the first",
        actual=f"refused {code or 'nothing'}, the mirror at {after.size if after else 'nothing'}",
    )


async def evidence_of(scene: Scene, origin: str) -> list[bytes]:
    """Return the evidence files that the candidate holds against a log."""
    given = (await scene.ask("evidence")).ok or {}
    held = given.get("evidence")
    files = [unpack(one) for one in held] if isinstance(held, list) else []
    return [one for one in files if one is not None and _field(one, "origin") == origin]


def _field(file: bytes, name: str) -> Any:
    try:
        value = decode(file)
    except WireError:
        return None
    return value.get(name) if isinstance(value, Mapping) else None


def why_no_evidence(file: bytes, peer: Peer) -> str:
    """Verify an evidence file as somebody would who knows the site's log key (EVID-1 to EVID-4)."""
    return why_no_proof(file, peer.origin, peer.log.keys["log"].public)


def why_no_proof(file: bytes, origin: str, log_key: bytes) -> str:
    """Say why a file does not prove two histories of a log; empty where it does."""
    try:
        value = decode(file)
        size, heads = value["size"], value["heads"]
        roots = []
        for note, root, proof in heads:
            head = read_checkpoint(note)
            if head.origin != origin:
                return "EVID-3: a head of another log"
            if not is_signed(head, origin, log_key):
                return "EVID-3: a head that the log did not sign"
            if not is_consistent(size, head.size, root, head.root, proof):
                return "EVID-4: a proof that does not lead to its head"
            roots.append(root)
    except (WireError, KeyError, TypeError, ValueError) as error:
        return f"EVID-1: {error}"
    return "" if len(roots) == 2 and roots[0] != roots[1] else "EVID-4: one history"


async def is_proven(trial: Trial, scene: Scene, peer: Peer, when: str) -> bytes:
    """Check that the candidate holds evidence that anybody can verify; returns one file."""
    files = await evidence_of(scene, peer.origin)
    problems = [why_no_evidence(one, peer) for one in files]
    trial.check(
        f"evidence, {when}",
        holds=bool(files) and not any(problems),
        expected="a file with both heads, signed by the log, and proofs that they exclude another",
        actual=f"{len(files)} files {[one for one in problems if one]}",
    )
    trial.need(files, "no evidence is held")
    return files[0]


async def stays(
    trial: Trial,
    peer: Peer,
    *,
    what: str = "the first history grows on",
    expected: str = "nothing more is taken while evidence stands",
) -> None:
    """Check that nothing more is taken from that log, although it is honest again."""
    scene = trial.scene
    before = await scene.mirrored(peer.origin)
    peer.server.serve(peer.log)
    scene.grow(peer)
    await scene.sync(peer.origin)
    after = await scene.mirrored(peer.origin)
    trial.check(
        what,
        holds=before is not None and after is not None and after.text == before.text,
        expected=expected,
        actual=f"the mirror at {after.size if after else 'nothing'}",
    )


@case(
    "HOS-01",
    "A log that shows two roots of one size is followed no more, and nobody else is harmed.",
    clauses="EXCH-6 EVID-1 EVID-3 EVID-4 EVID-7 SYNC-2",
    profiles="peer",
    verbs=_VERBS,
)
async def split_view(trial: Trial) -> None:
    """Show one history, then another of the same size."""
    peer = await fresh(trial, 4)
    await fork(trial, trial.scene, peer, 0)
    await is_proven(trial, trial.scene, peer, "at once")
    await stays(trial, peer)
    await goes_on(trial)


@case(
    "HOS-02",
    "A larger head is adopted only where it holds what is held.",
    clauses="EXCH-5 EXCH-6 EVID-4 SYNC-4",
    profiles="peer",
    verbs=_VERBS,
)
async def larger(trial: Trial) -> None:
    """Show a longer history that parts from the one that is held."""
    for more in (1, 40):
        peer = await fresh(trial, 4)
        await fork(trial, trial.scene, peer, more)
        await is_proven(trial, trial.scene, peer, f"{more} entries longer")
    await goes_on(trial)


@case(
    "HOS-17",
    "Evidence of two histories lasts, and everybody can fetch it.",
    clauses="EVID-2 EVID-7 EVID-8",
    profiles="peer",
    verbs="start sync evidence kill9",
)
async def lasting(trial: Trial) -> None:
    """Fork, kill the candidate, and fetch the evidence from it."""
    peer = await fresh(trial, 4)
    await fork(trial, trial.scene, peer, 1)
    file = await is_proven(trial, trial.scene, peer, "at once")
    await trial.scene.ask("kill9")
    await trial.scene.ask("start")
    await is_proven(trial, trial.scene, peer, "after a kill")
    client = await trial.node()
    listing = await client.ask("/evidence")
    name = evidence_id(file)
    said = [one for one in listed_evidence(listing) if one.get("id") == name]
    trial.check(
        "/evidence",
        holds=bool(said) and said[0].get("origin") == peer.origin and said[0].get("stands") is True,
        expected=f"evidence {name} against {peer.origin}, which stands",
        actual=words(listing),
    )
    served = await client.ask(f"/evidence/{name}")
    trial.check(
        "the file",
        holds=served.status == 200 and not why_no_evidence(served.body, peer),
        expected="evidence that verifies",
        actual=words(served)[:120],
    )
    await stays(trial, peer)


def listed_evidence(reply: Reply) -> list[dict[str, Any]]:
    """Return what a node says of the evidence it keeps (EVID-8); nothing where that is none."""
    try:
        found = read_json(reply.body, "/evidence")["evidence"]
    except (ValueError, KeyError, TypeError):
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def evidence_id(file: bytes) -> str:
    """Return the id of evidence (EVID-2)."""
    value = decode(file)
    heads = [read_checkpoint(note) for note, _, _ in value["heads"]]
    signed = [value["origin"], [[one.size, one.root] for one in heads]]
    return hashlib.sha256(b"sopro-evidence/1\n" + encode(signed)).hexdigest()


@case(
    "SYN-10",
    "One entry that breaks the rules harms no other.",
    clauses="VOID-1 VOID-3 VOID-4 VOID-7",
    profiles="peer",
    verbs="start sync view kill9",
)
async def poison_record(trial: Trial) -> None:
    """Put entries that are none into a log that is right, and good ones behind them."""
    peer = await fresh(trial)
    log, scene = peer.log, trial.scene
    wrong = {
        log.append_entry(b"").position: "enc.framing",
        log.append_entry(b"\xc1" * 40).position: "enc.framing",
        log.append_entry(b"\x80").position: "rec.entry",
        log.append_entry(trial.random.randbytes(60_000)).position: "",
        log.append("organisation/1", {"country": "AT"}).position: "rec.body",
    }
    good = log.append("organisation/1", organisation(peer.code))
    log.state(scene.world.coordinator)
    code = await scene.catches_up(peer)
    trial.check(
        "the log",
        holds=not code,
        expected="mirrored to its end",
        actual=f"it is not ({code})" if code else "as expected",
    )
    for when in ("at once", "after a kill"):
        given = (await scene.ask("view", origin=peer.origin)).ok or {}
        void = given.get("logs", {}).get(peer.origin, {}).get("void", {})
        right = all(void.get(str(at), "counts").startswith(code) for at, code in wrong.items())
        trial.check(
            f"what is void, {when}",
            holds=right and str(good.position) not in void,
            expected=f"{wrong}, and entry {good.position} counts",
            actual=str(void),
        )
        await scene.ask("kill9")
        await scene.ask("start")
    await goes_on(trial)


@case(
    "MEM-08",
    "The list of members neither goes back nor splits.",
    clauses="SYNC-2 EXCH-6 EVID-11 MEM-6",
    profiles="peer",
    verbs=_VERBS,
    apart=True,
)
async def coordinator(trial: Trial) -> None:
    """Show an older list, and then another one, in a federation that ends with this case."""
    async with trial.another_scene() as scene:
        await scene.join()
        peer = await scene.new_peer(2)
        code = await scene.catches_up(peer)
        trial.need(not code, f"a new peer is not mirrored ({code})")
        log, origin = scene.world.coordinator, scene.world.coordinator.origin
        held = await scene.mirrored(origin)
        scene.coordinator.serve(log, size=log.size - 2)
        code = await scene.sync(origin)
        trial.check(
            "an older list",
            holds=code == "hos.rollback" and await scene.mirrored(origin) == held,
            expected="refused hos.rollback",
            actual=code or "no refusal told",
        )
        scene.coordinator.serve(log)
        await scene.sync(origin)
        self_told = Peer("eu", log, scene.coordinator, peer.witness)
        await fork(trial, scene, self_told, 1)
        await is_proven(trial, scene, self_told, "of two lists")
        scene.grow(peer)
        code = await scene.catches_up(peer)
        trial.check(
            "a member meanwhile",
            holds=not code,
            expected="is followed as of the list that is held",
            actual=f"it is not ({code})" if code else "as expected",
        )
