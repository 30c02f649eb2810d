"""Tiles and bundles: how a log's hashes and entries are cut into files (c2sp tlog-tiles).

    tile/<L>/<N>[.p/<W>]       up to 256 hashes; hash i of tile N at level L is the root of the
                               256^L leaves from (256N+i)*256^L
    tile/entries/<N>[.p/<W>]   the entries of level-0 tile N, each uint16 length || bytes
    bundle/<N>[.p/<W>]         SoPro: entries, leaf hashes of withheld ones, and documents

L is 0 to 63. N is written in groups of three digits, all but the last behind an `x`, without
groups that are only zeros in front: 1234067 is `x001/x234/067`. W is 1 to 255 and stands only in
the path of a partial tile.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .errors import FormatError, VerificationError
from .merkle import HASH_SIZE, MAX_SIZE, Hash, root_of

WIDTH: Final = 256
MAX_LEVEL: Final = 63
MAX_INDEX: Final = MAX_SIZE // WIDTH - 1
MAX_ENTRY: Final = 0xFFFF
MAX_ENTRY_BUNDLE: Final = WIDTH * (2 + MAX_ENTRY)

_INDEX: Final = re.compile(r"(?!x000)((?:x[0-9]{3}/){0,4})([0-9]{3})")
_PATH: Final = re.compile(
    r"(tile/entries|tile/(?P<level>0|[1-9][0-9]?)|bundle)"
    r"/(?P<index>[x0-9/]{3,24})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class Kind(StrEnum):
    """What a resource holds."""

    TILE = "tile"
    ENTRIES = "entries"
    BUNDLE = "bundle"


@dataclass(frozen=True, slots=True)
class Resource:
    """One tile or bundle of a log; `level` is 0 where the kind has no levels."""

    kind: Kind
    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        """The path below the log's prefix."""
        if self.kind is Kind.TILE:
            return tile_path(level=self.level, index=self.index, width=self.width)
        if self.kind is Kind.ENTRIES:
            return entries_path(index=self.index, width=self.width)
        return bundle_path(index=self.index, width=self.width)


def tile_path(*, level: int, index: int, width: int = WIDTH) -> str:
    """Name a hash tile, such as `tile/0/x001/x234/067.p/8` (tlog-tiles; TILE-1).

    Raises:
        FormatError: Level, index or width is out of range (`err.path`).
    """
    _check_range("level", level, low=0, high=MAX_LEVEL)
    return f"tile/{level}/{_format_place(index, width)}"


def entries_path(*, index: int, width: int = WIDTH) -> str:
    """Name an entry bundle, such as `tile/entries/000.p/8` (tlog-tiles; TILE-1).

    Raises:
        FormatError: Index or width is out of range (`err.path`).
    """
    return f"tile/entries/{_format_place(index, width)}"


def bundle_path(*, index: int, width: int = WIDTH) -> str:
    """Name a bundle of records and documents, such as `bundle/000.p/8` (DESIGN 5; TILE-1).

    Raises:
        FormatError: Index or width is out of range (`err.path`).
    """
    return f"bundle/{_format_place(index, width)}"


def _format_place(index: int, width: int) -> str:
    _check_range("index", index, low=0, high=MAX_INDEX)
    _check_range("width", width, low=1, high=WIDTH)
    last = f"{index % 1000:03}"
    groups = []
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}/")
    return "".join(reversed(groups)) + last + ("" if width == WIDTH else f".p/{width}")


def _check_range(what: str, value: int, *, low: int, high: int) -> None:
    if not low <= value <= high:
        raise FormatError(
            f"tile path: {what}, expected {low} to {high}, got {value}", code="err.path"
        )


def parse_index(text: str) -> int:
    """Parse a tile index, such as `x001/x234/067` (tlog-tiles; TILE-2).

    Raises:
        FormatError: Not the one spelling of an index of a tree of 2^48 leaves (`err.path`).
    """
    match = _INDEX.fullmatch(text)
    index = int("".join(re.findall("[0-9]", text))) if match else MAX_INDEX + 1
    if index > MAX_INDEX:
        raise FormatError(
            f"tile path: index, expected groups of three digits, got {text[:40]!r}", code="err.path"
        )
    return index


def parse_tile_path(path: str) -> Resource:
    """Parse the path of a tile, an entry bundle or a bundle (tlog-tiles; TILE-2).

    Raises:
        FormatError: Not the one spelling of such a path (`err.path`).
    """
    match = _PATH.fullmatch(path)
    if not match:
        raise FormatError(
            f"tile path: form, expected tile/<L>/<N>[.p/<W>], got {path[:80]!r}", code="err.path"
        )
    index = parse_index(match["index"])
    width = WIDTH
    if match["width"]:
        width = int(match["width"])
        _check_range("width", width, low=1, high=WIDTH - 1)
    if match["level"]:
        level = int(match["level"])
        _check_range("level", level, low=0, high=MAX_LEVEL)
        return Resource(Kind.TILE, level, index, width)
    kind = Kind.BUNDLE if path.startswith("bundle/") else Kind.ENTRIES
    return Resource(kind, 0, index, width)


def resources_of(size: int) -> Iterator[Resource]:
    """Go through every entry bundle and tile of a tree, lowest level first (tlog-tiles; TILE-3).

    Raises:
        FormatError: The size is out of range (`err.path`).
    """
    _check_range("size", size, low=0, high=MAX_SIZE)
    for kind, level, hashes in _rows(size):
        for index in range(hashes // WIDTH):
            yield Resource(kind, level, index, WIDTH)
        if hashes % WIDTH:
            yield Resource(kind, level, hashes // WIDTH, hashes % WIDTH)


def count_resources(size: int) -> int:
    """Count the entry bundles and tiles of a tree without going through them (TILE-3).

    Raises:
        FormatError: The size is out of range (`err.path`).
    """
    _check_range("size", size, low=0, high=MAX_SIZE)
    return sum(-(-hashes // WIDTH) for _, _, hashes in _rows(size))


def right_edge(size: int) -> list[Resource]:
    """List the partial entry bundle and tiles of a tree, lowest level first (TILE-3).

    Raises:
        FormatError: The size is out of range (`err.path`).
    """
    _check_range("size", size, low=0, high=MAX_SIZE)
    return [
        Resource(kind, level, hashes // WIDTH, hashes % WIDTH)
        for kind, level, hashes in _rows(size)
        if hashes % WIDTH
    ]


def _rows(size: int) -> Iterator[tuple[Kind, int, int]]:
    """Give the number of entries, then of hashes at each level."""
    yield Kind.ENTRIES, 0, size
    level = 0
    while size:
        yield Kind.TILE, level, size
        level += 1
        size //= WIDTH


def parse_tile(data: bytes, *, width: int = WIDTH) -> list[Hash]:
    """Cut a hash tile into its hashes (tlog-tiles; TILE-4).

    Raises:
        FormatError: Not exactly `width` hashes of 32 bytes (`hos.tile`).
    """
    if not 1 <= width <= WIDTH or len(data) != width * HASH_SIZE:
        raise FormatError(
            f"tile: length, expected {width * HASH_SIZE} bytes, got {len(data)}", code="hos.tile"
        )
    return [Hash(data[at : at + HASH_SIZE]) for at in range(0, len(data), HASH_SIZE)]


def check_tile(data: bytes, *, width: int = WIDTH, expected: bytes | None = None) -> Hash:
    """Hash a tile's hashes to the root over them, and compare it if it is known (TILE-4).

    Raises:
        FormatError: Not exactly `width` hashes of 32 bytes (`hos.tile`).
        VerificationError: The root is not the expected one (`hos.tile`).
    """
    root = root_of(parse_tile(data, width=width))
    if expected is not None and root != expected:
        raise VerificationError(
            f"tile: root, expected {expected.hex()}, got {root.hex()}", code="hos.tile"
        )
    return root


def format_entry_bundle(entries: Sequence[bytes]) -> bytes:
    """Write entries behind their lengths (tlog-tiles; TILE-5).

    Raises:
        FormatError: Not 1 to 256 entries, or one is longer than 65,535 bytes (`hos.bundle`).
    """
    _check_bundle_width(len(entries))
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise FormatError(
                f"entry bundle: entry, expected at most {MAX_ENTRY} bytes, got {len(entry)}",
                code="hos.bundle",
            )
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def parse_entry_bundle(data: bytes, *, width: int) -> list[bytes]:
    """Cut an entry bundle into its entries (tlog-tiles; TILE-5).

    Raises:
        FormatError: Not exactly `width` entries behind their lengths (`hos.bundle`).
    """
    _check_bundle_width(width)
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise FormatError(
                f"entry bundle: entry {len(entries)}, expected an end within {len(data)} bytes,"
                f" got {max(start, at)}",
                code="hos.bundle",
            )
        entries.append(data[start:at])
        if len(entries) > width:
            break
    if len(entries) != width:
        raise FormatError(
            f"entry bundle: entries, expected {width}, got {len(entries)} or more",
            code="hos.bundle",
        )
    return entries


def _check_bundle_width(width: int) -> None:
    if not 1 <= width <= WIDTH:
        raise FormatError(
            f"entry bundle: entries, expected 1 to {WIDTH}, got {width}", code="hos.bundle"
        )
