import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sopro_node.fetch import Fetch
from sopro_node.reach import ANYWHERE
from sopro_protocol.errors import NotFoundError, PeerError, SoproError

SAID = {
    "/here": (200, b"found"),
    "/gone": (404, b'{"detail": "no label is known here"}'),
    "/busy": (503, b'{"detail": "later\\u001b[2J\\n"}'),
    "/mute": (500, b"<h1>oops</h1>"),
    "/away": (302, b""),
}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        status, body = SAID[request.path]
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_get("/{_:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("/gone", NotFoundError, "no label is known here"),
        ("/busy", PeerError, "later [2J "),
        ("/mute", PeerError, "status 500"),
        ("/away", PeerError, "redirects elsewhere, which is not followed"),
    ],
)
async def test_says_in_the_words_of_who_answers_what_is_not_to_be_had(
    url: str, path: str, kind: type[SoproError], said: str
) -> None:
    async with Fetch(reach=ANYWHERE) as fetch:
        assert (await fetch.find(f"{url}/here", limit=10)).body == b"found"
        with pytest.raises(kind) as caught:
            await fetch.find(url + path, limit=10)
    assert str(caught.value) == f"{url}{path}: {said}"


async def test_what_a_log_lacks_is_a_peers_failure_whatever_its_words(url: str) -> None:
    async with Fetch(reach=ANYWHERE) as fetch:
        with pytest.raises(PeerError, match=r"/gone: status 404$") as caught:
            await fetch.get(f"{url}/gone", limit=10)
    assert caught.value.code == "hos.status"


async def test_streams_that_stay_open_leave_room_for_answers() -> None:
    """A federation may have more members than a client has connections for everything else."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path != "/events":
            return web.Response(body=b"here")
        stream = web.StreamResponse()
        await stream.prepare(request)
        await stream.write(b"data: 1\n")
        await over.wait()
        return stream

    async def follow(fetch: Fetch, host: int) -> None:
        async for _ in fetch.lines(f"http://127.0.0.{host}:{server.port}/events", limit=100):
            heard.add(host)
            if len(heard) == members:
                everybody.set()

    members, heard = 70, set[int]()
    over, everybody = asyncio.Event(), asyncio.Event()
    app = web.Application()
    app.router.add_get("/{_:.*}", answer)
    async with TestServer(app, host="0.0.0.0") as server, Fetch(5.0, reach=ANYWHERE) as fetch:
        following = [asyncio.create_task(follow(fetch, host + 1)) for host in range(members)]
        try:
            async with asyncio.timeout(30):
                await everybody.wait()
            url = f"http://127.0.0.1:{server.port}/checkpoint"
            assert (await fetch.get(url, limit=10)).body == b"here"
        finally:
            over.set()
            await asyncio.gather(*following)
