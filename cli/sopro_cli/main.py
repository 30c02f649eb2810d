"""The `sopro` command: one module for each kind of work, loaded when it is asked for."""

import errno
import sqlite3
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import rich_click as click

from sopro_cli.examples import add_examples
from sopro_cli.output import accept_any_text, fail
from sopro_protocol.errors import FormatError, SoproError, StorageFullError

click.rich_click.TEXT_MARKUP = "markdown"
click.rich_click.MAX_WIDTH = 100

MODULES: Final[Mapping[str, str]] = {
    "anchor": "anchoring",
    "application": "assessing",
    "adapter": "adapter",
    "appeal": "complaining",
    "apply": "assessing",
    "assessor": "assessors",
    "audit": "audit",
    "backup": "recovery",
    "certificate": "certificates",
    "check": "searching",
    "codelist": "codelists",
    "complain": "complaining",
    "complaint": "complaining",
    "conformance": "conforming",
    "criteria": "criteria",
    "decide": "deciding",
    "demo": "demo",
    "directory": "searching",
    "document": "filed",
    "erase": "erasing",
    "evaluate": "evaluating",
    "evidence": "evidence",
    "federation": "sites",
    "import": "importing",
    "inspect": "inspecting",
    "join": "members",
    "keys": "keys",
    "label": "labels",
    "members": "members",
    "offering": "changing",
    "officer": "officers",
    "organisation": "relating",
    "policy": "policies",
    "recover": "recovery",
    "reindex": "upkeep",
    "restore": "recovery",
    "review": "assessing",
    "serve": "serving",
    "site": "sites",
    "status": "upkeep",
    "sync": "upkeep",
    "transfer": "transferring",
    "withhold": "withholding",
}


class _Commands(click.RichGroup):
    """Finds a command by its name in the module that has it."""

    def main(self, *args: Any, **extra: Any) -> Any:
        accept_any_text()
        return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            known = _explain(error)
            if known is None:
                raise
            fail(known)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODULES:
            return None
        module = import_module(f"sopro_cli.{MODULES[cmd_name]}")
        found: click.Command = next(one for one in module.COMMANDS if one.name == cmd_name)
        add_examples(found, cmd_name)
        return found


def _explain(error: Exception) -> SoproError | None:
    """Say what an error means for people, of a disk or a database, too; None for a mistake here."""
    if isinstance(error, SoproError):
        return error
    # The toolkit that migrates wraps what the driver has said.
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFullError(
            "the disk is full: nothing was changed; free some space and try again"
        )
    if isinstance(cause, sqlite3.OperationalError):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            return StorageFullError(f"the disk is full or fails ({cause}): look at it, try again")
    if isinstance(cause, sqlite3.DatabaseError):
        return FormatError(
            f"the database is damaged ({cause}): 'sopro audit DIRECTORY' says where; restore it "
            "from a backup, or recover this site from its peers"
        )
    return None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sopro")
@click.option(
    *("--as", "officer"),
    default="",
    metavar="OFFICER",
    help="the officer who does it, as 'sopro officer add' admitted them; in their roles only",
)
def main(officer: str) -> None:
    """Run a node of the SoPro federation, decide on labels, verify everything.

    What is done is on the site's trail with who did it: the user of the system, or the officer
    that --as names, whose pseudonym then stands in the record.

    ```
    sopro --as "Anna Gruber" decide at grant --application APPLICATION --valid-until 2029-01-01
    sopro label show SOPRO/AT0/001/00001 --dir at
    sopro officer trail at
    ```
    """
