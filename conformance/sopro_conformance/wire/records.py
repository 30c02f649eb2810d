"""Records, entries and documents (SPEC sections REC and DOC)."""

import hashlib
import hmac
import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sopro_conformance.wire.codec import Value, encode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.tree import leaf_hash

CONTEXT = b"sopro-record/1\n"
DOCUMENT_CONTEXT = b"sopro-document/1\n"


class Draft(NamedTuple):
    """The fields of a record, before they are bytes."""

    log: str
    family: str
    body: Mapping[str, Value]
    entity: bytes
    salt: bytes
    time: int
    prev: bytes | None = None
    docs: Sequence[Mapping[str, Value]] = ()
    crit: Sequence[str] = ()
    more: Mapping[str, Value] = {}

    def fields(self) -> dict[str, Value]:
        """Return the map that is encoded (REC-1)."""
        fields: dict[str, Value] = {
            "body": self.body,
            "entity": self.entity,
            "family": self.family,
            "log": self.log,
            "salt": self.salt,
            "time": self.time,
            "v": 1,
        }
        optional: dict[str, Value | None] = {
            "prev": self.prev,
            "docs": list(self.docs) or None,
            "crit": list(self.crit) or None,
        }
        fields |= {name: value for name, value in optional.items() if value is not None}
        return fields | dict(self.more)

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return encode(self.fields())


def write_entry(record: bytes, signers: Sequence[SigningKey], context: bytes = CONTEXT) -> bytes:
    """Sign a record's bytes into an entry (REC-2 to REC-4)."""
    signatures = sorted((one.key_id, one.sign(context + record)) for one in signers)
    return encode([record, [list(pair) for pair in signatures]])


def entry_id(entry: bytes) -> bytes:
    """Return the id of an entry (REC-5)."""
    return leaf_hash(entry)


def commit(key: bytes, content: bytes) -> bytes:
    """Return the commitment to a document (DOC-2)."""
    return hmac.new(key, DOCUMENT_CONTEXT + content, hashlib.sha256).digest()


def random_draft(source: random.Random, log: str, family: str, body: Mapping[str, Value]) -> Draft:
    """Return a record on a new entity."""
    time = 1_790_000_000_000 + source.randrange(10**10)
    return Draft(log, family, body, source.randbytes(16), source.randbytes(16), time)
