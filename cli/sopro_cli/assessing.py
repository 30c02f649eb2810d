"""The way to a decision: `sopro apply`, `application`, `review`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.acting import act, do, person_of
from sopro_cli.filed import tell_records
from sopro_cli.files import Files, with_documents
from sopro_cli.office import Call, ask
from sopro_cli.options import CODE, DAY, FOLDER, NUMBER, as_bytes
from sopro_cli.output import show, show_entity, show_json
from sopro_cli.people import naming_people
from sopro_registry.application import Kind, Step
from sopro_registry.assessment import Recommendation

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
@with_documents
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
    files: Files,
    *,
    as_json: bool,
) -> None:
    """Take in an application for a label on an offering; prints the APPLICATION.

    ```
    sopro apply at --applicant HOLDER --offering CHAIR --document agreement=signed.pdf
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
    done = do(folder, lambda office: act(office, "application.add", told, files=files))
    show_entity(done, as_json=as_json)


@click.group()
def application() -> None:
    """Applications on their way to a decision.

    ```
    sopro apply at --applicant HOLDER --offering CHAIR
    sopro application accept at APPLICATION
    sopro application list at
    ```
    """


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


@application.command("show")
@click.argument("folder", type=FOLDER)
@click.argument("which", metavar="APPLICATION")
@click.option("--json", "as_json", is_flag=True)
def application_show(folder: Path, which: str, *, as_json: bool) -> None:
    """Read an APPLICATION: what came with it, its evaluations with their reports, its reviews.

    ```
    sopro application show at APPLICATION
    ```
    """
    entity = as_bytes(which, "APPLICATION")

    async def work(office: Call) -> Mapping[str, Any]:
        found = await office("application_at", {"entity": entity})
        reviews = [one["entity"] for one in found["reviews"]]
        about = [entity, *found["evaluations"], *reviews]
        return {**found, **await office("documents", {"entities": about})}

    found = do(folder, work)
    if as_json:
        show_json(found)
        return
    version = f"{found['scheme']} version {found['criteria_version']}"
    show(f"{which}  {found['submitted']}  {found['kind']}  {found['stage']}  {version}")
    tell_records(folder, found["records"])


def _step(name: str, step: Step, words: str) -> click.Command:
    @click.command(name, help=f"{words}\n\n```\nsopro application {name} at APPLICATION\n```")
    @click.argument("folder", type=FOLDER)
    @click.argument("which", metavar="APPLICATION")
    @click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
    @with_documents
    @click.option("--json", "as_json", is_flag=True)
    def command(  # one for each option
        folder: Path,
        which: str,
        effective: str | None,
        files: Files,
        *,
        as_json: bool,
        criteria_version: int | None = None,
    ) -> None:
        entity = as_bytes(which, "APPLICATION")
        told = {
            "criteria_version": criteria_version,
            "effective_date": effective,
            "step": step.value,
        }

        async def work(office: Call) -> Mapping[str, Any]:
            return await act(office, "application.step", told, entity=entity, files=files)

        show_entity(do(folder, work), as_json=as_json)

    return _of_a_version(command) if step is Step.SUBMITTED else command


_of_a_version = click.option(
    "--criteria-version",
    type=int,
    default=None,
    help="to be judged by from now on, where the one before is replaced",
)

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
@click.argument("which", metavar="APPLICATION")
@click.option("--outcome", type=click.Choice([one.value for one in Recommendation]), required=True)
@click.option(
    *("--evaluation", "evaluations"), multiple=True, help="repeatable; all of it if not given"
)
@click.option("--reviewer", default=None, help="who reviews; only a pseudonym leaves the site")
@naming_people
@click.option("--reviewed-on", default=None, callback=DAY, help="civil date; today if not given")
@with_documents
@click.option("--json", "as_json", is_flag=True)
def review_command(  # one for each option
    folder: Path,
    which: str,
    outcome: str,
    evaluations: tuple[str, ...],
    reviewer: str | None,
    reviewed_on: str | None,
    files: Files,
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
    person = person_of(folder, reviewer, option="--reviewer", does="reviews")
    told = {
        "application": entity,
        "evaluations": named,
        "outcome": outcome,
        "reviewed_on": reviewed_on,
    }
    done = do(folder, lambda office: act(office, "review.add", told, person=person, files=files))
    show_entity(done, as_json=as_json)


review_command.name = "review"

COMMANDS = (apply, application, review_command)
