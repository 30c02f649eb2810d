from typing import Any

import pytest

from tests.registry.world import Author, World, bytes16, keys_body, organisation_body, signer

OLD, NEW = signer("at decision"), signer("at second decision")


def keys_of(author: Author, **replaced: bytes) -> dict[bytes, str]:
    keys = {role: one.public_key for role, one in author.keys.items() if role != "root"}
    return {public: role for role, public in (keys | replaced).items()}


def test_entry_0_is_signed_by_the_root_key_the_membership_names() -> None:
    node = World.new_node()
    author = Author("at", node, prefix="AT1")
    stranger = author.judge(
        "site_keys/1", keys_body(author), entity=bytes16("keys"), signers=[signer("x")]
    )
    assert stranger.code == "sig.unknown-key"
    assert author.write_keys().code is None
    assert [span.since for span in author.cursor.keys] == [0, 1, 1, 1, 1, 1]


def test_nothing_but_site_keys_can_come_first() -> None:
    author = Author("at", World.new_node(), prefix="AT1")
    body = {"certificates": 0, "keys": bytes(32)}
    by_root = author.judge("log_state/1", body, entity=bytes16("state"), role="root")
    assert by_root.code == "sig.role"
    assert author.judge("log_state/1", body, entity=bytes16("state")).code == "sig.unknown-key"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"keys": [{"public": NEW.public_key, "role": "decision"}]}, None),
        ({"keys": [{"public": OLD.public_key, "role": "registrar"}]}, "mem.key"),
        ({"keys": [{"public": OLD.public_key, "role": "decision"}] * 2}, "mem.key"),
        ({"keys": [{"public": signer("at root").public_key, "role": "log"}]}, "mem.key"),
        ({"keys": [{"public": bytes(32), "role": "log"}]}, "sig.weak-key"),
        ({"keys": [{"public": b"\xff" * 32, "role": "log"}]}, "sig.weak-key"),
        ({"root": NEW.public_key}, "sig.role"),
        ({"keys": [{"public": NEW.public_key, "role": "root"}]}, "rec.body"),
        ({"keys": []}, "rec.body"),
    ],
)
def test_refuses(world: World, changes: dict[str, Any], code: str | None) -> None:
    body = keys_body(world.at) | changes
    written = world.at.judge("site_keys/1", body, entity=bytes16("keys"), role="root")
    assert written.code == code


@pytest.mark.parametrize("role", ["log", "witness", "registrar", "decision", "access"])
def test_only_the_root_key_signs_keys(world: World, role: str) -> None:
    body = keys_body(world.at)
    assert world.at.judge("site_keys/1", body, entity=bytes16("keys"), role=role).code == "sig.role"


def test_a_second_signature_beside_the_roots_is_refused(world: World) -> None:
    signers = [world.at.keys["root"], world.at.keys["registrar"]]
    written = world.at.judge(
        "site_keys/1", keys_body(world.at), entity=bytes16("keys"), signers=signers
    )
    assert written.code == "sig.role"


def test_new_key_counts_after_its_record_and_the_old_one_up_to_it(world: World) -> None:
    at = world.at
    position = len(at.entries)
    assert at.would_decide("grant").code is None
    assert at.write_keys(keys_of(at, decision=NEW.public_key)).code is None
    assert at.would_decide("grant").code == "sig.key-retired"
    at.keys["decision"] = NEW
    assert at.would_decide("grant").code is None
    spans = {span.public: (span.since, span.until) for span in at.cursor.keys}
    assert spans[OLD.public_key] == (1, position + 1)
    assert spans[NEW.public_key] == (position + 1, None)


def test_retired_key_is_retired_whatever_time_it_claims(world: World) -> None:
    at = world.at
    at.write_keys(keys_of(at, decision=NEW.public_key))
    backdated = at.decide("grant", how={"time": 0})
    assert backdated.code == "sig.key-retired"


def test_what_a_retired_key_signed_before_stays(world: World) -> None:
    assert world.at.decide("grant").code is None
    world.at.write_keys(keys_of(world.at, decision=NEW.public_key))
    assert world.at.status("2026-06-01") == "active"


def test_retired_key_never_comes_back(world: World) -> None:
    at = world.at
    at.write_keys(keys_of(at, decision=NEW.public_key))
    assert at.write_keys().code == "mem.key"


def test_a_second_entity_of_keys_would_forget_retired_ones(world: World) -> None:
    at = world.at
    at.write_keys(keys_of(at, decision=NEW.public_key))
    written = at.write("site_keys/1", keys_body(at), entity=bytes16("fresh"), role="root")
    assert written.code == "mem.key"
    assert at.would_decide("grant").code == "sig.key-retired"


def test_keys_of_the_coordinator_follow_the_same_rules(world: World) -> None:
    eu = world.coordinator
    assert eu.write_keys(keys_of(eu, registrar=signer("eu second").public_key)).code is None
    assert eu.write_state().code == "sig.key-retired"


def test_key_of_another_site_is_unknown(world: World) -> None:
    written = world.at.judge(
        "organisation/1",
        organisation_body(),
        entity=bytes16("organisation"),
        signers=[world.hu.keys["registrar"]],
    )
    assert written.code == "sig.unknown-key"
