"""The status tree: whatever is put where, root and proofs are those of a tree built anew."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.merkle import EMPTY_ROOT, leaf_hash, root_of
from sopro_protocol.status import StatusTree, check_status, status_leaf_hash


def leaf(number: int) -> bytes:
    return b"leaf %d" % number


def tree_of(size: int) -> StatusTree:
    return StatusTree(status_leaf_hash(leaf(number)) for number in range(size))


# What happens: a leaf is put (by a share of the size, 1 appends), a copy is taken, a root is asked.
STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "put", "append", "copy", "root"]), st.floats(0, 1)),
    max_size=60,
)


@settings(max_examples=200)
@given(start=st.integers(0, 300), steps=STEPS)
def test_agrees_with_a_tree_built_anew(start: int, steps: list[tuple[str, float]]) -> None:
    tree, naive = tree_of(start), [status_leaf_hash(leaf(number)) for number in range(start)]
    kept: list[tuple[StatusTree, bytes]] = []
    for count, (what, where) in enumerate(steps):
        value = status_leaf_hash(b"step %d" % count)
        if what == "put" and naive:
            index = min(int(where * len(naive)), len(naive) - 1)
            tree.put(index, value)
            naive[index] = value
        elif what == "append":
            tree.put(len(naive), value)
            naive.append(value)
        elif what == "copy":
            kept.append((tree, root_of(naive)))
            tree = tree.copy()
        else:
            assert tree.root() == root_of(naive)
    assert (tree.size, tree.root()) == (len(naive), root_of(naive))
    assert [one.root() for one, _ in kept] == [root for _, root in kept]


@settings(max_examples=60)
@given(size=st.integers(1, 300), where=st.floats(0, 1), what=st.integers(0, 4))
def test_proves_every_leaf_and_no_other(size: int, where: float, what: int) -> None:
    tree, index = tree_of(size), min(int(where * size), size - 1)
    proof, root = tree.prove(index), tree.root()
    good = {"index": index, "size": size, "proof": proof, "root": root}
    check_status(leaf(index), **good)
    changes: list[dict[str, Any]] = [
        {"index": index ^ 1},
        {"size": index},
        {"proof": [*proof, root]},
        {"proof": proof[:-1] if proof else [root]},
        {"root": EMPTY_ROOT},
    ]
    with pytest.raises(VerificationError) as refusal:
        check_status(leaf(index), **good | changes[what])
    assert refusal.value.code == "proof.invalid"
    with pytest.raises(VerificationError):
        check_status(leaf(size), **good)


def test_an_update_costs_one_hash_for_each_level(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tree_of(4096)
    tree.root()
    hashed, value = [], status_leaf_hash(b"other")
    monkeypatch.setattr(
        "sopro_protocol.status._sha256", lambda data: hashed.append(data) or sha256(data)
    )
    tree.put(1234, value)
    tree.root()
    assert len(hashed) == 12


def test_is_empty_at_first() -> None:
    assert (StatusTree().size, StatusTree().root()) == (0, EMPTY_ROOT)


def test_gives_the_leaf_that_was_put() -> None:
    assert tree_of(70).leaf(69) == status_leaf_hash(leaf(69))


def test_no_leaf_can_pass_for_an_entry_of_a_log() -> None:
    # An entry is an array of two, so it begins with the byte 0x92.
    assert status_leaf_hash(b"x") == leaf_hash(b"sopro-status/1\nx") != leaf_hash(b"x")


@pytest.mark.parametrize(("index", "value"), [(3, bytes(32)), (-1, bytes(32)), (0, bytes(31))])
def test_refuses_a_gap_and_what_is_no_hash(index: int, value: bytes) -> None:
    tree = tree_of(2)
    with pytest.raises(FormatError, match="status tree: expected a hash of 32 bytes") as refusal:
        tree.put(index, value)
    assert (refusal.value.code, tree.root()) == ("proof.format", tree_of(2).root())


@pytest.mark.parametrize("index", [-1, 2])
def test_refuses_to_give_or_prove_what_is_not_there(index: int) -> None:
    for ask in (tree_of(2).leaf, tree_of(2).prove):
        with pytest.raises(FormatError) as refusal:
            ask(index)
        assert refusal.value.code == "proof.format"
