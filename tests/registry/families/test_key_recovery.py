from typing import Any

import pytest

from tests.registry.world import Author, World, bytes16, keys_body, recovery_body, signer

NEW = signer("at new root")


def approve(member: Author, site: Author, **changes: Any) -> bytes:
    """Write an approval into a member's log, and return the entry."""
    body = recovery_body(site) | changes
    written = member.write("key_recovery/1", body, entity=bytes16("approval"), role="root")
    assert written.code is None
    return written.data


@pytest.fixture
def wide(world: World) -> World:
    """Five members: at, hu, and three more."""
    for site in ("fr", "si", "it"):
        author = Author(site, world.node, prefix=f"{site.upper()}1")
        world.put_membership(author)
    return world


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"root": bytes(32)}, "sig.weak-key"),
        ({"origin": "sopro.example/hu/1"}, "mem.key"),
        ({"before": b""}, "rec.body"),
    ],
)
def test_refuses(world: World, changes: dict[str, Any], code: str | None) -> None:
    body = recovery_body(world.at) | changes
    written = world.hu.judge("key_recovery/1", body, entity=bytes16("a"), role="root")
    assert written.code == code


@pytest.mark.parametrize("role", ["registrar", "decision", "log"])
def test_only_the_root_key_approves(world: World, role: str) -> None:
    body = recovery_body(world.at)
    written = world.hu.judge("key_recovery/1", body, entity=bytes16("a"), role=role)
    assert written.code == "sig.role"


def test_an_approval_is_one_record(world: World) -> None:
    approve(world.hu, world.at)
    body = recovery_body(world.at)
    again = world.hu.judge("key_recovery/1", body, entity=bytes16("approval"), role="root")
    assert again.code == "mem.key"


def test_it_counts_in_the_log_of_an_admitted_member_only(world: World) -> None:
    body = recovery_body(world.at)
    written = world.coordinator.judge("key_recovery/1", body, entity=bytes16("a"), role="root")
    assert written.code == "mem.inactive"


def name_root(world: World, entries: list[bytes], **changes: Any) -> str | None:
    fields = {"root": NEW.public_key, "approvals": entries} | changes
    return world.put_membership(world.at, **fields).code


def test_all_of_fewer_than_three_have_to_approve(world: World) -> None:
    assert name_root(world, [approve(world.hu, world.at)]) is None
    fr = Author("fr", world.node, prefix="FR1")
    world.put_membership(fr)
    body = recovery_body(world.hu) | {"root": NEW.public_key}
    assert body["before"] == world.hu.keys["root"].public_key
    by_at = world.at.draft("key_recovery/1", body, entity=bytes16("b"), signers=[NEW])
    fields = {"root": signer("hu new root").public_key, "approvals": [by_at]}
    assert world.put_membership(world.hu, **fields).code == "mem.key"


def test_more_than_half_of_the_others_have_to_approve(wide: World) -> None:
    others = [Author(site, wide.node, prefix="XX1") for site in ("hu", "fr", "si", "it")]
    entries = [
        one.draft("key_recovery/1", recovery_body(wide.at), entity=bytes16("a"), role="root")
        for one in others
    ]
    assert name_root(wide, entries[:2]) == "mem.key"
    assert name_root(wide, [*entries[:2], entries[0]]) == "mem.key"
    assert name_root(wide, [*entries[:2], by_itself(wide)]) == "mem.key"
    assert name_root(wide, entries[:3]) is None


def by_itself(world: World) -> bytes:
    return world.at.draft(
        "key_recovery/1", recovery_body(world.at), entity=bytes16("a"), role="root"
    )


def test_who_is_suspended_does_not_decide(wide: World) -> None:
    others = [Author(site, wide.node, prefix="XX1") for site in ("hu", "fr", "si")]
    entries = [
        one.draft("key_recovery/1", recovery_body(wide.at), entity=bytes16("a"), role="root")
        for one in others
    ]
    for site in ("fr", "si", "it"):
        author = Author(site, wide.node, prefix=f"{site.upper()}1")
        wide.put_membership(author, status="suspended")
    assert name_root(wide, entries) == "mem.key"
    assert name_root(wide, entries[:1]) is None


def test_the_coordinator_alone_has_nobody_to_approve(world: World) -> None:
    world.put_membership(world.hu, status="suspended")
    by_coordinator = world.coordinator.draft(
        "key_recovery/1", recovery_body(world.at), entity=bytes16("a"), role="root"
    )
    assert name_root(world, [by_coordinator]) == "mem.key"
    assert name_root(world, [approve(world.hu, world.at)]) == "mem.key"


def test_a_new_root_key_is_proven_in_one_way(world: World) -> None:
    entry = approve(world.hu, world.at)
    assert name_root(world, [entry], succession=[world.at.entries[0]] * 2) == "mem.key"


def test_the_site_takes_the_root_key_that_its_membership_names(world: World) -> None:
    at = world.at
    body = keys_body(at) | {"root": NEW.public_key}
    early = at.judge("site_keys/1", body, entity=bytes16("keys"), signers=[NEW])
    assert early.code == "sig.unknown-key"
    assert name_root(world, [approve(world.hu, at)]) is None
    # It counts from where the site's log acts on the record that names it.
    assert at.judge("site_keys/1", body, entity=bytes16("keys"), signers=[NEW]).code == (
        "sig.unknown-key"
    )
    assert at.write_state(world.coordinator).code is None
    assert at.write("site_keys/1", body, entity=bytes16("keys"), signers=[NEW]).code is None
    old = at.judge("site_keys/1", keys_body(at), entity=bytes16("keys"), role="root")
    assert old.code == "sig.key-retired"


def test_an_old_root_key_that_the_membership_still_names_does_not_come_back(world: World) -> None:
    at, successor = world.at, signer("at next root")
    body = keys_body(at) | {"root": successor.public_key}
    assert at.write("site_keys/1", body, entity=bytes16("keys"), signers=[successor]).code is None
    old = at.judge("site_keys/1", keys_body(at), entity=bytes16("keys"), role="root")
    assert old.code == "sig.key-retired"
