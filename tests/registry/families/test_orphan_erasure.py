from typing import Any

import pytest

from sopro_registry.family import Erased
from tests.registry.world import Author, World, Written, bytes16, ordinal, orphan_erasure_body

PLACE = "sopro.example/at/1"


@pytest.fixture
def world() -> World:
    """One in which `at` has left, and `hu` looks after it and knows."""
    world = World()
    leave(world, successor="hu")
    return world


def leave(world: World, **changes: Any) -> None:
    assert world.put_membership(world.at, status="left", **changes).code is None
    world.hu.write_state(world.coordinator)


def erase(by: Author, *, entity: str = "erasure", **changes: Any) -> Written:
    body = orphan_erasure_body(PLACE) | changes
    return by.write("orphan_erasure/1", body, entity=bytes16(entity))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"document": 255, "reason": "court_order"}, None),
        # How long that log is, is for whoever holds it to say.
        ({"index": 2**53 - 1}, None),
        ({"index": -1}, "rec.body"),
        ({"document": 256}, "rec.body"),
        ({"deadline": "2028-02-30"}, "rec.body"),
        ({"reason": "Maria has asked us"}, "rec.body"),
        ({"origin": "sopro.example/at/2"}, "era.caretaker"),
        ({"origin": "sopro.example/hu/1"}, "era.caretaker"),
        ({"origin": "sopro.example/eu/1"}, "era.caretaker"),
        ({"origin": "sopro.example/none/1"}, "era.caretaker"),
        ({"origin": "at"}, "era.caretaker"),
    ],
)
def test_refuses(world: World, changes: dict[str, Any], code: str | None) -> None:
    assert erase(world.hu, **changes).code == code


def test_names_what_is_gone_and_where(world: World) -> None:
    index = len(world.hu.entries)
    assert erase(world.hu).code is None
    assert world.hu.tables.erased == [Erased(1, 0, index, ordinal("2028-02-01"), PLACE)]


def test_nothing_is_added_to_an_erasure(world: World) -> None:
    assert erase(world.hu).code is None
    assert erase(world.hu, deadline="2099-01-01").code == "era.again"
    assert erase(world.hu, entity="another").code == "era.again"
    assert erase(world.hu, entity="another", document=1).code is None


def test_who_looks_after_a_site_erases_and_nobody_else(world: World) -> None:
    assert erase(world.coordinator).code == "era.caretaker"
    assert erase(world.at).code == "era.caretaker"
    world.at.write_state(world.coordinator)
    assert erase(world.at, entity="another").code == "mem.inactive"


def test_the_coordinator_erases_where_nobody_is_named() -> None:
    world = World()
    leave(world)
    assert erase(world.hu).code == "era.caretaker"
    assert erase(world.coordinator, entity="another").code is None


def test_nobody_erases_in_the_log_of_a_site_that_is_there() -> None:
    world = World()
    world.hu.write_state(world.coordinator)
    assert erase(world.hu).code == "era.caretaker"
    assert erase(world.coordinator).code == "era.caretaker"
    assert world.put_membership(world.at, status="suspended", successor="hu").code is None
    world.hu.write_state(world.coordinator)
    assert erase(world.hu, entity="another").code == "era.caretaker"
    assert erase(world.coordinator, entity="another").code == "era.caretaker"


def test_counts_where_the_site_has_acted_on_it() -> None:
    world = World()
    world.put_membership(world.at, status="expelled", successor="hu")
    assert erase(world.hu).code == "era.caretaker"
    world.hu.write_state(world.coordinator)
    assert erase(world.hu, entity="another").code is None


def test_a_successor_that_is_gone_itself_hands_on_and_erases_no_more(world: World) -> None:
    ends = {"origin": world.hu.origin, "size": len(world.hu.entries)}
    world.put_membership(world.hu, status="expelled", ends=ends)
    # It does not act on that; its log is judged anew, and counts no further.
    assert erase(world.hu).code == "mem.inactive"
    assert erase(world.coordinator).code is None


def test_the_coordinator_looks_after_whom_a_circle_of_successors_leaves(world: World) -> None:
    world.put_membership(world.hu, status="left", successor="at")
    assert erase(world.coordinator).code is None


def test_what_a_site_writes_when_it_comes_back_nobody_has_erased_before() -> None:
    """Neither ahead, nor by acting on no later record of the coordinator."""
    world = World()
    end = len(world.at.entries)
    leave(world, successor="hu", ends={"origin": PLACE, "size": end})
    assert erase(world.hu, index=end).code == "era.index"
    assert erase(world.hu, entity="another", index=end - 1).code is None
    assert world.put_membership(world.at, status="applicant").code is None
    assert world.put_membership(world.at, status="left", successor="hu").code is None
    world.hu.write_state(world.coordinator)
    assert erase(world.hu, entity="a third", index=end).code == "era.index"


def test_who_is_expelled_never_comes_back_so_all_of_its_log_is_erased() -> None:
    world = World()
    end = len(world.at.entries)
    ends = {"origin": PLACE, "size": end}
    assert world.put_membership(world.at, status="expelled", ends=ends).code is None
    assert erase(world.coordinator, index=end).code is None
