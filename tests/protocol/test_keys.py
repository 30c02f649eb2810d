"""Keys: one verdict on every signature, no weak key, no seed in a traceback."""

from collections.abc import Callable

import pytest

from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.keys import (
    Ed25519Signer,
    Role,
    Signer,
    check_key_name,
    check_public_key,
    key_id,
    make_vkey,
    parse_base64,
    parse_vkey,
    verify_ed25519,
)

SEED = b"\x01" * 32


def sign_with(signer: Signer, message: bytes) -> bytes:
    return signer.sign(message)


def test_signs_what_verifies() -> None:
    signer = Ed25519Signer(SEED)
    signature = sign_with(signer, b"message")
    verify_ed25519(signer.public_key, message=b"message", signature=signature)
    assert len(signature) == 64
    assert signer.key_id == key_id(signer.public_key)


def test_signer_never_shows_its_seed() -> None:
    signer = Ed25519Signer(SEED)
    assert repr(signer) == f"Ed25519Signer(public_key={signer.public_key.hex()})"
    assert SEED.hex() not in repr(signer)
    assert not hasattr(signer, "__dict__")


@pytest.mark.parametrize("seed", [b"", b"\x01" * 31, b"\x01" * 64])
def test_refuses_seed_of_another_length(seed: bytes) -> None:
    with pytest.raises(FormatError, match="private key: length, expected 32") as refusal:
        Ed25519Signer(seed)
    assert refusal.value.code == "sig.key"


def test_key_id_depends_on_the_algorithm() -> None:
    key = Ed25519Signer(SEED).public_key
    assert key_id(key) == key_id(key, algorithm=1) != key_id(key, algorithm=4)
    assert len(key_id(key)) == 32


def test_a_key_id_names_one_role_by_its_word() -> None:
    words = ["root", "log", "witness", "registrar", "decision", "access"]
    assert [role.value for role in Role] == words


def test_does_not_let_bytes_move_between_signature_and_message() -> None:
    signer = Ed25519Signer(SEED)
    signature = signer.sign(b"message")
    with pytest.raises(VerificationError, match="signature: length"):
        verify_ed25519(
            signer.public_key, message=signature[63:] + b"message", signature=signature[:63]
        )


MESSAGES = [
    (lambda: check_public_key(b""), "public key: length, expected 32 bytes, got 0"),
    (
        lambda: check_public_key(b"\xff" * 32),
        "public key: not canonical, expected y below 2^255-19",
    ),
    (lambda: check_public_key(bytes(32)), "public key: low order, expected a key of full order"),
    (lambda: make_vkey("a", bytes(31)), "public key: length, expected 32 bytes, got 31"),
    (lambda: make_vkey("a", bytes(32), key_type=2), "verifier key: type, expected 1 "),
    (lambda: make_vkey("a\nb", bytes(32)), "verifier key: key name, expected no white space"),
    (lambda: check_key_name("\ud800", where="note", code="x"), "note: key name, expected no"),
    (lambda: parse_vkey("a+b"), "verifier key: form, expected name"),
    (lambda: parse_vkey("a+00000000+"), "verifier key: type byte, expected one, got none"),
    (lambda: parse_base64("A", where="root", code="x"), "root: expected base64, got 'A'"),
    (lambda: parse_base64("AB==", where="root", code="x"), "root: expected canonical base64"),
    (lambda: parse_base64("ä", where="root", code="x"), "root: expected base64, got 'ä'"),
]


@pytest.mark.parametrize(("act", "message"), MESSAGES)
def test_says_where_what_and_what_was_expected(act: Callable[[], object], message: str) -> None:
    with pytest.raises(FormatError) as refusal:
        act()
    assert str(refusal.value).startswith(message)
