"""Bundles on disk and on the wire: entries as one zstd frame, documents as a second one."""

from collections.abc import Iterable
from typing import Final

import zstandard

from sopro_node.store.base import DocumentRow
from sopro_protocol.bundle import (
    MAX_BUNDLE,
    MAX_RIDING_DOCUMENT,
    MAX_RIDING_DOCUMENTS,
    RidingDocument,
    format_documents,
    format_items,
    parse_items,
)
from sopro_protocol.errors import FormatError

_LEVEL: Final = 3
PUBLIC: Final = 0


def pack_entries(entries: list[bytes]) -> bytes:
    """Compress entries as the first frame of a bundle."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(format_items(list(entries)))


def unpack_entries(frame: bytes) -> list[bytes]:
    """Decompress what `pack_entries` or a verified peer packed.

    Raises:
        FormatError: the frame is damaged.
    """
    items = parse_items(decompress(frame))
    return [item for item in items if isinstance(item, bytes)]


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
