"""Who may evaluate: an authorisation, what it allows on a day, and whom it ties to whom."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from msgspec import Struct

from sopro_registry.assessment import Level
from sopro_registry.fields import add_months

MONTHS_TIED: Final = 24
"""How long people are no third party for whom they have worked for (ISO/IEC 17065, 7.13.6)."""


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
    """An authorisation as one record has it; days are ordinals.

    Attributes:
        index: position of the record.
        effective: from which day it is so.
        status: whether it holds.
        valid_from: first day on which the person may evaluate.
        valid_until: the last.
        level: how independent the person is of who offers.
        criteria: codes of those it is for; none for all.
        organisation: entity of the body that the person works for; empty for none.
        written: the latest day anywhere when the record claims to have been written.
    """

    index: int
    effective: int
    status: Status
    valid_from: int
    valid_until: int
    level: Level
    criteria: tuple[str, ...]
    organisation: bytes = b""
    written: int = 0


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

    def ties(self, day: int) -> Iterator[bytes]:
        """Go through the organisations to which it ties the person on a day (SPEC ASS-22).

        What was said later ends a tie on the day on which it was written at the earliest: otherwise
        somebody who works for who applies would be made independent by going on with a record.
        """
        for number, one in enumerate(self.versions):
            if not one.organisation:
                continue
            is_over = one.status is Status.WITHDRAWN
            ending = self.versions[number : number + 1] if is_over else self.versions[number + 1 :]
            last = min([one.valid_until, *(max(end.written, end.effective) for end in ending[:1])])
            if day <= add_months(last, MONTHS_TIED):
                yield one.organisation
