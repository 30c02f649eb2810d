"""Requests as bytes, without any client's help: what is no HTTP, and what comes too slowly."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

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


def status_of(data: bytes | bytearray) -> int:
    """Return the status in a status line; 0 where there is none."""
    parts = bytes(data[:16]).split(b" ")
    is_http = data.startswith(b"HTTP/1.") and len(parts) > 1 and parts[1].isdigit()
    return int(parts[1]) if is_http else 0
