"""The way to a decision: `sopro apply`, `application`, `evaluate`, `review`."""

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

import rich_click as click

from sopro_cli.acting import act, do
from sopro_cli.office import Call, ask
from sopro_cli.options import CODE, DAY, FOLDER, NUMBER, as_bytes, as_pairs
from sopro_cli.output import show, show_entity, show_json
from sopro_node.deciders import find_decider
from sopro_protocol.errors import RefusedError
from sopro_registry.application import Kind, Step
from sopro_registry.assessment import Level, Recommendation, Result
from sopro_registry.families import evaluation

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
    """Take in an application for a label on an offering; prints the APPLICATION.

    ```
    sopro apply at --applicant HOLDER --offering CHAIR
    sopro apply at --applicant HOLDER --offering CHAIR --kind renewal --label SOPRO/AT0/001/00001
    ```
    """
    told = {
        "applicant": as_bytes(applicant, "--applicant"),
        "criteria_version": criteria_version,
        "kind": kind,
        "label": label,
        "offering": as_bytes(offering, "--offering"),
        "scheme": scheme,
        "submitted_on": submitted_on,
    }
    done = do(folder, lambda office: act(office, "application.add", told))
    show_entity(done, as_json=as_json)


@click.group()
def application() -> None:
    """Applications on their way to a decision."""


@application.command("list")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def application_list(folder: Path, *, as_json: bool) -> None:
    """List applications and how far they have come, oldest first.

    ```
    sopro application list at
    ```
    """
    found = ask(folder, "applications")["applications"]
    if as_json:
        show_json(found)
        return
    for one in found:
        show(f"{one['entity'].hex()}  {one['submitted']}  {one['kind']}  {one['stage']}")


def _step(name: str, step: Step, words: str) -> click.Command:
    @click.command(name, help=f"{words}\n\n```\nsopro application {name} at APPLICATION\n```")
    @click.argument("folder", type=FOLDER)
    @click.argument("which", metavar="APPLICATION")
    @click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
    @click.option("--json", "as_json", is_flag=True)
    def command(folder: Path, which: str, effective: str | None, *, as_json: bool) -> None:
        entity = as_bytes(which, "APPLICATION")

        told = {"effective_date": effective, "step": step.value}

        async def work(office: Call) -> Mapping[str, Any]:
            return await act(office, "application.step", told, entity=entity)

        show_entity(do(folder, work), as_json=as_json)

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
    """Record what assessors have found about an APPLICATION, or about a label.

    ```
    sopro evaluate at APPLICATION --assessor "Maria Huber" --method on_site --finding S1=20
    sopro evaluate at APPLICATION --again EVALUATION --assessor Maria --method document ...
    sopro evaluate at --label SOPRO/AT0/001/00001 --kind surveillance --assessor Maria ...
    ```
    """
    if (which is None) == (label is None):
        raise click.UsageError("give an APPLICATION or --label, one of the two")
    people = [find_decider(folder, name) for name in names]
    found = [_read_finding(*pair) for pair in as_pairs(findings, "CRITERION=RESULT")]
    about = as_bytes(which, "APPLICATION") if which else None
    entity = as_bytes(again, "--again") if again else None
    is_self = options["level"] == Level.SELF

    async def work(office: Call) -> Mapping[str, Any]:
        if about is not None:
            scheme = (await office("application_at", {"entity": about}))["scheme"]
        else:
            scheme = (await office("label", {"number": label}))["scheme"]
        known = (await office("assessors", {}))["assessors"]
        assessors = [
            {"person": one} if is_self else _authorised(one, name, scheme, known)
            for one, name in zip(people, names, strict=True)
        ]
        told = {
            **options,
            "application": about,
            "assessors": assessors,
            "findings": found,
            "label": label,
        }
        name = "evaluation.go_on" if entity else "evaluation.add"
        return await act(office, name, told, entity=entity)

    show_entity(do(folder, work), as_json=as_json)


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
    """Review the evaluations of an APPLICATION: whether they are sound, and what follows.

    ```
    sopro review at APPLICATION --outcome recommend_grant --reviewer "Josef Berger"
    ```
    """
    entity = as_bytes(which, "APPLICATION")
    named = [as_bytes(one, "--evaluation") for one in evaluations]
    person = find_decider(folder, reviewer or getpass.getuser())

    told = {
        "application": entity,
        "evaluations": named,
        "outcome": outcome,
        "reviewed_on": reviewed_on,
    }
    done = do(folder, lambda office: act(office, "review.add", told, person=person))
    show_entity(done, as_json=as_json)


review_command.name = "review"

COMMANDS = (apply, application, evaluate, review_command)
