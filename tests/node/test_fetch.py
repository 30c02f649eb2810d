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
