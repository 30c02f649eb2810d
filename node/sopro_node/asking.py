"""Asking other nodes what they hold of a log: its largest head that its own key has signed.

Nothing they say is believed but what that key signs. Everybody is asked at once, within bounds of
bytes and time; who answers nonsense, something endless or nothing has not answered (SPEC FENCE).
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sopro_node.fetch import Fetch
from sopro_node.forks import root_below
from sopro_node.heldlog import HeldLog
from sopro_node.identity import Invite
from sopro_node.peer import Peer
from sopro_node.target import MAX_CHECKPOINT
from sopro_protocol.checkpoint import SignedCheckpoint, open_sized_checkpoint
from sopro_protocol.errors import FormatError, PeerError, SoproError, VerificationError
from sopro_protocol.keys import VerifierKey
from sopro_registry.anchors import Tally
from sopro_registry.directory import Directory
from sopro_registry.fields import site_of

ROUND: Final = 5.0
"""Seconds that everybody has to answer."""
GRACE: Final = 2.0
"""Seconds that the others still have when one has answered."""
_MOST_PEERS: Final = 256
_MOST_URLS: Final = 3
_MOST_DISCOVERY: Final = 256 * 1024


class Question(NamedTuple):
    """Which log is asked about.

    Attributes:
        origin: of the log.
        keys: that may sign its head of a size.
        with_witness: whether a head counts that a node has cosigned and does not hold.
    """

    origin: str
    keys: Callable[[int], Sequence[VerifierKey]]
    with_witness: bool = False

    @property
    def path(self) -> str:
        """Where every node serves the log: `/log/<site>/<epoch>`."""
        return "/log/" + self.origin.split("/", 1)[1]

    @property
    def witness_path(self) -> str:
        """Where every node serves the head that it cosigned last (SPEC WIT-5)."""
        return f"/witness/{hashlib.sha256(self.origin.encode()).hexdigest()}/checkpoint"


class Heard(NamedTuple):
    """What one peer answered.

    Attributes:
        peer: origin of its own log, or its address.
        base: URL under which it serves the log asked about.
        head: the head it holds, or has cosigned; None where it has neither.
    """

    peer: str
    base: str
    head: SignedCheckpoint | None


def known_peers(
    directory: Directory, invite: Invite | None, *, own_origin: str, own_url: str = ""
) -> dict[str, list[str]]:
    """Return the addresses of the coordinator and the members, by the origin of their own log."""
    found: dict[str, list[str]] = {}
    for member in directory.members():
        if member.site == site_of(own_origin):
            continue  # this node, also where its log goes on in another than the one named
        found.setdefault(member.origin, []).extend(member.urls)
    if invite is not None:
        found.setdefault(invite.origin, []).extend(invite.urls)
    found.pop(own_origin, None)
    named = {
        origin: [url for url in dict.fromkeys(urls) if url.rstrip("/") != own_url]
        for origin, urls in found.items()
    }
    return dict([one for one in named.items() if one[1]][:_MOST_PEERS])


async def ask_everybody(
    question: Question, peers: Mapping[str, Sequence[str]], fetch: Fetch
) -> list[Heard]:
    """Ask every peer at once; return what was answered in time.

    Args:
        question: about which log.
        peers: their addresses, by the origin of their own log.
        fetch: the client.
    """
    loop = asyncio.get_running_loop()
    pending = {
        asyncio.create_task(_ask(question, peer, urls, fetch)) for peer, urls in peers.items()
    }
    heard: list[Heard] = []
    end = loop.time() + ROUND
    try:
        while pending and (left := end - loop.time()) > 0:
            done, pending = await asyncio.wait(
                pending, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            answers = [answer for task in done if (answer := task.result()) is not None]
            heard += answers
            if any(answer.head is not None for answer in answers):
                end = min(end, loop.time() + GRACE)
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
    return heard


async def is_given_up(heard: Heard, own: HeldLog, anchored: Sequence[Tally], fetch: Fetch) -> bool:
    """Say whether a head is not shown to be of the history that members settled (SPEC ANCHOR-8).

    Who shows it is asked again another time; it may be about to take the other history.

    Args:
        heard: what a node answered.
        own: this node's log.
        anchored: what is settled about it.
        fetch: the client.
    """
    head = heard.head
    if head is None or (head.size <= own.size and own.tree.root_at(head.size) == head.root):
        return False
    for one in anchored:
        is_ours = one.size <= own.size and own.tree.root_at(one.size) == one.root
        if is_ours and one.size <= head.size:
            try:
                root = await root_below(head, one.size, Peer(fetch, (heard.base,)).tile)
            except (FormatError, PeerError, VerificationError):
                return True
            if root != one.root:
                return True
    return False


async def _ask(question: Question, peer: str, urls: Sequence[str], fetch: Fetch) -> Heard | None:
    """Ask one peer under each of its addresses; None where it has not answered."""
    for url in urls[:_MOST_URLS]:
        base = url.rstrip("/") + question.path
        head = None
        try:
            head = await _read_head(f"{base}/checkpoint", question, fetch)
        except PeerError as error:
            if error.code != "hos.status" or not await _holds_nothing(question, url, fetch):
                continue
        except SoproError:
            continue
        cosigned = await _read_cosigned(url, question, fetch)
        heads = [one for one in (head, cosigned) if one is not None]
        return Heard(peer, base, max(heads, key=attrgetter("size"), default=None))
    return None


async def _read_head(url: str, question: Question, fetch: Fetch) -> SignedCheckpoint:
    answer = await fetch.get(url, limit=MAX_CHECKPOINT)
    return open_sized_checkpoint(answer.body, origin=question.origin, keys=question.keys)


async def _read_cosigned(url: str, question: Question, fetch: Fetch) -> SignedCheckpoint | None:
    """Return the head that a node has cosigned last; None where it shows none (SPEC FENCE-2)."""
    if question.with_witness:
        with contextlib.suppress(SoproError):
            return await _read_head(url.rstrip("/") + question.witness_path, question, fetch)
    return None


async def _holds_nothing(question: Question, url: str, fetch: Fetch) -> bool:
    """Say whether a node of the federation declares that it does not hold the log (EXCH-13).

    A status alone says nothing: a proxy in front of a node that is down gives one, too.
    """
    try:
        answer = await fetch.get(url.rstrip("/") + "/.well-known/sopro", limit=_MOST_DISCOVERY)
        found: Any = json.loads(answer.body)
        federation, mirrors = found["federation"], found["mirrors"]
    except (SoproError, ValueError, TypeError, KeyError, RecursionError):
        return False
    return (
        isinstance(mirrors, list)
        and federation == question.origin.split("/")[0]
        and question.path not in mirrors
    )
