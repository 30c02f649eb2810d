"""From rows of one key and what the log holds on them to the drafts that are missing.

Nothing here reads or writes: the same rows over the same log always give the same plan, and over a
log that has them already an empty one. That is what makes an import repeatable.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Final

import msgspec

from sopro_node.documents import structured
from sopro_node.importing.fields import END, HOLD, SETS_VALIDITY, Kind
from sopro_node.importing.readings import Item, differences
from sopro_node.importing.spool import Spooled
from sopro_protocol.encoding import encode
from sopro_registry.fields import day_of, format_day
from sopro_registry.label import IMPORTED_TRANSITIONS, Action, Basis, Decision, Status

_CONTEXT: Final = "sopro-import/1"
_SOURCE_KEPT: Final = 8

FAMILY_OF: Final = {
    Kind.ORGANISATIONS: "organisation",
    Kind.OFFERINGS: "offering",
    Kind.DECISIONS: "label_decision",
    Kind.APPLICATIONS: "label_application",
    Kind.EVALUATIONS: "evaluation",
    Kind.COMPLAINTS: "complaint",
}
REFERS_TO: Final = {Kind.OFFERINGS: "organisation", Kind.DECISIONS: "offering"}


class Verdict(Enum):
    """What becomes of a row without asking the node."""

    DRAFTED = "drafted"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    BAD = "bad"


@dataclass(slots=True)
class Planned:
    """A row with its verdict: a draft for the node, or why there is none.

    Attributes:
        row: as spooled.
        verdict: without asking the node.
        reason: of a refusal or an error.
        draft: for the office operation `append`.
        is_expected: a refusal that the mapping's own words foresee.
        field: of the mapping that the reason is about.
        before: another draft that has to come in first.
    """

    row: Spooled
    verdict: Verdict
    reason: str = ""
    draft: dict[str, Any] | None = None
    is_expected: bool = False
    field: str = "key"
    before: dict[str, Any] | None = None

    @property
    def drafts(self) -> list[dict[str, Any]]:
        """What is to be appended, in order."""
        return [one for one in (self.before, self.draft) if one is not None]


def entity_of(secret: bytes, family: str, key: Sequence[str]) -> bytes:
    """Return the entity of a thing of the source: without the secret, a random one."""
    return _digest(secret, family, key)


def source_of(secret: bytes, key: Sequence[str], event: Sequence[str]) -> bytes:
    """Return the digest by which a decision of the source is found again."""
    return _digest(secret, "source", [*key, "", *event])


def _digest(secret: bytes, what: str, parts: Sequence[str]) -> bytes:
    return hmac.digest(secret, msgspec.msgpack.encode([_CONTEXT, what, *parts]), hashlib.sha256)[
        :16
    ]


@dataclass(frozen=True, slots=True)
class Known:
    """What the log holds on an entity, as the office operation `entities` answers it."""

    head: bytes
    state: Mapping[str, Any]
    body: Mapping[str, Any]
    fields: Mapping[str, Any]


# Organisations and offerings: one version for each key.


def plan_thing(
    kind: Kind,
    rows: Sequence[Spooled],
    known: Known | None,
    *,
    secret: bytes,
    takes_first: bool,
    is_referred: bool,
) -> list[Planned]:
    """Plan the rows of one organisation or offering.

    Args:
        kind: what they are.
        rows: of one key.
        known: what the log holds on it.
        secret: of the importer.
        takes_first: later rows of the key may say something else; the first counts.
        is_referred: the organisation of an offering is in the log.
    """
    planned: list[Planned] = []
    first: Spooled | None = None
    for row in rows:
        if row.item is None:
            planned.append(Planned(row, Verdict.BAD, row.problem))
        elif not is_referred:
            reason = _not_there(kind, row.item)
            planned.append(Planned(row, Verdict.BAD, reason, field=REFERS_TO[kind]))
        elif first is not None and first.item is not None:
            planned.append(_plan_repeat(first, row, row.item, takes_first=takes_first))
        else:
            first = row
            planned.append(_plan_version(kind, row, row.item, known, secret=secret))
    return planned


def _not_there(kind: Kind, item: Item) -> str:
    name = REFERS_TO[kind]
    shown = " / ".join(item.reference)
    return f"{name} {shown!r} has not been imported; import the {name}s first"


def _plan_repeat(first: Spooled, row: Spooled, item: Item, *, takes_first: bool) -> Planned:
    before = first.item
    assert before is not None  # noqa: S101  # only rows that were understood come first
    differ = differences(before.values | before.fields, item.values | item.fields)
    if before.reference != item.reference:
        differ.append("organisation")
    if differ and not takes_first:
        reason = f"line {first.line} gave this key with another {', '.join(differ)}; keep one row"
        return Planned(row, Verdict.BAD, reason)
    return Planned(row, Verdict.UNCHANGED)


def _plan_version(
    kind: Kind, row: Spooled, item: Item, known: Known | None, *, secret: bytes
) -> Planned:
    family = FAMILY_OF[kind]
    values = dict(item.values)
    if kind is Kind.OFFERINGS:
        values["organisation"] = entity_of(secret, "organisation", item.reference)
    if known is not None and _says_the_same(item, values, known):
        return Planned(row, Verdict.UNCHANGED)
    draft = {
        "family": family,
        "values": values,
        "entity": entity_of(secret, family, item.key),
        "seen": known.head if known else None,
        "documents": _documents(family, item.fields),
    }
    return Planned(row, Verdict.DRAFTED, draft=draft)


def _documents(family: str, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Make the public document of a record, where there is anything for it."""
    if not fields:
        return []
    document = structured(family, fields)
    return [{"name": document.name, "content": document.content}]


def _says_the_same(item: Item, values: Mapping[str, Any], known: Known) -> bool:
    differ = differences(values, known.body)
    if not item.is_dated:
        # The source does not say since when; the day of the first import stays.
        differ = [name for name in differ if name != "effective_date"]
    return not differ and encode(item.fields) == encode(dict(known.fields))


# Decisions: a history for each key.


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
            reason = _not_there(Kind.DECISIONS, row.item)
            one = Planned(row, Verdict.BAD, reason, field="offering")
        else:
            is_late = at < last_known or _day_of(row.item) < newest
            one = life.plan(row, row.item, is_late=is_late)
        if one.verdict is Verdict.BAD:
            hole = hole or row.line
        else:
            seen.setdefault(source, row)
        planned.append(one)
    return planned


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

    def compare(self, row: Spooled, item: Item, held: Decision) -> Planned:
        """Compare a row with the decision that was made of it."""
        self._status = held.status
        stated = item.values.get("effective_date")
        is_same = stated is None or stated == format_day(held.effective or 1)
        if item.word == HOLD:
            is_same = is_same and held.status is Status.ACTIVE
        elif item.word == END:
            is_same = is_same and held.status in (Status.REVOKED, Status.TERMINATED)
        else:
            is_same = is_same and held.action == item.word
        if is_same:
            return Planned(row, Verdict.UNCHANGED)
        day = format_day(held.effective) if held.effective else "no date"
        reason = (
            f"column {item.status[0]!r}, value {item.status[1]!r}: entry {held.index} took this "
            f"row over as {held.action}, {day}; what is signed stays, decide 'correct' on it"
        )
        return Planned(row, Verdict.BAD, reason)

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
        action = _action_of(item.word, self._status)
        if self._status is Status.NONE and action not in _FIRST:
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
            "documents": _documents("label_decision", item.fields),
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
        if action in _FIRST:
            values["offering"] = entity_of(self._secret, "offering", item.reference)
        if action not in SETS_VALIDITY:
            _drop(values, ("valid_from", "valid_until"))
        if action is Action.REFUSE:
            _drop(values, ("certificate",))
        return values


_FIRST: Final = (Action.GRANT, Action.REFUSE, Action.TRANSFER_IN)


def _action_of(word: str, status: Status) -> Action:
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
