import hashlib
from collections.abc import Callable
from itertools import product
from typing import Any, get_args

import pytest

from sopro_registry.families.site_membership import TRANSITIONS, Status
from tests.registry.world import (
    Author,
    World,
    bytes16,
    keys_body,
    membership_body,
    organisation_body,
    signer,
)

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
        ({"conformance": bytes(32), "conformance_until": "2000-01-01"}, None),
        ({"conformance": bytes(32), "conformance_until": "2027-02-29"}, "rec.body"),
        ({"conformance_until": "2027"}, "rec.body"),
        ({"urls": ["ftp://de.example"]}, "rec.body"),
        ({"urls": ["http://user@de.example"]}, "rec.body"),
        ({"urls": []}, "rec.body"),
        ({"languages": ["de" + "-abcdefgh" * 4]}, "rec.body"),
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


NEXT, THIRD = signer("at next root"), signer("at third root")


def successor_entry(world: World, *, by: Any = NEXT, **changes: Any) -> bytes:
    body = keys_body(world.at) | {"root": by.public_key} | changes
    return world.at.draft("site_keys/1", body, entity=bytes16("keys"), signers=[by])


def name_root(world: World, root: Any, entries: list[bytes] | None) -> str | None:
    changes: dict[str, Any] = {"root": root.public_key}
    if entries is not None:
        changes["succession"] = entries
    return world.put_membership(world.at, **changes).code


def test_a_root_key_that_follows_from_the_sites_own_records_may_be_named(world: World) -> None:
    entries = [world.at.entries[0], successor_entry(world)]
    assert name_root(world, NEXT, entries) is None
    assert world.node.directory.founding_root("sopro.example/at/1") == signer("at root").public_key
    # It is the root key now, and goes on being it without another proof.
    assert name_root(world, NEXT, None) is None


def test_several_successions_are_proven_at_once(world: World) -> None:
    committed = hashlib.sha256(THIRD.public_key).digest()
    entries = [
        world.at.entries[0],
        successor_entry(world, next_root=committed),
        successor_entry(world, by=THIRD),
    ]
    assert name_root(world, THIRD, entries) is None


SUCCESSIONS: dict[str, Callable[[World], list[bytes] | None]] = {
    "no proof": lambda _w: None,
    "the old root's record twice": lambda w: [w.at.entries[0]] * 2,
    "another's records": lambda w: [w.hu.entries[0], successor_entry(w)],
    "not begun by the root named before": lambda w: [successor_entry(w)] * 2,
    "leads to another key": lambda w: [
        w.at.entries[0],
        successor_entry(w, next_root=hashlib.sha256(THIRD.public_key).digest()),
        successor_entry(w, by=THIRD),
    ],
    "signed by a key nobody committed to": lambda w: [
        w.at.entries[0],
        successor_entry(w, by=THIRD),
    ],
    "not signed by the key it names": lambda w: [
        w.at.entries[0],
        w.at.draft(
            "site_keys/1",
            keys_body(w.at) | {"root": NEXT.public_key},
            entity=bytes16("keys"),
            signers=[signer("at root")],
        ),
    ],
    "another family": lambda w: [
        w.at.entries[0],
        w.at.draft(
            "organisation/1",
            {"root": NEXT.public_key, "next_root": bytes(32)},
            entity=bytes16("keys"),
            signers=[NEXT],
        ),
    ],
    "no root in it": lambda w: [
        w.at.entries[0],
        w.at.draft("site_keys/1", {"keys": []}, entity=bytes16("keys"), signers=[NEXT]),
    ],
    "no entries": lambda _w: [b"", b"\x00"],
}


@pytest.mark.parametrize("name", SUCCESSIONS)
def test_the_coordinator_alone_cannot_replace_a_root_key(world: World, name: str) -> None:
    assert name_root(world, NEXT, SUCCESSIONS[name](world)) == "mem.key"
    member = world.node.directory.membership("at")
    assert member is not None
    assert member.root == signer("at root").public_key


def test_a_root_key_of_another_site_or_an_earlier_one_is_not_taken_over(world: World) -> None:
    committed = hashlib.sha256(signer("hu root").public_key).digest()
    assert world.at.write_keys(next_root=committed).code is None
    stolen = [world.at.entries[-1], successor_entry(world, by=signer("hu root"))]
    assert name_root(world, signer("hu root"), stolen) == "mem.key"
    assert name_root(world, NEXT, [world.at.entries[0], successor_entry(world)]) is None
    committed = hashlib.sha256(signer("at root").public_key).digest()
    back = [
        successor_entry(world, next_root=committed),
        successor_entry(world, by=signer("at root")),
    ]
    assert name_root(world, signer("at root"), back) == "mem.key"


HEADS = [{"root": bytes(32), "size": 7}]


@pytest.mark.parametrize("status", ["left", "expelled"])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"abandoned": HEADS}, None),
        ({"abandoned": HEADS, "status": "suspended"}, "mem.status"),
        ({"abandoned": HEADS, "status": "admitted"}, "mem.status"),
        ({"abandoned": HEADS, "effective_date": "2026-03-01"}, "mem.status"),
        ({"abandoned": HEADS, "successor": "hu"}, "mem.status"),
        ({"abandoned": HEADS, "ends": {"origin": "sopro.example/at/1", "size": 9}}, "mem.status"),
        ({"abandoned": HEADS, "urls": ["https://elsewhere.example"]}, "mem.status"),
        ({"abandoned": HEADS, "root": NEXT.public_key, "approvals": [b""]}, "mem.status"),
        ({}, "mem.status"),
    ],
)
def test_two_histories_of_a_site_that_has_gone_are_settled_and_nothing_else(
    world: World, status: str, changes: dict[str, Any], code: str | None
) -> None:
    at = world.at
    gone = {"status": status, "ends": end(at, len(at.entries))}
    assert put(world, at, **gone) is None
    assert put(world, at, **gone | changes) == code
    settled = world.node.directory.abandoned(at.origin)
    assert settled == (frozenset() if code else {(7, bytes(32))})
    # Once more, for a third history.
    again = {"abandoned": [{"root": bytes(32), "size": 8}]}
    assert put(world, at, **gone, **again) is None
    assert put(world, at, **gone) == "mem.status"


def test_who_has_not_gone_does_not_begin_by_settling(world: World, de: Author) -> None:
    assert put(world, de, status="expelled", abandoned=HEADS) == "mem.status"
    assert put(world, de, status="admitted") is None
    assert put(world, de, status="expelled", abandoned=HEADS) is None
