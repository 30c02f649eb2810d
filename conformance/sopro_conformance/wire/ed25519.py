"""Ed25519 on `cryptography`, made strict (KEY-2, KEY-3), and key ids (KEY-1)."""

import hashlib
from functools import cached_property

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sopro_conformance.wire.edwards import LOW_ORDER, ORDER, is_canonical


class SigningKey:
    """A private key of the suite's world, from its seed."""

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)

    @cached_property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @cached_property
    def key_id(self) -> bytes:
        """The full key id (KEY-1)."""
        return key_id(self.public)

    def sign(self, message: bytes) -> bytes:
        """Return 64 bytes of signature."""
        return self._private.sign(message)


def key_id(public: bytes) -> bytes:
    """Return the full key id of an Ed25519 key (KEY-1)."""
    return hashlib.sha256(b"sopro-key/1\n\x01" + public).digest()


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether a signature verifies strictly (KEY-2).

    The library takes small-order points and encodings with y not below p; both are refused here
    first, and the rest is its own equation, which is the cofactorless one.
    """
    if len(public) != 32 or len(signature) != 64:
        return False
    first, second = signature[:32], signature[32:]
    for point in (public, first):
        if point in LOW_ORDER or not is_canonical(point):
            return False
    if int.from_bytes(second, "little") >= ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
