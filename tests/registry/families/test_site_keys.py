import hashlib
from typing import Any

import pytest

from sopro_registry.families import site_keys
from sopro_registry.keyhistory import log_keys_at
from tests.registry.world import (
    Author,
    World,
    Written,
    bytes16,
    keys_body,
    organisation_body,
    signer,
)

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
        ({"renew_by": [{"key": OLD.public_key, "by": "2028-02-29"}]}, None),
        # Of a key that it does not name the record says nothing.
        ({"renew_by": [{"key": NEW.public_key, "by": "2000-01-01"}]}, None),
        ({"renew_by": [{"key": OLD.public_key, "by": "2027-02-29"}]}, "rec.body"),
        ({"renew_by": [{"key": OLD.public_key, "by": "soon"}]}, "rec.body"),
        ({"renew_by": []}, "rec.body"),
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


NEXT, THIRD = signer("at next root"), signer("at third root")


def hash_of(public: bytes) -> bytes:
    return hashlib.sha256(public).digest()


def succeed(author: Author, **changes: Any) -> Written:
    """Write a key record by the committed successor, which commits to the third root."""
    fields = {"root": NEXT.public_key, "next_root": hash_of(THIRD.public_key)}
    body = keys_body(author) | fields | changes
    return author.write("site_keys/1", body, entity=bytes16("keys"), signers=[NEXT])


def test_the_committed_successor_replaces_the_root_from_the_next_position_on(world: World) -> None:
    at = world.at
    position = len(at.entries)
    assert succeed(at).code is None
    spans = {span.public: (span.since, span.until) for span in at.cursor.keys}
    assert spans[at.keys["root"].public_key] == (0, position + 1)
    assert spans[NEXT.public_key] == (position + 1, None)
    old = at.judge("site_keys/1", keys_body(at), entity=bytes16("keys"), role="root")
    assert old.code == "sig.key-retired"
    assert at.would_decide("grant").code is None


def test_a_chain_of_successors(world: World) -> None:
    at = world.at
    assert succeed(at).code is None
    body = keys_body(at) | {"root": THIRD.public_key}
    written = at.write("site_keys/1", body, entity=bytes16("keys"), signers=[THIRD])
    assert written.code is None


@pytest.mark.parametrize(
    ("changes", "by", "code"),
    [
        ({"root": NEXT.public_key}, NEXT, None),
        ({"root": THIRD.public_key}, THIRD, "sig.unknown-key"),  # nobody has committed to it
        ({"root": THIRD.public_key}, NEXT, "sig.unknown-key"),  # the committed one names another
        ({}, NEXT, "sig.unknown-key"),  # the old root is named
        ({"root": NEXT.public_key}, "root", "sig.role"),  # the old root names the new one
    ],
)
def test_only_the_committed_successor_succeeds(
    world: World, changes: dict[str, Any], by: Any, code: str | None
) -> None:
    at = world.at
    signers = [at.keys[by] if isinstance(by, str) else by]
    body = keys_body(at) | changes
    assert at.judge("site_keys/1", body, entity=bytes16("keys"), signers=signers).code == code


def test_a_successor_that_was_given_up_does_not_succeed(world: World) -> None:
    at = world.at
    assert at.write_keys(next_root=hash_of(THIRD.public_key)).code is None
    assert succeed(at).code == "sig.unknown-key"


def test_the_successor_signs_nothing_but_its_own_key_record(world: World) -> None:
    at = world.at
    body = {"certificates": 0, "keys": at.cursor.keys_record}
    written = at.judge("log_state/1", body, entity=bytes16("state"), signers=[NEXT])
    assert written.code == "sig.unknown-key"
    fresh = keys_body(at) | {"root": NEXT.public_key}
    other = at.judge("site_keys/1", fresh, entity=bytes16("other"), signers=[NEXT])
    assert other.code == "sig.unknown-key"


def test_a_bad_signature_of_the_successor_is_invalid(world: World) -> None:
    at = world.at
    body = keys_body(at) | {"root": NEXT.public_key}
    data = at.draft("site_keys/1", body, entity=bytes16("keys"), signers=[NEXT])
    spoilt = data[:-1] + bytes([data[-1] ^ 1])
    judged = at.node.replicas[at.origin].ledger.judge(spoilt)
    assert judged.void is not None
    assert judged.void.code == "sig.invalid"


def revoke(author: Author, key: bytes, size: int, **keys: bytes) -> Written:
    return author.write_keys(keys_of(author, **keys), revoked=[{"key": key, "size": size}])


def test_a_key_cut_off_counts_no_more_and_what_it_signed_before_stays(world: World) -> None:
    at = world.at
    assert at.decide("grant").code is None
    assert revoke(at, OLD.public_key, 3, decision=NEW.public_key).code is None
    assert at.would_decide("suspend").code == "sig.key-retired"
    assert at.status("2026-06-01") == "active"
    at.keys["decision"] = NEW
    assert at.would_decide("suspend").code is None


def test_a_key_that_is_still_named_counts_up_to_its_cut(world: World) -> None:
    at = world.at
    size = len(at.entries) + 2
    assert revoke(at, OLD.public_key, size).code is None
    assert at.decide("grant").code is None
    assert len(at.entries) == size
    assert at.would_decide("suspend").code == "sig.key-retired"


def test_a_cut_is_never_moved_up(world: World) -> None:
    at = world.at
    assert revoke(at, OLD.public_key, 3, decision=NEW.public_key).code is None
    at.keys["decision"] = NEW
    assert revoke(at, OLD.public_key, 900).code is None
    assert [span.cut for span in at.cursor.keys if span.public == OLD.public_key] == [3]


@pytest.mark.parametrize("name", ["stranger", "at root"])
def test_only_a_key_of_the_site_other_than_its_root_is_cut_off(world: World, name: str) -> None:
    assert revoke(world.at, signer(name).public_key, 3).code == "mem.key"


def test_a_log_key_signs_heads_from_its_record_to_its_end(world: World) -> None:
    at = world.at
    old, new = signer("at log"), signer("at second log")
    position = len(at.entries)
    assert at.write_keys(keys_of(at) | {new.public_key: "log"}).code is None
    assert log_keys_at(at.cursor.keys, position) == [old.public_key]
    assert set(log_keys_at(at.cursor.keys, position + 1)) == {old.public_key, new.public_key}
    end = len(at.entries)
    assert at.write_keys(keys_of(at, log=new.public_key)).code is None
    assert set(log_keys_at(at.cursor.keys, end + 1)) == {old.public_key, new.public_key}
    assert log_keys_at(at.cursor.keys, end + 2) == [new.public_key]
    at.keys["log"] = new
    assert revoke(at, old.public_key, 4).code is None
    assert log_keys_at(at.cursor.keys, 4) == [old.public_key]
    assert log_keys_at(at.cursor.keys, 5) == []


def test_a_log_has_no_more_keys_than_can_be_followed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_keys, "MAX_KEYS", 7)
    assert world.at.write_keys(keys_of(world.at, decision=NEW.public_key)).code is None
    third = signer("at third decision").public_key
    assert world.at.write_keys(keys_of(world.at, decision=third)).code == "mem.key"


def test_a_key_counts_whatever_day_it_was_to_be_replaced_by(world: World) -> None:
    body = keys_body(world.at)
    dated = body | {
        "renew_by": [{"key": one["public"], "by": "2000-01-01"} for one in body["keys"]]
    }
    spans = list(world.at.cursor.keys)
    written = world.at.judge("site_keys/1", dated, entity=bytes16("keys"), role="root")
    assert written.code is None
    assert list(world.at.cursor.keys) == spans
