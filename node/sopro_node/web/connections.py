"""Connections to the public server: each has an end, and there are never too many.

The server's own timer begins with the end of the first request. What comes before it, headers that
drip in, and what comes after it, an answer read byte by byte, is bounded here.
"""

import asyncio
import resource
from collections.abc import Sequence
from typing import Final, Protocol

from aiohttp import web

FIRST_REQUEST: Final = 20.0
WHOLE_ANSWER: Final = 60.0
_SPARE_FILES: Final = 256
_MOST: Final = 12_000
_LOOK: Final = 1.0


class Transport(Protocol):
    """Where the bytes of a connection go."""

    def abort(self) -> None:
        """Close at once."""


class Connection(Protocol):
    """A connection as the server keeps it."""

    @property
    def transport(self) -> Transport | None:
        """Where its bytes go; None once it is closed."""


class Server(Protocol):
    """What is watched."""

    @property
    def connections(self) -> Sequence[Connection]:
        """Those that are open."""


def most_connections() -> int:
    """Raise the number of open files to what the system allows, and say how many are for peers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST + _SPARE_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(16, min(_MOST, soft - _SPARE_FILES))


class Connections:
    """Gives every connection a time by which it must have come to something."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ends: dict[Connection, float] = {}

    def mark(self, request: web.Request, *, seconds: float) -> None:
        """Note that a connection has asked something, and how long that may take at most."""
        self._ends[request.protocol] = asyncio.get_running_loop().time() + seconds

    async def watch(self, server: Server) -> None:
        """Close what is over its time, and the oldest of what is too many."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK)
            self.look(server.connections, now=loop.time())

    def look(self, connections: Sequence[Connection], *, now: float) -> None:
        """Close what must be closed now."""
        self._ends = {
            connection: self._ends.get(connection, now + FIRST_REQUEST)
            for connection in connections
        }
        ordered = sorted(self._ends.items(), key=lambda one: one[1])
        too_many = max(0, len(ordered) - self._most)
        for place, (connection, end) in enumerate(ordered):
            if place >= too_many and end > now:
                break
            if connection.transport is not None:
                connection.transport.abort()
