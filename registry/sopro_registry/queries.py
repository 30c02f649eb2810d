"""Answers about labels: pure functions of states and a day, ready to be written as JSON."""

from msgspec import UNSET, Struct

from sopro_registry.families import site_membership
from sopro_registry.fields import format_day
from sopro_registry.label import Action, Decision, Label, possible_actions, status_at
from sopro_registry.witnesses import Publication

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
        membership: of the site, as this node knows it; empty where it knows of none.
        successor: code of the member that looks after the labels of a site that has gone.
        publication: how far the last decision has come; None where only a log is there to tell.
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
    membership: str = ""
    successor: str = ""
    publication: Publication | None = None


def answer_label(
    label: Label,
    *,
    basis: Basis,
    day: int,
    undetermined: bool = False,
    member: site_membership.Body | None = None,
) -> LabelAnswer:
    """Say how a label stands on a day.

    Args:
        label: its state.
        basis: the log it is in, as far as it is judged.
        day: asked about.
        undetermined: this version of the software cannot judge the label.
        member: the membership of its site.
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
        member.status if member else "",
        member.successor if member and member.successor is not UNSET else "",
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
