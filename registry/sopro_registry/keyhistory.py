"""A site's keys from its key records alone, before anything of its log is verified (SPEC KEY-10).

Key records verify by themselves: each is signed by the root key or by the successor that the record
before has committed to. So a reader learns from them which keys may sign a head, and a verifier
without a node which keys signed a decision.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sopro_protocol.errors import FormatError, RefusedError, VerificationError
from sopro_protocol.keys import key_id
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import Entry, Record, check_signatures, parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.families import site_keys
from sopro_registry.family import Fact, KeySpan

MAX_HISTORY: Final = 4096


class KeyRecord(NamedTuple):
    """A key record and the position it is said to have."""

    position: int
    entry: bytes


def log_keys_at(keys: Iterable[KeySpan], size: int) -> list[bytes]:
    """Return the public keys that may sign a head of a size (SPEC KEY-9)."""
    return [span.public for span in keys if span.signs_head(size)]


def open_key_history(
    history: Sequence[KeyRecord], *, origin: str, root: bytes
) -> tuple[KeySpan, ...]:
    """Follow a site's key records from the first on (SPEC KEY-10).

    Args:
        history: in the order of the log, the first at position 0.
        origin: of the site's log.
        root: public key of a root of the site that is trusted: the founding one, or one that
            succeeded it.

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
    state: site_keys.State | None = None
    before: KeyRecord | None = None
    is_chained = True
    for one in history:
        entry = parse_entry(one.entry)
        record, body = _read(entry, origin)
        if before is not None:
            if one.position <= before.position:
                raise VerificationError(
                    f"{origin}: key records out of order at {one.position}", code="hos.keys"
                )
            is_chained = is_chained and record.prev == leaf_hash(before.entry)
        state = _follow(one, entry, record, body, state)
        before = one
    assert state is not None, "there is at least one record"  # noqa: S101  # as checked above
    _check_root(state, origin, root, is_chained=is_chained)
    return tuple(state.spans)


def _read(entry: Entry, origin: str) -> tuple[Record, site_keys.Body]:
    record, body = read_record(entry.record, READERS)
    if isinstance(body, FormatError):
        raise body
    if record.log != origin or not isinstance(body, site_keys.Body):
        raise VerificationError(f"{origin}: not a record of its keys", code="mem.untrusted")
    return record, body


def _follow(
    one: KeyRecord,
    entry: Entry,
    record: Record,
    body: site_keys.Body,
    state: site_keys.State | None,
) -> site_keys.State:
    check_signatures(entry, {key_id(body.root): body.root})
    if state is not None and body.root not in (state.root, site_keys.newcomer(body, state)):
        raise VerificationError(
            f"{record.log}: the key record at {one.position} is signed neither by the root key "
            "nor by its successor",
            code="mem.untrusted",
        )
    signers = tuple(signer for signer, _ in entry.signatures)
    try:
        return site_keys.follow(
            Fact(one.position, leaf_hash(one.entry), record, body, signers), state
        )
    except RefusedError as error:
        raise VerificationError(f"{record.log}: {error}", code=error.code) from None


def _check_root(state: site_keys.State, origin: str, root: bytes, *, is_chained: bool) -> None:
    """Tie the history to the trusted root.

    Where that is the founding root it has signed the beginning. Where it is a later one, anybody
    could have put another beginning before its record; the chain of hashes rules that out.
    """
    roots = [span.public for span in state.spans if span.role == "root"]
    if root == roots[0] or (root in roots and is_chained):
        return
    raise VerificationError(
        f"{origin}: its key records do not lead to the root key of its membership",
        code="mem.untrusted",
    )
