"""Structured documents: canonical maps of fields (SPEC DOC)."""

from collections.abc import Mapping
from typing import Final

from sopro_protocol.encoding import Value, decode
from sopro_protocol.errors import FormatError

MOST_READ: Final = 64 * 1024
"""Bytes of a document that is read as fields."""


def read_structured(content: bytes) -> Mapping[str, Value]:
    """Read a document of fields; one that is none reads as empty."""
    try:
        value = decode(content, limit=MOST_READ)
    except FormatError:
        return {}
    return value if isinstance(value, Mapping) else {}
