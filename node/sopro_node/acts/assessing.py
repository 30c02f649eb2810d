"""The way to a decision: authorisations, applications, evaluations, reviews."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_node.acts.act import Act, Asking, Hex16, Told, given, read_hex
from sopro_node.assessing import application_at, assessors, criteria_in_force
from sopro_node.deciders import find_decider
from sopro_node.drafting import Draft
from sopro_node.entities import label_entity, last_record
from sopro_node.heldlog import OWN
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_protocol.errors import FormatError, NotFoundError, RefusedError
from sopro_protocol.record import MAX_DOCUMENTS
from sopro_registry.application import Kind, Step
from sopro_registry.assessment import Level, Recommendation, Result
from sopro_registry.fields import CertificateNumber, CivilDate, Code, Count, Line, Version

Day: TypeAlias = CivilDate | UnsetType


class Authorisation(Told, frozen=True, kw_only=True):
    """That a person may evaluate under a scheme; `name` or `person` says who.

    Attributes:
        name: of the person; only a pseudonym leaves the site.
        person: the pseudonym itself.
        new_person: whether `name` may be of somebody whom this site has not named before.
        basis: what shows that the person can.
        level: how independent the person is of who offers.
        criteria: codes of those it is for; all if not given.
        organisation: entity of the body that the person works for.
        valid_from: civil date; today if not given.
        valid_until: last civil date.
    """

    name: Line | UnsetType = UNSET
    person: Hex16 | UnsetType = UNSET
    new_person: bool = False
    scheme: Code = "sopro"
    basis: Literal["iso17065", "iso17020", "site_staff", "peer"]
    level: Literal["second_party", "third_party"] = "third_party"
    criteria: Annotated[list[Code], Meta(max_length=256)] = msgspec.field(default_factory=list)
    organisation: Hex16 | UnsetType = UNSET
    valid_from: Day = UNSET
    valid_until: CivilDate


class AuthorisationStatus(Told, frozen=True, kw_only=True):
    """Whether an authorisation holds from a day on."""

    status: Literal["active", "suspended", "withdrawn"]
    effective_date: Day = UNSET


class Application(Told, frozen=True, kw_only=True):
    """An application that comes in.

    Attributes:
        applicant: entity of the organisation.
        offering: entity of what is to be labelled.
        kind: what is applied for.
        label: number of the label, where there is one already.
        criteria_version: to be judged by; the one in force if not given.
        submitted_on: civil date; today if not given.
    """

    applicant: Hex16
    offering: Hex16
    kind: Kind = Kind.INITIAL
    label: CertificateNumber | UnsetType = UNSET
    scheme: Code = "sopro"
    criteria_version: Version | UnsetType = UNSET
    submitted_on: Day = UNSET


class ApplicationStep(Told, frozen=True, kw_only=True):
    """Where an application is from a day on.

    Attributes:
        step: where it is.
        effective_date: civil date; today if not given.
        criteria_version: to be judged by from now on, where what was returned is submitted again.
    """

    step: Step
    effective_date: Day = UNSET
    criteria_version: Version | UnsetType = UNSET


class Finding(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was found about one criterion.

    Attributes:
        code: of the criterion.
        documents: names of files of the record that show it.
        due: civil date until which a non-conformity is to be closed.
        points: it earns.
        result: how it stands.
        value: what was measured, scaled as the criterion's threshold.
    """

    code: Code
    documents: Annotated[list[Line], Meta(max_length=MAX_DOCUMENTS - 1)] | UnsetType = UNSET
    due: Day = UNSET
    points: Count | UnsetType = UNSET
    result: Result
    value: Count | UnsetType = UNSET


class Assessor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who evaluated: a pseudonym, and the authorisation; the latest if not given."""

    person: Hex16
    authorisation: Hex16 | UnsetType = UNSET


class Evaluation(Told, frozen=True, kw_only=True):
    """What assessors have found, about an application or about a label.

    Attributes:
        application: entity.
        label: number, for surveillance.
        assessors: who evaluated; the officer if not given, and always the officer.
        findings: by criterion.
        criteria_version: for a label; the one in force if not given.
        performed_on: civil date of its end; today if not given.
    """

    application: Hex16 | UnsetType = UNSET
    label: CertificateNumber | UnsetType = UNSET
    assessors: Annotated[list[Assessor], Meta(max_length=16)] = msgspec.field(default_factory=list)
    findings: Annotated[list[Finding], Meta(min_length=1, max_length=256)]
    kind: Literal["initial", "surveillance", "recertification", "special"] = "initial"
    level: Level = Level.THIRD_PARTY
    method: Literal["document", "on_site", "test", "interview"]
    recommendation: Literal["positive", "conditional", "negative"] = "positive"
    criteria_version: Version | UnsetType = UNSET
    performed_on: Day = UNSET


class Review(Told, frozen=True, kw_only=True):
    """A review of the evaluations of an application, by the officer.

    Attributes:
        application: entity.
        outcome: what follows.
        evaluations: entities; all of the application if not given.
        reviewed_on: civil date; today if not given.
    """

    application: Hex16
    outcome: Recommendation
    evaluations: Annotated[list[Hex16], Meta(max_length=32)] = msgspec.field(default_factory=list)
    reviewed_on: Day = UNSET


async def plan_authorisation(asking: Asking[Authorisation]) -> Draft:
    """Draft the authorisation of an assessor.

    Raises:
        FormatError: it does not say whose it is, or says it twice.
        RefusedError: the site knows nobody of that name, and it does not say that it is a new one.
    """
    told, today = asking.told, asking.today
    if (told.name is UNSET) == (told.person is UNSET):
        raise FormatError("authorisation: expected 'name' or 'person', one of the two",
                          code="ofc.body")  # fmt: skip
    person = read_hex(told.person) or find_decider(
        asking.node.folder, str(told.name), is_new=told.new_person
    )
    valid_from = told.valid_from or today
    values = {
        "basis": told.basis,
        "criteria": sorted(told.criteria),
        "effective_date": min(today, valid_from),
        "level": told.level,
        "organisation": read_hex(told.organisation),
        "person": person,
        "scheme": told.scheme,
        "status": "active",
        "valid_from": valid_from,
        "valid_until": told.valid_until,
    }
    return asking.draft("assessor_authorisation", values)


async def plan_authorisation_status(asking: Asking[AuthorisationStatus]) -> Draft:
    """Draft what an authorisation is from a day on.

    Raises:
        NotFoundError: this site has no such authorisation.
    """
    entity = asking.entity or b""
    held = asking.node.reader.entity(OWN, entity)
    if held is None or held.family != "assessor_authorisation":
        raise NotFoundError(f"this site has no authorisation {entity.hex()}")
    last = last_record(asking.node, entity)
    body = last[2] if last else {}
    values = body | {
        "effective_date": asking.told.effective_date or asking.today,
        "status": asking.told.status,
    }
    return asking.draft("assessor_authorisation", values, entity=entity)


async def plan_application(asking: Asking[Application]) -> Draft:
    """Draft an application."""
    told, node = asking.told, asking.node
    version = told.criteria_version or await _version(node, told.scheme)
    values = {
        "applicant": read_hex(told.applicant),
        "criteria_version": version,
        "effective_date": told.submitted_on or asking.today,
        "kind": told.kind.value,
        "label": await _label(node, told.label),
        "offering": read_hex(told.offering),
        "scheme": told.scheme,
        "step": Step.SUBMITTED.value,
    }
    return asking.draft("label_application", values)


async def plan_application_step(asking: Asking[ApplicationStep]) -> Draft:
    """Draft an application's next step.

    Raises:
        NotFoundError: this site has no such application.
    """
    entity = asking.entity or b""
    held = await application_at(asking.node, {"entity": entity})
    fields = ("applicant", "criteria_version", "kind", "offering", "scheme", "label")
    values = {field: held[field] or None for field in fields} | {
        "effective_date": asking.told.effective_date or asking.today,
        "step": asking.told.step.value,
    }
    if asking.told.criteria_version is not UNSET:
        values["criteria_version"] = asking.told.criteria_version
    return asking.draft("label_application", values, entity=entity)


async def plan_evaluation(asking: Asking[Evaluation]) -> Draft:
    """Draft an evaluation, or how one goes on.

    Raises:
        FormatError: it is about nothing, or about two things.
        RefusedError: the officer is none of its assessors, or one of them is not authorised.
        NotFoundError: what it is about is not here.
    """
    told, node = asking.told, asking.node
    if (told.application is UNSET) == (told.label is UNSET):
        raise FormatError("evaluation: expected 'application' or 'label', one of the two",
                          code="ofc.body")  # fmt: skip
    values: dict[str, Any] = {
        "findings": [
            _finding(one, [file.name for file in asking.files])
            for one in sorted(told.findings, key=lambda one: one.code)
        ],
        "kind": told.kind,
        "level": told.level.value,
        "method": told.method,
        "performed_on": told.performed_on or asking.today,
        "recommendation": told.recommendation,
    }
    if told.application is not UNSET:
        held = await application_at(node, {"entity": read_hex(told.application)})
        scheme, version = held["scheme"], held["criteria_version"]
        values["application"] = held["entity"]
    else:
        values["label"] = await _label(node, told.label)
        scheme = node.desk.label(str(told.label)).scheme
        version = told.criteria_version or await _version(node, scheme)
    values["criteria_version"] = version
    values["assessors"] = await _assessors(asking, scheme)
    return asking.draft("evaluation", values, entity=asking.entity)


def _finding(one: Finding, files: Sequence[str]) -> dict[str, Any]:
    """Return a finding as the record has it: files by their number among its documents.

    Raises:
        FormatError: no file has such a name.
    """
    values: dict[str, Any] = msgspec.to_builtins(one)
    named = values.pop("documents", [])
    for name in named:
        if name not in files:
            known = ", ".join(map(repr, files)) or "none"
            raise FormatError(
                f"finding {one.code}: no document {name[:64]!r} goes with the record; "
                f"documents: {known}",
                code="ofc.body",
            )
    numbers = sorted({number for number, file in enumerate(files) if file in named})
    return values | ({"documents": numbers} if numbers else {})


async def _assessors(asking: Asking[Evaluation], scheme: str) -> list[dict[str, Any]]:
    """Return who evaluated, with their authorisations; an officer records only what is their own.

    Raises:
        RefusedError: the officer is none of them, or one of them is not authorised.
    """
    told, person = asking.told, asking.person
    people = {bytes.fromhex(one.person): read_hex(one.authorisation) for one in told.assessors}
    if person is not None and not people:
        people = {person: None}
    if person is not None and person not in people:
        raise RefusedError(
            "evaluation: whoever records it is one of its assessors", code="ofc.person"
        )
    known = (await assessors(asking.node, {}))["assessors"]
    is_self = told.level is Level.SELF
    return [
        given(
            {
                "authorisation": None if is_self else named or _authorisation(one, scheme, known),
                "person": one,
            }
        )
        for one, named in sorted(people.items())
    ]


def _authorisation(person: bytes, scheme: str, known: list[dict[str, Any]]) -> bytes:
    held = [one for one in known if one["person"] == person and one["scheme"] == scheme]
    held.sort(key=lambda one: one["status"] == "active")
    if not held:
        raise RefusedError(
            f"evaluation: {person.hex()} is not authorised for scheme {scheme!r} at this site",
            code="ass.authority",
        )
    return bytes(held[-1]["entity"])


async def plan_review(asking: Asking[Review]) -> Draft:
    """Draft a review by the officer.

    Raises:
        NotFoundError: this site has no such application.
    """
    told = asking.told
    held = await application_at(asking.node, {"entity": read_hex(told.application)})
    values = {
        "application": held["entity"],
        "evaluations": sorted(map(bytes.fromhex, told.evaluations)) or sorted(held["evaluations"]),
        "outcome": told.outcome.value,
        "reviewed_on": told.reviewed_on or asking.today,
        "reviewer": asking.person,
    }
    return asking.draft("review", values)


async def _version(node: Node, scheme: str) -> int:
    return int((await criteria_in_force(node, {"scheme": scheme}))["version"])


async def _label(node: Node, number: str | UnsetType) -> bytes | None:
    """Return the entity of one of this site's labels; None where no number is given."""
    if isinstance(number, UnsetType):
        return None
    return bytes((await label_entity(node, {"number": number}))["entity"])


ACTS = (
    Act(
        "assessor.authorise", "POST", "/assessors", (OfficerRole.ADMINISTRATOR,),
        Authorisation, plan_authorisation,
        "Authorise a person to evaluate under a scheme.",
    ),
    Act(
        "assessor.set", "POST", "/assessors/{entity}/status", (OfficerRole.ADMINISTRATOR,),
        AuthorisationStatus, plan_authorisation_status,
        "Suspend an authorisation, withdraw it, or make it active again.",
    ),
    Act(
        "application.add", "POST", "/applications", (OfficerRole.REGISTRAR,),
        Application, plan_application,
        "Take in an application for a label on an offering.",
    ),
    Act(
        "application.step", "POST", "/applications/{entity}/steps", (OfficerRole.REGISTRAR,),
        ApplicationStep, plan_application_step,
        "Take an application a step further: accepted, returned, refused, withdrawn.",
    ),
    Act(
        "evaluation.add", "POST", "/evaluations", (OfficerRole.ASSESSOR,),
        Evaluation, plan_evaluation,
        "Record what the officer and others have found.",
    ),
    Act(
        "evaluation.go_on", "PUT", "/evaluations/{entity}", (OfficerRole.ASSESSOR,),
        Evaluation, plan_evaluation,
        "Record what an evaluation has come to since; what was open may be closed.",
    ),
    Act(
        "review.add", "POST", "/reviews", (OfficerRole.REVIEWER,),
        Review, plan_review,
        "Review the evaluations of an application, as the officer.",
    ),
)  # fmt: skip
