"""What the members have settled about two histories of the coordinator's log (SPEC ANCHOR).

Each settlement names a size and the root of the history that holds there. It is final, so it is
kept once it is known, and nothing has to be counted again.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import msgspec

from sopro_node.store.base import Reader, Store
from sopro_node.tree import LogTree
from sopro_registry.anchors import Tally

_SETTING: Final = "anchored"
_TALLIES: Final = msgspec.msgpack.Decoder(list[Tally])


class Disputed(Protocol):
    """Evidence as far as settling it asks."""

    @property
    def size(self) -> int:
        """Size at which the two heads differ."""
        ...

    @property
    def heads(self) -> tuple[tuple[int, bytes], tuple[int, bytes]]:
        """Sizes and roots that the two heads sign."""
        ...

    @property
    def roots(self) -> tuple[bytes, bytes]:
        """Their roots at that size."""
        ...


class Anchored:
    """The settlements this node knows, by rising size."""

    def __init__(self, settled: Iterable[Tally]) -> None:
        self._settled = sorted(settled, key=lambda one: one.size)

    @classmethod
    def load(cls, reader: Reader) -> "Anchored":
        """Return those that were kept."""
        data = reader.setting(_SETTING)
        return cls(_TALLIES.decode(data) if data else ())

    def __iter__(self) -> Iterator[Tally]:
        return iter(self._settled)

    def keep(self, store: Store, settled: Iterable[Tally]) -> None:
        """Write settlements down, and go by them from then on; on the writer's thread."""
        known = {one.size: one for one in (*settled, *self._settled)}
        ordered = [known[size] for size in sorted(known)]
        with store.transaction():
            store.put_setting(_SETTING, msgspec.msgpack.encode(ordered))
        self._settled = ordered

    def contradicts(self, tree: LogTree) -> bool:
        """Say whether a tree is a history that was abandoned."""
        return any(
            one.size <= tree.size and tree.root_at(one.size) != one.root for one in self._settled
        )

    def settles(self, disputed: Disputed, kept: Iterable[Disputed], tree: LogTree | None) -> bool:
        """Say whether evidence against the coordinator's log stands no more (SPEC ANCHOR-7).

        Args:
            disputed: the evidence.
            kept: all evidence against that log, which says of further heads where they belong.
            tree: what is held of the log.
        """
        for one in self._settled:
            is_held = (
                tree is not None and one.size <= tree.size and tree.root_at(one.size) == one.root
            )
            # What parts from the history that holds below that size is another one.
            if one.size == disputed.size or (is_held and disputed.size < one.size):
                return True
        abandoned = {
            head
            for other in kept
            for one in self._settled
            if one.size == other.size
            for head, root in zip(other.heads, other.roots, strict=True)
            if root != one.root
        }
        return not abandoned.isdisjoint(disputed.heads)
