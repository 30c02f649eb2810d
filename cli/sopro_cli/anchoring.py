"""How the coordinator's log goes on, as members decide: `sopro anchor`."""

import re
from pathlib import Path

import rich_click as click

from sopro_cli.options import FILE, FOLDER
from sopro_cli.output import remark, show
from sopro_cli.signing import Signing, sign_planned


@click.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--keep",
    default=None,
    metavar="ROOT",
    help="root of the head to go on with, its first digits, as 'sopro evidence list' prints it",
)
@click.option(
    "--successor",
    default=None,
    metavar="KEY",
    help="public root key of who goes on for a coordinator that is gone, all 64 digits",
)
@click.option("--url", "urls", multiple=True, help="where the successor answers, repeatable")
@click.option("--root-key", type=FILE, default=None, help="of this site, if not in keys/")
@click.option("--passphrase-file", type=FILE, default=None, help="opens the file of --root-key")
def anchor(  # one for each option
    folder: Path,
    keep: str | None,
    successor: str | None,
    urls: tuple[str, ...],
    root_key: Path | None,
    passphrase_file: Path | None,
) -> None:
    """Decide for this site how the coordinator's log goes on.

    --keep says which of two histories of it holds, and --successor who goes on where the
    coordinator's keys are lost for ever. A site decides once and cannot change it, so first agree
    with the other members. When enough of them have decided alike, every node goes by it.
    """
    signing = Signing(folder, root_key, passphrase_file)
    if (keep is None) == (successor is None):
        raise click.UsageError("give one of --keep ROOT and --successor KEY")
    if successor is not None:
        _appoint(folder, signing, successor, urls)
        return
    if urls or keep is None:
        raise click.UsageError("--url goes with --successor")
    if not re.fullmatch("[0-9a-f]{8,64}", keep):
        raise click.BadParameter(f"--keep: expected 8 to 64 hexadecimal digits, got {keep[:80]!r}")
    plan, index = sign_planned(folder, signing, "plan_anchor", {"keep": keep})
    show(
        f"entry {index} decides for the history of the coordinator's log whose first "
        f"{plan['size']} entries have the root {plan['kept'].hex()}"
    )
    remark(f"how many members have decided alike: sopro status {folder}")


def _appoint(folder: Path, signing: Signing, successor: str, urls: tuple[str, ...]) -> None:
    if not re.fullmatch("[0-9a-f]{64}", successor):
        raise click.BadParameter(
            f"--successor: expected 64 hexadecimal digits, got {successor[:80]!r}"
        )
    if not urls:
        raise click.UsageError("--successor needs --url, where it answers; all members the same")
    values = {"successor": bytes.fromhex(successor), "urls": list(urls)}
    plan, index = sign_planned(folder, signing, "plan_successor", values)
    show(
        f"entry {index} appoints {successor[:16]}... at {', '.join(urls)} to go on with the "
        f"coordinator's log after its {plan['size']} entries"
    )
    if plan["smaller"]:
        remark(
            f"{', '.join(plan['smaller'])} said so of fewer entries, which does not count with "
            "this; have them do it again"
        )
    if plan["larger"]:
        remark(
            f"{', '.join(plan['larger'])} said so of more entries than this node holds; where they "
            "are shown anywhere, sync and do it again"
        )
    remark(f"how many members have said the same: sopro status {folder}")


COMMANDS = (anchor,)
