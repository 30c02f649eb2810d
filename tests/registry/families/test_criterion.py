from typing import Any

import pytest

from tests.registry.world import World, bytes16, criterion_body, scheme_body


@pytest.mark.parametrize(
    ("entity", "changes", "code"),
    [
        ("first", {"version": 2}, None),
        ("first", {"version": 2, "transition_until": "2027-06-30"}, None),
        ("first", {"version": 1}, "lbl.criteria"),
        ("first", {"version": 3}, "lbl.criteria"),
        ("first", {"version": 2, "code": "S2"}, "mem.name"),
        ("first", {"version": 2, "applies_from": "2026-13-01"}, "rec.body"),
        ("first", {"version": 2, "transition_until": "2027-06-31"}, "rec.body"),
        ("first", {"version": 0}, "rec.body"),
        ("second", {"code": "S2"}, None),
        ("second", {}, "mem.name"),
        ("second", {"code": "S2", "version": 2}, "lbl.criteria"),
        ("second", {"code": "S2", "scheme": "unknown"}, "lbl.criteria"),
        ("second", {"code": "S2", "threshold_scale": 10}, "rec.body"),
        ("second", {"code": "S2", "text": {"en": "x" * 4_000, "de": "y"}}, None),
        ("second", {"code": "S2", "text": {"en": "x" * 4_001}}, "rec.body"),
        ("second", {"code": "S2", "text": {}}, "rec.body"),
        ("second", {"code": "S2", "verification": ["document", "on_site"]}, None),
        ("second", {"code": "S2", "verification": ["hearsay"]}, "rec.body"),
        ("second", {"code": "S2", "verification": []}, "rec.body"),
    ],
)
def test_refuses(world: World, entity: str, changes: dict[str, Any], code: str | None) -> None:
    eu = world.coordinator
    assert eu.write("criterion/1", criterion_body(), entity=bytes16("first")).code is None
    body = criterion_body() | changes
    assert eu.judge("criterion/1", body, entity=bytes16(entity)).code == code


def test_keeps_its_scheme_for_ever(world: World) -> None:
    eu = world.coordinator
    eu.write("criterion/1", criterion_body(), entity=bytes16("first"))
    eu.write("scheme/1", scheme_body() | {"scheme": "other"}, entity=bytes16("other"))
    moved = criterion_body() | {"scheme": "other", "version": 2}
    assert eu.judge("criterion/1", moved, entity=bytes16("first")).code == "mem.name"


def test_directory_lists_the_latest_versions_in_order(world: World) -> None:
    for code in ("S2", "S1"):
        body = criterion_body() | {"code": code}
        world.coordinator.write("criterion/1", body, entity=bytes16(code))
    raised = criterion_body() | {"version": 2, "threshold": 30}
    world.coordinator.write("criterion/1", raised, entity=bytes16("S1"))
    listed = [(one.code, one.version, one.threshold) for one in world.node.directory.criteria()]
    assert listed == [("S1", 2, 30), ("S2", 1, 25)]


def test_counts_only_in_the_coordinators_log(world: World) -> None:
    written = world.at.judge("criterion/1", criterion_body(), entity=bytes16("criterion"))
    assert written.code == "lbl.competence"
