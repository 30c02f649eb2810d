from typing import Any

import pytest

from tests.registry.world import World, bytes16, scheme_body


def test_adds_a_version_that_counts_from_its_position(world: World) -> None:
    size = len(world.coordinator.entries)
    assert world.put_scheme(grace_days=90).code is None
    directory = world.node.directory
    assert directory.scheme("sopro", size=size).grace_days == 30
    assert directory.scheme("sopro", size=size + 1).grace_days == 90
    assert directory.scheme("sopro", size=0) is None
    assert [scheme.grace_days for scheme in directory.schemes()] == [90]


@pytest.mark.parametrize(
    ("entity", "changes", "code"),
    [
        ("scheme", {}, None),
        ("scheme", {"scheme": "other"}, "mem.name"),
        ("second", {"scheme": "other"}, None),
        ("second", {}, "mem.name"),
        ("scheme", {"effective_date": "2026-02-29"}, "rec.body"),
        ("scheme", {"effective_date": "2026-2-28"}, "rec.body"),
        ("scheme", {"max_validity_months": 0}, "rec.body"),
        ("scheme", {"max_validity_months": 1201}, "rec.body"),
        ("scheme", {"status": "retired"}, "rec.body"),
        ("scheme", {"title": {}}, "rec.body"),
    ],
)
def test_refuses(world: World, entity: str, changes: dict[str, Any], code: str | None) -> None:
    body = scheme_body() | changes
    assert world.coordinator.judge("scheme/1", body, entity=bytes16(entity)).code == code


def test_counts_only_in_the_coordinators_log(world: World) -> None:
    written = world.at.write("scheme/1", scheme_body() | {"scheme": "own"}, entity=bytes16("own"))
    assert written.code == "lbl.competence"
    assert world.node.directory.scheme("own") is None
