"""Transfer of a label between two sites: two records that refer to each other (SPEC XFER).

Each log is judged by itself. What binds the halves is computed where both are at hand: the label
is the receiver's from the day its record holds, if and only if that record answers the last one
on the label in the log before, and restates how the label stood there. The same halves give the
same course, whichever came first.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from sopro_protocol.encoding import encode
from sopro_protocol.errors import RefusedError
from sopro_registry.family import View
from sopro_registry.label import (
    LEFT,
    MOST_RETURNS,
    Decision,
    Handover,
    Label,
    Scope,
    Status,
    Takeover,
    is_recorded_late,
    recorded_by,
)

_CONTEXT: Final = b"sopro-takeover/1\n"
_ALIVE: Final = (Status.ACTIVE, Status.SUSPENDED)


def takeover_entity(origin: str, index: int, entry_id: bytes) -> bytes:
    """Return the entity on which a successor takes over a label that nobody handed over.

    It follows from the last decision on the label, so that one log can do so only once.
    """
    return hashlib.sha256(_CONTEXT + encode([origin, index, entry_id])).digest()[:16]


def hand_label(receiver: str, entity: bytes, view: View) -> Handover:
    """Return to whom a decision hands a label over (SPEC LBL-19).

    Raises:
        RefusedError: `lbl.competence` where the receiver is no other admitted member.
    """
    if not view.may_receive(receiver):
        raise RefusedError(
            f"decision: {receiver!r} cannot receive a label, it is no other admitted member",
            code="lbl.competence",
        )
    return Handover(receiver, entity)


def take_label(takes: tuple[str, int, bytes], entity: bytes, view: View) -> Takeover:
    """Return what the first decision on an entity answers in another site's log (SPEC XFER-2).

    Raises:
        RefusedError: `lbl.competence` where that is no log of another member, or where nobody
            handed the label over and this site is not the successor of one that has gone.
    """
    origin, index, entry_id = takes
    is_orphaned = entity == takeover_entity(origin, index, entry_id)
    if not view.may_take(origin, is_orphaned=is_orphaned):
        why = (
            "its site has not gone and named this one as its successor"
            if is_orphaned
            else "that is no log of another member"
        )
        raise RefusedError(
            f"decision: no label of {origin} may be taken over here; {why}", code="lbl.competence"
        )
    acted_on = view.acted_on.size if view.acted_on else 0
    return Takeover(origin, index, entry_id, is_orphaned, acted_on)


def find_earlier(number: str, view: View) -> list[bytes]:
    """Return the entities of a label in this log before it left it, the last first (SPEC XFER-8).

    Raises:
        RefusedError: `lbl.competence` where it has come back as often as it may.
    """
    before = view.named(LEFT, number)
    held = view.state("label_decision", before) if before else None
    if before is None or not isinstance(held, Label):
        return []
    if len(held.earlier) >= MOST_RETURNS:
        raise RefusedError(
            f"decision: {number} has come back to this log {MOST_RETURNS} times, and no more is "
            "taken",
            code="lbl.competence",
        )
    return [before, *held.earlier]


def takeover_name(number: str, index: int) -> str:
    """Return the name by which the takeovers of a number are found in a log."""
    return f"{number} {index}"


class Mismatch(StrEnum):
    """Why a takeover does not fit the log it says it takes the label from."""

    LABEL = "another number or scheme"
    RECORD = "not the last decision there"
    RECEIVER = "not handed over to this site and entity"
    STANDING = "the label did not stand so there"
    DATE = "it begins before the last decision there holds"
    UNDETERMINED = "the log before needs an upgrade to be judged"
    LATER = "another site has taken it over"


class Stage(Struct, frozen=True):
    """A label in one log.

    Attributes:
        origin: of the log.
        entity: of the label there.
        label: its state there.
        undetermined: this version cannot judge the label there.
    """

    origin: str
    entity: bytes
    label: Label
    undetermined: bool = False

    @property
    def site(self) -> str:
        """Code of the log's site."""
        return self.origin.split("/")[1]


class Course(Struct, frozen=True):
    """A label's way through the logs, from where it was granted to who decides on it now."""

    stages: tuple[Stage, ...]

    @property
    def competent(self) -> Stage:
        """Return the label where it can be decided on."""
        return self.stages[-1]

    def until(self, day: int) -> list[Stage]:
        """Return the label where it was up to a day; where it was granted it was from the start."""
        first, *others = self.stages
        return [first, *(one for one in others if one.label.decisions[0].effective <= day)]

    def at(self, day: int) -> Stage:
        """Return the label where it was on a day."""
        return self.until(day)[-1]

    def recorded_by(self, day: int) -> int:
        """Return since when all is on record that holds by a day; 0 where nothing does."""
        return max(recorded_by(one.label.decisions, day) for one in self.until(day))

    def is_recorded_late(self, day: int) -> bool:
        """Say whether something holds by a day that was recorded late, and after it (OVL-11)."""
        stages = self.until(day)
        if stages[-1].undetermined:
            return False
        return any(is_recorded_late(one.label.decisions, day) for one in stages)


def follow_label(first: Stage, find: Callable[[str, bytes], Iterable[Stage]], *,
                 successors: Callable[[str], Sequence[str]]) -> Course:  # fmt: skip
    """Follow a label from the log that granted it (SPEC XFER-3).

    Args:
        first: the label there.
        find: returns the labels at an entity in the logs of a site.
        successors: names who may take over the labels of a log's site.
    """
    stages = [first]
    while True:
        last = stages[-1]
        following = [
            stage
            for site, entity in places_after(last, successors)
            for stage in find(site, entity)
            if stage not in stages and compare(last, stage) is None
        ]
        if not following:
            return Course(tuple(stages))
        stages.append(min(following, key=_precedence))


def places_after(stage: Stage, successors: Callable[[str], Sequence[str]]
                  ) -> list[tuple[str, bytes]]:  # fmt: skip
    """Return the sites and entities at which the label can go on."""
    label = stage.label
    if label.handed is not None:
        return [(label.handed.site, label.handed.entity)]
    if label.decisions[-1].status not in _ALIVE:
        return []
    sites = successors(stage.origin)
    if not sites:
        return []
    entity = takeover_entity(stage.origin, label.decisions[-1].index, label.last)
    return [(site, entity) for site in sites]


def _precedence(stage: Stage) -> tuple[int, str, bytes]:
    """Of two successors that take over one label, the one named earlier has it (SPEC XFER-4)."""
    taken = stage.label.taken
    return (taken.acted_on if taken else 0, stage.origin, stage.entity)


def compare(before: Stage, after: Stage) -> Mismatch | None:  # noqa: PLR0911  # one for each reason
    """Say why a takeover does not answer the log before; None where it does (SPEC XFER-2)."""
    taken, old, new = after.label.taken, before.label, after.label
    if (old.number, old.scheme) != (new.number, new.scheme):
        return Mismatch.LABEL
    last, first = old.decisions[-1], new.decisions[0]
    if taken is None or (taken.origin, taken.index, taken.entry_id) != (
        before.origin, last.index, old.last,
    ):  # fmt: skip
        return Mismatch.RECORD
    if before.undetermined:
        return Mismatch.UNDETERMINED
    if old.handed is not None:
        is_receiver = (old.handed.site, old.handed.entity) == (after.site, after.entity)
    else:
        is_receiver = taken.is_orphaned and last.status in _ALIVE
    if not is_receiver:
        return Mismatch.RECEIVER
    if _standing(first) != _standing(stood(old)) or not _is_same(old.scope, new, first):
        return Mismatch.STANDING
    if first.effective < max(decision.effective for decision in old.decisions):
        return Mismatch.DATE
    return None


def stood(label: Label) -> Decision:
    """Return the decision that says how a label stood when it left its log."""
    return label.decisions[-2 if label.handed is not None else -1]


def _is_same(scope: Scope, label: Label, first: Decision) -> bool:
    """Say whether the first decision on a label states a scope again."""
    stated = [one for one in label.scopes if one.index == first.index]
    again = stated[0] if stated else Scope(-1, [], [])
    return (again.areas, again.cpv) == (scope.areas, scope.cpv)


def _standing(decision: Decision) -> tuple[Status, int, int]:
    return decision.status, decision.until, decision.suspended_until
