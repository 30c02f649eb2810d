"""Arithmetic on the curve of Ed25519 (RFC 8032, section 5.1), slow and plain.

Only for writing signatures that a strict verifier refuses and another one takes: points of small
order, points with a part of small order, encodings that are not canonical.
"""

import hashlib
from typing import Final, TypeAlias

PRIME: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, PRIME) % PRIME
_ROOT_OF_MINUS_ONE: Final = pow(2, (PRIME - 1) // 4, PRIME)

Point: TypeAlias = tuple[int, int]
NEUTRAL: Final[Point] = (0, 1)


def add(one: Point, other: Point) -> Point:
    """Add two points (RFC 8032, section 5.1.4, in affine coordinates)."""
    (x1, y1), (x2, y2) = one, other
    product = _D * x1 * x2 * y1 * y2 % PRIME
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, PRIME)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, PRIME)
    return x % PRIME, y % PRIME


def multiply(scalar: int, point: Point) -> Point:
    """Add a point so many times."""
    result = NEUTRAL
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def _find_x(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * _ROOT_OF_MINUS_ONE % PRIME
    if (x * x - square) % PRIME:
        return None
    return PRIME - x if x & 1 != sign and x else x


def _base() -> Point:
    y = 4 * pow(5, -1, PRIME) % PRIME
    x = _find_x(y, 0)
    assert x is not None, "RFC 8032 says so"  # noqa: S101
    return x, y


BASE: Final = _base()


def write(point: Point) -> bytes:
    """Encode a point (RFC 8032, section 5.1.2)."""
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def is_canonical(encoded: bytes) -> bool:
    """Say whether y is below p."""
    return int.from_bytes(encoded, "little") & (2**255 - 1) < PRIME


def _small_points() -> list[Point]:
    """Return the eight points whose order divides 8: the multiples of one of order 8."""
    y = 2
    while True:
        x = _find_x(y, 0)
        if x is not None:
            point = multiply(ORDER, (x, y))
            if multiply(4, point) != NEUTRAL:
                return [multiply(number, point) for number in range(8)]
        y += 1


SMALL_POINTS: Final = _small_points()


def _spell_small() -> frozenset[bytes]:
    """Return all 14 encodings of points of small order that a lax decoder takes."""
    found = set()
    for _, y in SMALL_POINTS:
        for spelled in (y, y + PRIME):
            if spelled < 2**255:
                found |= {(spelled | sign << 255).to_bytes(32, "little") for sign in (0, 1)}
    return frozenset(found)


LOW_ORDER: Final = _spell_small()


class Forger:
    """A key pair of which every part can be chosen."""

    def __init__(self, secret: int, torsion: Point = NEUTRAL, spelled: bytes | None = None) -> None:
        """Make a key: secret times the base point, plus a point of small order."""
        self.secret = secret % ORDER
        self.public = spelled or write(add(multiply(self.secret, BASE), torsion))

    def sign(
        self, message: bytes, *, nonce: int, torsion: Point = NEUTRAL, spelled: bytes | None = None
    ) -> bytes:
        """Sign with a nonce point of which a part may have small order, spelled as wanted."""
        first = spelled or write(add(multiply(nonce % ORDER, BASE), torsion))
        digest = hashlib.sha512(first + self.public + message).digest()
        challenge = int.from_bytes(digest, "little")
        second = (nonce + challenge * self.secret) % ORDER
        return first + second.to_bytes(32, "little")
