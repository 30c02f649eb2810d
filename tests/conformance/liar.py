"""A candidate that is right just long enough to be tried, and then says anything at all.

    python liar.py SEED CHANCE

It answers the adapter protocol and serves a log that its federation admits, both made with the
suite's own world. From the time it is a member, and sometimes before, an answer is replaced, with
the chance given, by something that no node says: over HTTP other statuses, lengths, headers,
encodings and bodies, of the adapter other types, forms and lines.
"""

import asyncio
import base64
import contextlib
import json
import random
import sys
import zlib
from typing import Any

import aiohttp

from sopro_conformance.world.client import read_record
from sopro_conformance.world.federation import FEDERATION
from sopro_conformance.world.served import WIDTH, prefix_of, resource_path
from sopro_conformance.world.server import Server
from sopro_conformance.world.sitelog import SiteLog

SOURCE = random.Random(sys.argv[1])
CHANCE = float(sys.argv[2])
ODD_TEXTS = (
    "",
    "\ud800",
    "\x00\x1b[2J",
    "\u202e",
    "x" * 70_000,
    "NaN",
    "<script>alert(1)</script>",
)


NAMES = (f"{FEDERATION}/at/1", f"{FEDERATION}/hu/1", "SOPRO/AT0/001/000000", "at", "hu", "pa", "3")


def anything(depth: int = 4) -> Any:
    """Return a value of JSON, or of what Python takes for it."""
    kind = SOURCE.randrange(9 if depth else 7)
    if kind == 7:
        return [anything(depth - 1) for _ in range(SOURCE.randrange(4))]
    if kind == 8:
        names = [
            "void",
            "labels",
            "status",
            "size",
            "indexes",
            "code",
            "peers",
            "\ud800",
            "members",
        ]
        return {SOURCE.choice(names): anything(depth - 1) for _ in range(SOURCE.randrange(4))}
    odd = SOURCE.choice(ODD_TEXTS)
    return (None, True, 2**70, -1, float("nan"), odd, SOURCE.randrange(400))[kind]


class Liar:
    def __init__(self) -> None:
        self.log = SiteLog(SOURCE, f"{FEDERATION}/at/1")
        self.log.name_keys()
        self.log.state()
        self.server = Server()
        self.server.serve(self.log)
        self.is_member = False
        self.coordinator = ""
        self.urls: dict[str, str] = {}
        self.port = 0

    # As a node.

    async def listen(self) -> None:
        serving = await asyncio.start_server(self.connected, "127.0.0.1", 0)
        self.port = serving.sockets[0].getsockname()[1]

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, ValueError, EOFError, KeyError, asyncio.LimitOverrunError
        ):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            method, path, *_ = head.split(b" ")
            named = path.decode("ascii", "replace")
            body = self.server.truth(named)
            if body is None and named.startswith("/log/"):
                body = await self.mirror(named) if self.coordinator else None
            is_lie = self.is_member and SOURCE.random() < CHANCE
            await (lie if is_lie else tell)(writer, body, is_head=method == b"HEAD")
        writer.close()

    async def follow(self, url: str, origin: str) -> None:
        """Act on the coordinator's log as soon as it names this site."""
        base = self.coordinator = url + prefix_of(origin)
        self.urls[prefix_of(origin)] = url
        async with aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError, ValueError, IndexError):
                    async with session.get(f"{base}/checkpoint") as answer:
                        _, size, root, *_ = (await answer.read()).split(b"\n")
                    if int(size) > 1 and await self._is_named(session, base, int(size)):
                        acted = {"root": base64.b64decode(root), "size": int(size)}
                        self.log.state(coordinator=acted)
                        await asyncio.sleep(0.5)
                        self.is_member = True
                        return
                await asyncio.sleep(0.02)

    async def _is_named(self, session: aiohttp.ClientSession, base: str, size: int) -> bool:
        """Read who is a member, and where; say whether this site is."""
        rest = b""
        for number in range(-(-size // WIDTH)):
            path = resource_path("tile/entries", number, min(WIDTH, size - number * WIDTH))
            async with session.get(f"{base}/{path}") as answer:
                rest += await answer.read()
        while rest:
            length = int.from_bytes(rest[:2], "big")
            body = read_record(rest[2 : 2 + length]).get("body", {})
            if "urls" in body and "origin" in body:
                self.urls[prefix_of(body["origin"])] = body["urls"][0]
            rest = rest[2 + length :]
        return prefix_of(self.log.origin) in self.urls

    async def mirror(self, path: str) -> bytes | None:
        """Have whoever serves a log say what a mirror would: this site holds nothing of others."""
        prefix = "/".join(path.split("/")[:4])
        async with aiohttp.ClientSession() as session:
            with contextlib.suppress(aiohttp.ClientError, LookupError, ValueError):
                base = self.coordinator
                async with session.get(f"{base}/checkpoint") as answer:
                    size = int((await answer.read()).split(b"\n")[1])
                await self._is_named(session, base, size)
                async with session.get(self.urls[prefix] + path) as answer:
                    return await answer.read() if answer.status == 200 else None
        return None

    # Behind the adapter protocol.

    async def answer(self, request: dict[str, Any]) -> Any:
        verb = request.get("verb")
        if verb == "hello":
            profiles = ["reader", "publisher", "peer", "witness", "coordinator"]
            return {
                "software": "liar",
                "version": "\ud800",
                "profiles": profiles,
                "features": ["documents"],
            }
        if verb == "start":
            if not self.port:
                await self.listen()
                coordinator = request["coordinator"]
                if "url" in coordinator:
                    self.following = asyncio.ensure_future(
                        self.follow(coordinator["url"], coordinator["origin"])
                    )
            root = base64.b64encode(self.log.keys["root"].public).decode()
            url = f"http://127.0.0.1:{self.port}"
            return {
                "url": url,
                "origin": self.log.origin,
                "root": root,
                "vkey": SOURCE.choice(["", "a+b+c", "\ud800+0000+AAAA", "x+00000000+" + "A" * 44]),
                "entries": [],
            }
        if SOURCE.random() < CHANCE:
            return anything()
        if verb == "append":
            indexes = [
                self.log.append(one["family"], {"effective_date": "2026-02-01"}).position
                for one in request.get("records", ())
            ]
            self.log.state()
            return {"indexes": indexes, "entities": [str(one) for one in indexes]}
        if verb in ("stop", "kill9", "clock", "backup", "restore", "sync"):
            return {"peers": {str(request.get("origin")): {"size": 3}}}
        return self.say_anything_of_logs()

    def say_anything_of_logs(self) -> dict[str, Any]:
        names = SOURCE.sample(["peers", "members", "labels", "logs", "status", "evidence"], 2)
        if SOURCE.random() < CHANCE:
            return {name: anything() for name in names}
        return {"members": {"at": "admitted"}, "logs": {SOURCE.choice(NAMES): {"void": {}}}}

    def line(self, number: int, ok: Any) -> str:
        """Write an answer, mostly in one of its forms."""
        forms: list[Any] = [{"id": number, "ok": ok}]
        if SOURCE.random() < CHANCE:
            forms = [
                {"id": number, "reject": {"code": SOURCE.choice(["enc.limit", "\ud800", 5, ""])}},
                {"id": number, "reject": anything()},
                {"id": number, "error": anything()},
                {"id": number, "ok": anything()},
                {"id": float(number), "ok": {}},
            ]
        if SOURCE.random() < CHANCE / 20:
            forms = [{"id": [number], "ok": {}}, anything()]
        text = json.dumps(SOURCE.choice(forms))
        before = ""
        if SOURCE.random() < CHANCE / 4:
            before = SOURCE.choice(['{"id": 1, "ok": {', "[" * 100_000, "9" * 5000, "\x00"]) + "\n"
        return before + text + "\n"


async def tell(writer: asyncio.StreamWriter, body: bytes | None, *, is_head: bool) -> None:
    status = b"404 Not Found" if body is None else b"200 OK"
    shown = body or b"{}"
    head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(shown))
    writer.write(head + (b"" if is_head else shown))
    await writer.drain()


async def lie(writer: asyncio.StreamWriter, truth: bytes | None, *, is_head: bool) -> None:
    del is_head
    body = truth or b"{}"
    at = SOURCE.randrange(len(body) + 1)
    bodies = [
        body,
        body[:at],
        body[:at] + b"\xff" + body[at + 1 :],
        SOURCE.randbytes(SOURCE.randrange(3000)),
        json.dumps(anything()).encode(),
        b"[" * 100_000,
        b'{"versions":"1","mirrors":{},"keys":[1],"limits":[]}',
        b"conformance.example/at/1\n99999999999999999999\n" + b"A" * 43 + b"=\n\n",
        b"\xdf\xff\xff\xff\xff",
        b"",
    ]
    shown = SOURCE.choice(bodies)
    packed = zlib.compress(shown + bytes(SOURCE.choice([0, 40_000_000])), wbits=31)
    lines = [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 999 \xff\xfe",
        b"HTTP/1.1 000 x",
        b"HTTP/1.1 20",
        b"HTTP/1.1 204 No Content",
        b"HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd",
        b"HTTP/1.1 429 Slow\r\nRetry-After: 1e9",
        b"HTTP/1.1 500 \x1b[2J",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: x",
        b"SSH-2.0-OpenSSH_9",
        b"",
    ]
    fields = [
        b"Content-Length: %d" % len(shown),
        b"Content-Length: %d" % len(shown),
        b"Content-Length: %d" % (len(shown) + 7),
        b"Content-Length: %d" % max(0, len(shown) - 7),
        b"Content-Length: -1",
        b"Content-Length: 99999999999999999999",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3",
        b"Content-Encoding: gzip",
        b"Content-Encoding: zstd\r\nContent-Length: %d" % len(shown),
        b"Content-Type: \xff\xfe\xed\xa0\x80; charset=\xed\xa0\x80\r\nContent-Length: %d"
        % len(shown),
        b"Content-Type: application/problem+json\r\nContent-Length: %d" % len(shown),
        b"X: " + b"a" * 70_000,
        b"X: a\r\n" * 3000 + b"Y: b",
        b"no colon",
        b"Retry-After: \xff",
    ]
    writer.write(SOURCE.choice(lines) + b"\r\n" + SOURCE.choice(fields) + b"\r\n\r\n")
    kind = SOURCE.randrange(8)
    if kind == 0:
        writer.write(packed)
    elif kind == 1:
        for piece in range(min(len(shown), 20)):
            writer.write(shown[piece : piece + 1])
            await writer.drain()
            await asyncio.sleep(0.01)
    elif kind == 2:
        for _ in range(600):
            writer.write(bytes(65_536))
            await writer.drain()
    else:
        writer.write(shown)
    await writer.drain()


async def main() -> None:
    liar = Liar()
    reader = asyncio.StreamReader(limit=2**26)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        request = json.loads(line)
        number, ok = request["id"], await liar.answer(request)
        is_plain = request["verb"] in ("hello", "start")
        said = json.dumps({"id": number, "ok": ok}) + "\n" if is_plain else liar.line(number, ok)
        sys.stderr.write(SOURCE.choice(["", "\x1b[2J\n", "x" * 5000]))
        sys.stdout.write(said)
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
