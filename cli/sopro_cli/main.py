"""The `sopro` command: one group, one module for each kind of work."""

import rich_click as click

from sopro_cli import (
    certificates,
    deciding,
    labels,
    members,
    register,
    serving,
    sites,
)

click.rich_click.USE_MARKDOWN = True
click.rich_click.MAX_WIDTH = 100


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sopro")
def main() -> None:
    """Run a node of the SoPro federation, decide on labels, verify everything."""


for module in (sites, members, serving, register, deciding, labels, certificates):
    for command in module.COMMANDS:
        main.add_command(command)
