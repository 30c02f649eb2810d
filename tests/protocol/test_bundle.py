"""Bundles: taken apart strictly, split where a server keeps its parts."""

import msgspec
import pytest

from sopro_protocol.bundle import (
    Bundle,
    RidingDocument,
    Withheld,
    format_documents,
    format_items,
    parse_bundle,
    parse_items,
)
from sopro_protocol.errors import FormatError

ENTRIES = [b"first", b"", b"third"]
KEY = bytes(32)


def document(position: int, number: int = 0) -> RidingDocument:
    return RidingDocument(position, number, KEY, b"content")


def body(items: list[bytes | Withheld], documents: list[RidingDocument]) -> bytes:
    return format_items(items) + format_documents(documents)


def test_is_two_parts_one_after_the_other() -> None:
    bundle = parse_bundle(body([*ENTRIES], [document(257)]), index=1, width=3)
    assert bundle == Bundle([*ENTRIES], [document(257)])
    assert parse_items(format_items([*ENTRIES])) == ENTRIES


def test_shows_a_withheld_entry_as_its_leaf_hash() -> None:
    items: list[bytes | Withheld] = [b"first", Withheld(KEY, 7)]
    assert parse_bundle(body(items, []), index=0, width=2).items == items


def test_takes_the_end_of_a_bundle_apart() -> None:
    tail = parse_bundle(body([*ENTRIES[1:]], [document(257)]), index=1, width=3, start=1)
    assert tail.items == ENTRIES[1:]
    with pytest.raises(FormatError, match="3 entries, expected 2"):
        parse_bundle(body([*ENTRIES], []), index=1, width=3, start=1)
    with pytest.raises(FormatError, match="other positions"):
        parse_bundle(body([*ENTRIES[1:]], [document(256)]), index=1, width=3, start=1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (body([b"one"], []), "1 entries, expected 3"),
        (body([*ENTRIES, b"more"], []), "4 entries, expected 3"),
        (body([*ENTRIES], []) + b"\x00", "trailing"),
        (body([*ENTRIES], [])[:-1], "truncated"),
        (b"\x92\xdc\x00\x03" + body([*ENTRIES], [])[2:], "not canonical"),
        (body([*ENTRIES], [document(255)]), "other positions"),
        (body([*ENTRIES], [document(259)]), "other positions"),
        (body([*ENTRIES], [document(257), document(256)]), "out of order"),
        (body([*ENTRIES], [document(257), document(257)]), "out of order"),
        (msgspec.msgpack.encode([["text"], []]), "Expected"),
        (msgspec.msgpack.encode([[bytes(65_536)], []]), "65535"),
        (msgspec.msgpack.encode([[[bytes(31), 1]], []]), "32"),
        (b"", "truncated"),
        (b"<html>", "Expected"),
    ],
)
def test_refuses_what_is_no_bundle(data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        parse_bundle(data, index=1, width=3)
    assert caught.value.code == "hos.bundle"


def test_says_that_its_own_part_is_damaged() -> None:
    with pytest.raises(FormatError, match="bundle"):
        parse_items(b"\x92\xc1")
