from collections.abc import Callable
from typing import Any

import pytest

from tests.registry.world import (
    Author,
    World,
    bytes16,
    keys_body,
    mandate,
    recovery_body,
    signer,
)

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


def name_root(
    world: World, entries: list[bytes], *, by: tuple[str, ...] = ("hu",), **changes: Any
) -> str | None:
    said = {"mandate": mandate(world.at, *by)}
    fields = {"root": NEW.public_key, "approvals": entries} | said | changes
    return world.put_membership(world.at, **fields).code


def test_all_of_fewer_than_three_have_to_approve(world: World) -> None:
    assert name_root(world, [approve(world.hu, world.at)]) is None
    fr = Author("fr", world.node, prefix="FR1")
    world.put_membership(fr)
    at, fr_approves = world.at, []
    for one, key in ((at, NEW), (fr, fr.keys["root"])):
        body = recovery_body(world.hu)
        fr_approves.append(one.draft("key_recovery/1", body, entity=bytes16("b"), signers=[key]))
    fields = {"root": signer("hu new root").public_key, "mandate": mandate(world.hu, "at", "fr")}
    for one_of_two in ([fr_approves[0]], [fr_approves[1]]):
        assert world.put_membership(world.hu, approvals=one_of_two, **fields).code == "mem.key"
    assert world.put_membership(world.hu, approvals=fr_approves, **fields).code is None


def test_more_than_half_of_the_others_have_to_approve(wide: World) -> None:
    others = [Author(site, wide.node, prefix="XX1") for site in ("hu", "fr", "si", "it")]
    entries = [
        one.draft("key_recovery/1", recovery_body(wide.at), entity=bytes16("a"), role="root")
        for one in others
    ]
    by = ("fr", "hu", "it", "si")
    assert name_root(wide, entries[:2], by=by) == "mem.key"
    assert name_root(wide, [*entries[:2], entries[0]], by=by) == "mem.key"
    assert name_root(wide, [*entries[:2], by_itself(wide)], by=by) == "mem.key"
    assert name_root(wide, entries[:3], by=by) is None


def by_itself(world: World) -> bytes:
    return world.at.draft(
        "key_recovery/1", recovery_body(world.at), entity=bytes16("a"), role="root"
    )


@pytest.mark.parametrize("status", ["suspended", "left", "expelled"])
def test_who_is_no_member_any_more_approves_nothing_and_counts(wide: World, status: str) -> None:
    """Whom the coordinator suspends or expels does not make fewer of those who have to agree."""
    others = [Author(site, wide.node, prefix="XX1") for site in ("hu", "fr", "si", "it")]
    entries = [
        one.draft("key_recovery/1", recovery_body(wide.at), entity=bytes16("a"), role="root")
        for one in others
    ]
    by = ("fr", "hu", "it", "si")
    for site in ("si", "it"):
        author = Author(site, wide.node, prefix=f"{site.upper()}1")
        wide.put_membership(author, status=status)
    assert name_root(wide, entries[:2], by=by) == "mem.key"
    assert name_root(wide, entries[:3], by=by) == "mem.key"
    assert name_root(wide, entries[:2], by=("fr", "hu", "it")) is None


def test_the_coordinator_alone_has_nobody_to_approve(world: World) -> None:
    world.put_membership(world.hu, status="suspended")
    by_coordinator = world.coordinator.draft(
        "key_recovery/1", recovery_body(world.at), entity=bytes16("a"), role="root"
    )
    assert name_root(world, [by_coordinator]) == "mem.key"
    assert name_root(world, [approve(world.hu, world.at)]) == "mem.key"


INVENTED = ("xa", "xb", "xc", "xd", "xe")


def test_the_coordinator_cannot_replace_a_root_key_with_members_it_invents(wide: World) -> None:
    """It admits sites of its own making, more than there are others, and has them approve."""
    entries = []
    for number, site in enumerate(INVENTED):
        author = Author(site, wide.node, prefix=f"X{number}1")
        assert wide.put_membership(author).code is None
        entries.append(
            author.draft("key_recovery/1", recovery_body(wide.at), entity=bytes16("a"), role="root")
        )
    # Nor does it help to be rid of the others.
    for site in ("fr", "si", "it"):
        wide.put_membership(Author(site, wide.node, prefix=f"{site.upper()}1"), status="suspended")
    hu = approve(wide.hu, wide.at)
    for by in (("hu",), ("fr", "hu"), ("fr", "hu", "it", "si")):
        assert name_root(wide, entries, by=by) == "mem.key"
        assert name_root(wide, [*entries, hu], by=by) == "mem.key"
    assert name_root(wide, entries, mandate=mandate(wide.hu, *INVENTED)) == "mem.key"
    unsaid = wide.at.draft("site_keys/1", keys_body(wide.at), entity=bytes16("keys"), role="root")
    assert name_root(wide, entries, mandate=unsaid) == "mem.key"
    member = wide.node.directory.membership("at")
    assert member is not None
    assert member.root == wide.at.keys["root"].public_key
    # Only whom the site itself has named.
    assert name_root(wide, entries[:3], by=INVENTED) is None


MANDATES: dict[str, Callable[[World], dict[str, Any]]] = {
    "none": lambda _w: {"mandate": None},
    "no entry": lambda _w: {"mandate": b"\x00"},
    "an approval": lambda w: {
        "mandate": w.at.draft(
            "key_recovery/1", recovery_body(w.at), entity=bytes16("a"), role="root"
        )
    },
    "another site's": lambda w: {"mandate": mandate(w.hu, "at")},
    "nobody is named": lambda w: {"mandate": w.at.entries[0]},
    "the site itself is named": lambda w: {"mandate": mandate(w.at, "at", "hu")},
    "out of order": lambda w: {"mandate": mandate(w.at, "hu", "fr")},
    "twice": lambda w: {"mandate": mandate(w.at, "hu", "hu")},
    "no site code": lambda w: {"mandate": mandate(w.at, "hu", "Zz")},
    "by the new root key": lambda w: {
        "mandate": w.at.draft(
            "site_keys/1",
            keys_body(w.at) | {"approvers": ["hu"], "root": NEW.public_key},
            entity=bytes16("keys"),
            signers=[NEW],
        )
    },
    "by another key of the site": lambda w: {
        "mandate": w.at.draft(
            "site_keys/1",
            keys_body(w.at) | {"approvers": ["hu"]},
            entity=bytes16("keys"),
            role="registrar",
        )
    },
    "of another log": lambda w: {
        "mandate": w.at.draft(
            "site_keys/1",
            keys_body(w.at) | {"approvers": ["hu"]},
            entity=bytes16("keys"),
            role="root",
            log="sopro.example/at/2",
        )
    },
}


@pytest.mark.parametrize("name", MANDATES)
def test_the_site_itself_has_named_who_may_approve(world: World, name: str) -> None:
    entries = [approve(world.hu, world.at)]
    said = MANDATES[name](world)
    if said["mandate"] is None:
        fields = {"root": NEW.public_key, "approvals": entries}
        assert world.put_membership(world.at, **fields).code == "mem.key"
    else:
        assert name_root(world, entries, **said) == "mem.key"
    assert name_root(world, entries) is None


@pytest.mark.parametrize(
    ("approvers", "code"),
    [
        (["hu"], None),
        (["fr", "hu"], None),
        (["hu", "fr"], "mem.key"),
        (["hu", "hu"], "mem.key"),
        (["at"], "mem.key"),
        ([], "rec.body"),
        (["HU"], "rec.body"),
        ([f"a{number:02}" for number in range(64)], None),
        ([f"a{number:02}" for number in range(65)], "rec.body"),
    ],
)
def test_a_key_record_names_other_sites_in_order(
    world: World, approvers: list[str], code: str | None
) -> None:
    assert world.at.write_keys(approvers=approvers).code == code


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
