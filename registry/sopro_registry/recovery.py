"""Approvals of other members that a site's lost root key is replaced (SPEC MEM-10).

They stand in the membership record, so that whoever judges the coordinator's log needs no other log
for it, and everybody agrees. Who may approve stands there too, under the root key of the site
itself: whom the coordinator admits, suspends or expels, and when, is its own word, so that a
majority of members could be of its making.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from sopro_protocol.encoding import decode, encode
from sopro_protocol.errors import RefusedError, SoproError
from sopro_protocol.keys import key_id
from sopro_protocol.record import check_signatures, parse_entry, read_record
from sopro_registry.family import Membership
from sopro_registry.fields import SiteCode, site_of

MAX_APPROVERS: Final = 64
Approvers: TypeAlias = Annotated[list[SiteCode], Meta(min_length=1, max_length=MAX_APPROVERS)]
"""Codes of the sites that a site names to approve a new root key of it."""

_FAMILY: Final = "key_recovery/1"
_KEYS: Final = "site_keys/1"


def needed_approvals(others: int) -> int:
    """Return how many of those who decide must agree: a majority, of two or one all."""
    return others if others < 3 else others // 2 + 1


def electorate(members: Iterable[Membership], approvers: Collection[str]) -> list[Membership]:
    """Return the members that can approve a site's root key: the admitted ones it has named."""
    return [one for one in members if one.status == "admitted" and one.site in approvers]


def check_approvers(approvers: Sequence[str], origin: str) -> None:
    """Hold who may approve a site's new root key to other sites, each once, in order (STATE-15).

    Raises:
        RefusedError: `mem.key`.
    """
    if list(approvers) != sorted(set(approvers)) or site_of(origin) in approvers:
        raise RefusedError(
            f"site_keys: 'approvers' of {origin[:80]}: expected the codes of other sites, each "
            f"once and in order, got {', '.join(approvers)[:200]!r}",
            code="mem.key",
        )


def read_mandate(data: bytes, *, origin: str, root: bytes) -> list[str]:
    """Return whom a site has named to approve a new root key of it, in a key record (SPEC MEM-10).

    Args:
        data: the entry of its key record.
        origin: of its log.
        root: the root key that is to be replaced, which has signed it.

    Raises:
        RefusedError: `mem.key`, it is no such record.
    """
    try:
        entry = parse_entry(data)
        record, _ = read_record(entry.record, {})
        body = decode(bytes(record.body))
        check_signatures(entry, {key_id(root): root})
    except SoproError as error:
        raise _refusal("mandate", str(error)) from None
    fields = body if isinstance(body, dict) else {}
    if (record.family, record.log, fields.get("root")) != (_KEYS, origin, root):
        raise _refusal("mandate", f"expected a key record of {origin} by the root key before")
    try:
        approvers = msgspec.convert(fields.get("approvers"), Approvers)
    except msgspec.ValidationError:
        raise _refusal("mandate", "the key record does not say who may approve") from None
    check_approvers(approvers, origin)
    return approvers


def check_approvals(
    entries: Sequence[bytes],
    members: Sequence[Membership],
    *,
    origin: str,
    before: bytes,
    root: bytes,
    voters: int = 0,
) -> None:
    """Check that enough of those who decide agree to a new root key (SPEC MEM-10).

    Args:
        entries: the approvals, out of the logs of these members.
        members: who can approve.
        origin: of the site's log.
        before: the root key named until now.
        root: the new one.
        voters: how many decide, members still or not; by default these members.

    Raises:
        RefusedError: `mem.key`, they do not, or one is no approval of this by one of them.
    """
    expected = encode({"before": before, "origin": origin, "root": root})
    roots = {one.origin: one.root for one in members}
    agreed = set()
    for data in entries:
        try:
            agreed.add(_open(data, expected, roots))
        except RefusedError:
            raise
        except SoproError as error:
            raise _refusal("approvals", str(error)) from None
    voters = voters or len(members)
    needed = needed_approvals(voters)
    if not members or len(agreed) < needed:
        raise _refusal(
            "approvals", f"{len(agreed)} of the {voters} sites that may agree do, {needed} must"
        )


def _open(data: bytes, expected: bytes, roots: dict[str, bytes]) -> str:
    """Return the origin of the member whose approval this is."""
    entry = parse_entry(data)
    record, _ = read_record(entry.record, {})
    if record.family != _FAMILY or encode(decode(bytes(record.body))) != expected:
        raise _refusal("approvals", "expected approvals of this very change")
    root = roots.get(record.log)
    if root is None:
        raise _refusal(
            "approvals", f"{record.log[:80]!r} is not the log of an admitted member that may"
        )
    check_signatures(entry, {key_id(root): root})
    return record.log


def _refusal(where: str, what: str) -> RefusedError:
    return RefusedError(f"site_membership: {where}: {what}", code="mem.key")
