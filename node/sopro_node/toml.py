"""Reading TOML files that people write."""

import tomllib
from pathlib import Path
from typing import Any

from sopro_protocol.errors import FormatError


def read_toml(path: Path, *, hint: str) -> dict[str, Any]:
    """Read a TOML file; the hint says what to do where there is none.

    Raises:
        FormatError: it cannot be read, or is not TOML.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); {hint}") from None
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: cannot be read as text: byte {error.start} is not UTF-8; save it as UTF-8"
        ) from None
    return parse_toml(text, where=str(path))


def parse_toml(text: str, *, where: str) -> dict[str, Any]:
    """Read TOML; `where` says in errors what it is.

    Raises:
        FormatError: it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        why = "too deep" if isinstance(error, RecursionError) else str(error)
        raise FormatError(f"{where}: not TOML: {why}") from None
