"""Policies say whose cosignatures count, and how many it takes."""

from collections.abc import Mapping

import pytest

from sopro_protocol.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from sopro_protocol.cosignature import cosign
from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.keys import COSIGNATURE, Ed25519Signer, format_vkey, make_vkey
from sopro_protocol.merkle import Hash
from sopro_protocol.note import NoteSignature, add_signatures, parse_note
from sopro_protocol.policy import (
    MAX_LINES,
    MAX_POLICY,
    Policy,
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    check_quorum,
    find_cosignatures,
    format_policy,
    open_witnessed,
    parse_policy,
)

ORIGIN = "sopro.example/at/1"
HEAD = Checkpoint(ORIGIN, 7, Hash(bytes(32)))
LOG = Ed25519Signer(b"\x01" * 32)
SITES = ("at", "hu", "si", "fr")
SIGNERS = {site: Ed25519Signer(bytes([number]) * 32) for number, site in enumerate(SITES, start=2)}
NAMES = {site: f"sopro.example/{site}/witness" for site in SITES}
VKEYS = {
    site: make_vkey(NAMES[site], SIGNERS[site].public_key, key_type=COSIGNATURE) for site in SITES
}
LOG_KEY = make_vkey(ORIGIN, LOG.public_key)
URL = "https://hu.sopro.example/witness"


def policy_of(threshold: int, *sites: str) -> Policy:
    return Policy(
        (PolicyLog(LOG_KEY, "https://at.sopro.example/log/at/1"),),
        tuple(PolicyWitness(site, VKEYS[site]) for site in sites),
        (PolicyGroup("Quorum", threshold, tuple(sites)),),
        "Quorum",
    )


def note_with(times: Mapping[str, int]) -> bytes:
    lines = [
        cosign(HEAD, name=NAMES[site], signer=SIGNERS[site], time=time)
        for site, time in times.items()
    ]
    return add_signatures(sign_checkpoint(HEAD, LOG), lines)


@pytest.mark.parametrize(
    ("threshold", "times", "met"),
    [
        (2, {"at": 1, "hu": 2, "si": 3}, True),
        (2, {"at": 1, "hu": 2}, True),
        (2, {"at": 1}, False),
        (2, {}, False),
        (3, {"at": 1, "hu": 2}, False),
        (2, {"at": 1, "fr": 2}, False),
    ],
)
def test_a_quorum_is_enough_of_its_members(
    threshold: int, times: Mapping[str, int], met: bool
) -> None:
    policy, note = policy_of(threshold, "at", "hu", "si"), note_with(times)
    if met:
        signed, witnessed = open_witnessed(note, origin=ORIGIN, policy=policy)
        assert signed.checkpoint == HEAD
        assert witnessed.times == {site: time for site, time in times.items() if site != "fr"}
    else:
        with pytest.raises(VerificationError) as refusal:
            open_witnessed(note, origin=ORIGIN, policy=policy)
        assert refusal.value.code == "ckp.quorum"


def test_counts_groups_within_groups() -> None:
    policy = Policy(
        (),
        tuple(PolicyWitness(site, VKEYS[site]) for site in SITES),
        (PolicyGroup("east", 1, ("hu", "si")), PolicyGroup("all", 2, ("at", "east"))),
        "all",
    )
    assert policy.is_met({"at", "si"})
    assert not policy.is_met({"hu", "si"})
    assert not policy.is_met({"at", "fr"})


def test_a_policy_may_ask_for_nobody_and_still_asks_for_the_log() -> None:
    policy = Policy((PolicyLog(LOG_KEY),), (), (), None)
    _, witnessed = open_witnessed(note_with({}), origin=ORIGIN, policy=policy)
    assert (witnessed.earliest, witnessed.median) == (None, None)
    with pytest.raises(VerificationError) as refusal:
        open_witnessed(note_with({}), origin=ORIGIN, policy=Policy((), (), (), None))
    assert refusal.value.code == "ckp.signature"


@pytest.mark.parametrize(
    ("times", "earliest", "median"),
    [
        ({"at": 5}, 5, 5),
        ({"at": 9, "hu": 5}, 5, 5),
        ({"at": 9, "hu": 5, "si": 7}, 5, 7),
        ({"at": 9, "hu": 5, "si": 7, "fr": 8}, 5, 7),
    ],
)
def test_vouches_for_the_earliest_and_the_median_time(
    times: Mapping[str, int], earliest: int, median: int
) -> None:
    witnessed = check_quorum(parse_note(note_with(times)), policy_of(1, *SITES))
    assert (witnessed.earliest, witnessed.median) == (earliest, median)


def test_counts_no_time_after_the_latest() -> None:
    note = parse_note(note_with({"at": 100, "hu": 101}))
    policy = policy_of(2, "at", "hu")
    assert check_quorum(note, policy, latest=101).earliest == 100
    with pytest.raises(VerificationError):
        check_quorum(note, policy, latest=100)


def test_a_line_that_fails_counts_for_nothing() -> None:
    """COS-3: forged, or made for another head."""
    good = cosign(HEAD, name=NAMES["hu"], signer=SIGNERS["hu"], time=1)
    other = cosign(Checkpoint(ORIGIN, 8, HEAD.root), name=NAMES["at"], signer=SIGNERS["at"], time=1)
    forged = NoteSignature(good.name, good.key_id, bytes(72))
    witnesses = policy_of(1, "at", "hu").witnesses
    text = format_checkpoint(HEAD)
    assert find_cosignatures(text, [other, forged], witnesses) == {}
    assert find_cosignatures(text, [other, good], witnesses) == {"hu": (good, 1)}


FILE = f"""# The federation's witnesses
log {format_vkey(LOG_KEY)} https://at.sopro.example/log/at/1
  # indented
witness\that.1 {format_vkey(VKEYS["at"])}
witness hu  {format_vkey(VKEYS["hu"])} {URL}

witness si {format_vkey(VKEYS["si"])}
group first any hat.1 hu
group Quorum 2 first si
quorum Quorum"""


def test_reads_what_others_write() -> None:
    policy = parse_policy(FILE.encode())
    assert policy == Policy(
        (PolicyLog(LOG_KEY, "https://at.sopro.example/log/at/1"),),
        (
            PolicyWitness("hat.1", VKEYS["at"]),
            PolicyWitness("hu", VKEYS["hu"], URL),
            PolicyWitness("si", VKEYS["si"]),
        ),
        (PolicyGroup("first", 1, ("hat.1", "hu")), PolicyGroup("Quorum", 2, ("first", "si"))),
        "Quorum",
    )
    assert parse_policy(b"# \xff\xfe\nquorum none\n") == Policy((), (), (), None)


@pytest.mark.parametrize("threshold", [1, 2, 3])
def test_reads_back_what_it_writes(threshold: int) -> None:
    policy = policy_of(threshold, "at", "hu", "si")
    text = format_policy(policy)
    assert parse_policy(text.encode()) == policy
    assert format_policy(parse_policy(text.encode())) == text
    assert f"group Quorum {['any', '2', 'all'][threshold - 1]} at hu si\n" in text
    nobody = Policy((PolicyLog(LOG_KEY),), (), (), None)
    assert parse_policy(format_policy(nobody).encode()) == nobody


HU = f"witness hu {format_vkey(VKEYS['hu'])}\n"
SI = f"witness si {format_vkey(VKEYS['si'])}\n"


@pytest.mark.parametrize(
    ("text", "sentence", "code"),
    [
        ("", "expected one line 'quorum', got none", "wit.policy-text"),
        ("quorum none\nquorum none\n", "line 2: expected 'log'", "wit.policy-text"),
        ("quorum hu\n", "line 1: expected a name given before, got 'hu'", "wit.policy-text"),
        ("quorum\n", "line 1: expected 'log'", "wit.policy-text"),
        ("Quorum none\n", "expected 'log'", "wit.policy-text"),
        (f"{HU}{HU}quorum hu\n", "line 2: expected a name not given", "wit.policy-text"),
        (
            f"{HU}{HU.replace(' hu ', ' other ')}quorum hu\n",
            "line 2: expected each public key once",
            "wit.policy-text",
        ),
        (HU.replace(" hu ", " none ") + "quorum none\n", "name not given", "wit.policy-text"),
        (
            f"witness hu {format_vkey(LOG_KEY)}\nquorum hu\n",
            "expected a key of type 4, got 1",
            "wit.policy-text",
        ),
        (
            f"log {format_vkey(VKEYS['hu'])}\nquorum none\n",
            "expected a key of type 1, got 4",
            "wit.policy-text",
        ),
        ("log sopro.example/at/1+00000000+AQ==\nquorum none\n", "public key", "sig.weak-key"),
        ("witness hu x+y\nquorum none\n", "verifier key", "sig.key"),
        (f"{HU.strip()} a b\nquorum none\n", "expected 'log'", "wit.policy-text"),
        (f"{HU}group g any\nquorum g\n", "expected 'log'", "wit.policy-text"),
        (f"{HU}group g any si\n{SI}quorum g\n", "members given before", "wit.policy-text"),
        (f"{HU}group g any hu hu\nquorum g\n", "members given before", "wit.policy-text"),
        (f"{HU}group g any hu\ngroup h any hu\nquorum g\n", "in no group", "wit.policy-text"),
        (f"{HU}group hu any hu\nquorum hu\n", "name not given before", "wit.policy-text"),
        (f"{HU}group g any g\nquorum g\n", "members given before", "wit.policy-text"),
        (f"{HU}group g 0 hu\nquorum g\n", "expected 'all', 'any' or 1 to 1", "wit.policy-text"),
        (f"{HU}group g 2 hu\nquorum g\n", "expected 'all', 'any' or 1 to 1", "wit.policy-text"),
        (f"{HU}group g 01 hu\nquorum g\n", "expected 'all', 'any' or 1", "wit.policy-text"),
        (f"{HU}group g +1 hu\nquorum g\n", "expected 'all', 'any' or 1", "wit.policy-text"),
        ("quorum none\r\n", "bytes of text", "wit.policy-text"),
        ("quorum none\n\x00", "bytes of text", "wit.policy-text"),
        ("# " + "x" * MAX_POLICY + "\nquorum none\n", "bytes of text", "wit.policy-text"),
        ("\n" * MAX_LINES + "quorum none", f"at most {MAX_LINES} lines", "wit.policy-text"),
    ],
)
def test_refuses(text: str, sentence: str, code: str) -> None:
    with pytest.raises(FormatError, match=sentence) as refusal:
        parse_policy(text.encode())
    assert refusal.value.code == code


def test_takes_as_many_lines_as_a_reader_must_however_the_last_one_ends() -> None:
    text = "\n" * (MAX_LINES - 1) + "quorum none"
    assert parse_policy(f"{text}\n".encode()) == parse_policy(text.encode())
