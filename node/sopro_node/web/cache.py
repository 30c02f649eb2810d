"""Rendered resources in memory, bounded in bytes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable


class ByteCache:
    """Keeps what was used last, up to a number of bytes; large pieces are not kept at all."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._pieces: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """Return a piece, made where it is not kept."""
        piece = self._pieces.get(key)
        if piece is not None:
            self._pieces.move_to_end(key)
            return piece
        piece = make()
        if len(piece) <= self._limit // 16:
            self._pieces[key] = piece
            self._used += len(piece)
            while self._used > self._limit:
                _, dropped = self._pieces.popitem(last=False)
                self._used -= len(dropped)
        return piece
