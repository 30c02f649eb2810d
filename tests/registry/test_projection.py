from typing import Any

import pytest

from sopro_protocol.encoding import encode
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import parse_entry, sign_record
from tests.registry.world import (
    NOW,
    World,
    bytes16,
    membership_body,
    organisation_body,
    scheme_body,
    signer,
)

ORG = bytes16("organisation")
FRESH = bytes16("fresh")


def judge(world: World, body: Any = None, *, entity: bytes = FRESH, **how: Any) -> str | None:
    family = how.pop("family", "organisation/1")
    return world.at.judge(family, body or organisation_body(), entity=entity, **how).code


# What is not an entry or not a record.


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "enc.framing"),
        (b"\xc1", "enc.framing"),
        (b"\xc0", "enc.type"),
        (bytes(65_536), "enc.limit"),
        (encode([1, []]), "rec.entry"),
        (encode([b"", []]), "sig.missing"),
        (encode([b"", [[bytes(32), bytes(63)]]]), "sig.missing"),
        (encode([b"", [[bytes(32), bytes(64)]] * 2]), "sig.missing"),
        (encode([b"\x80", [[bytes(32), bytes(64)]]]), "rec.form"),
        (encode([b"\x82\xa1a\x01\xa1a\x01", [[bytes(32), bytes(64)]]]), "enc.duplicate-key"),
    ],
)
def test_bytes_that_are_no_record_are_void_and_later_entries_count(
    world: World, data: bytes, code: str
) -> None:
    written = world.at.write_bytes(data)
    assert (written.code, written.judgement.record) == (code, None)
    assert world.at.tables.voids[written.judgement.index].code == code
    assert world.at.decide("grant").code is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"v": 2}, "rec.form"),
        ({"salt": None}, "rec.form"),
        ({"entity": bytes(15)}, "rec.form"),
        ({"family": "organisation"}, "rec.form"),
        ({"family": "organisation/0"}, "rec.form"),
        ({"time": -1}, "rec.form"),
        ({"docs": []}, "rec.form"),
        ({"crit": []}, "rec.form"),
        ({"an_unknown": "field stays in the bytes"}, None),
    ],
)
def test_envelope_is_held_to_its_form(
    world: World, changes: dict[str, Any], code: str | None
) -> None:
    assert judge(world, **changes) == code


# Whose record, and who signed it.


def test_record_of_another_log_is_a_replay(world: World) -> None:
    theirs = world.hu.write("organisation/1", organisation_body(), entity=FRESH)
    assert theirs.code is None
    replayed = world.at.write_bytes(theirs.data)
    assert replayed.code == "hos.replay"
    assert world.at.node.state(world.at.origin, FRESH) is None


@pytest.mark.parametrize("log", ["sopro.example/at/2", "other.example/at/1", "sopro.example/AT/1"])
def test_record_of_another_epoch_or_federation_is_a_replay(world: World, log: str) -> None:
    assert judge(world, log=log) == "hos.replay"


def test_signature_must_verify(world: World) -> None:
    at = world.at
    data = at.draft("organisation/1", organisation_body(), entity=FRESH)
    flipped = data[:-1] + bytes([data[-1] ^ 1])
    ledger = at.node.replicas[at.origin].ledger
    assert ledger.judge(data).void is None
    assert ledger.judge(flipped).void.code == "sig.invalid"
    # Whoever checked the signatures elsewhere need not have them checked again.
    assert ledger.judge(flipped, verified=True).void is None


def test_signature_covers_the_record(world: World) -> None:
    at = world.at
    data = at.draft("organisation/1", organisation_body(), entity=FRESH)
    changed = data.replace(b"active", b"activf")
    assert at.node.replicas[at.origin].ledger.judge(changed).void.code == "sig.invalid"


def test_signature_of_another_context_does_not_verify(world: World) -> None:
    at = world.at
    record = parse_entry(at.draft("organisation/1", organisation_body(), entity=FRESH)).record
    plain = at.keys["registrar"].sign(record)
    forged = encode([record, [[at.keys["registrar"].key_id, plain]]])
    assert at.node.replicas[at.origin].ledger.judge(forged).void.code == "sig.invalid"


@pytest.mark.parametrize("role", ["root", "log", "witness", "decision", "access"])
def test_key_must_have_the_familys_role(world: World, role: str) -> None:
    assert judge(world, role=role) == "sig.role"


def test_every_signature_counts(world: World) -> None:
    registrar, decision = world.at.keys["registrar"], world.at.keys["decision"]
    assert judge(world, signers=[registrar]) is None
    assert judge(world, signers=[registrar, decision]) == "sig.role"
    assert judge(world, signers=[registrar, signer("stranger")]) == "sig.unknown-key"


# The chain on an entity.


def test_prev_must_be_the_last_entry_on_the_entity(world: World) -> None:
    at = world.at
    assert judge(world, entity=ORG) is None
    assert judge(world, entity=ORG, prev=None) == "lbl.conflict"
    assert judge(world, entity=ORG, prev=bytes(32)) == "lbl.conflict"
    assert judge(world, entity=ORG, prev=at.heads[bytes16("offering")]) == "lbl.conflict"
    assert judge(world, entity=FRESH, prev=at.heads[ORG]) == "lbl.conflict"


def test_of_two_successors_the_lower_index_counts(world: World) -> None:
    at = world.at
    at.decide("grant")
    prev = at.heads[bytes16("label")]
    assert at.decide("suspend", how={"prev": prev}).code is None
    assert at.decide("revoke", how={"prev": prev}).code == "lbl.conflict"
    assert at.status("2026-06-01") == "suspended"


def test_void_record_moves_prev_and_later_ones_count(world: World) -> None:
    at = world.at
    at.decide("grant")
    before = at.heads[bytes16("label")]
    assert at.decide("reinstate").code == "lbl.transition"
    assert at.decide("suspend", how={"prev": before}).code == "lbl.conflict"
    assert at.decide("suspend").code is None
    assert at.status("2026-06-01") == "suspended"


@pytest.mark.parametrize(
    "how",
    [
        {"role": "access"},
        {"signers": [signer("stranger")]},
        {"log": "sopro.example/hu/1"},
        {"time": 0},
        {"family": "offering/1"},
    ],
)
def test_every_decodable_void_with_the_right_prev_moves_it(
    world: World, how: dict[str, Any]
) -> None:
    at = world.at
    how = {"family": "organisation/1"} | how
    assert at.write(body=organisation_body(), entity=ORG, **how).code is not None
    assert at.tables.entity(ORG).head == at.heads[ORG] == leaf_hash(at.entries[-1])
    assert judge(world, entity=ORG) is None


@pytest.mark.parametrize("entity", [ORG, FRESH])
@pytest.mark.parametrize("how", [{}, {"role": "access"}, {"log": "sopro.example/hu/1"}])
def test_void_with_another_prev_does_not_move_it(
    world: World, entity: bytes, how: dict[str, Any]
) -> None:
    at = world.at
    how |= {"prev": bytes(32)}
    assert at.write("organisation/1", organisation_body(), entity=entity, **how).code is not None
    assert judge(world, entity=entity) is None


def test_same_entry_twice_is_void(world: World) -> None:
    at = world.at
    first = at.decide("grant")
    assert at.write_bytes(first.data).code == "lbl.conflict"
    assert (at.cursor.grants, at.cursor.voids) == (1, 1)


@pytest.mark.parametrize("role", ["decision", "access"])
def test_old_decisions_appended_once_more_are_void(world: World, role: str) -> None:
    at = world.at
    lives = [at.decide("grant"), at.decide("correct", how={"role": role})]
    lives += [at.decide(action) for action in ("suspend", "reinstate")]
    for written in lives:
        assert at.write_bytes(written.data).code in {"lbl.conflict", "sig.role"}
    assert at.status("2026-06-01") == "active"
    assert at.decide("suspend").code is None


def test_same_record_under_other_signatures_is_void(world: World) -> None:
    at = world.at
    record = {"body": {}, "entity": FRESH, "family": "poem/1", "log": at.origin}
    data = encode(record | {"salt": bytes(16), "time": NOW, "v": 1})
    by_one, by_two = (
        sign_record(data, [at.keys[role] for role in roles])
        for roles in (["registrar"], ["registrar", "decision"])
    )
    assert at.write_bytes(by_one).code is None
    assert at.write_bytes(by_two).code == "lbl.conflict"


def test_entity_stays_with_its_family(world: World) -> None:
    assert judge(world, scheme_body(), family="offering/1", entity=ORG) == "rec.family"
    assert judge(world, {}, family="poem/1", entity=ORG) == "rec.family"


def test_time_never_falls_among_records_that_count(world: World) -> None:
    at = world.at
    assert judge(world, time=NOW - 1) == "rec.time"
    void = at.write("organisation/1", organisation_body(), entity=FRESH, time=NOW + 9, role="log")
    assert void.code == "sig.role"
    assert judge(world, time=NOW) is None
    at.write("organisation/1", organisation_body(), entity=FRESH, time=NOW + 5)
    assert judge(world, time=NOW + 4) == "rec.time"


def test_time_beyond_the_calendar_does_no_harm(world: World) -> None:
    assert world.at.decide("grant", how={"time": 2**53 - 1}).code is None


# What this version cannot judge.


@pytest.mark.parametrize("role", ["registrar", "decision"])
def test_unknown_family_passes_uninterpreted(world: World, role: str) -> None:
    at = world.at
    written = at.write("poem/7", {"anything": [1, b"2"]}, entity=FRESH, role=role, crit=["x"])
    assert (written.code, written.judgement.change) == (None, None)
    assert not written.judgement.undetermined
    assert (at.cursor.uninterpreted, at.cursor.voids) == (1, 0)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"role": "log"}, "sig.role"),
        ({"role": "root"}, "sig.role"),
        ({"signers": [signer("stranger")]}, "sig.unknown-key"),
        ({"prev": bytes(32)}, "lbl.conflict"),
        ({"time": NOW - 1}, "rec.time"),
        ({"log": "sopro.example/hu/1"}, "hos.replay"),
    ],
)
def test_unknown_family_is_still_checked(world: World, how: dict[str, Any], code: str) -> None:
    assert judge(world, family="poem/1", **how) == code


@pytest.mark.parametrize("how", [{"family": "label_decision/2"}, {"crit": ["action", "novel"]}])
def test_newer_major_or_unknown_crit_makes_the_entity_undetermined(
    world: World, how: dict[str, Any]
) -> None:
    at, entity = world.at, bytes16("label")
    at.decide("grant")
    how = {"family": "label_decision/1", "role": "decision"} | how
    family = how.pop("family")
    written = at.write(family, at.decision("suspend"), entity=entity, **how)
    assert (written.code, written.judgement.undetermined) == (None, True)
    assert at.tables.entity(entity).undetermined
    # Nothing later on this entity can be judged; other entities can.
    later = at.decide("reinstate")
    assert (later.code, later.judgement.undetermined) == (None, True)
    assert at.cursor.uninterpreted == 2
    assert at.decide("grant", label="other", certificate=at.number(2)).code is None


def test_crit_that_is_known_changes_nothing(world: World) -> None:
    at = world.at
    assert at.decide("grant", how={"crit": ["action", "valid_until"]}).code is None
    assert at.status("2026-06-01") == "active"


def test_void_record_leaves_an_entity_determined(world: World) -> None:
    at = world.at
    at.decide("grant")
    newer = at.draft("label_decision/2", {}, entity=bytes16("label"), role="registrar")
    assert at.write_bytes(newer).code == "sig.role"
    assert not at.tables.entity(bytes16("label")).undetermined


# Judging and committing.


def test_judging_changes_nothing(world: World) -> None:
    at = world.at
    before = (repr(at.cursor), dict(at.tables.rows), dict(at.tables.labels))
    first, second = at.would_decide("grant"), at.would_decide("grant")
    assert first.judgement == second.judgement
    assert (repr(at.cursor), at.tables.rows, at.tables.labels) == before


def test_counters_say_what_was_projected(world: World) -> None:
    at = world.at
    start = len(at.entries)
    at.decide("grant")
    at.decide("grant")
    at.write("poem/1", {}, entity=FRESH)
    at.write_bytes(b"?")
    cursor = at.cursor
    assert cursor.projected == start + 4 == len(at.entries)
    assert (cursor.grants, cursor.voids, cursor.uninterpreted) == (1, 2, 1)
    assert at.tables.counts == {("grant", 2026): 1}
    assert {index: void.code for index, void in at.tables.voids.items()} == {
        start + 1: "lbl.transition",
        start + 3: "rec.entry",
    }


def test_documents_play_no_role(world: World) -> None:
    promised = {
        "commitment": bytes(32),
        "name": "report",
        "size": 1,
        "type": "application/pdf",
        "visibility": "site",
    }
    assert world.at.decide("grant", how={"docs": [promised]}).code is None
    assert world.hu.decide("grant").code is None
    one, other = world.at.decisions(), world.hu.decisions()
    assert one == other


def test_small_order_member_key_is_refused(world: World) -> None:
    body = membership_body(world.at) | {"root": bytes(32), "site": "xx", "prefix": "XX1"}
    body["origin"] = "sopro.example/xx/1"
    written = world.coordinator.judge("site_membership/1", body, entity=FRESH)
    assert written.code == "sig.weak-key"
