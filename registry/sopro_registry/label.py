"""The life of a label as a table, and its state at a date.

A label's state is never stored as "now": each decision keeps the status that followed from it, and
the state at a date is that of the last decision effective by then, with expiry computed.
"""

from enum import IntEnum, StrEnum
from functools import cache
from typing import Final

from msgspec import Struct


class Status(IntEnum):
    """What a label is at a date; the numbers are stored and never change."""

    NONE = 0
    ACTIVE = 1
    SUSPENDED = 2
    REVOKED = 3
    TERMINATED = 4
    TRANSFERRED = 5
    REFUSED = 6
    EXPIRED = 7

    @property
    def word(self) -> str:
        """The status as programs read it."""
        return _WORDS[self]


_WORDS: Final = {status: status.name.lower() for status in Status}


class Action(StrEnum):
    """What a label decision does."""

    GRANT = "grant"
    REFUSE = "refuse"
    RENEW = "renew"
    EXTEND_SCOPE = "extend_scope"
    REDUCE_SCOPE = "reduce_scope"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    REVOKE = "revoke"
    TERMINATE_ON_REQUEST = "terminate_on_request"
    TRANSFER_IN = "transfer_in"
    TRANSFER_OUT = "transfer_out"
    CORRECT = "correct"


ACTIONS: Final = tuple(Action)

ANSWERING: Final = ("complaint_upheld", "appeal_upheld")
"""Reasons by which a decision follows on what was upheld."""


class Basis(StrEnum):
    """What a decision rests on: an assessment by the site, or the register it was taken from."""

    ASSESSED = "assessed"
    IMPORTED = "imported"


S, A = Status, Action

TRANSITIONS: Final[dict[tuple[Status, Action], Status]] = {
    (S.NONE, A.GRANT): S.ACTIVE,
    (S.NONE, A.REFUSE): S.REFUSED,
    (S.NONE, A.TRANSFER_IN): S.ACTIVE,
    (S.ACTIVE, A.RENEW): S.ACTIVE,
    (S.ACTIVE, A.EXTEND_SCOPE): S.ACTIVE,
    (S.ACTIVE, A.REDUCE_SCOPE): S.ACTIVE,
    (S.ACTIVE, A.SUSPEND): S.SUSPENDED,
    (S.ACTIVE, A.REVOKE): S.REVOKED,
    (S.ACTIVE, A.TERMINATE_ON_REQUEST): S.TERMINATED,
    (S.ACTIVE, A.TRANSFER_OUT): S.TRANSFERRED,
    (S.ACTIVE, A.CORRECT): S.ACTIVE,
    (S.SUSPENDED, A.RENEW): S.SUSPENDED,
    (S.SUSPENDED, A.REINSTATE): S.ACTIVE,
    (S.SUSPENDED, A.REVOKE): S.REVOKED,
    (S.SUSPENDED, A.TERMINATE_ON_REQUEST): S.TERMINATED,
    (S.SUSPENDED, A.TRANSFER_OUT): S.TRANSFERRED,
    (S.SUSPENDED, A.CORRECT): S.SUSPENDED,
    # Within the scheme's days of grace only; what was suspended when it expired is suspended again.
    (S.EXPIRED, A.RENEW): S.ACTIVE,
    (S.EXPIRED, A.CORRECT): S.EXPIRED,
    (S.REVOKED, A.CORRECT): S.REVOKED,
    (S.TERMINATED, A.CORRECT): S.TERMINATED,
    (S.REFUSED, A.CORRECT): S.REFUSED,
}

STANDS_AGAIN: Final[dict[tuple[Status, Action], Status]] = {
    (S.NONE, A.TRANSFER_IN): S.SUSPENDED,
    (S.EXPIRED, A.RENEW): S.SUSPENDED,
}
"""What follows instead where the label was suspended before: there, or when it expired."""

# An existing register follows its own rules: labels come back after an end, ends end again.
IMPORTED_TRANSITIONS: Final[dict[tuple[Status, Action], Status]] = TRANSITIONS | {
    (S.REVOKED, A.REINSTATE): S.ACTIVE,
    (S.TERMINATED, A.REINSTATE): S.ACTIVE,
    (S.EXPIRED, A.REINSTATE): S.ACTIVE,
    (S.REVOKED, A.REVOKE): S.REVOKED,
    (S.TERMINATED, A.REVOKE): S.REVOKED,
    (S.EXPIRED, A.REVOKE): S.REVOKED,
    (S.REVOKED, A.TERMINATE_ON_REQUEST): S.TERMINATED,
    (S.TERMINATED, A.TERMINATE_ON_REQUEST): S.TERMINATED,
    (S.EXPIRED, A.TERMINATE_ON_REQUEST): S.TERMINATED,
    (S.SUSPENDED, A.SUSPEND): S.SUSPENDED,
}


class Decision(Struct, frozen=True, array_like=True, gc=False):
    """What a label keeps of one decision; days are ordinals, 0 where not stated.

    Attributes:
        index: position of its entry.
        code: what it did, as the place of the action among all; stored, so it never changes.
        effective: from which day; an imported one whose date is unknown has that of the decision
            before it, or 0.
        status: what followed; never `EXPIRED`, which is computed.
        until: last day of validity from here on; 0 where there is no end or none is known.
        decided: the day it was taken.
        imported: whether it was taken from an existing register.
        source: its key there, for finding it again.
        undated: whether it states no date of its own.
        suspended_until: last day of the suspension that it begins or goes on with; 0 where there
            is none or none is stated.
        recorded: the civil date, in UTC, of its record's claimed time; it never falls in a label.
    """

    index: int
    code: int
    effective: int
    status: Status
    until: int
    decided: int
    imported: bool = False
    source: bytes = b""
    undated: bool = False
    suspended_until: int = 0
    recorded: int = 0

    @property
    def action(self) -> Action:
        """What it did."""
        return ACTIONS[self.code]


class Scope(Struct, frozen=True, array_like=True, gc=False):
    """What a label holds for within its offering; nothing named is everything.

    Attributes:
        index: position of the decision that stated it; -1 where none did.
        areas: NUTS codes of where it is made or delivered.
        cpv: procurement codes it is for.
    """

    index: int
    areas: list[str]
    cpv: list[str]

    @property
    def words(self) -> str:
        """The scope for people."""
        named = [
            f"{name} {', '.join(codes)}"
            for name, codes in (("areas", self.areas), ("cpv", self.cpv))
            if codes
        ]
        return " and ".join(named) or "the whole offering"


_WHOLE: Final = Scope(-1, [], [])


class Handover(Struct, frozen=True, array_like=True, gc=False):
    """To whom a label was handed over: the receiving site, and the label's entity there."""

    site: str
    entity: bytes


class Takeover(Struct, frozen=True, array_like=True, gc=False):
    """What the first decision on a label answers that another site granted (SPEC XFER-2).

    Attributes:
        origin: of the log it was in.
        index: position there of the decision that is answered.
        entry_id: its entry id.
        is_orphaned: whether it claims a label of a site that has gone, instead of one handed over.
        acted_on: size of the coordinator's log that counted.
    """

    origin: str
    index: int
    entry_id: bytes
    is_orphaned: bool
    acted_on: int


class Reason(Struct, frozen=True, array_like=True, gc=False):
    """Why something was decided, as it was corrected last (SPEC LBL-29).

    Attributes:
        index: position of the decision.
        code: of the reason; empty for none.
        refused: the day on which it was refused, where a correction says so; else 0.
    """

    index: int
    code: str
    refused: int = 0


DAYS_TO_RECORD: Final = 31
"""So many days after the day from which it holds a decision is recorded in time (SPEC OVL-11)."""

LEFT: Final = "label_left"
"""Under this, and its number, a label is found that has left a log (SPEC XFER-8)."""
MOST_RETURNS: Final = 64
"""So often a label may come back to one log."""


class Label(Struct, frozen=True, array_like=True, gc=False):
    """A label: its number, what it was granted for, and every decision that counts.

    Attributes:
        last: entry id of the last decision; first, so that a database can leave it out.
        number: certificate number; empty for a refused application.
        offering: entity of what is labelled.
        scheme: code of the scheme.
        status_index: its place in the status tree; -1 where it has none.
        decisions: in the order of the log.
        recorded: the earliest day on Earth at the claimed time of the last of the decisions.
        handed: to whom the last of them hands it over.
        taken: what the first of them answers, where another site granted the label.
        people: its position, its decider and the entity of its review, of each that rests on one,
            and of each of this site's own that gives or prolongs nothing.
        scopes: what it holds for, by each decision that states it.
        answers: position and reason of each decision that follows on a complaint or an appeal.
        reasons: of each decision that states one, or of which a correction does.
        earlier: its entities in this log before it left and came back, the last first.
    """

    last: bytes
    number: str
    offering: bytes
    scheme: str
    status_index: int
    decisions: list[Decision]
    recorded: int = 0
    handed: Handover | None = None
    taken: Takeover | None = None
    people: list[tuple[int, bytes, bytes]] = []
    scopes: list[Scope] = []
    answers: list[tuple[int, str]] = []
    reasons: list[Reason] = []
    earlier: list[bytes] = []

    @property
    def scope(self) -> Scope:
        """What it holds for after the last decision."""
        return self.scopes[-1] if self.scopes else _WHOLE

    def scope_at(self, day: int) -> Scope:
        """Return what it holds for on a day: as the last decision effective by then has left it."""
        _, last = status_at(self.decisions, day)
        held = [one for one in self.scopes if last is not None and one.index <= last.index]
        return held[-1] if held else _WHOLE


def status_at(decisions: list[Decision], day: int) -> tuple[Status, Decision | None]:
    """Return a label's status on a day and the decision it follows from."""
    for decision in reversed(decisions):
        if decision.effective <= day:
            return lapse(decision.status, decision.until, day), decision
    return Status.NONE, None


def recorded_by(decisions: list[Decision], day: int) -> int:
    """Return since when all is on record that holds by a day (SPEC OVL-11); 0 where nothing does.

    Times never fall in a log, so the last of the decisions tells.
    """
    last = next((one for one in reversed(decisions) if one.effective <= day), None)
    return last.recorded if last else 0


def is_recorded_late(decisions: list[Decision], day: int) -> bool:
    """Say whether what holds by a day was written down long after, and after that day (OVL-11)."""
    for one in reversed(decisions):
        if one.recorded <= day:
            return False
        is_late = one.recorded > one.effective + DAYS_TO_RECORD
        if one.effective <= day and is_late and not one.imported:
            return True
    return False


def lapse(status: Status, until: int, day: int) -> Status:
    """Return what a status is on a day, given its last day of validity (0 for none)."""
    lapses = status in (Status.ACTIVE, Status.SUSPENDED)
    return Status.EXPIRED if lapses and until and day > until else status


def name_about(label: bytes, entity: bytes) -> str:
    """Name what is about a label after it, so that it is found by that."""
    return f"{label.hex()} {entity.hex()}"


@cache
def possible_actions(status: Status, *, imported: bool = False) -> tuple[Action, ...]:
    """Return what may be decided on a label of this status."""
    table = IMPORTED_TRANSITIONS if imported else TRANSITIONS
    return tuple(action for held, action in table if held is status)
