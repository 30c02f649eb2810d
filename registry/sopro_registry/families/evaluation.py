"""evaluation/1: what assessors have found about an offering (SPEC ASS-EVALUATION)."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_protocol.record import MAX_DOCUMENTS
from sopro_registry.application import Application, Step, decided_name
from sopro_registry.assessment import (
    NONCONFORM,
    CriteriaSet,
    Evaluation,
    Finding,
    Level,
    Requirement,
    Result,
)
from sopro_registry.authorisation import MONTHS_TIED, Authorisation
from sopro_registry.duties import (
    MOST_FOR_APPLICATION,
    MOST_OF_LABEL,
    evaluation_name,
    next_number,
    part_name,
)
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Bytes16, CivilDate, Code, Count, Version, day_of, latest_day
from sopro_registry.label import Label, name_about
from sopro_registry.ties import is_tied, offered_by


class Assessor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who evaluated.

    Attributes:
        authorisation: entity of what allowed it; absent where who offers evaluates itself.
        person: pseudonym at this site.
    """

    authorisation: Bytes16 | UnsetType = UNSET
    person: Bytes16


class Found(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found about one criterion; the evidence is in documents.

    Attributes:
        code: of the criterion.
        documents: numbers of the record's documents that show it, from 0.
        due: civil date until which a non-conformity is to be closed.
        points: it earns; absent for none.
        result: how it stands.
        value: what was measured, scaled as the threshold.
    """

    code: Code
    documents: Annotated[list[Count], Meta(min_length=1, max_length=MAX_DOCUMENTS)] | UnsetType = (
        UNSET
    )
    due: CivilDate | UnsetType = UNSET
    points: Count | UnsetType = UNSET
    result: Result
    value: Count | UnsetType = UNSET


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An evaluation from this record on; a later one closes what was open.

    Attributes:
        application: entity of the application it is for.
        assessors: who evaluated.
        criteria_version: of the scheme's criteria.
        findings: by the codes of the criteria.
        kind: why it was done.
        label: entity of the label it is about, where it is for no application.
        level: how independent the assessors are of who offers.
        method: how it was done.
        performed_on: civil date of its end.
        recommendation: what the assessors recommend.
    """

    application: Bytes16 | UnsetType = UNSET
    assessors: Annotated[list[Assessor], Meta(min_length=1, max_length=16)]
    criteria_version: Version
    findings: Annotated[list[Found], Meta(min_length=1, max_length=256)]
    kind: Literal["initial", "surveillance", "recertification", "special"]
    label: Bytes16 | UnsetType = UNSET
    level: Level
    method: Literal["document", "on_site", "test", "interview"]
    performed_on: CivilDate
    recommendation: Literal["positive", "conditional", "negative"]


class _Subject(NamedTuple):
    """What is evaluated.

    Attributes:
        scheme: its code.
        offering: entity of what is labelled or is to be.
        applicant: entity of who applies; empty for a label.
        named: the application or the label, and the label that an application names.
        criteria_version: that the application is for; 0 for a label.
    """

    scheme: str
    offering: bytes
    applicant: bytes
    named: tuple[bytes, ...]
    criteria_version: int = 0


def apply(fact: Fact[Body], state: Evaluation | None, view: View) -> Change[Evaluation]:
    """Take an evaluation, or what a later one found.

    Raises:
        RefusedError: `ass.subject` where what it is about cannot be evaluated, `lbl.criteria` for
            criteria it cannot be held to, `ass.authority` for an assessor who was not authorised,
            `ass.findings` for findings that do not fit the criteria, or leave out what was open,
            `lbl.dates` for dates in the wrong order.
    """
    body = fact.body
    performed = day_of(body.performed_on, field="performed_on")
    if performed > latest_day(fact.record.time):
        raise RefusedError("evaluation: performed after it was recorded", code="lbl.dates")
    application = b"" if isinstance(body.application, UnsetType) else body.application
    label = b"" if isinstance(body.label, UnsetType) else body.label
    if state is not None:
        if (application, label) != (state.application, state.label):
            raise RefusedError("evaluation: what it is about is permanent", code="ass.subject")
        if (body.level, body.criteria_version) != (state.level, state.criteria_version):
            raise RefusedError(
                "evaluation: its level and its version of the criteria are permanent; what others "
                "find, or by other criteria, is another evaluation",
                code="ass.subject",
            )
        if performed < state.performed:
            raise RefusedError("evaluation: performed before the last version", code="lbl.dates")
    subject = _find_subject(body, application, label, view)
    names = [] if state else list(_numbers(subject.named, application, view))
    criteria = _find_criteria(subject, body.criteria_version, view)
    findings = _read_findings(body.findings, _requirements(criteria, subject, view))
    _check_evidence(body.findings, 0 if fact.record.docs is UNSET else len(fact.record.docs))
    if state is not None:
        _check_open(findings, state)
    level = body.level
    codes = [one.code for one in findings if one.result is not Result.NOT_ASSESSED]
    for assessor in body.assessors:
        _check_authority(assessor, level, subject, performed, codes, view)
    persons = {one.person for one in body.assessors} | set(state.assessors if state else ())
    names += [part_name(one.person, about) for one in body.assessors for about in subject.named]
    # What it is about, and the label that its application names.
    names += [name_about(one, fact.record.entity) for one in subject.named if one != application]
    return Change(
        Evaluation(
            fact.index,
            application,
            label,
            body.criteria_version,
            body.kind,
            level,
            performed,
            sorted(persons),
            findings,
            _closed(findings, state),
            [one.authorisation for one in body.assessors if isinstance(one.authorisation, bytes)],
        ),
        names=tuple(names),
    )


def _numbers(named: tuple[bytes, ...], application: bytes, view: View) -> Iterator[str]:
    """Go through the names that a new evaluation has by its number."""
    for one in named:
        most = MOST_FOR_APPLICATION if one == application else MOST_OF_LABEL
        yield evaluation_name(one, next_number(one, view, most=most))


def _check_open(findings: list[Finding], before: Evaluation) -> None:
    """Hold an evaluation that goes on to saying how what was open stands now."""
    now = {one.code for one in findings if one.result is not Result.NOT_ASSESSED}
    open_before = (one.code for one in before.findings if one.result in NONCONFORM)
    left_out = [code for code in open_before if code not in now]
    if left_out:
        raise RefusedError(
            f"evaluation: it found a non-conformity of {', '.join(left_out)} before, and has to "
            "say how that stands now (I3)",
            code="ass.findings",
        )


def _closed(findings: list[Finding], before: Evaluation | None) -> list[str]:
    """Return the criteria with a non-conformity in an earlier version and none in this one."""
    if before is None:
        return []
    was_open = {one.code for one in before.findings if one.result in NONCONFORM}
    still_open = {one.code for one in findings if one.result in NONCONFORM}
    return sorted((was_open | set(before.closed)) - still_open)


def _find_subject(body: Body, application: bytes, label: bytes, view: View) -> _Subject:
    if bool(application) == bool(label):
        raise RefusedError(
            "evaluation: it is for an application or about a label, not both", code="ass.subject"
        )
    if label:
        held = view.state("label_decision", label)
        if not isinstance(held, Label) or not held.number:
            raise RefusedError("evaluation: its label is not in this log", code="ass.subject")
        if body.kind == "initial":
            raise RefusedError(
                "evaluation: an initial one is for an application", code="ass.subject"
            )
        return _Subject(held.scheme, held.offering, b"", (label,))
    found = view.state("label_application", application)
    if not isinstance(found, Application):
        raise RefusedError("evaluation: its application is not in this log", code="ass.subject")
    if found.step is not Step.ACCEPTED:
        raise RefusedError(f"evaluation: its application is {found.step}", code="ass.subject")
    if view.exists_named("label_application", decided_name(application)):
        raise RefusedError("evaluation: its application is decided", code="ass.subject")
    about = (application, found.label) if found.label else (application,)
    return _Subject(found.scheme, found.offering, found.applicant, about, found.criteria_version)


def _find_criteria(subject: _Subject, version: int, view: View) -> CriteriaSet:
    if version != (subject.criteria_version or version):
        raise RefusedError(
            f"evaluation: its application is for version {subject.criteria_version} of the "
            "criteria",
            code="lbl.criteria",
        )
    criteria = view.criteria(subject.scheme, version=version)
    if criteria is None:
        raise RefusedError(
            f"evaluation: scheme {subject.scheme!r} has no criteria of version {version}",
            code="lbl.criteria",
        )
    return criteria


def _requirements(criteria: CriteriaSet, subject: _Subject, view: View) -> dict[str, Requirement]:
    offering = view.state("offering", subject.offering)
    kind = getattr(offering, "kind", "")
    return {one.code: one for one in criteria.concerning(kind)}


def _read_findings(found: Iterable[Found], requirements: dict[str, Requirement]) -> list[Finding]:
    findings = []
    for one in found:
        requirement = requirements.get(one.code)
        points = one.points or 0
        if requirement is None:
            raise RefusedError(
                f"evaluation: {one.code!r} is no criterion of this version for this offering",
                code="ass.findings",
            )
        if points > requirement.points:
            raise RefusedError(
                f"evaluation: {points} points for {one.code!r}, which earns "
                f"{requirement.points} at most",
                code="ass.findings",
            )
        value = one.value
        if not isinstance(value, UnsetType) and requirement.contradicts(one.result, value):
            raise RefusedError(
                f"evaluation: a value of {value} for {one.code!r}, where {requirement.operator} "
                f"{requirement.threshold} is asked for, and {one.result} contradict one another",
                code="ass.findings",
            )
        if one.due is not UNSET:
            day_of(one.due, field="due")
        findings.append(Finding(one.code, one.result, points))
    codes = [one.code for one in findings]
    twice = next((one for one, after in pairwise(sorted(codes)) if one == after), None)
    if twice is not None:
        raise RefusedError(
            f"evaluation: a finding about {twice!r} is given twice; leave one of them out, an "
            "evaluation has one finding of each criterion",
            code="ass.findings",
        )
    if codes != sorted(codes):
        raise RefusedError("evaluation: findings not in the order of codes", code="ass.findings")
    return findings


def _check_evidence(found: Iterable[Found], count: int) -> None:
    """Hold findings to the documents that the record has."""
    for one in found:
        named = [] if one.documents is UNSET else one.documents
        if named != sorted(set(named)) or any(number >= count for number in named):
            raise RefusedError(
                f"evaluation: {one.code!r} names documents {', '.join(map(str, named))}, expected "
                f"numbers in their order, each below {count}, which is how many the record has",
                code="ass.findings",
            )


def _check_authority(
    assessor: Assessor,
    level: Level,
    subject: _Subject,
    day: int,
    codes: Iterable[str],
    view: View,
) -> None:
    if level is Level.SELF:
        return
    held = (
        None
        if isinstance(assessor.authorisation, UnsetType)
        else view.state("assessor_authorisation", assessor.authorisation)
    )
    if (
        not isinstance(held, Authorisation)
        or (held.person, held.scheme) != (assessor.person, subject.scheme)
        or not held.allows(day, level=level, criteria=codes)
    ):
        raise RefusedError(
            f"evaluation: assessor {assessor.person.hex()[:8]} was not authorised for these "
            f"criteria as {level.replace('_', ' ')} on that day (I3)",
            code="ass.authority",
        )
    if level is not Level.THIRD_PARTY:
        return
    interested = (subject.applicant, offered_by(subject.offering, view))
    if is_tied(assessor.person, interested, day, view):
        raise RefusedError(
            f"evaluation: assessor {assessor.person.hex()[:8]} works for who applies or offers, or "
            f"has within {MONTHS_TIED} months, and is no third party (I4, ASS-22)",
            code="ass.authority",
        )


FAMILY = Family("evaluation", 1, Body, Evaluation, Role.REGISTRAR, Place.MEMBER, apply)
