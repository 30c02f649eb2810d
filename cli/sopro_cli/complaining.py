"""Complaints and appeals: `sopro complaint`, `sopro appeal`."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import rich_click as click

from sopro_cli.office import Call, ask, reach, run
from sopro_cli.options import DAY, FOLDER, NUMBER, as_bytes
from sopro_cli.output import show, show_json
from sopro_cli.register import append_one
from sopro_node.deciders import find_decider
from sopro_node.documents import structured
from sopro_protocol.errors import NotFoundError, RefusedError
from sopro_registry.complaints import AppealStep, ComplaintStep
from sopro_registry.families import appeal as appeals
from sopro_registry.families import complaint as complaint_family
from sopro_registry.families import complaint_answer

_KINDS = get_args(complaint_family.Body.__annotations__["kind"])

Work = Callable[[Call, str], Any]


def _do(folder: Path, work: Work, *, as_json: bool) -> None:
    async def whole() -> Mapping[str, Any]:
        async with reach(folder) as office:
            return dict(await work(office, (await office("identity", {}))["today"]))

    answer = run(whole())
    if as_json:
        show_json(answer)
    else:
        show(f"{answer['entity'].hex()}  entry {answer['index']}")


@click.group()
def complaint() -> None:
    """What was heard about a label of any site, and what that site makes of it."""


@complaint.command("add")
@click.argument("folder", type=FOLDER)
@click.argument("number", callback=NUMBER)
@click.option("--kind", type=click.Choice(_KINDS), required=True)
@click.option("--text", default="", help="in words; only this site and that of the label read it")
@click.option("--received-on", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def complaint_add(  # one for each option
    folder: Path, number: str, kind: str, text: str, received_on: str | None, *, as_json: bool
) -> None:
    """Record a complaint about the label of a NUMBER; its site sees it and must answer."""

    async def work(office: Call, today: str) -> Mapping[str, Any]:
        home = (await office("label", {"number": number}))["site"]
        words = structured("complaint", {"text": text}, visibility="parties")
        document = dataclasses.asdict(dataclasses.replace(words, parties=(home,)))
        values = {"certificate": number, "kind": kind, "received_on": received_on or today}
        draft = {"family": complaint_family.FAMILY.name, "values": values}
        return await append_one(office, draft | ({"documents": [document]} if text else {}))

    _do(folder, work, as_json=as_json)


@complaint.command("list")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def complaint_list(folder: Path, *, as_json: bool) -> None:
    """List complaints about labels of this site, and those that it has recorded."""
    found = ask(folder, "complaints")["complaints"]
    if as_json:
        show_json(found)
        return
    for one in found:
        step = "withdrawn" if one["withdrawn"] else one["step"]
        show(
            f"{one['origin']} {one['index']}  {one['received']}  {one['certificate']}  "
            f"{one['kind']}  {step}"
        )


@complaint.command("answer")
@click.argument("folder", type=FOLDER)
@click.argument("origin")
@click.argument("index", type=int)
@click.argument("step", type=click.Choice([one.value for one in ComplaintStep]))
@click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def complaint_answer_command(  # one for each option
    folder: Path, origin: str, index: int, step: str, effective: str | None, *, as_json: bool
) -> None:
    """Take a complaint, named as 'complaint list' names it, a STEP further at the label's site."""

    async def work(office: Call, today: str) -> Mapping[str, Any]:
        held = await office("complaint_at", {"origin": origin, "index": index})
        if held["site"] != (await office("identity", {}))["site"]:
            raise RefusedError(
                f"{held['certificate']} is a label of {held['site'] or 'a site unknown here'}, "
                "which answers complaints about it",
                code="cpl.subject",
            )
        values = {
            "complaint": held["entry_id"],
            "effective_date": effective or today,
            "index": index,
            "label": held["label"],
            "origin": origin,
            "step": step,
        }
        draft = {"family": complaint_answer.FAMILY.name, "values": values}
        return await append_one(office, draft | {"entity": held["answer"]})

    _do(folder, work, as_json=as_json)


@click.group()
def appeal() -> None:
    """Appeals against decisions of this site."""


@appeal.command("list")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def appeal_list(folder: Path, *, as_json: bool) -> None:
    """List appeals, oldest first."""
    found = ask(folder, "appeals")["appeals"]
    if as_json:
        show_json(found)
        return
    for one in found:
        show(f"{one['entity'].hex()}  {one['received']}  {one['certificate']}  {one['step']}")


@appeal.command("add")
@click.argument("folder", type=FOLDER)
@click.argument("number", callback=NUMBER)
@click.option("--decision", type=int, default=None, help="its entry; the last one if not given")
@click.option("--received-on", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def appeal_add(
    folder: Path, number: str, decision: int | None, received_on: str | None, *, as_json: bool
) -> None:
    """Record an appeal against a decision on the label of a NUMBER."""

    async def work(office: Call, today: str) -> Mapping[str, Any]:
        label = await office("label", {"number": number})
        site = (await office("identity", {}))["site"]
        own = [one["index"] for one in label["history"] if one["site"] == site]
        values = {
            "decision": own[-1] if decision is None and own else decision or 0,
            "effective_date": received_on or today,
            "label": (await office("label_entity", {"number": number}))["entity"],
            "step": AppealStep.RECEIVED.value,
        }
        return await append_one(office, {"family": appeals.FAMILY.name, "values": values})

    _do(folder, work, as_json=as_json)


@appeal.command("panel")
@click.argument("folder", type=FOLDER)
@click.argument("which", metavar="APPEAL")
@click.option("--member", "members", multiple=True, required=True, help="who decides, repeatable")
@click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def appeal_panel(
    folder: Path, which: str, members: tuple[str, ...], effective: str | None, *, as_json: bool
) -> None:
    """Name the panel of an APPEAL: nobody who took part in what it is against."""
    panel = sorted({find_decider(folder, name) for name in members})
    _do(folder, _appeal_step(which, AppealStep.PANEL, effective, panel), as_json=as_json)


@appeal.command("decide")
@click.argument("folder", type=FOLDER)
@click.argument("which", metavar="APPEAL")
@click.argument(
    "outcome",
    type=click.Choice([one.value for one in AppealStep if one not in ("received", "panel")]),
)
@click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def appeal_decide(
    folder: Path, which: str, outcome: str, effective: str | None, *, as_json: bool
) -> None:
    """Record what the panel of an APPEAL has decided, or that it was withdrawn.

    What follows for the label is a decision of its own.
    """
    _do(folder, _appeal_step(which, AppealStep(outcome), effective, []), as_json=as_json)


def _appeal_step(which: str, step: AppealStep, effective: str | None, panel: list[bytes]) -> Work:
    entity = as_bytes(which, "APPEAL")

    async def work(office: Call, today: str) -> Mapping[str, Any]:
        known = (await office("appeals", {}))["appeals"]
        held = next((one for one in known if one["entity"] == entity), None)
        if held is None:
            raise NotFoundError(f"this site has no appeal {which}")
        values = {
            "decision": held["decision"],
            "effective_date": effective or today,
            "label": held["label"],
            "step": step.value,
        } | ({"panel": panel} if panel else {})
        draft = {"family": appeals.FAMILY.name, "values": values, "entity": entity}
        return await append_one(office, draft)

    return work


COMMANDS = (complaint, appeal)
