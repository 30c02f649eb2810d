"""The head that entries beyond the served one are proven under, kept with them (SPEC SYNC-13).

A large sync commits full bundles long before the head they lie under is reached. If that head never
is, because whoever showed it goes on with another history, it is the evidence: so its note is
stored in the same transactions, with the hashes that lead from the last entry held to its root.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from sopro_node.tree import LogTree
from sopro_protocol.checkpoint import Checkpoint, parse_checkpoint_text
from sopro_protocol.merkle import SubtreeReader, node_hash
from sopro_protocol.note import parse_note


class Ahead(Struct, frozen=True, array_like=True):
    """A signed head and what of its tree is not held.

    Attributes:
        note: the signed head; verified before it is kept.
        start: number of entries held.
        rest: roots of the complete subtrees from there to the head's last entry.
    """

    note: bytes
    start: int
    rest: list[bytes]

    @property
    def head(self) -> Checkpoint:
        """Size and root that the head signs."""
        return parse_checkpoint_text(parse_note(self.note).text)

    def reader(self, tree: LogTree) -> SubtreeReader:
        """Return a reader of the head's tree.

        Args:
            tree: of the entries held.
        """
        places = _subtrees(self.start, self.head.size)
        rest = dict(zip(places, self.rest, strict=True))

        def read(level: int, index: int) -> bytes:
            if (index + 1) << level <= self.start:
                return tree.read(level, index)
            known = rest.get((level, index))
            if known is not None:
                return known
            # It lies on both sides of the last entry held.
            return node_hash(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))

        return read


def look_ahead(note: bytes, *, start: int, size: int, read: SubtreeReader) -> Ahead:
    """Keep a head that is not reached yet.

    Args:
        note: the signed head.
        start: number of entries held, a multiple of 256.
        size: of the head, larger than `start`.
        read: reads the proven subtrees behind `start`.
    """
    return Ahead(note, start, [read(level, index) for level, index in _subtrees(start, size)])


def encode_ahead(ahead: Ahead | None) -> bytes:
    """Write it for the database; nothing where there is none."""
    return msgspec.msgpack.encode(ahead) if ahead is not None else b""


def decode_ahead(data: bytes) -> Ahead | None:
    """Read it from the database."""
    return msgspec.msgpack.decode(data, type=Ahead) if data else None


def _subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Go through the largest complete aligned subtrees that fill a range, as level and index."""
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level
