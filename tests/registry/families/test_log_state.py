from typing import Any

import pytest

from sopro_registry.catalogue import FAMILIES
from sopro_registry.family import Waiting
from tests.registry.world import Author, World, bytes16, keys_body

STATE = bytes16("state")


def judge(world: World, **changes: Any) -> str | None:
    body = world.at.state_body(world.coordinator, **changes)
    body = {name: value for name, value in body.items() if value is not None}
    return world.at.judge("log_state/1", body, entity=STATE).code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"status_root": bytes(32)}, None),
        ({"certificates": 2}, "sta.certificates"),
        ({"certificates": 0}, "sta.certificates"),
        ({"keys": bytes(32)}, "sta.keys"),
        ({"coordinator": None}, "sta.coordinator"),
        ({"coordinator": {"root": bytes(32), "size": 5}}, "sta.coordinator"),
        ({"coordinator": {"size": 5}}, "rec.body"),
        ({"certificates": -1}, "rec.body"),
        ({"keys": bytes(31)}, "rec.body"),
    ],
)
def test_refuses(world: World, changes: dict[str, Any], code: str | None) -> None:
    world.at.decide("grant")
    assert judge(world, **changes) == code


def test_names_the_latest_keys(world: World) -> None:
    at = world.at
    before = at.cursor.keys_record
    at.write_keys()
    assert judge(world, keys=before) == "sta.keys"
    assert judge(world) is None


def test_coordinators_size_never_falls(world: World) -> None:
    at, eu = world.at, world.coordinator
    held = at.cursor.acted_on
    assert judge(world, coordinator=eu.head(held.size)) is None
    assert judge(world, coordinator=eu.head(held.size - 1)) == "sta.coordinator"
    eu.write_state()
    at.write_state(eu)
    assert judge(world, coordinator=eu.head(held.size)) == "sta.coordinator"


def test_waits_for_the_coordinators_log_and_changes_nothing(world: World) -> None:
    at, eu = world.at, world.coordinator
    size = len(eu.entries)
    ahead = eu.draft("site_keys/1", keys_body(eu), entity=bytes16("keys"), role="root")
    eu.append(ahead)
    data = at.draft("log_state/1", at.state_body(eu), entity=STATE)
    with pytest.raises(Waiting) as caught:
        at.node.take(at.origin, data)
    assert caught.value.size == size + 1
    projected = at.cursor.projected
    eu.node.take(eu.origin, ahead)
    assert at.node.take(at.origin, data).void is None
    assert (at.cursor.projected, at.cursor.acted_on.size) == (projected + 1, size + 1)


def test_void_log_state_leaves_the_head_rules_read(world: World) -> None:
    at, eu = world.at, world.coordinator
    held = at.cursor.acted_on
    eu.write_state()
    wrong = {"root": bytes(32), "size": len(eu.entries)}
    assert at.write_state(eu, coordinator=wrong).code == "sta.coordinator"
    assert at.cursor.acted_on == held


def test_coordinators_own_log_names_no_coordinator(world: World) -> None:
    eu = world.coordinator
    assert eu.write_state().code is None
    assert eu.write_state(eu).code == "sta.coordinator"


def test_size_zero_is_before_every_membership() -> None:
    node = World.new_node()
    at = Author("at", node, prefix="AT1")
    at.write_keys()
    empty = {"root": at.roots[0], "size": 0}
    assert at.write_state(coordinator=empty).code is None
    written = at.write("organisation/1", {}, entity=bytes16("organisation"))
    assert written.code == "mem.inactive"


@pytest.mark.parametrize("role", ["root", "log", "witness", "decision", "access"])
def test_only_a_registrar_key_signs_it(world: World, role: str) -> None:
    body = world.at.state_body(world.coordinator)
    assert world.at.judge("log_state/1", body, entity=STATE, role=role).code == "sig.role"


def test_complete_fills_in_what_the_log_says(world: World) -> None:
    world.at.decide("grant")
    ledger = world.node.replicas[world.at.origin].ledger
    values = FAMILIES["log_state"].complete({}, None, ledger)
    assert values == {"certificates": 1, "keys": world.at.cursor.keys_record}
