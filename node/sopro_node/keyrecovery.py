"""Replacing a root key that is lost with its successor: m of the other members agree (SPEC MEM-10).

Three sites take part. The site makes a key and tells the others its public half by a way of their
own; each of them that agrees puts an approval into its log; the coordinator collects the approvals
in the membership record, and then the site names its new root key.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sopro_node.drafting import Note
from sopro_node.keyplan import open_key_files, own_keys, write_record
from sopro_node.keyrecords import find_mandate
from sopro_node.keyring import create_key
from sopro_node.node import Node
from sopro_node.planned import find_secret
from sopro_node.rootkeys import current_root
from sopro_protocol.errors import NotFoundError, RefusedError, WithheldError
from sopro_protocol.keys import Role, key_id
from sopro_protocol.record import parse_entry
from sopro_registry.catalogue import decode_state
from sopro_registry.families import key_recovery, site_membership
from sopro_registry.recovery import electorate, needed_approvals

Answer = dict[str, Any]


async def new_root(node: Node, _values: Mapping[str, Any], _note: Note | None = None) -> Answer:
    """Make a root key for the other members to approve, once. Answers `public`, `path`, `named`.

    Raises:
        RefusedError: there are no members who could.
    """
    member = node.holdings.directory.membership(node.identity.site)
    if node.identity.coordinator:
        raise RefusedError(
            "the coordinator is no member, so the others approve no root key of it; without its "
            "root keys it goes on until its members put another in its place: sopro federation "
            "take-over"
        )
    if member is None:
        raise RefusedError(
            "this site is no member yet, so nobody can approve a root key of it; make the site "
            "anew, in another directory, with: sopro site new"
        )
    known = {span.public for span in own_keys(node).spans}
    waiting = [
        file
        for public, file in open_key_files(node).items()
        if file.kind == Role.ROOT.value and public not in known
    ]
    if member.root in known and _mandate_of(node, member) is None:
        raise RefusedError(
            "this site has named nobody who may approve a new root key of it, and only its root "
            "key could; the other keys go on working as long as they are in force",
            code="mem.key",
        )
    if not waiting:
        secret = find_secret(node.folder, node.passphrase)
        waiting = [create_key(node.folder, Role.ROOT.value, secret)]
    chosen = next((one for one in waiting if one.signer.public_key == member.root), waiting[-1])
    public = chosen.signer.public_key
    named = member.root == public
    if named:
        # The log has to act on the record that names it before it may sign (STATE-5).
        await node.log.append_state()
    return {"public": public, "path": str(chosen.path), "named": named}


async def plan_approval(node: Node, values: Mapping[str, Any]) -> Answer:
    """Write an approval for this site's root key to sign. `site`; `root`: the new public key.

    Answers `record` and `root`, who has to sign it.
    """
    member = _member(node, values["site"])
    own, mandate = node.identity.site, _mandate_of(node, member)
    if member.site != own and member.origin in node.holdings.logs:
        approvers = mandate[1] if mandate else []
        if own not in approvers:
            raise RefusedError(
                f"{member.site} has not named this site, {own}, to approve a new root key of it; "
                f"it has named {', '.join(approvers) or 'nobody'}",
                code="mem.key",
            )
    body = {"before": member.root, "origin": member.origin, "root": values["root"]}
    record = write_record(node, key_recovery.FAMILY.title, body, os.urandom(16))
    return {"record": record, "root": current_root(node)}


@dataclass(frozen=True, slots=True)
class Recovery:
    """A new root key of a member that others have approved, as their logs held here say.

    Attributes:
        site: whose key it is.
        root: the new public key.
        approvals: entry by the site that approves.
        mandate: key record in which it has named who may approve.
        approvers: codes of these sites.
    """

    site: str
    root: bytes
    approvals: Mapping[str, bytes]
    mandate: bytes
    approvers: Sequence[str]

    @property
    def voters(self) -> int:
        """How many may approve it."""
        return len(self.approvers)

    @property
    def needed(self) -> int:
        """How many have to."""
        return needed_approvals(self.voters)

    @property
    def is_approved(self) -> bool:
        """Whether enough members have approved it."""
        return 0 < self.needed <= len(self.approvals)


class _Approval(NamedTuple):
    """What a member has put into its log."""

    site: str
    state: key_recovery.State
    entry: bytes


def list_recoveries(node: Node) -> list[Recovery]:
    """List the new root keys that members have approved and no membership names yet."""
    members = list(node.holdings.directory.members())
    given = [one for member in members for one in _approvals_in(node, member)]
    return [one for member in members for one in _recoveries(node, member, given)] if given else []


def _recoveries(
    node: Node, member: site_membership.Body, given: Sequence[_Approval]
) -> Iterator[Recovery]:
    """Go through the new root keys of a member that others have approved."""
    asked = [
        one for one in given if (one.state.origin, one.state.before) == (member.origin, member.root)
    ]
    if not asked:
        return
    mandate, approvers = _mandate_of(node, member) or (b"", [])
    voters = {one.site for one in electorate(node.holdings.directory.members(), approvers)}
    found: dict[bytes, dict[str, bytes]] = {}
    for site, state, entry in asked:
        if site in voters:
            found.setdefault(state.root, {})[site] = entry
    for root, approvals in found.items():
        yield Recovery(member.site, root, approvals, mandate, approvers)


def _mandate_of(node: Node, member: site_membership.Body) -> tuple[bytes, list[str]] | None:
    """Return the key record in which a member names who may approve a new root key of it."""
    held = node.holdings.logs.get(member.origin)
    return find_mandate(node.reader, node.holdings, held, member.root) if held else None


def collect_approvals(node: Node, site: str) -> Recovery:
    """Return the new root key of a member that enough of the others have approved.

    Raises:
        RefusedError: too few have approved one.
        NotFoundError: there is no such member.
    """
    member = _member(node, site)
    mandate = _mandate_of(node, member)
    if mandate is None:
        raise RefusedError(
            f"{site}: its key records, as they are held here, name nobody who may approve another "
            "root key than the present one, so nobody can",
            code="mem.key",
        )
    members = node.holdings.directory.members()
    given = [one for voter in members for one in _approvals_in(node, voter)]
    found = list(_recoveries(node, member, given))
    for one in found:
        if one.is_approved:
            return one
    told = "; ".join(f"{one.root.hex()[:16]}...: {', '.join(one.approvals)}" for one in found)
    raise RefusedError(
        f"{site} has named {', '.join(mandate[1])} to approve a new root key of it, and "
        f"{needed_approvals(len(mandate[1]))} of {len(mandate[1])} must; approvals in the logs of "
        f"those who are members: {told or 'none'}; each gives one with: sopro members approve "
        f"DIRECTORY {site} ROOT"
    )


def _approvals_in(node: Node, voter: site_membership.Body) -> Iterator[_Approval]:
    """Go through a member's approvals that its root key, as its membership names it, signed."""
    held = node.holdings.logs.get(voter.origin)
    for _, _, data in node.reader.entities(held.number, "key_recovery") if held else ():
        state = decode_state("key_recovery", data)
        if not isinstance(state, key_recovery.State) or held is None:
            continue
        try:
            entry = node.holdings.entry(node.reader, held, state.index)
        except WithheldError:
            continue
        if parse_entry(entry).signatures[0].key_id == key_id(voter.root):
            yield _Approval(voter.site, state, entry)


def _member(node: Node, site: str) -> site_membership.Body:
    member = node.holdings.directory.membership(site)
    if member is None:
        raise NotFoundError(f"no member {site[:32]!r} is known here")
    return member
