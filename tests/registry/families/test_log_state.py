from typing import Any

import pytest

from sopro_registry.catalogue import FAMILIES
from sopro_registry.family import Waiting
from tests.registry.world import Author, World, bytes16, dates_of, keys_body

STATE = bytes16("state")


def judge(world: World, **changes: Any) -> str | None:
    body = world.at.state_body(world.coordinator, **changes)
    body = {name: value for name, value in body.items() if value is not None}
    return world.at.judge("log_state/1", body, entity=STATE).code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"status_root": bytes(32)}, "sta.status"),
        ({"status_root": bytes(31)}, "rec.body"),
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


def status_root(world: World) -> bytes:
    root = world.node.replicas[world.at.origin].ledger.status_root()
    assert root is not None
    return root


def test_status_root_is_the_trees_at_that_position(world: World) -> None:
    at = world.at
    empty = status_root(world)
    at.decide("grant")
    granted = status_root(world)
    assert (judge(world, status_root=granted), judge(world, status_root=empty)) == (
        None,
        "sta.status",
    )
    at.decide("suspend", **dates_of("suspend", "2026-02-01"))
    assert judge(world, status_root=granted) == "sta.status"
    assert judge(world, status_root=status_root(world)) is None


def test_what_was_stated_once_is_stated_from_then_on(world: World) -> None:
    at, eu = world.at, world.coordinator
    assert at.write_state(eu).code is None
    assert at.write_state(eu, status_root=bytes(32)).code == "sta.status"
    # A void one has stated nothing.
    assert at.write_state(eu).code is None
    assert at.write_state(eu, status_root=status_root(world)).code is None
    assert at.write_state(eu).code == "sta.status"
    assert at.write_state(eu, status_root=status_root(world)).code is None


def test_root_is_taken_as_stated_where_a_label_is_undetermined(world: World) -> None:
    at, eu = world.at, world.coordinator
    at.decide("grant")
    assert at.write_state(eu, status_root=status_root(world)).code is None
    at.decide("revoke", how={"crit": ["novel"]}, **dates_of("revoke", "2026-02-01"))
    assert world.node.replicas[at.origin].ledger.status_root() is None
    assert at.write_state(eu, status_root=bytes(32)).code is None
    assert at.write_state(eu).code == "sta.status"
    ledger = world.node.replicas[at.origin].ledger
    assert "status_root" not in FAMILIES["log_state"].complete({}, None, ledger)


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
    assert values == {
        "certificates": 1,
        "keys": world.at.cursor.keys_record,
        "status_root": status_root(world),
    }
