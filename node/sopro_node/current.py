"""Whether it is known since the start how a log stands now, so that its documents may be shown."""

from sopro_node import clock
from sopro_node.exchange import Exchange
from sopro_node.fence import Fence
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_registry.directory import GONE


class Current:
    """What has been heard of the logs since this was made."""

    def __init__(self, holdings: Holdings, exchange: Exchange, fence: Fence) -> None:
        self._holdings = holdings
        self._exchange = exchange
        self._fence = fence
        self._opened = clock.now()

    def is_confirmed(self, held: HeldLog) -> bool:
        """Say whether it is known since the start how a log stands now."""
        coordinator = self._holdings.coordinator
        if coordinator is not None and not self._is_current(coordinator):
            return False  # it says who has gone, and who looks after them
        logs = self._holdings.logs
        return all(
            origin in logs and self._is_current(logs[origin])
            for origin in self._that_erase_in(held)
        )

    def _is_current(self, held: HeldLog) -> bool:
        if held is self._holdings.own:
            return self._fence.is_informed()
        state = self._exchange.peers.get(held.origin)
        if state is None:
            return False
        member = self._holdings.directory.membership(held.site)
        has_gone = member is not None and member.status in GONE
        if has_gone or held.site == self._holdings.own.site or held is self._holdings.coordinator:
            # It need not be there any more; a mirror can say.
            return state.served >= self._opened
        return state.confirmed >= self._opened

    def _that_erase_in(self, held: HeldLog) -> list[str]:
        """Return a log, and those in which a document of its records may have been erased.

        Those are the ones that continue it (SPEC EPOCH-8), and where its site has gone, be it for
        a time, those of who may have looked after it (SPEC ERASE-7).
        """
        directory = self._holdings.directory
        known = directory.logs(held.site)
        later = known[known.index(held.origin) + 1 :] if held.origin in known else ()
        caretakers = directory.caretakers(held.site) if directory.has_gone(held.site) else ()
        logs = [origin for site in caretakers for origin in directory.logs(site)]
        return list(dict.fromkeys([held.origin, *later, *logs]))
