"""Who asks too often is told so, and nobody else is (SPEC ERR-7)."""

from dataclasses import replace

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from sopro_node.node import Node
from sopro_node.web.limits import Crowd
from sopro_node.web.problems import ProblemError
from sopro_node.web.server import build_app


def test_each_address_has_an_allowance_of_its_own() -> None:
    now = [0.0]
    crowd = Crowd(2, uptime=lambda: now[0])
    for _ in range(8):
        crowd.check("192.0.2.1")
    with pytest.raises(ProblemError) as refused:
        crowd.check("192.0.2.1")
    assert (refused.value.status, refused.value.code) == (429, "err.rate")
    assert refused.value.headers == {"Retry-After": "1"}
    crowd.check("192.0.2.2")
    crowd.check(None)
    now[0] = 1.0
    for _ in range(2):
        crowd.check("192.0.2.1")
    with pytest.raises(ProblemError):
        crowd.check("192.0.2.1")


def test_nobody_is_counted_where_there_is_no_bound() -> None:
    crowd = Crowd(0)
    for _ in range(100_000):
        crowd.check("192.0.2.1")


async def test_a_caller_is_refused_over_http_and_another_is_not(lone_node: Node) -> None:
    lone_node.settings = replace(lone_node.settings, requests_per_second=1)
    async with TestServer(build_app(lone_node)) as server, aiohttp.ClientSession() as session:

        async def ask(path: str) -> aiohttp.ClientResponse:
            async with session.get(server.make_url(path)) as answer:
                await answer.read()
                return answer

        # A slow machine earns some more while it asks.
        answers = [await ask("/.well-known/sopro") for _ in range(30)]
        assert [one.status for one in answers[:4]] == [200] * 4
        refused = next(one for one in answers if one.status == 429)
        assert refused.content_type == "application/problem+json"
        assert int(refused.headers["Retry-After"]) > 0
        other = aiohttp.TCPConnector(local_addr=("127.0.0.9", 0))
        async with (
            aiohttp.ClientSession(connector=other) as elsewhere,
            elsewhere.get(server.make_url("/.well-known/sopro")) as answer,
        ):
            assert answer.status == 200
