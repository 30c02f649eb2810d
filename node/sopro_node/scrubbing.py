"""Leaving nothing on the disk of what was dropped, without holding up who writes (SPEC ERASE-2).

A row that is deleted is gone for everybody who reads, and a copy of it may be left in the free
space of the file: that is there only until the database is written anew. In a large one that takes
seconds, in which nobody else writes. So one rewriting does for whatever was dropped before it
began, and one that took long is followed by a rest; what is dropped meanwhile waits.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from sopro_node.store.base import Store
from sopro_node.writer import Writer
from sopro_protocol.errors import StorageFullError, UnavailableError

_TRIES: Final = 25
_PAUSE: Final = 0.2
_LONG: Final = 0.25
"""Seconds: a rewriting that took less holds up nobody for long."""
_REST: Final = 10
_MOST_REST: Final = 600.0

_logger = logging.getLogger("sopro.scrubbing")


class Scrubber:
    """Writes the database anew, for everybody who waits for it at once.

    Attributes:
        rests_until: on `clock`, before which no other rewriting begins.
    """

    def __init__(
        self, store: Store, writer: Writer, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._lock = asyncio.Lock()
        self._is_left = False
        self.rests_until = clock()

    @property
    def has_rested(self) -> bool:
        """Say whether something had to wait for a rest that is over."""
        return self._is_left and self._clock() >= self.rests_until

    async def is_due(self) -> bool:
        """Say whether anything of what was dropped may be left on the disk."""
        return bool(await self._writer.run(self._store.residue))

    async def scrub(self) -> bool:
        """Leave nothing on the disk of what was dropped; False where that has to wait.

        It waits while the node rests from a rewriting that took long; who looks after the node
        does it then.

        Raises:
            UnavailableError: a reader is in the way, or the disk is too full.
        """
        async with self._lock:
            if not await self.is_due():
                self._is_left = False
                return True  # whoever was before us has done it for us too
            if self._clock() < self.rests_until:
                self._is_left = True
                return False
            began = self._clock()
            await self._rewrite()
            self._is_left = False
            took = self._clock() - began
            if took >= _LONG:
                self.rests_until = self._clock() + min(_MOST_REST, took * _REST)
                _logger.info("database written anew", extra={"seconds": round(took, 1)})
            return True

    async def _rewrite(self) -> None:
        for _ in range(_TRIES):
            try:
                if await self._writer.run(self._store.scrub):
                    return
            except StorageFullError:
                raise UnavailableError(
                    "it is dropped, but there is no room to write the database anew without what "
                    "its free space holds; free twice its size, and a node that serves does it "
                    "within a minute, or else the next start"
                ) from None
            await asyncio.sleep(_PAUSE)
        raise UnavailableError(
            "it is dropped, but the write-ahead log cannot be emptied while somebody reads the "
            "database; end what reads it, and a node that serves does it within a minute, or else "
            "the next start"
        )
