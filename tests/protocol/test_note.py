"""Signed notes: unknown lines are ignored, failing known ones are fatal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.keys import Ed25519Signer, VerifierKey, make_vkey
from sopro_protocol.note import (
    Note,
    NoteSignature,
    add_signatures,
    format_note,
    format_signature,
    open_note,
    parse_note,
    parse_signature,
    parse_signatures,
    sign_note,
    sign_text,
)

NAME = "at.sopro.example/log"
SIGNER = Ed25519Signer(b"\x01" * 32)
OTHER = Ed25519Signer(b"\x02" * 32)
KEY = make_vkey(NAME, SIGNER.public_key)
LINE = NoteSignature("n", b"1234", b"5")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9), min_size=1))
def test_every_signed_text_opens(lines: list[str]) -> None:
    text = "".join(line + "\n" for line in lines)
    opened = open_note(sign_note(text, name=NAME, signer=SIGNER), [KEY])
    assert (opened.text, opened.verified_by) == (text, (KEY,))


@given(st.binary(max_size=80))
def test_no_bytes_make_parsing_fail_otherwise(data: bytes) -> None:
    for note in (data, b"\n\n\xe2\x80\x94 " + data, data + b"\n\n\xe2\x80\x94 n AAAAAAAA\n"):
        try:
            parsed = parse_note(note)
        except FormatError as refusal:
            assert refusal.code == "ckp.format"
        else:
            assert format_note(parsed) == note


def test_two_keys_may_share_a_name_and_key_id() -> None:
    # Four bytes can be made to collide; the key that verifies is the one that counts.
    twin = VerifierKey(NAME, KEY.note_key_id, 1, OTHER.public_key)
    note = sign_note("text\n", name=NAME, signer=SIGNER)
    assert open_note(note, [twin, KEY]).verified_by == (KEY,)
    with pytest.raises(VerificationError, match="does not verify"):
        open_note(note, [twin])


def test_a_key_that_is_not_known_is_named_by_its_id() -> None:
    note = parse_note(sign_note("text\n", name=NAME, signer=SIGNER))
    [line] = note.signatures
    flipped = line.key_id[:3] + bytes([line.key_id[3] ^ 1])
    other = Note(note.text, (NoteSignature(NAME, flipped, line.signature),))
    with pytest.raises(VerificationError) as refusal:
        open_note(format_note(other), [KEY])
    assert str(refusal.value) == (
        f"note: signature, expected one of {NAME!r} ({line.key_id.hex()}), "
        f"got {NAME!r} ({flipped.hex()})"
    )
    with pytest.raises(VerificationError, match="expected one of none, got"):
        open_note(format_note(other), [])


def test_a_fresh_line_replaces_one_of_the_same_key() -> None:
    note = sign_note("text\n", name=NAME, signer=SIGNER)
    witnessed = add_signatures(note, [LINE])
    fresh = NoteSignature(LINE.name, LINE.key_id, b"6")
    assert parse_note(add_signatures(witnessed, [fresh])).signatures[1:] == (fresh,)
    assert add_signatures(witnessed, [LINE]) == witnessed


def test_signature_lines_are_read_alone() -> None:
    data = format_signature(LINE).encode()
    assert parse_signatures(data) == (LINE,)
    assert parse_signature(data.decode().rstrip("\n")) == LINE


@pytest.mark.parametrize("data", [b"", b"\n", b"\xe2\x80\x94 n AAAAAAAA", b"text\n", b"\xff\n"])
def test_refuses_an_answer_that_is_not_signature_lines(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"^note: ") as refusal:
        parse_signatures(data)
    assert refusal.value.code == "ckp.format"


def test_refuses_a_note_beyond_the_limit_before_reading_it() -> None:
    note = sign_note("text\n", name=NAME, signer=SIGNER)
    assert parse_note(note, limit=len(note)).text == "text\n"
    with pytest.raises(FormatError, match=r"^note: length, expected at most"):
        parse_note(note, limit=len(note) - 1)
    with pytest.raises(FormatError, match=r"^note: length, expected at most 1000000"):
        open_note(b"\xff" * 1_000_001, [])


@pytest.mark.parametrize(
    "note",
    [
        Note("no newline", (LINE,)),
        Note("text\n", ()),
        Note("control \x07\n", (LINE,)),
        Note("surrogate \ud800\n", (LINE,)),
        Note("text\n", (NoteSignature("a b", b"1234", b"5"),)),
        Note("text\n", (NoteSignature("n", b"123", b"45"),)),
        Note("text\n", (LINE, LINE)),
        Note("", (LINE,)),
    ],
)
def test_writes_only_what_reads_back(note: Note) -> None:
    with pytest.raises(FormatError, match=r"^note: ") as refusal:
        format_note(note)
    assert refusal.value.code == "ckp.format"


def test_signs_only_text_that_a_note_can_hold() -> None:
    with pytest.raises(FormatError, match="expected Unicode"):
        sign_note("\ud800\n", name=NAME, signer=SIGNER)
    with pytest.raises(FormatError, match="key name"):
        sign_text("text\n", name="a b", signer=SIGNER)
