"""The life of an application up to its assessment, as a table."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct


class Step(StrEnum):
    """Where an application is; from `accepted` on its evaluations and its review say more."""

    SUBMITTED = "submitted"
    RETURNED = "returned"
    LAPSED = "lapsed"
    REFUSED_INTAKE = "refused_intake"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


class Kind(StrEnum):
    """What is applied for."""

    INITIAL = "initial"
    RENEWAL = "renewal"
    SCOPE_EXTENSION = "scope_extension"
    TRANSFER = "transfer"


TRANSITIONS: Final[dict[Step | None, frozenset[Step]]] = {
    None: frozenset({Step.SUBMITTED}),
    Step.SUBMITTED: frozenset({Step.ACCEPTED, Step.RETURNED, Step.REFUSED_INTAKE, Step.WITHDRAWN}),
    Step.RETURNED: frozenset({Step.SUBMITTED, Step.LAPSED, Step.WITHDRAWN}),
    # Until it is decided.
    Step.ACCEPTED: frozenset({Step.WITHDRAWN}),
    Step.REFUSED_INTAKE: frozenset(),
    Step.LAPSED: frozenset(),
    Step.WITHDRAWN: frozenset(),
}


class Application(Struct, frozen=True, array_like=True):
    """An application; days are ordinals.

    Attributes:
        step: where it is.
        kind: what is applied for.
        applicant: entity of the organisation.
        offering: entity of what is to be labelled.
        label: entity of the label; empty where there is none yet.
        scheme: its code.
        criteria_version: of the scheme's criteria.
        submitted: the day it was submitted first.
        steps: every step with its position and its day.
    """

    step: Step
    kind: Kind
    applicant: bytes
    offering: bytes
    label: bytes
    scheme: str
    criteria_version: int
    submitted: int
    steps: list[tuple[int, Step, int]]


def asking_name(offering: bytes) -> str:
    """Name an application after what is to be labelled, so that it is known to be asked for."""
    return f"for {offering.hex()}"


def decided_name(application: bytes) -> str:
    """Name the decision on an application, so that there is one at most."""
    return f"application {application.hex()}"


def stage(
    application: Application,
    *,
    evaluated: Sequence[int],
    reviewed: Sequence[int],
    is_decided: bool,
) -> str:
    """Say how far an application has come, from its own steps and the records about it.

    Args:
        application: its state.
        evaluated: positions of the evaluations for it.
        reviewed: positions of its reviews.
        is_decided: whether a decision names it.
    """
    if is_decided:
        return "decided"
    if application.step is not Step.ACCEPTED or not evaluated:
        return application.step.value
    return "reviewed" if reviewed and max(reviewed) > max(evaluated) else "evaluated"
