"""Who may evaluate: an authorisation and what it allows on a day."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from sopro_registry.assessment import Level


class Status(StrEnum):
    """How an authorisation stands."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


TRANSITIONS: Final[dict[tuple[Status | None, Status], None]] = dict.fromkeys(
    (
        (None, Status.ACTIVE),
        (Status.ACTIVE, Status.ACTIVE),
        (Status.ACTIVE, Status.SUSPENDED),
        (Status.ACTIVE, Status.WITHDRAWN),
        (Status.SUSPENDED, Status.ACTIVE),
        (Status.SUSPENDED, Status.WITHDRAWN),
    )
)


class Grant(Struct, frozen=True, array_like=True):
    """An authorisation as one record has it; days are ordinals."""

    index: int
    effective: int
    status: Status
    valid_from: int
    valid_until: int
    level: Level
    criteria: tuple[str, ...]
    organisation: bytes = b""


class Authorisation(Struct, frozen=True, array_like=True):
    """Every version of an authorisation."""

    person: bytes
    scheme: str
    versions: list[Grant]

    @property
    def index(self) -> int:
        """Position of the last record on it."""
        return self.versions[-1].index

    def at(self, day: int) -> Grant | None:
        """Return what is effective on a day; None before the first."""
        held = [one for one in self.versions if one.effective <= day]
        return held[-1] if held else None

    def allows(self, day: int, *, level: Level, criteria: Iterable[str]) -> bool:
        """Say whether the person may evaluate these criteria on a day, at a level."""
        last = self.at(day)
        if last is None or last.status is not Status.ACTIVE:
            return False
        is_enough = level is not Level.THIRD_PARTY or last.level is Level.THIRD_PARTY
        is_covered = not last.criteria or set(criteria) <= set(last.criteria)
        return is_enough and is_covered and last.valid_from <= day <= last.valid_until
