"""What a correction says again of a decision: its reason, and the day of a refusal (LBL-28, -29).

The decision that was wrong stays as it is in the history; counts are of what it should have said.
"""

from typing import NamedTuple

from msgspec import UnsetType

from sopro_protocol.errors import RefusedError
from sopro_registry.application import Application
from sopro_registry.assessment import Review
from sopro_registry.family import Decided, View
from sopro_registry.fields import format_day, year_of
from sopro_registry.label import ANSWERING, Action, Decision, Label, Reason


class Correction(NamedTuple):
    """What a correction says of an earlier decision.

    Attributes:
        decision: that one.
        reason: code that it counts with from here on; None where that is as it was.
        refused: the day on which it was refused, where that was another; else 0.
    """

    decision: Decision
    reason: str | None
    refused: int


def read_correction(
    corrects: int | UnsetType, reason: str, refused: int, label: Label
) -> Correction | None:
    """Return what a correction says again of a decision on its label; None where nothing.

    A reason that answers a complaint or an appeal is why the correction was made, and a correction
    of a correction counts as what it is.
    """
    if isinstance(corrects, UnsetType):
        return None
    decision = next(one for one in label.decisions if one.index == corrects)
    is_restated = reason and reason not in ANSWERING and decision.action is not Action.CORRECT
    restated = reason if is_restated else None
    return Correction(decision, restated, refused) if restated or refused else None


def check_refused(correction: Correction, label: Label, view: View, *, decided: int) -> None:
    """Hold the day on which something is said to have been refused (SPEC LBL-28).

    Args:
        correction: that says so.
        label: as it was before.
        view: of the log.
        decided: the day on which the correction was decided.

    Raises:
        RefusedError: `lbl.reference` where it corrects no refusal, `lbl.dates` for a day behind
            the correction or before the review that the refusal rests on.
    """
    refusal = correction.decision
    if refusal.action is not Action.REFUSE:
        raise RefusedError(
            f"decision: refused_on corrects the day of a refusal, and entry {refusal.index} is a "
            f"{refusal.action.value}",
            code="lbl.reference",
        )
    reviewed = _review_of(label, refusal, view)
    earliest = reviewed.reviewed if reviewed is not None else 0
    if not earliest <= correction.refused <= decided:
        since = f"from its review on {format_day(earliest)} " if earliest else ""
        raise RefusedError(
            f"decision: refused_on {format_day(correction.refused)}, expected a day {since}"
            f"to the day of the correction, {format_day(decided)} (I5)",
            code="lbl.dates",
        )


def say_again(correction: Correction, reasons: list[Reason]) -> list[Reason]:
    """Return the reasons of a label with what a correction says instead."""
    index = correction.decision.index
    held = _said(reasons, index)
    reason = held.code if correction.reason is None else correction.reason
    rest = [one for one in reasons if one.index != index]
    return [*rest, Reason(index, reason, correction.refused or held.refused)]


def count_again(
    correction: Correction, before: Label, after: Label, view: View
) -> tuple[Decided, Decided] | None:
    """Return how a decision was counted and how it counts now (SPEC LBL-29); None if no change."""
    was = _count(before, correction.decision, view)
    now = _count(after, correction.decision, view)
    return (was, now) if was != now else None


def _count(label: Label, decision: Decision, view: View) -> Decided:
    """Say what is counted of a decision, as it has been corrected by now."""
    said = _said(label.reasons, decision.index)
    is_dated = bool(said.refused) or not decision.undated
    year = year_of(said.refused or decision.effective) if is_dated else 0
    review = _review_of(label, decision, view)
    asked = view.state("label_application", review.application) if review else None
    decided = said.refused or decision.decided
    days = decided - asked.submitted if isinstance(asked, Application) else -1
    return Decided(decision.action.value, said.code, year, days)


def _said(reasons: list[Reason], index: int) -> Reason:
    return next((one for one in reasons if one.index == index), Reason(index, "", 0))


def _review_of(label: Label, decision: Decision, view: View) -> Review | None:
    """Return the review that a decision rests on; None for one that rests on none."""
    entity = next((one[2] for one in label.people if one[0] == decision.index), b"")
    review = view.state("review", entity) if entity else None
    return review if isinstance(review, Review) else None
