"""Offline proofs: what opens was logged, at that index, by that log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopro_protocol.errors import FormatError
from sopro_protocol.proof import format_proof, parse_proof


@given(st.binary(max_size=120), st.sampled_from([b"", b"c2sp.org/tlog-proof@v1\n"]))
def test_accepts_no_second_spelling(data: bytes, start: bytes) -> None:
    try:
        proof = parse_proof(start + data)
    except FormatError as refusal:
        assert refusal.code == "proof.format"
    else:
        assert format_proof(proof) == start + data


PROOFS = [
    b"c2sp.org/tlog-proof@v1\nindex 5\n" + b"\n".join([b"o" * 42 + b"8="] * count) + b"\n\nnote"
    for count in (1, 2, 63)
]


@given(st.sampled_from(PROOFS), st.data())
def test_accepts_no_second_spelling_of_a_proof(proof: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(proof)))
    removed = data.draw(st.integers(0, 3))
    put = data.draw(
        st.sampled_from([b"", b"=", b"\n", b"=\n", b'","', b'"', b"A", b"AA", b"9", b"\xff"])
    )
    changed = proof[:at] + put + proof[at + removed :]
    try:
        parsed = parse_proof(changed)
    except FormatError as refusal:
        assert refusal.code == "proof.format"
    else:
        assert format_proof(parsed) == changed


@pytest.mark.parametrize("put", [b'","', b"=", b"", b"\n\t", b"\r\n"])
def test_refuses_lines_that_are_joined_by_anything_but_a_newline(put: bytes) -> None:
    line = b"o" * 42 + b"8="
    start = b"c2sp.org/tlog-proof@v1\nindex 5\n"
    assert len(parse_proof(start + line + b"\n" + line + b"\n\nnote").hashes) == 2
    with pytest.raises(FormatError, match=r"^proof: hash"):
        parse_proof(start + line + put + line + b"\n\nnote")


def test_refuses_a_file_beyond_the_limit_before_reading_it() -> None:
    data = b"c2sp.org/tlog-proof@v1\nindex 0\n\nnote"
    assert parse_proof(data, limit=len(data)).checkpoint_note == b"note"
    with pytest.raises(FormatError, match=r"^proof: length, expected at most"):
        parse_proof(data, limit=len(data) - 1)
