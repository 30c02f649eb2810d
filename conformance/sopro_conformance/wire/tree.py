"""The Merkle tree of RFC 6962, section 2.1, written from its recursive definition (TREE)."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry as a leaf (TREE-1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees (TREE-1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The tree over leaf hashes, at any size that it has had."""

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self.leaves = list(leaves)
        self._complete = lru_cache(maxsize=None)(self._hash_complete)

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        self.leaves.append(leaf)

    def root(self, size: int | None = None) -> bytes:
        """Return MTH(D[size])."""
        size = len(self.leaves) if size is None else size
        return self._range(0, size) if size else hashlib.sha256().digest()

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return PATH(index, D[size])."""
        return self._path(index, 0, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return PROOF(old, D[new])."""
        return self._proof(old, 0, new, is_known=True) if 0 < old < new else []

    def _range(self, start: int, end: int) -> bytes:
        length = end - start
        if length & (length - 1) == 0 and start % length == 0:
            return self._complete(start, end)
        split = start + _split(length)
        return node_hash(self._range(start, split), self._range(split, end))

    def _hash_complete(self, start: int, end: int) -> bytes:
        if end - start == 1:
            return self.leaves[start]
        middle = (start + end) // 2
        return node_hash(self._complete(start, middle), self._complete(middle, end))

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        split = start + _split(end - start)
        if index < split:
            return [*self._path(index, start, split), self._range(split, end)]
        return [*self._path(index, split, end), self._range(start, split)]

    def _proof(self, old: int, start: int, end: int, *, is_known: bool) -> list[bytes]:
        if old == end:
            return [] if is_known else [self._range(start, end)]
        split = start + _split(end - start)
        if old <= split:
            return [*self._proof(old, start, split, is_known=is_known), self._range(split, end)]
        return [*self._proof(old, split, end, is_known=False), self._range(start, split)]

    def tile(self, level: int, number: int, width: int) -> bytes:
        """Return a tile's bytes (TILE-4)."""
        span = 256**level
        first = number * 256
        return b"".join(
            self._range(index * span, (index + 1) * span) for index in range(first, first + width)
        )


def _split(length: int) -> int:
    """Return the largest power of two below a length."""
    return 1 << (length - 1).bit_length() - 1


def is_consistent(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Check a consistency proof by its recursive definition (TREE-3)."""
    empty = hashlib.sha256().digest()
    if old in (new, 0):
        return not proof and (old_root == new_root if old else old_root == empty)
    if not 0 < old < new:
        return False
    rest = list(proof)

    def climb(old: int, size: int, *, is_known: bool) -> tuple[bytes, bytes]:
        if old == size:
            node = old_root if is_known else (rest.pop() if rest else b"")
            return node, node
        split = _split(size)
        sibling = rest.pop() if rest else b""
        if old <= split:
            before, after = climb(old, split, is_known=is_known)
            return before, node_hash(after, sibling)
        before, after = climb(old - split, size - split, is_known=False)
        return node_hash(sibling, before), node_hash(sibling, after)

    return climb(old, new, is_known=True) == (old_root, new_root) and not rest
