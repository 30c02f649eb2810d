"""How labels stand now: one row a label, with the day it was granted and its status as of today.

Of such a row come its grant and, where it is held no more, what ended or suspended it. Over what
an earlier file brought in only what is new comes: a renewal, an end, a return. As in `plan.py`,
nothing here reads or writes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from sopro_node.importing.fields import END, EXPIRED, HOLD, STANDS_HELD, Kind
from sopro_node.importing.lives import FIRST, action_of, stated_by
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
from sopro_registry.label import IMPORTED_TRANSITIONS, Action, Basis, Decision, Status

_VALIDITY: Final = ("valid_from", "valid_until")
_OF_STATUS: Final = ("reason_code", "suspended_until", "appeal_until")
_DATED: Final = ("effective_date", "granted_on", "decided_on")
_GRANTS: Final = (Action.GRANT, Action.RENEW, Action.TRANSFER_IN)
_BEARERS: Final = (*_GRANTS, Action.REINSTATE)
_ENDS: Final = (END, Action.REVOKE, Action.TERMINATE_ON_REQUEST)
_ENDED: Final = (Status.REVOKED, Status.TERMINATED)


def plan_standing(
    rows: Sequence[Spooled], known: Known | None, *, secret: bytes, is_referred: bool
) -> list[Planned]:
    """Plan the rows of one label, of which there should be one."""
    planned: list[Planned] = []
    first: Spooled | None = None
    for row in rows:
        if row.item is None:
            one = Planned(row, Verdict.BAD, row.problem)
        elif first is not None:
            reason = (
                f"line {first.line} is this label already; keep one row, or name the column that "
                "puts them in 'order'"
            )
            one = (
                Planned(row, Verdict.UNCHANGED)
                if first.item == row.item
                else Planned(row, Verdict.BAD, reason)
            )
        elif not is_referred:
            reason = not_there(Kind.DECISIONS, row.item)
            one = Planned(row, Verdict.BAD, reason, field="offering")
        else:
            first = row
            one = _Standing(row, row.item, known, secret).plan()
        planned.append(one)
    return planned


class _Standing:
    """One label: its row, and what came in of earlier ones."""

    def __init__(self, row: Spooled, item: Item, known: Known | None, secret: bytes) -> None:
        self._row, self._item, self._known, self._secret = row, item, known, secret
        held = known.state["decisions"] if known else []
        self._held = msgspec.convert(held, list[Decision], builtin_types=(bytes,))
        self._taken = [one for one in self._held if one.imported and one.source]
        # What the files have said so far, and what has been decided here since.
        self._said = self._taken[-1].status if self._taken else Status.NONE
        self._status = self._held[-1].status if self._held else Status.NONE
        self._newest = max((one.effective for one in self._taken), default=0)
        self._drafts: list[dict[str, Any]] = []

    def plan(self) -> Planned:
        """Return what becomes of the row."""
        item = self._item
        is_held = item.word in STANDS_HELD
        since = item.values.get("effective_date")
        problem = self._plan_grant(since if is_held else None)
        if problem is None and not (is_held or item.word == EXPIRED):
            problem = self._plan_status(item.word, since)
        elif problem is None and is_held and self._said is not Status.ACTIVE:
            problem = self._add(action_of(HOLD, self._status), since)
        if problem is None and not self._drafts:
            problem = self._told(self._taken[-1], self._changed_fields())
        if problem is not None:
            return problem
        if not self._drafts:
            return Planned(self._row, Verdict.UNCHANGED)
        *before, draft = self._drafts
        draft["documents"] = documents_of("label_decision", item.fields)
        first = before[0] if before else None
        return Planned(self._row, Verdict.DRAFTED, draft=draft, field="status", before=first)

    def _plan_grant(self, since: str | None) -> Planned | None:
        """Add the grant, or a renewal where the day of the grant is a later one.

        Args:
            since: when the label has had its status, where that is to be held.
        """
        values = self._item.values
        granted = values.get("granted_on") or values.get("valid_from")
        if not self._taken:
            return self._add(Action.GRANT, granted or since)
        is_back = self._said is not Status.ACTIVE and self._item.word in STANDS_HELD
        last = next((one for one in reversed(self._taken) if one.action in _GRANTS), None)
        if last is None or (is_back and not granted):
            return None
        if not granted and last is self._taken[-1]:
            granted = since
        day = day_of(granted, field="granted_on") if granted else 0
        before = 0 if last.undated else last.effective
        is_known = any(one.effective == day for one in self._taken if one.action in _BEARERS)
        if day > before > 0 and day >= self._newest and not is_known:
            return self._add(action_of(HOLD, self._status), granted)
        changed = ["granted_on"] if day and day != before and not is_known else []
        if not is_back and self._item.word not in _ENDS:
            bearer = next(one for one in reversed(self._taken) if one.action in _BEARERS)
            changed += self._changed(bearer, _VALIDITY)
        return self._told(last, [*changed, *self._changed(last, ("certificate",))])

    def _plan_status(self, word: str, since: str | None) -> Planned | None:
        """Add what suspended or ended the label, unless that came in before."""
        action = Action.REVOKE if word == END else Action(word)
        after = IMPORTED_TRANSITIONS.get((Status.ACTIVE, action))
        is_same = after is self._said or (word == END and self._said in _ENDED)
        if not is_same:
            return self._add(action, since)
        last = self._taken[-1]
        day = day_of(since, field="effective_date") if since else 0
        changed = ["effective_date"] if day != (0 if last.undated else last.effective) else []
        return self._told(last, [*changed, *self._changed(last, (*_OF_STATUS, "decided_on"))])

    def _add(self, action: Action, since: str | None) -> Planned | None:
        """Add a decision; refuse one that lies before what is in the log."""
        if since and day_of(since, field="effective_date") < self._newest:
            reason = "stands before a decision that is in the log already; is the file older?"
            return Planned(self._row, Verdict.REFUSED, reason, field="status")
        place = len(self._taken) + len(self._drafts)
        self._drafts.append(
            {
                "family": "label_decision",
                "values": self._values(action, since, place),
                "entity": entity_of(self._secret, "label_decision", self._item.key),
                "seen": b"" if self._drafts else self._known.head if self._known else None,
                "documents": [],
            }
        )
        self._said = IMPORTED_TRANSITIONS.get((self._status, action), self._status)
        self._status = self._said
        return None

    def _values(self, action: Action, since: str | None, place: int) -> dict[str, Any]:
        item, is_held = self._item, action in (*_GRANTS, Action.REINSTATE)
        left = [*_DATED, *(_OF_STATUS if is_held else _VALIDITY)]
        values = {name: value for name, value in item.values.items() if name not in left}
        decided = item.values.get("decided_on")
        if decided and is_held is (item.word in (*STANDS_HELD, EXPIRED)):
            values["decided_on"] = decided
        if since:
            values["effective_date"] = since
        if action in FIRST:
            values["offering"] = entity_of(self._secret, "offering", item.reference)
        return values | {
            "action": action.value,
            "basis": Basis.IMPORTED.value,
            "source": source_of(self._secret, item.key, ["stands", str(place)]),
        }

    def _changed(self, held: Decision, names: Iterable[str]) -> list[str]:
        """Name what the row says otherwise than a decision that came of an earlier one."""
        body = stated_by(held, self._known)
        if body is None:
            return []
        values: Mapping[str, Any] = self._item.values
        return [
            name
            for name in names
            if values.get(name) != body.get(name) and (name in values or name != "certificate")
        ]

    def _changed_fields(self) -> list[str]:
        """Name what the row says otherwise of what is kept; what was erased, nobody can compare."""
        stated = self._known.decisions.get(self._taken[-1].index) if self._known else None
        return differences(self._item.fields, stated.fields) if stated and stated.fields else []

    def _told(self, held: Decision, changed: Sequence[str]) -> Planned | None:
        if not changed:
            return None
        day = "no date" if held.undated else format_day(held.effective)
        column, text = self._item.status
        reason = (
            f"column {column!r}, value {text!r}: entry {held.index} took this label over as "
            f"{held.action}, {day}, with another {', '.join(changed)}; what is signed stays, "
            "decide on it"
        )
        return Planned(self._row, Verdict.BAD, reason)
