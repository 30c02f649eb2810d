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


def end(site: Author, size: int) -> dict[str, Any]:
    return {"origin": site.origin, "size": size}


@pytest.mark.parametrize("status", ["suspended", "left", "expelled"])
def test_who_does_not_act_on_the_end_is_ended_all_the_same(world: World, status: str) -> None:
    at, node = world.at, world.node
    at.decide("grant")
    size = len(at.entries)
    put(world, at, status=status, ends=end(at, size + 1))
    # It never names a newer head of the coordinator, under which it is admitted still.
    revoked = at.decide("revoke")
    assert revoked.code is None
    late = at.write("organisation/1", organisation_body(), entity=bytes16("organisation"))
    assert late.code == "mem.inactive"
    assert "ended this log at position" in str(late.judgement.void)
    assert node.replicas[at.origin].cursor.endings == 1


def test_an_end_below_what_is_judged_has_it_judged_anew(world: World) -> None:
    at, fresh = world.at, World.new_node()
    at.decide("grant")
    size = len(at.entries)
    at.decide("revoke")
    assert at.status("2027-01-01") == "revoked"
    put(world, at, status="suspended", ends=end(at, size))
    assert at.status("2027-01-01") == "active"
    assert world.node.replicas[at.origin].tables.voids[size].code == "mem.inactive"
    for author in (world.coordinator, at):
        fresh.deliver(author.origin, author.entries)
    assert fresh.replicas[at.origin].tables.voids == at.tables.voids


def test_what_follows_on_a_new_admission_counts_again(world: World) -> None:
    at, eu = world.at, world.coordinator
    at.decide("grant")
    put(world, at, status="suspended", ends=end(at, len(at.entries)))
    put(world, at, status="admitted")
    # Admitted again, but it has not acted on that yet.
    assert at.would_decide("revoke").code == "mem.inactive"
    assert at.write_state(eu).code is None
    assert at.decide("revoke").code is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "suspended"}, None),
        ({"status": "left"}, None),
        ({"status": "expelled"}, None),
        ({"status": "admitted"}, "mem.end"),
        ({"status": "suspended", "ends": {"origin": "sopro.example/hu/1", "size": 9}}, "mem.end"),
        ({"status": "suspended", "ends": {"origin": "sopro.example/at/1", "size": 4}}, "mem.end"),
        ({"status": "suspended", "ends": {"origin": "sopro.example/at/1", "size": 5}}, None),
    ],
)
def test_where_a_membership_may_end(
    world: World, changes: dict[str, Any], code: str | None
) -> None:
    at = world.at
    assert put(world, at, status="suspended", ends=end(at, 5)) is None
    assert put(world, at, status="admitted") is None
    assert put(world, at, **{"ends": end(at, 9), **changes}) == code
