"""site_keys/1: the keys of a site, signed by its root key (SPEC KEYS).

Each record names the full set in force after it. A key counts from the position after the record
that first names it up to and including the position of the record that no longer does.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.keys import Role, check_public_key, key_id
from sopro_registry.family import Change, Fact, Family, KeySpan, Place, View
from sopro_registry.fields import Bytes32, Count


class SiteKey(Struct, frozen=True, kw_only=True):
    """One key and its role."""

    public: Bytes32
    role: Literal["log", "witness", "registrar", "decision", "access"]


class Revocation(Struct, frozen=True, kw_only=True):
    """A key that counts no more from a stated size on."""

    key: Bytes32
    size: Count


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The keys in force after this record.

    Attributes:
        keys: all but the root key.
        next_root: SHA-256 of the public key that may replace the root.
        revoked: keys cut off at a size.
        root: public key that signs this record.
    """

    keys: Annotated[list[SiteKey], Meta(min_length=1, max_length=64)]
    next_root: Bytes32
    revoked: Annotated[list[Revocation], Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    root: Bytes32


class State(Struct, frozen=True, array_like=True):
    """Every key the site ever had."""

    spans: list[KeySpan]


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Open the spans of new keys, close those of keys no longer named.

    Raises:
        RefusedError: `sig.weak-key`, `mem.key` for a key named twice, used in another role or
            coming back, and for a second entity of keys, `sig.role` when it is not signed by the
            root it names.
    """
    body = fact.body
    if state is None and view.keys_record is not None:
        # A second entity would forget every retired key.
        raise RefusedError("site_keys: the keys of a site are one entity", code="mem.key")
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
    spans = _continue_spans(state.spans if state else [], named, fact.index)
    return Change(State(spans), keys=tuple(spans))


def _continue_spans(spans: list[KeySpan], named: dict[bytes, str], index: int) -> list[KeySpan]:
    known = {span.public: span.role for span in spans}
    for public, role in named.items():
        if known.get(public, role) != role:
            raise RefusedError("site_keys: a key changes its role", code="mem.key")
    ended = {span.public for span in spans if span.until is not None}
    if any(public in ended for public in named):
        raise RefusedError("site_keys: a retired key comes back", code="mem.key")
    closed = [
        span
        if span.public in named or span.until is not None
        else KeySpan(span.role, span.public, span.key_id, span.since, index + 1)
        for span in spans
    ]
    opened = [
        KeySpan(role, public, key_id(public), 0 if role == Role.ROOT else index + 1)
        for public, role in named.items()
        if public not in known
    ]
    return closed + opened


FAMILY = Family("site_keys", 1, Body, State, Role.ROOT, Place.ANY, apply)
