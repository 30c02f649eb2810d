from typing import Any

import pytest

from tests.registry.world import World, bytes16, organisation_body


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"activities": ["2.1:38.21"], "nuts": "AT130"}, None),
        ({"status": "dissolved", "effective_date": "2028-02-29"}, None),
        ({"effective_date": "2027-02-29"}, "rec.body"),
        ({"actor_type": "cooperative"}, "rec.body"),
        ({"country": "at"}, "rec.body"),
        ({"country": "AT\n"}, "rec.body"),
        ({"activities": []}, "rec.body"),
        ({"a_later_field": "is kept in the bytes and passed over"}, None),
    ],
)
def test_refuses(world: World, changes: dict[str, Any], code: str | None) -> None:
    body = organisation_body() | changes
    written = world.at.judge("organisation/1", body, entity=bytes16("organisation"))
    assert written.code == code


def test_replaces_the_version_before(world: World) -> None:
    body = organisation_body() | {"status": "inactive"}
    written = world.at.write("organisation/1", body, entity=bytes16("organisation"))
    state = world.node.state(world.at.origin, bytes16("organisation"))
    assert (state.status, state.index) == ("inactive", written.judgement.index)


def test_does_not_count_in_the_coordinators_log(world: World) -> None:
    written = world.coordinator.judge("organisation/1", organisation_body(), entity=bytes16("own"))
    assert written.code == "mem.inactive"
