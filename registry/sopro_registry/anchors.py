"""Counting anchors: when enough members have said which history of the coordinator's log holds.

Who may decide follows from the part of that log which both histories share, so that whoever holds
either of them counts alike (SPEC ANCHOR). An anchor is read from its entry: the coordinator's log,
by which other records are judged, is the very thing in doubt.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from msgspec import UNSET, Struct

from sopro_protocol.errors import FormatError, RefusedError, SoproError, VerificationError
from sopro_protocol.evidence import Fork
from sopro_protocol.keys import Role
from sopro_protocol.merkle import CompactRange, SubtreeReader, root_at
from sopro_protocol.record import check_signatures, parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.directory import Directory
from sopro_registry.evidence import open_evidence
from sopro_registry.families import anchor
from sopro_registry.family import KeySpan
from sopro_registry.recovery import needed_approvals


class Ballot(NamedTuple):
    """A member's decision as its log holds it.

    Attributes:
        site: code of the member.
        position: of the entry in its log.
        body: what it says.
    """

    site: str
    position: int
    body: anchor.Body


class Tally(Struct, frozen=True, array_like=True):
    """How many members have decided for one history.

    Attributes:
        size: at which the histories differ.
        root: of the first `size` entries of this one.
        by: sites that have decided for it.
        needed: how many have to.
        voters: how many may.
        is_settled: whether the federation goes on with it.
    """

    size: int
    root: bytes
    by: tuple[str, ...]
    needed: int
    voters: int
    is_settled: bool = False


class Held(NamedTuple):
    """What a node holds of the coordinator's log.

    Attributes:
        size: number of its entries.
        read: reads hashes of its subtrees.
        root: of its first `size` entries, at the size where the histories differ; None where it
            does not reach so far.
    """

    size: int
    read: SubtreeReader
    root: bytes | None


def read_ballot(
    data: bytes, *, origin: str, position: int, keys: Collection[KeySpan]
) -> Ballot | None:
    """Read an entry as an anchor of the log's site; None where it is none (SPEC ANCHOR-3).

    Args:
        data: the entry.
        origin: of the log it stands in.
        position: in that log.
        keys: of its site.
    """
    try:
        entry = parse_entry(data)
        record, body = read_record(entry.record, READERS)
        if record.log != origin or not isinstance(body, anchor.Body):
            return None
        roots = {
            span.key_id: span.public
            for span in keys
            if span.role == Role.ROOT.value and span.counts_at(position)
        }
        check_signatures(entry, roots)
        anchor.read_fork(body)
    except (FormatError, VerificationError, RefusedError):
        return None
    return Ballot(origin.split("/")[1], position, body)


def is_genuine(ballot: Ballot, *, coordinator: str, root_key: bytes) -> bool:
    """Say whether the evidence in a ballot proves two histories of the coordinator's log."""
    if ballot.body.origin != coordinator or ballot.body.evidence is UNSET:
        return False
    try:
        open_evidence(ballot.body.evidence, coordinator=coordinator, coordinator_root=root_key)
    except SoproError:
        return False
    return True


def root_with(read: SubtreeReader, *, size: int, leaf: bytes) -> bytes:
    """Return the root of the first `size` entries of a tree and one more."""
    grown = CompactRange()
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            grown.append_subtree(read(level, start >> level), level=level)
            start += 1 << level
    grown.append(leaf)
    return grown.root()


def shares_all_before(body: anchor.Body, fork: Fork, held: Held) -> bool:
    """Say whether a ballot shows that the histories part at its last entry (SPEC ANCHOR-4)."""
    shared = body.size - 1
    if not isinstance(body.leaves, list) or held.size < shared:
        return False
    return all(
        root_with(held.read, size=shared, leaf=leaf) == head.root
        for leaf, head in zip(body.leaves, fork.heads, strict=True)
    )


def count_ballots(ballots: Collection[Ballot], held: Held, directory: Directory) -> Tally:
    """Count genuine ballots for one history (SPEC ANCHOR-4 to ANCHOR-6).

    Args:
        ballots: with the same size and root; the first of each member.
        held: what this node holds.
        directory: the members as that log says.
    """
    body = next(iter(ballots)).body
    by = {one.site for one in ballots}
    is_shown = any(shares_all_before(one.body, anchor.read_fork(one.body), held) for one in ballots)
    shared, is_other = body.size - 1, held.root not in (None, body.root)
    if is_shown:
        # Who holds the other history gives it up only where its members agree all along.
        sizes = range(shared, (held.size if is_other else shared) + 1)
        is_settled = suffices_always(by, directory, sizes)
    else:
        # Nobody can tell where they part: so the members of any time must agree.
        sizes = range(body.size)
        electorates = [one for one in _electorates(directory, sizes) if one]
        is_settled = held.root == body.root and all(_carries(by, one) for one in electorates)
        is_settled = is_settled and bool(electorates)
    voters = _electorate(directory, shared)
    return Tally(
        body.size,
        body.root,
        tuple(sorted(by & voters)),
        needed_approvals(len(voters)),
        len(voters),
        is_settled,
    )


def count_all(
    ballots: Iterable[Ballot], directory: Directory, *, size: int, tree: SubtreeReader
) -> list[Tally]:
    """Count genuine ballots, the first of each member for each size, by size and root.

    Args:
        ballots: all there are.
        directory: the members as the coordinator's log says.
        size: number of entries of that log that are held.
        tree: reads hashes of its subtrees.
    """
    groups: dict[tuple[int, bytes], list[Ballot]] = {}
    for one in ballots:
        groups.setdefault((one.body.size, one.body.root), []).append(one)
    return [
        count_ballots(group, Held(size, tree, root_at(tree, at) if at <= size else None), directory)
        for (at, _), group in sorted(groups.items())
    ]


def suffices_always(by: Collection[str], directory: Directory, sizes: range) -> bool:
    """Say whether these sites would suffice for the members of every one of some sizes."""
    return all(_carries(by, one) for one in _electorates(directory, sizes))


def _carries(by: Collection[str], electorate: Collection[str]) -> bool:
    agreed = len(set(by) & set(electorate))
    return bool(electorate) and agreed >= needed_approvals(len(electorate))


def _electorates(directory: Directory, sizes: range) -> Iterator[set[str]]:
    """Go through the admitted members at each of some sizes, where they change."""
    yield _electorate(directory, sizes[0])
    for size in directory.membership_sizes():
        if sizes[0] < size <= sizes[-1]:
            yield _electorate(directory, size)


def _electorate(directory: Directory, size: int) -> set[str]:
    return {one.site for one in directory.members(size=size) if one.status == "admitted"}
