"""Labels: `sopro label show`, `sopro certificate ...`."""

from pathlib import Path

import rich_click as click

from sopro_cli.office import ask
from sopro_cli.output import show, show_json
from sopro_cli.sites import FOLDER


@click.group()
def label() -> None:
    """Labels as this node knows them."""


@label.command("show")
@click.argument("number")
@click.option("--dir", "folder", type=FOLDER, required=True)
@click.option("--at", default=None, help="civil date")
@click.option("--json", "as_json", is_flag=True)
def label_show(number: str, folder: Path, at: str | None, *, as_json: bool) -> None:
    """Say how a label stands."""
    answer = ask(folder, "label", number=number, at=at)
    if as_json:
        show_json(answer)
        return
    until = f" until {answer['valid_until']}" if answer["valid_until"] else ""
    show(f"{answer['number']}: {answer['status']} on {answer['at']}{until}")
    for one in answer["history"]:
        show(f"  {one['effective_date'] or 'date unknown'}  {one['action']} -> {one['status']}")


COMMANDS = (label,)
