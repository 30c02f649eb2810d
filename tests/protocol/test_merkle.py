"""The Merkle tree: every way to compute a root agrees, every changed proof is refused."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopro_protocol import merkle
from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    CompactRange,
    Hash,
    InclusionProofs,
    check_consistency,
    check_inclusion,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
    root_at,
    root_of,
    subtree_reader,
)

LEAVES = [leaf_hash(b"%d" % index) for index in range(600)]
READER = subtree_reader(LEAVES)
SIZES = st.integers(0, 600)


def specified_root(leaves: list[Hash]) -> Hash:
    """Compute MTH word for word as RFC 6962, section 2.1, defines it."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(specified_root(leaves[:split]), specified_root(leaves[split:]))


@given(SIZES)
def test_every_way_to_a_root_agrees(size: int) -> None:
    expected = specified_root(LEAVES[:size])
    grown = CompactRange()
    grown.extend(LEAVES[:size])
    assert root_of(LEAVES[:size]) == root_at(READER, size) == grown.root() == expected


@given(st.lists(st.integers(0, 70), max_size=8))
def test_a_range_does_not_care_how_leaves_arrive(batches: list[int]) -> None:
    at_once, one_by_one = CompactRange(), CompactRange()
    for batch in batches:
        leaves = LEAVES[at_once.size : at_once.size + batch]
        at_once.extend(iter(leaves))
        for leaf in leaves:
            one_by_one.append(leaf)
    assert at_once == one_by_one
    assert at_once.root() == root_of(LEAVES[: sum(batches)])


@given(SIZES)
def test_a_range_is_its_complete_subtrees(size: int) -> None:
    built, start = CompactRange(), 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            built.append_subtree(READER(level, start >> level), level=level)
            start += 1 << level
    assert built.root() == root_of(LEAVES[:size])
    assert CompactRange(size=built.size, hashes=built.hashes) == built
    assert len(built.hashes) == size.bit_count()


def test_subtrees_merge_as_leaves_do() -> None:
    built = CompactRange()
    for index in range(4):
        built.append_subtree(READER(2, index), level=2)
    assert (built.size, built.root()) == (16, root_of(LEAVES[:16]))


def test_a_copy_does_not_grow_with_its_range() -> None:
    grown = CompactRange()
    grown.extend(LEAVES[:5])
    snapshot = grown.copy()
    grown.append(LEAVES[5])
    assert (snapshot.size, snapshot.root()) == (5, root_of(LEAVES[:5]))
    assert snapshot != grown
    assert snapshot != "range"
    assert repr(snapshot) == f"CompactRange(size=5, root={root_of(LEAVES[:5]).hex()})"


def test_adding_nothing_changes_nothing() -> None:
    grown = CompactRange()
    grown.extend([])
    assert (grown.size, grown.root(), grown.hashes) == (0, EMPTY_ROOT, ())


def two_leaves() -> CompactRange:
    grown = CompactRange()
    grown.extend(LEAVES[:2])
    return grown


def full_tree() -> CompactRange:
    return CompactRange(size=MAX_SIZE, hashes=[EMPTY_ROOT])


def no_reader(level: int, index: int) -> bytes:
    raise AssertionError((level, index))


REFUSALS = [
    (lambda: two_leaves().append(b"short"), "compact range: hash, expected 32 bytes, got 5"),
    (lambda: two_leaves().extend([bytes(33)]), "compact range: hash, expected 32 bytes, got 33"),
    (
        lambda: two_leaves().append_subtree(bytes(32), level=2),
        "compact range: alignment, expected a multiple of 2^2, got 2",
    ),
    (lambda: two_leaves().append_subtree(bytes(32), level=-1), "compact range: alignment"),
    (lambda: full_tree().append(bytes(32)), "compact range: size, expected at most 2^48"),
    (lambda: full_tree().extend([bytes(32)]), "compact range: size, expected at most 2^48"),
    (lambda: CompactRange(size=-1), "compact range: size, expected at most 2^48, got -1"),
    (lambda: CompactRange(size=3, hashes=[bytes(32)]), "compact range: hashes, expected 2 of 32"),
    (lambda: CompactRange(size=1, hashes=[b""]), "compact range: hashes, expected 1 of 32"),
    (lambda: root_at(no_reader, MAX_SIZE + 1), "compact range: size"),
    (lambda: prove_inclusion(no_reader, index=0, size=MAX_SIZE + 1), "compact range: size"),
    (lambda: prove_inclusion(no_reader, index=3, size=3), "inclusion proof: index, expected one"),
    (lambda: prove_inclusion(no_reader, index=-1, size=3), "inclusion proof: index, expected one"),
    (
        lambda: prove_consistency(no_reader, old_size=4, new_size=3),
        "consistency proof: old size, expected at most 3, got 4",
    ),
    (lambda: prove_consistency(no_reader, old_size=-1, new_size=3), "consistency proof: old size"),
    (
        lambda: prove_consistency(no_reader, old_size=1, new_size=MAX_SIZE + 1),
        "compact range: size",
    ),
]


@pytest.mark.parametrize(("act", "message"), REFUSALS)
def test_refuses_what_no_tree_can_have(act: Callable[[], object], message: str) -> None:
    with pytest.raises(FormatError) as refusal:
        act()
    assert str(refusal.value).startswith(message)
    assert refusal.value.code == "proof.format"


def test_a_refused_batch_adds_nothing() -> None:
    grown = two_leaves()
    with pytest.raises(FormatError):
        grown.extend([LEAVES[2], b"short"])
    assert grown == two_leaves()


def test_a_range_of_the_largest_size_has_a_root() -> None:
    assert full_tree().root() == EMPTY_ROOT


@given(st.data(), st.integers(1, 600))
def test_every_proved_leaf_is_included(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = prove_inclusion(READER, index=index, size=size)
    root = root_at(READER, size)
    check_inclusion(LEAVES[index], index=index, size=size, proof=proof, root=root)
    with pytest.raises(VerificationError):
        check_inclusion(LEAVES[index - 1], index=index, size=size + 1, proof=proof, root=bytes(32))


@given(st.data(), SIZES)
def test_every_earlier_tree_is_consistent(data: st.DataObject, new_size: int) -> None:
    old_size = data.draw(st.integers(0, new_size))
    proof = prove_consistency(READER, old_size=old_size, new_size=new_size)
    check_consistency(
        old_size=old_size,
        new_size=new_size,
        old_root=root_at(READER, old_size),
        new_root=root_at(READER, new_size),
        proof=proof,
    )


@given(st.data(), st.integers(2, 600))
def test_refuses_a_proof_with_any_bit_flipped(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof: list[bytes] = list(prove_inclusion(READER, index=index, size=size))
    place = data.draw(st.integers(0, len(proof) - 1))
    changed = bytearray(proof[place])
    changed[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
    proof[place] = bytes(changed)
    with pytest.raises(VerificationError, match=r"^inclusion of leaf"):
        check_inclusion(
            LEAVES[index], index=index, size=size, proof=proof, root=root_at(READER, size)
        )


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(-2, 12), st.integers(-2, 12))
def test_no_input_makes_a_check_fail_otherwise(proof: list[bytes], index: int, size: int) -> None:
    with pytest.raises(VerificationError):
        check_inclusion(bytes(32), index=index, size=size, proof=proof, root=bytes(31))
    with pytest.raises(VerificationError):
        check_consistency(
            old_size=index, new_size=size, old_root=bytes(32), new_root=bytes(31), proof=proof
        )


def spoil(data: st.DataObject, proof: list[bytes]) -> list[bytes]:
    """Change a proof, or leave it as it is."""
    place = data.draw(st.integers(0, len(proof)))
    changes = {
        "nothing": proof,
        "a hash more": [*proof[:place], bytes(32), *proof[place:]],
        "a hash less": proof[:place] + proof[place + 1 :],
        "another hash": [*proof[:place], bytes(32), *proof[place + 1 :]],
        "a byte less": [*proof[:place], *(part[:-1] for part in proof[place : place + 1])],
    }
    return changes[data.draw(st.sampled_from(sorted(changes)))]


@given(st.data(), st.integers(1, 70))
def test_proofs_one_after_the_other_are_judged_as_each_alone(
    data: st.DataObject, size: int
) -> None:
    root = root_at(READER, size)
    proofs = InclusionProofs(size=size, root=root)
    for _ in range(8):
        index = data.draw(st.integers(0, size - 1))
        proof = spoil(data, list(prove_inclusion(READER, index=index, size=size)))
        index = data.draw(st.sampled_from([index, index, index ^ 1, -1 - index, size]))
        leaf = LEAVES[data.draw(st.sampled_from([max(index, 0), 0]))]
        outcomes = []
        for check in (
            lambda *a, **k: check_inclusion(*a, **k, size=size, root=root),
            proofs.check,
        ):
            try:
                check(leaf, index=index, proof=proof)
                outcomes.append("")
            except VerificationError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]


def test_a_path_is_followed_only_to_where_it_meets_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proofs = InclusionProofs(size=600, root=root_at(READER, 600))
    followed = []
    climb = merkle._climb
    monkeypatch.setattr(
        merkle,
        "_climb",
        lambda leaf, index, path: followed.append(len(path)) or climb(leaf, index, path),
    )
    for index in (4, 5, 7, 4, 599, 6, 598):
        proof = prove_inclusion(READER, index=index, size=600)
        proofs.check(LEAVES[index], index=index, proof=proof)
    # The last leaf, which has only left siblings, is passed over.
    assert followed == [10, 1, 2, 2, 0, 2, 1]


def test_a_path_that_meets_another_is_refused_where_its_hashes_are_cut_elsewhere() -> None:
    proofs = InclusionProofs(size=4, root=root_at(READER, 4))
    proofs.check(LEAVES[1], index=1, proof=[LEAVES[0], node_hash(LEAVES[2], LEAVES[3])])
    cut = LEAVES[0] + LEAVES[1]
    with pytest.raises(VerificationError, match="expected 32 bytes"):
        proofs.check(cut[:31], index=0, proof=[cut[31:], node_hash(LEAVES[2], LEAVES[3])])


def test_all_leaves_of_all_small_trees_are_included() -> None:
    for size in range(1, 71):
        root = root_at(READER, size)
        for index in range(size):
            proof = prove_inclusion(READER, index=index, size=size)
            check_inclusion(LEAVES[index], index=index, size=size, proof=proof, root=root)


def test_reads_only_complete_subtrees_of_the_largest_tree() -> None:
    def reader(level: int, index: int) -> bytes:
        assert (index + 1) << level <= MAX_SIZE - 1
        return bytes(32)

    assert len(prove_inclusion(reader, index=0, size=MAX_SIZE - 1)) == 48
    assert len(prove_consistency(reader, old_size=3, new_size=MAX_SIZE - 1)) == 49
