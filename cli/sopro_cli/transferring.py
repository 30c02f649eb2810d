"""Labels that change sites: `sopro transfer out`, `sopro transfer offers`, `sopro transfer in`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rich_click as click

from sopro_cli.acting import act, do, person_of
from sopro_cli.files import Files, with_documents
from sopro_cli.office import Call, ask
from sopro_cli.options import DAY, FOLDER, NUMBER, SITE, as_bytes
from sopro_cli.output import remark, show, show_json
from sopro_cli.people import naming_people
from sopro_protocol.errors import NotFoundError


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
@with_documents
@click.option("--json", "as_json", is_flag=True)
def transfer_out(  # one for each option
    folder: Path,
    number: str | None,
    organisation: str | None,
    to: str,
    effective: str | None,
    decider: str | None,
    files: Files,
    *,
    as_json: bool,
) -> None:
    """Hand a label, or all labels of an organisation, over to another site.

    That site decides on them as soon as it has taken them over with 'sopro transfer in'.
    """
    if (number is None) == (organisation is None):
        raise click.UsageError("give the NUMBER of a label or --organisation, one of the two")
    if organisation is not None and files:
        raise click.UsageError("--document goes with one label; hand it over by its NUMBER")
    owner = as_bytes(organisation, "--organisation") if organisation is not None else b""
    person = person_of(folder, decider)
    if number is not None:
        answer = _hand_over(folder, number, to=to, effective=effective, person=person, files=files)
    else:
        answer = ask(
            folder, "hand_over", decider=person, to=to, effective=effective, organisation=owner
        )
    if as_json:
        show_json(answer)
        return
    for one in answer["handed"]:
        show(f"{one['number']} handed over to {to}")
    remark(
        f"they are {to}'s when it has run 'sopro transfer in'; until then nobody decides on them"
    )


def _hand_over(
    folder: Path,
    number: str,
    *,
    to: str,
    effective: str | None,
    person: bytes | None,
    files: Files,
) -> Mapping[str, Any]:
    """Hand one label over, as it was when this began."""

    async def work(office: Call) -> Mapping[str, Any]:
        seen = await office("label_entity", {"number": number})
        told = {"effective_date": effective, "label": number, "prev": seen["head"], "to": to}
        done = await act(office, "transfer.out", told, person=person, files=files)
        return {"handed": [{"number": number, "index": done["index"]}]}

    return do(folder, work)


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
@with_documents
@click.option("--json", "as_json", is_flag=True)
def transfer_in(  # one for each option
    folder: Path,
    numbers: tuple[str, ...],
    source: str | None,
    effective: str | None,
    decider: str | None,
    files: Files,
    *,
    as_json: bool,
) -> None:
    """Take over the labels with these NUMBERS, or all that are offered to this site.

    Holder and offering are written into this site's log from the public records of the other.
    """
    if numbers and source is not None:
        raise click.UsageError("--from stands without NUMBERS, which say it themselves")
    if files and not numbers:
        raise click.UsageError("--document goes with labels that are named; write their NUMBERS")
    person = person_of(folder, decider)
    if numbers:
        answer = _take_over(folder, numbers, effective=effective, person=person, files=files)
    else:
        answer = ask(folder, "take_over", decider=person, effective=effective, **{"from": source})
    if as_json:
        show_json(answer)
        return
    for one in answer["taken"]:
        show(f"{one['number']} taken over from {one['from']}: {one['status']}")
    if answer["brought"]:
        remark(f"{answer['brought']} organisations and offerings written into this site's log")
    elif not answer["taken"]:
        remark("nothing is offered to this site; 'sopro sync' asks the others again")


def _take_over(
    folder: Path,
    numbers: Sequence[str],
    *,
    effective: str | None,
    person: bytes | None,
    files: Files,
) -> Mapping[str, Any]:
    """Take over some labels, each by an act of its own."""

    async def work(office: Call) -> Mapping[str, Any]:
        offered = {one["number"] for one in (await office("offers", {}))["offers"]}
        if unknown := [one for one in numbers if one not in offered]:
            raise NotFoundError(f"{unknown[0][:64]!r} is not offered to this site")
        taken, brought = [], 0
        for number in numbers:
            told = {"effective_date": effective, "label": number}
            done = await act(office, "transfer.in", told, person=person, files=files)
            origin = done["values"]["takes"][0]
            held = await office("label", {"number": number})
            brought += done["before"]
            taken.append(
                {
                    "number": number,
                    "from": origin.split("/")[1],
                    "index": done["index"],
                    "status": held["status"],
                }
            )
        return {"taken": taken, "brought": brought}

    return do(folder, work)


COMMANDS = (transfer,)
