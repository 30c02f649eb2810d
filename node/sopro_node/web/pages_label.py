"""A label as its page shows it: the answer, what was recorded, and since when it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET, UnsetType

from sopro_node.describing import Described
from sopro_node.desk import Desk
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_registry.codelists import Finding
from sopro_registry.families import label_decision
from sopro_registry.queries import DecisionAnswer, LabelAnswer

MAX_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision in the history table.

    Attributes:
        index: position of its entry.
        site: code of the site whose log it is in.
        path: of that log.
        action: what it did.
        status: what followed from it.
        imported: whether it was taken from an existing register.
        effective: civil date it states; None where it states none.
        until: last civil date of validity from here on.
        reason: code, empty where none is given.
        suspended_until: civil date, empty where none is given.
        appeal_until: civil date, empty where none is given.
        is_later: whether it takes effect only after the day asked about.
        is_provable: whether the signed head served here covers it.
        withheld: why its entry is withheld; empty where it is not.
    """

    index: int
    site: str
    path: str
    action: str
    status: str
    imported: bool
    effective: str | None
    until: str | None
    reason: str
    suspended_until: str
    appeal_until: str
    is_later: bool
    is_provable: bool
    withheld: str


@dataclass(frozen=True, slots=True)
class LabelView:
    """Everything a label's page shows of the label.

    Attributes:
        answer: how it stands.
        described: whose it is and of what.
        held: the log its decisions are in.
        rows: its decisions, oldest first; the newest `MAX_ROWS`.
        hidden: number of older ones left out.
        granted: civil date of its first decision.
        since: civil date from which its status holds; None where it is not known.
        suspended_until: civil date, where it is suspended until one.
        findings: what is odd about it and makes nothing void.
    """

    answer: LabelAnswer
    described: Described
    held: HeldLog
    rows: list[DecisionRow]
    hidden: int
    granted: str | None
    since: str | None
    suspended_until: str
    findings: Sequence[Finding] = ()


def view_label(
    desk: Desk,
    holdings: Holdings,
    number: str,
    day: int | None,
    *,
    findings: Sequence[Finding] = (),
) -> LabelView:
    """Collect what a label's page shows.

    Raises:
        NotFoundError: no log this node holds has that number.
    """
    answer = desk.label(number, day)
    held = holdings.logs[answer.computed_from[0].origin]
    shown = answer.history[-MAX_ROWS:]
    rows = [_row(desk, holdings.logs[decision.log], decision, at=answer.at) for decision in shown]
    run = _current_run(rows, answer.history, at=answer.at)
    return LabelView(
        answer=answer,
        described=desk.describe(number),
        held=held,
        rows=rows,
        hidden=len(answer.history) - len(rows),
        granted=answer.history[0].effective_date,
        since=run[0].effective if run else None,
        suspended_until=run[-1].suspended_until if run else "",
        findings=findings,
    )


def _row(desk: Desk, held: HeldLog, decision: DecisionAnswer, *, at: str) -> DecisionRow:
    body, withheld = desk.decision(held, decision.index), held.withheld.get(decision.index)
    return DecisionRow(
        index=decision.index,
        site=decision.site,
        path=held.path,
        action=decision.action,
        status=decision.status,
        imported=decision.basis == "imported",
        effective=_stated(body) if body else decision.effective_date,
        until=decision.valid_until,
        reason=_text(body.reason_code) if body else "",
        suspended_until=_text(body.suspended_until) if body else "",
        appeal_until=_text(body.appeal_until) if body else "",
        is_later=_is_later(decision, at),
        is_provable=decision.index < held.signed_size,
        withheld=withheld.reason if withheld else "",
    )


def _current_run(
    rows: list[DecisionRow], history: list[DecisionAnswer], *, at: str
) -> list[DecisionRow]:
    """Return the decisions through which the status at a day has held without a break."""
    effective = [
        row
        for row, decision in zip(rows, history[-len(rows) :], strict=True)
        if not _is_later(decision, at)
    ]
    run: list[DecisionRow] = []
    for row in reversed(effective):
        if run and row.status != run[0].status:
            break
        run.insert(0, row)
    return run


def _is_later(decision: DecisionAnswer, at: str) -> bool:
    return (decision.effective_date or "") > at


def _stated(body: label_decision.Body) -> str | None:
    return None if body.effective_date is UNSET else body.effective_date


def _text(value: str | UnsetType) -> str:
    return "" if value is UNSET else value
