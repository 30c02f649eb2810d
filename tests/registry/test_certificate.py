"""What a certificate proves, and every way of making it say more than it proves."""

from typing import Any

import pytest

from sopro_protocol.checkpoint import Checkpoint
from sopro_protocol.commitment import STRUCTURED, commit_document
from sopro_protocol.cosignature import cosign
from sopro_protocol.encoding import decode, encode
from sopro_protocol.errors import SoproError
from sopro_protocol.keys import COSIGNATURE, make_vkey
from sopro_protocol.merkle import Hash
from sopro_registry.certificate import OpenedCertificate, open_certificate
from sopro_registry.certificate_file import (
    Certificate,
    Disclosed,
    Proven,
    StatusPath,
    format_certificate,
    parse_certificate,
)
from sopro_registry.verdict import EXIT, Judged, Verdict, judge_certificate
from tests.registry.certifying import TODAY, certify, cosigned, end_batch, indexes_of, prove
from tests.registry.world import (
    NOW,
    SITE_ROLES,
    Author,
    World,
    bytes16,
    dates_of,
    mandate,
    offering_body,
    ordinal,
    organisation_body,
    recovery_body,
    signer,
)

HOUR = 3_600_000
WITNESS = signer("witness of hu")
WITNESS_KEY = make_vkey("sopro.example/hu/witness", WITNESS.public_key, key_type=COSIGNATURE)


@pytest.fixture
def world() -> World:
    world = World()
    world.at.decide("grant", **dates_of("grant", "2027-06-01"))
    world.at.decide(
        "grant", label="other", **dates_of("grant", "2027-06-01"), certificate=world.at.number(2)
    )
    end_batch(world)
    return world


def judge(world: World, certificate: Certificate | bytes, **values: Any) -> Judged:
    data = certificate if isinstance(certificate, bytes) else format_certificate(certificate)
    root = world.coordinator.keys["root"].public_key
    asked = {"coordinator_root": root, "day": TODAY, "now": NOW} | values
    return judge_certificate(
        data,
        coordinator=world.coordinator.origin,
        **asked,
    )


def opened(world: World, certificate: Certificate, **values: Any) -> OpenedCertificate:
    return open_certificate(
        format_certificate(certificate),
        coordinator=world.coordinator.origin,
        coordinator_root=world.coordinator.keys["root"].public_key,
        day=values.get("day", TODAY),
    )


def revoke(world: World) -> None:
    dates = dates_of("revoke", "2027-12-01")
    assert world.at.decide("revoke", **dates).code is None
    end_batch(world)


def test_granted_label_is_valid_as_of_the_claimed_time_of_the_state(world: World) -> None:
    judged = judge(world, certify(world))
    assert (judged.verdict, judged.as_of, judged.is_witnessed) == (Verdict.VALID, NOW, False)
    assert judged.opened is not None
    assert judged.opened.is_present
    assert (judged.opened.size, judged.opened.valid_until) == (
        len(world.at.entries),
        "2028-05-31",
    )


def test_what_was_written_is_what_is_parsed(world: World) -> None:
    certificate = certify(world, documents=[Disclosed(3, 0, bytes(32), b"x")])
    written = format_certificate(certificate)
    assert format_certificate(parse_certificate(written)) == written


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        ("suspend", Verdict.SUSPENDED),
        ("revoke", Verdict.REVOKED),
        ("terminate_on_request", Verdict.TERMINATED),
        ("transfer_out", Verdict.TRANSFERRED),
        ("renew", Verdict.VALID),
    ],
)
def test_verdict_is_what_was_decided_last(world: World, action: str, verdict: Verdict) -> None:
    assert world.at.decide(action, **dates_of(action, "2027-12-01")).code is None
    end_batch(world)
    assert judge(world, certify(world)).verdict is verdict


@pytest.mark.parametrize(
    ("day", "verdict"),
    [
        ("2027-05-31", Verdict.NONE),
        ("2027-06-01", Verdict.VALID),
        ("2028-02-29", Verdict.VALID),
        ("2028-03-01", Verdict.SUSPENDED),
        ("2028-06-01", Verdict.EXPIRED),
    ],
)
def test_tells_the_past_and_what_is_decided_for_later(
    world: World, day: str, verdict: Verdict
) -> None:
    dates = dates_of("suspend", "2028-03-01") | {"decided_on": "2027-12-30"}
    assert world.at.decide("suspend", **dates).code is None
    end_batch(world)
    assert judge(world, certify(world), day=ordinal(day)).verdict is verdict


@pytest.mark.parametrize(
    ("day", "since", "is_late"),
    [
        ("2027-05-31", None, False),
        # The label holds from the first of June, and is recorded on the first day of 2028.
        ("2027-06-01", "2028-01-01", True),
        ("2027-12-31", "2028-01-01", True),
        ("2028-01-01", "2028-01-01", False),
    ],
)
def test_says_of_a_past_day_since_when_it_is_on_record(
    world: World, day: str, since: str | None, is_late: bool
) -> None:
    found = opened(world, certify(world), day=ordinal(day))
    assert (found.on_record_since, found.recorded_late) == (since, is_late)


def test_refused_application_is_refused() -> None:
    world = World()
    world.at.decide("refuse", certificate=world.at.number(1))
    end_batch(world)
    state = world.node.state(world.at.origin, bytes16("label"))
    assert state.number == world.at.number(1)
    certificate = certify_without_status(world)
    assert judge(world, certificate).verdict is Verdict.REFUSED


def certify_without_status(world: World) -> Certificate:
    world.at.decide(
        "grant", label="third", **dates_of("grant", "2027-06-01"), certificate=world.at.number(3)
    )
    third = certify(world, label="third")
    first = prove(world.at, len(world.at.entries) - 3)
    return third._replace(number=world.at.number(1), decisions=[first], state=None, status=None)


# Age, and who vouches for it.


@pytest.mark.parametrize(
    ("now", "max_age", "verdict"),
    [
        (NOW + 48 * HOUR, None, Verdict.VALID),
        (NOW + 48 * HOUR, 48 * HOUR, Verdict.VALID),
        (NOW + 48 * HOUR + 1, 48 * HOUR, Verdict.STALE),
        (NOW - 24 * HOUR, HOUR, Verdict.VALID),
        (NOW - 24 * HOUR - 1, HOUR, Verdict.STALE),
    ],
)
def test_valid_becomes_stale(world: World, now: int, max_age: int | None, verdict: Verdict) -> None:
    assert judge(world, certify(world), now=now, max_age=max_age).verdict is verdict


def test_what_is_revoked_does_not_become_stale(world: World) -> None:
    revoke(world)
    judged = judge(world, certify(world), now=NOW + 9 * HOUR, max_age=HOUR)
    assert judged.verdict is Verdict.REVOKED


def head_of(world: World) -> Checkpoint:
    at = world.at
    return Checkpoint(at.origin, len(at.entries), Hash(at.roots[-1]))


def test_trusted_witness_vouches_for_a_later_time(world: World) -> None:
    certificate = certify(world)
    time = NOW // 1000 + 7200
    line = cosign(head_of(world), name=WITNESS_KEY.name, signer=WITNESS, time=time)
    assert certificate.state is not None
    certificate = certificate._replace(state=cosigned(certificate.state, line))
    trusted = judge(world, certificate, witnesses=[WITNESS_KEY])
    assert (trusted.verdict, trusted.as_of, trusted.is_witnessed) == (
        Verdict.VALID,
        time * 1000,
        True,
    )
    unknown = judge(world, certificate)
    assert (unknown.verdict, unknown.as_of, unknown.is_witnessed) == (Verdict.VALID, NOW, False)


def test_cosignature_of_another_head_by_a_trusted_witness_is_forged(world: World) -> None:
    certificate = certify(world)
    other = Checkpoint(world.at.origin, 3, Hash(bytes(32)))
    line = cosign(other, name=WITNESS_KEY.name, signer=WITNESS, time=NOW // 1000)
    assert certificate.state is not None
    certificate = certificate._replace(state=cosigned(certificate.state, line))
    judged = judge(world, certificate, witnesses=[WITNESS_KEY])
    assert (judged.verdict, judged.code) == (Verdict.FORGED, "ckp.cosignature")


# Saying more than is proven.


def test_old_state_under_a_newer_head_does_not_pass_for_the_present(world: World) -> None:
    old, last = certify(world), len(world.at.entries) - 1
    revoke(world)
    new = certify(world)
    mixed = new._replace(
        decisions=new.decisions[:1], state=prove(world.at, last), status=old.status
    )
    judged = judge(world, mixed)
    assert (judged.verdict, judged.code) == (Verdict.FORGED, "proof.invalid")
    assert "says nothing of the present" in judged.why


def test_old_state_under_its_own_head_beside_newer_decisions_is_forged(world: World) -> None:
    old = certify(world)
    revoke(world)
    mixed = certify(world)._replace(state=old.state, status=old.status)
    judged = judge(world, mixed)
    assert (judged.verdict, judged.code) == (Verdict.FORGED, "proof.invalid")
    assert "different heads" in judged.why


def test_last_decision_left_out_is_forged(world: World) -> None:
    revoke(world)
    new = certify(world)
    judged = judge(world, new._replace(decisions=new.decisions[:1]))
    assert (judged.verdict, judged.code) == (Verdict.FORGED, "sta.status")


def test_decisions_without_status_are_unproven(world: World) -> None:
    revoke(world)
    new = certify(world)
    judged = judge(world, new._replace(decisions=new.decisions[:1], state=None, status=None))
    assert judged.verdict is Verdict.UNPROVEN
    whole = judge(world, new._replace(state=None, status=None))
    assert whole.verdict is Verdict.REVOKED


def test_state_alone_proves_nothing_of_the_label(world: World) -> None:
    assert judge(world, certify(world)._replace(status=None)).verdict is Verdict.UNPROVEN


def test_leaf_of_another_label_is_forged(world: World) -> None:
    mixed = certify(world)._replace(status=certify(world, label="other").status)
    judged = judge(world, mixed)
    assert (judged.verdict, judged.code) == (Verdict.FORGED, "sta.status")


def test_leaf_off_the_tree_is_forged(world: World) -> None:
    good = certify(world)
    assert good.status is not None
    path = good.status
    leaf = path.leaf.replace(b"2028-05-31", b"2029-05-31")
    for changed in (
        StatusPath(leaf, path.index, path.hashes),
        StatusPath(path.leaf, path.index + 1, path.hashes),
        StatusPath(path.leaf, path.index, ()),
    ):
        judged = judge(world, good._replace(status=changed))
        assert (judged.verdict, judged.code) == (Verdict.FORGED, "proof.invalid")


def test_state_without_a_root_is_no_ground_for_a_status() -> None:
    world = World()
    world.at.decide("grant", **dates_of("grant", "2027-06-01"))
    world.at.write_state(world.coordinator)
    judged = judge(world, certify(world))
    assert (judged.verdict, judged.code) == (Verdict.FORGED, "sta.status")


def test_records_of_another_site_or_family_do_not_pass(world: World) -> None:
    good = certify(world)
    hu = world.hu
    for changes, code in (
        ({"state": prove(hu, len(hu.entries) - 1)}, "sig.unknown-key"),
        ({"state": good.records[0]}, "proof.invalid"),
        ({"membership": good.coordinator_keys}, "sig.role"),
        ({"records": good.records[::-1]}, "lbl.reference"),
        ({"records": [good.records[0]] * 2}, "lbl.reference"),
        ({"keys": good.coordinator_keys}, "sig.unknown-key"),
    ):
        judged = judge(world, good._replace(**changes))
        assert (judged.verdict, judged.code) == (Verdict.FORGED, code), changes.keys()


# Keys.


def rotate(world: World, role: str) -> None:
    at = world.at
    at.keys = at.keys | {role: signer(f"at second {role}")}
    named = {at.keys[one].public_key: one for one in SITE_ROLES}
    assert at.write_keys(named).code is None


@pytest.mark.parametrize("role", ["decision", "registrar", "log"])
def test_key_history_lets_old_and_new_signatures_be_verified(world: World, role: str) -> None:
    rotate(world, role)
    assert world.at.decide("renew", **dates_of("renew", "2027-12-01")).code is None
    end_batch(world)
    good = certify(world)
    assert judge(world, good).verdict is Verdict.VALID
    hidden = judge(world, good._replace(key_history=[]))
    expected = {"decision": "sig.unknown-key", "registrar": "sig.unknown-key"}
    assert (hidden.verdict, hidden.code) == (
        Verdict.FORGED,
        expected.get(role, "ckp.signature"),
    )


def test_retired_key_signs_nothing_later(world: World) -> None:
    retired = world.at.keys["decision"]
    rotate(world, "decision")
    written = world.at.decide(
        "renew", how={"signers": [retired]}, **dates_of("renew", "2027-12-01")
    )
    assert written.code == "sig.key-retired"
    end_batch(world)
    judged = judge(world, certify(world))
    assert (judged.verdict, judged.code) == (Verdict.FORGED, "sig.key-retired")


def test_key_record_that_the_state_names_cannot_be_hidden(world: World) -> None:
    rotate(world, "access")
    end_batch(world)
    good = certify(world)
    assert judge(world, good).verdict is Verdict.VALID
    judged = judge(world, good._replace(key_history=[]))
    assert (judged.verdict, judged.code) == (Verdict.FORGED, "sta.keys")
    swapped = judge(world, good._replace(keys=good.key_history[0], key_history=[good.keys]))
    assert (swapped.verdict, swapped.code) == (Verdict.FORGED, "proof.invalid")


def succeed(author: Author, *, root: str) -> None:
    """Replace a root key by another, in its own log."""
    author.keys = author.keys | {"root": signer(root)}
    assert author.write_keys().code is None


def with_membership(world: World, certificate: Certificate) -> Certificate:
    """Put the latest membership into a certificate."""
    latest = indexes_of(world.coordinator, "site_membership/1", entity="membership of at")[-1]
    return certificate._replace(membership=prove(world.coordinator, latest))


def test_certificates_of_before_and_after_a_succession_verify(world: World) -> None:
    before, first = certify(world), world.at.entries[0]
    succeed(world.at, root="at next root")
    end_batch(world)
    unnamed = certify(world)  # the coordinator has not named the new root key yet
    proof = [first, world.at.entries[-2]]
    assert world.put_membership(world.at, succession=proof).code is None
    assert world.at.decide("renew", **dates_of("renew", "2027-12-01")).code is None
    end_batch(world)
    named = with_membership(world, certify(world))
    for good in (before, unnamed, named):
        assert judge(world, good).verdict is Verdict.VALID
    hidden = judge(world, named._replace(key_history=[]))
    assert (hidden.verdict, hidden.code) == (Verdict.FORGED, "sig.unknown-key")


def test_certificates_of_before_and_after_a_succession_of_the_coordinator_verify(
    world: World,
) -> None:
    before, trusted = certify(world), world.coordinator.keys["root"].public_key
    eu = world.coordinator
    succeed(eu, root="eu next root")
    eu.keys = eu.keys | {"registrar": signer("eu second registrar")}
    assert eu.write_keys({eu.keys[one].public_key: one for one in SITE_ROLES}).code is None
    assert world.put_membership(world.at).code is None
    after = with_membership(world, certify(world))
    for good in (before, after):
        judged = judge(world, good, coordinator_root=trusted)
        assert (judged.verdict, judged.code) == (Verdict.VALID, "")
    hidden = judge(world, after._replace(coordinator_key_history=[]), coordinator_root=trusted)
    assert (hidden.verdict, hidden.code) == (Verdict.FORGED, "sig.unknown-key")


def test_certificates_of_before_and_after_a_recovery_verify(world: World) -> None:
    at, before = world.at, certify(world)
    body = recovery_body(at)
    approval = world.hu.write("key_recovery/1", body, entity=bytes16("approval"), role="root")
    said = mandate(at, "hu")
    at.keys = at.keys | {"root": signer("at new root")}
    assert world.put_membership(at, approvals=[approval.data], mandate=said).code is None
    # The key record has to be in the file: the membership names a root key that it introduces.
    early = judge(world, with_membership(world, certify(world)))
    assert (early.verdict, early.code) == (Verdict.FORGED, "sig.unknown-key")
    end_batch(world)
    assert at.write_keys().code is None
    end_batch(world)
    after = with_membership(world, certify(world))
    for good in (before, after):
        judged = judge(world, good)
        assert (judged.verdict, judged.code) == (Verdict.VALID, "")
    # Nobody can put another beginning before the record of the trusted key.
    assert at.write_keys().code is None
    end_batch(world)
    longer = with_membership(world, certify(world))
    assert judge(world, longer).verdict is Verdict.VALID
    gap = judge(world, longer._replace(key_history=longer.key_history[1:]))
    assert (gap.verdict, gap.code) == (Verdict.FORGED, "mem.untrusted")


def test_a_key_that_is_cut_off_signs_no_head_above_the_cut(world: World) -> None:
    at = world.at
    below = certify(world)
    stolen, size = at.keys["log"], len(at.entries)
    at.keys = at.keys | {"log": signer("at second log")}
    named = {at.keys[one].public_key: one for one in SITE_ROLES}
    cut = [{"key": stolen.public_key, "size": size}]
    assert at.write_keys(named, revoked=cut).code is None
    end_batch(world)
    above = certify(world)
    assert judge(world, below).verdict is Verdict.VALID
    assert judge(world, above).verdict is Verdict.VALID
    at.keys = at.keys | {"log": stolen}
    judged = judge(world, certify(world))
    assert (judged.verdict, judged.code) == (Verdict.FORGED, "ckp.signature")


@pytest.mark.parametrize(("after", "code"), [(0, "mem.inactive"), (1, "")])
def test_decision_after_the_end_of_its_sites_membership_does_not_count(
    world: World, after: int, code: str
) -> None:
    [decision] = indexes_of(world.at, "label_decision/1", entity="label")
    ends = {"origin": world.at.origin, "size": decision + after}
    good = certify(world)
    assert world.put_membership(world.at, status="suspended", ends=ends).code is None
    [_, ended] = indexes_of(world.coordinator, "site_membership/1", entity="membership of at")
    judged = judge(world, good._replace(membership=prove(world.coordinator, ended)))
    assert (judged.verdict, judged.code) == (Verdict.FORGED if code else Verdict.VALID, code)


def test_newer_rules_are_undetermined_not_forged(world: World) -> None:
    written = world.at.decide("revoke", how={"crit": ["novel"]}, **dates_of("revoke", "2027-12-01"))
    assert written.judgement.undetermined
    end_batch_as_stated(world)
    judged = judge(world, certify(world))
    assert judged.verdict is Verdict.UNDETERMINED


def test_first_decision_by_newer_rules_is_undetermined(world: World) -> None:
    body = world.at.decision("grant", **dates_of("grant", "2027-06-01"))
    how = {"entity": bytes16("novel"), "role": "decision", "crit": ["novel"]}
    written = world.at.write("label_decision/1", body, **how)
    assert written.judgement.undetermined
    end_batch_as_stated(world)
    good = certify(world)
    novel = good._replace(decisions=[prove(world.at, len(world.at.entries) - 2)])
    assert judge(world, novel).verdict is Verdict.UNDETERMINED


def end_batch_as_stated(world: World) -> None:
    assert world.at.write_state(world.coordinator, status_root=bytes(32)).code is None


# Documents.


def with_documents(world: World) -> Certificate:
    """Register offering and organisation anew, each with a public document."""
    found = []
    for family, body, fields in (
        ("organisation", organisation_body(), {"legal_name": "Muster", "locality": "Linz"}),
        ("offering", offering_body(), {"name": {"de": "Brot"}}),
    ):
        key, content = bytes([len(found) + 1] * 32), encode(fields)
        commitment = {
            "commitment": commit_document(content, key=key),
            "name": family,
            "size": len(content),
            "type": STRUCTURED,
            "visibility": "public",
        }
        found.append(Disclosed(len(world.at.entries), 0, key, content))
        written = world.at.write(f"{family}/1", body, entity=bytes16(family), docs=[commitment])
        assert written.code is None
    end_batch(world)
    return certify(world, documents=found)


def test_disclosed_documents_say_whose_label_it_is(world: World) -> None:
    found = opened(world, with_documents(world))
    assert (found.holder, found.named) == ("Muster, Linz", {"de": "Brot"})


def test_proves_the_same_without_documents(world: World) -> None:
    certificate = with_documents(world)._replace(documents=[])
    assert judge(world, certificate).verdict is Verdict.VALID
    assert (opened(world, certificate).holder, opened(world, certificate).named) == ("", {})


@pytest.mark.parametrize(
    ("changes", "verdict", "code"),
    [
        (
            {"content": encode({"legal_name": "Other", "locality": "Linz"})},
            "forged",
            "acc.commitment",
        ),
        ({"key": bytes(32)}, "forged", "acc.commitment"),
        ({"number": 1}, "malformed", "cert.form"),
        ({"position": 0}, "malformed", "cert.form"),
    ],
)
def test_refuses_documents_that_were_not_committed_to(
    world: World, changes: dict[str, Any], verdict: str, code: str
) -> None:
    good = with_documents(world)
    changed = [good.documents[0]._replace(**changes), good.documents[1]]
    judged = judge(world, good._replace(documents=changed))
    assert (judged.verdict, judged.code) == (verdict, code)


# Form.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sopro_certificate", 2),
        ("number", 7),
        ("decisions", []),
        ("decisions", [[b"", b""]] * 257),
        ("decisions", {}),
        ("keys", [b""]),
        ("state", b""),
        ("state", None),
        ("status", [b"", -1]),
        ("status", [b"", 0, [], 1]),
        ("status", [b"", 0, [b"short"]]),
        ("status", [b"", 0, [bytes(32)] * 64]),
        ("status", [b"", True, []]),
        ("key_history", [[b"", b""]] * 257),
        ("records", [[b"", b""]] * 17),
        ("documents", [[0, 0, b"", b""]] * 65),
        ("documents", [[-1, 0, b"", b""]]),
        ("documents", [[0, 0, b""]]),
    ],
)
def test_refuses_what_is_no_certificate(world: World, name: str, value: Any) -> None:
    fields = decode(format_certificate(certify(world)), limit=10**7)
    assert isinstance(fields, dict)
    fields = {**fields, name: value} if value is not None else fields
    if value is None:
        del fields[name]
    judged = judge(world, encode(dict(sorted(fields.items()))))
    assert (judged.verdict, judged.code) == (Verdict.MALFORMED, "cert.form")


def test_passes_over_keys_it_does_not_know(world: World) -> None:
    fields = decode(format_certificate(certify(world)), limit=10**7)
    assert isinstance(fields, dict)
    assert judge(world, encode(fields | {"zzz": 1})).verdict is Verdict.VALID


def test_flipped_byte_never_makes_a_certificate_say_more(world: World) -> None:
    certificate = with_documents(world)
    data, told = format_certificate(certificate), 0
    size = opened(world, certificate).size
    for place in range(0, len(data), 61):
        judged = judge(world, data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        if judged.opened is None:
            told += bool(judged.code)
        else:
            # The name of a part that a file may lack: it is passed over with what it holds.
            assert judged.verdict in (Verdict.VALID, Verdict.UNPROVEN)
            assert (judged.opened.status, judged.opened.size) == ("active", size)
    assert told > len(data) // 61 * 0.9


def test_every_verdict_has_a_code_of_its_own() -> None:
    assert set(EXIT) == set(Verdict)
    assert len(set(EXIT.values())) == len(EXIT)
    assert [verdict for verdict, code in EXIT.items() if code == 0] == [Verdict.VALID]


def test_proven_is_a_pair() -> None:
    with pytest.raises(SoproError):
        parse_certificate(encode({"sopro_certificate": 1}))
    assert Proven(b"a", b"b") == (b"a", b"b")
