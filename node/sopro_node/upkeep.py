"""What a serving node looks after from time to time: leftovers, and what waits."""

import asyncio
import logging
from typing import Final

from sopro_node.fence_state import State
from sopro_node.inbox import list_acts
from sopro_node.node import Node
from sopro_node.renewal import list_due

_PAUSE: Final = 60.0
_SOON: Final = 1.0

_logger = logging.getLogger("sopro.upkeep")


class Upkeep:
    """Looks once a minute; says once a day what is to be renewed, and what waits.

    While something is left over it looks once a second.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._said = 0

    async def run(self) -> None:
        """Look, and again, until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_SOON if self._node.planned.is_unsettled else _PAUSE)

    async def look(self) -> None:
        """Remove what an earlier process has left behind, and say what is to be renewed."""
        node = self._node
        if node.planned.is_unsettled and node.fence.state is State.OPEN:
            async with node.planned.changing:
                node.settle_planned()
        today = node.desk.today()
        if today != self._said:
            self._said = today
            self._warn()

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
