"""What commands print, and how they end: one table from errors to exit codes."""

import io
import json
import sys
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from unicodedata import category

from sopro_protocol.errors import (
    ConflictError,
    FormatError,
    NotFoundError,
    PeerError,
    RefusedError,
    SoproError,
    SplitViewError,
    StorageFullError,
    UnavailableError,
    VerificationError,
    WithheldError,
)

VERIFICATION: Final = 76
EXIT: Final[Mapping[type[SoproError], int]] = {
    RefusedError: 1,
    NotFoundError: 1,
    WithheldError: 1,
    FormatError: 65,
    StorageFullError: 74,
    ConflictError: 75,
    PeerError: 75,
    UnavailableError: 75,
    VerificationError: VERIFICATION,
    SplitViewError: VERIFICATION,
}


def show(text: str) -> None:
    """Print one line of a result."""
    sys.stdout.write(make_readable(text) + "\n")


def show_lines(text: str) -> None:
    """Print a result of several lines, whoever wrote them."""
    for line in text.removesuffix("\n").split("\n"):
        show(line)


def remark(text: str) -> None:
    """Print one line that is not the result."""
    sys.stderr.write(make_readable(text) + "\n")


def make_readable(text: str) -> str:
    r"""Write as `\u202e` what would move, hide or reorder the text around it on a terminal.

    Names and messages come from other people: control and format characters, line breaks among
    them, and what no character is assigned to.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or category(one) == "Zs" else _escape(one) for one in text
    )


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def show_json(value: object) -> None:
    """Print a result for programs; bytes as hex."""
    is_ascii = not (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(value, indent=2, ensure_ascii=is_ascii, default=_plain)
    sys.stdout.write(text + "\n")


def show_entity(answer: Mapping[str, Any], *, as_json: bool) -> None:
    """Print whom a record is about, or all that is known of it for programs."""
    if as_json:
        show_json(answer)
    else:
        show(answer["entity"].hex())


def accept_any_text() -> None:
    """Have letters that a terminal's encoding lacks written as escapes, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def fail(error: SoproError) -> NoReturn:
    """Print what is wrong and end with the code of its kind."""
    remark(f"error: {error}")
    raise SystemExit(EXIT[type(error)])
