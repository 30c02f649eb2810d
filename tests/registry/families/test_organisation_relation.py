import itertools
from typing import Any

import pytest

from sopro_registry.relations import MAX_RELATED, relations_entity
from tests.registry.world import NOW, Author, World, bytes16, organisation_body

A, B, C = (bytes16(name) for name in ("organisation", "org b", "org c"))


@pytest.fixture
def at(world: World) -> Author:
    for entity in (B, C):
        world.at.write("organisation/1", organisation_body(), entity=entity)
    return world.at


def to(other: bytes, kind: str = "merged_into", **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "organisation": other, "since": "2026-01-01"} | changes


def relate(at: Author, organisation: bytes, *relations: dict[str, Any], **how: Any) -> str | None:
    body = {"organisation": organisation, "relations": list(relations)}
    entity = how.pop("entity", relations_entity(organisation))
    return at.write("organisation_relation/1", body, entity=entity, **how).code


@pytest.mark.parametrize(
    ("relations", "code"),
    [
        ([], None),
        ([to(B)], None),
        ([to(B), to(C, "same_as")], None),
        ([to(bytes16("abroad"), site="hu")], None),
        ([to(A, site="hu")], None),
        ([to(B), to(B, "same_as")], "rel.subject"),
        ([to(B), to(B, site="hu")], None),
        ([to(A)], "rel.subject"),
        ([to(B, site="at")], "rel.subject"),
        ([to(bytes16("nobody"))], "lbl.reference"),
        ([to(bytes16("offering"))], "lbl.reference"),
        ([to(B, since="2026-02-29")], "rec.body"),
        ([to(B, since="2028-01-03")], "lbl.dates"),
        ([to(B, since="2028-01-02")], None),
        ([to(B, "knows")], "rec.body"),
        ([to(bytes16(str(one)), site="hu") for one in range(33)], "rec.body"),
    ],
)
def test_refuses(at: Author, relations: list[dict[str, Any]], code: str | None) -> None:
    assert relate(at, A, *relations) == code


def test_stands_on_the_entity_of_its_organisation(at: Author) -> None:
    assert relate(at, A, to(B), entity=bytes16("another")) == "rel.subject"
    assert relate(at, A, to(B)) is None


def test_its_organisation_is_in_this_log(at: Author) -> None:
    assert relate(at, bytes16("nobody"), to(B)) == "lbl.reference"


@pytest.mark.parametrize("kind", ["merged_into", "successor_of", "part_of"])
def test_no_chain_leads_back(at: Author, kind: str) -> None:
    assert relate(at, A, to(B, kind)) is None
    assert relate(at, B, to(C, kind)) is None
    assert relate(at, C, to(A, kind)) == "rel.cycle"
    assert relate(at, C, to(A, "same_as")) is None
    # What was taken back ties no more.
    assert relate(at, B) is None
    assert relate(at, C, to(A, kind)) is None


def test_a_void_relation_ties_nothing(at: Author) -> None:
    assert relate(at, A, to(B)) is None
    assert relate(at, B, to(A), time=NOW - 1) == "rec.time"
    assert relate(at, B, to(C)) is None


def test_a_chain_that_is_too_long_is_refused(at: Author) -> None:
    links = [bytes16(f"link {number}") for number in range(MAX_RELATED + 2)]
    for entity in links:
        at.write("organisation/1", organisation_body(), entity=entity)
    for entity, other in itertools.pairwise(links):
        assert relate(at, entity, to(other)) is None
    assert relate(at, A, to(links[1])) == "rel.cycle"
    assert relate(at, A, to(links[2])) is None


def test_does_not_count_in_the_coordinators_log(world: World) -> None:
    assert relate(world.coordinator, A) == "mem.inactive"
