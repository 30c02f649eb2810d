"""What is told of one organisation."""

import pytest

from sopro_node.node import Node
from sopro_node.organisations import describe_organisation
from sopro_node.relating import relate
from tests.node.conftest import Federation, Served
from tests.node.test_directory import organisation


@pytest.fixture
async def at(federation: Federation) -> Served:
    await federation.coordinator()
    return await federation.join("at", "AT")


async def say(node: Node, one: bytes, kind: str, other: bytes, since: str) -> None:
    await relate(node, {"organisation": one, "kind": kind, "other": other, "since": since})


async def test_what_both_say_of_one_another_stands_there_once(at: Served) -> None:
    one, other = [await organisation(at.node, name) for name in ("Eins", "Zwei")]
    await say(at.node, one, "same_as", other, "2021-05-01")
    await say(at.node, other, "same_as", one, "2020-05-01")
    for first, second in ((one, other), (other, one)):
        [found] = (await describe_organisation(at.node, "at", first)).related
        told = (found.entity, found.kind, found.since, found.is_confirmed)
        assert told == (second.hex(), "same_as", "2020-05-01", True)


async def test_a_merger_and_who_goes_on_with_it_are_two_statements(at: Served) -> None:
    one, other = [await organisation(at.node, name) for name in ("Alt", "Neu")]
    await say(at.node, one, "merged_into", other, "2021-05-01")
    await say(at.node, other, "successor_of", one, "2021-05-01")
    found = (await describe_organisation(at.node, "at", one)).related
    assert {(about.kind, about.is_first) for about in found} == {
        ("merged_into", False),
        ("successor_of", True),
    }
