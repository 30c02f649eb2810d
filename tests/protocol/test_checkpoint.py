"""Checkpoints: three lines, one spelling, the right log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopro_protocol.checkpoint import (
    Checkpoint,
    format_checkpoint,
    keep_lines_of,
    open_checkpoint,
    parse_checkpoint_text,
    parse_size,
    sign_checkpoint,
)
from sopro_protocol.errors import FormatError
from sopro_protocol.keys import Ed25519Signer, make_vkey
from sopro_protocol.merkle import EMPTY_ROOT, MAX_SIZE, Hash
from sopro_protocol.note import NoteSignature, add_signatures

ORIGIN = "at.sopro.example/log"
ROOT = Hash(bytes(32))
SIGNER = Ed25519Signer(b"\x01" * 32)


@given(st.integers(1, MAX_SIZE), st.binary(min_size=32, max_size=32))
def test_every_checkpoint_is_read_back(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(ORIGIN, size, Hash(root))
    assert parse_checkpoint_text(format_checkpoint(checkpoint)) == checkpoint


@given(st.text(alphabet="a0123456789+/=\n ", max_size=60))
def test_accepts_no_second_spelling(text: str) -> None:
    try:
        checkpoint = parse_checkpoint_text(text)
    except FormatError as refusal:
        assert refusal.code == "ckp.format"
    else:
        assert format_checkpoint(checkpoint) == text


def test_an_opened_checkpoint_keeps_its_note() -> None:
    checkpoint = Checkpoint(ORIGIN, 7, ROOT)
    note = sign_checkpoint(checkpoint, SIGNER)
    head = open_checkpoint(note, origin=ORIGIN, keys=[make_vkey(ORIGIN, SIGNER.public_key)])
    assert (head.checkpoint, head.note) == (checkpoint, note)


@pytest.mark.parametrize(
    "line", ["", "+1", "1_000", " 7", "007", "-1", "٣", "1e3", "9" * 40, "7\n"]
)
def test_refuses_size_that_is_not_plain_decimal(line: str) -> None:
    with pytest.raises(FormatError, match=r"^size, expected a plain decimal number"):
        parse_size(line, where="size", code="ckp.format")


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        (Checkpoint("a b", 7, ROOT), "checkpoint: origin, expected 1 to 255 visible ASCII"),
        (Checkpoint(ORIGIN, -1, ROOT), "checkpoint: size, expected 0 to 2^48, got -1"),
        (Checkpoint(ORIGIN, MAX_SIZE + 1, ROOT), "checkpoint: size, expected 0 to 2^48"),
        (Checkpoint(ORIGIN, 7, Hash(bytes(31))), "checkpoint: root, expected 32 bytes, got 31"),
        (Checkpoint(ORIGIN, 0, ROOT), "checkpoint: root of size 0, expected SHA-256 of nothing"),
    ],
)
def test_signs_only_checkpoints_that_can_be(checkpoint: Checkpoint, message: str) -> None:
    with pytest.raises(FormatError) as refusal:
        sign_checkpoint(checkpoint, SIGNER)
    assert str(refusal.value).startswith(message)


def test_signs_the_empty_log() -> None:
    assert sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), SIGNER).startswith(b"at.sopro")


def test_drops_lines_that_its_log_did_not_sign() -> None:
    keys = [make_vkey(ORIGIN, SIGNER.public_key)]
    note = sign_checkpoint(Checkpoint(ORIGIN, 7, ROOT), SIGNER)
    plain = open_checkpoint(note, origin=ORIGIN, keys=keys)
    assert keep_lines_of(plain, keys) is plain
    stranger = NoteSignature("hu.sopro.example/witness", b"abcd", bytes(72))
    crowded = open_checkpoint(add_signatures(note, [stranger]), origin=ORIGIN, keys=keys)
    assert keep_lines_of(crowded, keys) == plain
