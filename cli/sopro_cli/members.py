"""Membership: `sopro join`, `sopro members ...`, `sopro criteria publish`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from sopro_cli.certificate_trust import read_invite
from sopro_cli.office import ask
from sopro_cli.options import DAY, DIGEST, FOLDER, PREFIX, SITE, URL
from sopro_cli.output import fail, remark, show, show_json
from sopro_cli.policies import tell_gone_witnesses
from sopro_cli.secrets import passphrase_of
from sopro_cli.signing import Signing, sign_planned
from sopro_node.application import sign_application
from sopro_node.keyring import open_key
from sopro_protocol.errors import FormatError, RefusedError, SoproError

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("invite", type=FILE)
@click.option("--root-key", type=FILE, default=None, help="where it is, if not in keys/")
@click.option("--passphrase-file", type=FILE, default=None, help="opens the file of --root-key")
@click.option(
    "--peer",
    "peers",
    multiple=True,
    help="address of a member's node, which knows where the coordinator is if not as invited",
)
def join(
    folder: Path,
    invite: Path,
    root_key: Path | None,
    passphrase_file: Path | None,
    peers: tuple[str, ...],
) -> None:
    """Pin the coordinator named by an invite file and ask it for admission.

    An invite of before will do where members have put another in the coordinator's place.
    """
    try:
        pinned = read_invite(invite)
        request = _sign_request(folder, root_key, passphrase_file) if root_key else None
    except SoproError as error:
        fail(error)
    fields = {name: getattr(pinned, name) for name in pinned.__struct_fields__}
    answer = ask(folder, "join", invite=fields, request=request, peers=list(peers))
    if answer["appointed_by"]:
        remark(
            f"the invite is one of before: {', '.join(answer['appointed_by'])} have appointed who "
            f"goes on as coordinator, at {answer['asked']}, and that one was asked"
        )
    act = "renew-epoch" if answer["is_continued"] else "admit"
    remark(f"the coordinator's officer admits you with: sopro members {act} DIRECTORY SITE")
    if answer["nonce"]:
        remark(
            "challenge for the conformance suite, which may begin within 7 days: sopro-conformance "
            f"run --nonce {answer['nonce']} --site {answer['site']} ..."
        )
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
    if answer["as_of"]:
        remark(f"as of {answer['as_of']}, when the coordinator's log was last found current")
    for member in answer["members"]:
        stale = "  STALE" if member["stale"] else ""
        shown = f" as {'+'.join(member['profiles'])}" if member["profiles"] else ""
        show(
            f"{member['site']:12} {member['status']:10} {member['country']}  {member['urls'][0]}"
            + (f"  until position {member['ends']['size']}" if "ends" in member else "")
            + (
                f"  conformance{shown} until {member['conformance_until']}{stale}"
                if "conformance_until" in member
                else ""
            )
            + (f"  looked after by {member['successor']}" if "successor" in member else "")
        )
    for waiting in answer["applications"]:
        end = waiting["continues"]
        show(
            f"{waiting['site']:12} asks       {waiting['country']}  {waiting['urls'][0]}"
            + (f"  to close {end['origin']} at size {end['size']}" if end else "")
        )
    for one in answer["recoveries"]:
        show(
            f"{one['site']:12} new root key {one['root']}: approved by {', '.join(one['by'])}; "
            f"{one['needed']} of {one['voters']} have to"
        )


@members.command("inbox")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def members_inbox(folder: Path, *, as_json: bool) -> None:
    """List what waits for this site's people, with the command that answers each."""
    waiting = ask(folder, "inbox")["waiting"]
    if as_json:
        show_json(waiting)
        return
    for one in waiting:
        show(one["asks"])
        if one["needed"]:
            by = ", ".join(one["by"]) or "nobody"
            show(f"  agreed: {by}; {one['needed']} of {one['voters']} have to")
        show(f"  {one['command']}")
        if one["otherwise"]:
            show(f"  otherwise: {one['otherwise']}")
    if not waiting:
        remark("nothing waits for this site")


CONFORMANCE = click.option(
    "--conformance", callback=DIGEST, help="SHA-256 of its statement of conformance, 64 hex digits"
)
CONFORMANCE_UNTIL = click.option(
    "--conformance-until", callback=DAY, help="last day of that statement"
)


STATEMENT = click.option(
    "--statement",
    type=click.IntRange(min=0),
    help="position of its statement of conformance in its log; it is verified, and what its "
    "address shows is tried again",
)


@members.command("admit")
@click.argument("folder", type=FOLDER)
@click.argument("site", callback=SITE)
@click.option(
    "--prefix", default=None, callback=PREFIX, help="three letters or digits for its numbers"
)
@STATEMENT
@CONFORMANCE
@CONFORMANCE_UNTIL
def members_admit(
    folder: Path, site: str, prefix: str | None, statement: int | None, **given: object
) -> None:
    """Admit a site that asked; its numbers begin with SOPRO/PREFIX."""
    said = _statement(given)
    answer = ask(folder, "admit", site=site, prefix=prefix, statement=statement, **said)
    show(f"{answer['site']} is admitted; its numbers begin with SOPRO/{answer['prefix']}")
    if answer["unchecked"]:
        remark(
            "its node did not answer, so its keys are compared with those of the other sites once "
            f"its log is here: {answer['unchecked']}"
        )


@members.command("renew-epoch")
@click.argument("folder", type=FOLDER)
@click.argument("site", callback=SITE)
def members_renew_epoch(folder: Path, site: str) -> None:
    """Close the log of SITE, which has lost its last entries; a new one goes on from there.

    The site has begun it and asked. Only where no other node holds more of the log: what lies
    beyond the end counts no more, for ever.
    """
    answer = ask(folder, "renew_epoch", site=site)
    show(f"{answer['before']} is closed at size {answer['size']}; {answer['origin']} goes on")
    if answer["lost"]:
        remark(f"{answer['lost']} more entries of it were signed, and are lost")
    remark(f"{site} takes over its labels with: sopro transfer in DIRECTORY")


@members.command("refuse")
@click.argument("folder", type=FOLDER)
@click.argument("site", callback=SITE)
def members_refuse(folder: Path, site: str) -> None:
    """Drop a site's request for admission; another one may ask under its code then."""
    ask(folder, "refuse", site=site)
    show(f"{site}: its request is dropped")


def _set(folder: Path, site: str, status: str, **more: object) -> None:
    answer = ask(folder, "set_membership", site=site, status=status, **more)
    size = answer["size"]
    end = "" if size is None else f"; of its log counts what lies below position {size}"
    show(f"{answer['site']}: {answer['status']}{end}")
    for head in answer["abandoned"]:
        show(f"  two histories are settled: the head at size {head['size']} is abandoned")


SIZE = click.option(
    "--size", type=click.IntRange(min=0), help="of its log; by default what is held of it here"
)


def _check_roots(_context: object, _option: object, roots: tuple[str, ...]) -> list[str]:
    for root in roots:
        if not re.fullmatch("[0-9a-f]{8,64}", root):
            raise click.BadParameter(
                f"--keep: expected 8 to 64 hexadecimal digits, got {root[:80]!r}"
            )
    return list(roots)


KEEP = click.option(
    "--keep",
    multiple=True,
    metavar="ROOT",
    callback=_check_roots,
    help="where the site has shown two histories: root of the head to go on with, its first digits",
)
SUCCESSOR = click.option(
    "--successor", callback=SITE, help="code of the member that looks after its labels"
)


@members.command("suspend")
@click.argument("folder", type=FOLDER)
@click.argument("site", callback=SITE)
@SIZE
def members_suspend(folder: Path, site: str, size: int | None) -> None:
    """Suspend a member: from then on its new records do not count."""
    _set(folder, site, "suspended", size=size)


@members.command("release")
@click.argument("folder", type=FOLDER)
@click.argument("site", callback=SITE)
@KEEP
def members_release(folder: Path, site: str, keep: list[str]) -> None:
    """End a suspension; evidence of two histories against the site is settled with it."""
    _set(folder, site, "admitted", keep=keep)


@members.command("leave")
@click.argument("folder", type=FOLDER)
@click.argument("site", callback=SITE)
@SIZE
@SUCCESSOR
@KEEP
def members_leave(
    folder: Path, site: str, size: int | None, successor: str | None, keep: list[str]
) -> None:
    """Record that a member has left; what it decided before counts for ever."""
    _set(folder, site, "left", size=size, successor=successor, keep=keep)


@members.command("expel")
@click.argument("folder", type=FOLDER)
@click.argument("site", callback=SITE)
@SIZE
@SUCCESSOR
@KEEP
def members_expel(
    folder: Path, site: str, size: int | None, successor: str | None, keep: list[str]
) -> None:
    """Expel a member, for ever; what it decided before counts for ever."""
    _set(folder, site, "expelled", size=size, successor=successor, keep=keep)


@members.command("change")
@click.argument("folder", type=FOLDER)
@click.argument("site", callback=SITE)
@click.option(
    "--url", "urls", multiple=True, callback=URL, help="where its node answers; replaces all before"
)
@click.option("--name", "names", multiple=True, metavar="LANGUAGE=TEXT", help="replaces all before")
@click.option("--language", "languages", multiple=True, help="official; replaces all before")
@click.option("--country", help="two letters")
@click.option("--zone", help="IANA name of the zone its dates are read in")
@STATEMENT
@CONFORMANCE
@CONFORMANCE_UNTIL
def members_change(
    folder: Path, site: str, names: tuple[str, ...], statement: int | None, **given: object
) -> None:
    """Record a member's new addresses, name, languages, country, zone or statement."""
    changes = {field: value for field, value in given.items() if value} | _statement(given)
    if names:
        changes["name"] = dict(_name(one) for one in names)
    if not changes and statement is None:
        fail(FormatError(f"{site}: nothing to change; give --url, --name, --language, ..."))
    answer = ask(folder, "change_membership", site=site, changes=changes, statement=statement)
    changed = sorted({*changes, *(["statement"] if statement is not None else [])})
    show(f"{answer['site']}: {', '.join(changed)} changed, entry {answer['index']}")


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    """Read what was said of a statement of conformance."""
    digest, until = given["conformance"], given["conformance_until"]
    found: dict[str, Any] = {}
    if digest:
        found["conformance"] = bytes.fromhex(digest)
    if until:
        found["conformance_until"] = until
    return found


def _name(text: str) -> tuple[str, str]:
    language, sign, name = text.partition("=")
    if not (language and sign and name):
        fail(FormatError(f"--name: expected LANGUAGE=TEXT like en=Austria, got {text!r}"))
    return language, name


@members.command("witnesses")
@click.argument("folder", type=FOLDER)
@click.option("--site", "sites", multiple=True, help="whose witness counts; for each of them")
@click.option("--faulty", type=click.IntRange(0, 63), default=0, help="how many may fail or lie")
@click.option("--quorum", type=click.IntRange(1, 64), default=None, help="instead of what follows")
@click.option("--json", "as_json", is_flag=True)
def members_witnesses(
    folder: Path, sites: tuple[str, ...], faulty: int, quorum: int | None, *, as_json: bool
) -> None:
    """Say whose cosignatures make a head witnessed; with --site, publish it as the coordinator."""
    if sites:
        values = {"witnesses": list(sites), "faulty": faulty, "quorum": quorum}
        found = ask(folder, "publish_policy", **values)["policy"]
    else:
        found = ask(folder, "policy")["policy"]
    if as_json:
        show_json(found)
    elif found is None:
        show("no witness policy: nothing is called witnessed")
    else:
        show(
            f"{found['quorum']} of {', '.join(found['witnesses'])}; {found['faulty']} may be faulty"
        )
        if not found["keys_known"]:
            remark("the keys of too few of them are known here yet")
        if found["gone"]:
            remark(tell_gone_witnesses(found["gone"]))


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


COMMANDS = (join, members)
