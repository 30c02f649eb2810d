"""Errors: one class for each thing a caller does differently, one code for each reason."""

import pytest

from sopro_protocol import errors
from sopro_protocol.errors import FormatError, SoproError, SplitViewError, VerificationError

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, SoproError)
]


def build(kind: type[SoproError]) -> SoproError:
    if kind is SplitViewError:
        return SplitViewError("words", held=b"1", offered=b"2")
    return kind("words")


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_has_a_default_code_and_keeps_its_message(kind: type[SoproError]) -> None:
    error = build(kind)
    assert (error.code, str(error)) == (kind.default_code, "words")


def test_no_two_classes_share_a_default_code() -> None:
    codes = [kind.default_code for kind in CLASSES]
    assert len(set(codes)) == len(codes) == 11


def test_a_given_code_replaces_the_default() -> None:
    assert FormatError("words", code="enc.type").code == "enc.type"


def test_a_split_view_carries_both_heads_and_is_a_failed_verification() -> None:
    error = SplitViewError("words", held=b"ours", offered=b"theirs")
    assert (error.held, error.offered) == (b"ours", b"theirs")
    assert isinstance(error, VerificationError)
