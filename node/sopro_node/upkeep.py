"""What a serving node looks after from time to time: leftovers, and what waits.

Leftovers are planned keys, files that officers have uploaded and not used, and what is still on the
disk of what was dropped.
"""

import asyncio
import logging
from typing import Final

from sopro_node import clock
from sopro_node.acting import HOURS_WAITING
from sopro_node.approving import foreign_root
from sopro_node.fence_state import State
from sopro_node.inbox import list_acts
from sopro_node.node import Node
from sopro_node.renewal import list_due
from sopro_protocol.errors import SoproError
from sopro_protocol.keys import key_id

_PAUSE: Final = 60
"""Seconds."""
_HOUR: Final = 60 * 60 * 1000

_logger = logging.getLogger("sopro.upkeep")


class Upkeep:
    """Looks once a minute; says once a day what is to be renewed, and what waits.

    While something is left over it looks once a second.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._said = 0
        self._root: bytes | None = None

    async def run(self) -> None:
        """Look, and again, until it is cancelled."""
        while True:
            await self.look()
            await self._pause()

    async def _pause(self) -> None:
        for _ in range(_PAUSE):
            await asyncio.sleep(1)
            if self._node.eraser.scrubber.has_rested:
                await self._scrub()
            if self._node.planned.is_unsettled:
                return

    async def look(self) -> None:
        """Remove what an earlier process has left behind, and say what is to be renewed."""
        node = self._node
        if node.planned.is_unsettled and node.fence.state is State.OPEN:
            async with node.planned.changing:
                node.settle_planned()
        await self._drop_uploads()
        await self._scrub()
        self._look_at_root()
        today = node.desk.today()
        if today != self._said:
            self._said = today
            self._warn()

    async def _drop_uploads(self) -> None:
        """Drop files that have waited for too long for the record they were to go with."""
        node, before = self._node, clock.now() - HOURS_WAITING * _HOUR

        def drop() -> int:
            with node.store.transaction():
                return node.store.cut_uploads(before=before)

        # Read first: a transaction that changes nothing is written all the same.
        if node.reader.accounts.has_uploads(before=before):
            count = await node.writer.run(drop)
            _logger.info("files dropped", extra={"count": count})
        if count := node.imports.drop_old(now=clock.now()):
            _logger.info("registers dropped", extra={"count": count})

    async def _scrub(self) -> None:
        """Leave nothing on the disk of what was dropped, where that had to wait."""
        try:
            await self._node.eraser.carry_out()
        except SoproError as error:
            _logger.warning("waiting", extra={"code": error.code, "reason": str(error)})

    def _look_at_root(self) -> None:
        """Say once, and at once, that the membership names a root key the site's log does not."""
        root, before = foreign_root(self._node), self._root
        self._root = root
        if root is not None and root != before:
            said = {"site": self._node.identity.site, "key": key_id(root).hex()[:16]}
            _logger.error("membership names a root key that is not this site's", extra=said)

    def _warn(self) -> None:
        for one in list_due(self._node):
            said = {"site": one.site, "by": one.by, "days": one.days}
            if one.key is None:
                _logger.warning("statement of conformance to be renewed", extra=said)
            else:
                said |= {"role": one.key.role, "key": one.key.key_id.hex()[:16]}
                _logger.warning("key to be replaced", extra=said)
        for act in list_acts(self._node):
            said = {"act": act.kind, "site": act.site, "command": act.command}
            _logger.warning("an act waits for this site", extra=said)
