"""Certificate files: a label's decisions with their proofs, verifiable with the invite file alone.

A certificate is a canonical map (SPEC section CERT):

    sopro_certificate    1
    number               of the label
    decisions            [[entry, tlog-proof], ...] in the order of the site's log
    keys                 [entry, tlog-proof] of entry 0 of the site's log
    membership           [entry, tlog-proof] of the site's membership, in the coordinator's log
    coordinator_keys     [entry, tlog-proof] of entry 0 of the coordinator's log

The decisions are a chain: each names the one before, so none can be left out but the last ones.
What follows from them says the same rule that nodes project with; only what other records would
have to say is taken as said: that the offering exists and the scheme allowed it.

It proves what was decided up to the size of its checkpoint. Whether something was decided since,
only a newer file or a node can tell.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from sopro_protocol.checkpoint import SignedCheckpoint
from sopro_protocol.encoding import decode, encode
from sopro_protocol.errors import FormatError, RefusedError, VerificationError
from sopro_protocol.keys import Role, key_id, make_vkey
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.proof import open_proof, parse_proof
from sopro_protocol.record import ReadRecord, check_signatures, parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.families import label_decision, site_keys, site_membership
from sopro_registry.family import Fact, Waiting
from sopro_registry.fields import format_day
from sopro_registry.label import Label, status_at

MAX_CERTIFICATE: Final = 4 * 1024 * 1024
MAX_DECISIONS: Final = 256


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
    keys: Proven,
    membership: Proven,
    coordinator_keys: Proven,
) -> bytes:
    """Write a certificate file."""
    return encode(
        {
            "coordinator_keys": list(coordinator_keys),
            "decisions": [list(one) for one in decisions],
            "keys": list(keys),
            "membership": list(membership),
            "number": number,
            "sopro_certificate": 1,
        }
    )


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
    trusted, logged = _open_keys(coordinator_keys, coordinator, coordinator_root)
    member = _open_membership(membership, coordinator, trusted, logged)
    if member.site != member.origin.split("/")[1]:
        raise VerificationError("certificate: membership of another site", code="mem.untrusted")
    site_trusted, site_logged = _open_keys(keys, member.origin, member.root)
    facts = [_open_decision(one, member, site_trusted, site_logged, number) for one in decisions]
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


def _parse(data: bytes) -> tuple[str, list[Proven], Proven, Proven, Proven]:
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
        _proven(value.get("keys")),
        _proven(value.get("membership")),
        _proven(value.get("coordinator_keys")),
    )


def _proven(value: object) -> Proven:
    match value:
        case [bytes(entry), bytes(proof)]:
            return Proven(entry, proof)
    raise FormatError("certificate: expected [entry, proof]", code="cert.form")


def _open_keys(
    proven: Proven, origin: str, root: bytes
) -> tuple[dict[bytes, tuple[str, bytes]], list[bytes]]:
    """Return the keys that entry 0 names, by id with their role, and those that sign heads."""
    entry = parse_entry(proven.entry)
    check_signatures(entry, {key_id(root): root})
    record, body = read_record(entry.record, READERS)
    if record.log != origin or not isinstance(body, site_keys.Body) or body.root != root:
        raise VerificationError(f"certificate: not the keys of {origin}", code="mem.untrusted")
    log_keys = [key.public for key in body.keys if key.role == "log"]
    head = open_proof(
        proven.proof,
        entry=proven.entry,
        origin=origin,
        keys=[make_vkey(origin, public) for public in log_keys],
    )
    if parse_proof(proven.proof).index != 0:
        raise VerificationError(f"certificate: {head.origin}: not entry 0", code="proof.invalid")
    return {key_id(key.public): (key.role, key.public) for key in body.keys}, log_keys


def _open_entry(
    proven: Proven,
    origin: str,
    trusted: dict[bytes, tuple[str, bytes]],
    log_keys: list[bytes],
    role: Role,
) -> tuple[ReadRecord, SignedCheckpoint]:
    entry = parse_entry(proven.entry)
    check_signatures(
        entry,
        {known: public for known, (held, public) in trusted.items() if held == role.value},
    )
    read = read_record(entry.record, READERS)
    if read.record.log != origin:
        raise VerificationError(
            f"certificate: a record of {read.record.log[:80]!r}", code="hos.replay"
        )
    vkeys = [make_vkey(origin, public) for public in log_keys]
    return read, open_proof(proven.proof, entry=proven.entry, origin=origin, keys=vkeys)


def _open_membership(
    proven: Proven,
    origin: str,
    trusted: dict[bytes, tuple[str, bytes]],
    log_keys: list[bytes],
) -> site_membership.Body:
    (_, body), _ = _open_entry(proven, origin, trusted, log_keys, Role.REGISTRAR)
    if not isinstance(body, site_membership.Body):
        raise VerificationError("certificate: not a membership record", code="mem.untrusted")
    return body


def _open_decision(
    proven: Proven,
    member: site_membership.Body,
    trusted: dict[bytes, tuple[str, bytes]],
    log_keys: list[bytes],
    number: str,
) -> tuple[Fact[label_decision.Body], int]:
    """Return a decision with its place, and the size of the checkpoint it is proven under."""
    (record, body), head = _open_entry(proven, member.origin, trusted, log_keys, Role.DECISION)
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
    states_status = False

    def __init__(self, fact: Fact[label_decision.Body], member: site_membership.Body) -> None:
        self.origin = member.origin
        self.site = member.site
        self.index = fact.index
        stated = fact.body.status_index
        self.grants = stated if isinstance(stated, int) else 0
        self._member = member

    def status_root(self) -> None:
        """Say nothing: no decision asks for it."""
        return

    def exists_named(self, _family: str, _name: str) -> bool:
        """Say that the number was free; another label with it is another certificate."""
        return False

    def exists(self, _family: str, _entity: bytes) -> bool:
        """Say that the offering exists."""
        return True

    def membership(self) -> site_membership.Body:
        """Return the membership in the certificate."""
        return self._member

    def scheme(self, _name: str) -> _AnyScheme:
        """Return a scheme that allowed it."""
        return _AnyScheme()

    def coordinator_root(self, size: int) -> bytes:
        """Raise, because no decision asks for it."""
        raise Waiting(size)
