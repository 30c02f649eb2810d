"""The one thread that writes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Writer:
    """Runs functions one after the other on the thread that owns the writing connection."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function and wait; it goes on even where the waiting is cancelled."""
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, function))

    def close(self) -> None:
        """Finish what is under way."""
        self._thread.shutdown(wait=True)
