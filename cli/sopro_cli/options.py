"""Reading what a person writes on a command line; what is wrong is said with the option's name."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
import rich_click as click

from sopro_cli.output import fail
from sopro_protocol.errors import FormatError
from sopro_registry.certificate_number import fold_number
from sopro_registry.fields import (
    ActivityCode,
    Code,
    NutsCode,
    Prefix,
    SiteCode,
    Url,
    parse_day,
)

Check = Callable[[str, str], object]
Callback = Callable[[click.Context, click.Parameter, Any], Any]

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)

here: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--dir", "folder", type=FOLDER, default=".", help="the node's directory, if not this one"
)


def _held_to(check: Check) -> Callback:
    """Make the callback of an option or argument whose value follows a form; else the end is 65."""

    def callback(_context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        try:
            for text in value if isinstance(value, tuple) else (value,):
                if text is not None:
                    check(text, _name(parameter))
        except FormatError as error:
            fail(error)
        return value

    return callback


def _name(parameter: click.Parameter) -> str:
    """Name an option as it is written, an argument as the help shows it."""
    if parameter.param_type_name == "option":
        return max(parameter.opts, key=len)
    return (parameter.metavar or parameter.opts[0]).strip("[]").upper()


def _form(kind: Any, expected: str) -> Callback:
    def check(text: str, name: str) -> None:
        try:
            msgspec.convert(text, kind)
        except msgspec.ValidationError:
            raise FormatError(f"{name}: expected {expected}, got {text[:64]!r}") from None

    return _held_to(check)


def _check_url(text: str, name: str) -> None:
    try:
        msgspec.convert(text, Url)
        urlsplit(text).port  # noqa: B018  # refuses a port that cannot be
    except (msgspec.ValidationError, ValueError):
        raise FormatError(
            f"{name}: expected an http or https address such as https://at.sopro.example, "
            f"got {text[:64]!r}"
        ) from None


def _check_target(text: str, name: str) -> None:
    if "://" in text:
        _check_url(text, name)


def _fold_number(
    _context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """Read a certificate number as somebody has written it; else the end is 65."""
    number = fold_number(value) if value is not None else None
    if value is not None and number is None:
        fail(
            FormatError(
                f"{_name(parameter)}: expected a certificate number such as SOPRO/AT0/001/00001, "
                f"got {value[:64]!r}"
            )
        )
    return number


ACTIVITY: Final = _form(ActivityCode, "a NACE code behind its revision such as 2.1:38.21 or 2:C")
DAY: Final = _held_to(lambda text, name: parse_day(text, field=name))
DAY_OR_NEVER: Final = _held_to(
    lambda text, name: None if text == "never" else parse_day(text, field=name)
)
CODE: Final = _form(Code, "a code of letters, digits and . _ : - such as sopro")
CPV: Final = _form(Code, "a procurement code such as 03221000")
DIGEST: Final = _form(
    Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")],
    "a SHA-256 digest of 64 hexadecimal digits",
)
GTIN: Final = _form(Code, "a trade item number such as 09012345678905")
NUMBER: Final[Callback] = _fold_number
NUTS: Final = _form(
    NutsCode,
    "a NUTS code of two capital letters and up to three letters or digits such as AT130",
)
PREFIX: Final = _form(Prefix, "three capital letters or digits such as AT0")
SITE: Final = _form(SiteCode, "a site's code of small letters, digits and hyphens such as at")
TARGET: Final = _held_to(_check_target)
URL: Final = _held_to(_check_url)


def as_pairs(texts: Iterable[str], form: str) -> list[tuple[str, str]]:
    """Read `NAME=VALUE` options."""
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise click.BadParameter(f"expected {form}, got {text!r}")
        pairs.append((name, value))
    return pairs


def as_reasons(texts: Iterable[str]) -> list[list[str]]:
    """Read `SCHEME=VALUE=REASON` options."""
    found = [text.split("=", 2) for text in texts]
    for parts, text in zip(found, texts, strict=True):
        if len(parts) < 3 or not all(part.strip() for part in parts):
            raise click.BadParameter(f"expected SCHEME=VALUE=REASON, got {text!r}")
    return found


def as_bytes(text: str, option: str) -> bytes:
    """Read an entity: 32 hexadecimal digits."""
    if not re.fullmatch("[0-9a-f]{32}", text):
        raise click.BadParameter(
            f"{option}: expected 32 hexadecimal digits, as the command that added it printed, "
            f"got {text!r}"
        )
    return bytes.fromhex(text)


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
