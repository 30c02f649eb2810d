"""Counting labels and decisions, which can take long: on a connection and a thread of its own."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from sopro_node.census import Census
from sopro_node.desk import Desk
from sopro_node.directory import Directory, Wanted
from sopro_node.exchange import Exchange
from sopro_node.holdings import Holdings
from sopro_node.identity import Identity
from sopro_node.reckoning import DecisionStatistics, ExpiringPage, Reckoner
from sopro_node.store.sqlite import SqliteStore
from sopro_registry.aggregate import Statistics


class Counting:
    """Counts, one question after the other."""

    def __init__(
        self,
        folder: Path,
        holdings: Holdings,
        exchange: Exchange,
        identity: Callable[[], Identity],
    ) -> None:
        self._reader = SqliteStore.open(folder, writing=False)
        desk = Desk(self._reader, holdings, exchange, identity)
        directory = Directory(self._reader, holdings, desk)
        self._census = Census(self._reader, holdings, exchange, desk=desk, identity=identity)
        self._reckoner = Reckoner(self._reader, holdings, desk, directory)
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        """Close the connection, when the last question is answered."""
        async with self._lock:
            self._reader.close()

    async def statistics(self, day: int | None = None) -> Statistics:
        """Count labels and decisions over every log held, as of a day."""
        async with self._lock:
            return await asyncio.to_thread(self._census.statistics, day)

    async def expiring(self, wanted: Wanted, *, days: int) -> ExpiringPage:
        """List labels whose validity ends within some days."""
        async with self._lock:
            return await asyncio.to_thread(self._reckoner.expiring, wanted, days=days)

    async def decisions(self, site: str = "") -> DecisionStatistics:
        """Count decisions by action and reason, and say how long applications took."""
        async with self._lock:
            return await asyncio.to_thread(self._reckoner.decisions, site)
