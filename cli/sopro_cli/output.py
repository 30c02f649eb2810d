"""What commands print, and how they end: one table from errors to exit codes."""

import json
import sys
from collections.abc import Mapping
from typing import Any, Final, NoReturn

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
    """Print a result."""
    sys.stdout.write(text + "\n")


def remark(text: str) -> None:
    """Print a remark, which is not the result."""
    sys.stderr.write(text + "\n")


def show_json(value: object) -> None:
    """Print a result for programs; bytes as hex."""
    show(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def fail(error: SoproError) -> NoReturn:
    """Print what is wrong and end with the code of its kind."""
    remark(f"error: {error}")
    raise SystemExit(EXIT[type(error)])
