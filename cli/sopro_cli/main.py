"""The `sopro` command: one module for each kind of work, loaded when it is asked for."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import rich_click as click

click.rich_click.TEXT_MARKUP = "markdown"
click.rich_click.MAX_WIDTH = 100

MODULES: Final[Mapping[str, str]] = {
    "audit": "audit",
    "backup": "recovery",
    "certificate": "certificates",
    "criteria": "members",
    "decide": "deciding",
    "demo": "demo",
    "erase": "erasing",
    "evidence": "evidence",
    "federation": "sites",
    "import": "importing",
    "inspect": "inspecting",
    "join": "members",
    "keys": "keys",
    "label": "labels",
    "members": "members",
    "offering": "register",
    "organisation": "register",
    "policy": "policies",
    "recover": "recovery",
    "reindex": "upkeep",
    "restore": "recovery",
    "serve": "serving",
    "site": "sites",
    "status": "upkeep",
    "sync": "upkeep",
}


class _Commands(click.RichGroup):
    """Finds a command by its name in the module that has it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODULES:
            return None
        module = import_module(f"sopro_cli.{MODULES[cmd_name]}")
        found: click.Command = next(one for one in module.COMMANDS if one.name == cmd_name)
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sopro")
def main() -> None:
    """Run a node of the SoPro federation, decide on labels, verify everything."""
