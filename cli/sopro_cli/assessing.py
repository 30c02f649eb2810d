"""The way to a decision: `sopro assessor`, `apply`, `application`, `evaluate`, `review`."""

import getpass
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import rich_click as click

from sopro_cli.office import Call, reach, run
from sopro_cli.options import CODE, DAY, FOLDER, NUMBER, as_bytes, as_pairs
from sopro_cli.output import show, show_json
from sopro_cli.register import append_one
from sopro_node.deciders import find_decider
from sopro_protocol.errors import NotFoundError, RefusedError
from sopro_registry.application import Kind, Step
from sopro_registry.assessment import Level, Recommendation, Result
from sopro_registry.families import assessor_authorisation, evaluation, label_application, review

_BASES = get_args(assessor_authorisation.Body.__annotations__["basis"])
_METHODS = get_args(evaluation.Body.__annotations__["method"])
_EVALUATIONS = get_args(evaluation.Body.__annotations__["kind"])
_RECOMMENDATIONS = get_args(evaluation.Body.__annotations__["recommendation"])
_STEPS: Final[Mapping[str, Step]] = {
    "accept": Step.ACCEPTED,
    "return": Step.RETURNED,
    "refuse": Step.REFUSED_INTAKE,
    "lapse": Step.LAPSED,
    "withdraw": Step.WITHDRAWN,
    "submit": Step.SUBMITTED,
}

Work = Callable[[Call, str], Any]


def _do(folder: Path, work: Work, *, as_json: bool) -> None:
    """Do something with the node of a directory and print the entity it was done to."""

    async def whole() -> Mapping[str, Any]:
        async with reach(folder) as office:
            today = (await office("identity", {}))["today"]
            return dict(await work(office, today))

    answer = run(whole())
    if as_json:
        show_json(answer)
    else:
        show(answer["entity"].hex())


async def _append(
    office: Call, family: str, values: Mapping[str, Any], entity: bytes | None = None
) -> Mapping[str, Any]:
    given = {name: value for name, value in values.items() if value not in (None, [], ())}
    return await append_one(office, {"family": family, "values": given, "entity": entity})


# Assessors.


@click.group()
def assessor() -> None:
    """Who may evaluate what, and until when."""


@assessor.command("authorise")
@click.argument("folder", type=FOLDER)
@click.option("--name", required=True, help="of the person; only a pseudonym leaves the site")
@click.option("--scheme", default="sopro", show_default=True, callback=CODE)
@click.option("--basis", type=click.Choice(_BASES), required=True)
@click.option(
    "--level", type=click.Choice(("second_party", "third_party")), default="third_party",
    show_default=True,
)  # fmt: skip
@click.option(
    *("--criterion", "criteria"), multiple=True, callback=CODE, help="repeatable; all if not given"
)
@click.option("--organisation", default=None, help="that the person works for")
@click.option("--valid-from", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--valid-until", required=True, callback=DAY, help="last civil date")
@click.option("--json", "as_json", is_flag=True)
def assessor_authorise(  # one for each option
    folder: Path,
    name: str,
    scheme: str,
    basis: str,
    level: str,
    criteria: tuple[str, ...],
    organisation: str | None,
    valid_from: str | None,
    valid_until: str,
    *,
    as_json: bool,
) -> None:
    """Authorise a person to evaluate under a scheme."""
    person = find_decider(folder, name)

    async def work(office: Call, today: str) -> Mapping[str, Any]:
        values = {
            "basis": basis,
            "criteria": sorted(criteria),
            "effective_date": min(today, valid_from or today),
            "level": level,
            "organisation": as_bytes(organisation, "--organisation") if organisation else None,
            "person": person,
            "scheme": scheme,
            "status": "active",
            "valid_from": valid_from or today,
            "valid_until": valid_until,
        }
        return await _append(office, assessor_authorisation.FAMILY.name, values)

    _do(folder, work, as_json=as_json)


@assessor.command("list")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def assessor_list(folder: Path, *, as_json: bool) -> None:
    """List authorisations; people by their pseudonyms."""

    async def work() -> list[Mapping[str, Any]]:
        async with reach(folder) as office:
            return list((await office("assessors", {}))["assessors"])

    found = run(work())
    if as_json:
        show_json(found)
        return
    for one in found:
        criteria = ",".join(one["criteria"]) or "all criteria"
        show(
            f"{one['entity'].hex()}  {one['person'].hex()[:8]}  {one['scheme']}  {one['level']}  "
            f"{one['status']}  {one['valid_from']} to {one['valid_until']}  {criteria}"
        )


@assessor.command("set")
@click.argument("folder", type=FOLDER)
@click.argument("authorisation")
@click.argument("status", type=click.Choice(("active", "suspended", "withdrawn")))
@click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def assessor_set(
    folder: Path, authorisation: str, status: str, effective: str | None, *, as_json: bool
) -> None:
    """Suspend an AUTHORISATION, withdraw it, or make it active again."""
    entity = as_bytes(authorisation, "AUTHORISATION")

    async def work(office: Call, today: str) -> Mapping[str, Any]:
        [row] = (await office("entities", {"entities": [entity]}))["rows"]
        if row is None or row["family"] != assessor_authorisation.FAMILY.name:
            raise NotFoundError(f"this site has no authorisation {authorisation}")
        values = row["body"] | {"effective_date": effective or today, "status": status}
        return await _append(office, assessor_authorisation.FAMILY.name, values, entity)

    _do(folder, work, as_json=as_json)


# Applications.


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--applicant", required=True, help="as 'organisation add' printed it")
@click.option("--offering", required=True, help="as 'offering add' printed it")
@click.option("--kind", type=click.Choice([one.value for one in Kind]), default=Kind.INITIAL.value,
              show_default=True)  # fmt: skip
@click.option("--label", default=None, callback=NUMBER, help="its number, for one there is already")
@click.option("--scheme", default="sopro", show_default=True, callback=CODE)
@click.option(
    "--criteria-version", type=int, default=None, help="of the scheme; the latest if not given"
)
@click.option("--submitted-on", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def apply(  # one for each option
    folder: Path,
    applicant: str,
    offering: str,
    kind: str,
    label: str | None,
    scheme: str,
    criteria_version: int | None,
    submitted_on: str | None,
    *,
    as_json: bool,
) -> None:
    """Take in an application for a label on an offering."""
    named = as_bytes(applicant, "--applicant"), as_bytes(offering, "--offering")

    async def work(office: Call, today: str) -> Mapping[str, Any]:
        version = (
            criteria_version or (await office("criteria_in_force", {"scheme": scheme}))["version"]
        )
        values = {
            "applicant": named[0],
            "criteria_version": version,
            "effective_date": submitted_on or today,
            "kind": kind,
            "label": (await office("label_entity", {"number": label}))["entity"] if label else None,
            "offering": named[1],
            "scheme": scheme,
            "step": Step.SUBMITTED.value,
        }
        return await _append(office, label_application.FAMILY.name, values)

    _do(folder, work, as_json=as_json)


@click.group()
def application() -> None:
    """Applications on their way to a decision."""


@application.command("list")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def application_list(folder: Path, *, as_json: bool) -> None:
    """List applications and how far they have come, oldest first."""

    async def work() -> list[Mapping[str, Any]]:
        async with reach(folder) as office:
            return list((await office("applications", {}))["applications"])

    found = run(work())
    if as_json:
        show_json(found)
        return
    for one in found:
        show(f"{one['entity'].hex()}  {one['submitted']}  {one['kind']}  {one['stage']}")


def _step(name: str, step: Step, words: str) -> click.Command:
    @click.command(name, help=words)
    @click.argument("folder", type=FOLDER)
    @click.argument("which", metavar="APPLICATION")
    @click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
    @click.option("--json", "as_json", is_flag=True)
    def command(folder: Path, which: str, effective: str | None, *, as_json: bool) -> None:
        entity = as_bytes(which, "APPLICATION")

        async def work(office: Call, today: str) -> Mapping[str, Any]:
            held = await office("application_at", {"entity": entity})
            fields = ("applicant", "criteria_version", "kind", "offering", "scheme")
            values = {field: held[field] for field in fields} | {
                "effective_date": effective or today,
                "label": held["label"] or None,
                "step": step.value,
            }
            return await _append(office, label_application.FAMILY.name, values, entity)

        _do(folder, work, as_json=as_json)

    return command


for _name, _words in (
    ("accept", "Accept an APPLICATION: it is complete and will be evaluated."),
    ("return", "Return an APPLICATION to its applicant, who may submit it again."),
    ("submit", "Submit a returned APPLICATION again."),
    ("refuse", "Refuse to take an APPLICATION in."),
    ("lapse", "Close a returned APPLICATION that was not submitted again."),
    ("withdraw", "Record that its applicant has withdrawn an APPLICATION."),
):
    application.add_command(_step(_name, _STEPS[_name], _words))


# Evaluations and reviews.


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("which", metavar="[APPLICATION]", required=False)
@click.option("--label", default=None, callback=NUMBER, help="a label, for surveillance")
@click.option("--assessor", "names", multiple=True, required=True, help="who evaluated, repeatable")
@click.option(
    *("--finding", "findings"),
    multiple=True,
    required=True,
    help="CRITERION=RESULT, or CRITERION=POINTS where it conforms, repeatable",
)
@click.option("--kind", type=click.Choice(_EVALUATIONS), default="initial", show_default=True)
@click.option("--level", type=click.Choice([one.value for one in Level]), default="third_party",
              show_default=True)  # fmt: skip
@click.option("--method", type=click.Choice(_METHODS), required=True)
@click.option("--recommendation", type=click.Choice(_RECOMMENDATIONS), default="positive",
              show_default=True)  # fmt: skip
@click.option("--criteria-version", type=int, default=None, help="for a label; the latest")
@click.option("--performed-on", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--again", default=None, help="an evaluation that goes on, as it was printed")
@click.option("--json", "as_json", is_flag=True)
def evaluate(  # one for each option
    folder: Path,
    which: str | None,
    label: str | None,
    names: tuple[str, ...],
    findings: tuple[str, ...],
    again: str | None,
    *,
    as_json: bool,
    **options: Any,
) -> None:
    """Record what assessors have found about an APPLICATION, or about a label."""
    if (which is None) == (label is None):
        raise click.UsageError("give an APPLICATION or --label, one of the two")
    people = [find_decider(folder, name) for name in names]
    found = [_read_finding(*pair) for pair in as_pairs(findings, "CRITERION=RESULT")]
    about = as_bytes(which, "APPLICATION") if which else None
    entity = as_bytes(again, "--again") if again else None

    async def work(office: Call, today: str) -> Mapping[str, Any]:
        values = {
            "findings": sorted(found, key=lambda one: str(one["code"])),
            "kind": options["kind"],
            "level": options["level"],
            "method": options["method"],
            "performed_on": options["performed_on"] or today,
            "recommendation": options["recommendation"],
        }
        version = options["criteria_version"]
        if about is not None:
            held = await office("application_at", {"entity": about})
            scheme, version = held["scheme"], held["criteria_version"]
            values["application"] = about
        else:
            values["label"] = (await office("label_entity", {"number": label}))["entity"]
            scheme = (await office("label", {"number": label}))["scheme"]
            if version is None:
                version = (await office("criteria_in_force", {"scheme": scheme}))["version"]
        values["criteria_version"] = version
        known = (await office("assessors", {}))["assessors"]
        is_self = options["level"] == Level.SELF
        values["assessors"] = [
            {"person": one} if is_self else _authorised(one, name, scheme, known)
            for one, name in zip(people, names, strict=True)
        ]
        return await _append(office, evaluation.FAMILY.name, values, entity)

    _do(folder, work, as_json=as_json)


def _read_finding(code: str, text: str) -> dict[str, Any]:
    if text.isdecimal():
        return {"code": code, "points": int(text), "result": Result.CONFORM.value}
    if text not in [one.value for one in Result]:
        known = ", ".join(one.value for one in Result)
        raise click.BadParameter(
            f"--finding {code}: expected points or one of {known}, got {text!r}"
        )
    return {"code": code, "result": text}


def _authorised(
    person: bytes, name: str, scheme: str, known: list[Mapping[str, Any]]
) -> dict[str, bytes]:
    held = [one for one in known if one["person"] == person and one["scheme"] == scheme]
    held.sort(key=lambda one: one["status"] == "active")
    if not held:
        raise RefusedError(
            f"{name} is not authorised for scheme {scheme!r} at this site; "
            "'sopro assessor authorise' does that",
            code="ass.authority",
        )
    return {"authorisation": held[-1]["entity"], "person": person}


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("which", metavar="APPLICATION")
@click.option("--outcome", type=click.Choice([one.value for one in Recommendation]), required=True)
@click.option(
    *("--evaluation", "evaluations"), multiple=True, help="repeatable; all of it if not given"
)
@click.option("--reviewer", default=None, help="who reviews; only a pseudonym leaves the site")
@click.option("--reviewed-on", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def review_command(  # one for each option
    folder: Path,
    which: str,
    outcome: str,
    evaluations: tuple[str, ...],
    reviewer: str | None,
    reviewed_on: str | None,
    *,
    as_json: bool,
) -> None:
    """Review the evaluations of an APPLICATION: whether they are sound, and what follows."""
    entity = as_bytes(which, "APPLICATION")
    named = [as_bytes(one, "--evaluation") for one in evaluations]
    person = find_decider(folder, reviewer or getpass.getuser())

    async def work(office: Call, today: str) -> Mapping[str, Any]:
        held = await office("application_at", {"entity": entity})
        values = {
            "application": entity,
            "evaluations": sorted(named or held["evaluations"]),
            "outcome": outcome,
            "reviewed_on": reviewed_on or today,
            "reviewer": person,
        }
        return await _append(office, review.FAMILY.name, values)

    _do(folder, work, as_json=as_json)


review_command.name = "review"

COMMANDS = (assessor, apply, application, evaluate, review_command)
