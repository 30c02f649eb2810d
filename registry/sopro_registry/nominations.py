"""Counting whom members appoint in the coordinator's place, and what follows (SPEC SUCC).

Before the successor has taken over, that stands in the members' logs; afterwards in its own first
key record, by which a fork with whoever comes back under the old keys is settled.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET

from sopro_protocol.checkpoint import open_checkpoint
from sopro_protocol.errors import FormatError, RefusedError, SoproError, VerificationError
from sopro_protocol.evidence import Evidence, parse_evidence
from sopro_protocol.keys import Role, key_id, make_vkey
from sopro_protocol.record import check_signatures, parse_entry, read_record
from sopro_registry.anchors import Held, Tally, suffices_always
from sopro_registry.appointment import Appointed, list_voters, needed_appointments
from sopro_registry.catalogue import READERS
from sopro_registry.directory import Directory
from sopro_registry.evidence import open_evidence
from sopro_registry.families import anchor, site_keys
from sopro_registry.family import KeySpan


class Saying(NamedTuple):
    """What a member says in its log about who goes on.

    Attributes:
        origin: of the member's log.
        entry: that says so.
        body: of its record.
    """

    origin: str
    entry: bytes
    body: anchor.Body

    @property
    def site(self) -> str:
        """Code of the member."""
        return self.origin.split("/")[1]


class Nomination(NamedTuple):
    """A successor of the coordinator that members have appointed alike, enough of them or not.

    Attributes:
        size: of the coordinator's log as it was left.
        root: of those entries.
        successor: public root key of who goes on.
        urls: where it answers.
        approvals: entry by the site that says so.
        voters: how many sites might.
    """

    size: int
    root: bytes
    successor: bytes
    urls: tuple[str, ...]
    approvals: Mapping[str, bytes]
    voters: int

    @property
    def needed(self) -> int:
        """How many sites have to."""
        return needed_appointments(self.voters)

    @property
    def by(self) -> tuple[str, ...]:
        """The sites that have."""
        return tuple(sorted(self.approvals))

    @property
    def is_settled(self) -> bool:
        """Whether enough have."""
        return len(self.approvals) >= self.needed


def read_saying(data: bytes, *, origin: str, coordinator: str) -> Saying | None:
    """Read an entry of a member's log as the appointment of a successor; None where it is none."""
    try:
        record, body = read_record(parse_entry(data).record, READERS)
    except FormatError:
        return None
    if record.log != origin or not isinstance(body, anchor.Body) or body.successor is UNSET:
        return None
    return Saying(origin, data, body) if body.origin == coordinator else None


def count_sayings(sayings: Iterable[Saying], directory: Directory) -> list[Nomination]:
    """Count who has said the same: of each site the one about the largest size (SPEC SUCC-2)."""
    latest: dict[str, Saying] = {}
    for one in sayings:
        if one.site not in latest or latest[one.site].body.size < one.body.size:
            latest[one.site] = one
    groups: dict[tuple[int, bytes, bytes, tuple[str, ...]], list[Saying]] = {}
    for one in latest.values():
        body = one.body
        if body.successor is not UNSET and body.urls is not UNSET:
            key = (body.size, body.root, body.successor, tuple(body.urls))
            groups.setdefault(key, []).append(one)
    return [_count(key, group, directory) for key, group in sorted(groups.items())]


def _count(
    key: tuple[int, bytes, bytes, tuple[str, ...]], group: Sequence[Saying], directory: Directory
) -> Nomination:
    voters = list_voters(directory.members(size=key[0]))
    roots = {one.origin: one.root for one in voters}
    approvals = {
        one.site: one.entry
        for one in group
        if one.origin in roots and _is_signed_by(roots[one.origin], one.entry)
    }
    return Nomination(*key, approvals, len(voters))


def _is_signed_by(root: bytes, data: bytes) -> bool:
    try:
        check_signatures(parse_entry(data), {key_id(root): root})
    except (FormatError, VerificationError):
        return False
    return True


def find_succession(
    data: bytes, position: int, *, origin: str, spans: Sequence[KeySpan]
) -> Appointed | None:
    """Return how members have appointed who signed a key record that counts; None for others.

    Args:
        data: an entry of the coordinator's log.
        position: of it.
        origin: of that log.
        spans: all keys it ever had.
    """
    try:
        _, body = read_record(parse_entry(data).record, READERS)
    except FormatError:
        return None
    if not isinstance(body, site_keys.Body) or body.appointed is UNSET:
        return None
    root = next((one for one in spans if one.public == body.root), None)
    if root is None or root.since != position + 1:
        return None
    return site_keys.read_appointed(body, origin, spans)


def judge_fork(
    data: bytes, held: Held, directory: Directory, *, coordinator: str, root_key: bytes
) -> Tally | None:
    """Settle two histories of which one is a successor's (SPEC SUCC-7); None where neither is.

    Args:
        data: evidence against the coordinator's log.
        held: what this node holds of it, with the root at the size of the evidence.
        directory: the members as that says.
        coordinator: origin of the log.
        root_key: the coordinator's, as the invite names it.
    """
    try:
        open_evidence(data, coordinator=coordinator, coordinator_root=root_key)
        evidence = parse_evidence(data)
        appointed, publics = _successors(evidence, coordinator)
    except SoproError:
        return None
    if appointed is None:
        return None
    fork = evidence.fork
    sides = [one.root for one in fork.heads if _opens(one.note, coordinator, publics)]
    if len(sides) != 1:
        return None
    parted = min(fork.size - 1, held.size)
    is_settled = held.root == sides[0] or suffices_always(
        appointed.by, directory, range(parted, held.size + 1)
    )
    return Tally(fork.size, sides[0], appointed.by, appointed.needed, appointed.voters, is_settled)


def _successors(evidence: Evidence, origin: str) -> tuple[Appointed | None, list[bytes]]:
    """Return the last appointment in a verified file, and the log keys named from there on."""
    named: list[site_keys.SiteKey] = []
    appointed: Appointed | None = None
    publics: list[bytes] = []
    for data in evidence.keys:
        _, body = read_record(parse_entry(data).record, READERS)
        if not isinstance(body, site_keys.Body):
            continue
        if body.appointed is not UNSET:
            spans = [KeySpan(one.role, one.public, key_id(one.public), 0) for one in named]
            appointed = site_keys.read_appointed(body, origin, spans)
            publics = []
        named += body.keys
        publics += [one.public for one in body.keys if one.role == Role.LOG.value]
    return appointed, publics


def _opens(note: bytes, origin: str, publics: Iterable[bytes]) -> bool:
    try:
        open_checkpoint(note, origin=origin, keys=[make_vkey(origin, one) for one in publics])
    except (FormatError, VerificationError, RefusedError):
        return False
    return True
