from typing import Any

import pytest

from sopro_registry.family import Erased
from tests.registry.world import World, bytes16, erasure_body, ordinal, receipt_body


def erase(world: World, *, entity: str = "erasure", **changes: Any) -> str | None:
    body = erasure_body() | changes
    return world.at.write("erasure/1", body, entity=bytes16(entity)).code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"document": 255, "reason": "court_order"}, None),
        ({"index": 0}, None),
        ({"index": 5}, "era.index"),
        ({"index": 6}, "era.index"),
        ({"index": -1}, "rec.body"),
        ({"document": 256}, "rec.body"),
        ({"deadline": "2028-02-30"}, "rec.body"),
        ({"reason": "Maria has asked us"}, "rec.body"),
    ],
)
def test_refuses(world: World, changes: dict[str, Any], code: str | None) -> None:
    assert len(world.at.entries) == 5
    assert erase(world, **changes) == code


def test_names_what_is_gone(world: World) -> None:
    index = len(world.at.entries)
    assert erase(world) is None
    assert world.at.tables.erased == [Erased(1, 0, index, ordinal("2028-02-01"))]


def test_nothing_is_added_to_an_erasure(world: World) -> None:
    assert erase(world) is None
    assert erase(world, deadline="2099-01-01") == "era.again"
    assert erase(world, entity="another") == "era.again"
    assert erase(world, entity="another", document=1) is None


def test_a_void_erasure_erases_nothing(world: World) -> None:
    assert erase(world, index=99) == "era.index"
    assert world.at.tables.erased == []


def test_counts_before_joining_and_after_leaving(world: World) -> None:
    world.put_membership(world.at, status="left")
    world.at.write_state(world.coordinator)
    assert erase(world) is None


def test_a_receipt_is_found_by_what_it_confirms(world: World) -> None:
    body = receipt_body(world.hu.origin)
    written = world.at.write("erasure_receipt/1", body, entity=bytes16("receipt"))
    assert written.code is None
    assert world.at.tables.names["erasure_receipt", f"{world.hu.origin} 4"] == bytes16("receipt")
