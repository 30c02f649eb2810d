"""A node of the world on loopback: it serves logs as EXCH has it, or misbehaves as it is told.

What was asked of it is kept in order, so that a case can say that the candidate did fetch what was
poisoned. `misbehave` and `behave` hold from the next request on; what is still being said ends.
"""

import asyncio
import contextlib
import json
import re
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple, TypeAlias

from aiohttp import web

from sopro_conformance.plain import spell
from sopro_conformance.world.served import Shown, prefix_of, render

Lie: TypeAlias = Callable[[web.Request, bytes], Coroutine[Any, Any, web.StreamResponse]]
"""From a request and the true body to what is said instead."""

_KEPT: Final = 20_000


class Asked(NamedTuple):
    """A request that came.

    Attributes:
        method: GET, POST...
        path: with its query, as it stood in the request line.
        headers: by lower-case name.
    """

    method: str
    path: str
    headers: dict[str, str]


class Server:
    """A node that serves the logs in `logs`, each by the prefix of its origin.

    Attributes:
        logs: by prefix.
        sizes: of the heads shown; all there is where a log has none here.
        lines: signature lines beyond the log's own, by origin, as `note` appends them.
        posts: what takes a POST, by path.
        asked: every request, oldest first.
        greeted: how often somebody has begun to speak TLS.
    """

    def __init__(self) -> None:
        self.logs: dict[str, Shown] = {}
        self.sizes: dict[str, int] = {}
        self.posts: dict[str, Callable[[bytes], Coroutine[Any, Any, web.StreamResponse]]] = {}
        self.files: dict[str, bytes] = {}
        self.asked: list[Asked] = []
        self.port = 0
        self.own: Shown | None = None
        self.greeted = 0
        self._tls: ssl.SSLContext | None = None
        self._lies: list[tuple[re.Pattern[str], Lie]] = []
        self._hushed = asyncio.Event()
        self._news = asyncio.Event()
        self._streams: dict[web.StreamResponse, asyncio.Event] = {}
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def serve(self, log: Shown, *, size: int | None = None) -> None:
        """Serve a log, up to a size where one is given; the first one is its own."""
        self.logs[prefix_of(log.origin)] = log
        self.sizes.pop(log.origin, None)
        if size is not None:
            self.sizes[log.origin] = size
        self.own = self.own or log

    # Life.

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a port of the system's choice, or on the one it had; over TLS where told so."""
        self._tls = tls
        if tls is not None:
            tls.sni_callback = self._greet
        app = web.Application(client_max_size=1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, "127.0.0.1", self.port, reuse_address=True, ssl_context=tls
        )
        await site.start()
        self.port = self._runner.addresses[0][1]

    def _greet(self, *_: object) -> None:
        self.greeted += 1

    async def stop(self) -> None:
        """Go away, in the middle of a word if need be."""
        self.behave()
        for ended in self._streams.values():
            ended.set()
        runner, self._runner = self._runner, None
        if runner is not None:
            for connection in list(runner.server.connections if runner.server else ()):
                if isinstance(connection.transport, asyncio.Transport):
                    connection.transport.abort()
            await runner.cleanup()

    # How it behaves.

    def misbehave(self, pattern: str, lie: Lie) -> None:
        """Lie about the paths that a pattern matches as a whole."""
        self._lies.append((re.compile(pattern), lie))

    def behave(self) -> None:
        """Tell the truth from now on, and cut off what is still being said."""
        self._lies.clear()
        self._hushed.set()
        self._hushed = asyncio.Event()

    def mark(self) -> int:
        """Remember how many requests there were."""
        return len(self.asked)

    def since(self, mark: int, pattern: str = ".*") -> list[Asked]:
        """Return the requests after a mark for paths that match."""
        return [one for one in self.asked[mark:] if re.fullmatch(pattern, one.path)]

    async def wait_asked(self, pattern: str, *, since: int, within: float) -> bool:
        """Wait until something is asked for; False where it never was."""
        try:
            async with asyncio.timeout(within):
                while not self.since(since, pattern):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def announce(self, log: Shown) -> None:
        """Tell everybody who listens that a log has grown (SYNC-8)."""
        note = self.checkpoint(log).decode()
        size = int(note.split("\n")[1])
        data = json.dumps({"origin": log.origin, "size": size, "note": note})
        await self.push(f"event: checkpoint\ndata: {data}\n\n".encode())

    async def push(self, data: bytes) -> None:
        """Send bytes to everybody who listens."""
        for stream in list(self._streams):
            with contextlib.suppress(ConnectionError):
                await stream.write(data)

    @property
    def listeners(self) -> int:
        """How many listen to its events."""
        return len(self._streams)

    def checkpoint(self, log: Shown) -> bytes:
        """Return the head shown of a log."""
        return log.checkpoint(self.sizes.get(log.origin))

    # What it says.

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = spell(request.raw_path)
        headers = {spell(name.lower()): spell(one) for name, one in request.headers.items()}
        self.asked.append(Asked(request.method, path, headers))
        del self.asked[:-_KEPT]
        self._news.set()
        for pattern, lie in self._lies:
            if pattern.fullmatch(path):
                return await self._until_hushed(request, lie(request, self.truth(path) or b""))
        if request.method == "POST":
            answer = self.posts.get(path)
            if answer is None:
                return web.Response(status=404)
            return await self._until_hushed(request, answer(await request.read()))
        if path == "/events":
            return await self._keep_telling(request)
        body = self.truth(path)
        if body is None:
            return web.Response(status=404, content_type="application/problem+json", body=b"{}")
        return web.Response(body=body, content_type=_type_of(path))

    def truth(self, path: str) -> bytes | None:
        """Return what an honest node serves at a path; None where there is nothing."""
        if path in self.files:
            return self.files[path]
        if path == "/.well-known/sopro" and self.own is not None:
            return self._discovery(self.own)
        if path == "/evidence":
            return b'{"evidence":[]}'
        for prefix, log in self.logs.items():
            if path.startswith(prefix + "/"):
                size = self.sizes.get(log.origin, log.size)
                return render(log, path[len(prefix) + 1 :], size)
        return None

    def _discovery(self, own: Shown) -> bytes:
        federation, site, _ = own.origin.split("/")
        mirrors = [one for one in self.logs if one != prefix_of(own.origin)]
        said: dict[str, Any] = {
            "site": site,
            "federation": federation,
            "origin": own.origin,
            "role": "site",
            "country": site.upper(),
            "name": {"en": f"Site {site}"},
            "languages": ["en"],
            "zone": "Europe/Vienna",
            "keys": [],
            "log": prefix_of(own.origin),
            "mirrors": mirrors,
            "versions": ["1"],
            "profiles": ["R", "P", "W"],
            "features": [],
            "limits": {},
        }
        return json.dumps(said).encode()

    async def _keep_telling(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        ended = self._streams[response] = asyncio.Event()
        try:
            await response.write(b": here\n\n")
            await ended.wait()
            _abort(request)
        except ConnectionError:  # whoever listened has gone
            pass
        finally:
            del self._streams[response]
        return response

    async def _until_hushed(
        self, request: web.Request, work: Coroutine[Any, Any, web.StreamResponse]
    ) -> web.StreamResponse:
        task = asyncio.ensure_future(work)
        hushed = asyncio.ensure_future(self._hushed.wait())
        try:
            await asyncio.wait({task, hushed}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                with contextlib.suppress(ConnectionError):  # whoever asked has gone
                    return task.result()
            _abort(request)
            return web.Response()
        finally:
            task.cancel()
            hushed.cancel()
            await asyncio.gather(task, hushed, return_exceptions=True)


def _abort(request: web.Request) -> None:
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()


def _type_of(path: str) -> str:
    if path.endswith("/checkpoint"):
        return "text/plain"
    is_json = path in ("/.well-known/sopro", "/evidence")
    return "application/json" if is_json else "application/octet-stream"
