"""Asking a person for a passphrase, and opening the key files that a person names.

The files in `keys/` of a node's directory have one passphrase, which the setting
`key_passphrase_file` or `--key-passphrase-file` has; a copy that is kept elsewhere has its own,
which `--passphrase-file` has. Without either a person is asked, where one sits at a terminal.
"""

import sys
from pathlib import Path

import rich_click as click

from sopro_cli.options import FILE
from sopro_node.passphrase import Ask, Passphrase, read_passphrase
from sopro_protocol.errors import FormatError

key_passphrase_file = click.option(
    "--key-passphrase-file",
    type=FILE,
    default=None,
    help="opens the encrypted files in keys/, where neither the setting of this name nor the "
    "serving node does; else asked for",
)


def is_somebody_there() -> bool:
    """Say whether a person sits at a terminal, who can be asked."""
    return sys.stdin.isatty()


def asker() -> Ask | None:
    """Return what asks at the terminal; None where nobody sits there."""
    if not is_somebody_there():
        return None

    def ask(what: str) -> str:
        return str(click.prompt(what, hide_input=True, err=True))

    return ask


def asker_of_keys(path: Path | None) -> Ask | None:
    """Return what has the passphrase of the files in `keys/` where the settings do not.

    Raises:
        FormatError: the file that was named cannot be used.
    """
    if path is None:
        return asker()
    passphrase = read_passphrase(path).decode(errors="surrogateescape")
    return lambda _what: passphrase


def new_passphrase(path: Path | None, *, ask: bool) -> bytes | None:
    """Return the passphrase for new key files: from a file, asked for twice, or none.

    Raises:
        FormatError: the file cannot be used, or nobody can be asked.
    """
    if path is not None:
        return read_passphrase(path)
    if not ask:
        return None
    if asker() is None:
        raise FormatError("no terminal to ask for a passphrase at; use --passphrase-file FILE")
    prompted = click.prompt(
        "passphrase of the new key files", hide_input=True, confirmation_prompt=True, err=True
    )
    return str(prompted).encode()


def passphrase_of(path: Path | None) -> Passphrase:
    """Return the passphrase of a key file that somebody named: from a file, or asked for.

    Raises:
        FormatError: the passphrase file cannot be used.
    """
    if path is not None:
        return Passphrase.of(read_passphrase(path))
    return Passphrase.asking(asker())
