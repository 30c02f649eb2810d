"""Membership: `sopro join`, `sopro members ...`, `sopro criteria publish`."""

import re
from pathlib import Path

import rich_click as click

from sopro_cli.office import ask
from sopro_cli.options import FOLDER
from sopro_cli.output import fail, remark, show, show_json
from sopro_node.criteria import read_criteria
from sopro_node.identity import parse_invite
from sopro_protocol.errors import FormatError, SoproError

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("invite", type=FILE)
def join(folder: Path, invite: Path) -> None:
    """Pin the coordinator named by an invite file and ask it for admission."""
    try:
        try:
            data = invite.read_bytes()
        except OSError as error:
            raise FormatError(
                f"{invite}: cannot be read ({error.strerror}); "
                "the coordinator's operator has the invite file"
            ) from None
        pinned = parse_invite(data, where=str(invite))
    except SoproError as error:
        fail(error)
    fields = {name: getattr(pinned, name) for name in pinned.__struct_fields__}
    answer = ask(folder, "join", invite=fields)
    remark("the coordinator's officer admits you with: sopro members admit DIRECTORY SITE")
    show(f"{answer['site']} has asked {answer['asked']} for admission")


@click.group()
def members() -> None:
    """Who takes part in the federation."""


@members.command("list")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def members_list(folder: Path, *, as_json: bool) -> None:
    """List members and open requests for admission."""
    answer = ask(folder, "members")
    if as_json:
        show_json(answer)
        return
    for member in answer["members"]:
        show(f"{member['site']:12} {member['status']:10} {member['country']}  {member['urls'][0]}")
    for waiting in answer["applications"]:
        show(f"{waiting['site']:12} asks       {waiting['country']}  {waiting['urls'][0]}")


@members.command("admit")
@click.argument("folder", type=FOLDER)
@click.argument("site")
@click.option("--prefix", default=None, help="three letters or digits for its numbers")
def members_admit(folder: Path, site: str, prefix: str | None) -> None:
    """Admit a site that asked; its numbers begin with SOPRO/PREFIX."""
    answer = ask(folder, "admit", site=site, prefix=prefix)
    show(f"{answer['site']} is admitted; its numbers begin with SOPRO/{answer['prefix']}")


def _set(folder: Path, site: str, status: str, **values: object) -> None:
    answer = ask(folder, "set_membership", site=site, status=status, **values)
    show(f"{answer['site']} is {answer['status']}")
    for head in answer["abandoned"]:
        show(f"  two histories are settled: the head at size {head['size']} is abandoned")


@members.command("suspend")
@click.argument("folder", type=FOLDER)
@click.argument("site")
def members_suspend(folder: Path, site: str) -> None:
    """Suspend a member: from then on its new records do not count."""
    _set(folder, site, "suspended")


@members.command("release")
@click.argument("folder", type=FOLDER)
@click.argument("site")
@click.option(
    "--keep",
    multiple=True,
    metavar="ROOT",
    help="where the site has shown two histories: root of the head to go on with, its first digits",
)
def members_release(folder: Path, site: str, keep: tuple[str, ...]) -> None:
    """End a suspension; evidence of two histories against the site is settled with it."""
    for root in keep:
        if not re.fullmatch("[0-9a-f]{8,64}", root):
            raise click.BadParameter(
                f"--keep: expected 8 to 64 hexadecimal digits, got {root[:80]!r}"
            )
    _set(folder, site, "admitted", keep=list(keep))


@click.group()
def criteria() -> None:
    """Schemes and criteria."""


@criteria.command("publish")
@click.argument("folder", type=FOLDER)
@click.argument("file", type=FILE)
def criteria_publish(folder: Path, file: Path) -> None:
    """Publish the schemes and criteria of a TOML file in the coordinator's log."""
    try:
        published = read_criteria(file)
    except SoproError as error:
        fail(error)
    for one in ask(folder, "publish_criteria", **published)["published"]:
        show(f"{one['family']} {one['name']}: entry {one['index']}")


COMMANDS = (join, members, criteria)
