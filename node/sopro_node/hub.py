"""New heads, from whoever learns of them to whoever waits for them."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from sopro_node.evidence import Kept
from sopro_node.heldlog import HeldLog

_QUEUE = 256
_PATIENCE = 0.5


class News(NamedTuple):
    """A log with a new head, how long it was when it was told of before, or a note of its own."""

    held: HeldLog
    since: int
    note: bytes = b""


Told = News | Kept
"""A new head, or new evidence of two histories."""


class Hub:
    """Hands every new head and all new evidence to every listener, and lets the slow ones go."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Told | None]] = set()
        self._is_closed = False
        self._soon: dict[str, HeldLog] = {}
        self._told: dict[str, int] = {}

    def announce_soon(self, held: HeldLog) -> None:
        """Tell of a mirrored log a little later, once for all heads that come meanwhile.

        Its own site tells everybody at once; what is told here matters when that site is down.
        """
        if not self._soon:
            asyncio.get_running_loop().call_later(_PATIENCE, self._announce_waiting)
        self._soon[held.origin] = held

    def _announce_waiting(self) -> None:
        waiting, self._soon = self._soon, {}
        for held in waiting.values():
            self.announce(held)

    def announce(self, held: HeldLog) -> None:
        """Tell every listener of a log that has a new head."""
        size = held.signed_size
        news = News(held, self._told.get(held.origin, size))
        self._told[held.origin] = size
        self._tell(news)

    def announce_note(self, held: HeldLog, note: bytes) -> None:
        """Tell every listener of a head once more, now with its cosignatures (SPEC WIT-10)."""
        self._tell(News(held, held.signed_size, note))

    def announce_evidence(self, kept: Kept) -> None:
        """Tell every listener of new evidence."""
        self._tell(kept)

    def _tell(self, told: Told) -> None:
        for queue in list(self._listeners):
            try:
                queue.put_nowait(told)
            except asyncio.QueueFull:
                self._listeners.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)

    def close(self) -> None:
        """Let every listener go."""
        self._is_closed = True
        for queue in list(self._listeners):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    async def listen(self, *, idle: float) -> AsyncIterator[Told | None]:
        """Go through new heads; None after `idle` seconds without one."""
        queue: asyncio.Queue[Told | None] = asyncio.Queue(_QUEUE)
        self._listeners.add(queue)
        try:
            while not self._is_closed:
                try:
                    # Not wait_for: until Python 3.12 it can swallow a cancellation.
                    async with asyncio.timeout(idle):
                        news = await queue.get()
                except TimeoutError:
                    yield None
                    continue
                if news is None:
                    return
                yield news
        finally:
            self._listeners.discard(queue)
