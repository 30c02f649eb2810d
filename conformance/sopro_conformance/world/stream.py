"""The candidate's stream of events, read as a peer reads it (SYNC-8): bounded in bytes and time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import aiohttp

from sopro_conformance.plain import read_json
from sopro_conformance.world.client import Client

_LINE: Final = 4 * 1024 * 1024


class Event(NamedTuple):
    """An event.

    Attributes:
        kind: after `event:`.
        data: the JSON object after `data:`; empty where there is none.
    """

    kind: str
    data: dict[str, Any]


class Stream:
    """A connection to `/events`.

    Attributes:
        status: of the answer; 0 where there was none.
        type: of its content.
    """

    def __init__(self, status: int, kind: str, content: aiohttp.StreamReader | None) -> None:
        self.status = status
        self.type = kind
        self._content = content

    async def next(self, origin: str, *, size: int, within: float) -> Event | None:
        """Return the next head of a log of at least a size; None where none comes in time."""
        try:
            async with asyncio.timeout(within):
                while (event := await self._next()) is not None:
                    said = event.data.get("size")
                    is_large = isinstance(said, int) and said >= size
                    if (
                        event.kind == "checkpoint"
                        and event.data.get("origin") == origin
                        and is_large
                    ):
                        return event
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
            pass
        return None

    async def _next(self) -> Event | None:
        """Read up to an empty line; None at the end of the stream."""
        kind, data = "", ""
        while self._content is not None and (line := await self._content.readline()):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if not text and data:
                return Event(kind, _read(data))
            name, _, value = text.partition(":")
            if name == "event":
                kind = value.strip()
            elif name == "data":
                data += value.strip()
        return None


def _read(data: str) -> dict[str, Any]:
    try:
        found = read_json(data.encode(), "an event")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@asynccontextmanager
async def listen(client: Client) -> AsyncIterator[Stream]:
    """Listen to a node's events."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    async with aiohttp.ClientSession(timeout=timeout, read_bufsize=_LINE) as session:
        try:
            answer = await session.get(f"{client.url}/events", allow_redirects=False)
        except (aiohttp.ClientError, OSError):
            yield Stream(0, "", None)
            return
        async with answer:
            yield Stream(answer.status, answer.content_type, answer.content)
