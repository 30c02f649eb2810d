"""Looking after a directory: `sopro reindex`."""

from pathlib import Path

import rich_click as click

from sopro_cli.output import fail, show
from sopro_cli.progress import progress_bars
from sopro_cli.sites import FOLDER
from sopro_node.config import load_settings
from sopro_node.reindex import reindex as rebuild
from sopro_protocol.errors import SoproError


@click.command()
@click.argument("folder", type=FOLDER)
def reindex(folder: Path) -> None:
    """Judge every entry again and rebuild the tables that follow; the node must not be serving."""
    try:
        load_settings(folder)
        with progress_bars() as progress:
            rebuilt = rebuild(folder, progress)
    except SoproError as error:
        fail(error)
    for origin, size in rebuilt.items():
        show(f"{origin}: {size} entries judged again")


COMMANDS = (reindex,)
