"""Who may write over the API: `sopro officer`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.acting import do
from sopro_cli.office import Call, ask
from sopro_cli.options import FOLDER
from sopro_cli.output import remark, show, show_json
from sopro_cli.people import meet, naming_people
from sopro_node.officer_roles import OfficerRole

_ROLES: Final = [one.value for one in OfficerRole]
ROLE: Final = click.option(
    *("--role", "roles"),
    multiple=True,
    required=True,
    type=click.Choice(_ROLES),
    help="what the officer may do, repeatable",
)
JSON: Final = click.option("--json", "as_json", is_flag=True)


@click.group()
def officer() -> None:
    """People who may write over the API, each with a token of their own.

    A token is printed once, by `sopro officer add`; a client sends it as
    `Authorization: Bearer TOKEN`.
    """


@officer.command("add")
@click.argument("folder", type=FOLDER)
@click.argument("name")
@ROLE
@click.option("--person", default=None, help="who it is, where NAME is another; NAME if not given")
@naming_people
@JSON
def officer_add(
    folder: Path, name: str, roles: tuple[str, ...], person: str | None, *, as_json: bool
) -> None:
    """Add an officer and print the token, which is shown only now.

    Records carry a pseudonym of the person, never NAME. Somebody who has two accounts is named
    once more with --person, so that who evaluated does not decide. A name that was revoked comes
    back as the person it was.

    ```
    sopro officer add at "Maria Huber" --role assessor --new-person "Maria Huber"
    sopro officer add at maria --role assessor --role registrar --person "Maria Huber"
    ```
    """

    async def work(office: Call) -> Mapping[str, Any]:
        told = {"name": name, "roles": list(roles), "person": person, "new_person": False}
        held = {one["name"] for one in (await office("officer_list", {}))["officers"]}
        # Whoever had this name before is the same person.
        if person or name not in held:
            told["new_person"] = meet(folder, [person or name])
        return await office("officer_add", told)

    _show_token(do(folder, work), as_json=as_json)


@officer.command("renew")
@click.argument("folder", type=FOLDER)
@click.argument("name")
@JSON
def officer_renew(folder: Path, name: str, *, as_json: bool) -> None:
    """Print another token for an officer; the one before is void at once.

    ```
    sopro officer renew at "Maria Huber"
    ```
    """
    _show_token(ask(folder, "officer_renew", name=name), as_json=as_json)


@officer.command("change")
@click.argument("folder", type=FOLDER)
@click.argument("name")
@ROLE
@JSON
def officer_change(folder: Path, name: str, roles: tuple[str, ...], *, as_json: bool) -> None:
    """Give an officer other roles; the token goes on.

    ```
    sopro officer change at "Maria Huber" --role assessor --role reviewer
    ```
    """
    _show(ask(folder, "officer_change", name=name, roles=list(roles)), as_json=as_json)


@officer.command("revoke")
@click.argument("folder", type=FOLDER)
@click.argument("name")
@JSON
def officer_revoke(folder: Path, name: str, *, as_json: bool) -> None:
    """Make an officer's token void at once; what was done stays on the trail.

    ```
    sopro officer revoke at "Maria Huber"
    ```
    """
    _show(ask(folder, "officer_revoke", name=name), as_json=as_json)


@officer.command("show")
@click.argument("folder", type=FOLDER)
@click.argument("name")
@JSON
def officer_show(folder: Path, name: str, *, as_json: bool) -> None:
    """Show an officer: roles, and the pseudonym that records carry.

    ```
    sopro officer show at "Maria Huber"
    ```
    """
    _show(ask(folder, "officer_show", name=name), as_json=as_json)


@officer.command("list")
@click.argument("folder", type=FOLDER)
@JSON
def officer_list(folder: Path, *, as_json: bool) -> None:
    """List officers by name, those whose token was revoked, too.

    ```
    sopro officer list at
    ```
    """
    found = ask(folder, "officer_list")["officers"]
    if as_json:
        show_json(found)
        return
    for one in found:
        show(_line(one))


@officer.command("trail")
@click.argument("folder", type=FOLDER)
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True)
@click.option("--before", type=click.IntRange(1), default=None, help="a number; for what is older")
@JSON
def officer_trail(folder: Path, limit: int, before: int | None, *, as_json: bool) -> None:
    """Say who has done what, the latest first; it never leaves this site.

    ```
    sopro officer trail at --limit 20
    ```
    """
    found = ask(folder, "officer_trail", limit=limit, before=before)["trail"]
    if as_json:
        show_json(found)
        return
    for one in found:
        where = "" if one["index"] is None else f"  {one['origin']} {one['index']}"
        who = one["officer"] or "somebody at the command line"
        remote = f"  from {one['remote']}" if one["remote"] else ""
        show(f"{one['number']}  {one['time']}  {who}  {one['action']}{where}{remote}")


def _show_token(answer: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
        return
    show(answer["token"])
    remark(
        f"{answer['name']} is {', '.join(answer['roles'])}; the token is shown only now, "
        "keep it as you keep a password"
    )


def _show(answer: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
    else:
        show(_line(answer))


def _line(one: Mapping[str, Any]) -> str:
    ended = f"  revoked {one['revoked']}" if one["revoked"] else ""
    return f"{one['name']}  {one['person'].hex()[:8]}  {', '.join(one['roles'])}{ended}"


COMMANDS = (officer,)
