"""How the exchange of one log goes: when it was tried, what failed, how far behind it is."""

import asyncio
from dataclasses import dataclass, field

from sopro_node import clock
from sopro_node.store.rows import ExchangeRow
from sopro_node.target import Push, Target
from sopro_protocol.errors import SoproError


@dataclass(slots=True)
class PeerState:
    """How the exchange of one log goes.

    Attributes:
        target: what is pulled, and from where.
        attempted: time of the last try.
        confirmed: time at which the head held was last found to be the newest.
        served: time at which anybody has last served a head of it that is held in full now, its
            own site or a mirror; 0 for not since the start.
        failures: tries that failed since the last that did not.
        code: of the last failure; empty when there is none.
        message: of the last failure.
        refusals: by code, since this process started.
        seconds: the last pull took.
        fruitless: pulls in a row that brought nothing.
        push: the newest head that its own site has pushed, not pulled yet.
        heard: when it was confirmed on a clock that nobody sets; None for not since the start.
    """

    target: Target
    attempted: int = 0
    confirmed: int = 0
    failures: int = 0
    code: str = ""
    message: str = ""
    refusals: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    fruitless: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    push: Push | None = None
    heard: float | None = None
    served: int = 0

    def confirm(self) -> None:
        """Note that the head held is the newest."""
        self.confirmed, self.heard = clock.now(), clock.uptime()

    def fail(self, error: SoproError) -> bool:
        """Note that a try failed; True where it failed otherwise than the last one."""
        is_news = (error.code, str(error)) != (self.code, self.message)
        self.failures += 1
        self.fruitless += 1
        self.code, self.message = error.code, str(error)
        self.count(error.code)
        return is_news

    def count(self, code: str) -> None:
        """Count a refusal."""
        self.refusals[code] = self.refusals.get(code, 0) + 1

    def row(self) -> ExchangeRow:
        """Return what is kept of it."""
        return ExchangeRow(
            self.target.origin,
            self.attempted,
            self.confirmed,
            self.failures,
            self.code,
            self.message,
        )

    def lag(self) -> float | None:
        """Return the seconds since the head held was last found to be the newest.

        None where it never was. A clock that was set back since says nothing of it either.
        """
        if self.heard is not None:
            return clock.uptime() - self.heard
        seconds = (clock.now() - self.confirmed) / 1000
        return seconds if self.confirmed and seconds >= 0 else None
