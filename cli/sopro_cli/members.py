"""Membership: `sopro join`, `sopro members ...`, `sopro criteria publish`."""

import re
from pathlib import Path

import rich_click as click

from sopro_cli.keys import Signing, sign_planned
from sopro_cli.office import ask
from sopro_cli.options import FOLDER
from sopro_cli.output import fail, remark, show, show_json
from sopro_cli.secrets import passphrase_of
from sopro_node.application import sign_application
from sopro_node.criteria import read_criteria
from sopro_node.identity import parse_invite
from sopro_node.keyring import open_key
from sopro_protocol.errors import FormatError, RefusedError, SoproError

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("invite", type=FILE)
@click.option("--root-key", type=FILE, default=None, help="where it is, if not in keys/")
@click.option("--passphrase-file", type=FILE, default=None, help="opens the file of --root-key")
def join(folder: Path, invite: Path, root_key: Path | None, passphrase_file: Path | None) -> None:
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
        request = _sign_request(folder, root_key, passphrase_file) if root_key else None
    except SoproError as error:
        fail(error)
    fields = {name: getattr(pinned, name) for name in pinned.__struct_fields__}
    answer = ask(folder, "join", invite=fields, request=request)
    remark("the coordinator's officer admits you with: sopro members admit DIRECTORY SITE")
    show(f"{answer['site']} has asked {answer['asked']} for admission")


def _sign_request(folder: Path, root_key: Path, passphrase_file: Path | None) -> bytes:
    """Sign this site's request for admission here, so that the root key stays where it is."""
    signer = open_key(root_key, passphrase_of(passphrase_file)).signer
    request = ask(folder, "application")
    if signer.public_key != request["root"]:
        raise RefusedError(f"{root_key}: not the root key of this site")
    return sign_application(request["content"], signer)


@click.group()
def members() -> None:
    """Who takes part in the federation."""


@members.command("list")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def members_list(folder: Path, *, as_json: bool) -> None:
    """List members, open requests for admission, and approvals of new root keys."""
    answer = ask(folder, "members")
    if as_json:
        show_json(answer)
        return
    for member in answer["members"]:
        show(f"{member['site']:12} {member['status']:10} {member['country']}  {member['urls'][0]}")
    for waiting in answer["applications"]:
        show(f"{waiting['site']:12} asks       {waiting['country']}  {waiting['urls'][0]}")
    for one in answer["recoveries"]:
        show(
            f"{one['site']:12} new root key {one['root']}: approved by {', '.join(one['by'])}; "
            f"{one['needed']} of {one['voters']} have to"
        )


@members.command("admit")
@click.argument("folder", type=FOLDER)
@click.argument("site")
@click.option("--prefix", default=None, help="three letters or digits for its numbers")
def members_admit(folder: Path, site: str, prefix: str | None) -> None:
    """Admit a site that asked; its numbers begin with SOPRO/PREFIX."""
    answer = ask(folder, "admit", site=site, prefix=prefix)
    show(f"{answer['site']} is admitted; its numbers begin with SOPRO/{answer['prefix']}")


def _set(folder: Path, site: str, status: str) -> None:
    answer = ask(folder, "set_membership", site=site, status=status)
    show(f"{answer['site']} is {answer['status']}")


@members.command("suspend")
@click.argument("folder", type=FOLDER)
@click.argument("site")
def members_suspend(folder: Path, site: str) -> None:
    """Suspend a member: from then on its new records do not count."""
    _set(folder, site, "suspended")


@members.command("release")
@click.argument("folder", type=FOLDER)
@click.argument("site")
def members_release(folder: Path, site: str) -> None:
    """End a suspension."""
    _set(folder, site, "admitted")


@members.command("approve")
@click.argument("folder", type=FOLDER)
@click.argument("site")
@click.argument("root")
@click.option("--root-key", type=FILE, default=None, help="of this site, if not in keys/")
@click.option("--passphrase-file", type=FILE, default=None, help="opens the file of --root-key")
def members_approve(
    folder: Path, site: str, root: str, root_key: Path | None, passphrase_file: Path | None
) -> None:
    """Approve ROOT (64 hex digits) as the new root key of SITE, which has lost its own.

    Do so only after its people have told you that key in person.
    """
    if not re.fullmatch("[0-9a-f]{64}", root):
        raise click.BadParameter(f"ROOT: expected 64 hexadecimal digits, got {root!r}")
    signing = Signing(folder, root_key, passphrase_file)
    values = {"site": site, "root": bytes.fromhex(root)}
    _, index = sign_planned(folder, signing, "plan_approval", values)
    show(f"entry {index} approves the new root key of {site}")


@members.command("recover")
@click.argument("folder", type=FOLDER)
@click.argument("site")
def members_recover(folder: Path, site: str) -> None:
    """Name the new root key of a member, at the coordinator, once enough others approve it."""
    answer = ask(folder, "recover_member", site=site)
    show(f"{site} has the root key {answer['root'].hex()}, approved by {answer['by']} members")


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
