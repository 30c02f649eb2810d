"""The tree of one log: bundle roots in memory, leaf hashes of old bundles on demand."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from sopro_protocol.bundle import Item, leaf_of
from sopro_protocol.merkle import CompactRange, Hash, root_at, root_of
from sopro_protocol.tile import WIDTH

_BUNDLE_LEVEL = 8


class Edge(NamedTuple):
    """The growing end of a log; replaced as a whole, so that readers never see half of it.

    Attributes:
        full: number of full bundles.
        entries: those after the last full bundle, or what is left of withheld ones.
        leaves: their leaf hashes.
        range: the right edge of the tree, for its root.
    """

    full: int
    entries: list[Item]
    leaves: list[bytes]
    range: CompactRange


class LogTree:
    """Subtree hashes of one log; grows at its end, never changes behind it.

    Attributes:
        roots: hash of every full bundle's subtree; only appended to.
        edge: what comes after.
    """

    def __init__(
        self,
        roots: list[bytes],
        entries: list[Item],
        *,
        load_leaves: Callable[[int], list[bytes]],
    ) -> None:
        self.roots = roots
        right = CompactRange()
        for root in roots:
            right.append_subtree(root, level=_BUNDLE_LEVEL)
        leaves: list[bytes] = [leaf_of(item) for item in entries]
        right.extend(leaves)
        self.edge = Edge(len(roots), entries, leaves, right)
        self._leaves = lru_cache(maxsize=64)(load_leaves)
        self._upper = lru_cache(maxsize=4096)(self._hash_upper)
        self._roots_at = lru_cache(maxsize=256)(self._compute_root)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self.edge.range.size

    def root(self) -> Hash:
        """Return the root of all leaves."""
        return self.edge.range.root()

    def root_at(self, size: int) -> Hash:
        """Return the root of the first `size` leaves."""
        edge = self.edge
        return edge.range.root() if size == edge.range.size else self._roots_at(size)

    def grow(self, roots: Iterable[bytes], edge: Edge) -> None:
        """Take in what a commit added."""
        self.roots.extend(roots)
        self.edge = edge

    def leaves(self, bundle: int) -> list[bytes]:
        """Return the leaf hashes of a bundle, of the last one as far as it goes."""
        edge = self.edge
        return edge.leaves if bundle == edge.full else self._leaves(bundle)

    def find(self, leaf: bytes) -> int | None:
        """Return where an entry lies, the latest bundle first; None where it is not in the log."""
        for bundle in range(self.edge.full, -1, -1):
            leaves = self.leaves(bundle)
            if leaf in leaves:
                return bundle * WIDTH + leaves.index(leaf)
        return None

    def read(self, level: int, index: int) -> bytes:
        """Return the hash of a complete aligned subtree (`merkle.SubtreeReader`)."""
        if level >= _BUNDLE_LEVEL:
            return self._upper(level, index)
        first = index << level
        leaves = self.leaves(first // WIDTH)
        start = first % WIDTH
        return root_of(leaves[start : start + (1 << level)])

    def hashes(self, level: int, tile: int, width: int) -> list[bytes]:
        """Return the hashes of a tile."""
        if level == 0:
            return self.leaves(tile)[:width]
        start = tile * WIDTH
        return [self.read(level * 8, start + number) for number in range(width)]

    def _hash_upper(self, level: int, index: int) -> bytes:
        if level == _BUNDLE_LEVEL:
            return self.roots[index]
        span = 1 << (level - _BUNDLE_LEVEL)
        return root_of(self.roots[index * span : (index + 1) * span])

    def _compute_root(self, size: int) -> Hash:
        return root_at(self.read, size)
