from typing import Any

import pytest

from sopro_registry.families.witness_policy import Body, quorum_of
from tests.registry.world import World, bytes16

POLICY: dict[str, Any] = {"faulty": 0, "witnesses": ["at", "hu", "eu"]}


def test_the_latest_version_that_counts_is_the_policy(world: World) -> None:
    eu = world.coordinator
    assert world.node.directory.witness_policy() is None
    assert eu.write("witness_policy/1", POLICY, entity=bytes16("policy")).code is None
    size = len(eu.entries)
    smaller = POLICY | {"witnesses": ["at", "hu"]}
    assert eu.write("witness_policy/1", smaller, entity=bytes16("policy")).code is None
    known = world.node.directory
    assert known.witness_policy() == Body(faulty=0, witnesses=["at", "hu"])
    assert known.witness_policy(size=size) == Body(faulty=0, witnesses=["at", "hu", "eu"])
    assert known.copy().witness_policy() == known.witness_policy()


@pytest.mark.parametrize(
    ("entity", "changes", "code"),
    [
        ("policy", {}, None),
        ("policy", {"quorum": 3}, None),
        ("policy", {"quorum": 1}, None),
        ("policy", {"faulty": 2}, None),
        ("policy", {"witnesses": ["eu"]}, None),
        ("second", {}, "wit.policy"),
        ("policy", {"quorum": 4}, "wit.policy"),
        ("policy", {"faulty": 3}, "wit.policy"),
        ("policy", {"witnesses": ["at", "at"]}, "wit.policy"),
        ("policy", {"witnesses": ["at", "fr"]}, "wit.policy"),
        ("policy", {"witnesses": []}, "rec.body"),
        ("policy", {"witnesses": ["AT"]}, "rec.body"),
        ("policy", {"quorum": 0}, "rec.body"),
        ("policy", {"faulty": -1}, "rec.body"),
        ("policy", {"faulty": 64}, "rec.body"),
    ],
)
def test_refuses(world: World, entity: str, changes: dict[str, Any], code: str | None) -> None:
    eu = world.coordinator
    assert eu.write("witness_policy/1", POLICY, entity=bytes16("policy")).code is None
    body = POLICY | changes
    assert eu.judge("witness_policy/1", body, entity=bytes16(entity)).code == code


@pytest.mark.parametrize(
    ("count", "faulty", "quorum"), [(1, 0, 1), (3, 0, 2), (3, 1, 3), (4, 1, 3), (7, 2, 5)]
)
def test_two_quorums_share_more_witnesses_than_may_be_faulty(
    count: int, faulty: int, quorum: int
) -> None:
    sites = [f"s{number}" for number in range(count)]
    assert quorum_of(Body(faulty=faulty, witnesses=sites)) == quorum
    assert 2 * quorum - count > faulty


def test_a_stated_quorum_counts() -> None:
    assert quorum_of(Body(faulty=1, quorum=2, witnesses=["at", "hu", "eu"])) == 2


def test_counts_only_in_the_coordinators_log(world: World) -> None:
    written = world.at.judge("witness_policy/1", POLICY, entity=bytes16("policy"))
    assert written.code == "lbl.competence"
