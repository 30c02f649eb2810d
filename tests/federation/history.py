"""What a node shows of a log, recomputed from its entries and compared with what was promised."""

import base64

from sopro_protocol.merkle import CompactRange, leaf_hash
from sopro_protocol.tile import WIDTH, entries_path, parse_entry_bundle
from tests.federation.federation import ROUTES, Site

Head = tuple[int, bytes]


def read_head(note: bytes) -> Head:
    _, size, root, *_ = note.split(b"\n")
    return int(size), base64.b64decode(root)


class History:
    """The entries of a log as a node serves them, read on from where the last look ended."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.roots: dict[int, bytes] = {0: CompactRange().root()}
        self._range = CompactRange()

    def read_on(self, node: Site, code: str) -> None:
        size, root = read_head(node.checkpoint(code))
        assert size >= len(self.leaves), "the log has become shorter"
        while len(self.leaves) < size:
            number, offset = divmod(len(self.leaves), WIDTH)
            width = min(WIDTH, size - number * WIDTH)
            path = entries_path(index=number, width=width)
            answer = node.get(f"{ROUTES.format(site=code)}/{path}")
            for entry in parse_entry_bundle(answer.body, width=width)[offset:]:
                self.leaves.append(leaf_hash(entry))
                self._range.append(self.leaves[-1])
                self.roots[len(self.leaves)] = self._range.root()
        # Holds also for what was read before a kill: it is under the head of now.
        assert self.roots[size] == root

    def check_heads(self, heads: set[Head]) -> None:
        """Two heads are consistent where both are of this one history."""
        for size, root in heads:
            assert size <= len(self.leaves), f"a head at size {size} was shown and is gone"
            assert self.roots[size] == root, f"another history was shown at size {size}"

    def check_acknowledged(self, acknowledged: dict[int, bytes]) -> None:
        for index, entry_id in acknowledged.items():
            assert index < len(self.leaves), f"entry {index} was acknowledged and is lost"
            assert self.leaves[index] == entry_id, f"entry {index} is another one"
