"""What lies over a label's status on a day: computed from the logs and the day, never recorded.

None of it changes a status, and no rule reads it (SPEC OVL). What it takes is gathered through
`Lookup`, which whoever keeps the tables makes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct

from sopro_registry.application import Application
from sopro_registry.assessment import CriteriaSet, Evaluation, Level, Result, Review, in_time
from sopro_registry.catalogue import decode_state
from sopro_registry.complaints import APPEAL, Answered, Appeal, AppealStep, ComplaintStep
from sopro_registry.directory import Directory
from sopro_registry.duties import assessed
from sopro_registry.families import scheme
from sopro_registry.fields import add_months, day_of, site_of
from sopro_registry.label import Action, Decision, Status, status_at
from sopro_registry.tables import EntityRow
from sopro_registry.transfer import Course, Stage


class Overlay(StrEnum):
    """Something a reader should know besides the status."""

    SURVEILLANCE_OVERDUE = "surveillance_overdue"
    SUSPENSION_OVERDUE = "suspension_overdue"
    CRITERIA_OUTDATED = "criteria_outdated"
    UNDER_APPEAL = "under_appeal"
    APPEAL_UPHELD = "appeal_upheld"
    COMPLAINT_UPHELD = "complaint_upheld"
    ORPHANED = "orphaned"
    RECORDED_LATE = "recorded_late"
    NONCONFORMITY_OPEN = "nonconformity_open"


_STANDING: Final = (Status.ACTIVE, Status.SUSPENDED)
_GIVING: Final = (Action.GRANT, Action.RENEW, Action.REINSTATE, Action.TRANSFER_IN)


@dataclass(frozen=True, slots=True)
class Lookup:
    """What overlays ask of the logs besides the label itself.

    Attributes:
        row: returns the row of an entity in the log of an origin.
        about: goes through the entities of a family that are named after a label, in a log.
        acted_on: returns the size of the coordinator's log that a log acts on at its end.
        closed_on: returns the day on which a log's site ended taking over its old register; 0
            where it has not.
        directory: the coordinator's records, all that are here.
        coordinator: code of the coordinator's site; empty where it is not known.
    """

    row: Callable[[str, bytes], EntityRow | None]
    about: Callable[[str, str, bytes], Iterable[bytes]]
    acted_on: Callable[[str], int | None]
    closed_on: Callable[[str], int]
    directory: Directory
    coordinator: str = ""

    def state(self, origin: str, family: str, entity: bytes) -> Struct | None:
        """Return the state of an entity of a log; None where it has none of that family."""
        row = self.row(origin, entity)
        if row is None or row.family != family or row.state is None:
            return None
        return decode_state(family, row.state) if isinstance(row.state, bytes) else row.state

    def states(self, origin: str, family: str, label: bytes) -> Iterator[Struct | None]:
        """Go through the states of a family that are about a label, in one log."""
        for entity in self.about(origin, family, label):
            yield self.state(origin, family, entity)

    def scheme(self, origin: str, name: str) -> scheme.Body | None:
        """Return a scheme as the log's site knows it."""
        size = self.acted_on(origin)
        return None if size is None else self.directory.scheme(name, size=size)

    def criteria(self, origin: str, name: str, version: int) -> CriteriaSet | None:
        """Return a version of a scheme's criteria as the log's site knows it."""
        size = self.acted_on(origin)
        if size is None:
            return None
        member = self.directory.membership(site_of(origin), size=size)
        country = member.country if member else ""
        return self.directory.criteria_set(name, version=version, size=size, country=country)

    def caretaker(self, origin: str) -> str:
        """Return the code of who looks after a log's site; empty while it is not gone (MEM-15)."""
        return self.directory.caretaker(site_of(origin), coordinator=self.coordinator)

    def last_day_without(self, origin: str, name: str, day: int) -> int:
        """Return the last day of the criteria that held on a day; 0 where nothing ended them.

        Before the first version there were others, or none; they end where it says so.
        """
        size = self.acted_on(origin)
        if size is None:
            return 0
        return self.directory.criteria_ended(name, day, size=size)

    def gone_since(self, origin: str) -> int:
        """Return the day on which a log's site left or was expelled; 0 where it has not."""
        member = self.directory.membership(site_of(origin))
        if member is None or member.status not in ("left", "expelled"):
            return 0
        return day_of(member.effective_date, field="effective_date")


class _Ground(NamedTuple):
    """The last decision that gave or prolonged a label, and what it rests on.

    Attributes:
        stage: the log it is in.
        decision: itself.
        review: its review; None where it rests on none.
        taken: the day on which another log took the label over from that one; 0 where none did.
    """

    stage: Stage
    decision: Decision
    review: Review | None
    taken: int


def find_overlays(course: Course, day: int, lookup: Lookup) -> tuple[Overlay, ...]:
    """Say what lies over a label on a day (SPEC OVL-1); nothing where it cannot be judged."""
    stage = course.at(day)
    status, last = status_at(stage.label.decisions, day)
    if stage.undetermined or last is None:
        return ()
    found = []
    if status in _STANDING:
        stages = course.until(day)
        ground = _ground(stages, day, lookup)
        if ground is not None and _is_surveillance_overdue(stages, ground, day, lookup):
            found.append(Overlay.SURVEILLANCE_OVERDUE)
        if status is Status.SUSPENDED and 0 < last.suspended_until < day:
            found.append(Overlay.SUSPENSION_OVERDUE)
        if ground is not None and _is_outdated(stages, ground, day, lookup):
            found.append(Overlay.CRITERIA_OUTDATED)
        if status is Status.ACTIVE and _has_open_major(stages, day, lookup):
            found.append(Overlay.NONCONFORMITY_OPEN)
    places = range(len(course.stages))
    heard = (one for place in places for one in _heard(course.stages[place:], "appeal", lookup))
    if any(isinstance(one, Appeal) and _is_open(one, day) for one in heard):
        found.append(Overlay.UNDER_APPEAL)
    found += _unanswered(course.stages, day, lookup)
    if status in _STANDING and _is_orphaned(stage, day, lookup):
        found.append(Overlay.ORPHANED)
    if course.is_recorded_late(day):
        found.append(Overlay.RECORDED_LATE)
    return tuple(found)


def _heard(stages: Sequence[Stage], family: str, lookup: Lookup) -> Iterator[Appeal | Answered]:
    """Go through appeals or answers in the first of these logs that count for a label (OVL-7).

    Who has handed a label over brings to its end what was begun, and begins nothing.
    """
    first = stages[0]
    has_gone = first.label.handed is not None and len(stages) > 1
    for one in lookup.states(first.origin, family, first.entity):
        if isinstance(one, Appeal | Answered):
            is_late = has_gone and one.steps[0][0] > first.label.decisions[-1].index
            if not is_late:
                yield one


def _ground(stages: Sequence[Stage], day: int, lookup: Lookup) -> _Ground | None:
    """Return the last decision by a day that gave or prolonged a label, in any log it was in."""
    for place, stage in reversed(list(enumerate(stages, 1))):
        for decision in reversed(stage.label.decisions):
            is_taken = stage.label.taken is not None and decision is stage.label.decisions[0]
            if decision.effective <= day and decision.action in _GIVING and not is_taken:
                is_own = decision.imported or decision.action is not Action.REINSTATE
                if is_own:
                    taken = stages[place].label.decisions[0].effective if stages[place:] else 0
                    return _Ground(stage, decision, _review(stage, decision, lookup), taken)
    return None


def _review(stage: Stage, decision: Decision, lookup: Lookup) -> Review | None:
    for index, _, entity in stage.label.people:
        if index == decision.index and entity:
            review = lookup.state(stage.origin, "review", entity)
            return review if isinstance(review, Review) else None
    return None


def _is_surveillance_overdue(
    stages: Sequence[Stage], ground: _Ground, day: int, lookup: Lookup
) -> bool:
    """Say whether the last independent evaluation is older than the scheme allows (OVL-2)."""
    body = lookup.scheme(stages[-1].origin, ground.stage.label.scheme)
    if body is None or not body.surveillance_interval_months:
        return False
    days = [one for one in _evaluated(stages, ground, lookup) if one <= day]
    if not days and ground.decision.imported:
        # Until then the register it comes from answers for that, and nobody here knows of it.
        ended = _import_ended(ground, lookup)
        if not ended:
            return False
        days = [ended]
    last = max([*days, ground.decision.effective])
    return day > add_months(last, body.surveillance_interval_months)


def _import_ended(ground: _Ground, lookup: Lookup) -> int:
    """Return the day on which the register of an imported decision answered no more; 0 for none."""
    days = (lookup.closed_on(ground.stage.origin), ground.taken)
    return min((one for one in days if one), default=0)


def _surveys(stages: Sequence[Stage], lookup: Lookup) -> Iterator[Evaluation]:
    """Go through what third parties have found about a label and for no application."""
    for stage in stages:
        yield from (one for one in _independent(stage, lookup) if one.label)


def _independent(stage: Stage, lookup: Lookup) -> list[Evaluation]:
    """Return what third parties have found of a label in one log, in time."""
    states = lookup.states(stage.origin, "evaluation", stage.entity)
    found = [one for one in states if isinstance(one, Evaluation)]
    return in_time(one for one in found if one.level is Level.THIRD_PARTY)


def _has_open_major(stages: Sequence[Stage], day: int, lookup: Lookup) -> bool:
    """Say whether the last to assess some criterion by a day has found it not met (OVL-12)."""
    last: dict[str, Result] = {}
    for place, stage in enumerate(stages, 1):
        # Who has handed a label over finds nothing more about it.
        left = stage.label.decisions[-1].index if stages[place:] and stage.label.handed else None
        for one in _independent(stage, lookup):
            if one.performed <= day and (left is None or one.index < left):
                last |= {code: found.result for code, found in assessed(one).items()}
    return Result.MAJOR_NC in last.values()


def _evaluated(stages: Sequence[Stage], ground: _Ground, lookup: Lookup) -> Iterator[int]:
    """Go through the days on which a third party has evaluated what is labelled."""
    yield from (one.performed for one in _surveys(stages, lookup))
    for entity in ground.review.evaluations if ground.review else ():
        found = lookup.state(ground.stage.origin, "evaluation", entity)
        if isinstance(found, Evaluation) and found.level is Level.THIRD_PARTY:
            yield found.performed


def _is_outdated(stages: Sequence[Stage], ground: _Ground, day: int, lookup: Lookup) -> bool:
    """Say whether the criteria a label was last given by may no longer be used (OVL-4)."""
    stage = stages[-1]
    if ground.decision.imported:
        return 0 < _imported_until(stages, ground, day, lookup) < day
    if ground.review is None:
        return False
    asked = lookup.state(ground.stage.origin, "label_application", ground.review.application)
    if not isinstance(asked, Application):
        return False
    criteria = lookup.criteria(stage.origin, asked.scheme, asked.criteria_version)
    return criteria is not None and 0 < criteria.until < day


def _imported_until(stages: Sequence[Stage], ground: _Ground, day: int, lookup: Lookup) -> int:
    """Return the last day of the criteria that an imported decision rests on (OVL-10)."""
    stage, scheme_ = stages[-1], ground.stage.label.scheme
    known = [one for one in _surveys(stages, lookup) if one.performed <= day]
    if known:
        # Of two on one day the later one counts; a sort keeps their order.
        version = sorted(known, key=lambda one: one.performed)[-1].criteria_version
        criteria = lookup.criteria(stage.origin, scheme_, version)
        return criteria.until if criteria else 0
    given = 0 if ground.decision.undated else ground.decision.effective
    return lookup.last_day_without(stage.origin, scheme_, given)


def _is_open(appeal: Appeal, day: int) -> bool:
    """Say whether an appeal was received by a day and not decided or withdrawn (OVL-5)."""
    come = [step for _, step, at in appeal.steps if at <= day]
    return bool(come) and bool(APPEAL[come[-1]])


_UPHELD: Final = (AppealStep.UPHELD, AppealStep.PARTLY_UPHELD, ComplaintStep.UPHELD)
_FAMILIES: Final = {
    Overlay.APPEAL_UPHELD: "appeal",
    Overlay.COMPLAINT_UPHELD: "complaint_answer",
}


def _unanswered(stages: Sequence[Stage], day: int, lookup: Lookup) -> Iterator[Overlay]:
    """Go through what was upheld by a day and followed by no decision (OVL-8, OVL-9)."""
    for overlay, family in _FAMILIES.items():
        for place in range(len(stages)):
            upheld = _upheld(_heard(stages[place:], family, lookup), day)
            if any(not _is_answered(one, overlay, stages[place:], day) for one in upheld):
                yield overlay
                break


def _upheld(found: Iterable[Appeal | Answered], day: int) -> Iterator[int]:
    """Go through the positions of the steps by which something was upheld, and is on the day."""
    for one in found:
        come = [(index, step) for index, step, at in one.steps if at <= day]
        if come and come[-1][1] in _UPHELD:
            yield come[-1][0]


def _is_answered(upheld: int, reason: str, stages: Sequence[Stage], day: int) -> bool:
    """Say whether a decision behind a step, in its log or a later one, gives it as its reason."""
    for place, stage in enumerate(stages):
        effective = {one.index for one in stage.label.decisions if one.effective <= day}
        for index, why in stage.label.answers:
            if why == reason and index in effective and (place or index > upheld):
                return True
    return False


def _is_orphaned(stage: Stage, day: int, lookup: Lookup) -> bool:
    """Say whether nobody looks after a label any more, the days of grace being over (OVL-6)."""
    gone = lookup.gone_since(stage.origin)
    if not gone:
        return False
    body = lookup.scheme(stage.origin, stage.label.scheme)
    return day > gone + (body.grace_days if body else 0)
