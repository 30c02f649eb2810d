"""Complaints and appeals: `sopro complaint`, `sopro appeal`."""

from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Final, get_args

import rich_click as click

from sopro_cli.acting import act, do, person_of
from sopro_cli.filed import tell_records
from sopro_cli.files import Files, with_documents
from sopro_cli.office import Call, ask
from sopro_cli.options import DAY, FOLDER, NUMBER, as_bytes
from sopro_cli.output import show, show_json
from sopro_cli.people import find_people, naming_people
from sopro_protocol.errors import NotFoundError
from sopro_registry.complaints import AppealStep, ComplaintStep
from sopro_registry.families import complaint as complaint_family

_HEX: Final = 32
_KINDS = get_args(complaint_family.Body.__annotations__["kind"])


def _show(done: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(done)
    else:
        show(f"{done['entity'].hex()}  entry {done['index']}")


@click.group()
def complaint() -> None:
    """What was heard about a label of any site, and what that site makes of it.

    ```
    sopro complaint add at SOPRO/HU0/001/00001 --kind misuse --text "Shown on other chairs"
    sopro complaint list at
    sopro complaint show at sopro.example/hu/1 41
    sopro complaint answer at sopro.example/hu/1 41 acknowledged --by "Ida Wolf"
    ```
    """


@complaint.command("add")
@click.argument("folder", type=FOLDER)
@click.argument("number", callback=NUMBER)
@click.option("--kind", type=click.Choice(_KINDS), required=True)
@click.option("--text", default="", help="in words; only this site and that of the label read it")
@click.option("--received-on", default=None, callback=DAY, help="civil date; today if not given")
@with_documents
@click.option("--json", "as_json", is_flag=True)
def complaint_add(  # one for each option
    folder: Path,
    number: str,
    kind: str,
    text: str,
    received_on: str | None,
    files: Files,
    *,
    as_json: bool,
) -> None:
    """Record a complaint about the label of a NUMBER; its site sees it and must answer.

    ```
    sopro complaint add at SOPRO/HU0/001/00001 --kind misuse --text "Shown on other chairs"
    ```
    """
    told = {"kind": kind, "label": number, "received_on": received_on, "text": text}
    done = do(folder, lambda office: act(office, "complaint.add", told, files=files))
    _show(done, as_json=as_json)


complain = copy(complaint_add)
complain.name = "complain"
complain.help = """Record a complaint about the label of a NUMBER, as `sopro complaint add` does.

```
sopro complain at SOPRO/HU0/001/00001 --kind misuse --text "Shown on other chairs"
```
"""


@complaint.command("list")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def complaint_list(folder: Path, *, as_json: bool) -> None:
    """List complaints about labels of this site, and those that it has recorded.

    ```
    sopro complaint list at
    ```
    """
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


@complaint.command("show")
@click.argument("folder", type=FOLDER)
@click.argument("origin")
@click.argument("index", type=int)
@click.option("--json", "as_json", is_flag=True)
def complaint_show(folder: Path, origin: str, index: int, *, as_json: bool) -> None:
    """Read a complaint, named as 'complaint list' names it: its words, and what was answered.

    ```
    sopro complaint show at sopro.example/hu/1 41
    ```
    """
    found = ask(folder, "complaint_show", origin=origin, index=index)
    if as_json:
        show_json(found)
        return
    step = "withdrawn" if found["withdrawn"] else found["step"]
    show(f"{found['certificate']}  {found['kind']}  received {found['received']}  {step}")
    tell_records(folder, found["records"])


@complaint.command("answer")
@click.argument("folder", type=FOLDER)
@click.argument("origin")
@click.argument("index", type=int)
@click.argument("step", type=click.Choice([one.value for one in ComplaintStep]))
@click.option("--by", default=None, help="who answers; only a pseudonym leaves the site")
@naming_people
@click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
@with_documents
@click.option("--json", "as_json", is_flag=True)
def complaint_answer_command(  # one for each option
    folder: Path,
    origin: str,
    index: int,
    step: str,
    by: str | None,
    effective: str | None,
    files: Files,
    *,
    as_json: bool,
) -> None:
    """Take a complaint, named as 'complaint list' names it, a STEP further at the label's site.

    Anybody may acknowledge it; whoever took part in deciding on the label, and the holder's own
    people, do nothing more about it. Who answers is asked where neither --by nor `sopro --as` says
    it.

    ```
    sopro complaint answer at sopro.example/hu/1 41 acknowledged --by "Ida Wolf"
    ```
    """
    told = {"effective_date": effective, "index": index, "origin": origin, "step": step}
    person = person_of(folder, by, option="--by", does="answers")

    async def work(office: Call) -> Mapping[str, Any]:
        return await act(office, "complaint.answer", told, person=person, files=files)

    _show(do(folder, work), as_json=as_json)


@complaint.command("withdraw")
@click.argument("folder", type=FOLDER)
@click.argument("which", metavar="COMPLAINT")
@click.option("--withdrawn-on", default=None, callback=DAY, help="civil date; today if not given")
@with_documents
@click.option("--json", "as_json", is_flag=True)
def complaint_withdraw(  # one for each option
    folder: Path,
    which: str,
    withdrawn_on: str | None,
    files: Files,
    *,
    as_json: bool,
) -> None:
    """Record that a COMPLAINT of this site's log is kept up no longer.

    COMPLAINT is what 'sopro complaint add' printed, or the entry that 'complaint list' shows.

    ```
    sopro complaint withdraw at 41
    ```
    """
    told = {"withdrawn_on": withdrawn_on}
    is_index = which.isascii() and which.isdecimal() and len(which) < _HEX
    entity = b"" if is_index else as_bytes(which, "COMPLAINT")

    async def work(office: Call) -> Mapping[str, Any]:
        found = entity or _entity_at(int(which), (await office("complaints", {}))["complaints"])
        return await act(office, "complaint.withdraw", told, entity=found, files=files)

    _show(do(folder, work), as_json=as_json)


def _entity_at(index: int, known: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the complaint of this site's log whose first entry that is.

    Raises:
        NotFoundError: there is none.
    """
    own = {one["index"]: one["entity"] for one in known if one["entity"]}
    if index not in own:
        entries = ", ".join(map(str, sorted(own))) or "none"
        raise NotFoundError(f"no complaint of this site's log is entry {index}; known: {entries}")
    return bytes(own[index])


@click.group()
def appeal() -> None:
    """Appeals against decisions of this site.

    ```
    sopro appeal add at SOPRO/AT0/001/00001 --text "We had closed it" --document letter=appeal.pdf
    sopro appeal show at APPEAL
    sopro appeal panel at APPEAL --member "Ida Wolf"
    sopro appeal decide at APPEAL upheld --by "Ida Wolf"
    ```
    """


@appeal.command("list")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def appeal_list(folder: Path, *, as_json: bool) -> None:
    """List appeals, oldest first.

    ```
    sopro appeal list at
    ```
    """
    found = ask(folder, "appeals")["appeals"]
    if as_json:
        show_json(found)
        return
    for one in found:
        about = one["certificate"] or f"refusal {one['label'].hex()}"
        show(f"{one['entity'].hex()}  {one['received']}  {about}  {one['step']}")


@appeal.command("show")
@click.argument("folder", type=FOLDER)
@click.argument("which", metavar="APPEAL")
@click.option("--json", "as_json", is_flag=True)
def appeal_show(folder: Path, which: str, *, as_json: bool) -> None:
    """Read an APPEAL: its grounds, and what has come of it.

    ```
    sopro appeal show at APPEAL
    ```
    """
    entity = as_bytes(which, "APPEAL")

    async def work(office: Call) -> Mapping[str, Any]:
        known = (await office("appeals", {}))["appeals"]
        found = next((one for one in known if one["entity"] == entity), None)
        if found is None:
            raise NotFoundError(f"this site has no appeal {which}; 'sopro appeal list' names them")
        return {**found, **await office("documents", {"entities": [entity]})}

    found = do(folder, work)
    if as_json:
        show_json(found)
        return
    about = found["certificate"] or f"refusal {found['label'].hex()}"
    show(
        f"{about}  against entry {found['decision']}  received {found['received']}  {found['step']}"
    )
    tell_records(folder, found["records"])


@appeal.command("add")
@click.argument("folder", type=FOLDER)
@click.argument("number", required=False, callback=NUMBER)
@click.option(
    "--application", default=None, help="that was refused, where there is no label to name"
)
@click.option("--decision", type=int, default=None, help="its entry; the last one if not given")
@click.option("--text", default="", help="the grounds in words; only this site reads them")
@click.option("--received-on", default=None, callback=DAY, help="civil date; today if not given")
@with_documents
@click.option("--json", "as_json", is_flag=True)
def appeal_add(  # one for each option
    folder: Path,
    number: str | None,
    application: str | None,
    decision: int | None,
    text: str,
    received_on: str | None,
    files: Files,
    *,
    as_json: bool,
) -> None:
    """Record an appeal against a decision on the label of a NUMBER; prints the APPEAL.

    A refusal has no number: name the application that was refused.

    ```
    sopro appeal add at SOPRO/AT0/001/00001 --text "We had closed it"
    sopro appeal add at --application APPLICATION --text "Nobody came to look"
    ```
    """
    if (number is None) == (application is None):
        raise click.UsageError("give the NUMBER of a label or --application, one of the two")
    told = {
        "application": as_bytes(application, "--application") if application else None,
        "decision": decision,
        "label": number,
        "received_on": received_on,
        "text": text,
    }
    done = do(folder, lambda office: act(office, "appeal.add", told, files=files))
    _show(done, as_json=as_json)


@appeal.command("panel")
@click.argument("folder", type=FOLDER)
@click.argument("which", metavar="APPEAL")
@click.option("--member", "members", multiple=True, required=True, help="who decides, repeatable")
@naming_people
@click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def appeal_panel(
    folder: Path, which: str, members: tuple[str, ...], effective: str | None, *, as_json: bool
) -> None:
    """Name the panel of an APPEAL: nobody who took part in what it is against.

    Named again, as where one of the panel has decided on the label meanwhile or has left, the new
    panel takes the place of the one before.

    ```
    sopro appeal panel at APPEAL --member "Ida Wolf" --member "Karl Fuchs"
    ```
    """
    panel = sorted(set(find_people(folder, members)))
    told = {"effective_date": effective, "panel": panel}
    entity = as_bytes(which, "APPEAL")
    done = do(folder, lambda office: act(office, "appeal.panel", told, entity=entity))
    _show(done, as_json=as_json)


@appeal.command("decide")
@click.argument("folder", type=FOLDER)
@click.argument("which", metavar="APPEAL")
@click.argument(
    "outcome",
    type=click.Choice([one.value for one in AppealStep if one not in ("received", "panel")]),
)
@click.option("--by", default=None, help="who records it; only a pseudonym leaves the site")
@naming_people
@click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
@with_documents
@click.option("--json", "as_json", is_flag=True)
def appeal_decide(  # one for each option
    folder: Path,
    which: str,
    outcome: str,
    by: str | None,
    effective: str | None,
    files: Files,
    *,
    as_json: bool,
) -> None:
    """Record what the panel of an APPEAL has decided, or that it was withdrawn.

    One of the panel records it; before there is one, somebody who had no part in what the appeal
    is against records that it was withdrawn. Who does is asked where neither --by nor `sopro --as`
    says it. What follows for the label is a decision of its own.

    ```
    sopro appeal decide at APPEAL upheld --by "Ida Wolf"
    ```
    """
    told = {"effective_date": effective, "step": outcome}
    entity = as_bytes(which, "APPEAL")
    person = person_of(folder, by, option="--by", does="records it")

    async def work(office: Call) -> Mapping[str, Any]:
        return await act(office, "appeal.decide", told, entity=entity, person=person, files=files)

    _show(do(folder, work), as_json=as_json)


COMMANDS = (complain, complaint, appeal)
