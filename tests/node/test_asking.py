import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sopro_node import asking
from sopro_node.asking import Heard, Question, ask_everybody
from sopro_node.fetch import Fetch
from sopro_node.reach import ANYWHERE
from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.keys import Ed25519Signer, make_vkey
from sopro_protocol.merkle import Hash

ORIGIN = "sopro.example/at/1"
OWN, OTHER = Ed25519Signer(b"\x01" * 32), Ed25519Signer(b"\x02" * 32)
QUESTION = Question(ORIGIN, lambda _size: [make_vkey(ORIGIN, OWN.public_key)])
PATH = "/log/at/1/checkpoint"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Peer = Callable[..., Awaitable[str]]


def head(size: int, *, signer: Ed25519Signer = OWN, origin: str = ORIGIN) -> bytes:
    return sign_checkpoint(Checkpoint(origin, size, Hash(b"\x07" * 32)), signer)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    """Start nodes that answer with a head, or as they are told, and what they declare."""
    servers: list[TestServer] = []

    async def start(
        note: bytes | Answer | None, *, status: int = 200, declares: object = None
    ) -> str:
        async def checkpoint(request: web.Request) -> web.StreamResponse:
            if callable(note):
                return await note(request)
            return web.Response(body=note, status=status)

        async def discovery(_request: web.Request) -> web.Response:
            body = declares if isinstance(declares, bytes) else json.dumps(declares).encode()
            return web.Response(body=body, status=200 if declares is not None else 404)

        app = web.Application()
        app.router.add_get(PATH, checkpoint)
        app.router.add_get("/.well-known/sopro", discovery)
        server = TestServer(app, shutdown_timeout=0)
        servers.append(server)
        await server.start_server()
        return str(server.make_url("")).rstrip("/")

    yield start
    for server in servers:
        await server.close()


async def ask(*urls: str) -> dict[str, Heard]:
    async with Fetch(5, reach=ANYWHERE) as fetch:
        peers = {f"peer{number}": [url] for number, url in enumerate(urls)}
        return {one.peer: one for one in await ask_everybody(QUESTION, peers, fetch)}


async def test_hears_every_head_that_carries_the_own_signature(peer: Peer) -> None:
    urls = [await peer(head(5)), await peer(head(9)), await peer(head(9, signer=OTHER))]
    heard = await ask(*urls, "http://127.0.0.1:1")
    assert {name: one.head.size for name, one in heard.items() if one.head} == {
        "peer0": 5,
        "peer1": 9,
    }
    assert heard["peer1"].base == urls[1] + "/log/at/1"


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\xff" * 99,
        head(5) + b"\n",
        head(5, origin="sopro.example/hu/1"),
        head(5, signer=OTHER),
        head(5).replace(b"\n5\n", b"\n6\n"),
        b"x" * 70_000,
    ],
    ids=["nothing", "bytes", "more", "another log", "another key", "changed", "large"],
)
async def test_what_does_not_open_is_no_answer(peer: Peer, note: bytes) -> None:
    assert await ask(await peer(note)) == {}


NOTHING = {"federation": "sopro.example", "mirrors": ["/log/hu/1"]}


@pytest.mark.parametrize(
    ("declares", "counts"),
    [
        (NOTHING, True),
        ({**NOTHING, "mirrors": []}, True),
        ({**NOTHING, "mirrors": ["/log/at/1"]}, False),
        ({**NOTHING, "mirrors": "none"}, False),
        ({**NOTHING, "federation": "other.example"}, False),
        ({"federation": "sopro.example"}, False),
        ([], False),
        (b"<html>", False),
        (b"[" * 100_000, False),
        (None, False),
    ],
)
async def test_a_status_counts_only_with_what_the_node_declares(
    peer: Peer, declares: object, *, counts: bool
) -> None:
    heard = await ask(await peer(b"", status=404, declares=declares))
    assert (heard.get("peer0") is not None) == counts
    assert not heard or heard["peer0"].head is None


async def test_asks_under_every_address(peer: Peer) -> None:
    urls = ["http://127.0.0.1:1", await peer(b"", status=502), await peer(head(7))]
    async with Fetch(5, reach=ANYWHERE) as fetch:
        [heard] = await ask_everybody(QUESTION, {"peer": urls}, fetch)
    assert heard.base.startswith(urls[2])


async def test_waits_for_nobody_longer_than_a_round(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ROUND", 0.5)
    monkeypatch.setattr(asking, "GRACE", 0.1)

    async def never(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    silent, endless = await peer(never), await peer(_pour)
    began = time.monotonic()
    assert await ask(silent, endless) == {}
    assert 0.4 < time.monotonic() - began < 20
    monkeypatch.setattr(asking, "ROUND", 60.0)
    async with asyncio.timeout(20):
        assert list(await ask(silent, endless, await peer(head(3)))) == ["peer2"]


async def _pour(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"a")
        await asyncio.sleep(0.01)
