"""What an assessment comes to: findings against the requirements of a version of the criteria."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct

MONTHS_GOOD: Final = 12
"""How old an evaluation may be that a decision rests on."""


class Result(StrEnum):
    """What an evaluation finds about one criterion."""

    CONFORM = "conform"
    MINOR_NC = "minor_nc"
    MAJOR_NC = "major_nc"
    NOT_APPLICABLE = "not_applicable"
    NOT_ASSESSED = "not_assessed"


NONCONFORM: Final = (Result.MINOR_NC, Result.MAJOR_NC)


class Level(StrEnum):
    """Who evaluates: who offers it, somebody with an interest in it, or somebody independent."""

    SELF = "self"
    SECOND_PARTY = "second_party"
    THIRD_PARTY = "third_party"


class Requirement(NamedTuple):
    """One criterion of a version of the criteria, as it stands in it for a site.

    Attributes:
        code: of the criterion.
        is_mandatory: whether it must be met, or earns points.
        points: the most it earns.
        kinds: of offerings it is about; empty for all.
        operator: how a value is held to the threshold: `>=`, `<=` or `=`.
        threshold: that a value is held to; None where there is none.
        is_national: whether it is of one country; then its points make nothing easier (I9).
    """

    code: str
    is_mandatory: bool
    points: int
    kinds: tuple[str, ...] = ()
    operator: str = ">="
    threshold: int | None = None
    is_national: bool = False

    def contradicts(self, result: Result, value: int) -> bool:
        """Say whether what was measured and what was found of it cannot both be so."""
        if self.threshold is None:
            return False
        is_met = {
            ">=": value >= self.threshold,
            "<=": value <= self.threshold,
            "=": value == self.threshold,
        }[self.operator]
        return result in (NONCONFORM if is_met else (Result.CONFORM,))


class CriteriaSet(NamedTuple):
    """A version of a scheme's criteria, as it stands for a site.

    Attributes:
        scheme: its code.
        version: its number.
        applies_from: first day on which it may be used.
        until: last day on which it may be used; 0 where nothing replaces it.
        min_points: that must be reached.
        requirements: every criterion that holds for the site, by code.
    """

    scheme: str
    version: int
    applies_from: int
    until: int
    min_points: int
    requirements: tuple[Requirement, ...]

    def may_be_used(self, day: int) -> bool:
        """Say whether what is decided on a day may rest on it."""
        return self.applies_from <= day and (not self.until or day <= self.until)

    def concerning(self, kind: str) -> tuple[Requirement, ...]:
        """Return the requirements about a kind of offering."""
        return tuple(one for one in self.requirements if not one.kinds or kind in one.kinds)


class Finding(Struct, frozen=True, array_like=True, gc=False):
    """What was found about one criterion, and the points it earns."""

    code: str
    result: Result
    points: int


class Evaluation(Struct, frozen=True, array_like=True):
    """The latest version of an evaluation.

    Attributes:
        index: position of its record.
        application: entity; empty where it is about a label only.
        label: entity; empty where it is for an application.
        criteria_version: of the scheme's criteria.
        kind: why it was done.
        level: how independent the assessors are.
        performed: the day of its end.
        assessors: pseudonyms of all who have evaluated, in any version.
        findings: of this version.
        closed: criteria with a non-conformity that a later version has closed.
        leaves: entities of the authorisations that this version names.
    """

    index: int
    application: bytes
    label: bytes
    criteria_version: int
    kind: str
    level: Level
    performed: int
    assessors: list[bytes]
    findings: list[Finding]
    closed: list[str] = []
    leaves: list[bytes] = []


def in_time(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """Return evaluations by the day of their end, of one day by the log (SPEC ASS-18).

    Otherwise what was looked at earlier, and recorded later, would close what was found since.
    """
    return sorted(evaluations, key=lambda one: (one.performed, one.index))


class Recommendation(StrEnum):
    """What a review recommends."""

    RECOMMEND_GRANT = "recommend_grant"
    RECOMMEND_REFUSE = "recommend_refuse"
    RETURN = "return"


class Review(Struct, frozen=True, array_like=True):
    """The latest version of a review."""

    index: int
    application: bytes
    evaluations: list[bytes]
    outcome: Recommendation
    reviewed: int
    reviewer: bytes


class Outcome(NamedTuple):
    """What findings come to.

    Attributes:
        open_majors: criteria with a major non-conformity.
        unmet: mandatory criteria that are neither conform nor not applicable.
        points: in all.
        min_points: that must be reached.
    """

    open_majors: tuple[str, ...]
    unmet: tuple[str, ...]
    points: int
    min_points: int

    @property
    def obstacle(self) -> str:
        """Why nothing can be granted on it, for people; empty where it can."""
        if self.open_majors:
            return f"a major non-conformity is open: {', '.join(self.open_majors)}"
        if self.unmet:
            return f"mandatory criteria are not met: {', '.join(self.unmet)}"
        if self.points < self.min_points:
            return f"{self.points} points, {self.min_points} are needed"
        return ""


def weigh(
    criteria: CriteriaSet, kind: str, evaluations: Sequence[tuple[Iterable[Finding], bool]]
) -> Outcome:
    """Weigh what evaluations found; what a later one assessed replaces what an earlier one did.

    Args:
        criteria: the version of the criteria.
        kind: of the offering.
        evaluations: the findings of each, in the order of time, and whether they count in full.
            Of one that does not, a non-conformity counts until some later one has found otherwise.
    """
    requirements = {one.code: one for one in criteria.concerning(kind)}
    found: dict[str, Finding] = {}
    still_open: dict[str, Finding] = {}
    for findings, in_full in evaluations:
        for one in findings:
            is_beside = not in_full and one.code not in requirements
            if one.result is Result.NOT_ASSESSED or is_beside:
                continue
            still_open.pop(one.code, None)
            if in_full:
                found[one.code] = one
            elif one.result in NONCONFORM:
                still_open[one.code] = one
    return _sum_up(found | still_open, requirements.values(), criteria.min_points)


def _sum_up(
    found: Mapping[str, Finding], requirements: Iterable[Requirement], min_points: int
) -> Outcome:
    met = (Result.CONFORM, Result.NOT_APPLICABLE)
    held = [(one, found.get(one.code)) for one in requirements]
    return Outcome(
        tuple(code for code, one in sorted(found.items()) if one.result is Result.MAJOR_NC),
        tuple(
            one.code
            for one, finding in held
            if one.is_mandatory and (finding is None or finding.result not in met)
        ),
        sum(
            min(finding.points, one.points)
            for one, finding in held
            if finding is not None and finding.result is Result.CONFORM and not one.is_national
        ),
        min_points,
    )
