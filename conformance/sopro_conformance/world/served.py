"""What a node of the world serves of a log: tiles, bundles, keys, proofs (SPEC TILE, EXCH, BUNDLE).

Only bytes are made here; who is told them, and whether they are the truth, is the server's matter.
"""

import re
from typing import Final, Protocol

from sopro_conformance.wire.codec import Value, encode
from sopro_conformance.wire.proof import write_proof
from sopro_conformance.wire.tree import Tree

WIDTH: Final = 256
_TILE: Final = re.compile(
    r"(?P<kind>tile|bundle)/(?:(?P<level>entries|[0-9]+)/)?"
    r"(?P<number>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[0-9]+))?"
)


class Shown(Protocol):
    """A log as a node serves it, its own or another's.

    Attributes:
        origin: of the log.
        entries: all there are.
        tree: over them.
        documents: key and content by position and number, as far as they ride in bundles.
        key_positions: where its key records are.
    """

    origin: str
    entries: list[bytes]
    tree: Tree
    documents: dict[tuple[int, int], tuple[bytes, bytes]]
    key_positions: list[int]

    @property
    def size(self) -> int:
        """So many entries there are."""

    def checkpoint(self, size: int | None = None) -> bytes:
        """Return the head of a size, of all there is for None."""


def prefix_of(origin: str) -> str:
    """Return the path under which a log is served (EXCH-1)."""
    return "/log/" + origin.split("/", 1)[1]


def tile_number(number: int) -> str:
    """Write a tile's number in groups of three digits (TILE-2)."""
    text = f"{number % 1000:03}"
    while number := number // 1000:
        text = f"x{number % 1000:03}/{text}"
    return text


def resource_path(kind: str, number: int, width: int) -> str:
    """Write the path of a tile, entry bundle or bundle: kind is `tile/0`, `bundle` and so on."""
    return f"{kind}/{tile_number(number)}" + (f".p/{width}" if width < WIDTH else "")


def bundle(log: Shown, number: int, width: int) -> bytes:
    """Write a bundle with the public documents that ride in it (BUNDLE)."""
    start = number * WIDTH
    items = log.entries[start : start + width]
    documents: list[Value] = [
        [position, at, key, content]
        for (position, at), (key, content) in sorted(log.documents.items())
        if start <= position < start + width
    ]
    return encode([items, documents])


def entry_bundle(log: Shown, number: int, width: int) -> bytes:
    """Write an entry bundle (TILE-5)."""
    chosen = log.entries[number * WIDTH : number * WIDTH + width]
    return b"".join(len(one).to_bytes(2, "big") + one for one in chosen)


def keys(log: Shown) -> bytes:
    """Write the key records (SYNC-1)."""
    return encode([[at, log.entries[at]] for at in log.key_positions])


def render(log: Shown, path: str, size: int) -> bytes | None:
    """Return what is at a path below the log's own, under a head of a size; None for nothing."""
    if path == "checkpoint":
        return log.checkpoint(size)
    if path == "keys":
        return keys(log)
    if path.startswith("proof/") and path[6:].isdecimal() and int(path[6:]) < size:
        index = int(path[6:])
        return write_proof(index, log.tree.inclusion(index, size), log.checkpoint(size))
    found = _TILE.fullmatch(path)
    return _tile(log, found, size) if found else None


def _tile(log: Shown, found: re.Match[str], size: int) -> bytes | None:
    level = found["level"]
    number = int(found["number"].replace("x", "").replace("/", ""))
    width = int(found["width"] or WIDTH)
    height = int(level) if level and level.isdecimal() else 0
    if height > 8 or number * WIDTH + width > size >> (8 * height):
        return None
    if found["kind"] == "bundle":
        return bundle(log, number, width) if level is None else None
    if level == "entries":
        return entry_bundle(log, number, width)
    return log.tree.tile(height, number, width) if level is not None else None
