"""A body that cannot be read is the sender's mistake at every endpoint, and never ours."""

import asyncio
import json
import logging
import os
import re
import zlib
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest

from sopro_node.calling import open_socket
from sopro_node.control import ControlServer
from sopro_node.web import bodies
from sopro_node.web.bodies import parse_form
from sopro_protocol.errors import FormatError
from sopro_registry.certificate_file import MAX_CERTIFICATE
from tests.node.conftest import Federation, Served

FORM = b"Content-Type: multipart/form-data; boundary=x\r\n"
DISPOSITION = b'Content-Disposition: form-data; name="file"; filename="canary.sopro"\r\n'


def with_length(headers: bytes, body: bytes) -> bytes:
    return headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


def gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


def form(headers: bytes, content: bytes = b"canary") -> bytes:
    return b"--x\r\n" + headers + b"\r\n" + content + b"\r\n--x--\r\n"


BROKEN: dict[str, bytes] = {
    "not gzip": with_length(FORM + b"Content-Encoding: gzip\r\n", b"{canary}"),
    "not deflate": with_length(FORM + b"Content-Encoding: deflate\r\n", b"{canary}"),
    "half of gzip": with_length(
        FORM + b"Content-Encoding: gzip\r\n", gzip(form(DISPOSITION, bytes(range(256)) * 9))[:40]
    ),
    "a gzip bomb": with_length(
        FORM + b"Content-Encoding: gzip\r\n", gzip(form(DISPOSITION, bytes(64 * 1024 * 1024)))
    ),
    "lines without end before the form": with_length(
        FORM + b"Content-Encoding: gzip\r\n", gzip(b"\n" * 64 * 1024 * 1024)
    ),
    "a header without a colon": with_length(FORM, form(DISPOSITION + b"canary\r\n")),
    "20,000 headers of a part": with_length(FORM, form(DISPOSITION + b"Canary: y\r\n" * 20_000)),
    "a header without end": with_length(FORM, b"--x\r\n" + b"canary" * 20_000),
    "a disposition of nothing": with_length(FORM, form(b"Content-Disposition: ;;=;canary\r\n")),
    "no boundary": with_length(b"Content-Type: multipart/form-data\r\n", form(DISPOSITION)),
    "an empty boundary": with_length(
        b'Content-Type: multipart/form-data; boundary=""\r\n', form(DISPOSITION)
    ),
    "a boundary of another form": with_length(
        b"Content-Type: multipart/form-data; boundary=canary\r\n", form(DISPOSITION)
    ),
    "a boundary that is no text": with_length(
        b"Content-Type: multipart/form-data; boundary*=canary''%ff\r\n", form(DISPOSITION)
    ),
    "a form without end": with_length(FORM, form(DISPOSITION)[:-9]),
    "broken chunks": FORM + b"Transfer-Encoding: chunked\r\n\r\ncanary\r\n",
    "too large": with_length(FORM, form(DISPOSITION, bytes(MAX_CERTIFICATE + 100_000))),
}
PATHS = ["/verify", "/api/v1/applications", "/witness/add-checkpoint"]
CODES = {400: ("format", "err.type"), 411: ("err.size",), 413: ("err.size",)}


async def send(served: Served, path: str, rest: bytes) -> tuple[bytes, bytes]:
    where = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\n".encode() + rest)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"(?i)content-length: ([0-9]+)", head)
            return head, await reader.readexactly(int(found[1])) if found else b""
    finally:
        writer.close()


@pytest.mark.parametrize("path", PATHS)
async def test_what_cannot_be_read_is_a_problem_in_one_line(
    federation: Federation, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    served = await federation.coordinator()
    for name, rest in BROKEN.items():
        head, body = await send(served, path, rest)
        status = int(head.split(b" ", 2)[1])
        assert b"application/problem+json" in head, (name, head)
        problem = json.loads(body)
        assert 400 <= status == problem["status"] < 500, (name, problem)
        assert problem["detail"].isprintable(), (name, problem)
        if path == "/verify":  # the others say what their formats expect, and what they got
            assert problem["code"] in CODES[status], (name, problem)
            assert b"canary" not in body, (name, problem)
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_a_form_may_be_compressed(federation: Federation) -> None:
    served = await federation.coordinator()
    body = gzip(form(DISPOSITION, b"no certificate"))
    head, _ = await send(
        served, "/verify?lang=en", with_length(FORM + b"Content-Encoding: gzip\r\n", body)
    )
    assert head.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "content", [b"", b"\r\n", b"--x", b"\r\n--", b"a\r\n\r\nb", bytes(range(256))]
)
def test_the_file_of_a_form_is_what_was_sent(content: bytes) -> None:
    for headers in (DISPOSITION, b"X-A: b\r\n" + DISPOSITION.lower(), DISPOSITION + b"X-A: b\r\n"):
        assert parse_form(form(headers, content), boundary="x", name="file") == content


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b'Content-Disposition: form-data; name="other"\r\n',
        b'Content-Disposition: form-data; filename="name=file"\r\n',
        b'Content-Disposition: attachment; name="file"\r\n',
        b'X-Content-Disposition: form-data; name="file"\r\n',
        DISPOSITION + b" folded: canary\r\n",
        DISPOSITION + b"caf\xc3\xa9: canary\r\n",
    ],
)
def test_a_part_of_another_name_or_form_is_not_the_file(headers: bytes) -> None:
    with pytest.raises(FormatError) as refused:
        parse_form(form(headers), boundary="x", name="file")
    assert str(refused.value) == f"the form: expected one part named 'file', {bodies.FORM_EXAMPLE}"


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x91\xc0", b"\x81\x01\x01", b"\x81\xa1\xff\xc0"])
async def test_a_call_over_the_control_socket_that_is_none_is_said_to_be_none(
    federation: Federation, body: bytes
) -> None:
    served = await federation.coordinator()
    control = ControlServer(served.node)
    await control.start()
    descriptor, path = open_socket(served.node.folder)
    try:
        connector = aiohttp.UnixConnector(path)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post("http://node/call/status", data=body) as answer,
        ):
            assert answer.status == 400
            fields = msgspec.msgpack.decode(await answer.read())
    finally:
        os.close(descriptor)
        await control.stop()
    assert (fields["kind"], fields["error"][:29]) == (
        "FormatError",
        "call: expected a msgpack map;",
    )
