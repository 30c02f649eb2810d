"""Canonical msgpack on the `msgpack` library (SPEC section ENC), to write and to read."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgpack

Value: TypeAlias = "bool | int | str | bytes | Sequence[Value] | Mapping[str, Value]"

MAX_RECORD = 32_768
MAX_ENTRY = 65_535
MAX_INTEGER = 2**53 - 1


class WireError(ValueError):
    """Bytes of the candidate that do not follow SPEC.md; the text names the clause."""


def encode(value: Value) -> bytes:
    """Write a value in its one spelling (ENC-1 to ENC-10).

    Raises:
        WireError: it has none.
    """
    packed: bytes = msgpack.packb(_order(value), use_bin_type=True)
    return packed


def decode(data: bytes) -> Any:
    """Read one canonical value: what is written again must be the same bytes (ENC-1).

    Raises:
        WireError: the bytes are another spelling, or no value.
    """
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=True)
        again = encode(value)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise WireError(f"ENC: {error}") from None
    if again != data:
        raise WireError("ENC-1: another spelling of the value")
    return value


def _order(value: Value) -> Any:
    """Put the keys of every map in order, and refuse what the profile has no type for."""
    if isinstance(value, bool | str | bytes):
        return value
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise WireError(f"ENC-10: {value}")
        return value
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: key.encode())
        return {key: _order(value[key]) for key in keys}
    if isinstance(value, list | tuple):
        return [_order(one) for one in value]
    raise WireError(f"ENC-6, ENC-7: {type(value).__name__} is not a type of the profile")
