"""Who may approve a new root key of this site, and what its people have to know of that (MEM-10).

The coordinator says who is a member, and could invent members. So a site names itself, under its
root key, who may replace that; and looks whether the coordinator's log names another root key for
it than its own log does.
"""

from collections.abc import Iterator, Sequence

from sopro_node.keyrecords import read_approvers
from sopro_node.node import Node
from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.recovery import MAX_APPROVERS, electorate, needed_approvals


def choose_approvers(node: Node, sites: Sequence[str]) -> list[str]:
    """Return the codes of sites that may approve a new root key, as a key record names them.

    Raises:
        RefusedError: this site is the coordinator, or one of them is no other admitted member.
    """
    if node.identity.coordinator:
        raise RefusedError(
            "the coordinator is no member, so nobody approves a root key of it; its members put "
            "another coordinator in its place: sopro federation take-over"
        )
    for site in sites:
        member = node.holdings.directory.membership(site)
        if site == node.identity.site or member is None or member.status != "admitted":
            raise RefusedError(
                f"{site[:32]!r}: expected another site that is admitted; sopro members list "
                f"{node.folder} shows which are",
                code="mem.key",
            )
    chosen = sorted(set(sites))
    if len(chosen) > MAX_APPROVERS:
        raise RefusedError(f"expected at most {MAX_APPROVERS} sites, got {len(chosen)}")
    return chosen


def list_others(node: Node) -> list[str]:
    """List the other sites that are admitted, by code."""
    return [
        one.site
        for one in node.holdings.directory.members()
        if one.status == "admitted" and one.site != node.identity.site
    ]


def warn_approvers(node: Node) -> Iterator[str]:
    """Say where nobody could approve a new root key of this site, or too few could."""
    member = node.holdings.directory.membership(node.identity.site)
    is_member = member is not None and member.status == "admitted"
    if node.identity.coordinator or not is_member or not list_others(node):
        return
    named = read_approvers(node.reader, node.holdings, node.log.held)
    how = f"sopro keys approvers {node.folder} SITE..."
    if not named:
        yield (
            "nobody may approve a new root key of this site, should it and its successor be lost; "
            f"name other members, while you have it: {how}"
        )
        return
    left = electorate(node.holdings.directory.members(), named)
    needed = needed_approvals(len(named))
    if len(left) < needed:
        yield (
            f"of those who may approve a new root key of this site ({', '.join(named)}) "
            f"{len(left)} are members still, and {needed} have to approve; name others: {how}"
        )


def foreign_root(node: Node) -> bytes | None:
    """Return the root key that the membership names and this site's log does not; None for none."""
    member = node.holdings.directory.membership(node.identity.site)
    if member is None or member.origin != node.holdings.own_origin:
        return None
    roots = {one.public for one in node.log.held.keys if one.role == Role.ROOT.value}
    return None if member.root in roots else member.root


def warn_foreign_root(node: Node) -> Iterator[str]:
    """Say that the coordinator's log names a root key that this site's log does not."""
    root = foreign_root(node)
    if root is not None:
        yield (
            f"the coordinator's log names a root key of this site that is none of its log: "
            f"{root.hex()}; if its people have asked for it, put it in its place with: sopro keys "
            f"recover {node.folder} --new-root; if they have not, somebody is taking this site "
            "over: tell the other members at once, and ask those who have approved it"
        )
