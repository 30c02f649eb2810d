"""Listening to what other nodes announce: heads of their own logs, and of those they mirror."""

import asyncio
import json
import random
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final

from sopro_node.fetch import Fetch
from sopro_node.followed import root_url
from sopro_node.gossip import Gossip
from sopro_node.holdings import Holdings
from sopro_node.peer_state import PeerState
from sopro_node.target import MAX_CHECKPOINT, Push
from sopro_protocol.errors import SoproError

_HEARSAY_DELAY: Final = 2.0


class Listener:
    """Takes what is announced as a hint of what to pull; the pull verifies it.

    Attributes:
        on_own_head: told the notes of this node's own log, and who announces them.
    """

    def __init__(
        self,
        peers: Mapping[str, PeerState],
        fetch: Fetch,
        holdings: Holdings,
        *,
        gossip: Gossip,
        heard: Callable[[str, str, bytes], None],
    ) -> None:
        self._peers = peers
        self._fetch = fetch
        self._holdings = holdings
        self._gossip = gossip
        self._heard = heard
        self.on_own_head: Callable[[bytes, str], None] = lambda _note, _teller: None

    async def listen(self, origin: str) -> None:
        """Hear what the node of a site tells, for ever."""
        failures = faults = 0
        while True:
            url = root_url(self._peers[origin].target) + "/events"
            try:
                async for line in self._fetch.lines(url, limit=2 * MAX_CHECKPOINT):
                    failures = 0
                    if line.startswith(b"data:"):
                        self.hear(origin, line[5:].strip())
                faults = 0
            except SoproError as error:
                if error.code != "hos.unreachable":
                    faults += 1
                    self._peers[origin].count(error.code)
            failures += 1
            await asyncio.sleep(
                min(60.0, 0.5 * 2 ** min(failures + faults, 7)) * random.uniform(0.75, 1.25)  # noqa: S311
            )

    def hear(self, teller: str, data: bytes) -> None:
        """Take a head that was pushed as a hint; the pull verifies it."""
        try:
            event = json.loads(data)
            self._gossip.hear(teller, event)
            origin, size, note = event["origin"], event["size"], event["note"].encode()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return
        if origin == self._holdings.own_origin:
            self.on_own_head(note, teller)
        if isinstance(origin, str):
            self._heard(teller, origin, note)
        state = self._peers.get(origin) if isinstance(origin, str) else None
        held = self._holdings.logs.get(origin) if state else None
        if state is None or not isinstance(size, int) or (held and size <= held.signed_size):
            return
        if teller == origin:
            state.push = Push(note, *_read_tail(event), size=size)
            state.wake.set()
        else:
            # The origin itself tells us in a moment, unless it is down.
            asyncio.get_running_loop().call_later(_HEARSAY_DELAY, self._hearsay, origin, size)

    def _hearsay(self, origin: str, size: int) -> None:
        held = self._holdings.logs.get(origin)
        if held is None or held.signed_size < size:
            self._peers[origin].wake.set()


def _read_tail(event: Mapping[str, Any]) -> tuple[int, bytes]:
    """Return the size before the entries that came with a head, and these; or none."""
    since, bundle = event.get("since"), event.get("bundle")
    if not isinstance(since, int) or since < 0 or not isinstance(bundle, str):
        return 0, b""
    try:
        return since, b64decode(bundle, validate=True)
    except ValueError:
        return 0, b""
