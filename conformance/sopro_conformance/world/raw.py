"""Requests as bytes, without any client's help: what is no HTTP, and what comes too slowly."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

from sopro_conformance.plain import spell
from sopro_conformance.world.client import Reply
from sopro_conformance.world.way import Way


class Said(NamedTuple):
    """What came back on a connection.

    Attributes:
        status: of the first answer; 0 where there was none.
        data: everything, up to a mebibyte.
        closed: whether the other side closed the connection.
        seconds: until it did, or until nobody waited any more.
        sent: bytes that were taken from us.
        early: of these, before the first byte of an answer.
    """

    status: int
    data: bytes
    closed: bool
    seconds: float
    sent: int
    early: int

    @property
    def answers(self) -> int:
        """How many answers there are."""
        return len(re.findall(rb"(?m)^HTTP/1\.[01] [0-9]{3}", self.data))


async def say(way: Way, data: bytes, *, within: float) -> Said:
    """Send bytes and read until the other side closes, or for so long."""

    async def pieces() -> AsyncIterator[bytes]:
        yield data

    return await pour(way, pieces(), within=within)


async def pour(way: Way, pieces: AsyncIterator[bytes], *, within: float) -> Said:
    """Send piece by piece while reading what comes back; ends when the other side closes."""
    began = time.perf_counter()
    got = bytearray()
    sent = early = 0
    closed = False
    try:
        reader, writer = await asyncio.wait_for(way.connect(), within)
    except (OSError, TimeoutError):
        return Said(0, b"", closed=True, seconds=time.perf_counter() - began, sent=0, early=0)

    async def send() -> None:
        nonlocal sent
        with contextlib.suppress(OSError):
            async for piece in pieces:
                writer.write(piece)
                await writer.drain()
                sent += len(piece)

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(within):
            while True:
                piece = await reader.read(64 * 1024)
                if not piece:
                    closed = True
                    break
                early = early if got else sent
                got += piece[: 1024 * 1024 - len(got)]
    except TimeoutError:
        pass
    except OSError:
        closed = True
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.transport.abort()
    return Said(
        status_of(got),
        bytes(got),
        closed,
        time.perf_counter() - began,
        sent,
        early if got else sent,
    )


class Line:
    """One connection that is kept, for asking again and again from an address of one's choice."""

    def __init__(self, way: Way, *, source: str) -> None:
        self._way = way
        self._source = source
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, path: str, *, headers: Mapping[str, str] | None = None, within: float = 30.0
    ) -> Reply:
        """Ask; there is always a reply. A connection that was closed is opened again."""
        began = time.perf_counter()
        named = {"Host": f"{self._way.host}:{self._way.port}"} | dict(headers or {})
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {one}" for name, one in named.items())]
        try:
            async with asyncio.timeout(within):
                if self._streams is None:
                    self._streams = await self._way.connect(source=self._source)
                reader, writer = self._streams
                writer.write("\r\n".join([*lines, "", ""]).encode())
                await writer.drain()
                reply = await _read_reply(reader)
        except (OSError, TimeoutError, ValueError, EOFError, asyncio.LimitOverrunError) as error:
            self.close()
            reply = Reply(0, {}, spell(f"{type(error).__name__}: {error}").encode())
        if reply.headers.get("connection", "").lower() == "close":
            self.close()
        return reply._replace(seconds=time.perf_counter() - began)

    def close(self) -> None:
        """Let the connection go."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def _read_reply(reader: asyncio.StreamReader) -> Reply:
    """Read one answer, whose length its head tells.

    Raises:
        ValueError: it does not.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    pairs = [one.partition(b":") for one in head.split(b"\r\n")[1:] if one]
    headers = {
        name.decode("ascii", "replace").lower(): value.strip().decode("ascii", "replace")
        for name, _, value in pairs
    }
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Reply(status_of(head), headers, await _read_chunks(reader))
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdecimal() and len(length) < 7):
        raise ValueError(f"an answer of no certain length: Content-Length {length[:40]!r}")
    return Reply(status_of(head), headers, await reader.readexactly(int(length)))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a body in chunks, up to a mebibyte.

    Raises:
        ValueError: it is none, or larger.
    """
    body = bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,5}\r\n", line):
            raise ValueError(f"no size of a chunk: {line[:40]!r}")
        size = int(line, 16)
        body += (await reader.readexactly(size + 2))[:size]
        if not size:
            return bytes(body)
        if len(body) > 1024 * 1024:
            raise ValueError("a body of more than a mebibyte")


def status_of(data: bytes | bytearray) -> int:
    """Return the status in a status line; 0 where there is none."""
    parts = bytes(data[:16]).split(b" ")
    is_http = data.startswith(b"HTTP/1.") and len(parts) > 1 and parts[1].isdigit()
    return int(parts[1]) if is_http else 0
