"""Which sites have taken this site's log, as far as anything has shown it (SPEC ERASE-6).

A head of our log that another node serves says that it holds the entries (SYNC-5), and so does a
document that it was handed. A cosignature does not: a witness need not hold what it cosigns under
(WIT-7). What was shown once is kept, so that nobody who holds a document is forgotten.
"""

import asyncio
import logging
from functools import partial
from typing import Final

import msgspec

from sopro_node.store.base import Reader, Store
from sopro_node.writer import Writer
from sopro_protocol.errors import StorageFullError

_SETTING: Final = "takers"

_logger = logging.getLogger("sopro.takers")


class Takers:
    """Codes of the sites that have shown that they took this site's log; on the event loop only."""

    def __init__(self, store: Store, reader: Reader, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        kept = reader.setting(_SETTING)
        self._sites = msgspec.msgpack.decode(kept, type=set[str]) if kept else set()
        self._kept = len(self._sites)
        self._saving: asyncio.Task[None] | None = None

    def __contains__(self, site: object) -> bool:
        """Say whether a site has shown it."""
        return site in self._sites

    def add(self, site: str) -> None:
        """Take note that a site has shown it; written down in passing."""
        if site in self._sites:
            return
        self._sites.add(site)
        if self._saving is None or self._saving.done():
            self._saving = asyncio.create_task(self.save(), name="takers")

    async def stop(self) -> None:
        """Write down what is new, and end."""
        if self._saving is not None:
            await self._saving

    async def save(self) -> None:
        """Write down what is new."""
        while self._kept < len(self._sites):
            count, data = len(self._sites), msgspec.msgpack.encode(sorted(self._sites))
            try:
                await self._writer.run(partial(self._write, data))
            except StorageFullError:
                _logger.warning("takers not kept", extra={"sites": count})
                return
            self._kept = count

    def _write(self, data: bytes) -> None:
        with self._store.transaction():
            self._store.put_setting(_SETTING, data)
