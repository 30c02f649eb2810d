"""Two histories, as an audit finds them: evidence that is kept or served, and heads elsewhere.

Evidence is verified again from the file, and the heads that other members serve of the audited logs
are compared with the entries that were judged.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from sopro_node.anchored import Anchored
from sopro_node.evidence import describe_heads, read_row
from sopro_node.fetch import Fetch
from sopro_node.identity import Invite
from sopro_node.store.rows import EvidenceRow
from sopro_node.tree import LogTree
from sopro_protocol.checkpoint import SignedCheckpoint, open_checkpoint
from sopro_protocol.errors import FormatError, PeerError, SoproError, VerificationError
from sopro_protocol.evidence import MAX_EVIDENCE, MAX_HEAD
from sopro_protocol.keys import Role, make_vkey
from sopro_registry.anchors import Ballot, Tally, count_all, is_genuine, read_ballot
from sopro_registry.directory import Directory
from sopro_registry.evidence import open_evidence
from sopro_registry.family import KeySpan
from sopro_registry.nominations import find_succession

_MAX_LIST: Final = 256 * 1024
_MOST_FILES: Final = 64
_MOST_MEMBERS: Final = 64


class Audited(NamedTuple):
    """A log as its entries say: its tree, and its site's keys."""

    tree: LogTree
    keys: Sequence[KeySpan]


class Marked(NamedTuple):
    """A log's entries that may be anchors, with their positions, and its site's keys."""

    origin: str
    keys: Sequence[KeySpan]
    entries: Sequence[tuple[int, bytes]]


def check_evidence(
    rows: Sequence[EvidenceRow],
    invite: Invite | None,
    directory: Directory,
    anchored: Anchored,
    tree: LogTree | None,
) -> Iterator[str]:
    """Verify evidence again, and say what stands (SPEC EVID-5, EVID-10, EVID-11)."""
    for row in rows:
        where = f"evidence {row.id.hex()[:16]}"
        if invite is None:
            yield f"{where}: nothing is pinned, so it cannot be verified"
            continue
        try:
            opened = open_evidence(
                row.data, coordinator=invite.origin, coordinator_root=invite.root_key
            )
        except SoproError as error:
            yield f"{where}: {error}"
            continue
        if (opened.id, opened.origin) != (row.id, row.origin):
            yield f"{where}: the file is another evidence, {opened.id.hex()[:16]}"
            continue
        kept = read_row(row)
        if row.origin == invite.origin:
            others = [read_row(one) for one in rows if one.origin == row.origin]
            stands = not anchored.settles(kept, others, tree)
        else:
            stands = directory.abandoned(row.origin).isdisjoint(kept.heads)
        if stands:
            yield f"{row.origin}: two histories: {describe_heads(kept)}, both signed ({where})"


def count_anchors(
    logs: Iterable[Marked],
    tree: LogTree | None,
    invite: Invite | None,
    directory: Directory,
) -> Anchored:
    """Count again what members have settled about the coordinator's log (SPEC ANCHOR)."""
    if tree is None or invite is None:
        return Anchored(())
    ballots: dict[tuple[str, int], Ballot] = {}
    marked = list(logs)
    for log in marked:
        for position, data in log.entries:
            ballot = read_ballot(data, origin=log.origin, position=position, keys=log.keys)
            if ballot is not None:
                ballots.setdefault((ballot.site, ballot.body.size), ballot)
    genuine = [
        one
        for one in ballots.values()
        if is_genuine(one, coordinator=invite.origin, root_key=invite.root_key)
    ]
    tallies = count_all(genuine, directory, size=tree.size, tree=tree.read)
    settled = {one.size: one for one in tallies if one.is_settled}
    taken = {one.size: one for one in _list_taken(marked, tree, invite.origin)}
    return Anchored({**taken, **settled}.values())


def _list_taken(logs: Iterable[Marked], tree: LogTree, coordinator: str) -> Iterator[Tally]:
    """Go through what successors settle that have taken over the coordinator's log (SUCC-7)."""
    for log in logs:
        for position, data in log.entries if log.origin == coordinator else ():
            appointed = find_succession(data, position, origin=coordinator, spans=log.keys)
            if appointed is not None and position < tree.size:
                yield Tally(
                    position + 1,
                    tree.root_at(position + 1),
                    appointed.by,
                    appointed.needed,
                    appointed.voters,
                    is_settled=True,
                )


async def fetch_evidence(url: str, fetch: Fetch) -> list[EvidenceRow]:
    """Fetch the evidence that a node serves; none where it serves no such list.

    Raises:
        PeerError: it breaks off.
        FormatError: what it lists is no list of evidence.
    """
    try:
        body = (await fetch.get(f"{url}/evidence", limit=_MAX_LIST)).body
    except PeerError as error:
        if error.code == "hos.status":
            return []
        raise
    try:
        listed = msgspec.json.decode(body, type=dict[str, list[dict[str, Any]]])["evidence"]
        ids = [(bytes.fromhex(one["id"]), str(one["origin"])) for one in listed[:_MOST_FILES]]
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError) as error:
        raise FormatError(f"{url}/evidence: not a list of evidence: {error}") from None
    return [
        EvidenceRow(
            name,
            origin,
            0,
            (await fetch.get(f"{url}/evidence/{name.hex()}", limit=MAX_EVIDENCE)).body,
        )
        for name, origin in ids
    ]


async def compare_elsewhere(
    url: str, fetch: Fetch, audited: Mapping[str, Audited], directory: Directory
) -> list[str]:
    """Compare the audited logs with the heads that other members serve of them (SPEC EVID-6).

    A member that cannot be asked says nothing, and neither does a head that is not its log's.
    """
    found = []
    for member in list(directory.members())[:_MOST_MEMBERS]:
        other = member.urls[0].rstrip("/")
        for origin, one in audited.items() if other != url else ():
            try:
                base = f"{other}/log/{origin.split('/', 1)[1]}"
                note = (await fetch.get(f"{base}/checkpoint", limit=MAX_HEAD)).body
                head = _open(origin, one, note)
            except PeerError as error:
                if error.code != "hos.status":
                    break
                continue
            except (FormatError, VerificationError):
                continue
            if head.size <= one.tree.size and one.tree.root_at(head.size) != head.root:
                found.append(
                    f"{origin}: two histories: {other} serves a signed head at size {head.size} "
                    f"that excludes the {one.tree.size} entries served here"
                )
    return found


def _open(origin: str, audited: Audited, note: bytes) -> SignedCheckpoint:
    keys = [make_vkey(origin, span.public) for span in audited.keys if span.role == Role.LOG]
    return open_checkpoint(note, origin=origin, keys=keys)
