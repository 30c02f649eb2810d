"""Erasing documents everywhere: `sopro erase`."""

from pathlib import Path
from typing import get_args

import rich_click as click

from sopro_cli.office import ask
from sopro_cli.options import DAY, FOLDER, as_bytes
from sopro_cli.output import remark, show
from sopro_registry.families import erasure

_REASONS = get_args(erasure.Reason)


@click.command("erase")
@click.argument("folder", type=FOLDER)
@click.argument("entity")
@click.option("--reason", type=click.Choice(_REASONS), required=True, help="published with it")
@click.option(
    "--deadline", callback=DAY, help="by which every member has erased it; in 30 days if not given"
)
def erase(folder: Path, entity: str, reason: str, deadline: str | None) -> None:
    """Erase what names an organisation, offering or label, here and at every member.

    The records stay, with their dates, codes and decisions; names and addresses go. ENTITY is
    what the command that added it printed.
    """
    number = as_bytes(entity, "ENTITY")
    answer = ask(folder, "erase", entity=number, reason=reason, deadline=deadline)
    for one in answer["erased"]:
        show(f"document {one['document']} of entry {one['index']} is erased here")
    remark(
        f"members have until {answer['deadline']}; 'sopro status' says who has not confirmed. "
        "Backups made before today still hold it"
    )


COMMANDS = (erase,)
