"""site_keys/1: the keys of a site, signed by its root key (SPEC KEYS).

Each record names the full set in force after it. A key counts from the position after the record
that first names it up to and including the position of the record that no longer does. It is
signed by the root key, or by the one that may replace it and thereby does: the successor that the
record before has committed to, the key that the site's membership names, or in the coordinator's
log the key that members have appointed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.keys import Role, check_public_key, key_id
from sopro_protocol.merkle import CompactRange
from sopro_registry.appointment import Appointed, Appointment, check_appointment
from sopro_registry.family import Change, Fact, Family, KeySpan, Place, View
from sopro_registry.fields import (
    Bytes32,
    CivilDate,
    Count,
    End,
    day_of,
    epoch_of,
    origin_after,
)
from sopro_registry.recovery import Approvers, check_approvers

MAX_KEYS: Final = 4096


class SiteKey(Struct, frozen=True, kw_only=True):
    """One key and its role."""

    public: Bytes32
    role: Literal["log", "witness", "registrar", "decision", "access"]


class Revocation(Struct, frozen=True, kw_only=True):
    """A key that counts no more from a stated size on."""

    key: Bytes32
    size: Count


class Renewal(Struct, frozen=True, kw_only=True):
    """Until when the site means to use a key; for people, nothing that counts follows from it."""

    by: CivilDate
    key: Bytes32


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The keys in force after this record.

    Attributes:
        appointed: why the root key may take over the coordinator's log from one that is gone.
        approvers: codes of the sites that may approve a new root key of this one.
        continues: the end of the log that this one continues, in entry 0 of a later epoch.
        keys: all but the root key.
        next_root: SHA-256 of the public key that may replace the root.
        renew_by: last days on which the site means to use keys.
        revoked: keys cut off at a size.
        root: public key that signs this record.
    """

    appointed: Appointment | UnsetType = UNSET
    approvers: Approvers | UnsetType = UNSET
    continues: End | UnsetType = UNSET
    keys: Annotated[list[SiteKey], Meta(min_length=1, max_length=64)]
    next_root: Bytes32
    renew_by: Annotated[list[Renewal], Meta(min_length=1, max_length=65)] | UnsetType = UNSET
    revoked: Annotated[list[Revocation], Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    root: Bytes32


class State(Struct, frozen=True, array_like=True):
    """Every key the site ever had.

    Attributes:
        spans: the keys, with the positions at which they count.
        next_root: SHA-256 of the key that may succeed the root key.
        positions: of the records all this follows from.
    """

    spans: list[KeySpan]
    next_root: bytes = b""
    positions: list[int] = []

    @property
    def root(self) -> bytes:
        """The root key in force."""
        return next(
            span.public
            for span in self.spans
            if span.role == Role.ROOT.value and span.until is None
        )


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Open the spans of new keys, close those of keys no longer named, cut off revoked ones.

    Raises:
        RefusedError: `sig.weak-key`, `mem.key` for a key named twice, used in another role or
            coming back, for a second entity of keys, a revocation of what is no key of the
            site, a root key that members have not appointed and `approvers` out of order,
            `sig.role` when it is not signed by the root it names, `rec.body` for a day that is
            none.
    """
    if state is None and view.keys_record is not None:
        # A second entity would forget every retired key.
        raise RefusedError("site_keys: the keys of a site are one entity", code="mem.key")
    after = follow(fact, state, is_coordinator=view.is_coordinator)
    if fact.body.appointed is not UNSET and state is not None:
        _check_left(read_appointed(fact.body, fact.record.log, state.spans), view)
    return Change(after, keys=tuple(after.spans))


def follow(fact: Fact[Body], state: State | None, *, is_coordinator: bool) -> State:
    """Return the keys after a record, from the record and the keys before it alone.

    Raises:
        RefusedError: as `apply`; `mem.epoch` for a log that this one cannot continue.
    """
    body = fact.body
    if body.appointed is not UNSET:
        _check_appointed(fact, state, is_coordinator=is_coordinator)
    named = {body.root: Role.ROOT.value} | {key.public: key.role for key in body.keys}
    if len(named) != len(body.keys) + 1:
        raise RefusedError("site_keys: a key is named twice", code="mem.key")
    for public in named:
        try:
            check_public_key(public)
        except FormatError as error:
            raise RefusedError(f"site_keys: {error}", code="sig.weak-key") from None
    if fact.signers != (key_id(body.root),):
        raise RefusedError(
            "site_keys: expected one signature, by the root key it names", code="sig.role"
        )
    if body.continues is not UNSET:
        _check_continued(body.continues, fact)
    if body.renew_by is not UNSET:
        for renewal in body.renew_by:
            day_of(renewal.by, field="renew_by")
    # Of who is gone nothing counts any more, not even beside this record.
    end = fact.index if body.appointed is not UNSET else fact.index + 1
    spans = _continue_spans(state, named, fact.index, end=end)
    positions = [*(state.positions if state else []), fact.index]
    if len(spans) > MAX_KEYS or len(positions) > MAX_KEYS:
        raise RefusedError(
            f"site_keys: more than {MAX_KEYS} keys or key records in one log", code="mem.key"
        )
    spans = _cut_spans(spans, body)
    if body.approvers is not UNSET:
        check_approvers(body.approvers, fact.record.log)
    return State(spans, body.next_root, positions)


def _check_continued(end: End, fact: Fact[Body]) -> None:
    """Hold the beginning of an epoch to the log it continues (SPEC EPOCH-1)."""
    log = fact.record.log
    epochs = epoch_of(end.origin), epoch_of(log)
    if fact.index != 0 or 0 in epochs or origin_after(end.origin) != log:
        raise RefusedError(
            f"site_keys: {log[:80]} at position {fact.index} cannot continue {end.origin[:80]}; "
            "entry 0 of the next epoch of a site's log does",
            code="mem.epoch",
        )


def is_successor(public: bytes, state: State) -> bool:
    """Say whether the latest record has committed to a key as the next root key (STATE-5)."""
    return hashlib.sha256(public).digest() == state.next_root


def newcomer(body: Body, state: State | None, view: View) -> bytes | None:
    """Return the root key a record names, where it may replace the one before (STATE-5).

    That is the successor it has committed to, or the root key that the membership names, which
    only the site's own records or the other members can have changed (MEM-4, MEM-10); in the
    coordinator's log it is also one that members have appointed (SUCC-4).
    """
    if state is None:
        return None
    is_appointed = view.is_coordinator and body.appointed is not UNSET
    if is_appointed or is_successor(body.root, state):
        # Whether members have appointed it is what `follow` judges.
        return body.root
    member = view.membership()
    return body.root if member is not None and member.root == body.root else None


def read_appointed(body: Body, origin: str, spans: Sequence[KeySpan]) -> Appointed:
    """Return how members have appointed the root key of a record, from the keys before it.

    Raises:
        RefusedError: `mem.key`, they have not.
    """
    if body.appointed is UNSET:
        raise RefusedError("site_keys: nobody is appointed", code="mem.key")
    return check_appointment(
        body.appointed,
        origin=origin,
        successor=body.root,
        log_keys=lambda size: [one.public for one in spans if one.signs_head(size)],
        registrars=lambda position: [
            one.public
            for one in spans
            if one.role == Role.REGISTRAR.value and one.counts_at(position)
        ],
    )


def _check_appointed(fact: Fact[Body], state: State | None, *, is_coordinator: bool) -> None:
    body = fact.body
    if state is None or not is_coordinator:
        raise RefusedError(
            "site_keys: only in the coordinator's log do members appoint a successor",
            code="mem.key",
        )
    appointed = read_appointed(body, fact.record.log, state.spans)
    if appointed.size != fact.index:
        raise RefusedError(
            f"site_keys: members have appointed who goes on at size {appointed.size}, this is "
            f"entry {fact.index}",
            code="mem.key",
        )
    before = {span.public for span in state.spans}
    if body.root in before or any(key.public in before for key in body.keys):
        raise RefusedError(
            "site_keys: a key of who is gone, where members have appointed a successor",
            code="mem.key",
        )


def _check_left(appointed: Appointed, view: View) -> None:
    """Hold what members have said to the entries that are really there."""
    grown = CompactRange()
    grown.extend(view.leaf(index) for index in range(view.index))
    if grown.root() != appointed.root:
        raise RefusedError(
            f"site_keys: members have appointed who goes on from the root {appointed.root.hex()}, "
            f"these entries have another",
            code="mem.key",
        )
    if view.stated != view.index - 1 or view.misstated == view.stated:
        raise RefusedError(
            "site_keys: the log was left with a log_state that does not count", code="mem.key"
        )


def _continue_spans(
    state: State | None, named: Mapping[bytes, str], index: int, *, end: int
) -> list[KeySpan]:
    spans = state.spans if state else []
    known = {span.public: span.role for span in spans}
    for public, role in named.items():
        if known.get(public, role) != role:
            raise RefusedError("site_keys: a key changes its role", code="mem.key")
    ended = {span.public for span in spans if span.until is not None}
    if any(public in ended for public in named):
        raise RefusedError("site_keys: a retired key comes back", code="mem.key")
    closed = [
        span if span.public in named or span.until is not None else structs.replace(span, until=end)
        for span in spans
    ]
    opened = [
        # The founding root counts from the beginning: it signs the first record.
        KeySpan(role, public, key_id(public), 0 if role == "root" and not state else index + 1)
        for public, role in named.items()
        if public not in known
    ]
    return closed + opened


def _cut_spans(spans: list[KeySpan], body: Body) -> list[KeySpan]:
    """Cut off the keys that a record revokes; a cut is never moved up again (STATE-12)."""
    if body.revoked is UNSET:
        return spans
    cuts: dict[bytes, int] = {}
    for one in body.revoked:
        cuts[one.key] = min(one.size, cuts.get(one.key, one.size))
    if cuts.keys() - {span.public for span in spans} or body.root in cuts:
        raise RefusedError(
            "site_keys: revokes what is no key of the site, or the root key that signs it",
            code="mem.key",
        )
    return [
        span if span.public not in cuts else structs.replace(span, cut=_lower(span, cuts))
        for span in spans
    ]


def _lower(span: KeySpan, cuts: Mapping[bytes, int]) -> int:
    cut = cuts[span.public]
    return cut if span.cut is None else min(cut, span.cut)


FAMILY = Family("site_keys", 1, Body, State, Role.ROOT, Place.ANY, apply, newcomer=newcomer)
