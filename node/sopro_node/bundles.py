"""Bundles on disk and on the wire: entries as one zstd frame, documents as a second one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import zstandard

from sopro_node.store.rows import DocumentRow
from sopro_protocol.bundle import (
    MAX_BUNDLE,
    MAX_RIDING_DOCUMENT,
    MAX_RIDING_DOCUMENTS,
    Item,
    RidingDocument,
    Withheld,
    format_documents,
    format_items,
    parse_items,
)
from sopro_protocol.errors import FormatError

_LEVEL: Final = 3
PUBLIC: Final = 0


def pack_entries(entries: Sequence[Item]) -> bytes:
    """Compress entries, and what is left of withheld ones, as the first frame of a bundle."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(format_items(entries))


def unpack_entries(frame: bytes) -> list[Item]:
    """Decompress what `pack_entries` or a verified peer packed.

    Raises:
        FormatError: the frame is damaged.
    """
    return parse_items(decompress(frame))


def blank(frame: bytes, withheld: Mapping[int, Withheld]) -> bytes:
    """Write a frame anew without the bytes of some entries, by their places in it.

    Raises:
        FormatError: the frame is damaged.
    """
    items = unpack_entries(frame)
    for place, one in withheld.items():
        items[place] = one
    return pack_entries(items)


def decompress(frame: bytes) -> bytes:
    """Decompress one zstd frame of at most a bundle's size.

    Raises:
        FormatError: `hos.bundle` for what is no frame or is too large.
    """
    try:
        return zstandard.ZstdDecompressor().decompress(frame, max_output_size=MAX_BUNDLE)
    except zstandard.ZstdError as error:
        raise FormatError(f"bundle: not a zstd frame: {error}", code="hos.bundle") from None


def first_frame(body: bytes) -> tuple[bytes, bytes]:
    """Return the first zstd frame of a body and what it holds."""
    stream = zstandard.ZstdDecompressor().decompressobj()
    content = stream.decompress(body)
    return body[: len(body) - len(stream.unused_data)], content


def documents_part(rows: Iterable[DocumentRow]) -> bytes:
    """Encode the documents that everybody may see and that are small enough to ride along."""
    riding = []
    total = 0
    for row in rows:
        if row.visibility != PUBLIC or len(row.content) > MAX_RIDING_DOCUMENT:
            continue
        total += len(row.content)
        if total > MAX_RIDING_DOCUMENTS:
            break
        riding.append(RidingDocument(row.position, row.number, row.key, row.content))
    return format_documents(riding)


def compress_part(part: bytes) -> bytes:
    """Compress the documents' part as a frame of its own."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(part)
