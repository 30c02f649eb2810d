r"""Keys and signatures: Ed25519 with one verdict for everybody, key ids, roles, verifier keys.

    key id       = SHA-256("sopro-key/1\n" || type byte || public key), 32 bytes in full
    note key id  = SHA-256(name || 0x0A || type byte || public key)[:4], a hint only
    verifier key = <name>+<note key id, 8 lower-case hex>+<base64(type byte || public key)>
                   at.sopro.example/log+fb71a9fb+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c

Verification is the strict one of libsodium: small-order and non-canonical A or R are refused, S is
smaller than the group order, the equation is cofactorless. It accepts 43 of the 914 CCTV vectors.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from .errors import FormatError, VerificationError

ED25519: Final = 0x01
"""Type byte of an Ed25519 key that signs bytes as they are."""

COSIGNATURE: Final = 0x04
"""Type byte of an Ed25519 key that signs timestamped cosignatures."""

PUBLIC_KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64
SEED_SIZE: Final = 32
NOTE_KEY_ID_SIZE: Final = 4

_PRIME: Final = 2**255 - 19
_NOT_IN_NAME: Final = re.compile("[\\s+\\x00-\\x1f\\ud800-\\udfff]")
_LOW_ORDER_Y: Final = (
    0,
    1,
    _PRIME - 1,
    int.from_bytes(
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        "little",
    ),
    int.from_bytes(
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        "little",
    ),
)


def _spell(coordinates: Iterable[int]) -> frozenset[bytes]:
    """Return the encodings of points by their y, with either sign of x."""
    signs = (0, 2**255)
    return frozenset((sign | y).to_bytes(32, "little") for y in coordinates for sign in signs)


_NOT_CANONICAL: Final = _spell(range(_PRIME, 2**255))
_LOW_ORDER: Final = _spell(_LOW_ORDER_Y)


class Role(StrEnum):
    """What a key is for; one public key has one role, at one site, for ever (DESIGN 6)."""

    ROOT = "root"
    LOG = "log"
    WITNESS = "witness"
    REGISTRAR = "registrar"
    DECISION = "decision"
    ACCESS = "access"


def key_id(public_key: bytes, *, algorithm: int = ED25519) -> bytes:
    """Identify a public key by 32 bytes that no other key shares (KEY-1)."""
    return hashlib.sha256(b"sopro-key/1\n%c%b" % (algorithm, public_key)).digest()


def check_public_key(public_key: bytes) -> None:
    """Refuse public keys under which anybody can sign, or that have two spellings (KEY-3).

    Raises:
        FormatError: Not 32 bytes, y is not below 2^255-19, or one of the 14 low-order encodings
            (`sig.weak-key`).
    """
    if len(public_key) != PUBLIC_KEY_SIZE:
        raise FormatError(
            f"public key: length, expected {PUBLIC_KEY_SIZE} bytes, got {len(public_key)}",
            code="sig.weak-key",
        )
    if public_key in _NOT_CANONICAL:
        raise FormatError(
            f"public key: not canonical, expected y below 2^255-19, got {public_key.hex()}",
            code="sig.weak-key",
        )
    if public_key in _LOW_ORDER:
        raise FormatError(
            f"public key: low order, expected a key of full order, got {public_key.hex()}",
            code="sig.weak-key",
        )


def verify_ed25519(public_key: bytes, *, message: bytes, signature: bytes) -> None:
    """Verify an Ed25519 signature strictly (RFC 8032, section 5.1.7; KEY-2).

    Raises:
        VerificationError: The signature is not this key's over this message (`sig.invalid`).
    """
    # libsodium reads 32 and 64 bytes whatever it is handed, so lengths come first.
    if len(public_key) != PUBLIC_KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        raise VerificationError(
            f"signature: length, expected {PUBLIC_KEY_SIZE} bytes of key and {SIGNATURE_SIZE} of"
            f" signature, got {len(public_key)} and {len(signature)}",
            code="sig.invalid",
        )
    try:
        crypto_sign_open(signature + message, public_key)
    except BadSignatureError as error:
        raise VerificationError(
            f"signature: does not verify under key {public_key.hex()}", code="sig.invalid"
        ) from error


class Signer(Protocol):
    """Whatever can sign with one private key: a file, a device, a test."""

    @property
    def public_key(self) -> bytes:
        """The 32-byte Ed25519 public key."""

    @property
    def key_id(self) -> bytes:
        """The full key id of the public key."""

    def sign(self, message: bytes) -> bytes:
        """Sign a message; 64 bytes."""


class Ed25519Signer:
    """A Signer that holds its private key in memory."""

    __slots__ = ("_key_id", "_private_key", "_public_key")

    def __init__(self, seed: bytes) -> None:
        """Derive the key pair from its seed (RFC 8032, section 5.1.5).

        Raises:
            FormatError: The seed is not 32 bytes (`sig.key`).
        """
        if len(seed) != SEED_SIZE:
            raise FormatError(
                f"private key: length, expected {SEED_SIZE} bytes, got {len(seed)}", code="sig.key"
            )
        self._public_key, self._private_key = crypto_sign_seed_keypair(seed)
        self._key_id = key_id(self._public_key)

    def __repr__(self) -> str:
        return f"Ed25519Signer(public_key={self._public_key.hex()})"

    @property
    def public_key(self) -> bytes:
        """The 32-byte Ed25519 public key."""
        return self._public_key

    @property
    def key_id(self) -> bytes:
        """The full key id of the public key."""
        return self._key_id

    def sign(self, message: bytes) -> bytes:
        """Sign a message; 64 bytes, the same for the same message (RFC 8032, section 5.1.6)."""
        return crypto_sign(message, self._private_key)[:SIGNATURE_SIZE]


class VerifierKey(Struct, frozen=True):
    """A named public key of signed notes (c2sp signed-note, section Verifier keys)."""

    name: str
    note_key_id: bytes
    key_type: int
    public_key: bytes


def make_vkey(name: str, public_key: bytes, *, key_type: int = ED25519) -> VerifierKey:
    """Name a public key for use in signed notes (KEY-4).

    Raises:
        FormatError: Name or key type is not allowed (`sig.key`), or the key is weak
            (`sig.weak-key`).
    """
    check_key_name(name, where="verifier key", code="sig.key")
    if key_type not in (ED25519, COSIGNATURE):
        raise FormatError(
            f"verifier key: type, expected 1 (Ed25519) or 4 (cosignature), got {key_type}",
            code="sig.key",
        )
    check_public_key(public_key)
    hashed = name.encode() + b"\n" + bytes((key_type,)) + public_key
    note_key_id = hashlib.sha256(hashed).digest()[:NOTE_KEY_ID_SIZE]
    return VerifierKey(name, note_key_id, key_type, public_key)


def format_vkey(key: VerifierKey) -> str:
    """Write a verifier key as one line of text (c2sp signed-note; KEY-4)."""
    material = base64.b64encode(bytes((key.key_type,)) + key.public_key).decode("ascii")
    return f"{key.name}+{key.note_key_id.hex()}+{material}"


def parse_vkey(text: str) -> VerifierKey:
    """Parse a verifier key, whose key id must be its own (c2sp signed-note; KEY-4).

    Raises:
        FormatError: Not a verifier key of type 1 or 4, or another key id than the name and key
            have (`sig.key`), or the key is weak (`sig.weak-key`).
    """
    parts = text.split("+", 2)  # base64 may contain "+"
    if len(parts) != 3:
        raise FormatError(
            f"verifier key: form, expected name+id+key, got {text[:80]!r}", code="sig.key"
        )
    name, _, encoded = parts
    material = parse_base64(encoded, where="verifier key", code="sig.key")
    if not material:
        raise FormatError("verifier key: type byte, expected one, got none", code="sig.key")
    key = make_vkey(name, material[1:], key_type=material[0])
    if format_vkey(key) != text:
        raise FormatError(
            f"verifier key: key id, expected {key.note_key_id.hex()}, got {parts[1][:16]!r}",
            code="sig.key",
        )
    return key


def check_key_name(name: str, *, where: str, code: str) -> None:
    """Refuse names that a signature line cannot carry (c2sp signed-note; NOTE-4).

    Raises:
        FormatError: The name is empty or has white space, a plus sign or a control character, or
            is not Unicode text (the caller's code).
    """
    if not name or _NOT_IN_NAME.search(name):
        raise FormatError(
            f"{where}: key name, expected no white space and no plus sign, got {name[:80]!r}",
            code=code,
        )


def parse_base64(text: str, *, where: str, code: str) -> bytes:
    """Decode base64 that has exactly one spelling (RFC 4648, section 4; NOTE-6).

    Raises:
        FormatError: Anything but padded base64 that encodes to the same characters again (the
            caller's code).
    """
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise FormatError(f"{where}: expected base64, got {text[:80]!r}", code=code) from error
    if binascii.b2a_base64(data, newline=False).decode("ascii") != text:
        raise FormatError(f"{where}: expected canonical base64, got {text[:80]!r}", code=code)
    return data
