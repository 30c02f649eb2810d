"""Bundles: 256 entries and the documents the caller may see, as one canonical value.

    [items, documents]
    item      entry bytes, or [leaf hash, position of the withhold record] where one is withheld
    document  [position, number in its record, key, content]

Bundle N holds positions 256 N to 256 N + 255; a partial one of width W the first W of them
(SPEC section BUNDLE). On the wire it may be compressed as HTTP content encoding says.
"""

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from sopro_protocol.encoding import MAX_ENTRY, MAX_INTEGER
from sopro_protocol.errors import FormatError
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import Bytes32

WIDTH: Final = 256
MAX_RIDING_DOCUMENT: Final = 64 * 1024
MAX_RIDING_DOCUMENTS: Final = 16 * 1024 * 1024
MAX_BUNDLE: Final = WIDTH * (MAX_ENTRY + 8) + MAX_RIDING_DOCUMENTS + 1024 * 1024

_Position = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
_Entry = Annotated[bytes, Meta(max_length=MAX_ENTRY)]


class Withheld(NamedTuple):
    """An entry that is no longer shown: its leaf hash and the record that says why."""

    leaf: Bytes32
    record: _Position


Item: TypeAlias = _Entry | Withheld
"""What a bundle holds at a position: an entry, or what is left of a withheld one."""


def leaf_of(item: bytes | Withheld) -> bytes:
    """Return the leaf hash of an item."""
    return item.leaf if isinstance(item, Withheld) else leaf_hash(item)


class RidingDocument(NamedTuple):
    """A document that comes with its bundle."""

    position: _Position
    number: Annotated[int, Meta(ge=0, le=255)]
    key: Bytes32
    content: Annotated[bytes, Meta(max_length=MAX_RIDING_DOCUMENT)]


class Bundle(NamedTuple):
    """A bundle taken apart; nothing is verified."""

    items: list[Item]
    documents: list[RidingDocument]


_DECODER: Final = msgspec.msgpack.Decoder(Bundle)
_ITEMS: Final = msgspec.msgpack.Decoder(list[Item])
_ENCODER: Final = msgspec.msgpack.Encoder()
# The outer array of two; what follows are the items and then the documents, so that a server can
# keep the first part compressed and put the second behind it.
_HEAD: Final = b"\x92"


def format_items(items: Sequence[Item]) -> bytes:
    """Encode the first part of a bundle."""
    return _HEAD + _ENCODER.encode(list(items))


def format_documents(documents: list[RidingDocument]) -> bytes:
    """Encode the second part of a bundle."""
    return _ENCODER.encode(documents)


def parse_items(data: bytes) -> list[Item]:
    """Decode the first part of a bundle that this node wrote itself.

    Raises:
        FormatError: `hos.bundle` where the bytes are damaged.
    """
    try:
        return _ITEMS.decode(memoryview(data)[1:])
    except msgspec.MsgspecError as error:
        raise FormatError(f"bundle: {error}", code="hos.bundle") from None


def parse_bundle(data: bytes, *, index: int, width: int = WIDTH, start: int = 0) -> Bundle:
    """Take a bundle apart (SPEC BUNDLE-1 to BUNDLE-3); nothing is verified.

    Args:
        data: the whole decompressed bundle.
        index: its number.
        width: how many items it must hold.
        start: how many of these, its first, are left out (SPEC SYNC-11).

    Raises:
        FormatError: `hos.bundle` where it is not canonical, too short or too long, or brings
            documents of other positions or in the wrong order.
    """
    try:
        bundle = _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise FormatError(f"bundle {index}: {error}", code="hos.bundle") from None
    if _ENCODER.encode(bundle) != data:
        raise FormatError(f"bundle {index}: not canonical", code="hos.bundle")
    if len(bundle.items) != width - start:
        raise FormatError(
            f"bundle {index}: {len(bundle.items)} entries, expected {width - start}",
            code="hos.bundle",
        )
    places = [(one.position, one.number) for one in bundle.documents]
    first, end = (index * WIDTH + start, 0), (index * WIDTH + width, 0)
    if places != sorted(set(places)) or (places and not first <= places[0] <= places[-1] < end):
        raise FormatError(
            f"bundle {index}: documents of other positions or out of order", code="hos.bundle"
        )
    return bundle
