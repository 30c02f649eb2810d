"""The keys of a site: `sopro keys ...`."""

from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.office import reach, run
from sopro_cli.options import DAY, DAY_OR_NEVER, FILE, FOLDER, SITE
from sopro_cli.output import fail, remark, show, show_json
from sopro_cli.secrets import asker_of_keys, key_passphrase_file, new_passphrase
from sopro_cli.signing import Signing, sign_planned, signs_by_root, unlock
from sopro_cli.upkeep import tell_key
from sopro_node.calling import call
from sopro_node.config import load_settings
from sopro_node.keyring import (
    KINDS,
    copy_keys,
    encrypt_key,
    is_encrypted,
    list_key_files,
    list_planned,
    open_key,
)
from sopro_node.passphrase import Passphrase, check_new_passphrase
from sopro_node.signatory import SIGNING
from sopro_protocol.errors import FormatError, RefusedError, SoproError
from sopro_protocol.keys import Role
from sopro_registry.recovery import needed_approvals

_SIGNING: Final = frozenset(role.value for role in SIGNING)


def _check_sites(
    context: click.Context, option: click.Parameter, sites: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(SITE(context, option, site) for site in sites)


@click.group()
def keys() -> None:
    """The keys of a site: which there are, new ones, cutting off stolen ones."""


@keys.command("list")
@click.argument("folder", type=FOLDER)
@key_passphrase_file
@click.option("--json", "as_json", is_flag=True)
def keys_list(folder: Path, key_passphrase_file: Path | None, *, as_json: bool) -> None:
    """List every key the site has had, and the positions of its log at which each counts."""

    async def work() -> dict[str, Any]:
        ask = asker_of_keys(key_passphrase_file)
        async with reach(folder, must_sign=False, ask=ask) as office:
            return await office("keys", {})

    answer = run(work())
    if as_json:
        show_json(answer)
        return
    for one in answer["keys"]:
        show(tell_key(one))
    if answer["approvers"]:
        show(f"may approve a new root key: {', '.join(answer['approvers'])}")
    for warning in answer["warnings"]:
        remark(f"warning: {warning}")


@keys.command("rotate")
@click.argument("folder", type=FOLDER)
@click.argument("role", type=click.Choice(KINDS))
@click.option("--finish", is_flag=True, help="retire the older log key")
@click.option(
    "--renew-by",
    callback=DAY,
    help="last day to use the new key, else after key_days of node.toml",
)
@signs_by_root
def keys_rotate(
    folder: Path, role: str, signing: Signing, renew_by: str | None, *, finish: bool
) -> None:
    """Replace a key in good order; the node goes on serving.

    A new log key signs beside the old one until `--finish` retires that. The root key is replaced
    by its successor, and next-root commits to another successor.
    """
    if finish and role != "log":
        raise click.UsageError("--finish is for the log key only; other keys change at once")
    if role == "root":
        _succeed(folder, signing, renew_by)
        return
    act = "finish" if finish else "rotate"
    _change(folder, signing, act=act, role=role, renew_by=renew_by)


@keys.command("renew-by")
@click.argument("folder", type=FOLDER)
@click.argument("role", type=click.Choice([role.value for role in Role]))
@click.argument("date", callback=DAY_OR_NEVER)
@click.option("--key", default="", help="id, or its beginning; needed while two log keys sign")
@signs_by_root
def keys_renew_by(folder: Path, role: str, date: str, key: str, signing: Signing) -> None:
    """Say until when a key is to be used: DATE is its last day, or `never`.

    The key stays, and counts after that day, too; the node warns in time that it is to be replaced.
    """
    _change(
        folder, signing, act="date", role=role, key=key, renew_by="" if date == "never" else date
    )


@keys.command("revoke")
@click.argument("folder", type=FOLDER)
@click.argument("role", type=click.Choice(KINDS))
@click.option("--at-size", type=int, required=True, help="of the log, when the key was still safe")
@click.option("--key", default="", help="id, or its beginning; needed where a role has had several")
@signs_by_root
def keys_revoke(folder: Path, role: str, at_size: int, key: str, signing: Signing) -> None:
    """Cut off a stolen key at a size of the log, and name a new one.

    Heads of a larger size that it alone signed are refused everywhere, and so is whatever it signs
    from now on. What it signed between that size and now counts on; it is listed for you to judge.
    """
    plan = _change(folder, signing, act="revoke", role=role, size=at_size, key=key)
    if plan["doubtful"]:
        remark(
            f"{len(plan['doubtful'])} entries from size {at_size} on are signed by it and count; "
            "look at each and correct what you did not decide: "
            + ", ".join(map(str, plan["doubtful"]))
        )


@keys.command("approvers")
@click.argument("folder", type=FOLDER)
@click.argument("sites", nargs=-1, callback=_check_sites)
@click.option("--all", "is_all", is_flag=True, help="every other member there is now")
@click.option("--nobody", is_flag=True, help="nobody any more")
@signs_by_root
def keys_approvers(
    folder: Path, sites: tuple[str, ...], signing: Signing, *, is_all: bool, nobody: bool
) -> None:
    """Say which other members may approve a new root key, should it and its successor be lost.

    More than half of them have to, of one or two all. Name members whose people you know: whoever
    else the coordinator admits has no say in it. The root key signs this, so say it in time.
    """
    if (bool(sites), is_all, nobody).count(True) != 1:
        raise click.UsageError("name SITES, or give --all, or --nobody")
    plan = _change(folder, signing, act="approvers", sites=None if is_all else list(sites))
    named = plan["approvers"]
    show(f"may approve a new root key: {', '.join(named) or 'nobody'}")
    if named:
        remark(f"{needed_approvals(len(named))} of {len(named)} have to")
    if plan["dropped"]:
        remark(
            "named before by this root key, and no later record takes that back: "
            f"{', '.join(plan['dropped'])}; they keep their say, with those named beside them, "
            "until another root key is in its place: "
            f"sopro keys recover {folder}, then sopro join"
        )


@keys.command("recover")
@click.argument("folder", type=FOLDER)
@click.option("--successor", type=FILE, default=None, help="its file, if not in keys/")
@click.option("--new-root", is_flag=True, help="the successor is lost too; other members approve")
@click.option("--passphrase-file", type=FILE, default=None, help="opens the file of --successor")
@key_passphrase_file
def keys_recover(
    folder: Path,
    successor: Path | None,
    passphrase_file: Path | None,
    key_passphrase_file: Path | None,
    *,
    new_root: bool,
) -> None:
    """Replace a lost or stolen root key by the successor it has committed to.

    Where that is lost too, `--new-root` makes another key; once enough of the other members have
    approved it and the coordinator has named it, the same command puts it in its place.
    """
    signing = Signing(folder, successor, passphrase_file, key_passphrase_file)
    if not new_root:
        _succeed(folder, signing)
        return
    if successor is not None:
        raise click.UsageError("--new-root makes a key itself; leave out --successor")

    async def work() -> dict[str, Any]:
        async with reach(folder, ask=signing.asker()) as office:
            await unlock(office, signing)
            return await office("new_root", {})

    answer = run(work())
    public = answer["public"]
    if not answer["named"]:
        remark(f"made {answer['path']}; copy it away")
        remark(
            "have the other members compare this key with you in person, and run: "
            f"sopro members approve DIRECTORY SITE {public.hex()}"
        )
        remark("then the coordinator: sopro members recover DIRECTORY SITE")
        remark("then run this command again")
        show(public.hex())
        return
    _change(folder, signing, act="rotate", role="root", successor=public)


def _succeed(folder: Path, signing: Signing, renew_by: str | None = None) -> None:
    async def work() -> tuple[bytes, bool]:
        async with reach(folder, must_sign=False, ask=signing.asker()) as office:
            committed = bytes.fromhex((await office("keys", {}))["next_root"])
            identity = await office("identity", {})
        return signing.successor(committed).public_key, identity["coordinator"]

    public, is_coordinator = run(work())
    _change(folder, signing, act="rotate", role="root", successor=public, renew_by=renew_by)
    if is_coordinator:
        remark("members follow by themselves, and the invite stays good")
    else:
        remark(f"tell the coordinator: sopro join {folder} INVITE --root-key FILE")


def _change(folder: Path, signing: Signing, **act: Any) -> dict[str, Any]:
    """Make a change of keys, and tell what came of it."""
    plan, index = sign_planned(folder, signing, "plan_keys", act)
    show(f"entry {index} names the keys of this site now")
    for path in plan["made"]:
        remark(f"made {path}; copy it away")
    for one in plan["ended"]:
        remark(f"retired: {one}")
    return plan


@keys.command("export")
@click.argument("folder", type=FOLDER)
@click.argument("target", type=FOLDER)
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="only these")
@click.option("--passphrase-file", type=FILE, default=None, help="for the copies; else asked for")
@key_passphrase_file
def keys_export(
    folder: Path,
    target: Path,
    kinds: tuple[str, ...],
    passphrase_file: Path | None,
    key_passphrase_file: Path | None,
) -> None:
    """Copy the private keys, encrypted, into a new directory that you keep elsewhere.

    The copies have a passphrase of their own (`--passphrase-file`). Nobody is asked for that of
    encrypted files in keys/ where `--key-passphrase-file`, the setting `key_passphrase_file` in
    node.toml or systemd's credential has it.
    """
    try:
        settings = load_settings(folder)
        passphrase = Passphrase(settings, ask=asker_of_keys(key_passphrase_file))
        secret = new_passphrase(passphrase_file, ask=True) or b""
        check_new_passphrase(secret)
        chosen = [path for kind, path in list_key_files(folder) if not kinds or kind in kinds]
        if not chosen:
            raise RefusedError(f"{folder}/keys: no such key is here")
        for path in copy_keys(chosen, target, passphrase=passphrase, secret=secret):
            show(str(path))
    except SoproError as error:
        fail(error)


@keys.command("encrypt")
@click.argument("folder", type=FOLDER)
@click.option("--passphrase-file", type=FILE, default=None, help="else asked for")
def keys_encrypt(folder: Path, passphrase_file: Path | None) -> None:
    """Put every key file that has none under a passphrase; the node may go on serving."""
    try:
        load_settings(folder)
        paths = [path for _, path in (*list_key_files(folder), *list_planned(folder))]
        plain = [path for path in paths if not is_encrypted(path)]
        secret = new_passphrase(passphrase_file, ask=True) or b""
        check_new_passphrase(secret)
        _check_same(folder, secret)
        for path in plain:
            encrypt_key(path, secret)
            show(str(path))
    except SoproError as error:
        fail(error)
    run(_tell_serving(folder, secret))
    remark(
        "so that the node comes back by itself, name the file of the passphrase in the setting "
        "'key_passphrase_file', or give systemd the credential 'key-passphrase'"
    )


def _check_same(folder: Path, secret: bytes) -> None:
    """Refuse a second passphrase: the node has one for all files that it signs with.

    Raises:
        RefusedError: it does not open what is encrypted already.
    """
    for kind, path in list_key_files(folder):
        if kind in _SIGNING and is_encrypted(path):
            try:
                open_key(path, Passphrase.of(secret))
            except FormatError:
                raise RefusedError(
                    f"{path}: encrypted with another passphrase already; give that one, because "
                    "one passphrase opens all key files of a node"
                ) from None


async def _tell_serving(folder: Path, secret: bytes) -> None:
    """Give the node that serves the passphrase, so that it encrypts the keys it makes."""
    if await call(folder, "identity", {}) is not None:
        await call(folder, "unlock", {"passphrase": secret})


COMMANDS = (keys,)
