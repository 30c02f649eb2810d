from typing import Any

import pytest

from sopro_registry.catalogue import decode_state, encode_state
from tests.registry.world import World, bytes16

ALONE = bytes16("alone")
BODY = {"peers": 3, "reason": "the line abroad is cut"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"peers": 0}, None),
        ({"later": "field"}, None),
        ({"peers": -1}, "rec.body"),
        ({"reason": ""}, "rec.body"),
        ({"reason": "a" * 501}, "rec.body"),
    ],
)
def test_refuses(world: World, changes: dict[str, Any], code: str | None) -> None:
    assert world.at.judge("serve_alone/1", BODY | changes, entity=ALONE).code == code


def test_a_decision_key_does_not_sign_it(world: World) -> None:
    assert world.at.judge("serve_alone/1", BODY, entity=ALONE, role="decision").code == "sig.role"


def test_counts_in_every_log_and_changes_nothing_else(world: World) -> None:
    for author in (world.at, world.coordinator):
        before = (author.cursor.grants, author.cursor.acted_on, author.cursor.keys)
        author.write("serve_alone/1", BODY, entity=ALONE)
        assert (author.cursor.grants, author.cursor.acted_on, author.cursor.keys) == before
        state = author.node.state(author.origin, ALONE)
        assert decode_state("serve_alone", encode_state(state)) == state
        assert state.body.reason == BODY["reason"]
