"""Who has assessed what, and what third parties found about a label (SPEC ASS-13, ASS-16, ASS-18).

An evaluation is about a label, for an application, or for one that names a label: these are its
subjects. It leaves two sorts of names behind, by which later rules find it: one for each person and
subject, and one for its number among the evaluations of a subject.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from sopro_protocol.errors import RefusedError
from sopro_registry.assessment import Evaluation, Finding, Level, Result, Review, in_time
from sopro_registry.authorisation import MONTHS_TIED
from sopro_registry.family import View
from sopro_registry.label import Action, Label
from sopro_registry.ties import is_tied, offered_by

MOST_FOR_APPLICATION: Final = 32
"""Evaluations of one application: as many as a review can name."""
MOST_OF_LABEL: Final = 256
"""Evaluations of one label: one a month for twenty-one years."""

_EVALUATION: Final = "evaluation"
_REVIEW: Final = "review"


def part_name(person: bytes, subject: bytes) -> str:
    """Name the part that somebody had in assessing an application or a label."""
    return f"by {person.hex()} {subject.hex()}"


def evaluation_name(subject: bytes, number: int) -> str:
    """Name an evaluation of an application or a label by its number among them, from 0."""
    return f"of {subject.hex()} {number}"


def next_number(subject: bytes, view: View, *, most: int) -> int:
    """Return the number of the next evaluation of a subject.

    Raises:
        RefusedError: `ass.subject` where it has the most that it may have.
    """
    if view.exists_named(_EVALUATION, evaluation_name(subject, most - 1)):
        raise RefusedError(
            f"evaluation: {subject.hex()} has {most} evaluations, and no more are taken; "
            "go on with one of them",
            code="ass.subject",
        )
    number = 0
    while view.exists_named(_EVALUATION, evaluation_name(subject, number)):
        number += 1
    return number


def last_name(application: bytes) -> str:
    """Name the review of an application that was recorded last."""
    return f"last {application.hex()}"


def has_more(application: bytes, named: int, view: View) -> bool:
    """Say whether an application has more evaluations than so many."""
    return view.exists_named(_EVALUATION, evaluation_name(application, named))


def evaluations_of(labels: Iterable[bytes], view: View) -> list[Evaluation]:
    """Return the evaluations of a label, those for applications that name it too, in time.

    Args:
        labels: its entity, and those that it had in this log before it left and came back.
        view: of the log.
    """
    named = (entity for label in labels for entity in _named(label, view))
    found = [view.state(_EVALUATION, entity) for entity in named]
    return in_time(one for one in found if isinstance(one, Evaluation))


def _named(label: bytes, view: View) -> Iterator[bytes]:
    for number in range(MOST_OF_LABEL):
        entity = view.named(_EVALUATION, evaluation_name(label, number))
        if entity is None:
            return
        yield entity


def has_assessed(person: bytes, subjects: tuple[bytes, ...], view: View) -> bool:
    """Say whether somebody is an assessor of some evaluation of one of the subjects."""
    return any(view.exists_named(_EVALUATION, part_name(person, one)) for one in subjects if one)


def has_reviewed(person: bytes, subjects: tuple[bytes, ...], view: View) -> bool:
    """Say whether somebody has reviewed an application, or one that names the label."""
    return any(view.exists_named(_REVIEW, part_name(person, one)) for one in subjects if one)


def is_kept_off(person: bytes, entity: bytes, label: Label, day: int, view: View) -> bool:
    """Say whether somebody may not judge on a day what was done about a label (SPEC COMPL-6).

    Whoever has decided on it here, reviewed or assessed it may not, nor may the holder's people.
    """
    held = [label, *(one for _, one in earlier_labels(label, view))]
    if any(person == decider for one in held for _, decider, _ in one.people):
        return True
    subjects = subjects_of(entity, label, view)
    if has_assessed(person, subjects, view) or has_reviewed(person, subjects, view):
        return True
    return is_tied(person, [offered_by(label.offering, view)], day, view)


def subjects_of(entity: bytes, label: Label, view: View) -> tuple[bytes, ...]:
    """Return what the evaluations of a label are about: itself, and what its first one decided.

    Where it has left the log and come back, also what it was before (SPEC XFER-8).
    """
    held = [(entity, label), *earlier_labels(label, view)]
    return tuple(subject for one in held for subject in _subjects(*one, view))


def earlier_labels(label: Label, view: View) -> list[tuple[bytes, Label]]:
    """Return what a label was in this log before it left and came back, the last first."""
    held = [(entity, view.state("label_decision", entity)) for entity in label.earlier]
    return [(entity, one) for entity, one in held if isinstance(one, Label)]


def _subjects(entity: bytes, label: Label, view: View) -> tuple[bytes, ...]:
    if not label.people or label.people[0][0] != label.decisions[0].index:
        return (entity,)
    review = view.state(_REVIEW, label.people[0][2])
    return (entity, review.application) if isinstance(review, Review) else (entity,)


_JUDGING: Final = frozenset({Action.REINSTATE, Action.REDUCE_SCOPE, Action.REVOKE, Action.CORRECT})
_REQUESTED: Final = ("holder_request", "product_discontinued")


class Judging(NamedTuple):
    """A decision on a label that is there.

    Attributes:
        action: what it does.
        reason: its code; empty for none.
        decider: pseudonym of who decides.
        decided: the day.
        offering: entity of what is labelled.
        subjects: what evaluations of the label are about.
    """

    action: Action
    reason: str
    decider: bytes
    decided: int
    offering: bytes
    subjects: tuple[bytes, ...]


def check_decider(decision: Judging, view: View) -> None:
    """Hold a decision on a label to somebody who has not assessed it nor works for its holder (I2).

    A suspension is not put off until somebody else is there, unless it says itself that it rests
    on what was found; a transfer judges nothing, nor does a label's end on request, unless its
    reason is none that a holder has.

    Raises:
        RefusedError: `ass.duties`.
    """
    action, reason = decision.action, decision.reason
    rests = action in _JUDGING or (action is Action.SUSPEND and reason == "nc_not_closed")
    # Otherwise an assessor could revoke a label under another name.
    rests = rests or (action is Action.TERMINATE_ON_REQUEST and reason not in _REQUESTED)
    what = action.value.replace("_", " ")
    if rests and has_assessed(decision.decider, decision.subjects, view):
        raise RefusedError(
            "decision: the decider has taken part in evaluating this label; somebody else has to "
            f"{what} it (I2)",
            code="ass.duties",
        )
    holder = [offered_by(decision.offering, view)]
    if rests and is_tied(decision.decider, holder, decision.decided, view):
        raise RefusedError(
            f"decision: the decider works for the holder, or has within {MONTHS_TIED} months; "
            f"somebody else has to {what} the label (I2, ASS-22)",
            code="ass.duties",
        )


def check_closed(entity: bytes, label: Label, view: View) -> None:
    """Hold a return from suspension to what third parties found last about each criterion (I3).

    What another site had found of a label is not in this log; so it is found anew before the label
    comes back (SPEC ASS-21).

    Raises:
        RefusedError: `ass.outcome` while a major non-conformity is open, or may be.
    """
    found: dict[str, Finding] = {}
    for one in evaluations_of((entity, *label.earlier), view):
        if one.level is Level.THIRD_PARTY:
            found |= assessed(one)
    majors = [code for code, one in sorted(found.items()) if one.result is Result.MAJOR_NC]
    if majors:
        raise RefusedError(
            f"decision: a major non-conformity is open: {', '.join(majors)}; a third party has to "
            "find it closed first (I3)",
            code="ass.outcome",
        )
    if label.taken is not None:
        _check_found_anew(entity, label, view)


def _check_found_anew(entity: bytes, label: Label, view: View) -> None:
    """Hold a label that came from elsewhere to having been evaluated here, by what must be met."""
    found = [one for one in evaluations_of((entity,), view) if one.level is Level.THIRD_PARTY]
    latest = view.criteria(label.scheme)
    if latest is None:
        return
    version = max((one.criteria_version for one in found), default=latest.version)
    criteria = view.criteria(label.scheme, version=version) or latest
    kind = getattr(view.state("offering", label.offering), "kind", "")
    done = {code for one in found for code in assessed(one)}
    left = [one.code for one in criteria.concerning(kind) if one.is_mandatory]
    left = [code for code in left if code not in done]
    if left:
        raise RefusedError(
            "decision: the label came from another site, and no third party has evaluated "
            f"{left[0]} since; what the site before had found has to be found anew (I3)",
            code="ass.outcome",
        )


def assessed(evaluation: Evaluation) -> dict[str, Finding]:
    """Return what an evaluation found, by criterion, without what it did not assess."""
    return {one.code: one for one in evaluation.findings if one.result is not Result.NOT_ASSESSED}
