"""The form of certificate files: bytes in, parts out, nothing verified (SPEC section CERT).

    sopro_certificate        1
    number                   of the label
    decisions                [[entry, tlog-proof], ...] in the order of the site's log
    keys                     [entry, tlog-proof] of entry 0 of the site's log
    membership               [entry, tlog-proof] of the site's membership, in the coordinator's log
    coordinator_keys         [entry, tlog-proof] of entry 0 of the coordinator's log
    key_history              [[entry, tlog-proof], ...], later key records of the site
    coordinator_key_history  the same of the coordinator
    state                    [entry, tlog-proof] of the log_state that ends the site's log
    status                   [leaf, index, [hash, ...]], the label's place in the status tree
    records                  [[entry, tlog-proof], ...], the offering and its organisation
    documents                [[position, number, key, content], ...], public ones of these entries

The first six are always there, the others where the node that makes the file has them; a reader
passes over keys it does not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sopro_protocol.encoding import Value, decode, encode
from sopro_protocol.errors import FormatError
from sopro_protocol.merkle import HASH_SIZE, MAX_PROOF

MAX_CERTIFICATE: Final = 4 * 1024 * 1024
MAX_DECISIONS: Final = 256
MAX_KEY_RECORDS: Final = 256
MAX_RECORDS: Final = 16
MAX_DOCUMENTS: Final = 64


class Proven(NamedTuple):
    """An entry and the tlog-proof of its place."""

    entry: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class StatusPath:
    """A leaf of the status tree, its index, and its siblings upwards."""

    leaf: bytes
    index: int
    hashes: tuple[bytes, ...]


class Disclosed(NamedTuple):
    """A document of an entry in the file: the entry's position, which one, key and content."""

    position: int
    number: int
    key: bytes
    content: bytes


class Certificate(NamedTuple):
    """The parts of a certificate file; the module says what each is."""

    number: str
    decisions: Sequence[Proven]
    keys: Proven
    membership: Proven
    coordinator_keys: Proven
    key_history: Sequence[Proven] = ()
    coordinator_key_history: Sequence[Proven] = ()
    state: Proven | None = None
    status: StatusPath | None = None
    records: Sequence[Proven] = ()
    documents: Sequence[Disclosed] = ()


def format_certificate(certificate: Certificate) -> bytes:
    """Write a certificate file (SPEC CERT-1, CERT-5)."""
    value: dict[str, Value] = {
        "coordinator_keys": list(certificate.coordinator_keys),
        "decisions": [list(one) for one in certificate.decisions],
        "keys": list(certificate.keys),
        "membership": list(certificate.membership),
        "number": certificate.number,
        "sopro_certificate": 1,
    }
    for name in ("key_history", "coordinator_key_history", "records", "documents"):
        if parts := getattr(certificate, name):
            value[name] = [list(one) for one in parts]
    if certificate.state is not None:
        value["state"] = list(certificate.state)
    if certificate.status is not None:
        status = certificate.status
        value["status"] = [status.leaf, status.index, list(status.hashes)]
    return encode(dict(sorted(value.items())))


def parse_certificate(data: bytes) -> Certificate:
    """Take a certificate file apart (SPEC CERT-1, CERT-5).

    Raises:
        FormatError: `enc.*` where it is not canonical, `cert.form` where it is none.
    """
    value = decode(data, limit=MAX_CERTIFICATE)
    if not isinstance(value, dict) or value.get("sopro_certificate") != 1:
        raise _malformed("not a certificate file of this version")
    number = value.get("number")
    if not isinstance(number, str):
        raise _malformed("expected a number and decisions")
    decisions = _list(value, "decisions", most=MAX_DECISIONS)
    if not decisions:
        raise _malformed("expected 1 to 256 decisions, got none")
    certificate = Certificate(
        number,
        [_proven(one) for one in decisions],
        _proven(value.get("keys")),
        _proven(value.get("membership")),
        _proven(value.get("coordinator_keys")),
        [_proven(one) for one in _list(value, "key_history", most=MAX_KEY_RECORDS)],
        [_proven(one) for one in _list(value, "coordinator_key_history", most=MAX_KEY_RECORDS)],
        _proven(value["state"]) if "state" in value else None,
        _status(value["status"]) if "status" in value else None,
        [_proven(one) for one in _list(value, "records", most=MAX_RECORDS)],
        [_disclosed(one) for one in _list(value, "documents", most=MAX_DOCUMENTS)],
    )
    if certificate.status is not None and certificate.state is None:
        raise _malformed("a status without the state whose root it leads to")
    return certificate


def _list(value: dict[str, Value], name: str, *, most: int) -> Sequence[Value]:
    found = value.get(name, [])
    if not isinstance(found, list) or len(found) > most:
        raise _malformed(f"expected at most {most} of {name!r}")
    return found


def _proven(value: object) -> Proven:
    match value:
        case [bytes(entry), bytes(proof)]:
            return Proven(entry, proof)
    raise _malformed("expected [entry, proof]")


def _status(value: object) -> StatusPath:
    match value:
        case [bytes(leaf), int(index), list(hashes)] if len(hashes) <= MAX_PROOF:
            path = [one for one in hashes if isinstance(one, bytes) and len(one) == HASH_SIZE]
            if len(path) == len(hashes) and not isinstance(index, bool):
                return StatusPath(leaf, index, tuple(path))
    raise _malformed("expected [leaf, index, hashes] in 'status'")


def _disclosed(value: object) -> Disclosed:
    match value:
        case [int(position), int(number), bytes(key), bytes(content)]:
            if position >= 0 and number >= 0:
                return Disclosed(position, number, key, content)
    raise _malformed("expected [position, number, key, content] in 'documents'")


def _malformed(what: str) -> FormatError:
    return FormatError(f"certificate: {what}", code="cert.form")
