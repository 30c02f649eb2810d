"""How often somebody may ask: so many at once, and so many a second from then on."""

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from sopro_node import clock
from sopro_node.web.problems import ProblemError

_SECONDS_AT_ONCE: Final = 4
"""A caller who has been quiet may ask for so many seconds' worth without a pause."""


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


class Crowd:
    """Refuses callers who ask so often that others would wait for them (SPEC ERR-7).

    Args:
        per_second: requests of one address in the long run; 0 for any number.
        uptime: the time it goes by.
    """

    def __init__(self, per_second: int, *, uptime: Callable[[], float] = clock.uptime) -> None:
        self._allowance = (
            Allowance(burst=_SECONDS_AT_ONCE * per_second, per_second=per_second, uptime=uptime)
            if per_second
            else None
        )

    def check(self, address: str | None) -> None:
        """Count a request.

        Raises:
            ProblemError: 429, this address has asked too often.
        """
        if self._allowance is None:
            return
        wait = self._allowance.take(address or "")
        if wait:
            raise ProblemError(
                429,
                f"too many requests from {address}; wait {math.ceil(wait)} s, then ask more slowly",
                code="err.rate",
                headers={"Retry-After": str(math.ceil(wait))},
            )
