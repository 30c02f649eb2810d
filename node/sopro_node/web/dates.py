"""Civil dates in addresses."""

import re
from typing import Final

from sopro_protocol.errors import FormatError, RefusedError
from sopro_registry.fields import day_of

_CIVIL_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_day(text: str) -> int:
    """Read the parameter `at` as a day.

    Raises:
        FormatError: `err.query`, it is no civil date.
    """
    expected = f"at: expected a civil date like 2026-11-22, got {text[:32]!r}"
    if not _CIVIL_DATE.fullmatch(text):
        raise FormatError(expected, code="err.query")
    try:
        return day_of(text, field="at")
    except RefusedError:
        raise FormatError(expected, code="err.query") from None
