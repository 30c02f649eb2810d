"""How often somebody may ask: so many at once, and so many a second from then on."""

from collections import OrderedDict
from collections.abc import Callable

from sopro_node import clock


class Allowance:
    """A bucket of requests for everybody, refilled as time goes by; bounded in number."""

    def __init__(
        self,
        *,
        burst: int,
        per_second: float,
        most: int = 4096,
        uptime: Callable[[], float] = clock.uptime,
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._most = most
        self._uptime = uptime
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str) -> float:
        """Take one request; return 0, or how many seconds there is none for them."""
        now = self._uptime()
        left, since = self._buckets.pop(who, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self._per_second
        self._buckets[who] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return wait
