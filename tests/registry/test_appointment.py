"""Who may take over the coordinator's log when the coordinator is gone, and what counts then."""

import json
from typing import Any

import pytest

from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.encoding import encode
from sopro_protocol.errors import SoproError, VerificationError
from sopro_protocol.evidence import Evidence, Fork, ShownHead, format_evidence, sort_fork
from sopro_protocol.merkle import Hash
from sopro_registry.appointment import Voter, digest_voters, needed_appointments
from sopro_registry.certificate_file import format_certificate
from sopro_registry.evidence import open_evidence
from sopro_registry.families.site_membership import MAX_MEMBERS
from sopro_registry.keyhistory import KeyRecord, log_keys_at, open_key_history
from sopro_registry.verdict import Verdict, judge_certificate
from sopro_registry.votes import shorten_all, shorten_vote
from tests.registry import make_appointment_vectors as maker
from tests.registry.appointing import HEIR, URLS, Orphaned
from tests.registry.certifying import TODAY, certify, end_batch, indexes_of, prove
from tests.registry.world import NOW, Author, bytes16, dates_of, signer

Body = dict[str, Any]


@pytest.fixture(scope="module")
def gone() -> Orphaned:
    return Orphaned()


def test_three_of_five_members_appoint_a_successor() -> None:
    gone = Orphaned()
    size = gone.size
    assert gone.take_over().code is None
    assert gone.eu.write_state().code is None
    assert gone.world.put_membership(Author("de", gone.world.node, prefix="DE1")).code is None
    spans = gone.eu.cursor.keys
    assert log_keys_at(spans, size) == [signer("eu log").public_key]
    assert log_keys_at(spans, size + 1) == [HEIR["log"].public_key]


def test_who_is_gone_signs_nothing_any_more() -> None:
    gone = Orphaned()
    gone.take_over()
    for role in ("registrar", "root"):
        written = gone.eu.judge(
            "log_state/1",
            gone.eu.state_body(),
            entity=bytes16("state"),
            signers=[signer(f"eu {role}")],
        )
        assert written.code == "sig.key-retired"
    assert gone.judge(gone.proof()).code == "mem.key"


def test_one_less_than_a_majority_appoints_nobody(gone: Orphaned) -> None:
    assert gone.judge(gone.proof(["at", "fr"])).code == "mem.key"
    again = [gone.approval("at"), gone.approval("fr")]
    assert gone.judge(gone.proof(["at", "fr"], approvals=again)).code == "mem.key"
    assert gone.judge(gone.proof(["at", "fr", "si"])).code is None


def test_never_one_member_alone() -> None:
    assert [needed_appointments(voters) for voters in range(7)] == [2, 2, 2, 2, 3, 3, 4]
    two = Orphaned("at", "hu")
    assert two.judge(two.proof(["at"])).code == "mem.key"
    assert two.judge(two.proof(["at", "hu"])).code is None
    for site in ("hu",):
        end = {"origin": two.members[site].origin, "size": 1}
        assert (
            two.world.put_membership(two.members[site], status="suspended", ends=end).code is None
        )
    two.leave()
    assert two.judge(two.proof(["at"])).code == "mem.key"


@pytest.mark.parametrize(
    "changes",
    [
        {"successor": signer("another heir").public_key},
        {"urls": ["https://elsewhere.example"]},
        {"urls": [*URLS, "https://more.example"]},
        {"root": bytes(32)},
        {"origin": "sopro.example/at/1"},
        {"more": True},
    ],
)
def test_votes_for_different_things_are_not_alike(gone: Orphaned, changes: Body) -> None:
    third = gone.approval("hu", **changes)
    assert gone.judge(gone.proof(["at", "fr"], approvals=[third])).code == "mem.key"


def test_who_is_suspended_does_not_vote() -> None:
    gone = Orphaned()
    end = {"origin": gone.members["hu"].origin, "size": 1}
    assert gone.world.put_membership(gone.members["hu"], status="suspended", ends=end).code is None
    gone.leave()
    assert gone.judge(gone.proof(["at", "fr", "hu"])).code == "mem.key"
    # Three of the four that are left.
    assert gone.judge(gone.proof(["at", "fr"])).code == "mem.key"
    assert gone.judge(gone.proof(["at", "fr", "si"])).code is None


def test_a_vote_that_was_given_before_is_not_used_again() -> None:
    """An anchor names the head the log was left with; it says nothing about a later one."""
    gone = Orphaned()
    earlier = [gone.approval(site) for site in ("at", "fr", "hu")]
    gone.eu.write_state()
    gone.leave()
    assert gone.judge(gone.proof([], approvals=earlier)).code == "mem.key"
    # Nor does the whole proof: it is about another position.
    before = Orphaned()
    proof = before.proof()
    before.leave()
    assert before.judge(proof).code == "mem.key"


def test_a_second_successor_is_appointed_from_where_the_first_has_left_off() -> None:
    gone = Orphaned()
    old = gone.proof()
    assert gone.take_over().code is None
    gone.leave()
    assert gone.judge(old, root=signer("third root").public_key).code in ("mem.key", "sig.role")
    keys = [{"public": signer(f"third {role}").public_key, "role": role} for role in ("log",)]
    third = signer("third root")
    votes = [gone.approval(site, successor=third.public_key) for site in ("at", "it", "si")]
    proof = gone.proof([], approvals=votes, head=gone.head(key="heir log"))
    body = gone.body(proof, keys=keys, root=third.public_key)
    written = gone.eu.judge("site_keys/1", body, entity=bytes16("keys"), signers=[third])
    assert written.code is None


def test_only_a_members_root_key_votes(gone: Orphaned) -> None:
    by_registrar = gone.approval("hu", role="registrar")
    assert gone.judge(gone.proof(["at", "fr"], approvals=[by_registrar])).code == "mem.key"
    stranger = Author("xx", gone.world.node, prefix="XX1").draft(
        "anchor/1", gone.said(), entity=bytes16("anchor"), role="root"
    )
    assert gone.judge(gone.proof(["at", "fr"], approvals=[stranger])).code == "mem.key"


def members(gone: Orphaned, *sites: str) -> list[Body]:
    return [
        {"origin": one.origin, "root": one.root}
        for one in gone.voters
        if one.origin.split("/")[1] in sites
    ]


@pytest.mark.parametrize(
    "changes",
    [
        # Fewer members, so that fewer suffice.
        lambda gone: {"members": members(gone, "at", "fr")},
        lambda gone: {"members": members(gone, "at", "fr", "hu", "it")},
        # A head nobody's log key has signed, or of other entries.
        lambda gone: {"head": gone.head(key="at log")},
        lambda gone: {"head": gone.head(key="heir log")},
        lambda gone: {"head": gone.head(root=bytes(32))},
        # Another record than the last.
        lambda gone: {"state": gone.eu.entries[0]},
        lambda gone: {"path": []},
        lambda gone: {"state": b"\x90"},
        lambda gone: {"head": b"?"},
        lambda gone: {"approvals": [b"\x90"]},
        lambda gone: {"approvals": [gone.eu.entries[0]]},
    ],
)
def test_what_is_wrong_with_a_proof_makes_it_none(gone: Orphaned, changes: Any) -> None:
    assert gone.judge(gone.proof(**changes(gone))).code == "mem.key"


def test_a_log_that_was_left_without_saying_who_its_members_are_is_not_taken_over() -> None:
    gone = Orphaned()
    gone.eu.write_state()
    gone.size = len(gone.eu.entries)
    assert gone.judge(gone.proof()).code == "mem.key"


def test_a_log_state_that_lies_about_the_members_is_void_and_passes_for_nothing() -> None:
    gone = Orphaned()
    few = members(gone, "at", "fr")
    wrong = bytes(32)
    assert gone.eu.judge(
        "log_state/1", gone.eu.state_body(members=wrong), entity=bytes16("state")
    ).code == ("sta.members")
    lie = digest(few)
    assert gone.eu.write_state(members=lie).code == "sta.members"
    gone.size = len(gone.eu.entries)
    # By the keys alone it would do; by the log it does not.
    proof = gone.proof(["at", "fr"], members=few)
    assert gone.judge(proof).code == "mem.key"


def digest(few: list[Body]) -> bytes:
    return digest_voters([Voter(**one) for one in few])


def test_only_the_coordinators_log_states_members(gone: Orphaned) -> None:
    at = gone.members["at"]
    body = at.state_body(gone.eu, members=digest(members(gone, "at")))
    assert at.judge("log_state/1", body, entity=bytes16("state")).code == "sta.members"


def test_only_the_coordinators_log_is_taken_over(gone: Orphaned) -> None:
    at = gone.members["at"]
    body = gone.body(gone.proof())
    written = at.judge("site_keys/1", body, entity=bytes16("keys"), signers=[HEIR["root"]])
    assert written.code == "sig.unknown-key"
    written = at.judge(
        "site_keys/1",
        body | {"root": at.keys["root"].public_key},
        entity=bytes16("keys"),
        role="root",
    )
    assert written.code == "mem.key"


def test_the_successor_has_only_keys_of_its_own(gone: Orphaned) -> None:
    old = [{"public": signer("eu log").public_key, "role": "log"}]
    assert gone.judge(gone.proof(), keys=old).code == "mem.key"
    hu = gone.members["hu"].keys["root"]
    votes = [gone.approval(site, successor=hu.public_key) for site in ("at", "fr", "si")]
    body = gone.body(gone.proof([], approvals=votes), root=hu.public_key)
    written = gone.eu.judge("site_keys/1", body, entity=bytes16("keys"), signers=[hu])
    assert written.code == "mem.key"


def test_without_a_proof_it_is_nobodys_key(gone: Orphaned) -> None:
    assert gone.judge(None).code == "sig.unknown-key"


# Who has only files.


def history(gone: Orphaned) -> list[KeyRecord]:
    return [KeyRecord(0, gone.eu.entries[0]), KeyRecord(gone.size, gone.eu.entries[gone.size])]


def test_the_keys_are_followed_from_the_root_key_of_before() -> None:
    gone = Orphaned()
    gone.take_over()
    root = signer("eu root").public_key
    spans = open_key_history(history(gone), origin=gone.eu.origin, root=root, is_coordinator=True)
    assert spans == gone.eu.cursor.keys
    with pytest.raises(VerificationError) as caught:
        open_key_history(history(gone), origin=gone.eu.origin, root=root)
    assert caught.value.code == "mem.untrusted"
    moved = [history(gone)[0], history(gone)[1]._replace(position=gone.size + 1)]
    with pytest.raises(VerificationError) as caught:
        open_key_history(moved, origin=gone.eu.origin, root=root, is_coordinator=True)
    assert caught.value.code == "mem.key"


def test_evidence_holds_heads_of_before_and_after() -> None:
    """Who comes back and goes on with the old keys contradicts the successor, provably."""
    gone = Orphaned()
    gone.take_over()
    eu, size = gone.eu, gone.size + 1
    new = ShownHead(
        sign_checkpoint(Checkpoint(eu.origin, size, eu.roots[size]), HEIR["log"]), eu.roots[size]
    )
    other = Checkpoint(eu.origin, size, Hash(bytes(32)))
    old = ShownHead(sign_checkpoint(other, signer("eu log")), bytes(32))
    fork = sort_fork(
        Fork(eu.origin, size, (new, old)), [Checkpoint(eu.origin, size, eu.roots[size]), other]
    )
    root = signer("eu root").public_key

    def opened(*keys: bytes) -> int:
        file = format_evidence(Evidence(fork, keys, None, ()))
        return open_evidence(file, coordinator=eu.origin, coordinator_root=root).size

    first, second = (one.entry for one in history(gone))
    assert opened(first, second) == size
    with pytest.raises(SoproError):
        opened(first)
    with pytest.raises(SoproError):
        opened(second, first)


# What a member says.


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"successor": bytes(32)}, "sig.weak-key"),
        ({"urls": None}, "anc.evidence"),
        ({"successor": None}, "anc.evidence"),
        ({"successor": None, "urls": None}, "anc.evidence"),
        ({"evidence": b"file"}, "anc.evidence"),
        ({"leaves": [bytes(32)] * 2}, "anc.evidence"),
        ({"origin": "sopro.example/at/1"}, "anc.log"),
        ({"urls": []}, "rec.body"),
        ({"urls": ["file:///etc"]}, "rec.body"),
    ],
)
def test_an_anchor_appoints_or_settles(gone: Orphaned, changes: Body, code: str | None) -> None:
    at = gone.members["at"]
    body = {name: value for name, value in gone.said(**changes).items() if value is not None}
    written = at.judge("anchor/1", body, entity=bytes16("anchor"), role="root")
    assert written.code == code


def test_a_site_appoints_once_for_a_size() -> None:
    gone = Orphaned()
    at = gone.members["at"]
    assert at.write("anchor/1", gone.said(), entity=bytes16("one"), role="root").code is None
    other = gone.said(successor=signer("other").public_key)
    assert at.write("anchor/1", other, entity=bytes16("two"), role="root").code == "anc.again"
    larger = gone.said(size=gone.size + 2)
    assert at.write("anchor/1", larger, entity=bytes16("three"), role="root").code is None


def test_as_many_members_as_there_may_be_fit_into_a_record_and_that_into_evidence() -> None:
    codes = [f"{first}{second}" for first in "abcdef" for second in "bcdefghijklmnopqrsuvwxyz"]
    gone = Orphaned("at", "hu", *codes[: MAX_MEMBERS - 2])
    assert len(gone.voters) == MAX_MEMBERS
    by = sorted(gone.members)[: MAX_MEMBERS // 2 + 1]
    said = [gone.approval(site) for site in by]
    whole, votes = shorten_all(said, gone.voters, needed=len(by))
    assert (len(whole), len(votes)) == (1, len(by) - 1)
    shortened = [list(one) for one in votes]
    proof = gone.proof([by[0]], votes=shortened)
    assert gone.judge(proof).code is None
    assert gone.judge(gone.proof([by[0]], votes=shortened[1:])).code == "mem.key"
    assert len(gone.eu.draft("site_keys/1", gone.body(proof), entity=bytes16("keys"))) < 20_000
    # The next one is not admitted, until somebody has gone.
    at, late = gone.members["at"], Author("zz", gone.world.node, prefix="ZZ1")
    assert gone.world.put_membership(late).code == "mem.full"
    assert gone.world.put_membership(late, status="applicant").code is None
    assert gone.world.put_membership(at, status="left").code is None
    assert gone.world.put_membership(late).code is None
    hu = gone.members["hu"]
    assert gone.world.put_membership(hu, urls=["https://hu.example"]).code is None


def test_few_anchors_stay_whole(gone: Orphaned) -> None:
    said = [gone.approval(site) for site in ("at", "fr", "hu", "it")]
    assert shorten_all(said, gone.voters, needed=3) == (said, [])


def test_what_is_no_bare_anchor_is_not_shortened(gone: Orphaned) -> None:
    """A signature is over every byte of a record, so that one with more of them stays as it is."""
    body = encode(gone.said())
    more = gone.members["at"].draft(
        "anchor/1", gone.said(), entity=bytes16("x"), role="root", crit=["size"]
    )
    assert shorten_vote(more, gone.voters, body) is None
    assert shorten_vote(gone.approval("at"), gone.voters[1:], body) is None
    said = [gone.approval(site, urls=["https://" + "a" * 1990]) for site in ("at", "fr", "hu")]
    strange = [*said * 2, more]
    whole, votes = shorten_all(strange, gone.voters, needed=7)
    assert (whole, len(votes)) == ([said[0], more], 5)


VECTORS = json.loads(maker.FILE.read_text(encoding="utf-8"))


def follow(case: Body) -> Any:
    history = [KeyRecord(position, bytes.fromhex(data)) for position, data in case["history"]]
    root = bytes.fromhex(VECTORS["root"])
    return open_key_history(history, origin=VECTORS["origin"], root=root, is_coordinator=True)


def test_frozen_vectors_are_what_the_maker_makes() -> None:
    assert maker.FILE.read_text(encoding="utf-8") == maker.render()
    assert [maker.show(span) for span in follow(VECTORS)] == VECTORS["keys"]


@pytest.mark.parametrize("case", VECTORS["reject"], ids=lambda case: str(case["delta"]))
def test_refuses_what_vectors_reject(case: Body) -> None:
    with pytest.raises(VerificationError) as caught:
        follow(case)
    assert caught.value.code == case["code"]


def test_accepts_votes_of_the_vectors() -> None:
    case = VECTORS["votes"]
    assert [maker.show(span) for span in follow(case)] == VECTORS["keys"]


@pytest.mark.parametrize("case", VECTORS["votes"]["reject"], ids=lambda case: str(case["delta"]))
def test_refuses_votes_that_vectors_reject(case: Body) -> None:
    with pytest.raises(VerificationError) as caught:
        follow(case)
    assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", VECTORS["digests"], ids=lambda case: len(case["members"]))
def test_members_have_the_digest_of_the_vectors(case: Body) -> None:
    voters = [
        Voter(origin=one["origin"], root=bytes.fromhex(one["root"])) for one in case["members"]
    ]
    assert digest_voters(voters).hex() == case["digest"]


# Certificates.


def judged(gone: Orphaned, **changes: Any) -> tuple[Verdict, str]:
    """Verify a label's certificate with the root key of the invite of before."""
    certificate = certify(gone.world)._replace(**changes)
    found = judge_certificate(
        format_certificate(certificate),
        coordinator=gone.eu.origin,
        coordinator_root=signer("eu root").public_key,
        day=TODAY,
        now=NOW,
    )
    return found.verdict, found.code


def certified() -> Orphaned:
    gone = Orphaned()
    gone.world.at.decide("grant", **dates_of("grant", "2027-06-01"))
    end_batch(gone.world)
    return gone


def test_a_certificate_is_verified_across_the_succession() -> None:
    gone = certified()
    before = judged(gone)
    assert before[0] is Verdict.VALID
    gone.take_over()
    assert gone.eu.write_state().code is None
    end_batch(gone.world)
    assert judged(gone) == before
    # Without the record of the successor its heads are nobody's.
    assert judged(gone, coordinator_key_history=[]) == (Verdict.FORGED, "ckp.signature")


def test_a_certificate_shows_the_entries_that_members_have_spoken_of() -> None:
    """A successor that goes on from other entries than it was appointed for deceives nobody."""
    gone = certified()
    body, entity = gone.body(gone.proof()), bytes16("keys")
    data = gone.eu.draft("site_keys/1", body, entity=entity, signers=[HEIR["root"]])
    # Another entry in the place of the last one, under heads that only the heir signs.
    forged = Author("eu", gone.world.node)
    forged.keys = dict(HEIR)
    for one in [*gone.eu.entries[:-1], gone.eu.entries[0], data]:
        forged.append(one)
    proofs = {
        "coordinator_keys": prove(forged, 0),
        "coordinator_key_history": [prove(forged, gone.size)],
        "membership": prove(forged, indexes_of(forged, "site_membership/1")[0]),
    }
    assert judged(gone, **proofs) == (Verdict.FORGED, "mem.untrusted")
