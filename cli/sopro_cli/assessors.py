"""Who may evaluate: `sopro assessor`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import rich_click as click

from sopro_cli.acting import act, do
from sopro_cli.office import Call, ask
from sopro_cli.options import CODE, DAY, FOLDER, as_bytes
from sopro_cli.output import show, show_entity, show_json
from sopro_cli.people import meet, naming_people
from sopro_registry.families import assessor_authorisation

_BASES = get_args(assessor_authorisation.Body.__annotations__["basis"])


@click.group()
def assessor() -> None:
    """Who may evaluate what, and until when."""


@assessor.command("authorise")
@click.argument("folder", type=FOLDER)
@click.option("--name", required=True, help="of the person; only a pseudonym leaves the site")
@naming_people
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
    """Authorise a person to evaluate under a scheme; prints the AUTHORISATION.

    ```
    sopro assessor authorise at --name "Maria Huber" --basis iso17065 --valid-until 2028-12-31
    sopro assessor authorise at --name "Ida Wolf" --basis iso17065 --valid-until 2028-12-31
        --new-person "Ida Wolf"
    ```
    """
    told = {
        "basis": basis,
        "criteria": criteria,
        "level": level,
        "name": name,
        "new_person": meet(folder, [name]),
        "organisation": as_bytes(organisation, "--organisation") if organisation else None,
        "scheme": scheme,
        "valid_from": valid_from,
        "valid_until": valid_until,
    }
    done = do(folder, lambda office: act(office, "assessor.authorise", told))
    show_entity(done, as_json=as_json)


@assessor.command("list")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def assessor_list(folder: Path, *, as_json: bool) -> None:
    """List authorisations; people by their pseudonyms.

    ```
    sopro assessor list at
    ```
    """
    found = ask(folder, "assessors")["assessors"]
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
    """Suspend an AUTHORISATION, withdraw it, or make it active again.

    ```
    sopro assessor set at AUTHORISATION suspended --effective 2026-12-01
    ```
    """
    entity = as_bytes(authorisation, "AUTHORISATION")
    told = {"effective_date": effective, "status": status}

    async def work(office: Call) -> Mapping[str, Any]:
        return await act(office, "assessor.set", told, entity=entity)

    show_entity(do(folder, work), as_json=as_json)


COMMANDS = (assessor,)
