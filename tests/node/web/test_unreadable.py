"""What is no HTTP is answered with a problem document too, and never with what was sent."""

import asyncio
import json
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.node.conftest import Federation

UNREADABLE: dict[str, bytes] = {
    "no such method": b"F\x00O /canary HTTP/1.1\r\nHost: x\r\n\r\n",
    "another method": b"FOO /canary HTTP/1.1\r\nHost: x\r\n\r\n",
    "a line too long": b"GET /canary" + 9000 * b"a" + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header too long": b"GET / HTTP/1.1\r\nHost: x\r\nX: canary" + 9000 * b"a" + b"\r\n\r\n",
    "no length": b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: canary\r\n\r\n",
    "no version": b"GET /canary HTTP/9.9\r\nHost: x\r\n\r\n",
    "no host twice": b"GET / HTTP/1.1\r\nHost: x\r\nHost: canary\r\n\r\n",
    "an unknown encoding": b"POST /witness/add-checkpoint HTTP/1.1\r\nHost: x\r\n"
    b"Content-Encoding: zstd\r\nContent-Length: 6\r\n\r\ncanary",
}


@pytest.mark.parametrize("sent", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_cannot_be_read_gets_a_problem_document(
    federation: Federation, sent: bytes
) -> None:
    served = await federation.coordinator()
    where = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(sent)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            body = await reader.readexactly(int(headers[b"content-length"]))
    finally:
        writer.close()
    status = int(head.split(b" ", 2)[1])
    assert 400 <= status < 500
    assert headers[b"content-type"] == b"application/problem+json"
    problem = json.loads(body)
    assert (problem["status"], problem["code"] in ("format", "err.method", "err.size")) == (
        status,
        True,
    ), problem
    assert b"canary" not in head + body


@pytest.mark.parametrize("path", ["/", "/api/v1/labels", "/nothing"])
async def test_an_expectation_nobody_knows_gets_a_problem_document(
    federation: Federation, path: str
) -> None:
    served = await federation.coordinator()
    async with aiohttp.ClientSession() as session:
        asked = {"Expect": "canary"}
        async with session.get(served.url + path, headers=asked) as answer:
            assert answer.status == 417
            assert answer.content_type == "application/problem+json"
            problem = await answer.json(content_type=None)
    assert (problem["status"], problem["code"]) == (417, "err.expect")
    assert "'100-continue'" in problem["detail"]
    assert "canary" not in str(problem)
