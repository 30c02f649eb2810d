"""Rendered resources in memory, bounded in bytes."""

from collections import OrderedDict
from collections.abc import Hashable


class ByteCache:
    """Keeps what was used last, up to a number of bytes; large pieces are not kept at all."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._pieces: OrderedDict[Hashable, bytes] = OrderedDict()

    def find(self, key: Hashable) -> bytes | None:
        """Return a piece that is kept."""
        piece = self._pieces.get(key)
        if piece is not None:
            self._pieces.move_to_end(key)
        return piece

    def keep(self, key: Hashable, piece: bytes) -> None:
        """Keep a piece, and let go of what was used longest ago."""
        if len(piece) > self._limit // 16 or key in self._pieces:
            return
        self._pieces[key] = piece
        self._used += len(piece)
        while self._used > self._limit:
            _, dropped = self._pieces.popitem(last=False)
            self._used -= len(dropped)
