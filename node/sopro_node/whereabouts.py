"""Where the coordinator answers by now: an invite of before names one that is gone (SPEC JOIN-3).

Its key records verify from the root key of the invite also across a succession, so whoever holds
its log can tell, and need not be believed.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from sopro_node.fetch import Fetch
from sopro_node.identity import Invite
from sopro_node.target import MAX_KEYS, parse_keys
from sopro_protocol.errors import SoproError
from sopro_registry.appointment import Appointed
from sopro_registry.keyhistory import KeyRecord, open_key_history
from sopro_registry.nominations import find_succession

_MOST_NODES: Final = 32
_ROUND: Final = 5.0
"""Seconds that everybody has to answer."""


async def find_successor(invite: Invite, nodes: Iterable[str], fetch: Fetch) -> Appointed | None:
    """Ask nodes who goes on in the place of the coordinator that an invite names.

    Args:
        invite: of the federation.
        nodes: their addresses.
        fetch: the client.

    Returns:
        the last that members have appointed and that has taken over, where that one answers
        elsewhere than the invite says; None where nobody tells of any.
    """
    known = list(dict.fromkeys(url.rstrip("/") for url in nodes))[:_MOST_NODES]
    asked = [asyncio.create_task(_ask(invite, url, fetch)) for url in known]
    if asked:
        _, late = await asyncio.wait(asked, timeout=_ROUND)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    answers = [task.result() for task in asked if not task.cancelled()]
    told = [one for one in answers if one is not None]
    last = max(told, key=lambda one: one.size, default=None)
    return None if last is None or set(last.urls) <= set(invite.urls) else last


async def _ask(invite: Invite, url: str, fetch: Fetch) -> Appointed | None:
    path = "/log/" + invite.origin.split("/", 1)[1]
    try:
        served = await fetch.get(f"{url}{path}/keys", limit=MAX_KEYS)
        # On another thread: a node can make what takes long to verify.
        return await asyncio.to_thread(read_successor, invite, parse_keys(served.body))
    except SoproError:
        return None


def read_successor(invite: Invite, history: Sequence[KeyRecord]) -> Appointed | None:
    """Return who has taken over last, by the coordinator's key records; None where nobody has.

    Raises:
        FormatError, VerificationError: they do not follow from the root key of the invite.
    """
    spans = open_key_history(
        history, origin=invite.origin, root=invite.root_key, is_coordinator=True
    )
    found = (
        find_succession(one.entry, one.position, origin=invite.origin, spans=spans)
        for one in history
    )
    return max((one for one in found if one is not None), key=lambda one: one.size, default=None)
