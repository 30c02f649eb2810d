"""The `sopro` command: one group, one module for each kind of work."""

import rich_click as click

from sopro_cli import (
    audit,
    certificates,
    deciding,
    demo,
    importing,
    inspecting,
    labels,
    members,
    register,
    serving,
    sites,
    upkeep,
)

click.rich_click.TEXT_MARKUP = "markdown"
click.rich_click.MAX_WIDTH = 100


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sopro")
def main() -> None:
    """Run a node of the SoPro federation, decide on labels, verify everything."""


MODULES = (
    demo,
    sites,
    members,
    serving,
    importing,
    register,
    deciding,
    labels,
    certificates,
    audit,
    inspecting,
    upkeep,
)

for module in MODULES:
    for command in module.COMMANDS:
        main.add_command(command)
