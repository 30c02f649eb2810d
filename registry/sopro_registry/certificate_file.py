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
    before                   the certificate file of the label in the log it was taken over from

The first six are always there, the others where the node that makes the file has them; a reader
passes over keys it does not know.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.encoding import TEXT_PATTERN, Canonical, decode, encode_struct
from sopro_protocol.errors import FormatError
from sopro_protocol.merkle import MAX_PROOF
from sopro_registry.fields import Bytes32, Count

MAX_CERTIFICATE: Final = 4 * 1024 * 1024
MAX_DECISIONS: Final = 256
MAX_KEY_RECORDS: Final = 256
MAX_RECORDS: Final = 16
MAX_DOCUMENTS: Final = 64


class Proven(NamedTuple):
    """An entry and the tlog-proof of its place."""

    entry: bytes
    proof: bytes


class StatusPath(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A leaf of the status tree, its index, and its siblings upwards."""

    leaf: bytes
    index: Count
    hashes: Annotated[tuple[Bytes32, ...], Meta(max_length=MAX_PROOF)]


class Disclosed(NamedTuple):
    """A document of an entry in the file: the entry's position, which one, key and content."""

    position: Count
    number: Count
    key: bytes
    content: bytes


KeyRecords: TypeAlias = Annotated[tuple[Proven, ...], Meta(max_length=MAX_KEY_RECORDS)]


class _File(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The file as its map; the module describes the keys."""

    before: Annotated[bytes, Meta(min_length=1)] | UnsetType = UNSET
    coordinator_key_history: KeyRecords = ()
    coordinator_keys: Proven
    decisions: Annotated[tuple[Proven, ...], Meta(min_length=1, max_length=MAX_DECISIONS)]
    documents: Annotated[tuple[Disclosed, ...], Meta(max_length=MAX_DOCUMENTS)] = ()
    key_history: KeyRecords = ()
    keys: Proven
    membership: Proven
    number: Annotated[str, Meta(pattern=TEXT_PATTERN, max_length=128)]
    records: Annotated[tuple[Proven, ...], Meta(max_length=MAX_RECORDS)] = ()
    sopro_certificate: Literal[1]
    state: Proven | UnsetType = UNSET
    status: StatusPath | UnsetType = UNSET


_FILE: Final = Canonical(_File)


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
    before: bytes = b""


def format_certificate(certificate: Certificate) -> bytes:
    """Write a certificate file (SPEC CERT-1, CERT-5)."""
    return encode_struct(
        _File(
            before=certificate.before or UNSET,
            coordinator_key_history=tuple(certificate.coordinator_key_history),
            coordinator_keys=certificate.coordinator_keys,
            decisions=tuple(certificate.decisions),
            documents=tuple(certificate.documents),
            key_history=tuple(certificate.key_history),
            keys=certificate.keys,
            membership=certificate.membership,
            number=certificate.number,
            records=tuple(certificate.records),
            sopro_certificate=1,
            state=certificate.state or UNSET,
            status=certificate.status or UNSET,
        )
    )


def parse_certificate(data: bytes) -> Certificate:
    """Take a certificate file apart (SPEC CERT-1, CERT-5).

    Raises:
        FormatError: `enc.*` where it is not canonical, `cert.form` where it is none.
    """
    file = _FILE.read(data) if len(data) <= MAX_CERTIFICATE else None
    if file is None:
        file = _read_slowly(data)
    if file.status is not UNSET and file.state is UNSET:
        raise FormatError(
            "certificate: a status without the state whose root it leads to", code="cert.form"
        )
    return Certificate(
        file.number,
        file.decisions,
        file.keys,
        file.membership,
        file.coordinator_keys,
        file.key_history,
        file.coordinator_key_history,
        None if file.state is UNSET else file.state,
        None if file.status is UNSET else file.status,
        file.records,
        file.documents,
        b"" if file.before is UNSET else file.before,
    )


def _read_slowly(data: bytes) -> _File:
    """Read a file that has keys this version does not know, or say what is wrong with it."""
    value = decode(data, limit=MAX_CERTIFICATE)
    try:
        return _FILE.convert(value)
    except msgspec.ValidationError as error:
        raise FormatError(f"certificate: {error}", code="cert.form") from None
