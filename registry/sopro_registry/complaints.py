"""The ways of a complaint and of an appeal, as tables."""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class ComplaintStep(StrEnum):
    """Where the home site of a label is with a complaint about it."""

    ACKNOWLEDGED = "acknowledged"
    INVESTIGATING = "investigating"
    UPHELD = "upheld"
    DISMISSED = "dismissed"
    CLOSED = "closed"


COMPLAINT: Final[dict[ComplaintStep | None, frozenset[ComplaintStep]]] = {
    None: frozenset({ComplaintStep.ACKNOWLEDGED}),
    ComplaintStep.ACKNOWLEDGED: frozenset({ComplaintStep.INVESTIGATING, ComplaintStep.DISMISSED}),
    ComplaintStep.INVESTIGATING: frozenset({ComplaintStep.UPHELD, ComplaintStep.DISMISSED}),
    ComplaintStep.UPHELD: frozenset({ComplaintStep.CLOSED}),
    ComplaintStep.DISMISSED: frozenset({ComplaintStep.CLOSED}),
    ComplaintStep.CLOSED: frozenset(),
}


class AppealStep(StrEnum):
    """Where an appeal is."""

    RECEIVED = "received"
    PANEL = "panel"
    UPHELD = "upheld"
    PARTLY_UPHELD = "partly_upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


APPEAL: Final[dict[AppealStep | None, frozenset[AppealStep]]] = {
    None: frozenset({AppealStep.RECEIVED}),
    AppealStep.RECEIVED: frozenset({AppealStep.PANEL, AppealStep.WITHDRAWN}),
    AppealStep.PANEL: frozenset(
        {
            AppealStep.PANEL,
            AppealStep.UPHELD,
            AppealStep.PARTLY_UPHELD,
            AppealStep.REJECTED,
            AppealStep.WITHDRAWN,
        }
    ),
    AppealStep.UPHELD: frozenset(),
    AppealStep.PARTLY_UPHELD: frozenset(),
    AppealStep.REJECTED: frozenset(),
    AppealStep.WITHDRAWN: frozenset(),
}


class Answered(Struct, frozen=True, array_like=True):
    """A complaint as the home site of the label has it; days are ordinals.

    Attributes:
        origin: of the log that the complaint is in.
        index: its position there.
        label: entity of the label.
        steps: every step with its position and its day.
        people: who took each of them; empty where the record names nobody.
    """

    origin: str
    index: int
    label: bytes
    steps: list[tuple[int, ComplaintStep, int]]
    people: list[bytes] = []


class Appeal(Struct, frozen=True, array_like=True):
    """An appeal; days are ordinals.

    Attributes:
        label: entity of the label.
        decision: position of the decision that is appealed against.
        panel: pseudonyms of who decides on it, as named last; empty before there is a panel.
        steps: every step with its position and its day.
    """

    label: bytes
    decision: int
    panel: list[bytes]
    steps: list[tuple[int, AppealStep, int]]

    @property
    def is_open(self) -> bool:
        """Whether it waits for being decided."""
        return bool(APPEAL[self.steps[-1][1]])
