"""Showing that a head excludes the one held, whatever is at hand to show it with."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopro_node.ahead import decode_ahead, encode_ahead, look_ahead
from sopro_node.forks import (
    AskTile,
    find_parting,
    fork_ahead,
    fork_in_roots,
    fork_within,
    read_roots,
    root_below,
)
from sopro_node.heldlog import HeldLog
from sopro_node.store.rows import LogRow
from sopro_node.tree import LogTree
from sopro_protocol.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint, sign_checkpoint
from sopro_protocol.errors import VerificationError
from sopro_protocol.evidence import check_fork
from sopro_protocol.keys import Ed25519Signer, make_vkey
from sopro_protocol.merkle import leaf_hash, root_at, root_of, subtree_reader
from sopro_protocol.tile import WIDTH

ORIGIN = "sopro.example/at/1"
SIGNER = Ed25519Signer(bytes(range(32)))
KEYS = [make_vkey(ORIGIN, SIGNER.public_key)]
MOST = 5 * WIDTH + 40
ENTRIES = [b"%d" % number for number in range(MOST)]
LEAVES = [leaf_hash(data) for data in ENTRIES]


def history(size: int, *, parted: int) -> list[bytes]:
    """Leaves of a log that is another one from a position on."""
    return [*LEAVES[:parted], *(leaf_hash(b"other %d" % one) for one in range(parted, size))][:size]


def note(leaves: Sequence[bytes]) -> bytes:
    return sign_checkpoint(Checkpoint(ORIGIN, len(leaves), root_of(leaves)), SIGNER)


def head(leaves: Sequence[bytes]) -> SignedCheckpoint:
    return open_checkpoint(note(leaves), origin=ORIGIN, keys=KEYS)


def hold(size: int, *, signed: int, ahead: int = 0) -> HeldLog:
    """A log of which more may be stored than its head covers, under a head at size `ahead`."""
    full = size // WIDTH
    roots = [root_of(LEAVES[one * WIDTH : (one + 1) * WIDTH]) for one in range(full)]
    tree = LogTree(
        roots,
        ENTRIES[full * WIDTH : size],
        load_leaves=lambda number: LEAVES[number * WIDTH : (number + 1) * WIDTH],
    )
    stored = b""
    if ahead > size:
        known = {ahead // WIDTH: LEAVES[ahead // WIDTH * WIDTH : ahead]}
        read = read_roots(roots_of(LEAVES[:ahead]), known)
        stored = encode_ahead(look_ahead(note(LEAVES[:ahead]), start=size, size=ahead, read=read))
    checkpoint = note(LEAVES[:signed]) if signed else b""
    return HeldLog(LogRow(2, ORIGIN, size, tree.root(), checkpoint, b"", stored), tree=tree)


def roots_of(leaves: Sequence[bytes]) -> list[bytes]:
    """The roots of the full bundles."""
    full = len(leaves) // WIDTH
    return [root_of(leaves[one * WIDTH : (one + 1) * WIDTH]) for one in range(full)]


sizes = st.integers(1, MOST)


@given(sizes, sizes, sizes)
@settings(max_examples=80)
def test_a_head_within_what_is_held_is_evidence_where_it_parts(
    size: int, offered: int, parted: int
) -> None:
    held = hold(size, signed=size)
    signed = head(history(offered, parted=parted))
    fork = fork_within(held, signed)
    assert (fork is not None) == (parted < offered <= size)
    if fork is not None:
        check_fork(fork, KEYS)


@given(sizes, sizes, sizes)
@settings(max_examples=80)
def test_a_larger_head_is_evidence_where_what_is_held_is_not_under_its_roots(
    size: int, more: int, parted: int
) -> None:
    held = hold(size, signed=size)
    leaves = history(size + more, parted=parted)
    roots = [
        root_of(leaves[one * WIDTH : (one + 1) * WIDTH]) for one in range(len(leaves) // WIDTH)
    ]
    full = size // WIDTH
    known = {one: leaves[one * WIDTH : (one + 1) * WIDTH] for one in (full, len(roots))}
    fork = fork_in_roots(held, head(leaves), roots, known)
    assert (fork is not None) == (parted < size)
    if fork is not None:
        check_fork(fork, KEYS)


def test_the_roots_alone_are_enough_where_a_full_bundle_parts() -> None:
    held = hold(3 * WIDTH + 7, signed=3 * WIDTH + 7)
    leaves = history(4 * WIDTH, parted=WIDTH + 9)
    roots = [root_of(leaves[one * WIDTH : (one + 1) * WIDTH]) for one in range(4)]
    fork = fork_in_roots(held, head(leaves), roots, {})
    assert fork is not None
    assert fork.size == 2 * WIDTH
    check_fork(fork, KEYS)


@pytest.mark.parametrize("signed", [WIDTH, 2 * WIDTH + 3])
def test_what_no_head_covers_yet_accuses_nobody(signed: int) -> None:
    """A half-synced mirror holds entries of which it can show no signed head."""
    held = hold(3 * WIDTH, signed=signed)
    leaves = history(4 * WIDTH, parted=signed + 1)
    roots = [root_of(leaves[one * WIDTH : (one + 1) * WIDTH]) for one in range(4)]
    known = {one: leaves[one * WIDTH : (one + 1) * WIDTH] for one in range(4)}
    assert fork_in_roots(held, head(leaves), roots, known) is None
    assert fork_within(held, head(leaves[: signed + 2])) is None


@given(st.integers(0, 4 * WIDTH - 1), st.integers(1, 4), st.integers(1, WIDTH + 40), sizes, sizes)
@settings(max_examples=150)
def test_the_head_that_entries_came_under_is_evidence_though_it_was_not_reached(
    signed: int, bundles: int, more: int, offered: int, parted: int
) -> None:
    size = bundles * WIDTH
    signed = min(signed, size - 1)
    held = hold(size, signed=signed, ahead=size + more)
    leaves = history(offered, parted=parted)
    fork = fork_within(held, head(leaves))
    assert (fork is not None) == (parted < offered <= size)
    if fork is not None:
        check_fork(fork, KEYS)
    if offered > size:
        known = {offered // WIDTH: leaves[offered // WIDTH * WIDTH :]}
        fork = fork_in_roots(held, head(leaves), roots_of(leaves), known)
        assert (fork is not None) == (parted < size)
        if fork is not None:
            check_fork(fork, KEYS)


@given(st.integers(1, 2), st.integers(1, WIDTH + 40), st.integers(-9, WIDTH), sizes)
@settings(max_examples=80)
async def test_a_head_beyond_one_that_was_not_reached_is_evidence_where_it_excludes_that(
    bundles: int, more: int, beyond: int, parted: int
) -> None:
    """Also where all that was taken under the one lies under the other, too."""
    size = bundles * WIDTH
    held = hold(size, signed=size - 5, ahead=size + more)
    leaves = history(size + max(1, more + beyond), parted=max(size, parted))
    fork = await fork_ahead(held, head(leaves), teller(leaves))
    is_comparable = len(leaves) >= size + more
    assert (fork is not None) == (is_comparable and max(size, parted) < size + more)
    if fork is not None:
        check_fork(fork, KEYS)


@given(st.integers(1, 5), st.integers(1, 7 * WIDTH))
def test_a_head_that_was_not_reached_is_read_back_whole(bundles: int, more: int) -> None:
    size = bundles * WIDTH
    leaves = [leaf_hash(b"%d" % one) for one in range(size + more)]
    full = len(leaves) // WIDTH
    read = read_roots(roots_of(leaves), {full: leaves[full * WIDTH :]})
    ahead = look_ahead(note(leaves), start=size, size=len(leaves), read=read)
    assert decode_ahead(encode_ahead(ahead)) == ahead
    tree = LogTree(
        roots_of(leaves[:size]),
        [],
        load_leaves=lambda number: leaves[number * WIDTH : (number + 1) * WIDTH],
    )
    assert root_at(ahead.reader(tree), len(leaves)) == ahead.head.root


def test_a_fork_that_is_none_does_not_pass_for_one() -> None:
    held = hold(20, signed=20)
    fork = fork_within(held, head(history(9, parted=4)))
    assert fork is not None
    first, second = fork.heads
    with pytest.raises(VerificationError):
        check_fork(fork._replace(heads=(first, first)), KEYS)
    with pytest.raises(VerificationError):
        check_fork(fork._replace(heads=(second._replace(note=first.note), second)), KEYS)


def teller(leaves: Sequence[bytes]) -> AskTile:
    """What asks a node for tiles of a log it serves."""
    read = subtree_reader(leaves)

    async def ask(level: int, index: int, width: int) -> list[bytes]:
        start = index * WIDTH
        assert (start + width) << (8 * level) <= len(leaves), "no such tile"
        return [read(8 * level, start + one) for one in range(width)]

    return ask


@given(sizes, sizes, sizes)
@settings(max_examples=60)
async def test_two_histories_are_shown_to_part_at_the_very_entry(
    size: int, offered: int, parted: int
) -> None:
    held = hold(size, signed=size)
    leaves = history(offered, parted=parted)
    parting = await find_parting(held, head(leaves), teller(leaves))
    assert (parting is not None) == (parted < min(size, offered))
    if parting is None:
        return
    assert parting.fork.size == parted + 1
    heads = check_fork(parting.fork, KEYS)
    sides = {LEAVES[parted]: held.tree.root(), leaves[parted]: root_of(leaves)}
    assert [sides[leaf] for leaf in parting.leaves] == [one.root for one in heads]
    assert await root_below(head(leaves), parted + 1, teller(leaves)) == root_of(
        leaves[: parted + 1]
    )


@pytest.mark.parametrize("size", [9, 300, 600])
async def test_hashes_that_are_not_of_the_head_show_nothing(size: int) -> None:
    held = hold(size, signed=size)
    true, false = history(size + 5, parted=size), history(size + 5, parted=4)
    with pytest.raises(VerificationError) as refusal:
        await find_parting(held, head(true), teller(false))
    assert refusal.value.code == "hos.tile"
    with pytest.raises(VerificationError) as refusal:
        await root_below(head(true), 5, teller(false))
    assert refusal.value.code == "hos.tile"
