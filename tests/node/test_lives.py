"""A federation lives while its documents are missing: states do not notice, and words come back.

Hypothesis chooses who does what, which node hears how much of which log when, which documents come
along and which are gathered when. In the end every node has the states that the model has, whatever
documents it saw; and once it has all that were not erased, it finds things as one that never missed
any.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from sopro_protocol.record import Commitment
from tests.node.shelf import Paper, Papers, Shelf
from tests.registry.lives import KINDS, PREFIXES, Life
from tests.registry.test_agreement import SOME, check_agreement
from tests.registry.world import FEDERATION, Node, World

SHELVES = 2
SITES = ("at", "hu", "si")
SEEDS = st.integers(0, 2**20)


class Missing(RuleBasedStateMachine):
    """Sites that write, and nodes that hear of it and lack documents."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()
        self._folder = Path(tempfile.mkdtemp())
        self.shelves = [self._new_shelf(str(number)) for number in range(SHELVES)]

    def _new_shelf(self, name: str) -> Shelf:
        roots = {
            f"{FEDERATION}/{site}/1": author.keys["root"].public_key
            for site, author in self.life.authors.items()
        }
        return Shelf(self._folder / name, roots)

    @initialize(kinds=SOME)
    def begin(self, kinds: Iterable[str]) -> None:
        self.life = Life((*kinds, "register"))

    @rule(kind=st.sampled_from((*sorted(KINDS), "register")), site=st.sampled_from(SITES),
          seed=SEEDS)  # fmt: skip
    def act(self, kind: str, site: str, seed: int) -> None:
        self.life.take(kind, self.life.authors[site], Random(seed))

    @rule(seed=SEEDS)
    def live(self, seed: int) -> None:
        for step in range(seed, seed + 8):
            self.life.live(step)

    @rule(
        node=st.integers(0, SHELVES - 1),
        log=st.sampled_from(sorted(PREFIXES)),
        count=st.sampled_from((1, 5, 40)),
        seed=SEEDS,
    )
    def hear(self, node: int, log: str, count: int, seed: int) -> None:
        self._hear(self.shelves[node], log, count, self._some(Random(seed)))

    @rule(node=st.integers(0, SHELVES - 1), seed=SEEDS)
    def gather(self, node: int, seed: int) -> None:
        self.shelves[node].gather(self._entries(), self._some(Random(seed)))

    def _hear(self, shelf: Shelf, log: str, count: int, papers: Papers) -> None:
        author = self.life.authors[log]
        start = shelf.holdings.logs[author.origin].size
        if author.entries[start : start + count]:
            shelf.take(author.origin, author.entries[start : start + count], papers)

    def _entries(self) -> dict[str, list[bytes]]:
        return {author.origin: author.entries for author in self.life.authors.values()}

    def _all(self, commitment: Commitment) -> Paper | None:
        return self.life.papers.get(commitment.commitment)

    def _some(self, rng: Random) -> Callable[[Commitment], Paper | None]:
        return lambda one: self._all(one) if rng.random() < 0.4 else None

    def teardown(self) -> None:
        whole = self._new_shelf("whole")
        try:
            self._settle(whole)
        finally:
            for shelf in (whole, *self.shelves):
                shelf.close()
            shutil.rmtree(self._folder)

    def _settle(self, whole: Shelf) -> None:
        """Have everybody hear everything, and hold them to one another and to the model."""
        for shelf in (whole, *self.shelves):
            for log in PREFIXES:
                self._hear(shelf, log, 10**6, self._all if shelf is whole else nobody)
        node = World.new_node(PREFIXES)
        for author in self.life.authors.values():
            assert node.deliver(author.origin, author.entries) == len(author.entries)
        check_agreement(self.life, [node])
        for shelf in (whole, *self.shelves):
            check_states(node, shelf)
        for shelf in self.shelves:
            shelf.gather(self._entries(), self._all)
            assert shelf.found_by() == whole.found_by()
            check_states(node, shelf)


def nobody(_commitment: Commitment) -> None:
    """Have no document."""


def check_states(node: Node, shelf: Shelf) -> None:
    """Hold what a database says follows from the logs to what a node without documents says."""
    for origin, replica in node.replicas.items():
        held, tables = shelf.holdings.logs[origin], replica.tables
        number, size = held.number, len(tables.voids) + 1
        states = {
            entity: (row.family, row.head, row.state, row.undetermined)
            for entity, row in shelf.store.all_entities(number)
        }
        assert states == tables.rows
        voids = shelf.store.voids(number, start=0, limit=size)
        assert {at: void.code for at, void in voids} == {
            at: void.code for at, void in tables.voids.items()
        }
        names = {(family, name): entity for family, name, entity in
                 shelf.store.all_names(number)}  # fmt: skip
        assert names == tables.names
        assert held.cursor == replica.cursor


TestMissing = Missing.TestCase
TestMissing.settings = settings(max_examples=8, stateful_step_count=25)
TestMissing.pytestmark = [pytest.mark.slow]


def test_lives_have_documents_that_things_are_found_by(tmp_path: Path) -> None:
    """Else nothing would be missing where they are."""
    life = Life()
    for step in range(400):
        life.live(step)
    roots = {author.origin: author.keys["root"].public_key for author in life.authors.values()}
    with_all, without = Shelf(tmp_path / "all", roots), Shelf(tmp_path / "none", roots)
    for author in life.authors.values():
        with_all.take(author.origin, author.entries, lambda one: life.papers.get(one.commitment))
        without.take(author.origin, author.entries, nobody)
    assert len(with_all.found_by()["described"]) > 2
    assert without.found_by()["described"] == []
    assert any("w:" in str(row) for row in with_all.found_by()["term"])
    for shelf in (with_all, without):
        shelf.close()
