"""Answers about labels: pure functions of states and a day, ready to be written as JSON."""

from msgspec import Struct

from sopro_registry.fields import format_day
from sopro_registry.label import Action, Decision, Label, possible_actions, status_at

UNDETERMINED = "undetermined: upgrade needed"


class Basis(Struct, frozen=True, omit_defaults=True):
    """The log prefix an answer rests on, so that anybody can compute it again.

    Attributes:
        origin: of the log.
        size: of the prefix.
        root: of the prefix, hex.
        two_histories: whether evidence of two histories stands against the log (SPEC EVID-7).
    """

    origin: str
    size: int
    root: str
    two_histories: bool = False


class DecisionAnswer(Struct, frozen=True):
    """One decision of a label's history."""

    index: int
    action: Action
    basis: str
    status: str
    effective_date: str | None
    decided_on: str | None
    valid_until: str | None


class LabelAnswer(Struct, frozen=True):
    """A label as it stands on a day.

    Attributes:
        number: certificate number.
        site: code of the site that decides on it.
        status: in one word, or that this version cannot tell.
        at: the civil date asked about.
        valid_until: last civil date of validity, where one is stated.
        imported: whether it was taken from an existing register.
        scheme: its code.
        offering: entity of what is labelled.
        possible: what may be decided next.
        history: every decision, oldest first, those after `at` too.
        computed_from: the log prefixes the answer rests on.
    """

    number: str
    site: str
    status: str
    at: str
    valid_until: str | None
    imported: bool
    scheme: str
    offering: str
    possible: tuple[Action, ...]
    history: list[DecisionAnswer]
    computed_from: list[Basis]


def answer_label(
    label: Label, *, basis: Basis, day: int, undetermined: bool = False
) -> LabelAnswer:
    """Say how a label stands on a day.

    Args:
        label: its state.
        basis: the log it is in, as far as it is judged.
        day: asked about.
        undetermined: this version of the software cannot judge the label.
    """
    status, last = status_at(label.decisions, day)
    return LabelAnswer(
        label.number,
        basis.origin.split("/")[1],
        UNDETERMINED if undetermined else status.word,
        format_day(day),
        _date(last.until) if last else None,
        label.decisions[0].imported,
        label.scheme,
        label.offering.hex(),
        possible_actions(status),
        [_answer_decision(decision) for decision in label.decisions],
        [basis],
    )


def _answer_decision(decision: Decision) -> DecisionAnswer:
    return DecisionAnswer(
        decision.index,
        decision.action,
        "imported" if decision.imported else "assessed",
        decision.status.word,
        None if decision.undated else _date(decision.effective),
        _date(decision.decided),
        _date(decision.until),
    )


def _date(day: int) -> str | None:
    return format_day(day) if day else None
