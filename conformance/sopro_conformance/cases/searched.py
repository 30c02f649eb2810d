"""ACC-44: words of a document that was erased find nothing any more."""

import json
from typing import Any, Final
from urllib.parse import quote

from sopro_conformance.case import Check, Verdict, case
from sopro_conformance.cases.bundled import document, publish
from sopro_conformance.cases.staged import fresh, goes_on
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import encode
from sopro_conformance.world.client import Client, words

_STRUCTURED: Final = "application/vnd.sopro.document+msgpack"


async def searches(trial: Trial, client: Client) -> list[str]:
    """Return the paths of a node's description that take words, as `q` (ASK)."""
    reply = await client.ask("/api/v1/openapi.json")
    if reply.status == 404:
        return []
    try:
        paths: Any = json.loads(reply.body)["paths"]
        asked = {
            path: [one.get("name") for one in about["get"].get("parameters", ())]
            for path, about in paths.items()
            if "get" in about and "{" not in path
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        trial.need(False, f"/api/v1/openapi.json: {words(reply)[:150]}")
        raise
    return [path for path, names in asked.items() if "q" in names]


@case(
    "ACC-44",
    "Words of a document find nothing any more once it is erased.",
    clauses="ASK-5 ERASE-2 ERASE-3",
    profiles="peer",
    verbs="start sync",
)
async def forgotten(trial: Trial) -> None:
    """Publish an organisation with a name of its own, look for it, erase it, and look again."""
    client = await trial.member()
    paths = await searches(trial, client)
    if not paths:
        expected = "no word of an erased document is found"
        actual = "no path of the description takes words (q)"
        trial.checks.append(Check("a search by words", Verdict.NOT_APPLICABLE, expected, actual))
        return
    peer = await fresh(trial)
    word = "Zaunkönig" + "".join(trial.random.choices("abcdefghijklmnop", k=12))
    content = encode({"name": f"{word} GmbH"})
    key = trial.random.randbytes(32)
    shown = document(key, content) | {"type": _STRUCTURED}
    written = publish(trial, peer, [shown], names=["organisation"])
    peer.log.documents[written.position, 0] = (key, content)
    code = await trial.scene.catches_up(peer)
    trial.need(not code, f"the log is not followed ({code})")
    entity = written.entity.hex().encode()
    before = await _find(client, paths, word)
    found = [path for path, body in before.items() if entity in body or word.encode() in body]
    trial.need(found, f"none of {paths} finds an organisation by its name")
    peer.log.append(
        "erasure/1",
        {"deadline": "2099-12-31", "document": 0, "index": written.position, "reason": "request"},
    )
    peer.log.state(trial.scene.world.coordinator)
    code = await trial.scene.catches_up(peer)
    trial.need(not code, f"the log is not followed on ({code})")
    after = await _find(client, paths, word)
    for path in found:
        trial.check(
            f"{path}, once it is erased",
            holds=entity not in after[path] and word.encode() not in after[path],
            expected="neither the word nor the organisation",
            actual=after[path][:200].decode("utf-8", "replace"),
        )
    await goes_on(trial)


async def _find(client: Client, paths: list[str], word: str) -> dict[str, bytes]:
    """Return what each path finds by a word, without the question where it is said again."""
    found = {}
    for path in paths:
        reply = await client.ask(f"{path}?q={quote(word)}")
        found[path] = reply.body if reply.status == 200 else b""
    return found
