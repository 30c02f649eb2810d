"""What a server of the world says instead of the truth; each function makes one `Lie`."""

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from sopro_conformance.world.server import Lie

MEBIBYTE: Final = 1024 * 1024
PORTAL: Final = b"<!doctype html><title>Sign in to the network</title>"


def say(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Lie:
    """Say these bytes."""

    async def answer(_request: web.Request, _truth: bytes) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=dict(headers or {}))

    return answer


def falter(times: int) -> Lie:
    """Say the truth so many times, and then nothing."""
    left = times

    async def answer(_request: web.Request, truth: bytes) -> web.StreamResponse:
        nonlocal left
        left -= 1
        return web.Response(body=truth) if left >= 0 else web.Response(status=404)

    return answer


def twist(change: Callable[[bytes], bytes], headers: Mapping[str, str] | None = None) -> Lie:
    """Say the truth, changed."""

    async def answer(_request: web.Request, truth: bytes) -> web.StreamResponse:
        return web.Response(body=change(truth), headers=dict(headers or {}))

    return answer


def cut_after(size: int) -> Lie:
    """Say the first bytes of the truth, and break the connection."""

    async def answer(request: web.Request, truth: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(truth) + 1)})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            await response.write(truth[:size])
            if isinstance(request.transport, asyncio.Transport):
                request.transport.abort()
        return response

    return answer


def promise(size: int) -> Lie:
    """Say that so many bytes come, and send none."""

    async def answer(request: web.Request, _truth: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(size)})
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    return answer


async def never(_request: web.Request, _truth: bytes) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def stall(request: web.Request, _truth: bytes) -> web.StreamResponse:
    """Send headers and nothing more."""
    response = web.StreamResponse()
    await response.prepare(request)
    await asyncio.Event().wait()
    return response


async def drip(request: web.Request, _truth: bytes) -> web.StreamResponse:
    """Send a byte now and then, without end."""
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b"a")
            await asyncio.sleep(0.1)
    return response


async def flood(request: web.Request, _truth: bytes) -> web.StreamResponse:
    """Send without end, as fast as it is taken."""
    response = web.StreamResponse()
    await response.prepare(request)
    piece = bytes(64 * 1024)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(piece)
    return response


async def no_http(request: web.Request, _truth: bytes) -> web.StreamResponse:
    """Answer with what is not HTTP."""
    if isinstance(request.transport, asyncio.Transport):
        request.transport.write(b"SSH-2.0-OpenSSH_9.6\r\nnot http\r\n\r\n")
        request.transport.close()
    return web.Response()


def redirect(location: str, status: int = 302) -> Lie:
    """Send elsewhere."""
    return say(b"", status=status, headers={"Location": location})


def bomb(mebibytes: int) -> Lie:
    """Say gzip that expands to so many mebibytes of nothing."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(MEBIBYTE)
    packed = b"".join([*(packer.compress(zeros) for _ in range(mebibytes)), packer.flush()])
    return say(packed, headers={"Content-Encoding": "gzip"})


def nested() -> Lie:
    """Say the truth, packed twice, as the headers say."""
    return twist(
        lambda truth: gzip.compress(gzip.compress(truth)), {"Content-Encoding": "gzip, gzip"}
    )


def packed_wrongly() -> Lie:
    """Say the truth as it is, as something packed."""
    return twist(bytes, {"Content-Encoding": "gzip"})


def flip(place: int) -> Callable[[bytes], bytes]:
    """Turn one bit of a byte, counted from the end where negative."""

    def change(truth: bytes) -> bytes:
        if not truth:
            return truth
        at = place % len(truth)
        return truth[:at] + bytes([truth[at] ^ 1]) + truth[at + 1 :]

    return change
