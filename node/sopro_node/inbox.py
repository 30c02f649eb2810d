"""What waits for the people of this site: acts that need several members, and what others ask.

Nothing here decides anything. Each item follows from the logs that are held and from the requests
that came in, says in a sentence what is asked, and names the command that answers it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sopro_node import clock
from sopro_node.admission import open_application
from sopro_node.approving import foreign_root
from sopro_node.continuing import describe_end
from sopro_node.keyrecovery import Recovery, list_recoveries
from sopro_node.keyuse import list_shared
from sopro_node.node import Node
from sopro_node.transferring import count_offers

Answer = dict[str, Any]

_ONCE_MORE: Final = "record once more that it has gone, and which history holds"
_SETTLING: Final[Mapping[str, tuple[str, str]]] = {
    "suspended": ("release", "suspend, then release"),
    "left": ("leave", _ONCE_MORE),
    "expelled": ("expel", _ONCE_MORE),
}
"""The command that settles two histories of a member, by its status, and how."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits.

    Attributes:
        kind: admission, epoch, root-key, history, successor, evidence, keys or transfer.
        site: whose matter it is; empty for the coordinator's log.
        asks: what is asked, in a sentence.
        command: what answers it; capitals stand for what only a person knows.
        otherwise: what turns it down; empty where it is enough to do nothing.
        by: sites that have agreed already.
        needed: how many have to; 0 where this site decides alone.
        voters: how many may.
    """

    kind: str
    site: str
    asks: str
    command: str
    otherwise: str = ""
    by: tuple[str, ...] = ()
    needed: int = 0
    voters: int = 0


async def inbox(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List what waits for the people of this site. Answers `waiting`: items."""
    return {"waiting": [asdict(one) for one in (*list_acts(node), *_transfers(node))]}


def list_acts(node: Node) -> list[Item]:
    """List what this site is to decide about the federation, what concerns all of them first."""
    found = [*_histories(node), *_successors(node), *_root_keys(node)]
    if node.identity.coordinator:
        found += [*_evidence(node), *_shared_keys(node), *_admissions(node)]
    return found


def _is_voter(node: Node) -> bool:
    member = node.holdings.directory.membership(node.identity.site)
    return not node.identity.coordinator and member is not None and member.status == "admitted"


# What several members decide.


def _root_keys(node: Node) -> Iterator[Item]:
    own, folder = node.identity.site, node.folder
    for one in list_recoveries(node):
        told = f"the new root key {one.root.hex()} of {one.site}"
        if one.is_approved and node.identity.coordinator:
            asks = f"{told} is approved by enough members: name it"
            yield _root_key(one, asks, f"sopro members recover {folder} {one.site}")
        elif own in one.approvers and _is_voter(node) and own not in one.approvals:
            asks = f"approve {told}, once its people have told you that very key in person"
            yield _root_key(
                one, asks, f"sopro members approve {folder} {one.site} {one.root.hex()}"
            )
    root = foreign_root(node)
    if root is not None:
        yield Item(
            "root-key",
            own,
            f"the coordinator's log names the new root key {root.hex()} of this site: put it in "
            "its place, if its people have asked for that very key",
            f"sopro keys recover {folder} --new-root",
            "tell the other members at once that somebody is taking this site over",
        )


def _root_key(one: Recovery, asks: str, command: str) -> Item:
    by = tuple(sorted(one.approvals))
    return Item("root-key", one.site, asks, command, "", by, one.needed, one.voters)


def _histories(node: Node) -> Iterator[Item]:
    origin = node.holdings.coordinator_origin or ""
    if not _is_voter(node) or not node.evidence.standing(origin):
        return
    tallies = [one for one in node.anchors.tallies if not one.is_settled]
    if any(node.identity.site in one.by for one in tallies):
        return
    for one in tallies:
        yield Item(
            "history",
            "",
            f"the coordinator's log has two histories; say whether that with the root "
            f"{one.root.hex()} at size {one.size} holds, once the members have agreed on it",
            f"sopro anchor {node.folder} --keep {one.root.hex()}",
            "",
            one.by,
            one.needed,
            one.voters,
        )
    if not tallies:
        yield Item(
            "history",
            "",
            "the coordinator's log has two histories; agree with the other members which holds",
            f"sopro anchor {node.folder} --keep ROOT",
            f"roots: sopro evidence list {node.folder}",
        )


def _successors(node: Node) -> Iterator[Item]:
    awaited = node.anchors.succession.awaited
    if not _is_voter(node) or any(one.is_settled for one in awaited):
        return
    said = [one for one in awaited if node.identity.site in one.by]
    for one in awaited:
        # Who has said it of a larger size has nothing to add; who has of a smaller one, has.
        if not any(
            (mine.successor, mine.urls) == (one.successor, one.urls) and mine.size >= one.size
            for mine in said
        ):
            urls = " ".join(f"--url {url}" for url in one.urls)
            yield Item(
                "successor",
                "",
                f"say whether the root key {one.successor.hex()} at {', '.join(one.urls)} goes on "
                "for the coordinator, once you have compared it in person",
                f"sopro anchor {node.folder} --successor {one.successor.hex()} {urls}",
                "",
                one.by,
                one.needed,
                one.voters,
            )


# What the coordinator decides.


def _evidence(node: Node) -> Iterator[Item]:
    for member in node.holdings.directory.members():
        if not node.evidence.standing(member.origin):
            continue
        act, how = _SETTLING.get(member.status, ("suspend", "suspend, then release"))
        yield Item(
            "evidence",
            member.site,
            f"{member.site} has shown two histories and is {member.status}; settle it with its "
            f"people: {how}",
            f"sopro members {act} {node.folder} {member.site}",
        )


def _shared_keys(node: Node) -> Iterator[Item]:
    for one, other in list_shared(node):
        member = node.holdings.directory.membership(other.site)
        if member is None or member.status != "admitted":
            continue
        yield Item(
            "keys",
            other.site,
            f"{other.site} names the key {one.span.key_id.hex()[:16]} that {one.site} names too; "
            "find out whose it is, and have the other replace it",
            f"sopro members suspend {node.folder} {other.site}",
        )


def _admissions(node: Node) -> Iterator[Item]:
    for site, received, data in node.reader.others.applications():
        request = open_application(data)
        end = describe_end(request)
        since = clock.format_time(received)
        if end is None:
            what = f"admit {site} ({request['country']}, {request['urls'][0]})"
            act, kind = "admit", "admission"
        else:
            what = f"close {end['origin']} of {site} at size {end['size']}; another log goes on"
            act, kind = "renew-epoch", "epoch"
        yield Item(
            kind,
            site,
            f"{what}, root key {request['root'].hex()}, asked {since}",
            f"sopro members {act} {node.folder} {site}",
            f"sopro members refuse {node.folder} {site}",
        )


# What another site hands over.


def _transfers(node: Node) -> Iterator[Item]:
    for site, count in sorted(count_offers(node).items()):
        whose = "this site's log before" if site == node.identity.site else site
        yield Item(
            "transfer",
            site,
            f"take over {count} label{'' if count == 1 else 's'} of {whose}",
            f"sopro transfer in {node.folder} --from {site}",
        )
