"""Writing evidence down: two heads, and the records that tie them to the root of all trust.

A file holds few key records, and a site may have written many: those are chosen that the trusted
root key needs to vouch for the keys which signed the heads (SPEC EVID-5).
"""

import contextlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from msgspec import UNSET

from sopro_node.certificates import make_proof
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader
from sopro_protocol.checkpoint import open_checkpoint
from sopro_protocol.errors import NotFoundError, VerificationError
from sopro_protocol.evidence import MAX_KEYS, Evidence, Fork, format_evidence
from sopro_protocol.keys import Role, make_vkey
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS, decode_state
from sopro_registry.families import site_keys, site_membership
from sopro_registry.family import KeySpan

SUCCESSION_MARK: Final = b"appointed"
"""Bytes that every key record of an appointed successor holds."""


def write_evidence(
    holdings: Holdings, reader: Reader, fork: Fork, *, served_keys: Sequence[bytes] = ()
) -> bytes:
    """Write an evidence file.

    Args:
        holdings: the logs.
        reader: of the store.
        fork: the two heads.
        served_keys: key records that whoever serves the other head has served.

    Raises:
        NotFoundError: what ties it to the federation is not held here.
        FormatError: it would be none, such as with too many keys.
    """
    held, coordinator = holdings.logs.get(fork.origin), holdings.coordinator
    if held is None:
        raise NotFoundError(f"{fork.origin}: not held any more")
    spans = signing_heads(held, [head.note for head in fork.heads])
    site = _Records(holdings, reader, held)
    if fork.origin == holdings.coordinator_origin:
        return format_evidence(Evidence(fork, site.of_coordinator(spans, served_keys), None, ()))
    if coordinator is None:
        raise NotFoundError("the coordinator's log is not here yet")
    place, keys = _tie(site, spans, _memberships(reader, coordinator, held))
    entry = holdings.entry(reader, coordinator, place)
    signers = {one.key_id for one in parse_entry(entry).signatures}
    registrars = [span for span in coordinator.keys if span.key_id in signers]
    federation = _Records(holdings, reader, coordinator)
    heads = signing_heads(coordinator, [coordinator.checkpoint])
    coordinator_keys = federation.of_coordinator([*registrars, *heads])
    membership = (entry, make_proof(coordinator, place))
    return format_evidence(Evidence(fork, keys, membership, coordinator_keys))


def _tie(
    site: "_Records", spans: Sequence[KeySpan], memberships: Sequence[tuple[int, bytes]]
) -> tuple[int, tuple[bytes, ...]]:
    """Return the latest membership under whose root key few enough records suffice, and these.

    A site cannot hide behind many key records: under its first root key the others can be left out.
    """
    found = [(place, site.of(spans, root=root)) for place, root in reversed(memberships)]
    fitting = [one for one in found if len(one[1]) <= MAX_KEYS]
    return [*fitting, *found][0]


class _Records:
    """Chooses among the key records of a log."""

    def __init__(self, holdings: Holdings, reader: Reader, held: HeldLog) -> None:
        self._holdings = holdings
        self._reader = reader
        self._held = held
        self._positions = held.cursor.key_records
        self._roots = sorted(
            (span.since - 1, span.public)
            for span in held.keys
            if span.role == Role.ROOT.value and span.since
        )

    def of(self, spans: Iterable[KeySpan], *, root: bytes = b"") -> tuple[bytes, ...]:
        """Return entry 0 and the records that name keys, tied to a root key.

        Before the first record of the trusted key each has to name the one before, behind it each
        that changes the root key.

        Args:
            spans: the keys.
            root: the root key that is trusted; the first where it is empty.
        """
        named = {0} | {max(span.since - 1, 0) for span in spans}
        trusted = next((position for position, public in self._roots if public == root), 0)
        linked = {one for one in self._positions if one <= trusted} if trusted else set()
        changed = {position for position, _ in self._roots}
        for before, position in pairwise(self._positions):
            if position in changed and position > trusted:
                linked |= {before, position}
        return self._entries(named | linked)

    def of_coordinator(
        self, spans: Sequence[KeySpan], served: Sequence[bytes] = ()
    ) -> tuple[bytes, ...]:
        """Return the same of the coordinator's log; all records where a successor is among them.

        Its own verifies from those before it (SPEC SUCC-5), so that where there are too many those
        are taken which name keys that were in force when it took over.
        """
        every = tuple(dict.fromkeys([*self._entries(set(self._positions)), *served]))
        if not any(SUCCESSION_MARK in one for one in every):
            return self.of(spans)
        if len(every) <= MAX_KEYS:
            return every
        before = [
            span
            for position in self._positions
            if self._is_succession(position)
            for span in self._held.keys
            if span.since <= position and span.counts_at(position - 1)
        ]
        return tuple(dict.fromkeys([*self.of([*spans, *before]), *served]))

    def _is_succession(self, position: int) -> bool:
        entry = self._holdings.entry(self._reader, self._held, position)
        _, body = read_record(parse_entry(entry).record, READERS)
        return isinstance(body, site_keys.Body) and body.appointed is not UNSET

    def _entries(self, positions: set[int]) -> tuple[bytes, ...]:
        return tuple(
            self._holdings.entry(self._reader, self._held, one) for one in sorted(positions)
        )


def _memberships(reader: Reader, coordinator: HeldLog, held: HeldLog) -> list[tuple[int, bytes]]:
    """Return where memberships with a log stand that a signed head covers, and their root keys.

    Raises:
        NotFoundError: there is none.
    """
    entity = reader.named(coordinator.number, "site_membership", held.site)
    row = reader.entity(coordinator.number, entity) if entity else None
    state = (
        decode_state("site_membership", row.state)
        if row is not None and isinstance(row.state, bytes)
        else None
    )
    if not isinstance(state, site_membership.State):
        raise NotFoundError(f"no membership of {held.site!r} is here")
    covered = [
        (index, body.root)
        for index, body in state.versions
        if index < coordinator.signed_size and body.origin == held.origin
    ]
    if not covered:
        raise NotFoundError(f"no signed head covers the membership of {held.site!r} yet")
    # A root key that members have approved may not be in the site's log yet, or never come there.
    roots = {span.public for span in held.keys if span.role == Role.ROOT.value}
    return [one for one in covered if one[1] in roots] or covered


def signing_heads(held: HeldLog, notes: Iterable[bytes]) -> list[KeySpan]:
    """Return the keys of a log that signed these heads of it."""
    found = []
    for note in notes:
        for span in held.keys:
            if span.role == Role.LOG.value:
                key = make_vkey(held.origin, span.public)
                with contextlib.suppress(VerificationError):
                    open_checkpoint(note, origin=held.origin, keys=[key])
                    found.append(span)
    return found
