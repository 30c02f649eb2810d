"""Cosignatures bind log, size, root and time."""

import pytest

from sopro_protocol.checkpoint import Checkpoint, format_checkpoint
from sopro_protocol.cosignature import cosign, cosigned_message, verify_cosignature
from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.keys import COSIGNATURE, Ed25519Signer, make_vkey
from sopro_protocol.merkle import Hash

CHECKPOINT = Checkpoint("at.sopro.example/log", 7, Hash(bytes(32)))
NAME = "hu.sopro.example/witness"
SIGNER = Ed25519Signer(b"\x02" * 32)
KEY = make_vkey(NAME, SIGNER.public_key, key_type=COSIGNATURE)


def test_signs_the_time_and_the_whole_text() -> None:
    text = format_checkpoint(CHECKPOINT)
    expected = f"cosignature/v1\ntime 1700000002\n{text}".encode()
    assert cosigned_message(1700000002, text) == expected


def test_gives_the_time_that_was_signed() -> None:
    line = cosign(CHECKPOINT, name=NAME, signer=SIGNER, time=1700000002)
    assert verify_cosignature(format_checkpoint(CHECKPOINT), line, KEY) == 1700000002


@pytest.mark.parametrize("time", [0, -1, 2**63])
def test_cosigns_only_at_a_time_that_can_be_written(time: int) -> None:
    with pytest.raises(FormatError, match="cosignature: time, expected 1 to") as refusal:
        cosign(CHECKPOINT, name=NAME, signer=SIGNER, time=time)
    assert refusal.value.code == "ckp.format"


def test_refuses_a_line_under_another_name() -> None:
    line = cosign(CHECKPOINT, name="de.sopro.example/witness", signer=SIGNER, time=1)
    with pytest.raises(VerificationError, match="key, expected") as refusal:
        verify_cosignature(format_checkpoint(CHECKPOINT), line, KEY)
    assert refusal.value.code == "ckp.cosignature"
