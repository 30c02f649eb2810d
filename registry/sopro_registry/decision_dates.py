"""The dates of a decision: which it states, and in which order they have to be (SPEC LBL-15)."""

from typing import Final, Protocol

from msgspec import UNSET, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_registry.fields import add_months, day_of
from sopro_registry.label import Action, Decision, Status

MONTHS_AHEAD: Final = 12
"""So long before the end of a validity it can be prolonged: as long as an evaluation is good."""


class Dated(Protocol):
    """The dates as a decision states them."""

    @property
    def appeal_until(self) -> str | UnsetType: ...  # noqa: D102  # as in the table of the family
    @property
    def decided_on(self) -> str | UnsetType: ...  # noqa: D102  # likewise
    @property
    def effective_date(self) -> str | UnsetType: ...  # noqa: D102  # likewise
    @property
    def refused_on(self) -> str | UnsetType: ...  # noqa: D102  # likewise
    @property
    def suspended_until(self) -> str | UnsetType: ...  # noqa: D102  # likewise
    @property
    def valid_from(self) -> str | UnsetType: ...  # noqa: D102  # likewise
    @property
    def valid_until(self) -> str | UnsetType: ...  # noqa: D102  # likewise


class Dates:
    """The dates of a decision as days, 0 where absent.

    Raises:
        RefusedError: `rec.body` for a date that is no day.
    """

    __slots__ = (
        "appeal_until",
        "decided",
        "effective",
        "refused",
        "suspended_until",
        "valid_from",
        "valid_until",
    )

    def __init__(self, body: Dated) -> None:
        self.effective = self.decided = self.valid_from = 0
        self.valid_until = self.suspended_until = self.appeal_until = self.refused = 0
        # Most are absent, and this is asked for every decision.
        if body.effective_date is not UNSET:
            self.effective = day_of(body.effective_date, field="effective_date")
        if body.decided_on is not UNSET:
            self.decided = day_of(body.decided_on, field="decided_on")
        if body.valid_from is not UNSET:
            self.valid_from = day_of(body.valid_from, field="valid_from")
        if body.valid_until is not UNSET:
            self.valid_until = day_of(body.valid_until, field="valid_until")
        if body.suspended_until is not UNSET:
            self.suspended_until = day_of(body.suspended_until, field="suspended_until")
        if body.appeal_until is not UNSET:
            self.appeal_until = day_of(body.appeal_until, field="appeal_until")
        if body.refused_on is not UNSET:
            self.refused = day_of(body.refused_on, field="refused_on")


def check_dates(
    dates: Dates, action: Action, last: Decision | None, *, recorded: int, has_validity: bool
) -> None:
    """Hold I5 and I6: dates in order, nothing decided after it was recorded.

    Args:
        dates: of the decision.
        action: what it does.
        last: the decision before it in the log; None for the first.
        recorded: the latest day on Earth at the time of its record.
        has_validity: whether it sets a validity.

    Raises:
        RefusedError: `lbl.dates`.
    """
    if last is not None and dates.effective < last.effective:
        raise _disorder("effective before the decision it follows (I5)")
    if dates.decided > recorded:
        raise _disorder("decided after it was recorded (I5)")
    if has_validity and not (dates.decided <= dates.valid_from <= dates.valid_until):
        raise _disorder("expected decided_on <= valid_from <= valid_until (I5)")
    if action is Action.SUSPEND and dates.suspended_until < dates.effective:
        raise _disorder("suspended until before it begins (I6)")
    if action is Action.REVOKE and dates.appeal_until < dates.effective:
        raise _disorder(
            "the last day for an appeal, appeal_until, is before it holds; nobody could appeal (I6)"
        )


def check_begin(dates: Dates, action: Action, found: Decision | None) -> None:
    """Hold a validity to beginning when the label holds, or when the one before it ends (I5).

    Without this a label could hold for longer than its scheme allows, by one renewal behind
    another, too.

    Args:
        dates: of the decision.
        action: that gives or prolongs.
        found: the decision a renewal starts from.

    Raises:
        RefusedError: `lbl.dates`.
    """
    latest = dates.effective
    if action is Action.RENEW and found is not None:
        soon = add_months(dates.effective, MONTHS_AHEAD)
        latest = min(soon, max(latest, found.until + 1)) if found.until else soon
    if dates.valid_from > latest:
        raise _disorder(
            "valid_from is later than the day from which the label holds; expected effective_date "
            "to be that day, or in a renewal the day after the end of validity at the latest, and "
            f"{MONTHS_AHEAD} months after it holds (I5)"
        )


def _disorder(why: str) -> RefusedError:
    return RefusedError(f"decision: {why}", code="lbl.dates")


def standing_until(action: Action, last: Decision, effective: int) -> int:
    """Return the end of validity that goes on, 0 where there is none or none is known."""
    if action is Action.REINSTATE and last.until < effective:
        # Only an existing register brings back what had expired; the old end no longer holds.
        return 0
    return last.until


def suspended_until(action: Action, dates: Dates, after: Status, last: Decision | None) -> int:
    """Return the last day of a suspension that begins here or goes on (SPEC STATUS-6)."""
    if after is not Status.SUSPENDED:
        return 0
    held = last.suspended_until if last and action is not Action.SUSPEND else 0
    return dates.suspended_until or held
