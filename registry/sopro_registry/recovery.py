"""Approvals of the other members that a site's lost root key is replaced (SPEC MEM-10).

They stand in the membership record, so that whoever judges the coordinator's log needs no other log
for it, and everybody agrees.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sopro_protocol.encoding import decode, encode
from sopro_protocol.errors import RefusedError, SoproError
from sopro_protocol.keys import key_id
from sopro_protocol.record import check_signatures, parse_entry, read_record
from sopro_registry.family import Membership

_FAMILY: Final = "key_recovery/1"


def needed_approvals(others: int) -> int:
    """Return how many of the other admitted members must agree: a majority, of two or one all."""
    return others if others < 3 else others // 2 + 1


def electorate(members: Iterable[Membership], *, site: str) -> list[Membership]:
    """Return the members who decide on a site's root key: the admitted ones but itself."""
    return [one for one in members if one.status == "admitted" and one.site != site]


def check_approvals(
    entries: Sequence[bytes],
    members: Sequence[Membership],
    *,
    origin: str,
    before: bytes,
    root: bytes,
) -> None:
    """Check that enough of the other members agree to a new root key (SPEC MEM-10).

    Args:
        entries: the approvals, out of the logs of these members.
        members: who decides.
        origin: of the site's log.
        before: the root key named until now.
        root: the new one.

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
            raise _refusal(str(error)) from None
    needed = needed_approvals(len(members))
    if not members or len(agreed) < needed:
        raise _refusal(f"{len(agreed)} of {len(members)} other members agree, {needed} are needed")


def _open(data: bytes, expected: bytes, roots: dict[str, bytes]) -> str:
    """Return the origin of the member whose approval this is."""
    entry = parse_entry(data)
    record, _ = read_record(entry.record, {})
    if record.family != _FAMILY or encode(decode(bytes(record.body))) != expected:
        raise _refusal("expected approvals of this very change")
    root = roots.get(record.log)
    if root is None:
        raise _refusal(f"{record.log[:80]!r} is not the log of another admitted member")
    check_signatures(entry, {key_id(root): root})
    return record.log


def _refusal(what: str) -> RefusedError:
    return RefusedError(f"site_membership: approvals: {what}", code="mem.key")
