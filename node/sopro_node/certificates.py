"""Making certificates and proofs from the logs this node holds."""

import itertools
from collections.abc import Sequence
from typing import Final

from sopro_node.courses import Courses
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader
from sopro_protocol.errors import NotFoundError, RefusedError, UnavailableError
from sopro_protocol.keys import Role
from sopro_protocol.merkle import leaf_hash, prove_inclusion
from sopro_protocol.proof import TlogProof, format_proof
from sopro_protocol.record import parse_entry, read_record
from sopro_protocol.status import status_leaf_hash
from sopro_registry.catalogue import READERS, decode_state
from sopro_registry.certificate_file import (
    MAX_DOCUMENTS,
    Certificate,
    Disclosed,
    Proven,
    StatusPath,
    format_certificate,
)
from sopro_registry.families import log_state, offering, organisation, site_membership
from sopro_registry.fields import Cut
from sopro_registry.knowledge import read_gone
from sopro_registry.label import Label
from sopro_registry.status import format_leaf
from sopro_registry.transfer import Stage

_MOST_DISCLOSED: Final = 256 * 1024


def make_proof(held: HeldLog, position: int, *, note: bytes = b"") -> bytes:
    """Write the tlog-proof of an entry under the head this node serves, or an earlier one.

    Raises:
        NotFoundError: no signed head covers that position.
    """
    note = note or held.note
    size = _size_of(note)
    if not 0 <= position < size:
        raise NotFoundError(f"{held.origin}: no entry {position} under the head at size {size}")
    hashes = prove_inclusion(held.tree.read, index=position, size=size)
    return format_proof(TlogProof(position, tuple(hashes), note, None))


def _size_of(note: bytes) -> int:
    return int(note.split(b"\n", 2)[1]) if note else 0


def make_certificate(reader: Reader, holdings: Holdings, number: str) -> bytes:
    """Write a label's certificate file.

    Raises:
        NotFoundError: no log this node holds has that number.
        UnavailableError: what ties the site to the federation is not here yet.
    """
    course = Courses(reader, holdings).of(number)
    if course is None:
        raise NotFoundError(f"no label {number[:64]!r} is known here")
    content = b""
    for stage in course.stages:
        content = _make_file(
            reader, holdings, stage, before=content, is_last=stage is course.competent
        )
    return content


def _make_file(
    reader: Reader, holdings: Holdings, stage: Stage, *, before: bytes, is_last: bool
) -> bytes:
    """Write the file of a label in one log; documents only where it stands now."""
    held, label = holdings.logs[stage.origin], stage.label
    coordinator = holdings.coordinator
    entity = coordinator and reader.named(coordinator.number, "site_membership", held.site)
    if coordinator is None or not entity:
        raise UnavailableError("the coordinator's log is not here yet; try again after a sync")
    site, federation = _Prover(reader, holdings, held), _Prover(reader, holdings, coordinator)
    is_gated = is_last and holdings.directory.witness_policy() is not None
    if is_gated and held.witnessed_size != site.size and _covers_end(holdings, held):
        # Nothing behind it counts, and nobody cosigns it (SPEC CERT-17).
        site = _Prover(reader, holdings, held, note=held.witnessed)
    elif is_gated and held.witnessed_size != site.size:
        raise UnavailableError(
            f"{held.origin}: its head at size {site.size} is not witnessed yet, only "
            f"{held.witnessed_size} entries are; a certificate waits for the witnesses, try again",
            code="ckp.quorum",
        )
    positions = [decision.index for decision in label.decisions]
    if positions[-1] >= site.size:
        raise UnavailableError(f"{held.origin}: the newest decision is not signed yet; try again")
    decisions = [site(position) for position in positions]
    _check_unbroken(label.number, decisions)
    status = None if stage.undetermined else _prove_status(site, label)
    records = _subjects(reader, held, label, size=site.size) if is_last else []
    return format_certificate(
        Certificate(
            label.number,
            decisions=decisions,
            keys=site(0),
            membership=federation(_latest_membership(reader, coordinator, entity, site=site)),
            coordinator_keys=federation(0),
            key_history=site.key_history(),
            coordinator_key_history=federation.key_history(),
            state=site(site.size - 1) if status else None,
            status=status,
            records=[site(position) for position in records],
            documents=_disclose(reader, held, [*records, *positions]) if is_last else [],
            before=before,
        )
    )


def _covers_end(holdings: Holdings, held: HeldLog) -> bool:
    """Say whether the newest witnessed head reaches the end of a log whose site has gone."""
    latest = holdings.directory.last_word(held.origin)
    gone = read_gone(latest[1], held.origin, time=0) if latest is not None else None
    return gone is not None and gone.end is not None and held.witnessed_size >= gone.end


def _check_unbroken(number: str, decisions: Sequence[Proven]) -> None:
    """Make no file that every verifier would call forged (SPEC CERT-4).

    Raises:
        RefusedError: a decision that counts for nothing lies between two that count.
    """
    for before, one in itertools.pairwise(decisions):
        record, _ = read_record(parse_entry(one.entry).record, READERS)
        if record.prev != leaf_hash(before.entry):
            raise RefusedError(
                f"{number}: a decision on it that counts for nothing lies between two that count, "
                "and no certificate can show that; the label's page says how it stands"
            )


class _Prover:
    """Proves entries of one log under the head it had when this was made, while it grows on.

    Attributes:
        held: the log.
        size: of the head.
        is_earlier: whether it is an earlier head, behind which nothing counts.
    """

    def __init__(
        self, reader: Reader, holdings: Holdings, held: HeldLog, *, note: bytes = b""
    ) -> None:
        self._reader = reader
        self._holdings = holdings
        self._note = note or held.note
        self.is_earlier = bool(note)
        self.held = held
        self.size = _size_of(self._note)

    def __call__(self, position: int) -> Proven:
        return Proven(self.entry(position), make_proof(self.held, position, note=self._note))

    def entry(self, position: int) -> bytes:
        return self._holdings.entry(self._reader, self.held, position)

    def key_history(self) -> list[Proven]:
        later = self.held.cursor.key_records[1:]
        return [self(position) for position in later if position < self.size]


def _prove_status(site: _Prover, label: Label) -> StatusPath | None:
    """Prove how a label stands; None where the log is not judged, or states it not, at its end.

    Raises:
        UnavailableError: the log grew while it was asked.
    """
    held = site.held
    cursor, statuses = held.cursor, held.statuses
    if statuses is None or label.status_index < 0 or cursor.projected < site.size:
        return None
    _, body = read_record(parse_entry(site.entry(site.size - 1)).record, READERS)
    is_stated = isinstance(body, log_state.Body) and body.status_root == statuses.root()
    leaf = format_leaf(label)
    is_current = (
        label.status_index < statuses.size
        and statuses.leaf(label.status_index) == status_leaf_hash(leaf)
        and (cursor.projected == site.size or site.is_earlier)
    )
    if not is_current or (not is_stated and held.statuses is not statuses):
        raise UnavailableError(f"{held.origin}: the log is growing; try again")
    if not is_stated:
        return None
    return StatusPath(leaf, label.status_index, tuple(statuses.prove(label.status_index)))


def _subjects(reader: Reader, held: HeldLog, label: Label, *, size: int) -> list[int]:
    """Return the positions of the label's offering and organisation as they are now, if shown."""
    positions: list[int] = []
    entity = label.offering
    for family in ("offering", "organisation"):
        row = reader.entity(held.number, entity)
        if row is None or row.family != family or not isinstance(row.state, bytes):
            break
        state = decode_state(family, row.state)
        if not isinstance(state, offering.State | organisation.State) or state.index >= size:
            break
        if state.index in held.withheld:
            break
        positions.append(state.index)
        entity = state.organisation if isinstance(state, offering.State) else b""
    return positions


def _disclose(reader: Reader, held: HeldLog, positions: Sequence[int]) -> list[Disclosed]:
    """Collect the public documents of entries that are here, as far as they fit the file."""
    found: list[Disclosed] = []
    room = _MOST_DISCLOSED
    for position in positions:
        for row in reader.documents.between(held.number, position, position + 1):
            room -= len(row.content)
            if row.visibility == 0 and room >= 0 and len(found) < MAX_DOCUMENTS:
                found.append(Disclosed(position, row.number, row.key, row.content))
    return found


def _closes(body: site_membership.Body, origin: str) -> bool:
    return isinstance(body.ends, Cut) and body.ends.origin == origin


def _latest_membership(
    reader: Reader, coordinator: HeldLog, entity: bytes, *, site: _Prover
) -> int:
    """Return the position of a site's latest membership with its log, or the one that closes it.

    That is the latest one whose root key the site's log has named: one that members have approved
    may come there later, or never.

    Raises:
        UnavailableError: it names a root key that the site's log does not lead to yet.
    """
    row = reader.entity(coordinator.number, entity)
    if row is None or not isinstance(row.state, bytes):
        raise NotFoundError("the membership record is not here")
    state = decode_state("site_membership", row.state)
    if not isinstance(state, site_membership.State):
        raise NotFoundError("the membership record is not here")
    found = [
        (index, body)
        for index, body in state.versions
        if body.origin == site.held.origin or _closes(body, site.held.origin)
    ]
    roots = {span.public for span in site.held.keys if span.role == Role.ROOT.value}
    index, member = ([one for one in found if one[1].root in roots] or found)[-1]
    if member.root not in roots:
        raise UnavailableError(
            f"{member.origin}: the site has not named its new root key in its log yet; try again"
        )
    return index
