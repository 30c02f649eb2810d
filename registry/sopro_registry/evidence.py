"""Opening evidence of two histories with nothing but the federation's root of trust (SPEC EVID).

The file ties itself to the federation: the coordinator's keys by its root, the membership by a
registrar key of the coordinator and its place in that log, the site's keys by the root key that the
membership names, the two heads by the site's log keys. Key records verify by the root's signature,
before any head does.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import UNSET, Struct

from sopro_protocol.checkpoint import SignedCheckpoint
from sopro_protocol.errors import RefusedError, VerificationError
from sopro_protocol.evidence import Evidence, check_fork, evidence_id, parse_evidence
from sopro_protocol.keys import Role, VerifierKey, key_id, make_vkey
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.proof import open_proof
from sopro_protocol.record import Record, check_signatures, parse_entry, read_record
from sopro_registry.appointment import check_appointment
from sopro_registry.catalogue import READERS
from sopro_registry.families import site_keys, site_membership


class OpenedEvidence(Struct, frozen=True):
    """Evidence that holds; only `open_evidence` makes one.

    Attributes:
        id: of the evidence, the same for every file on these two heads.
        origin: of the log.
        site: its code.
        root: the site's root key, by which its keys were verified.
        size: at which the heads differ.
        heads: the two of them, the smaller first.
    """

    id: bytes
    origin: str
    site: str
    root: bytes
    size: int
    heads: tuple[SignedCheckpoint, ...]

    @property
    def sizes(self) -> tuple[int, int]:
        """The sizes of the two heads."""
        return self.heads[0].size, self.heads[1].size


def open_evidence(data: bytes, *, coordinator: str, coordinator_root: bytes) -> OpenedEvidence:
    """Verify an evidence file with an invite's content alone (SPEC EVID-5).

    Args:
        data: the file.
        coordinator: origin of the coordinator's log.
        coordinator_root: its root key.

    Raises:
        FormatError: it is not an evidence file.
        VerificationError: it proves nothing; the code says why.
    """
    evidence = parse_evidence(data)
    if evidence.membership is None:
        if evidence.fork.origin != coordinator:
            raise _untrusted(f"{evidence.fork.origin}: no membership ties it to the federation")
        return _open(evidence, coordinator_root, is_coordinator=True)
    return _open(evidence, _member_root(evidence, coordinator, coordinator_root))


def open_evidence_by_root(data: bytes, *, root: bytes) -> OpenedEvidence:
    """Verify an evidence file with the root key of the site it speaks about (SPEC EVID-5).

    Raises:
        FormatError: it is not an evidence file.
        VerificationError: it proves nothing; the code says why.
    """
    return _open(parse_evidence(data), root)


def _open(evidence: Evidence, root: bytes, *, is_coordinator: bool = False) -> OpenedEvidence:
    fork = evidence.fork
    keys = open_keys(evidence.keys, origin=fork.origin, root=root, is_coordinator=is_coordinator)
    heads = check_fork(fork, vkeys(keys, origin=fork.origin))
    site = fork.origin.split("/")[1] if fork.origin.count("/") == 2 else fork.origin
    return OpenedEvidence(
        evidence_id(fork.origin, heads), fork.origin, site, root, fork.size, heads
    )


def open_keys(
    entries: Sequence[bytes], *, origin: str, root: bytes, is_coordinator: bool = False
) -> list[site_keys.SiteKey]:
    """Return every key that a log's `site_keys` entries name, all vouched for by one root key.

    That key vouches for the entries before its first one by the chain of hashes, and for those
    behind it by its signature, by the successor it has committed to, and in the coordinator's log
    by members who have appointed one, as the entries before say (SPEC EVID-5, SUCC-5).

    Raises:
        FormatError: an entry is none.
        VerificationError: it is not vouched for, or names no keys of this log.
    """
    signers = [{one.key_id for one in parse_entry(data).signatures} for data in entries]
    trusted = next((at for at, ids in enumerate(signers) if key_id(root) in ids), None)
    if trusted is None:
        raise VerificationError(
            f"evidence: the keys of {origin} are signed by an unknown key, not by the trusted root",
            code="sig.unknown-key",
        )
    opened = [_open_keys(data, origin) for data in entries]
    if opened[trusted].body.root != root:
        raise _untrusted(f"not the keys of {origin}")
    named: dict[site_keys.SiteKey, None] = {}
    # Who was succeeded goes on in a history of its own, which is what evidence is about.
    roots = {root}
    for number, one in enumerate(opened):
        before = opened[number - 1] if number else None
        is_next = before is None or one.record.prev == leaf_hash(before.data)
        if number <= trusted:
            is_vouched_for = is_next
        elif one.body.root in roots:
            is_vouched_for = True
        elif before is not None and is_next and _is_committed(one, before):
            is_vouched_for = True
            roots = (roots - {before.body.root}) | {one.body.root}
        else:
            is_vouched_for = is_coordinator and _is_appointed(one, origin, named)
            roots = roots | {one.body.root}
        if not is_vouched_for:
            raise VerificationError(
                f"evidence: the trusted root key does not vouch for all keys of {origin}",
                code="sig.unknown-key",
            )
        named |= dict.fromkeys(one.body.keys)
    return list(named)


class _Keys(NamedTuple):
    """A key record that the root key it names has signed."""

    data: bytes
    record: Record
    body: site_keys.Body


def _open_keys(data: bytes, origin: str) -> _Keys:
    entry = parse_entry(data)
    record, body = read_record(entry.record, READERS)
    if record.log != origin or not isinstance(body, site_keys.Body):
        raise _untrusted(f"not the keys of {origin}")
    check_signatures(entry, {key_id(body.root): body.root})
    return _Keys(data, record, body)


def _is_committed(one: _Keys, before: _Keys) -> bool:
    """Say whether the record before has committed to this root key as its successor."""
    return before.body.next_root == hashlib.sha256(one.body.root).digest()


def _is_appointed(one: _Keys, origin: str, named: Iterable[site_keys.SiteKey]) -> bool:
    """Say whether members have appointed this root key, where the entry shows that they have.

    The file has no positions of keys, so every key that was named before it may have signed.

    Raises:
        VerificationError: what it shows is not that.
    """
    if one.body.appointed is UNSET:
        return False
    publics = {
        role: [key.public for key in named if key.role == role.value]
        for role in (Role.LOG, Role.REGISTRAR)
    }
    try:
        check_appointment(
            one.body.appointed,
            origin=origin,
            successor=one.body.root,
            log_keys=lambda _: publics[Role.LOG],
            registrars=lambda _: publics[Role.REGISTRAR],
        )
    except RefusedError as error:
        raise _untrusted(str(error)) from None
    return True


def vkeys(keys: Iterable[site_keys.SiteKey], *, origin: str) -> list[VerifierKey]:
    """Return the keys that may sign the heads of a log."""
    return [make_vkey(origin, key.public) for key in keys if key.role == Role.LOG.value]


def _member_root(evidence: Evidence, coordinator: str, coordinator_root: bytes) -> bytes:
    """Return the root key that the coordinator's log names for the site (SPEC MEM)."""
    assert evidence.membership is not None, "asked for"  # noqa: S101  # a bug if not
    data, proof = evidence.membership
    keys = open_keys(
        evidence.coordinator_keys, origin=coordinator, root=coordinator_root, is_coordinator=True
    )
    entry = parse_entry(data)
    registrars = [key.public for key in keys if key.role == Role.REGISTRAR.value]
    check_signatures(entry, {key_id(public): public for public in registrars})
    record, body = read_record(entry.record, READERS)
    if record.log != coordinator or not isinstance(body, site_membership.Body):
        raise _untrusted("not a membership record of the coordinator's log")
    if body.origin != evidence.fork.origin:
        raise _untrusted(f"membership of {body.origin}, not of {evidence.fork.origin}")
    open_proof(proof, entry=data, origin=coordinator, keys=vkeys(keys, origin=coordinator))
    return body.root


def _untrusted(what: str) -> VerificationError:
    return VerificationError(f"evidence: {what}", code="mem.untrusted")
