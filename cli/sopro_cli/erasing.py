"""Erasing documents everywhere: `sopro erase`."""

from pathlib import Path
from typing import get_args

import rich_click as click

from sopro_cli.office import ask
from sopro_cli.options import DAY, FOLDER, SITE, as_bytes
from sopro_cli.output import remark, show, show_json
from sopro_registry.families import erasure

_REASONS = get_args(erasure.Reason)


@click.command("erase")
@click.argument("folder", type=FOLDER)
@click.argument("entities", metavar="ENTITY...", nargs=-1, required=True)
@click.option("--reason", type=click.Choice(_REASONS), required=True, help="published with it")
@click.option(
    "--deadline", callback=DAY, help="by which every member has erased it; in 30 days if not given"
)
@click.option(
    "--site",
    default=None,
    callback=SITE,
    help="code of a site that is gone and that this one looks after; this site if not given",
)
@click.option("--json", "as_json", is_flag=True)
def erase(
    folder: Path,
    entities: tuple[str, ...],
    reason: str,
    deadline: str | None,
    site: str | None,
    *,
    as_json: bool,
) -> None:
    """Erase what names organisations, offerings or labels, here and at every member.

    The records stay, with their dates, codes and decisions; names and addresses go. Each ENTITY is
    what the command that added it printed; several at once take hardly longer than one. What a site
    has registered that has left or was expelled is erased by its successor, or else by the
    coordinator, with --site.
    """
    answer = ask(
        folder,
        "erase",
        entities=[as_bytes(one, "ENTITY") for one in dict.fromkeys(entities)],
        reason=reason,
        deadline=deadline,
        site=site,
    )
    if as_json:
        show_json(answer)
        return
    for one in answer["erased"]:
        of = f" of {one['origin']}" if "origin" in one else ""
        show(f"document {one['document']} of entry {one['index']}{of} is erased here")
    if answer["left"]:
        remark(answer["left"])
    remark(
        f"members have until {answer['deadline']}; 'sopro status' says who has not confirmed. "
        "Backups made before today still hold it"
    )


COMMANDS = (erase,)
