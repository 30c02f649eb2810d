"""ACC: what is not for everybody, what was erased, and who may write."""

import base64
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sopro_conformance.case import case
from sopro_conformance.cases.published import read_past
from sopro_conformance.cases.staged import fresh, goes_on
from sopro_conformance.trial import Trial
from sopro_conformance.wire.records import commit
from sopro_conformance.world.client import Client, read_record, words
from sopro_conformance.world.scene import CANDIDATE, organisation
from sopro_conformance.world.served import WIDTH, resource_path

_FEATURE: Final = "documents"
_GONE: Final = (404, 410)


def spellings(text: str) -> dict[str, bytes]:
    """Return a text as it may stand anywhere."""
    plain = text.encode()
    found = {"UTF-8": plain, "hex": plain.hex().encode(), "UTF-16": text.encode("utf-16-le")}
    for shift in range(3):
        # Of the base64 of something longer, the characters that depend on this text alone.
        coded = base64.b64encode(bytes(shift) + plain)
        found[f"base64 at {shift}"] = coded[4 * (shift > 0) : -4]
    return found


def find_canary(canary: str, data: bytes) -> list[str]:
    """Return the spellings in which a text stands in bytes."""
    return [name for name, one in spellings(canary).items() if one in data]


async def put(trial: Trial, canary: str, visibility: str) -> int:
    """Have a record with a document appended; return its position."""
    document = {
        "name": "note",
        "content": canary.encode(),
        "type": "text/plain",
        "visibility": visibility,
    }
    record = {
        "family": "organisation/1",
        "body": organisation(CANDIDATE),
        "documents": [document],
    }
    indexes = ((await trial.scene.ask("append", records=[record])).ok or {}).get("indexes")
    trial.need(isinstance(indexes, list) and len(indexes) == 1, "append gives no position")
    return int((indexes or [0])[0])


async def public_bytes(client: Client, index: int) -> Iterator[tuple[str, bytes]]:
    """Go through what everybody is shown around an entry."""
    head = await client.read()
    number = index // WIDTH
    width = min(WIDTH, head.size - number * WIDTH)
    paths = [f"{client.prefix}/checkpoint", f"{client.prefix}/keys", "/.well-known/sopro"]
    for kind in ("tile/entries", "bundle"):
        paths.append(f"{client.prefix}/{resource_path(kind, number, width)}")
    paths += [f"{client.prefix}/document/{index}/0", f"{client.prefix}/proof/{index}"]
    found = []
    for path in paths:
        reply = await client.ask(path, headers={"Accept-Encoding": "identity"})
        found.append((path, reply.body + str(reply.headers).encode()))
    return iter(found)


def _canary(trial: Trial) -> str:
    return f"Zaunkönig-{trial.random.randbytes(8).hex()}@post.example"


@case(
    "ACC-01",
    "Whoever may not see a document is told what he is told of one that is not there.",
    clauses="DOC-6 ACCESS-3 ACCESS-4",
    profiles="peer",
    verbs="start append",
    feature=_FEATURE,
)
async def forbidden(trial: Trial) -> None:
    """Ask without a signature, with a false one, and for what is not there."""
    client = await trial.member()
    headers = {
        "Signature-Input": 'sig=("@method" "@authority" "@path" "@query");created=1;keyid="00";'
        'nonce="AAAAAAAAAAAAAAAAAAAAAA==";tag="sopro-access/1";alg="ed25519"',
        "Signature": f"sig=:{base64.b64encode(bytes(64)).decode()}:",
    }
    for visibility in ("site", "members"):
        canary = _canary(trial)
        index = await put(trial, canary, visibility)
        await read_past(trial, client, index)
        absent = await client.ask(f"{client.prefix}/document/{index}/7")
        for delta, more in (("nobody", None), ("a false signature", headers)):
            reply = await client.ask(f"{client.prefix}/document/{index}/0", headers=more)
            trial.check(
                f"a document for {visibility}, asked for by {delta}",
                holds=reply.status == absent.status == 404
                and _blank(reply.body) == _blank(absent.body)
                and not find_canary(canary, reply.body),
                expected="the answer of a document that is not there",
                actual=f"{words(reply)[:150]} against {words(absent)[:150]}",
            )


def _blank(body: bytes) -> bytes:
    """Leave out numbers and what names a request."""
    return re.sub(rb"[0-9a-f-]{16,}|[0-9]+", b"#", body)


@case(
    "ACC-02",
    "A document that is served matches its commitment.",
    clauses="DOC-2 EXCH-12 ACCESS-3",
    profiles="peer",
    verbs="start append",
    feature=_FEATURE,
)
async def committed(trial: Trial) -> None:
    """Have a public document appended, and check what is served of it."""
    client = await trial.member()
    canary = _canary(trial)
    index = await put(trial, canary, "public")
    await read_past(trial, client, index)
    reply = await client.ask(f"{client.prefix}/document/{index}/0")
    try:
        key = bytes.fromhex(reply.headers.get("sopro-document-key", ""))
    except ValueError:
        key = b""
    docs = read_record(client.entries[index]).get("docs") or [{}]
    trial.check(
        "its key and content",
        holds=len(key) == 32
        and reply.body == canary.encode()
        and commit(key, reply.body) == docs[0].get("commitment"),
        expected="HMAC of the key over the content is the record's commitment",
        actual=words(reply)[:150],
    )


@case(
    "ACC-04",
    "Nothing of a document stands in the public log.",
    clauses="DOC-5 DOC-6 ACCESS-3",
    profiles="publisher",
    verbs="start append",
    feature=_FEATURE,
)
async def no_personal_data(trial: Trial) -> None:
    """Append a canary that is for the site alone, and search all public bytes."""
    client = await trial.member()
    canary = _canary(trial)
    index = await put(trial, canary, "site")
    await read_past(trial, client, index)
    for path, data in await public_bytes(client, index):
        found = find_canary(canary, data)
        trial.check(
            path, holds=not found, expected="no canary", actual=f"as {found}" if found else "none"
        )


@case(
    "ACC-05",
    "What is erased is gone, and the log is what it was.",
    clauses="DOC-8 ERASE-2 ERASE-3 ERASE-4",
    profiles="peer",
    verbs="start append erase backup",
    feature=_FEATURE,
)
async def erased(trial: Trial) -> None:
    """Erase a document, ask for it, search a backup, and verify the log again."""
    client = await trial.member()
    canary = _canary(trial)
    index = await put(trial, canary, "public")
    before = await read_past(trial, client, index)
    path = f"{client.prefix}/document/{index}/0"
    twin = await client.ask(path)
    trial.need(twin.status == 200, f"the document before: {words(twin)}")
    await trial.scene.ask("erase", index=index, document=0, reason="request")
    for place, data in await public_bytes(client, index):
        found = find_canary(canary, data)
        trial.check(f"{place}, after", holds=not found, expected="no canary", actual=str(found))
    reply = await client.ask(path)
    trial.check(
        "the document",
        holds=reply.status in _GONE,
        expected="404 or 410",
        actual=words(reply)[:150],
    )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "backup"
        await trial.scene.ask("backup", path=str(target))
        left = _search(Path(folder), canary)
        trial.need(left is not None, "the backup is empty")
    trial.check("a backup made after", holds=not left, expected="no canary", actual=str(left))
    await client.read()
    trial.check(
        "the log",
        holds=client.tree.root(before.size) == before.root,
        expected="the same root at the size of before",
        actual="as expected or not, as said",
    )


def _search(folder: Path, canary: str) -> list[str] | None:
    """Return the names of the files in which a text stands; None where there are no files."""
    files = [one for one in folder.rglob("*") if one.is_file()]
    return [one.name for one in files if find_canary(canary, one.read_bytes())] if files else None


@case(
    "ACC-06",
    "An erasure reaches every mirror, which says so and takes nothing back.",
    clauses="ERASE-2 ERASE-3 ERASE-5 DOC-8 EXCH-12",
    profiles="peer",
    verbs="start sync",
)
async def travels(trial: Trial) -> None:
    """Publish a document at a peer, erase it there, and offer it again."""
    client = await trial.member()
    peer = await fresh(trial)
    canary, key = _canary(trial).encode(), trial.random.randbytes(32)
    commitment: dict[str, Any] = {
        "commitment": commit(key, canary),
        "name": "note",
        "size": len(canary),
        "type": "text/plain",
        "visibility": "public",
    }
    written = peer.log.append("organisation/1", organisation(peer.code), docs=[commitment])
    peer.log.documents[written.position, 0] = (key, canary)
    peer.log.state(trial.scene.world.coordinator)
    code = await trial.scene.catches_up(peer)
    path = f"{peer.path}/document/{written.position}/0"
    twin = await client.ask(path)
    trial.need(twin.body == canary, f"the document is not mirrored: {code} {words(twin)}")
    erasure = peer.log.append(
        "erasure/1",
        {"deadline": "2099-12-31", "document": 0, "index": written.position, "reason": "request"},
    )
    peer.log.state(trial.scene.world.coordinator)
    for when in ("once the erasure is held", "offered again"):
        code = await trial.scene.catches_up(peer)
        trial.need(not code, f"the log is not followed on: {code}")
        reply = await client.ask(path)
        trial.check(
            f"the document, {when}",
            holds=reply.status in _GONE and canary not in reply.body,
            expected="404 or 410",
            actual=words(reply)[:150],
        )
        trial.scene.grow(peer)

    async def is_confirmed() -> bool:
        await client.read()
        receipts = [one["body"] for one in client.records() if one.get("family") == _RECEIPT]
        return any(one.get("erasure") == erasure.id for one in receipts)

    await trial.within(is_confirmed, 20, "a receipt in the candidate's log names the erasure")
    trial.check("the receipt", holds=True, expected="in its log", actual="as expected")
    await goes_on(trial)


_RECEIPT: Final = "erasure_receipt/1"


@case(
    "ACC-09",
    "Nobody writes without being known.",
    clauses="OFC-2 ERR-1",
    profiles="publisher",
    verbs="start",
    by_url=True,
)
async def unknown_writers(trial: Trial) -> None:
    """Send acts without a token, with a false one and with a cookie, everywhere."""
    client = await trial.node()
    before = await client.read()
    paths = ["/api/v1/office/organisations", "/api/v1/office/labels", "/admin", "/api/v1/labels"]
    paths += [f"{client.prefix}/checkpoint", f"{client.prefix}/tile/entries/000", "/evidence"]
    kinds: dict[str, dict[str, str]] = {
        "no token": {},
        "a false token": {"Authorization": "Bearer " + "A" * 43},
        "a cookie": {"Cookie": "session=1", "Origin": "http://elsewhere.example"},
    }
    for delta, headers in kinds.items():
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            replies = [
                await client.ask(
                    path,
                    method=method,
                    body=b"{}",
                    headers={"Content-Type": "application/json", **headers},
                )
                for path in paths
            ]
            taken = [
                path
                for path, one in zip(paths, replies, strict=True)
                if not 400 <= one.status < 500
            ]
            trial.check(
                f"{method} with {delta}",
                holds=not taken,
                expected="4xx everywhere",
                actual=f"not so: {taken}" if taken else "as expected",
            )
    after = await client.read()
    trial.check(
        "the log",
        holds=all(
            one.get("family") in ("log_state/1", _RECEIPT)
            for one in client.records(before.size)[: after.size - before.size]
        ),
        expected="nothing was appended",
        actual=f"size {before.size}, then {after.size}",
    )
