"""Criteria files: schemes and criteria in TOML, as the coordinator publishes them."""

import tomllib
from pathlib import Path
from typing import Any, Final

from sopro_protocol.errors import FormatError

DEFAULT_CRITERIA: Final = Path(__file__).parent / "criteria.toml"


def read_criteria(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Read a criteria file: tables `[[scheme]]` and `[[criterion]]`.

    Raises:
        FormatError: it cannot be read or holds something else.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as TOML: {error}") from None
    unknown = set(values) - {"scheme", "criterion"}
    if unknown or not isinstance(values.get("scheme"), list):
        raise FormatError(f"{path}: expected tables [[scheme]] and [[criterion]]")
    return {"schemes": values["scheme"], "criteria": values.get("criterion", [])}
