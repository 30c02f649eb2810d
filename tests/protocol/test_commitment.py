"""Commitments: content and key belong to one another, or it is said that they do not."""

import hashlib
import hmac
import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopro_protocol.commitment import check_document, commit_document
from sopro_protocol.errors import FormatError, SoproError, VerificationError
from sopro_protocol.record import MAX_DOCUMENT_SIZE, Commitment

MAKER = runpy.run_path(str(Path(__file__).with_name("make_record_vectors.py")))
VECTORS = json.loads((MAKER["FOLDER"] / "document.json").read_text(encoding="utf-8"))
KEY = bytes(range(32))


def promise(digest: bytes, size: int) -> Commitment:
    return Commitment(
        commitment=digest, name="report", size=size, type="application/pdf", visibility="site"
    )


def check(case: dict[str, Any]) -> None:
    check_document(
        bytes.fromhex(case["bytes"]),
        key=bytes.fromhex(case["key"]),
        commitment=promise(bytes.fromhex(case["commitment"]), case["size"]),
    )


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_accepts_and_refuses_as_the_vectors_say(case: dict[str, Any]) -> None:
    check(case["accept"])
    for refused in case["reject"]:
        with pytest.raises(SoproError) as refusal:
            check(refused)
        assert refusal.value.code == refused["code"], refused["delta"]


@given(st.binary(max_size=64), st.binary(min_size=32, max_size=32))
def test_commits_by_hmac_with_its_own_context(content: bytes, key: bytes) -> None:
    expected = hmac.new(key, b"sopro-document/1\n" + content, hashlib.sha256).digest()
    assert commit_document(content, key=key) == expected
    check_document(content, key=key, commitment=promise(expected, len(content)))


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_refuses_a_key_that_is_not_32_bytes(size: int) -> None:
    with pytest.raises(FormatError, match="key has") as refusal:
        commit_document(b"content", key=bytes(size))
    assert refusal.value.code == "acc.commitment"


def test_accepts_25_mebibytes_and_refuses_one_byte_more() -> None:
    content = bytes(MAX_DOCUMENT_SIZE + 1)
    assert len(commit_document(content[:-1], key=KEY)) == 32
    with pytest.raises(FormatError, match="at most 26214400") as refusal:
        commit_document(content, key=KEY)
    assert refusal.value.code == "acc.commitment"


@pytest.mark.parametrize("other", [b"", b"conten", b"content\0", b"Content"])
def test_refuses_other_content(other: bytes) -> None:
    commitment = promise(commit_document(b"content", key=KEY), 7)
    with pytest.raises(VerificationError, match="document 'report'") as refusal:
        check_document(other, key=KEY, commitment=commitment)
    assert refusal.value.code == "acc.commitment"


def test_frozen_vectors_are_what_the_generator_makes() -> None:
    text = (MAKER["FOLDER"] / "document.json").read_text(encoding="utf-8")
    assert MAKER["render"]("document") == text
