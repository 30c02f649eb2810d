from typing import Any

import pytest

from tests.registry.world import World, bytes16, offering_body, organisation_body


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"gtin": "09120012345678", "status": "paused"}, None),
        ({"organisation": bytes16("nobody")}, "lbl.reference"),
        ({"organisation": bytes16("offering")}, "lbl.reference"),
        ({"organisation": bytes16("void")}, "lbl.reference"),
        ({"effective_date": "2026-00-01"}, "rec.body"),
        ({"kind": "idea"}, "rec.body"),
        ({"organisation": b"short"}, "rec.body"),
    ],
)
def test_refuses(world: World, changes: dict[str, Any], code: str | None) -> None:
    void = organisation_body() | {"country": "?"}
    assert world.at.write("organisation/1", void, entity=bytes16("void")).code == "rec.body"
    body = offering_body() | changes
    assert world.at.judge("offering/1", body, entity=bytes16("offering")).code == code


def test_organisation_must_be_in_the_same_log(world: World) -> None:
    world.hu.write("organisation/1", organisation_body(), entity=bytes16("in hu"))
    body = offering_body() | {"organisation": bytes16("in hu")}
    assert world.hu.judge("offering/1", body, entity=bytes16("new")).code is None
    assert world.at.judge("offering/1", body, entity=bytes16("new")).code == "lbl.reference"


def test_does_not_count_in_the_coordinators_log(world: World) -> None:
    written = world.coordinator.judge("offering/1", offering_body(), entity=bytes16("own"))
    assert written.code == "mem.inactive"
