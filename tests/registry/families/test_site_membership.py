from itertools import product
from typing import Any, get_args

import pytest

from sopro_registry.families.site_membership import TRANSITIONS, Status
from tests.registry.world import Author, World, bytes16, membership_body, organisation_body, signer

# How to bring a site that the federation has not met to a status.
PATHS: dict[str | None, tuple[str, ...]] = {
    None: (),
    "applicant": ("applicant",),
    "admitted": ("admitted",),
    "suspended": ("admitted", "suspended"),
    "left": ("admitted", "left"),
    "expelled": ("admitted", "expelled"),
}
FOLLOWS = {
    None: {"applicant", "admitted"},
    "applicant": {"applicant", "admitted", "left"},
    "admitted": {"admitted", "suspended", "left", "expelled"},
    "suspended": {"suspended", "admitted", "left", "expelled"},
    "left": {"applicant"},
    "expelled": set(),
}


@pytest.fixture
def de(world: World) -> Author:
    return Author("de", world.node, prefix="DE1")


def put(world: World, author: Author, **changes: Any) -> str | None:
    return world.put_membership(author, **changes).code


@pytest.mark.parametrize(("before", "after"), [*product(PATHS, get_args(Status))])
def test_follows_the_table(world: World, de: Author, before: str | None, after: str) -> None:
    for status in PATHS[before]:
        assert put(world, de, status=status) is None
    expected = None if after in FOLLOWS[before] else "mem.status"
    assert ((before, after) in TRANSITIONS) == (expected is None)
    assert put(world, de, status=after) == expected
    held = world.node.directory.membership("de")
    assert (held.status if held else None) == (after if expected is None else before)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"prefix": "AT1"}, "mem.name"),
        ({"site": "at", "origin": "sopro.example/at/2"}, "mem.name"),
        ({"origin": "sopro.example/at/1"}, "mem.name"),
        ({"origin": "other.example/de/1"}, "mem.name"),
        ({"origin": "sopro.example/de"}, "mem.name"),
        ({"origin": "sopro.example/de/1/2"}, "mem.name"),
        ({"origin": "sopro.example/de/"}, "mem.name"),
        ({"origin": "sopro.example/de/01"}, "mem.name"),
        ({"origin": "sopro.example/de/0"}, "mem.name"),
        ({"origin": "sopro.example/de/1234567"}, "mem.name"),
        ({"root": signer("at root").public_key}, "mem.key"),
        ({"root": bytes(32)}, "sig.weak-key"),
        ({"site": "DE"}, "rec.body"),
        ({"prefix": "D1"}, "rec.body"),
        ({"effective_date": "2025-11-31"}, "rec.body"),
        ({"urls": ["ftp://de.example"]}, "rec.body"),
        ({"urls": ["http://user@de.example"]}, "rec.body"),
        ({"urls": []}, "rec.body"),
    ],
)
def test_refuses_a_new_site(
    world: World, de: Author, changes: dict[str, Any], code: str | None
) -> None:
    assert put(world, de, **changes) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"urls": ["https://new.example:8443/sopro"], "zone": "Europe/Berlin"}, None),
        ({"name": {"de": "Neuer Name"}}, None),
        ({"prefix": "AT2"}, "mem.name"),
        ({"site": "a2"}, "mem.name"),
        ({"root": signer("at next root").public_key}, "mem.key"),
        ({"origin": "sopro.example/at/2"}, "mem.key"),
    ],
)
def test_refuses_a_change(world: World, changes: dict[str, Any], code: str | None) -> None:
    assert put(world, world.at, **changes) == code


def test_counts_only_in_the_coordinators_log(world: World, de: Author) -> None:
    written = world.at.judge("site_membership/1", membership_body(de), entity=bytes16("de"))
    assert written.code == "lbl.competence"


def test_site_may_write_only_from_the_coordinators_size_that_admits_it(world: World) -> None:
    node = world.node
    at, eu = world.at, world.coordinator
    size = len(eu.entries)
    put(world, at, status="suspended")
    body, entity = organisation_body(), bytes16("organisation")
    # Suspended in the coordinator's log, but the site has not acted on that yet.
    assert at.judge("organisation/1", body, entity=entity).code is None
    at.write_state(eu)
    assert at.write("organisation/1", body, entity=entity).code == "mem.inactive"
    assert node.directory.membership("at", size=size).status == "admitted"
    put(world, at, status="admitted")
    assert at.judge("organisation/1", body, entity=entity).code == "mem.inactive"
    at.write_state(eu)
    assert at.judge("organisation/1", body, entity=entity).code is None


@pytest.mark.parametrize("status", ["suspended", "left", "expelled"])
def test_ending_a_membership_leaves_earlier_decisions(world: World, status: str) -> None:
    world.at.decide("grant")
    put(world, world.at, status=status)
    world.at.write_state(world.coordinator)
    assert world.at.decide("suspend").code == "mem.inactive"
    assert world.at.status("2026-06-01") == "active"


def test_nothing_counts_before_joining(world: World, de: Author) -> None:
    node = World.new_node(("eu", "at"))
    at = Author("at", node, prefix="AT1")
    at.write_keys()
    at.write_state()
    body, entity = organisation_body(), bytes16("organisation")
    assert at.write("organisation/1", body, entity=entity).code == "mem.inactive"


def test_applicant_is_no_member() -> None:
    world = World()
    node = World.new_node(("eu", "de"))
    eu, de = Author("eu", node), Author("de", node, prefix="DE1")
    eu.write_keys()
    body = membership_body(de) | {"status": "applicant"}
    eu.write("site_membership/1", body, entity=bytes16("de"))
    de.write_keys()
    assert de.write_state(eu).code is None
    written = de.write("organisation/1", organisation_body(), entity=bytes16("organisation"))
    assert written.code == "mem.inactive"
    assert [member.site for member in world.node.directory.members()] == ["at", "hu"]
