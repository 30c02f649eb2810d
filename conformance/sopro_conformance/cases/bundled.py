"""HOS-41, ACC-40 and ACC-41: what may be missing from a bundle, and what is not taken from one."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from aiohttp import web

from sopro_conformance.case import Check, Verdict, case
from sopro_conformance.cases.staged import ENTRIES, Poison, fresh, goes_on, refuses_all
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import decode, encode
from sopro_conformance.wire.records import commit, entry_id
from sopro_conformance.world.client import Client, Reply, words
from sopro_conformance.world.lies import say
from sopro_conformance.world.scene import Peer, organisation
from sopro_conformance.world.server import Lie
from sopro_conformance.world.signed import sign_request
from sopro_conformance.world.sitelog import Written

_SOON: Final = 30.0


def gap(peer: Peer, names: Callable[[int], int]) -> Lie:
    """Show the last entry but one as withheld by the record at a position.

    Args:
        peer: whose log it is.
        names: the position, from that of the entry.
    """

    async def answer(request: web.Request, truth: bytes) -> web.StreamResponse:
        if "/bundle/" not in request.raw_path:
            return web.Response(status=410)
        items, documents = decode(truth)
        position = peer.log.size - 2
        items[-2] = [entry_id(items[-2]), names(position)]
        return web.Response(body=encode([items, documents]))

    return answer


@case(
    "HOS-41",
    "A gap in a log is refused where no record of its site explains it.",
    clauses="EXCH-7 WITHHOLD-9",
    profiles="peer",
    verbs="start sync",
)
async def gaps(trial: Trial) -> None:
    """Show a leaf hash instead of an entry, withheld by what withholds nothing."""
    peer = await fresh(trial)
    places: dict[str, Callable[[int], int]] = {
        "the record behind it, which is none": lambda position: position + 1,
        "an earlier record": lambda _: 0,
        "itself": lambda position: position,
        "a record beyond the head": lambda position: position + 1000,
    }
    await refuses_all(
        trial,
        peer,
        [
            Poison(f"an entry withheld by {delta}", ENTRIES, gap(peer, names), "wdh.gap hos.bundle")
            if "beyond" in delta or "itself" in delta
            else Poison(f"an entry withheld by {delta}", ENTRIES, gap(peer, names), "wdh.gap")
            for delta, names in places.items()
        ],
    )


def document(key: bytes, content: bytes, visibility: str = "public") -> dict[str, Any]:
    """Return what a record says of a document (DOC-1)."""
    return {
        "commitment": commit(key, content),
        "name": "note",
        "size": len(content),
        "type": "text/plain",
        "visibility": visibility,
    }


def publish(
    trial: Trial, peer: Peer, docs: list[dict[str, Any]], names: Sequence[str] = ()
) -> Written:
    """Append a record with documents to a peer's log."""
    names = names or [f"note {number}" for number in range(len(docs))]
    named = [one | {"name": name} for one, name in zip(docs, names, strict=True)]
    written = peer.log.append("organisation/1", organisation(peer.code), docs=named)
    peer.log.state(trial.scene.world.coordinator)
    return written


async def ask_as(trial: Trial, client: Client, reader: Peer, path: str) -> Reply:
    """Ask for a document as a member does (ACCESS-1)."""
    key, nonce = reader.log.keys["access"], trial.random.randbytes(16)
    return await client.ask(path, headers=sign_request(client, path, key, nonce))


@case(
    "ACC-40",
    "A document in a bundle that is not the one committed to, or not public, is left out.",
    clauses="BUNDLE-4 BUNDLE-3 DOC-2 ACCESS-3",
    profiles="peer",
    verbs="start sync",
)
async def left_out(trial: Trial) -> None:
    """Put wrong documents into a bundle beside one that is right."""
    client = await trial.member()
    peer, reader = await fresh(trial), await fresh(trial)
    key, content = trial.random.randbytes(32), trial.random.randbytes(30).hex().encode()
    riding = {
        "the right one": (document(key, content), key, content),
        "another content": (document(key, content), key, content[::-1]),
        "another key": (document(key, content), key[::-1], content),
        "a shorter content": (document(key, content), key, content[:-1]),
        "one for members": (document(key, content, "members"), key, content),
    }
    written = publish(trial, peer, [one for one, _, _ in riding.values()])
    for number, (_, shown, said) in enumerate(riding.values()):
        peer.log.documents[written.position, number] = (shown, said)
    code = await trial.scene.catches_up(peer)
    trial.check(
        "the bundle",
        holds=not code,
        expected="stands",
        actual=f"refused {code}" if code else "as expected",
    )
    for number, delta in enumerate(riding):
        reply = await ask_as(
            trial, client, reader, f"{peer.path}/document/{written.position}/{number}"
        )
        if not number:
            trial.need(reply.body == content, f"the right one is not taken: {words(reply)[:150]}")
            continue
        trial.check(
            f"{delta}, asked for by a member",
            holds=reply.status == 404,
            expected="404, it was left out",
            actual=words(reply)[:150],
        )
    await goes_on(trial)


@case(
    "ACC-41",
    "Documents that did not come with their bundle are asked for, checked, and asked for again.",
    clauses="ACCESS-5 ACCESS-1 DOC-2 EXCH-12 ERASE-3",
    profiles="peer",
    verbs="start sync",
)
async def gathered(trial: Trial) -> None:
    """Serve documents beside bundles: right, wrong at first, and erased before anybody asked."""
    client = await trial.member()
    peer, reader = await fresh(trial), await fresh(trial)
    key, content = trial.random.randbytes(32), trial.random.randbytes(30).hex().encode()
    right = say(content, headers={"SoPro-Document-Key": key.hex()})
    wrong = say(content[::-1], headers={"SoPro-Document-Key": key.hex()})
    erased = publish(trial, peer, [document(key, content)])
    peer.log.append(
        "erasure/1",
        {"deadline": "2099-12-31", "document": 0, "index": erased.position, "reason": "request"},
    )
    written = publish(trial, peer, [document(key, content, "members"), document(key, content)])
    [members, public] = [f"{peer.path}/document/{written.position}/{number}" for number in (0, 1)]
    gone = f"{peer.path}/document/{erased.position}/0"
    mark = peer.server.mark()
    peer.server.misbehave(members, right)
    peer.server.misbehave(public, wrong)
    peer.server.misbehave(gone, right)
    code = await trial.scene.catches_up(peer)
    trial.need(not code, f"the log is not followed ({code})")
    within = _SOON * trial.scene.patience
    for path in (members, public):
        if not await peer.server.wait_asked(path, since=mark, within=within):
            warn = Check(path, Verdict.WARN, "asked for (SHOULD)", "never asked for")
            trial.checks.append(warn)
            return
    asked = peer.server.since(mark, members)[0]
    trial.check(
        "who asks for a document for members",
        holds="signature-input" in asked.headers and "signature" in asked.headers,
        expected="the candidate, by its signature",
        actual=str(sorted(asked.headers)),
    )

    async def has_it() -> bool:
        return (await ask_as(trial, client, reader, members)).body == content

    await trial.within(has_it, _SOON, "the document for members is handed on to another member")
    reply = await client.ask(public)
    trial.check(
        "a document that is not the one committed to",
        holds=reply.status == 404,
        expected="404, it was not taken",
        actual=words(reply)[:150],
    )
    trial.check(
        "a document that was erased before",
        holds=not peer.server.since(mark, gone),
        expected="not asked for",
        actual=f"asked for {len(peer.server.since(mark, gone))} times",
    )
    peer.server.behave()
    peer.server.misbehave(public, right)
    mark = peer.server.mark()
    is_asked = await peer.server.wait_asked(public, since=mark, within=within)
    trial.checks.append(
        Check(
            "a document that nobody had at first",
            Verdict.PASS if is_asked else Verdict.WARN,
            "asked for again later (SHOULD)",
            "asked for again" if is_asked else f"not within {within:.0f} s",
        )
    )
    await goes_on(trial)
