"""The candidate's own log as others hold it: what they show a node that starts again (FENCE)."""

from sopro_conformance.case import NotMeasured
from sopro_conformance.wire.records import entry_id
from sopro_conformance.wire.tree import Tree
from sopro_conformance.world.client import Client, read_record


class Copy:
    """A mirror of a log that another has signed, at the heads that were seen of it.

    Attributes:
        origin: of the log.
        entries: all there are.
        tree: over them.
        documents: none.
        key_positions: where its key records are.
    """

    def __init__(self, origin: str, entries: list[bytes], notes: dict[int, bytes]) -> None:
        self.origin = origin
        self.entries = entries
        self.tree = Tree([entry_id(one) for one in entries])
        self.documents: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        records = [read_record(one) for one in entries]
        self.key_positions = [
            at for at, one in enumerate(records) if one.get("family") == "site_keys/1"
        ]
        self._notes = notes

    @property
    def size(self) -> int:
        """So many entries there are."""
        return len(self.entries)

    def checkpoint(self, size: int | None = None) -> bytes:
        """Return a head as its own node has signed it."""
        return self._notes[self.size if size is None else size]

    def log_key(self) -> bytes:
        """Return the log key that the first key record names.

        Raises:
            NotMeasured: it names none.
        """
        for one in read_record(self.entries[0]).get("body", {}).get("keys", ()):
            if one.get("role") == "log":
                return bytes(one["public"])
        raise NotMeasured(f"entry 0 of {self.origin} names no log key (STATE-3)")


async def copy_log(client: Client) -> Copy:
    """Read a node's own log as it is now, without what was read of it before.

    Raises:
        NotMeasured: it is not served as a whole.
    """
    reader = Client(client.url, client.origin)
    try:
        head = await reader.read()
        return Copy(client.origin, reader.entries[: head.size], {head.size: reader.seen[-1].note})
    finally:
        await reader.close()
