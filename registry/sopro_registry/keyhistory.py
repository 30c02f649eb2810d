"""A site's keys from its key records alone, before anything of its log is verified (SPEC KEY-10).

Key records verify by themselves: each is signed by the root key or by the successor that the record
before has committed to. So a reader learns from them which keys may sign a head, and a verifier
without a node which keys signed a decision.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import UNSET

from sopro_protocol.errors import FormatError, RefusedError, VerificationError
from sopro_protocol.keys import key_id
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import Entry, Record, check_signatures, parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.families import site_keys
from sopro_registry.family import Fact, KeySpan

MAX_HISTORY: Final = site_keys.MAX_KEYS


class KeyRecord(NamedTuple):
    """A key record and the position it is said to have."""

    position: int
    entry: bytes


def log_keys_at(keys: Iterable[KeySpan], size: int) -> list[bytes]:
    """Return the public keys that may sign a head of a size (SPEC KEY-9)."""
    return [span.public for span in keys if span.signs_head(size)]


def open_key_history(
    history: Sequence[KeyRecord], *, origin: str, root: bytes, is_coordinator: bool = False
) -> tuple[KeySpan, ...]:
    """Follow a site's key records from the first on (SPEC KEY-10).

    Args:
        history: in the order of the log, the first at position 0.
        origin: of the site's log.
        root: public key of a root of the site that is trusted: the founding one, or one that
            succeeded it.
        is_coordinator: whether the site is the coordinator, whose members may appoint a successor.

    Raises:
        FormatError: an entry is none.
        VerificationError: `mem.untrusted`, the records do not lead to that root or are not of
            this log; `hos.keys`, they do not follow one another; `sig.*`, `mem.key`.
    """
    if not history or history[0].position != 0:
        raise VerificationError(
            f"{origin}: key records, expected entry 0 first", code="mem.untrusted"
        )
    if len(history) > MAX_HISTORY:
        raise VerificationError(
            f"{origin}: key records, expected at most {MAX_HISTORY}, got {len(history)}",
            code="hos.keys",
        )
    opened = [_open(one, origin) for one in history]
    trusted = _find_trusted(opened, root)
    if trusted is None:
        raise VerificationError(
            f"{origin}: its key records do not lead to the root key of its membership",
            code="mem.untrusted",
        )
    state: site_keys.State | None = None
    for number, one in enumerate(opened):
        if number and one.position <= opened[number - 1].position:
            raise VerificationError(
                f"{origin}: key records out of order at {one.position}", code="hos.keys"
            )
        if one.record.entity != opened[0].record.entity:
            raise VerificationError(
                f"{origin}: the key record at {one.position} is on another entity than the first",
                code="mem.key",
            )
        state = _follow(one, state, is_vouched_for=number <= trusted, is_coordinator=is_coordinator)
    assert state is not None, "there is at least one record"  # noqa: S101  # as checked above
    return tuple(state.spans)


class _Opened(NamedTuple):
    """A key record that the key it names has signed."""

    position: int
    entry_id: bytes
    entry: Entry
    record: Record
    body: site_keys.Body


def _open(one: KeyRecord, origin: str) -> _Opened:
    entry = parse_entry(one.entry)
    record, body = read_record(entry.record, READERS)
    if isinstance(body, FormatError):
        raise body
    if record.log != origin or not isinstance(body, site_keys.Body):
        raise VerificationError(f"{origin}: not a record of its keys", code="mem.untrusted")
    check_signatures(entry, {key_id(body.root): body.root})
    return _Opened(one.position, leaf_hash(one.entry), entry, record, body)


def _find_trusted(opened: Sequence[_Opened], root: bytes) -> int | None:
    """Return which record the trusted root key was the first to sign, where it vouches for all.

    It vouches for those before by the chain of hashes. Without that anybody could put another
    beginning before its record.
    """
    for number, one in enumerate(opened):
        if number and one.record.prev != opened[number - 1].entry_id:
            return None
        if one.body.root == root:
            return number
    return None


def _follow(
    one: _Opened,
    state: site_keys.State | None,
    *,
    is_vouched_for: bool,
    is_coordinator: bool,
) -> site_keys.State:
    body = one.body
    is_known = state is None or body.root == state.root or site_keys.is_successor(body.root, state)
    # Who is appointed is judged with the rest of the record.
    is_known = is_known or (is_coordinator and body.appointed is not UNSET)
    if not is_known and not is_vouched_for:
        raise VerificationError(
            f"{one.record.log}: the key record at {one.position} is signed neither by the root "
            "key nor by its successor",
            code="mem.untrusted",
        )
    signers = tuple(signer for signer, _ in one.entry.signatures)
    try:
        fact = Fact(one.position, one.entry_id, one.record, body, signers)
        return site_keys.follow(fact, state, is_coordinator=is_coordinator)
    except RefusedError as error:
        raise VerificationError(f"{one.record.log}: {error}", code=error.code) from None
