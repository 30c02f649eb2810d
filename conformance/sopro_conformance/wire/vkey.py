"""Verifier keys, and the witnesses of a policy file (SPEC KEY-4, WIT-15)."""

import base64
import binascii
from typing import Final

from sopro_conformance.wire.note import COSIGNER

_MOST: Final = 256


def read_policy(text: bytes) -> list[tuple[str, bytes]]:
    """Return the witnesses that a policy file names: the name under which each signs, its key."""
    found = []
    for line in text.decode("utf-8", "replace").splitlines():
        fields = line.split()
        if len(fields) >= 3 and fields[0] == "witness":
            key = read_vkey(fields[2])
            if key is not None:
                found.append(key)
    return found[:_MOST]


def read_vkey(text: str) -> tuple[str, bytes] | None:
    """Return name and public key of a witness's verifier key; None where it is none."""
    name, _, rest = text.partition("+")
    _, _, packed = rest.partition("+")
    try:
        key = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return None
    return (name, key[1:]) if name and len(key) == 33 and key[0] == COSIGNER else None
