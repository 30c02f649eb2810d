"""What was found about each criterion before a label was given, and since."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from sopro_registry.assessment import Evaluation, Level, Result, Review
from sopro_registry.fields import format_day
from sopro_registry.label import Decision
from sopro_registry.overlays import Lookup
from sopro_registry.transfer import Course, Stage


class CriterionResult(Struct, frozen=True):
    """How one criterion stands.

    Attributes:
        code: of the criterion.
        result: what was found last.
        points: it earns.
        found_on: civil date of the end of that evaluation.
        closed: whether a non-conformity was found before, and has been closed.
    """

    code: str
    result: Result
    points: int
    found_on: str
    closed: bool


class AssessmentAnswer(Struct, frozen=True):
    """What a label rests on, on a day.

    Attributes:
        number: certificate number.
        at: the civil date asked about.
        scheme: its code.
        criteria_version: of the scheme's criteria; 0 where it rests on no assessment.
        evaluations: number of third parties' evaluations, of the application and since.
        level: how independent those were who evaluated last; empty for none.
        criteria: by code.
    """

    number: str
    at: str
    scheme: str
    criteria_version: int
    evaluations: int
    level: str
    criteria: list[CriterionResult]


def answer_assessment(course: Course, day: int, lookup: Lookup) -> AssessmentAnswer:
    """Say what a label rests on, on a day."""
    stages = [one for one in course.stages if one.label.decisions[0].effective <= day]
    found = _evaluations(stages or [course.stages[0]], day, lookup)
    first = course.stages[0].label
    last = found[-1] if found else None
    return AssessmentAnswer(
        first.number,
        format_day(day),
        first.scheme,
        max((one.criteria_version for one in found), default=0),
        len(found),
        last.level.value if last else "",
        _results(found),
    )


def _evaluations(stages: list[Stage], day: int, lookup: Lookup) -> list[Evaluation]:
    """Return third parties' evaluations of the last application, and of the label since."""
    for place, stage in reversed(list(enumerate(stages, 1))):
        review = _last_review(stage, day, lookup)
        if review is None:
            continue
        of_review = [
            lookup.state(stage.origin, "evaluation", entity) for entity in review.evaluations
        ]
        first, *others = (_surveys(one, day, lookup) for one in (stage, *stages[place:]))
        since = [one for one in first if review.reviewed <= one.performed]
        # A site that has taken the label over since has its evaluations in its own log.
        return [*_independent([*of_review, *since]), *(one for found in others for one in found)]
    return []


def _surveys(stage: Stage, day: int, lookup: Lookup) -> list[Evaluation]:
    """Return third parties' evaluations about the label in one log, by a day."""
    found = _independent(lookup.states(stage.origin, "evaluation", stage.entity))
    return [one for one in found if one.label and one.performed <= day]


def _independent(states: Iterable[Struct | None]) -> list[Evaluation]:
    """Return third parties' evaluations; what a site says of itself is no verdict (I4)."""
    found = [one for one in states if isinstance(one, Evaluation)]
    third = [one for one in found if one.level is Level.THIRD_PARTY]
    return sorted(third, key=lambda one: one.index)


def _last_review(stage: Stage, day: int, lookup: Lookup) -> Review | None:
    effective = {one.index for one in _effective(stage, day)}
    for position, _, entity in reversed(stage.label.people):
        if position in effective and entity:
            review = lookup.state(stage.origin, "review", entity)
            if isinstance(review, Review):
                return review
    return None


def _effective(stage: Stage, day: int) -> Iterator[Decision]:
    return (one for one in stage.label.decisions if one.effective <= day)


def _results(evaluations: list[Evaluation]) -> list[CriterionResult]:
    found: dict[str, CriterionResult] = {}
    for evaluation in evaluations:
        for finding in evaluation.findings:
            if finding.result is Result.NOT_ASSESSED and finding.code in found:
                continue
            before = found.get(finding.code)
            was_open = before is not None and (before.closed or _is_open(before.result))
            was_open = was_open or finding.code in evaluation.closed
            found[finding.code] = CriterionResult(
                finding.code,
                finding.result,
                finding.points,
                format_day(evaluation.performed),
                was_open and not _is_open(finding.result),
            )
    return [found[code] for code in sorted(found)]


def _is_open(result: Result) -> bool:
    return result in (Result.MINOR_NC, Result.MAJOR_NC)
