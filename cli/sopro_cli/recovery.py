"""What outlives a disk: `sopro backup`, `sopro restore`, `sopro recover`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import rich_click as click

from sopro_cli.certificate_trust import read_invite
from sopro_cli.office import run
from sopro_cli.options import FILE, FOLDER, read_file
from sopro_cli.output import fail, remark, show
from sopro_cli.secrets import asker, passphrase_of
from sopro_cli.upkeep import describe_recovery
from sopro_node.backup import back_up, back_up_keys
from sopro_node.keychest import MAX_CHEST, open_keys
from sopro_node.keyring import open_key
from sopro_node.recover import RecoveryPlan
from sopro_node.recover import recover as rebuild
from sopro_node.restore import is_projected
from sopro_node.restore import restore as make_again
from sopro_protocol.errors import FormatError, SoproError

_LONGEST_PASSPHRASE: Final = 4096

with_passphrase: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--passphrase-file",
    "passphrase_file",
    type=FILE,
    default=None,
    help="whose first line is the passphrase; asked for if not given",
)

with_key_passphrase: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--key-passphrase-file",
    type=FILE,
    default=None,
    help="opens the key files, where they are encrypted themselves",
)


def _passphrase(path: Path | None, *, confirm: bool) -> str:
    """Return a passphrase, from a file or from whoever sits there."""
    if path is None:
        if asker() is None:
            raise FormatError("no terminal to ask for a passphrase at; use --passphrase-file FILE")
        return str(
            click.prompt(
                "Passphrase of the keys file",
                hide_input=True,
                confirmation_prompt=confirm,
                err=True,
            )
        )
    data = read_file(path, limit=_LONGEST_PASSPHRASE, hint="its first line is the passphrase")
    try:
        return data.decode().split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError:
        raise FormatError(f"{path}: expected text in UTF-8") from None


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("target", type=FOLDER)
@click.option("--keys", "chest", type=FILE, default=None, help="new file for the keys, encrypted")
@with_passphrase
def backup(folder: Path, target: Path, chest: Path | None, passphrase_file: Path | None) -> None:
    """Write a backup of a node into a new directory, while it serves or not.

    Keys are not in it; --keys writes them, encrypted, into a file to be kept elsewhere.
    """
    try:
        count = 0
        if chest is not None:
            passphrase = _passphrase(passphrase_file, confirm=True)
            if chest.absolute().is_relative_to(target.absolute()):
                raise FormatError(f"{chest}: lies in the backup; keep the keys somewhere else")
            count = back_up_keys(folder, chest, passphrase)
        try:
            manifest = back_up(folder, target)
        except BaseException:
            if chest is not None:
                chest.unlink(missing_ok=True)  # both, or nothing
            raise
    except SoproError as error:
        fail(error)
    if chest is not None:
        remark(f"{chest}: {count} key files; without the passphrase they are lost")
    else:
        remark("the keys are not in this backup; --keys FILE writes them, encrypted")
    remark(f"{manifest.origin}: {manifest.size} entries, root {manifest.root}")
    show(str(target))


@click.command()
@click.argument("source", type=FOLDER)
@click.argument("folder", type=FOLDER)
@click.option("--keys", "chest", type=FILE, default=None, help="the keys, as backup wrote them")
@with_passphrase
@with_key_passphrase
def restore(
    source: Path,
    folder: Path,
    chest: Path | None,
    passphrase_file: Path | None,
    key_passphrase_file: Path | None,
) -> None:
    """Make a data directory from a backup, into a place where nothing is."""
    try:
        keys = None if chest is None else _open_chest(chest, passphrase_file)
        passphrase = passphrase_of(key_passphrase_file) if key_passphrase_file else None
        manifest = make_again(source, folder, keys, passphrase=passphrase)
    except SoproError as error:
        fail(error)
    remark(
        f"{manifest.origin}: {manifest.size} entries as of {manifest.time}, verified; when it is "
        "started, it fetches what it has published since from other nodes before it signs, and "
        "'sopro status' then names documents that no other node had"
    )
    if keys is None:
        remark(f"put the keys into {folder}/keys before you start it")
    if not is_projected(folder):
        remark(
            "another version of this software made the tables in this backup; before you start it, "
            f"make them anew with: sopro reindex {folder}"
        )
    if (folder / "invite.json").exists():
        remark("requests for admission that came after the backup are lost; sites ask again")
    show(str(folder))


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--from-peers", is_flag=True, required=True, help="the only way there is")
@click.option("--invite", type=FILE, required=True, help="the federation's invite file")
@click.option("--site", required=True, help="code of the site")
@click.option("--keys", "chest", type=FILE, required=True, help="the keys, as backup wrote them")
@with_passphrase
@with_key_passphrase
@click.option("--peer", "peers", multiple=True, help="address of a node to ask, repeatable")
@click.option("--listen", default="127.0.0.1:8440", show_default=True, help="HOST:PORT")
@click.option("--url", default="", help="under which others reach it, if not as before")
@click.option("--country", default="BE", show_default=True, help="of the coordinator only")
@click.option("--zone", default="Europe/Brussels", show_default=True, help="likewise")
@click.option(
    "--new-epoch",
    is_flag=True,
    help="begin another log where this one ends, because its last entries are lost for ever",
)
@click.option("--root-key", type=FILE, default=None, help="for --new-epoch, if not among the keys")
@click.option(
    "--root-passphrase-file", type=FILE, default=None, help="opens the file of --root-key"
)
def recover(
    folder: Path,
    from_peers: bool,  # says what happens
    invite: Path,
    site: str,
    chest: Path,
    passphrase_file: Path | None,
    key_passphrase_file: Path | None,
    peers: tuple[str, ...],
    listen: str,
    url: str,
    country: str,
    zone: str,
    new_epoch: bool,
    root_key: Path | None,
    root_passphrase_file: Path | None,
) -> None:
    """Make the data directory of a site whose disk is gone from what other nodes hold."""
    try:
        root = open_key(root_key, passphrase_of(root_passphrase_file)) if root_key else None
        plan = RecoveryPlan(
            site=site,
            invite=read_invite(invite),
            keys=_open_chest(chest, passphrase_file),
            peers=peers,
            listen=listen,
            url=url,
            country=country,
            zone=zone,
            new_epoch=new_epoch,
            root_key=root,
            passphrase=passphrase_of(key_passphrase_file),
            passphrase_file=str(key_passphrase_file.resolve()) if key_passphrase_file else "",
        )
    except SoproError as error:
        fail(error)
    recovery = run(rebuild(folder, plan))
    remark(describe_recovery(msgspec.to_builtins(recovery)))
    if new_epoch:
        remark(
            f"its log ends there, at size {recovery.end}, and another one goes on once the "
            f"coordinator has closed it: start the node, then run 'sopro join {folder} INVITE'; "
            f"the coordinator's officer runs 'sopro members renew-epoch DIRECTORY {site}'"
        )
    if plan.is_coordinator:
        remark("requests for admission are in no log; sites that were waiting ask again")
    show(str(folder))


def _open_chest(path: Path, passphrase_file: Path | None) -> dict[str, bytes]:
    data = read_file(path, limit=MAX_CHEST, hint="'sopro backup --keys' writes it")
    return open_keys(data, _passphrase(passphrase_file, confirm=False), where=str(path))


COMMANDS = (backup, restore, recover)
