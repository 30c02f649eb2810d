"""Only a trusted proxy is believed about who asks."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sopro_node.web.proxies import behind


async def echo(request: web.Request) -> web.Response:
    return web.json_response([request.remote, request.scheme])


@pytest.mark.parametrize(
    ("trusted", "headers", "expected"),
    [
        ((), {"X-Forwarded-For": "192.0.2.7"}, ["127.0.0.1", "http"]),
        (("127.0.0.1",), {}, ["127.0.0.1", "http"]),
        (
            ("127.0.0.1",),
            {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"},
            ["192.0.2.7", "https"],
        ),
        (("127.0.0.1",), {"X-Forwarded-For": "198.51.100.1, 192.0.2.7"}, ["192.0.2.7", "http"]),
        (
            ("127.0.0.1", "192.0.2.7"),
            {"X-Forwarded-For": "198.51.100.1, 192.0.2.7"},
            ["198.51.100.1", "http"],
        ),
        (("127.0.0.1",), {"X-Forwarded-For": "<script>"}, ["127.0.0.1", "http"]),
        (("127.0.0.1",), {"X-Forwarded-Proto": "gopher"}, ["127.0.0.1", "http"]),
    ],
)
async def test_believes_trusted_proxies_only(
    trusted: tuple[str, ...], headers: dict[str, str], expected: list[str]
) -> None:
    app = web.Application(middlewares=[behind(trusted)])
    app.router.add_get("/", echo)
    async with TestClient(TestServer(app)) as client, client.get("/", headers=headers) as answer:
        assert await answer.json() == expected
