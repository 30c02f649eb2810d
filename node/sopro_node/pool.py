"""The worker processes that check large syncs, let go when none has come for a while."""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Final

from sopro_node.worker import start_pool
from sopro_protocol.errors import UnavailableError

_IDLE: Final = 30.0


class Pool:
    """Worker processes, started when they are first needed.

    Args:
        most: how many of them.
    """

    def __init__(self, most: int) -> None:
        self._most = most or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._users = 0

    @contextmanager
    def used(self) -> Iterator[None]:
        """Keep the workers while something may need them.

        Raises:
            UnavailableError: one of them has ended; there will be new ones.
        """
        self._users += 1
        try:
            yield
        except BrokenExecutor:
            self.close()
            raise UnavailableError("a worker process ended; is there too little memory?") from None
        finally:
            self._users -= 1

    def workers(self) -> ProcessPoolExecutor:
        """Return the workers, started for this sync and let go when idle."""
        if self._pool is None:
            self._pool = start_pool(self._most)
        self._plan_closing()
        return self._pool

    def close(self) -> None:
        """Let them go."""
        if self._timer is not None:
            self._timer.cancel()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _plan_closing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_IDLE, self._close_idle)

    def _close_idle(self) -> None:
        if self._users:
            self._plan_closing()
        else:
            self.close()
