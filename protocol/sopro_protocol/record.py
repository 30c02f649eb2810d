r"""Records and entries: what an officer states, and what the log holds.

A record is one canonical map of at most 32 KiB (SPEC section REC):

    body    map, its form depends on the family
    crit    names of body fields a reader must understand; absent when there are none
    docs    commitments to documents outside the log; absent when there are none
    entity  16 random bytes: whom the record is about, within the site
    family  name and major version, for example `label_decision/1`
    log     origin of the log the record belongs to
    prev    entry id of the last entry on that entity (REC-6); absent on the first
    salt    16 random bytes
    time    claimed, milliseconds UTC
    v       1

An entry is canonical `[record bytes, [[key id, signature], ...]]` of at most 65,535 bytes with 1 to
8 signatures, sorted by key id. What is signed is `sopro-record/1\n` followed by the record bytes.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.encoding import (
    MAX_ENTRY,
    MAX_INTEGER,
    MAX_RECORD,
    TEXT_PATTERN,
    Canonical,
    Value,
    decode,
    encode,
    encode_struct,
)
from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.keys import Signer, verify_ed25519

RECORD_CONTEXT: Final = b"sopro-record/1\n"
MAX_SIGNATURES: Final = 8
MAX_DOCUMENTS: Final = 16
MAX_DOCUMENT_SIZE: Final = 25 * 1024 * 1024

ORIGIN_PATTERN: Final = r"^[\x21-\x2a\x2c-\x7e]{1,255}\Z"
FAMILY_PATTERN: Final = r"^[a-z][a-z0-9_.-]{0,62}/[1-9][0-9]{0,2}\Z"
SITE_PATTERN: Final = r"^[a-z][a-z0-9-]{0,31}\Z"

Bytes16: TypeAlias = Annotated[bytes, Meta(min_length=16, max_length=16)]
Bytes32: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
Bytes64: TypeAlias = Annotated[bytes, Meta(min_length=64, max_length=64)]
Integer: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
ShortText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128, pattern=TEXT_PATTERN)]
SiteCode: TypeAlias = Annotated[str, Meta(pattern=SITE_PATTERN)]
Origin: TypeAlias = Annotated[str, Meta(pattern=ORIGIN_PATTERN)]
Visibility: TypeAlias = Literal["public", "members", "parties", "site"]


class Commitment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record's promise about one document outside the log (SPEC DOC-1).

    Attributes:
        commitment: HMAC-SHA256 of the content, 32 bytes.
        name: what the document is in its record, for example `organisation`.
        parties: site codes that may read it; only with visibility `parties`.
        size: of the content, in bytes.
        type: media type.
        visibility: who may read it.
    """

    commitment: Bytes32
    name: ShortText
    parties: Annotated[list[SiteCode], Meta(min_length=1, max_length=32)] | UnsetType = UNSET
    size: Annotated[int, Meta(ge=0, le=MAX_DOCUMENT_SIZE)]
    type: ShortText
    visibility: Visibility


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A record as its map; the module describes the fields (SPEC REC-1)."""

    body: msgspec.Raw
    crit: Annotated[list[ShortText], Meta(min_length=1, max_length=16)] | UnsetType = UNSET
    docs: Annotated[list[Commitment], Meta(min_length=1, max_length=MAX_DOCUMENTS)] | UnsetType = (
        UNSET
    )
    entity: Bytes16
    family: Annotated[str, Meta(pattern=FAMILY_PATTERN)]
    log: Origin
    prev: Bytes32 | UnsetType = UNSET
    salt: Bytes16
    time: Integer
    v: Literal[1]

    @property
    def documents(self) -> Sequence[Commitment]:
        """The commitments, none where the field is absent."""
        return () if self.docs is UNSET else self.docs


class Signature(NamedTuple):
    """One signature on a record and the full id (32 bytes) of its key."""

    key_id: Bytes32
    signature: Bytes64


class Entry(NamedTuple):
    """A log entry taken apart: the record's bytes and its signatures, nothing verified."""

    record: bytes
    signatures: Annotated[tuple[Signature, ...], Meta(min_length=1, max_length=MAX_SIGNATURES)]


class ReadRecord(NamedTuple):
    """A record and its body: typed where its family is known and its fields fit.

    `body` is a struct of the family's type, the FormatError that says why it is not one, or None
    for a family that is not known.
    """

    record: Record
    body: Struct | FormatError | None


_RECORD: Final = Canonical(Record)
_ENTRY: Final = msgspec.msgpack.Decoder(Entry)
_ENTRY_ENCODER: Final = msgspec.msgpack.Encoder()


def format_record(
    record: Record, bodies: Mapping[str, Canonical[Struct]] = MappingProxyType({})
) -> bytes:
    """Encode a record (SPEC REC-1); its body is already canonical.

    Args:
        record: the record.
        bodies: as for `read_record`; without its family's reader the check is the slow one.

    Raises:
        FormatError: `enc.limit` when it exceeds 32 KiB; `rec.form` or `enc.*` when a field does
            not follow its form.
    """
    data = encode_struct(record)
    read_record(data, bodies)
    return data


def read_record(data: bytes, bodies: Mapping[str, Canonical[Struct]]) -> ReadRecord:
    """Read a record strictly (SPEC ENC, REC-1) and its body by its family's type.

    Args:
        data: the record's bytes.
        bodies: the reader of each known family's body, by family name with major.

    Raises:
        FormatError: `enc.*` where the bytes are not canonical, `rec.form` where the envelope
            lacks a field or one does not fit. A body that does not fit its family is returned,
            not raised: the record still is the last one on its entity.
    """
    record = _RECORD.read(data) if len(data) <= MAX_RECORD else None
    if record is not None:
        reader = bodies.get(record.family)
        body = reader.read(record.body) if reader is not None else None
        if body is not None:
            return ReadRecord(record, body)
    return _read_slowly(data, bodies)


def _read_slowly(data: bytes, bodies: Mapping[str, Canonical[Struct]]) -> ReadRecord:
    value = decode(data, limit=MAX_RECORD)
    if not isinstance(value, dict) or not isinstance(value.get("body"), dict):
        raise FormatError("record: expected a map with a map 'body'", code="rec.form")
    body_value = value["body"]
    try:
        record = _RECORD.convert(value | {"body": msgspec.Raw(encode(body_value))})
    except msgspec.ValidationError as error:
        raise FormatError(f"record: {error}", code="rec.form") from None
    reader = bodies.get(record.family)
    if reader is None:
        return ReadRecord(record, None)
    return ReadRecord(record, _convert_body(record.family, body_value, reader))


def _convert_body(family: str, value: Value, reader: Canonical[Struct]) -> Struct | FormatError:
    """Type a body that has fields this version does not know, or say what does not fit."""
    try:
        return reader.convert(value)
    except msgspec.ValidationError as error:
        return FormatError(f"{family}: {error}", code="rec.body")


def format_entry(record: bytes, signatures: Sequence[Signature]) -> bytes:
    """Encode an entry, its signatures sorted by key id (SPEC REC-2, REC-3).

    Raises:
        FormatError: `sig.missing` for none, too many or two by one key; `enc.limit` above 65,535
            bytes.
    """
    data = _ENTRY_ENCODER.encode((record, sorted(signatures)))
    parse_entry(data)
    return data


def parse_entry(data: bytes) -> Entry:
    """Take an entry apart (SPEC REC-2, REC-3); nothing is verified.

    Raises:
        FormatError: `enc.*` where the bytes are not canonical, `rec.entry` where they are not an
            entry, `sig.missing` where the signatures are none, too many, unsorted, repeated or
            of the wrong size.
    """
    if len(data) > MAX_ENTRY:
        raise FormatError(
            f"entry: {len(data)} bytes, at most {MAX_ENTRY} are allowed", code="enc.limit"
        )
    try:
        entry = _ENTRY.decode(data)
    except msgspec.MsgspecError:
        return _parse_entry_slowly(data)
    is_canonical = _ENTRY_ENCODER.encode(entry) == data
    return entry if is_canonical and _are_sorted(entry) else _parse_entry_slowly(data)


def _are_sorted(entry: Entry) -> bool:
    signatures = entry.signatures
    return len(signatures) == 1 or all(
        one.key_id < other.key_id for one, other in pairwise(signatures)
    )


def _parse_entry_slowly(data: bytes) -> Entry:
    match decode(data, limit=MAX_ENTRY):
        case [bytes(), list() as pairs]:
            pass
        case _:
            raise FormatError("entry: expected [record bytes, signatures]", code="rec.entry")
    if not 1 <= len(pairs) <= MAX_SIGNATURES:
        raise FormatError(
            f"entry: {len(pairs)} signatures, expected 1 to {MAX_SIGNATURES}", code="sig.missing"
        )
    for pair in pairs:
        match pair:
            case [bytes(key_id), bytes(signature)] if len(key_id) == 32 and len(signature) == 64:
                continue
        raise FormatError(
            "entry: a signature is not [key id of 32 bytes, 64 bytes]", code="sig.missing"
        )
    raise FormatError(
        "entry: signatures are not sorted by key id, or one key signed twice", code="sig.missing"
    )


def sign_record(record: bytes, signers: Sequence[Signer]) -> bytes:
    """Sign a record's bytes into an entry (SPEC REC-3, REC-4).

    Raises:
        FormatError: as `format_entry`.
    """
    message = RECORD_CONTEXT + record
    return format_entry(record, [Signature(one.key_id, one.sign(message)) for one in signers])


def check_signatures(entry: Entry, keys: Mapping[bytes, bytes]) -> None:
    """Check every signature of an entry with the public keys at hand (SPEC REC-4).

    Args:
        entry: an entry.
        keys: public key by key id; the id binds the key, so which one is meant is no question.

    Raises:
        VerificationError: `sig.unknown-key` for a key id that is not in `keys`, `sig.invalid`
            for a signature that does not verify.
    """
    message = RECORD_CONTEXT + entry.record
    for key_id, signature in entry.signatures:
        public_key = keys.get(key_id)
        if public_key is None:
            raise VerificationError(
                f"entry: signed with an unknown key {key_id.hex()[:16]}", code="sig.unknown-key"
            )
        verify_ed25519(public_key, message=message, signature=signature)
