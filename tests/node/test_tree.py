"""The tree of a log agrees with the definition at every size."""

import pytest

from sopro_node.tree import Edge, LogTree
from sopro_protocol.merkle import (
    CompactRange,
    check_inclusion,
    leaf_hash,
    prove_inclusion,
    root_of,
)

ENTRIES = [str(number).encode() for number in range(1_300)]
LEAVES: list[bytes] = [leaf_hash(data) for data in ENTRIES]


def tree_of(size: int) -> LogTree:
    full = size // 256
    return LogTree(
        [root_of(LEAVES[at * 256 : (at + 1) * 256]) for at in range(full)],
        ENTRIES[full * 256 : size],
        load_leaves=lambda number: LEAVES[number * 256 : (number + 1) * 256],
    )


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 513, 1_024, 1_300])
def test_has_the_root_of_its_leaves(size: int) -> None:
    tree = tree_of(size)
    assert tree.size == size
    assert tree.root() == root_of(LEAVES[:size])


def test_knows_the_root_of_every_earlier_size() -> None:
    tree = tree_of(1_300)
    for size in (0, 1, 2, 255, 256, 257, 300, 512, 1_000, 1_299, 1_300):
        assert tree.root_at(size) == root_of(LEAVES[:size])


def test_proves_every_kind_of_place() -> None:
    tree = tree_of(1_300)
    for index in (0, 255, 256, 700, 1_279, 1_280, 1_299):
        proof = prove_inclusion(tree.read, index=index, size=1_300)
        check_inclusion(LEAVES[index], index=index, size=1_300, proof=proof, root=tree.root())


def test_serves_hashes_of_tiles() -> None:
    tree = tree_of(1_300)
    assert tree.hashes(0, 2, 256) == LEAVES[512:768]
    assert tree.hashes(0, 5, 20) == LEAVES[1_280:1_300]
    assert tree.hashes(1, 0, 5) == [root_of(LEAVES[at * 256 : (at + 1) * 256]) for at in range(5)]


def test_keeps_answering_for_old_sizes_while_it_grows() -> None:
    tree = tree_of(300)
    before = tree.root_at(300)
    right = CompactRange()
    right.extend(LEAVES[:600])
    roots = [root_of(LEAVES[256:512])]
    tree.grow(roots, Edge(2, ENTRIES[512:600], LEAVES[512:600], right))
    assert tree.root() == root_of(LEAVES[:600])
    assert tree.root_at(300) == before
