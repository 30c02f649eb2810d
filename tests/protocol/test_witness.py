"""What a witness asks before it cosigns, in the order of the statuses."""

import base64

import pytest

from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.cosignature import (
    AddCheckpoint,
    format_add_checkpoint,
    open_cosignature,
)
from sopro_protocol.errors import ConflictError, FormatError, SoproError, VerificationError
from sopro_protocol.keys import COSIGNATURE, Ed25519Signer, make_vkey
from sopro_protocol.merkle import (
    EMPTY_ROOT,
    Hash,
    leaf_hash,
    prove_consistency,
    root_of,
    subtree_reader,
)
from sopro_protocol.note import NoteSignature, add_signatures, parse_note, sign_note
from sopro_protocol.witness import (
    MAX_REQUEST,
    Submission,
    check_growth,
    cosign_submission,
    open_request,
    parse_request,
    witness_name,
)

ORIGIN = "sopro.example/at/1"
LOG = Ed25519Signer(b"\x01" * 32)
OTHER = Ed25519Signer(b"\x02" * 32)
WITNESS = Ed25519Signer(b"\x03" * 32)
NAME = "sopro.example/hu/witness"
VKEY = make_vkey(NAME, WITNESS.public_key, key_type=COSIGNATURE)
KEYS = [make_vkey(ORIGIN, LOG.public_key)]
LEAVES = [leaf_hash(bytes([number])) for number in range(12)]


def root(size: int) -> Hash:
    return Hash(root_of(LEAVES[:size])) if size else EMPTY_ROOT


def head(size: int) -> bytes:
    return sign_checkpoint(Checkpoint(ORIGIN, size, root(size)), LOG)


def proof(old: int, new: int) -> tuple[Hash, ...]:
    return tuple(prove_consistency(subtree_reader(LEAVES), old_size=old, new_size=new))


def request(old: int, new: int) -> bytes:
    hashes = proof(old, new) if old <= new else ()
    return format_add_checkpoint(AddCheckpoint(old, hashes, head(new)))


def submit(body: bytes) -> Submission:
    return open_request(parse_request(body), KEYS)


def unsigned(size: str, root_hash: bytes) -> bytes:
    text = f"{ORIGIN}\n{size}\n{base64.b64encode(root_hash).decode()}\n"
    return b"old 0\n\n" + sign_note(text, name=ORIGIN, signer=LOG)


def test_names_a_sites_witness() -> None:
    assert witness_name("sopro.example", "hu") == NAME


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 7), (7, 7), (7, 12), (8, 12)])
def test_cosigns_a_tree_that_only_grew(old: int, new: int) -> None:
    submission = submit(request(old, new))
    check_growth(submission, size=old, root=root(old))
    line, note = cosign_submission(submission, name=NAME, signer=WITNESS, time=5)
    assert note == add_signatures(head(new), [line])
    assert open_cosignature(parse_note(note), VKEY) == 5


@pytest.mark.parametrize(
    ("body", "size", "code", "kind"),
    [
        (request(0, 7), 7, "wit.size", ConflictError),
        (request(7, 12), 0, "wit.size", ConflictError),
        (request(7, 12), 8, "wit.size", ConflictError),
        (request(8, 7), 8, "wit.old-size", FormatError),
        (request(8, 7), 0, "wit.old-size", FormatError),
        (unsigned("0", bytes(32)), 0, "proof.invalid", VerificationError),
        (unsigned("0", bytes(32)), 3, "wit.size", ConflictError),
        (
            format_add_checkpoint(AddCheckpoint(0, (Hash(bytes(32)),), head(7))),
            0,
            "proof.invalid",
            VerificationError,
        ),
        (format_add_checkpoint(AddCheckpoint(7, (), head(12))), 7, "proof.invalid", None),
        (format_add_checkpoint(AddCheckpoint(8, proof(7, 12), head(12))), 8, "proof.invalid", None),
    ],
)
def test_refuses_in_the_order_of_the_statuses(
    body: bytes, size: int, code: str, kind: type[SoproError] | None
) -> None:
    with pytest.raises(kind or VerificationError) as refusal:
        check_growth(submit(body), size=size, root=root(size))
    assert refusal.value.code == code


def test_refuses_another_root_at_the_same_size() -> None:
    with pytest.raises(VerificationError) as refusal:
        check_growth(submit(request(7, 7)), size=7, root=root(6))
    assert refusal.value.code == "proof.invalid"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old +1\n\n" + head(7),
        b"old 01\n\n" + head(7),
        b"old 0\nAAAA\n\n" + head(7),
        b"old 0\n\n" + sign_note("text\n", name=ORIGIN, signer=LOG),
        b"old 0\n\n" + sign_note(f"{ORIGIN}\n1\n", name=ORIGIN, signer=LOG),
        b"old 0\n\n" + head(7) + b" " * MAX_REQUEST,
        *(unsigned(str(size), bytes(32)) for size in (2**62 + 1, 2**63 - 1, 2**64 - 1, 10**30)),
    ],
)
def test_refuses_what_is_no_request(body: bytes) -> None:
    with pytest.raises(FormatError) as refusal:
        parse_request(body)
    assert refusal.value.code == "ckp.format"


@pytest.mark.parametrize("forged", [False, True])
def test_refuses_what_the_log_did_not_sign(forged: bool) -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, 7, root(7)), OTHER)
    if forged:
        [line] = parse_note(head(7)).signatures
        note = add_signatures(note, [NoteSignature(line.name, line.key_id, bytes(64))])
    body = format_add_checkpoint(AddCheckpoint(0, (), note))
    with pytest.raises(VerificationError) as refusal:
        submit(body)
    assert refusal.value.code == "ckp.signature"


def test_keeps_no_line_that_nobody_verified() -> None:
    """F14: a line in the witness's own name once stored made it refuse its own state."""
    forged = NoteSignature(NAME, VKEY.note_key_id, bytes(72))
    stranger = NoteSignature("example.com/x", b"abcd", b"signature")
    note = add_signatures(head(7), [forged, stranger])
    submission = submit(format_add_checkpoint(AddCheckpoint(0, (), note)))
    line, kept = cosign_submission(submission, name=NAME, signer=WITNESS, time=5)
    assert kept == add_signatures(head(7), [line])
