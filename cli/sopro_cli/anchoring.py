"""Settling two histories of the coordinator's log: `sopro anchor`."""

import re
from pathlib import Path

import rich_click as click

from sopro_cli.keys import Signing, sign_planned
from sopro_cli.options import FILE, FOLDER
from sopro_cli.output import remark, show


@click.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--keep",
    required=True,
    metavar="ROOT",
    help="root of the head to go on with, its first digits, as 'sopro evidence list' prints it",
)
@click.option("--root-key", type=FILE, default=None, help="of this site, if not in keys/")
@click.option("--passphrase-file", type=FILE, default=None, help="opens the file of --root-key")
def anchor(folder: Path, keep: str, root_key: Path | None, passphrase_file: Path | None) -> None:
    """Decide for this site which of two histories of the coordinator's log holds.

    A site decides once and cannot change it, so first agree with the other members on one ROOT.
    When enough of them have decided alike, every node goes on with that history.
    """
    if not re.fullmatch("[0-9a-f]{8,64}", keep):
        raise click.BadParameter(f"--keep: expected 8 to 64 hexadecimal digits, got {keep[:80]!r}")
    signing = Signing(folder, root_key, passphrase_file)
    plan, index = sign_planned(folder, signing, "plan_anchor", {"keep": keep})
    show(
        f"entry {index} decides for the history of the coordinator's log whose first "
        f"{plan['size']} entries have the root {plan['kept'].hex()}"
    )
    remark(f"how many members have decided alike: sopro status {folder}")


COMMANDS = (anchor,)
