"""What was found about each criterion before a label was given, and since."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from sopro_registry.assessment import Evaluation, Level, Result, Review
from sopro_registry.fields import format_day
from sopro_registry.label import DAYS_TO_RECORD, Decision
from sopro_registry.overlays import Lookup
from sopro_registry.queries import Basis
from sopro_registry.transfer import Course, Stage

MOST_EVALUATIONS: Final = 50
"""Evaluations that an answer names: the latest."""


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


class FindingAnswer(Struct, frozen=True):
    """What one evaluation found about one criterion.

    Attributes:
        code: of the criterion.
        result: what was found.
        points: it earns.
        closed: whether an earlier version of the evaluation found a non-conformity.
    """

    code: str
    result: Result
    points: int
    closed: bool


class EvaluationAnswer(Struct, frozen=True):
    """One evaluation about a label, or for an application of it.

    Attributes:
        site: in whose log it is.
        entity: there, hex.
        kind: why it was done.
        level: how independent who evaluated was; a first party's says what it says of itself.
        criteria_version: of the scheme's criteria.
        performed_on: civil date of its end.
        recorded_on: civil date of its latest record.
        recorded_late: whether that was long after it, as of one that came with an existing
            register.
        reviewed: whether a decision on the label rests on it by a review.
        findings: by code, as in its latest record.
    """

    site: str
    entity: str
    kind: str
    level: str
    criteria_version: int
    performed_on: str
    recorded_on: str
    recorded_late: bool
    reviewed: bool
    findings: list[FindingAnswer]


class AssessmentAnswer(Struct, frozen=True):
    """What a label rests on, on a day.

    Attributes:
        number: certificate number.
        at: the civil date asked about.
        scheme: its code.
        criteria_version: of the scheme's criteria; 0 where it rests on no assessment.
        evaluations: number of third parties' evaluations, of the application and since; of a label
            that rests on no application here, such as one of an existing register, of it.
        level: how independent those were who evaluated last; empty for none.
        criteria: by code.
        evaluated: evaluations of any level that are known, the latest last.
        more: whether there are more of these, earlier ones, than are named.
        computed_from: the log prefixes the answer rests on.
    """

    number: str
    at: str
    scheme: str
    criteria_version: int
    evaluations: int
    level: str
    criteria: list[CriterionResult]
    evaluated: list[EvaluationAnswer] = []
    more: bool = False
    computed_from: list[Basis] = []


class _Known(NamedTuple):
    """An evaluation, the stage of the label it is in, and whether a review names it.

    Attributes:
        place: of the stage among the label's, from 0.
        stage: in whose log it is.
        entity: there.
        evaluation: as it was recorded last.
        is_reviewed: whether a decision rests on it by a review.
    """

    place: int
    stage: Stage
    entity: bytes
    evaluation: Evaluation
    is_reviewed: bool


def answer_assessment(
    course: Course,
    day: int,
    lookup: Lookup,
    *,
    recorded: Callable[[str, int], int],
    bases: Sequence[Basis] = (),
) -> AssessmentAnswer:
    """Say what a label rests on, on a day.

    Args:
        course: the label's way through the logs.
        day: asked about.
        lookup: into the logs.
        recorded: returns the day of the record at a position of the log of an origin.
        bases: the log prefixes the answer rests on.
    """
    stages = [one for one in course.stages if one.label.decisions[0].effective <= day]
    stages = stages or [course.stages[0]]
    known = sorted(_known(stages, day, lookup), key=lambda one: one.evaluation.performed)
    found = _counted(stages, day, lookup, known)
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
        [_describe(one, recorded) for one in known[-MOST_EVALUATIONS:]],
        len(known) > MOST_EVALUATIONS,
        list(bases),
    )


def _known(stages: Sequence[Stage], day: int, lookup: Lookup) -> Iterator[_Known]:
    """Go through the evaluations that were performed by a day, each once, by the logs."""
    for place, stage in enumerate(stages):
        reviewed = {
            entity for review in _reviews(stage, day, lookup) for entity in review.evaluations
        }
        about = lookup.about(stage.origin, "evaluation", stage.entity)
        for entity in dict.fromkeys([*sorted(reviewed), *about]):
            one = lookup.state(stage.origin, "evaluation", entity)
            if isinstance(one, Evaluation) and one.performed <= day:
                yield _Known(place, stage, entity, one, entity in reviewed)


def _describe(known: _Known, recorded: Callable[[str, int], int]) -> EvaluationAnswer:
    one, day = known.evaluation, recorded(known.stage.origin, known.evaluation.index)
    return EvaluationAnswer(
        known.stage.site,
        known.entity.hex(),
        one.kind,
        one.level.value,
        one.criteria_version,
        format_day(one.performed),
        format_day(day),
        day - one.performed > DAYS_TO_RECORD,
        known.is_reviewed,
        [
            FindingAnswer(found.code, found.result, found.points, found.code in one.closed)
            for found in one.findings
        ],
    )


def _counted(
    stages: Sequence[Stage], day: int, lookup: Lookup, known: Sequence[_Known]
) -> list[Evaluation]:
    """Return third parties' evaluations of the last application, and of the label since.

    Where the label rests on no application here, all that are about it count.
    """
    # What a site or its client says of itself is no verdict (domain model, I4).
    found = [one for one in known if one.evaluation.level is Level.THIRD_PARTY]
    for place, stage in reversed(list(enumerate(stages))):
        review = _last_review(stage, day, lookup)
        if review is not None:
            # A site that has taken the label over since has its evaluations in its own log.
            found = [
                one
                for one in found
                if one.place > place or (one.place == place and _rests_on(review, one))
            ]
            break
    found.sort(key=lambda one: (one.evaluation.performed, one.place, one.evaluation.index))
    return [one.evaluation for one in found]


def _rests_on(review: Review, known: _Known) -> bool:
    """Say whether a review names an evaluation, or it is about the label and came later."""
    one = known.evaluation
    is_since = bool(one.label) and review.reviewed <= one.performed
    return known.entity in review.evaluations or is_since


def _last_review(stage: Stage, day: int, lookup: Lookup) -> Review | None:
    return next(_reviews(stage, day, lookup), None)


def _reviews(stage: Stage, day: int, lookup: Lookup) -> Iterator[Review]:
    """Go through the reviews that decisions rest on, the last first."""
    effective = {one.index for one in _effective(stage, day)}
    for position, _, entity in reversed(stage.label.people):
        if position in effective and entity:
            review = lookup.state(stage.origin, "review", entity)
            if isinstance(review, Review):
                yield review


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
