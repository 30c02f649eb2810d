"""The Merkle tree of a log: hashes, roots, growing it, proofs and their checks (RFC 6962, 2.1).

    MTH({})     = SHA-256("")
    leaf hash   = SHA-256(0x00 || entry)
    node hash   = SHA-256(0x01 || left || right)
    MTH(D[0:n]) = node hash of MTH(D[0:k]) and MTH(D[k:n]), k the largest power of two below n

Every tree is a row of complete aligned subtrees, one per 1-bit of its size: size 6 is a subtree of
four leaves and one of two. Proofs are read from such subtrees, wherever they are kept.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NewType

from .errors import FormatError, VerificationError

Hash = NewType("Hash", bytes)

HASH_SIZE: Final = 32
MAX_SIZE: Final = 2**48
MAX_PROOF: Final = 63
EMPTY_ROOT: Final = Hash(hashlib.sha256(b"").digest())

SubtreeReader = Callable[[int, int], bytes]
"""Hash of the complete aligned subtree (level, index): MTH(D[index*2^level:(index+1)*2^level])."""

_sha256 = hashlib.sha256


def leaf_hash(entry: bytes) -> Hash:
    """Hash an entry into a leaf (RFC 6962, section 2.1; TREE-1)."""
    return Hash(_sha256(b"\x00" + entry).digest())


def node_hash(left: bytes, right: bytes) -> Hash:
    """Hash two subtrees into their parent (RFC 6962, section 2.1; TREE-1)."""
    return Hash(_sha256(b"\x01" + left + right).digest())


def root_of(leaves: Sequence[bytes]) -> Hash:
    """Compute the root over leaf hashes, or over equal complete subtrees (RFC 6962, 2.1)."""
    if not leaves:
        return EMPTY_ROOT
    row = list(leaves)
    while len(row) > 1:
        parents = _hash_pairs(row)
        if len(row) % 2:
            parents.append(row[-1])
        row = parents
    return Hash(row[0])


def _hash_pairs(row: Sequence[bytes]) -> list[bytes]:
    # Inlined node_hash: this is where building and checking tiles spends its time.
    pairs = zip(row[::2], row[1::2], strict=False)
    return [_sha256(b"\x01" + left + right).digest() for left, right in pairs]


class CompactRange:
    """A growing tree, remembered as one hash per 1-bit of its size (TREE-5)."""

    __slots__ = ("_hashes", "_size")

    def __init__(self, *, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Start from nothing, or from the size and hashes of an earlier range.

        Raises:
            FormatError: The size is out of range, or the hashes are not one of 32 bytes for each
                1-bit of the size (`proof.format`).
        """
        _check_growth(size)
        if len(hashes) != size.bit_count() or any(len(part) != HASH_SIZE for part in hashes):
            raise FormatError(
                f"compact range: hashes, expected {size.bit_count()} of 32 bytes for size {size},"
                f" got {[len(part) for part in hashes]}",
                code="proof.format",
            )
        self._size = size
        self._hashes = list(hashes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CompactRange):
            return NotImplemented
        return self._size == other._size and self._hashes == other._hashes

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __repr__(self) -> str:
        return f"CompactRange(size={self._size}, root={self.root().hex()})"

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    @property
    def hashes(self) -> tuple[Hash, ...]:
        """The complete subtrees' hashes, the largest subtree first."""
        return tuple(Hash(part) for part in self._hashes)

    def copy(self) -> "CompactRange":
        """Take a snapshot that later growth does not touch."""
        return CompactRange(size=self._size, hashes=self._hashes)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash.

        Raises:
            FormatError: The leaf hash is not 32 bytes, or the tree is full (`proof.format`).
        """
        self.append_subtree(leaf, level=0)

    def append_subtree(self, root: bytes, *, level: int) -> None:
        """Add a complete subtree of 2^level leaves where one may begin.

        Raises:
            FormatError: The hash is not 32 bytes, the size is no multiple of 2^level, or the tree
                would grow beyond 2^48 leaves (`proof.format`).
        """
        _check_hashes((root,))
        if level < 0 or self._size & ((1 << level) - 1):
            raise FormatError(
                f"compact range: alignment, expected a multiple of 2^{level}, got {self._size}",
                code="proof.format",
            )
        _check_growth(self._size + (1 << level))
        carry, bits = root, self._size >> level
        while bits & 1:
            carry = node_hash(self._hashes.pop(), carry)
            bits >>= 1
        self._hashes.append(carry)
        self._size += 1 << level

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in order; many at once cost less than one by one.

        Raises:
            FormatError: A leaf hash is not 32 bytes, or the tree would grow beyond 2^48 leaves
                (`proof.format`); nothing is added then.
        """
        row = list(leaves)
        _check_hashes(row)
        size, bits = self._size + len(row), self._size
        _check_growth(size)
        smallest_first: list[bytes] = []
        while row:
            if bits & 1:
                row.insert(0, self._hashes.pop())
            if len(row) % 2:
                smallest_first.append(row.pop())
            row = _hash_pairs(row)
            bits >>= 1
        self._hashes += reversed(smallest_first)
        self._size = size

    def root(self) -> Hash:
        """Compute the root of the tree at its present size."""
        return _fold(self._hashes)


def _fold(largest_first: Sequence[bytes]) -> Hash:
    if not largest_first:
        return EMPTY_ROOT
    root = largest_first[-1]
    for left in reversed(largest_first[:-1]):
        root = node_hash(left, root)
    return Hash(root)


def _check_growth(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise FormatError(
            f"compact range: size, expected at most 2^48, got {size}", code="proof.format"
        )


def _check_hashes(hashes: Sequence[bytes]) -> None:
    for part in hashes:
        if len(part) != HASH_SIZE:
            raise FormatError(
                f"compact range: hash, expected 32 bytes, got {len(part)}", code="proof.format"
            )


def check_inclusion(
    leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf hash stands at an index of a tree (RFC 6962, 2.1.1; TREE-2, TREE-4).

    Raises:
        VerificationError: Limits, lengths or hashes say otherwise (`proof.invalid`).
    """
    _follow_path(leaf, index=index, size=size, proof=proof, root=root)


class InclusionProofs:
    """Inclusion proofs under one root, checked one after the other (TREE-2).

    Where two paths meet, what leads on to the root is the same. So a path is followed only to
    where it meets the one before, and the rest of it compared, hash for hash; the verdict is
    always that of `check_inclusion`.
    """

    __slots__ = ("_index", "_nodes", "_path", "_root", "_size")

    def __init__(self, *, size: int, root: bytes) -> None:
        """Start with no path followed."""
        self._size = size
        self._root = root
        self._index = 0
        self._path: tuple[bytes, ...] = ()
        self._nodes: list[bytes] = []

    def check(self, leaf: bytes, *, index: int, proof: Sequence[bytes]) -> None:
        """Check that a leaf hash stands at an index.

        Raises:
            VerificationError: As `check_inclusion`.
        """
        path = tuple(proof)
        nodes = self._join(leaf, index, path) or _follow_path(
            leaf, index=index, size=self._size, proof=path, root=self._root
        )
        # Along the right edge there is nothing to meet; the path before may still be met.
        if nodes:
            self._index, self._path, self._nodes = index, path, nodes

    def _join(self, leaf: bytes, index: int, path: tuple[bytes, ...]) -> list[bytes] | None:
        """Return the nodes of a path that leads to the one before, and goes on as that did."""
        level = (index ^ self._index).bit_length()
        goes_on = level < len(self._nodes) and path[level:] == self._path[level:]
        if index < 0 or not goes_on or not _are_hashes((leaf, *path[:level])):
            return None
        nodes = _climb(leaf, index, path[:level])
        return nodes + self._nodes[level + 1 :] if nodes[level] == self._nodes[level] else None


def _follow_path(
    leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> list[bytes]:
    """Check a path to the root; return its nodes below the right edge, by level."""
    where = f"inclusion of leaf {index} in size {size}"
    _check_limits(where, size=size, hashes=(leaf, root), proof=proof)
    if not 0 <= index < size:
        raise _invalid(where, "index, expected one below the size")
    # So many siblings are on either side; those above, along the right edge, are all left ones.
    inner = (index ^ (size - 1)).bit_length()
    length = inner + (index >> inner).bit_count()
    if len(proof) != length:
        raise _invalid(where, f"proof, expected {length} hashes, got {len(proof)}")
    nodes = _climb(leaf, index, proof[:inner])
    computed = nodes.pop()
    for left in proof[inner:]:
        computed = node_hash(left, computed)
    _check_root(where, expected=root, computed=computed)
    return nodes


def _climb(leaf: bytes, index: int, siblings: Sequence[bytes]) -> list[bytes]:
    """Return the nodes from a leaf upwards, where each has its sibling."""
    node, nodes = leaf, [leaf]
    # Inlined node_hash: this is where verifying a certificate spends its time.
    for sibling in siblings:
        pair = sibling + node if index & 1 else node + sibling
        node = _sha256(b"\x01" + pair).digest()
        nodes.append(node)
        index >>= 1
    return nodes


def check_consistency(
    *, old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that one tree is the beginning of another (RFC 6962, 2.1.2; TREE-3, TREE-4).

    Raises:
        VerificationError: Limits, lengths or hashes say otherwise (`proof.invalid`).
    """
    where = f"consistency of size {old_size} with {new_size}"
    _check_limits(where, size=new_size, hashes=(old_root, new_root), proof=proof)
    if not 0 <= old_size <= new_size:
        raise _invalid(where, "sizes, expected the old one not to be larger")
    if old_size in (0, new_size):
        if proof:
            raise _invalid(where, f"proof, expected none, got {len(proof)} hashes")
        _check_root(where, expected=old_root, computed=new_root if old_size else EMPTY_ROOT)
        if not new_size:
            _check_root(where, expected=new_root, computed=EMPTY_ROOT)
        return
    if not proof:
        raise _invalid(where, "proof, expected hashes, got none")
    _check_growth_path(
        where,
        node=old_size - 1,
        last=new_size - 1,
        old_root=old_root,
        new_root=new_root,
        proof=proof,
    )


def _check_growth_path(
    where: str, *, node: int, last: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    while node & 1:
        node >>= 1
        last >>= 1
    # An old tree that is one complete subtree is where the path starts: no need to send its root.
    start, *path = proof if node else (old_root, *proof)
    old = new = start
    for part in path:
        if last == 0:
            raise _invalid(where, f"proof, too long with {len(proof)} hashes")
        if node & 1 or node == last:
            old, new = node_hash(part, old), node_hash(part, new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            new = node_hash(new, part)
        node >>= 1
        last >>= 1
    if last:
        raise _invalid(where, f"proof, too short with {len(proof)} hashes")
    _check_root(where, expected=old_root, computed=old)
    _check_root(where, expected=new_root, computed=new)


def _check_limits(
    where: str, *, size: int, hashes: Sequence[bytes], proof: Sequence[bytes]
) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise _invalid(where, "size, expected at most 2^48")
    if len(proof) > MAX_PROOF:
        raise _invalid(where, f"proof, expected at most {MAX_PROOF} hashes, got {len(proof)}")
    if not _are_hashes((*hashes, *proof)):
        lengths = {len(part) for part in (*hashes, *proof)}
        raise _invalid(where, f"hashes, expected {HASH_SIZE} bytes, got {sorted(lengths)}")


def _are_hashes(parts: Sequence[bytes]) -> bool:
    return {*map(len, parts)} <= {HASH_SIZE}


def _check_root(where: str, *, expected: bytes, computed: bytes) -> None:
    if computed != expected:
        raise _invalid(where, f"root, expected {expected.hex()}, got {computed.hex()}")


def _invalid(where: str, what: str) -> VerificationError:
    return VerificationError(f"{where}: {what}", code="proof.invalid")


def subtree_reader(leaves: Sequence[bytes]) -> SubtreeReader:
    """Read complete subtrees of a tree whose leaf hashes are in memory."""
    rows: list[list[bytes]] = [list(leaves)]
    while len(rows[-1]) > 1:
        rows.append(_hash_pairs(rows[-1]))
    return lambda level, index: rows[level][index]


def root_at(reader: SubtreeReader, size: int) -> Hash:
    """Compute the root of the first `size` leaves (RFC 6962, section 2.1).

    Raises:
        FormatError: The size is out of range (`proof.format`).
    """
    _check_growth(size)
    return _hash_range(reader, start=0, end=size)


def prove_inclusion(reader: SubtreeReader, *, index: int, size: int) -> list[Hash]:
    """Collect the sibling hashes of a leaf, upwards (RFC 6962, section 2.1.1; TREE-2).

    Raises:
        FormatError: The size is out of range, or the index is not below it (`proof.format`).
    """
    _check_growth(size)
    if not 0 <= index < size:
        raise FormatError(
            f"inclusion proof: index, expected one below {size}, got {index}", code="proof.format"
        )
    return _siblings(reader, index=index, level=0, size=size)


def prove_consistency(reader: SubtreeReader, *, old_size: int, new_size: int) -> list[Hash]:
    """Collect the hashes that join an older tree to a newer (RFC 6962, section 2.1.2; TREE-3).

    Raises:
        FormatError: The sizes are out of range, or the old one is larger (`proof.format`).
    """
    _check_growth(new_size)
    if not 0 <= old_size <= new_size:
        raise FormatError(
            f"consistency proof: old size, expected at most {new_size}, got {old_size}",
            code="proof.format",
        )
    if old_size in (0, new_size):
        return []
    # The last complete subtree of the old tree; the path goes up from there.
    level = (old_size & -old_size).bit_length() - 1
    index = (old_size >> level) - 1
    start = [Hash(reader(level, index))] if index else []
    return start + _siblings(reader, index=old_size - 1, level=level, size=new_size)


def _siblings(reader: SubtreeReader, *, index: int, level: int, size: int) -> list[Hash]:
    hashes = []
    for height in range(level, (size - 1).bit_length()):
        start = ((index >> height) ^ 1) << height
        if start < size:
            end = min(start + (1 << height), size)
            hashes.append(_hash_range(reader, start=start, end=end))
    return hashes


def _hash_range(reader: SubtreeReader, *, start: int, end: int) -> Hash:
    largest_first = []
    while start < end:
        level = (end - start).bit_length() - 1
        largest_first.append(reader(level, start >> level))
        start += 1 << level
    return _fold(largest_first)
