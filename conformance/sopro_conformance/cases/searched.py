"""ACC-44: words of what was erased or withheld find nothing any more."""

from typing import Any, Final, NamedTuple
from urllib.parse import quote

from sopro_conformance.case import Check, Verdict, case
from sopro_conformance.cases.bundled import document, publish
from sopro_conformance.cases.staged import fresh, goes_on
from sopro_conformance.plain import read_json
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import encode
from sopro_conformance.world.client import Client, words
from sopro_conformance.world.scene import Peer

_STRUCTURED: Final = "application/vnd.sopro.document+msgpack"


async def searches(trial: Trial, client: Client) -> list[str]:
    """Return the paths of a node's description that take words, as `q` (ASK)."""
    reply = await client.ask("/api/v1/openapi.json")
    if reply.status == 404:
        return []
    try:
        paths: Any = read_json(reply.body, "/api/v1/openapi.json")["paths"]
        asked = {
            path: [one.get("name") for one in about["get"].get("parameters", ())]
            for path, about in paths.items()
            if "get" in about and "{" not in path
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        trial.need(False, f"/api/v1/openapi.json: {words(reply)[:150]}")
        raise
    return [path for path, names in asked.items() if "q" in names]


@case(
    "ACC-44",
    "Words of a document find nothing any more once it is erased, or its record withheld.",
    clauses="ASK-5 ERASE-2 ERASE-3 WITHHOLD-8",
    profiles="peer",
    verbs="start sync",
)
async def forgotten(trial: Trial) -> None:
    """Publish organisations with names of their own, and look for them before and after."""
    client = await trial.member()
    paths = await searches(trial, client)
    if not paths:
        expected = "no word of an erased document is found"
        actual = "no path of the description takes words (q)"
        trial.checks.append(Check("a search by words", Verdict.NOT_APPLICABLE, expected, actual))
        return
    peer = await fresh(trial)
    erased, withheld = [_publish_named(trial, peer) for _ in range(2)]
    code = await trial.scene.catches_up(peer)
    trial.need(not code, f"the log is not followed ({code})")
    named = {"erased": erased, "withheld": withheld}
    found = {how: await _find(client, paths, one) for how, one in named.items()}
    trial.need(all(found.values()), f"not each organisation is found by its name: {found}")
    peer.log.append(
        "erasure/1",
        {"deadline": "2099-12-31", "document": 0, "index": erased.position, "reason": "request"},
    )
    peer.log.withhold(withheld.position)
    peer.log.state(trial.scene.world.coordinator)
    code = await trial.scene.catches_up(peer)
    trial.need(not code, f"the log is not followed on ({code})")
    for how, one in named.items():
        after = await _find(client, paths, one)
        trial.check(
            f"a word of a document that was {how}",
            holds=not after,
            expected=f"found no more at {' '.join(found[how])}",
            actual=f"found at {' '.join(after)}" if after else "as expected",
        )
    await goes_on(trial)


class _Named(NamedTuple):
    """An organisation with a name that nobody else has."""

    position: int
    entity: str
    word: str


def _publish_named(trial: Trial, peer: Peer) -> _Named:
    word = "Zaunkönig" + "".join(trial.random.choices("abcdefghijklmnop", k=12))
    content, key = encode({"name": f"{word} GmbH"}), trial.random.randbytes(32)
    shown = document(key, content) | {"type": _STRUCTURED}
    written = publish(trial, peer, [shown], names=["organisation"])
    peer.log.documents[written.position, 0] = (key, content)
    return _Named(written.position, written.entity.hex(), word)


async def _find(client: Client, paths: list[str], named: _Named) -> list[str]:
    """Return the paths at which an organisation is found by its word."""
    found = []
    for path in paths:
        reply = await client.ask(f"{path}?q={quote(named.word)}")
        said = reply.body.decode("utf-8", "replace") if reply.status == 200 else ""
        if named.entity in said or named.word in said:
            found.append(path)
    return found
