"""ACC-08: which document whoever asks may see, request by request."""

import time
from typing import Any, Final

from sopro_conformance.case import case
from sopro_conformance.cases.published import read_past
from sopro_conformance.cases.staged import fresh
from sopro_conformance.trial import Trial
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.world.client import Client, words
from sopro_conformance.world.scene import CANDIDATE, organisation
from sopro_conformance.world.signed import sign_request

_KINDS: Final = ("members", "parties", "site", "other parties")


async def _put(trial: Trial, content: dict[str, bytes], reader: str, other: str) -> int:
    """Have a record with a document of each visibility appended; return its position."""
    documents = []
    for name, said in content.items():
        parties = {"parties": [reader], "other parties": [other]}.get(name)
        one: dict[str, Any] = {
            "name": name,
            "content": said,
            "type": "text/plain",
            "visibility": "parties" if parties else name,
        }
        documents.append(one | ({"parties": parties} if parties else {}))
    record = {
        "family": "organisation/1",
        "body": organisation(CANDIDATE),
        "documents": documents,
    }
    indexes = ((await trial.scene.ask("append", records=[record])).ok or {}).get("indexes")
    trial.need(isinstance(indexes, list) and len(indexes) == 1, "append gives no position")
    return int((indexes or [0])[0])


@case(
    "ACC-08",
    "Each document is handed to those it is for, by the signature of each request.",
    clauses="ACCESS-1 ACCESS-2 ACCESS-3 ACCESS-4 DOC-6",
    profiles="peer",
    verbs="start append sync",
    feature="documents",
)
async def each_by_itself(trial: Trial) -> None:
    """Ask for documents of every visibility as one member, and with signatures that do not hold."""
    client = await trial.member()
    reader, other = await fresh(trial), await fresh(trial)
    content = {name: trial.random.randbytes(24).hex().encode() for name in _KINDS}
    index = await _put(trial, content, reader.code, other.code)
    await read_past(trial, client, index)
    paths = [f"{client.prefix}/document/{index}/{number}" for number in range(len(_KINDS))]
    key = reader.log.keys["access"]
    allowed = {"members", "parties"}
    for name, path in zip(_KINDS, paths, strict=True):
        headers = sign_request(client, path, key, trial.random.randbytes(16))
        reply = await client.ask(path, headers=headers)
        is_shown = reply.status == 200 and reply.body == content[name]
        is_hidden = reply.status == 404 and content[name] not in reply.body
        trial.check(
            f"a document for {name}, asked for by {reader.code}",
            holds=is_shown if name in allowed else is_hidden,
            expected="200 with its content" if name in allowed else "404",
            actual=words(reply)[:150],
        )
    await _signatures(trial, client, paths, key, other.log.keys["access"])
    await _used_again(trial, client, paths[0], key)


async def _signatures(
    trial: Trial, client: Client, paths: list[str], key: SigningKey, foreign: SigningKey
) -> None:
    """Sign wrongly, each time in one way; the twin is the right signature of before."""
    path, party = paths[0], paths[1]
    peer = next(one for one in trial.scene.peers.values() if one.log.keys["access"] is key)
    now = int(time.time())
    wrong: dict[str, tuple[str, SigningKey, dict[str, Any]]] = {
        "two minutes old": (path, key, {"created": now - 120}),
        "two minutes ahead": (path, key, {"created": now + 120}),
        "of another path": (path, key, {"signed_path": party}),
        "of another purpose": (path, key, {"tag": "sopro-access/2"}),
        "over the path alone": (path, key, {"covered": ("@path",)}),
        "by the registrar key": (path, peer.log.keys["registrar"], {}),
        "by nobody's key": (path, SigningKey(trial.random.randbytes(32)), {}),
        "by a member it is not for": (party, foreign, {}),
    }
    for delta, (where, signer, other) in wrong.items():
        nonce = trial.random.randbytes(16)
        reply = await client.ask(where, headers=sign_request(client, where, signer, nonce, **other))
        trial.check(
            f"a signature {delta}",
            holds=reply.status == 404,
            expected="404, as for anybody",
            actual=words(reply)[:150],
        )


async def _used_again(trial: Trial, client: Client, path: str, key: SigningKey) -> None:
    headers = sign_request(client, path, key, trial.random.randbytes(16))
    replies = [await client.ask(path, headers=headers) for _ in range(2)]
    trial.need(replies[0].status == 200, f"the first of two: {words(replies[0])[:150]}")
    trial.check(
        "the same signature again",
        holds=replies[1].status == 404,
        expected="404: a nonce is used once",
        actual=words(replies[1])[:150],
    )
