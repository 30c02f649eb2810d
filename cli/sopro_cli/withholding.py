"""Withholding entries that should never have been logged: `sopro withhold`."""

from pathlib import Path
from typing import get_args

import rich_click as click

from sopro_cli.options import FILE, FOLDER
from sopro_cli.output import remark, show
from sopro_cli.signing import Signing, sign_planned
from sopro_registry.families import withhold as family

_REASONS = get_args(family.Reason)


@click.command("withhold")
@click.argument("folder", type=FOLDER)
@click.argument("index", type=click.IntRange(min=0))
@click.option("--reason", type=click.Choice(_REASONS), required=True, help="published with it")
@click.option("--drop", multiple=True, help="a field that does not hold any more either")
@click.option(
    "--root-key", type=FILE, default=None, help="where it is, if not in keys/ of the directory"
)
@click.option("--passphrase-file", type=FILE, default=None, help="opens the file of --root-key")
def withhold(  # one for each option
    folder: Path,
    index: int,
    reason: str,
    drop: tuple[str, ...],
    root_key: Path | None,
    passphrase_file: Path | None,
) -> None:
    """Withhold the entry at position INDEX of this site's log, here and at every member.

    Its bytes, its signature and its documents go; its hash stays, so that every proof and every
    later entry holds. What states follow from is said anew, without documents, unknown fields and
    free text. What is in a document only is erased with `sopro erase` instead.
    """
    signing = Signing(folder, root_key, passphrase_file)
    values = {"index": index, "reason": reason, "drop": list(drop)}
    plan, record = sign_planned(folder, signing, "plan_withholding", values, put="put_withholding")
    what = f" ({plan['family']})" if plan["family"] else ""
    show(f"entry {record} withholds entry {index}{what}")
    remark(
        "members drop it as soon as they take that entry in. Backups made before today still hold "
        "it, and drop it when they are restored and served"
    )


COMMANDS = (withhold,)
