"""One request at a time of those that have the same name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Lets one request at a time do what has the same name."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def take(self, officer: str, key: str) -> AsyncIterator[None]:
        """Wait until nobody else is at it."""
        name = (officer, key)
        lock, waiting = self._taken.get(name, (asyncio.Lock(), 0))
        self._taken[name] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._taken.pop(name)
            if waiting > 1:
                self._taken[name] = lock, waiting - 1
