"""The network between members falls apart and heals (R7): everybody goes on, and then agrees."""

import random
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.federation.agreement import Agreement
from tests.federation.federation import Nursery, Site, federation, wait_until
from tests.federation.history import read_head
from tests.federation.network import DividedLand

pytestmark = pytest.mark.slow

CODES = ("at", "hu", "fr", "si")
POLL = 2
INTERVALS = 3
"""So many looks at a peer may pass until all agree again (promise Q5)."""


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[DividedLand]:
    base = tmp_path_factory.mktemp("land")
    one = DividedLand(base, nursery)
    with federation(base, nursery, land=one):
        one.start(CODES, poll_seconds=POLL)
        yield one


def halve(land: DividedLand, chance: random.Random) -> None:
    """Cut the federation into two parts, of which one has no quorum."""
    nodes = list(land.sites.values())
    chance.shuffle(nodes)
    check_divided(land, [nodes[:2], nodes[2:]], chance)


def isolate(land: DividedLand, chance: random.Random) -> None:
    """Cut one node, the coordinator or another one, from all others."""
    alone = chance.choice(list(land.sites.values()))
    others = [node for node in land.sites.values() if node is not alone]
    check_divided(land, [[alone], others], chance)


def check_divided(
    land: DividedLand, groups: Sequence[Sequence[Site]], chance: random.Random
) -> None:
    """See every part go on by itself, and nothing of it reach another."""
    land.network.divide(groups, silent=chance.random() < 0.5)
    print([[node.code for node in group] for group in groups])
    for node in land.sites.values():
        if node is not land.coordinator:
            node.append()
    for group in groups:
        for source in group:
            for node in group:
                if node is not source:
                    wait_until(
                        lambda node=node, source=source: has_head_of(node, source),
                        f"{node.code} has all of {source.code}, which is on its side",
                    )
    for group in groups:
        for source in group:
            size = read_head(source.checkpoint(source.code))[0]
            for other in (node for one in groups if one is not group for node in one):
                is_new = source is not land.coordinator
                held = read_head(other.checkpoint(source.code))[0]
                assert held < size or not is_new, f"{other.code} has reached {source.code}"
        # Who has no quorum publishes all the same, and calls nothing witnessed.
        for source in (node for node in group if len(group) < 3 and node is not land.coordinator):
            publication = source.status()["publication"]
            assert publication["published"] > publication["witnessed"], publication


def cut_one_way(land: DividedLand, chance: random.Random) -> None:
    """Keep two nodes from calling a third one, which can call them; others can do both."""
    callers = chance.sample(list(land.sites.values()), 3)
    called = callers.pop()
    land.network.cut([(one, called) for one in callers], silent=chance.random() < 0.5)
    print([node.code for node in callers], "cannot call", called.code)
    for node in land.sites.values():
        if node is not land.coordinator:
            node.append()
    # Whoever can reach it passes on what it says.
    for node in callers:
        wait_until(lambda node=node: has_head_of(node, called), f"{node.code} has it from others")


def has_head_of(node: Site, source: Site) -> bool:
    note = node.checkpoint(source.code)
    return bool(note) and read_head(note) == read_head(source.checkpoint(source.code))


FAULTS: dict[str, Callable[[DividedLand, random.Random], None]] = {
    "halves": halve,
    "one alone": isolate,
    "one way": cut_one_way,
}


def test_a_partition_stops_nobody_and_heals_within_three_intervals(
    land: DividedLand, seed: int
) -> None:
    chance = random.Random(seed)
    nodes = list(land.sites.values())
    land.coordinator.call("publish_policy", witnesses=[node.code for node in nodes], faulty=0)
    agreement = Agreement(nodes, ["eeig", *CODES], ())
    with agreement.watcher:
        agreement.check("the start")
        for name, divide in FAULTS.items():
            divide(land, chance)
            began = time.monotonic()
            land.network.heal()
            agreement.wait_for_heads(name, patience=INTERVALS * POLL)
            took = time.monotonic() - began
            heads = agreement.check(f"healing of {name}")
            print(f"{name}: healed within {took:.2f} s, {heads} heads of one history")
            for node in nodes:
                wait_until(lambda node=node: is_witnessed(node), f"{node.code} has a quorum again")


def is_witnessed(node: Site) -> bool:
    publication = node.status()["publication"]
    return bool(publication["witnessed"] >= publication["published"])


def test_a_cut_is_one(land: DividedLand) -> None:
    """The network keeps apart whom it is told to, and nobody else."""
    at, hu, fr = (land.sites[code] for code in ("at", "hu", "fr"))
    land.network.cut(
        [(hu, at), (hu, land.coordinator), (hu, fr), (hu, land.sites["si"])], silent=False
    )
    at.append()
    land.wait_for(fr, at)
    assert not has_head_of(hu, at)
    wait_until(lambda: hu.mirror(at.origin)["failures"], "hu says that it reaches nobody")
    land.network.heal()
    land.wait_for(hu, at)
