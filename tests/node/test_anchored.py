"""What is settled about the coordinator's log, and which evidence it settles."""

from pathlib import Path
from typing import NamedTuple

import pytest

from sopro_node.anchored import Anchored
from sopro_node.store.connection import create_database
from sopro_node.store.sqlite import SqliteStore
from sopro_registry.anchors import Tally
from tests.node.test_forks import WIDTH, history, hold, root_of

pytestmark = pytest.mark.slow

Head = tuple[int, bytes]
PARTED = 20


class Case(NamedTuple):
    """Evidence as far as settling it asks."""

    size: int
    heads: tuple[Head, Head]
    roots: tuple[bytes, bytes]


def root(size: int, parted: int) -> bytes:
    return root_of(history(size, parted=parted))


def case(size: int, first: tuple[int, int], second: tuple[int, int]) -> Case:
    """Two heads that differ at a size, each by its own size and where its history parts."""
    (one, other), (here, there) = (
        [root(length, parted) for length, parted in (first, second)],
        [root(size, parted) for _, parted in (first, second)],
    )
    return Case(size, ((first[0], one), (second[0], other)), (here, there))


NEVER = 10 * WIDTH
RIGHT = hold(60, signed=60).tree
SETTLED = Anchored([Tally(PARTED + 1, root(PARTED + 1, NEVER), ("at", "hu"), 2, 3, True)])
SHARP = case(PARTED + 1, (50, NEVER), (55, PARTED))


def test_nothing_is_settled_before() -> None:
    assert not Anchored(()).settles(SHARP, [SHARP], RIGHT)
    assert not Anchored(()).contradicts(RIGHT)


def test_evidence_at_the_settled_size_is_settled_whoever_holds_what() -> None:
    for tree in (RIGHT, hold(3, signed=3).tree, None):
        assert SETTLED.settles(SHARP, [SHARP], tree)


def test_a_head_that_other_evidence_places_settles_more() -> None:
    coarse = case(50, (50, NEVER), (55, PARTED))
    assert not SETTLED.settles(coarse, [coarse], RIGHT)
    assert SETTLED.settles(coarse, [coarse, SHARP], RIGHT)


def test_a_further_history_stands_where_it_parts_later() -> None:
    later = case(41, (50, NEVER), (70, 40))
    assert not SETTLED.settles(later, [SHARP, later], RIGHT)
    earlier = case(11, (50, NEVER), (70, 10))
    assert SETTLED.settles(earlier, [SHARP, earlier], RIGHT)
    assert not SETTLED.settles(earlier, [SHARP, earlier], None)


def test_a_tree_contradicts_what_is_settled_or_not() -> None:
    other = Anchored([Tally(PARTED + 1, root(PARTED + 1, PARTED), (), 1, 1, True)])
    assert not SETTLED.contradicts(RIGHT)
    assert other.contradicts(RIGHT)
    assert not other.contradicts(hold(PARTED, signed=PARTED).tree)


def test_settlements_are_kept_and_never_replaced(tmp_path: Path) -> None:
    create_database(tmp_path)
    store = SqliteStore.open(tmp_path, writing=True)
    try:
        kept = Anchored.load(store)
        [first] = SETTLED
        smaller = Tally(5, bytes(32), ("at",), 1, 1, True)
        kept.keep(store, [first])
        kept.keep(store, [smaller, Tally(first.size, bytes(32), (), 1, 1, True)])
        assert list(kept) == list(Anchored.load(store)) == [smaller, first]
    finally:
        store.close()
