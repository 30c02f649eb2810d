"""One node asked about one log, and what the asking costs."""

from collections.abc import Sequence

from sopro_node.fetch import Fetch, Fetched
from sopro_node.target import Pulled
from sopro_protocol.bundle import WIDTH
from sopro_protocol.tile import parse_tile, tile_path


class Peer:
    """A node that serves a log, its own or a mirrored one.

    Attributes:
        fetch: the client.
        bases: URLs under which the log is served: by this node, then by others.
        is_own: whether it is the node of the log's site.
        done: what has been asked so far.
        served_keys: the key records it served, where they were asked for and verify.
    """

    def __init__(self, fetch: Fetch, bases: Sequence[str], *, is_own: bool = False) -> None:
        self.fetch = fetch
        self.bases = bases
        self.is_own = is_own
        self.done = Pulled()
        self.served_keys: Sequence[bytes] = ()

    async def get(self, path: str, *, limit: int) -> bytes:
        """Ask for what lies under a path; raises what `Fetch.get` does."""
        return (await self.ask(path, limit=limit)).body

    async def ask(self, path: str, *, limit: int) -> Fetched:
        """Ask for what lies under a path, as it came; raises what `Fetch.get` does."""
        self.done.requests += 1
        fetched = await self.fetch.get(f"{self.bases[0]}/{path}", limit=limit)
        self.done.received += fetched.wire_size
        return fetched

    async def tile(self, level: int, index: int, width: int) -> list[bytes]:
        """Ask for a hash tile; raises `FormatError` besides, where it is none."""
        path = tile_path(level=level, index=index, width=width)
        return list(parse_tile(await self.get(path, limit=WIDTH * 32), width=width))
