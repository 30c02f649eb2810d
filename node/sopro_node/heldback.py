"""Documents of a restored directory, served to nobody until the erasures since are taken in.

A backup is older than what was erased after it was made. So restoring one hides every document, by
a visibility that nothing serves; each log's are shown again when this node has heard from that
log's site how the log stands now, and what it has erased is gone (SPEC ERASE-3).
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader, Store
from sopro_node.store.listing import describe_all
from sopro_node.writer import Writer
from sopro_protocol.errors import SoproError

_SETTING: Final = "held back"
_PAUSE: Final = 0.5
_LOGS: Final = msgspec.msgpack.Decoder(list[int])
_logger = logging.getLogger("sopro.heldback")


def hold_back(store: Store) -> None:
    """Hide every document, inside the caller's transaction."""
    store.documents.hide()
    store.put_setting(_SETTING, msgspec.msgpack.encode([row.log for row in store.logs()]))


def held_back(store: Reader) -> set[int]:
    """Return the logs whose documents are hidden, by their numbers in the database."""
    data = store.setting(_SETTING)
    return set(_LOGS.decode(data)) if data else set()


class HeldBack:
    """Shows documents again, log by log.

    Attributes:
        logs: numbers of those whose documents are still hidden.
    """

    def __init__(
        self,
        holdings: Holdings,
        store: Store,
        writer: Writer,
        *,
        is_confirmed: Callable[[HeldLog], bool],
    ) -> None:
        self._holdings = holdings
        self._store = store
        self._writer = writer
        self._is_confirmed = is_confirmed
        self.logs = held_back(store)

    async def run(self) -> None:
        """Wait for every log, and end with the last."""
        while self.logs:
            try:
                await self.release()
            except SoproError as error:
                _logger.warning("documents stay hidden", extra={"reason": str(error)})
            await asyncio.sleep(_PAUSE)

    async def release(self) -> None:
        """Show the documents of logs that are known as they stand now."""
        logs = {held.number: held for held in self._holdings.logs.values()}
        for number in sorted(self.logs):
            held = logs.get(number)
            if held is None or (self._is_confirmed(held) and not self._holdings.is_behind(held)):
                await self._writer.run(partial(self._show, number))
                self.logs.discard(number)
                self._holdings.changed_documents += 1

    def _show(self, number: int) -> None:
        with self._store.transaction():
            self._store.documents.show(number)
            describe_all(self._store, number)
            left = sorted(self.logs - {number})
            self._store.put_setting(_SETTING, msgspec.msgpack.encode(left))
