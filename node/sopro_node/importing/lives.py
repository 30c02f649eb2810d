"""The life of a label: from the rows of its key to the decisions that the log lacks.

As in `plan.py`, nothing here reads or writes.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, Final

import msgspec

from sopro_node.importing.fields import END, HOLD, SETS_VALIDITY, Kind
from sopro_node.importing.plan import (
    Known,
    Planned,
    Verdict,
    documents_of,
    entity_of,
    not_there,
    source_of,
)
from sopro_node.importing.readings import Item, differences
from sopro_node.importing.spool import Spooled
from sopro_registry.fields import day_of, format_day
from sopro_registry.label import ANSWERING, IMPORTED_TRANSITIONS, Action, Basis, Decision, Status

_SOURCE_KEPT: Final = 8


def plan_label(
    rows: Sequence[Spooled], known: Known | None, *, secret: bytes, is_referred: bool
) -> list[Planned]:
    """Plan the rows of one label, in their order.

    A bad row holds back those after it: a history with a hole would say something else. A row
    that stands before one that is in the log already cannot come in any more; where the file lacks
    decisions that were imported, it is older or a part, and only dates tell what comes before them.
    """
    held = msgspec.convert(
        known.state["decisions"] if known else [], list[Decision], builtin_types=(bytes,)
    )
    by_source = {one.source: one for one in held if one.imported and one.source}
    sources = [
        source_of(secret, row.item.key, row.item.event)[:_SOURCE_KEPT] if row.item else b""
        for row in rows
    ]
    last_known = max((at for at, one in enumerate(sources) if one in by_source), default=-1)
    newest = max((one.effective for key, one in by_source.items() if key not in sources), default=0)
    life = _Life(secret, known, held)
    planned: list[Planned] = []
    seen: dict[bytes, Spooled] = {}
    hole = 0
    offering = next((row.item.reference for row in rows if row.item), [])
    for at, (row, source) in enumerate(zip(rows, sources, strict=True)):
        if row.item is None:
            one = Planned(row, Verdict.BAD, row.problem)
        elif source in seen:
            one = _plan_again(row, seen[source])
        elif hole:
            reason = f"waits for line {hole}, which comes before it and is bad"
            one = Planned(row, Verdict.BAD, reason)
        elif row.item.reference != offering:
            reason = "another offering than that of the rows before it"
            one = Planned(row, Verdict.BAD, reason, field="offering")
        elif source in by_source:
            one = life.compare(row, row.item, by_source[source])
        elif not is_referred:
            reason = not_there(Kind.DECISIONS, row.item)
            one = Planned(row, Verdict.BAD, reason, field="offering")
        else:
            is_late = at < last_known or _day_of(row.item) < newest
            one = life.plan(row, row.item, is_late=is_late)
        if one.verdict is Verdict.BAD:
            hole = hole or row.line
        else:
            seen.setdefault(source, row)
        planned.append(one)
    _judge_dates(planned)
    if known is None and not any(one.drafts for one in planned):
        # Nothing of the label comes in: that is more than a word for what never began.
        for one in planned:
            one.is_expected = False
    return planned


def _judge_dates(planned: Sequence[Planned]) -> None:
    """Tell of rows whose dates contradict the order in which they stand."""
    dated = [
        (day_of(text, field="effective_date"), one)
        for one in planned
        if one.row.item and (text := one.row.item.values.get("effective_date"))
    ]
    for (day, before), (later, one) in pairwise(dated):
        if later < day:
            one.remark = (
                f"is effective on {format_day(later)}, and stands behind line {before.row.line} of "
                f"the same key, which is so only on {format_day(day)}; is 'order' the right column?"
            )
            # An end that its date puts behind a start has ended something.
            before.is_expected = False


def _plan_again(row: Spooled, before: Spooled) -> Planned:
    """Plan a row of a decision that another row has stated."""
    if row.item == before.item:
        return Planned(row, Verdict.UNCHANGED)
    reason = f"line {before.line} is this decision already; keep one row, or name 'event'"
    return Planned(row, Verdict.BAD, reason)


def _day_of(item: Item) -> int:
    """Return the day a decision is effective, or a late one where none is stated."""
    text = item.values.get("effective_date")
    return day_of(text, field="effective_date") if text else date.max.toordinal()


class _Life:
    """A label's life while its rows are gone through."""

    def __init__(self, secret: bytes, known: Known | None, held: Sequence[Decision]) -> None:
        self._secret = secret
        self._seen = known.head if known else None
        self._status = Status.NONE
        self._latest = held[-1].status if held else Status.NONE
        self._is_drafting = False
        self._known = known

    def compare(self, row: Spooled, item: Item, held: Decision) -> Planned:
        """Compare a row with the decision that was made of it."""
        self._status = held.status
        if item.word == HOLD:
            is_same = held.status is Status.ACTIVE
        elif item.word == END:
            is_same = held.status in (Status.REVOKED, Status.TERMINATED)
        else:
            is_same = held.action == item.word
        changed = [] if is_same else ["status"]
        stated = item.values.get("effective_date")
        if stated is not None and stated != format_day(held.effective or 1):
            changed.append("effective_date")
        changed += [one for one in self._changed(item, held) if one not in changed]
        if not changed:
            return Planned(row, Verdict.UNCHANGED)
        day = format_day(held.effective) if held.effective else "no date"
        reason = (
            f"column {item.status[0]!r}, value {item.status[1]!r}: entry {held.index} took this "
            f"row over as {held.action}, {day}, with another {', '.join(changed)}; what is signed "
            "stays, decide 'correct' on it"
        )
        return Planned(row, Verdict.BAD, reason)

    def _changed(self, item: Item, held: Decision) -> list[str]:
        """Name what a row says otherwise than the entry that was made of it, as corrected since."""
        body = stated_by(held, self._known)
        if body is None:
            return []
        values = self._values(held.action, item)
        names = (name for name in _COMPARED if name in values or name not in _GIVEN_HERE)
        changed = [name for name in names if values.get(name) != body.get(name)]
        # What was erased cannot be compared any more.
        fields = self._known.decisions[held.index].fields if self._known else {}
        return changed + (differences(item.fields, fields) if fields else [])

    def plan(self, row: Spooled, item: Item, *, is_late: bool) -> Planned:
        """Plan a row that is not in the log."""
        if not is_late and not self._is_drafting:
            # What was decided here after the source's last row counts, too.
            self._status, self._is_drafting = self._latest, True
        if item.word == END and self._status is Status.NONE:
            reason = "ends what never began"
            return Planned(row, Verdict.REFUSED, reason, is_expected=True, field="status")
        if is_late:
            reason = "stands before a decision that is in the log already"
            return Planned(row, Verdict.REFUSED, reason)
        action = action_of(item.word, self._status)
        if self._status is Status.NONE and action not in FIRST:
            reason = (
                f"{action.value} on a label that was never granted here; its first decision must "
                "come before"
            )
            return Planned(row, Verdict.REFUSED, reason, field="status")
        draft: dict[str, Any] = {
            "family": "label_decision",
            "values": self._values(action, item),
            "entity": entity_of(self._secret, "label_decision", item.key),
            "seen": self._seen,
            "documents": documents_of("label_decision", item.fields),
        }
        self._seen = b""
        self._status = IMPORTED_TRANSITIONS.get((self._status, action), self._status)
        return Planned(row, Verdict.DRAFTED, draft=draft, field="status")

    def _values(self, action: Action, item: Item) -> dict[str, Any]:
        values = {
            **item.values,
            "action": action.value,
            "basis": Basis.IMPORTED.value,
            "source": source_of(self._secret, item.key, item.event),
        }
        if action in FIRST:
            values["offering"] = entity_of(self._secret, "offering", item.reference)
        if action not in SETS_VALIDITY:
            _drop(values, ("valid_from", "valid_until"))
        if action is Action.REFUSE:
            _drop(values, ("certificate",))
        # A reason that stands for all rows is one for ending labels, not for giving them.
        if action in _GIVING and values.get("reason_code") not in ANSWERING:
            _drop(values, ("reason_code",))
        return values


_COMPARED: Final = (
    *("decided_on", "effective_date", "valid_from", "valid_until", "suspended_until"),
    *("appeal_until", "reason_code", "certificate"),
)
_GIVEN_HERE: Final = ("certificate",)
"""Where the source has none, the site gives one."""
_GIVING: Final = (Action.GRANT, Action.RENEW, Action.REINSTATE, Action.TRANSFER_IN)
FIRST: Final = (Action.GRANT, Action.REFUSE, Action.TRANSFER_IN)
"""Decisions that a label begins with."""


def stated_by(held: Decision, known: Known | None) -> dict[str, Any] | None:
    """Return what a decision in the log says, its end of validity as it was corrected since."""
    stated = known.decisions.get(held.index) if known else None
    if known is None or stated is None:
        return None
    body = dict(stated.body)
    for one in known.decisions.values():
        if one.body.get("corrects") == held.index and "valid_until" in one.body:
            body["valid_until"] = one.body["valid_until"]
    return body


def action_of(word: str, status: Status) -> Action:
    """Return the action that a word of the mapping is, for a label of that status."""
    if word == END:
        return Action.REVOKE
    if word != HOLD:
        return Action(word)
    if status is Status.NONE:
        return Action.GRANT
    return Action.RENEW if status is Status.ACTIVE else Action.REINSTATE


def _drop(values: dict[str, Any], names: Iterable[str]) -> None:
    for name in names:
        values.pop(name, None)
