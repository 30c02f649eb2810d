"""Certificate files: a label's decisions with their proofs, verifiable with the invite file alone.

A certificate is a canonical map (SPEC section CERT):

    sopro_certificate    1
    number               of the label
    decisions            [[entry, tlog-proof], ...] in the order of the site's log
    keys                 [entry, tlog-proof] of entry 0 of the site's log
    membership           [entry, tlog-proof] of the site's membership, in the coordinator's log
    coordinator_keys     [entry, tlog-proof] of entry 0 of the coordinator's log
    keys_since           the later key records of the site's log, where there are any
    coordinator_keys_since  likewise of the coordinator's log

The decisions are a chain: each names the one before, so none can be left out but the last ones.
What follows from them says the same rule that nodes project with; only what other records would
have to say is taken as said: that the offering exists and the scheme allowed it.

It proves what was decided up to the size of its checkpoint. Whether something was decided since,
only a newer file or a node can tell.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from sopro_protocol.checkpoint import SignedCheckpoint, parse_checkpoint_text
from sopro_protocol.encoding import Value, decode, encode
from sopro_protocol.errors import FormatError, RefusedError, VerificationError
from sopro_protocol.keys import Role, make_vkey
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.note import parse_note
from sopro_protocol.proof import open_proof, parse_proof
from sopro_protocol.record import ReadRecord, check_signatures, parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.families import label_decision, site_membership
from sopro_registry.family import Fact, KeySpan, Waiting
from sopro_registry.fields import format_day
from sopro_registry.keyhistory import KeyRecord, log_keys_at, open_key_history
from sopro_registry.label import Label, status_at

MAX_CERTIFICATE: Final = 4 * 1024 * 1024
MAX_DECISIONS: Final = 256
MAX_KEY_RECORDS: Final = 256


class Proven(NamedTuple):
    """An entry and the tlog-proof of its place."""

    entry: bytes
    proof: bytes


class OpenedCertificate(Struct, frozen=True):
    """What a certificate proves.

    Attributes:
        number: of the label.
        site: code of the site that decided.
        status: after the last decision it holds, on the day asked about.
        valid_until: last civil date of validity.
        decided: actions with their dates, oldest first.
        origin: of the site's log.
        size: of the signed checkpoint; later decisions are not in the file.
    """

    number: str
    site: str
    status: str
    valid_until: str | None
    decided: list[tuple[str, str | None]]
    origin: str
    size: int


def format_certificate(
    number: str,
    *,
    decisions: Sequence[Proven],
    keys: Sequence[Proven],
    membership: Proven,
    coordinator_keys: Sequence[Proven],
) -> bytes:
    """Write a certificate file.

    Args:
        number: of the label.
        decisions: on it, in the order of the log.
        keys: the key records of the site's log, entry 0 first.
        membership: the site's latest membership.
        coordinator_keys: the key records of the coordinator's log, entry 0 first.
    """
    fields: dict[str, Value] = {
        "coordinator_keys": list(coordinator_keys[0]),
        "decisions": [list(one) for one in decisions],
        "keys": list(keys[0]),
        "membership": list(membership),
        "number": number,
        "sopro_certificate": 1,
    }
    for name, later in (("keys_since", keys[1:]), ("coordinator_keys_since", coordinator_keys[1:])):
        if later:
            fields[name] = [list(one) for one in later]
    return encode(fields)


def open_certificate(
    data: bytes, *, coordinator: str, coordinator_root: bytes, day: int
) -> OpenedCertificate:
    """Verify a certificate file offline (SPEC CERT-2).

    Args:
        data: the file.
        coordinator: origin of the coordinator's log, from the invite.
        coordinator_root: its root key, from the invite.
        day: asked about.

    Raises:
        FormatError: it is not a certificate.
        VerificationError: a signature or a proof in it fails; the code says which.
    """
    number, decisions, keys, membership, coordinator_keys = _parse(data)
    trusted = _open_keys(coordinator_keys, coordinator, coordinator_root)
    member = _open_membership(membership, coordinator, trusted)
    if member.site != member.origin.split("/")[1]:
        raise VerificationError("certificate: membership of another site", code="mem.untrusted")
    site_keys = _open_keys(keys, member.origin, member.root)
    facts = [_open_decision(one, member, site_keys, number) for one in decisions]
    _check_chain([fact for fact, _ in facts])
    label = _follow([fact for fact, _ in facts], member)
    status, last = status_at(label.decisions, day)
    return OpenedCertificate(
        number,
        member.site,
        status.word,
        format_day(last.until) if last and last.until else None,
        [
            (one.action.value, format_day(one.effective) if one.effective else None)
            for one in label.decisions
        ],
        member.origin,
        min(size for _, size in facts),
    )


def _parse(data: bytes) -> tuple[str, list[Proven], list[Proven], Proven, list[Proven]]:
    value = decode(data, limit=MAX_CERTIFICATE)
    if not isinstance(value, dict) or value.get("sopro_certificate") != 1:
        raise FormatError("certificate: not a certificate file of this version", code="cert.form")
    number, decisions = value.get("number"), value.get("decisions")
    if not isinstance(number, str) or not isinstance(decisions, list):
        raise FormatError("certificate: expected a number and decisions", code="cert.form")
    if not 1 <= len(decisions) <= MAX_DECISIONS:
        raise FormatError(f"certificate: {len(decisions)} decisions", code="cert.form")
    return (
        number,
        [_proven(one) for one in decisions],
        [_proven(value.get("keys")), *_later(value.get("keys_since"))],
        _proven(value.get("membership")),
        [_proven(value.get("coordinator_keys")), *_later(value.get("coordinator_keys_since"))],
    )


def _later(value: object) -> list[Proven]:
    """Return the key records after the first, none where the field is absent."""
    if value is None:
        return []
    if not isinstance(value, list) or not 1 <= len(value) < MAX_KEY_RECORDS:
        raise FormatError("certificate: expected a list of key records", code="cert.form")
    return [_proven(one) for one in value]


def _proven(value: object) -> Proven:
    match value:
        case [bytes(entry), bytes(proof)]:
            return Proven(entry, proof)
    raise FormatError("certificate: expected [entry, proof]", code="cert.form")


def _open_keys(records: Sequence[Proven], origin: str, root: bytes) -> tuple[KeySpan, ...]:
    """Return every key of a log, each record of them proven at its place (SPEC CERT-5)."""
    history = [KeyRecord(parse_proof(one.proof).index, one.entry) for one in records]
    keys = open_key_history(history, origin=origin, root=root)
    for one in records:
        _open_place(one, origin, keys)
    return keys


def _open_place(proven: Proven, origin: str, keys: Sequence[KeySpan]) -> SignedCheckpoint:
    """Open the proof of an entry's place with the keys that may sign a head of its size."""
    size = parse_checkpoint_text(parse_note(parse_proof(proven.proof).checkpoint_note).text).size
    vkeys = [make_vkey(origin, public) for public in log_keys_at(keys, size)]
    return open_proof(proven.proof, entry=proven.entry, origin=origin, keys=vkeys)


def _open_entry(
    proven: Proven, origin: str, keys: Sequence[KeySpan], role: Role
) -> tuple[ReadRecord, SignedCheckpoint]:
    """Open an entry that keys of a role have signed, each counting at its position."""
    entry = parse_entry(proven.entry)
    head = _open_place(proven, origin, keys)
    index = parse_proof(proven.proof).index
    check_signatures(
        entry,
        {
            span.key_id: span.public
            for span in keys
            if span.role == role.value and span.counts_at(index)
        },
    )
    read = read_record(entry.record, READERS)
    if read.record.log != origin:
        raise VerificationError(
            f"certificate: a record of {read.record.log[:80]!r}", code="hos.replay"
        )
    return read, head


def _open_membership(proven: Proven, origin: str, keys: Sequence[KeySpan]) -> site_membership.Body:
    (_, body), _ = _open_entry(proven, origin, keys, Role.REGISTRAR)
    if not isinstance(body, site_membership.Body):
        raise VerificationError("certificate: not a membership record", code="mem.untrusted")
    return body


def _open_decision(
    proven: Proven,
    member: site_membership.Body,
    keys: Sequence[KeySpan],
    number: str,
) -> tuple[Fact[label_decision.Body], int]:
    """Return a decision with its place, and the size of the checkpoint it is proven under."""
    (record, body), head = _open_entry(proven, member.origin, keys, Role.DECISION)
    if not isinstance(body, label_decision.Body) or body.certificate != number:
        raise VerificationError(f"certificate: not a decision on {number}", code="lbl.reference")
    index = parse_proof(proven.proof).index
    return Fact(index, leaf_hash(proven.entry), record, body, ()), head.size


def _check_chain(facts: Sequence[Fact[label_decision.Body]]) -> None:
    """Hold each decision to the one before, so that none is left out between (SPEC CERT-4)."""
    for before, fact in zip((None, *facts), facts, strict=False):
        prev = fact.record.prev if isinstance(fact.record.prev, bytes) else None
        if before is None:
            is_next = prev is None
        else:
            is_next = prev == before.entry_id and fact.record.entity == before.record.entity
        if not is_next or (before is not None and fact.index <= before.index):
            raise VerificationError(
                f"certificate: a decision is missing before that at {fact.index}, or they are out "
                "of order",
                code="proof.invalid",
            )


def _follow(facts: Sequence[Fact[label_decision.Body]], member: site_membership.Body) -> Label:
    label = None
    for fact in facts:
        try:
            label = label_decision.apply(fact, label, _CertificateView(fact, member)).state
        except RefusedError as error:
            raise VerificationError(f"certificate: {error}", code=error.code) from None
    assert label is not None, "there is at least one decision"  # noqa: S101  # as parsed
    return label


class _AnyScheme:
    """A scheme that allowed what was decided."""

    grace_days = 0xFFFF
    max_validity_months = 12_000
    status = "active"


class _CertificateView:
    """What the rule for decisions may look at, where only the certificate is there."""

    acted_on = None
    keys_record = None
    is_coordinator = False

    def __init__(self, fact: Fact[label_decision.Body], member: site_membership.Body) -> None:
        self.origin = member.origin
        self.site = member.site
        self.index = fact.index
        stated = fact.body.status_index
        self.grants = stated if isinstance(stated, int) else 0
        self._member = member

    def exists_named(self, _family: str, _name: str) -> bool:
        """Say that the number was free; another label with it is another certificate."""
        return False

    def exists(self, _family: str, _entity: bytes) -> bool:
        """Say that the offering exists."""
        return True

    def membership(self) -> site_membership.Body:
        """Return the membership in the certificate."""
        return self._member

    def members(self) -> Sequence[site_membership.Body]:
        """Return nobody, because no decision asks for others."""
        return ()

    def scheme(self, _name: str) -> _AnyScheme:
        """Return a scheme that allowed it."""
        return _AnyScheme()

    def coordinator_root(self, size: int) -> bytes:
        """Raise, because no decision asks for it."""
        raise Waiting(size)
