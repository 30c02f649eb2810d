r"""The status tree: how every certificate of a site stands, under one root (SPEC section STATUS).

    leaf hash = SHA-256(0x00 || "sopro-status/1\n" || leaf)
    node hash = SHA-256(0x01 || left || right)

Leaves are dense: a grant takes the next index and keeps it, later decisions replace its leaf. The
tree is that of RFC 6962 over those leaf hashes, with the same proofs. The context in front of a
leaf begins with a byte that no entry of a log begins with, so neither can pass for the other.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from .errors import FormatError
from .merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    Hash,
    check_inclusion,
    leaf_hash,
    prove_inclusion,
    root_at,
)

STATUS_CONTEXT: Final = b"sopro-status/1\n"

_PER_CHUNK: Final = 64
_sha256 = hashlib.sha256


def status_leaf_hash(leaf: bytes) -> Hash:
    """Hash a leaf of the status tree (STATUS-1)."""
    return leaf_hash(STATUS_CONTEXT + leaf)


def check_status(
    leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf stands at an index of a status tree (STATUS-2).

    Raises:
        VerificationError: Limits, lengths or hashes say otherwise (`proof.invalid`).
    """
    check_inclusion(status_leaf_hash(leaf), index=index, size=size, proof=proof, root=root)


class StatusTree:
    """A dense tree whose leaves can be replaced; a change costs one hash per level (STATUS-3).

    It keeps the hash of every complete aligned subtree, in chunks that copies share until one of
    them writes there. So a copy is cheap, and what was copied from stays as it was.
    """

    __slots__ = ("_changed", "_own", "_rows", "_size")

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Start from leaf hashes in the order of their indexes."""
        self._rows: list[list[bytearray]] = [[]]
        self._own: set[tuple[int, int]] = set()
        self._changed: set[int] = set()
        self._size = 0
        for leaf in leaves:
            self.put(self._size, leaf)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    def copy(self) -> "StatusTree":
        """Take a snapshot; what is put into one is not seen in the other."""
        self.settle()
        other = StatusTree()
        other._rows = [list(row) for row in self._rows]
        other._size = self._size
        self._own = set()
        return other

    def put(self, index: int, leaf: bytes) -> None:
        """Replace a leaf hash, or append one at the size.

        Raises:
            FormatError: The index is beyond the size, or the hash is not 32 bytes
                (`proof.format`).
        """
        if not 0 <= index <= self._size or len(leaf) != HASH_SIZE:
            raise FormatError(
                f"status tree: expected a hash of {HASH_SIZE} bytes at an index up to "
                f"{self._size}, got {len(leaf)} bytes at {index}",
                code="proof.format",
            )
        self._write(0, index, leaf)
        self._size = max(self._size, index + 1)
        self._changed.add(index)

    def settle(self) -> None:
        """Hash what has changed; after this, reading changes nothing until the next `put`."""
        changed, level = self._changed, 0
        self._changed = set()
        while changed:
            level += 1
            whole = self._size >> level
            changed = {index >> 1 for index in changed if index >> 1 < whole}
            self._hash_row(level, changed)

    def _hash_row(self, level: int, changed: set[int]) -> None:
        """Hash subtrees of a level from their halves, which lie side by side in one chunk."""
        # Inlined node_hash: every log_state of every mirrored log comes through here.
        below = self._rows[level - 1]
        for index in sorted(changed):
            left = index * 2
            at = left % _PER_CHUNK * HASH_SIZE
            halves = below[left // _PER_CHUNK][at : at + 2 * HASH_SIZE]
            self._write(level, index, _sha256(b"\x01" + halves).digest())

    def root(self) -> Hash:
        """Compute the root (RFC 6962, section 2.1; STATUS-1)."""
        self.settle()
        return root_at(self._read, self._size) if self._size else EMPTY_ROOT

    def leaf(self, index: int) -> Hash:
        """Return the leaf hash at an index.

        Raises:
            FormatError: The index is not below the size (`proof.format`).
        """
        if not 0 <= index < self._size:
            raise FormatError(
                f"status tree: index, expected one below {self._size}, got {index}",
                code="proof.format",
            )
        return Hash(self._read(0, index))

    def prove(self, index: int) -> list[Hash]:
        """Collect the sibling hashes of a leaf, upwards (RFC 6962, section 2.1.1; STATUS-2).

        Raises:
            FormatError: The index is not below the size (`proof.format`).
        """
        self.settle()
        return prove_inclusion(self._read, index=index, size=self._size)

    def _read(self, level: int, index: int) -> bytes:
        at = index % _PER_CHUNK * HASH_SIZE
        return bytes(self._rows[level][index // _PER_CHUNK][at : at + HASH_SIZE])

    def _write(self, level: int, index: int, value: bytes) -> None:
        if level == len(self._rows):
            self._rows.append([])
        row, number = self._rows[level], index // _PER_CHUNK
        if (level, number) not in self._own:
            if number == len(row):
                row.append(bytearray())
            else:
                row[number] = row[number][:]
            self._own.add((level, number))
        at = index % _PER_CHUNK * HASH_SIZE
        row[number][at : at + HASH_SIZE] = value
