"""Labels that change sites: `sopro transfer out`, `sopro transfer offers`, `sopro transfer in`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from sopro_cli.acting import person_of
from sopro_cli.office import ask
from sopro_cli.options import DAY, FOLDER, NUMBER, SITE, as_bytes
from sopro_cli.output import remark, show, show_json
from sopro_cli.people import naming_people


@click.group()
def transfer() -> None:
    """Hand labels over to another site, or take over what is offered to this one."""


@transfer.command("out")
@click.argument("folder", type=FOLDER)
@click.argument("number", required=False, callback=NUMBER)
@click.option("--organisation", default=None, help="all of its labels, instead of one NUMBER")
@click.option("--to", required=True, callback=SITE, help="code of the site that is to have them")
@click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--decider", default=None, help="who decides; only a pseudonym leaves the site")
@naming_people
@click.option("--json", "as_json", is_flag=True)
def transfer_out(
    folder: Path,
    number: str | None,
    organisation: str | None,
    to: str,
    effective: str | None,
    decider: str | None,
    *,
    as_json: bool,
) -> None:
    """Hand a label, or all labels of an organisation, over to another site.

    That site decides on them as soon as it has taken them over with 'sopro transfer in'.
    """
    if (number is None) == (organisation is None):
        raise click.UsageError("give the NUMBER of a label or --organisation, one of the two")
    values: dict[str, Any] = {"number": number, "to": to, "effective": effective}
    if organisation is not None:
        values["organisation"] = as_bytes(organisation, "--organisation")
    answer = ask(folder, "hand_over", decider=person_of(folder, decider), **values)
    if as_json:
        show_json(answer)
        return
    for one in answer["handed"]:
        show(f"{one['number']} handed over to {to}")
    remark(
        f"they are {to}'s when it has run 'sopro transfer in'; until then nobody decides on them"
    )


@transfer.command("offers")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def transfer_offers(folder: Path, *, as_json: bool) -> None:
    """List the labels that this site may take over."""
    found = ask(folder, "offers")["offers"]
    if as_json:
        show_json(found)
        return
    for one in found:
        why = "whose successor this site is" if one["is_succession"] else "which hands it over"
        why = "whose log this one continues" if one["is_continued"] else why
        until = f" until {one['valid_until']}" if one["valid_until"] else ""
        show(f"{one['number']}  {one['standing']}{until}, from {one['from']}, {why}")
    if not found:
        remark("nothing is offered to this site; 'sopro sync' asks the others again")


@transfer.command("in")
@click.argument("folder", type=FOLDER)
@click.argument("numbers", nargs=-1)
@click.option("--from", "source", default=None, callback=SITE, help="code; only from this site")
@click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--decider", default=None, help="who decides; only a pseudonym leaves the site")
@naming_people
@click.option("--json", "as_json", is_flag=True)
def transfer_in(
    folder: Path,
    numbers: tuple[str, ...],
    source: str | None,
    effective: str | None,
    decider: str | None,
    *,
    as_json: bool,
) -> None:
    """Take over the labels with these NUMBERS, or all that are offered to this site.

    Holder and offering are written into this site's log from the public records of the other.
    """
    answer: Mapping[str, Any] = ask(
        folder,
        "take_over",
        decider=person_of(folder, decider),
        numbers=list(numbers),
        effective=effective,
        **{"from": source},
    )
    if as_json:
        show_json(answer)
        return
    for one in answer["taken"]:
        show(f"{one['number']} taken over from {one['from']}: {one['status']}")
    if answer["brought"]:
        remark(f"{answer['brought']} organisations and offerings written into this site's log")
    elif not answer["taken"]:
        remark("nothing is offered to this site; 'sopro sync' asks the others again")


COMMANDS = (transfer,)
