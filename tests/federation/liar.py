"""A hostile peer: it stands before an honest site and lies about whatever it is told to.

It holds the site's address, so its members' list leads everybody here. What it is not told to lie
about it passes on as the site says it, in the same session, so that every refused answer has an
accepted twin.
"""

import asyncio
import base64
import contextlib
import gzip
import itertools
import re
import threading
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
import zstandard
from aiohttp import web

from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.keys import Ed25519Signer
from sopro_protocol.merkle import Hash
from sopro_protocol.note import NoteSignature, format_signature, sign_text

T = TypeVar("T")
Handler = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]
Stream = Callable[[web.StreamResponse, web.Request], Awaitable[None]]

CHECKPOINT = r"/log/at/1/checkpoint"
BUNDLE = r"/log/at/1/bundle/.*"
TILE = r"/log/at/1/tile/.*"
KEYS = r"/log/at/1/keys"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Lie:
    """What is said instead of the truth.

    Attributes:
        path: pattern of the paths it is told about.
        answer: from the request and the true body to what is said.
    """

    path: str
    answer: Handler


class Liar:
    """Serves on its own thread; `tell` and `be_honest` work from any other."""

    def __init__(self, port: int, *, upstream: str) -> None:
        self.port = port
        self.upstream = upstream
        self.asked: list[str] = []
        self._lie: Lie | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="liar", daemon=True)
        self._streams: dict[web.StreamResponse, asyncio.Event] = {}
        self._silence = asyncio.Event()
        self._floods: list[asyncio.Future[None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        self._do(self._start())

    def stop(self) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def tell(self, lie: Lie) -> None:
        """Lie from now on."""
        self.asked.clear()
        self._lie = lie

    def be_honest(self) -> None:
        """Tell the truth from now on, and cut what is still being said."""
        self._lie = None
        self._do(self._hush())

    @property
    def listeners(self) -> int:
        """How many listen to events."""
        return len(self._streams)

    def push(self, data: bytes) -> None:
        """Send something to everybody who listens to events."""
        self._do(self._push(data))

    def push_without_end(self, make: Callable[[int], bytes]) -> None:
        """Send to everybody who listens to events, as fast as they take it, until `be_honest`."""
        self._do(self._push_without_end(make))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def _stop(self) -> None:
        await self._hush()
        for ended in self._streams.values():
            ended.set()
        # What the other side never read would keep a connection open for ever.
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            if isinstance(connection.transport, asyncio.Transport):
                connection.transport.abort()
        await self._runner.cleanup()
        await self._session.close()

    async def _push_without_end(self, make: Callable[[int], bytes]) -> None:
        self._floods = [
            asyncio.ensure_future(self._flood(one, make)) for one in list(self._streams)
        ]

    async def _flood(self, one: web.StreamResponse, make: Callable[[int], bytes]) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                for number in itertools.count():
                    await one.write(make(number))
            finally:
                if one in self._streams:
                    self._streams[one].set()

    async def _hush(self) -> None:
        for one in self._floods:
            one.cancel()
        await asyncio.gather(*self._floods, return_exceptions=True)
        self._floods = []
        self._silence.set()
        self._silence = asyncio.Event()

    async def _push(self, data: bytes) -> None:
        for stream in list(self._streams):
            with contextlib.suppress(ConnectionError):
                await stream.write(data)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.raw_path
        self.asked.append(path)
        lie = self._lie
        if lie is not None and re.fullmatch(lie.path, path):
            return await self._until_hushed(request, self._lie_about(request, lie))
        if path == "/events":
            return await self._keep_quiet(request)
        if request.method == "POST":
            return await self._pass_on(request)
        body, status, kind = await self._ask(path)
        return web.Response(body=body, status=status, headers={"Content-Type": kind})

    async def _lie_about(self, request: web.Request, lie: Lie) -> web.StreamResponse:
        return await lie.answer(request, (await self._ask(request.raw_path))[0])

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        url = self.upstream + request.raw_path
        async with self._session.post(url, data=await request.read()) as answer:
            return web.Response(body=await answer.read(), status=answer.status)

    async def _ask(self, path: str) -> tuple[bytes, int, str]:
        headers = {"Accept-Encoding": "identity"}
        async with self._session.get(self.upstream + path, headers=headers) as answer:
            return await answer.read(), answer.status, answer.headers.get("Content-Type", "")

    async def _until_hushed(
        self, request: web.Request, work: Coroutine[Any, Any, web.StreamResponse]
    ) -> web.StreamResponse:
        task = asyncio.ensure_future(work)
        hushed = asyncio.ensure_future(self._silence.wait())
        try:
            await asyncio.wait({task, hushed}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if isinstance(request.transport, asyncio.Transport):
                request.transport.abort()
            return web.Response()
        finally:
            task.cancel()
            hushed.cancel()
            await asyncio.gather(task, hushed, return_exceptions=True)

    async def _keep_quiet(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        ended = self._streams[response] = asyncio.Event()
        try:
            await ended.wait()
            if isinstance(request.transport, asyncio.Transport):
                request.transport.abort()
        finally:
            del self._streams[response]
        return response


# What can be said.


def say(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Handler:
    """Say these bytes."""

    async def answer(_request: web.Request, _truth: bytes) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=dict(headers or {}))

    return answer


def twist(change: Callable[[bytes], bytes], **headers: str) -> Handler:
    """Say the truth, changed; headers with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(_request: web.Request, truth: bytes) -> web.StreamResponse:
        return web.Response(body=change(truth), headers=named)

    return answer


def stream(write: Stream, **headers: str) -> Handler:
    """Say something piece by piece."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(request: web.Request, _truth: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers=named)
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            await write(response, request)
        return response

    return answer


async def never(_request: web.Request, _truth: bytes) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def hang(_response: web.StreamResponse, _request: web.Request) -> None:
    """Send headers and nothing more."""
    await asyncio.Event().wait()


async def drip(response: web.StreamResponse, _request: web.Request) -> None:
    """Send a byte now and then."""
    while True:
        await response.write(b"a")
        await asyncio.sleep(0.1)


async def flood(response: web.StreamResponse, _request: web.Request) -> None:
    """Send without end."""
    piece = bytes(64 * 1024)
    while True:
        await response.write(piece)


async def cut(response: web.StreamResponse, request: web.Request) -> None:
    """Promise more than comes."""
    await response.write(b"short")
    assert request.transport is not None
    request.transport.close()


async def raw_garbage(request: web.Request, _truth: bytes) -> web.StreamResponse:
    """Answer with what is not HTTP."""
    assert isinstance(request.transport, asyncio.Transport)
    request.transport.write(b"SSH-2.0-OpenSSH_9.6\r\nnot http\r\n\r\n")
    request.transport.close()
    return web.Response()


def gzip_bomb(size: int) -> bytes:
    """Make gzip that expands to `size` zeros."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(
        [*(packer.compress(bytes(MEBIBYTE)) for _ in range(size // MEBIBYTE)), packer.flush()]
    )


def zstd_bomb(size: int) -> bytes:
    """Make zstd that expands to `size` zeros."""
    packer = zstandard.ZstdCompressor(level=19).compressobj()
    return b"".join(
        [*(packer.compress(bytes(MEBIBYTE)) for _ in range(size // MEBIBYTE)), packer.flush()]
    )


def wide_zstd(data: bytes) -> bytes:
    """Make zstd that asks its reader for a window of 128 MiB."""
    parameters = zstandard.ZstdCompressionParameters(
        window_log=27, enable_ldm=True, write_content_size=False
    )
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(data) + packer.flush()


def nested(data: bytes) -> bytes:
    return gzip.compress(gzip.compress(data))


# Notes.


def sign_head(origin: str, size: int, root: bytes, signer: Ed25519Signer) -> bytes:
    """Sign a head that need not be true."""
    return sign_checkpoint(Checkpoint(origin, size, Hash(root)), signer)


def sign_anything(text: str, *, origin: str, signer: Ed25519Signer) -> bytes:
    """Sign a text that need not be a head, without a look at it."""
    line = sign_text(text, name=origin, signer=signer)
    return f"{text}\n{format_signature(line)}".encode()


def head_text(origin: str, size: object, root: bytes) -> str:
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def foreign_line(origin: str) -> str:
    return format_signature(NoteSignature(origin, b"abcd", bytes(64)))
