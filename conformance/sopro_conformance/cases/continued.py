"""MEM-21: following a site from a log that is closed into the one that continues it."""

from typing import Any

from sopro_conformance.case import case
from sopro_conformance.cases.epochs import begin_next, closing
from sopro_conformance.cases.staged import fresh, goes_on
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.wire.records import commit
from sopro_conformance.world.client import words
from sopro_conformance.world.scene import Peer, organisation
from sopro_conformance.world.sitelog import SiteLog, Written


def _commitment(key: bytes, content: bytes) -> dict[str, Any]:
    return {
        "commitment": commit(key, content),
        "name": "description",
        "size": len(content),
        "type": "text/plain",
        "visibility": "public",
    }


def _describe(trial: Trial, log: SiteLog, text: bytes, entity: bytes = b"") -> Written:
    """Write an organisation and an offering of it, which has a public document."""
    key = trial.random.randbytes(32)
    holder = log.append("organisation/1", organisation(log.site))
    body: dict[str, Value] = {
        "effective_date": "2026-02-01",
        "kind": "product",
        "organisation": holder.entity,
        "status": "published",
    }
    written = log.append("offering/1", body, entity=entity, docs=[_commitment(key, text)])
    log.documents[written.position, 0] = (key, text)
    return written


@case(
    "MEM-21",
    "A closed log stays served, and the one that continues it is the one that is named.",
    clauses="EPOCH-3 EPOCH-8 EPOCH-9",
    profiles="peer",
    verbs="start sync",
)
async def continued(trial: Trial) -> None:
    """Close a peer's log; go on in one that is not named, and then in the one that is."""
    client = await trial.member()
    peer = await fresh(trial)
    scene, old = trial.scene, peer.log
    first = _describe(trial, old, b"A chair of the first log")
    old.state(scene.world.coordinator)
    code = await scene.catches_up(peer)
    path = f"{peer.path}/document/{first.position}/0"
    twin = await client.ask(path)
    trial.need(twin.status == 200, f"the document is not mirrored: {code} {words(twin)}")
    new, wrong = begin_next(scene.world, old), begin_next(scene.world, old)
    scene.world.change_membership(peer.code, **closing(old, new))
    await scene.publish()
    for log in (new, wrong):
        log.state(scene.world.coordinator)
    await scene.sync(scene.world.coordinator.origin)
    # The directory that was begun a second time.
    after = Peer(peer.code, new, peer.server, peer.witness)
    peer.server.serve(wrong)
    mark = peer.server.mark()
    code = await scene.sync(new.origin)
    trial.need(peer.server.since(mark, after.path + "/.*"), "the next log was never fetched")
    trial.check(
        "a log that begins otherwise than it is named",
        holds=code == "mem.epoch" and await scene.mirrored(new.origin) is None,
        expected="refused mem.epoch, nothing is shown of it",
        actual=f"refused {code or 'nothing'}",
    )
    peer.server.serve(new)
    code = await scene.catches_up(after)
    trial.check(
        "the log that is named",
        holds=not code,
        expected="mirrored",
        actual=f"it is not ({code})" if code else "as expected",
    )
    head = await scene.mirrored(old.origin)
    trial.check(
        "the log that was closed",
        holds=head is not None and (head.size, head.root) == (old.size, old.tree.root()),
        expected="is served as before",
        actual=f"size {head.size}" if head else "it is not served",
    )
    await _erased(trial, after, path, first)
    await _ends_elsewhere(trial)
    await goes_on(trial)


async def _ends_elsewhere(trial: Trial) -> None:
    """EPOCH-3: it is said where a closed log does not end as the next one names it."""
    scene = trial.scene
    for what, wanted in (("with the root that is held", ""), ("with another root", "hos.fork")):
        peer = await fresh(trial)
        more: dict[str, Any] = {"root": trial.random.randbytes(32)} if wanted else {}
        new = begin_next(scene.world, peer.log, **more)
        scene.world.change_membership(peer.code, **closing(peer.log, new))
        await scene.publish()
        await scene.sync(scene.world.coordinator.origin)
        code = await scene.sync(peer.origin)
        head = await scene.mirrored(peer.origin)
        trial.check(
            f"the next log names its end {what}",
            holds=code == wanted and head is not None and head.size == peer.log.size,
            expected=f"said {wanted or 'nothing'}, the closed log is served",
            actual=f"said {code or 'nothing'}, size {head.size if head else 0}",
        )


async def _erased(trial: Trial, peer: Peer, path: str, first: Written) -> None:
    """EPOCH-8: erased in the log that goes on, a document is erased in the one before."""
    client, scene, log = await trial.member(), trial.scene, peer.log
    again = _describe(trial, log, b"A chair of the next log", first.entity)
    log.state(scene.world.coordinator)
    code = await scene.catches_up(peer)
    before = await client.ask(path)
    trial.need(before.status == 200, f"the document of before is gone: {code} {words(before)}")
    body: dict[str, Value] = {
        "deadline": "2099-12-31",
        "document": 0,
        "index": again.position,
        "reason": "request",
    }
    log.append("erasure/1", body)
    log.state(scene.world.coordinator)
    code = await scene.catches_up(peer)
    trial.need(not code, f"the erasure is not mirrored: {code}")
    reply = await client.ask(path)
    trial.check(
        "the document in the closed log, once it is erased in the next",
        holds=reply.status in (404, 410),
        expected="404 or 410",
        actual=words(reply)[:120],
    )
