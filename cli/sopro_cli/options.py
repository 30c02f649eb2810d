"""Reading what a person writes on a command line; what is wrong is said with the option's name."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import rich_click as click

from sopro_protocol.errors import FormatError, RefusedError
from sopro_registry.fields import day_of

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)

here: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--dir", "folder", type=FOLDER, default=".", help="the node's directory, if not this one"
)


def as_pairs(texts: Iterable[str], form: str) -> list[tuple[str, str]]:
    """Read `NAME=VALUE` options."""
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise click.BadParameter(f"expected {form}, got {text!r}")
        pairs.append((name, value))
    return pairs


def as_bytes(text: str, option: str) -> bytes:
    """Read an entity: 32 hexadecimal digits."""
    if not re.fullmatch("[0-9a-f]{32}", text):
        raise click.BadParameter(
            f"{option}: expected 32 hexadecimal digits, as the command that added it printed, "
            f"got {text!r}"
        )
    return bytes.fromhex(text)


def as_day(text: str, option: str) -> int:
    """Read a civil date as a day.

    Raises:
        FormatError: it is none.
    """
    try:
        if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return day_of(text, field=option)
    except RefusedError:
        pass
    raise FormatError(f"{option}: expected a civil date like 2026-11-22, got {text!r}")


def read_file(path: Path, *, limit: int, hint: str) -> bytes:
    """Read a file that somebody named.

    Raises:
        FormatError: it cannot be read, or is larger than anything it could be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); {hint}") from None
    if len(data) > limit:
        raise FormatError(f"{path}: more than {limit} bytes; {hint}")
    return data
