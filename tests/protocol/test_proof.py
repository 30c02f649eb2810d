"""Offline proofs: what opens was logged, at that index, by that log."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopro_protocol.errors import FormatError, SoproError
from sopro_protocol.proof import format_proof, parse_proof

VECTORS = Path(__file__).parents[2] / "protocol" / "vectors" / "tlog-proof.json"
MAKER = runpy.run_path(str(Path(__file__).with_name("make_tree_vectors.py")))
GROUPS = json.loads(VECTORS.read_text(encoding="utf-8"))["groups"]
ACCEPTED = [(group["call"], case) for group in GROUPS for case in group["accept"]]
REFUSED = [
    pytest.param(group["call"], case, id=f"{group['name']}-{case['why']}")
    for group in GROUPS
    for case in group["reject"]
]


def test_frozen_vectors_are_what_the_maker_makes() -> None:
    assert MAKER["render"]("tlog-proof") == VECTORS.read_text(encoding="utf-8")


@pytest.mark.parametrize(("call", "case"), ACCEPTED)
def test_accepts_what_vectors_accept(call: str, case: dict[str, Any]) -> None:
    assert MAKER["OPERATIONS"][call](case) == case["gives"]


@pytest.mark.parametrize(("call", "case"), REFUSED)
def test_refuses_what_vectors_refuse(call: str, case: dict[str, Any]) -> None:
    with pytest.raises(SoproError) as refusal:
        MAKER["OPERATIONS"][call](case)
    assert refusal.value.code == case["code"]


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
