"""Proof that one root key of a site follows another: the site's own key records (SPEC MEM-4).

It stands in the membership record, so that whoever judges the coordinator's log needs no other log
for it, and everybody agrees.
"""

import hashlib
from collections.abc import Sequence

from sopro_protocol.encoding import decode
from sopro_protocol.errors import RefusedError, SoproError
from sopro_protocol.keys import key_id
from sopro_protocol.record import check_signatures, parse_entry, read_record

_FAMILY = "site_keys/1"


def check_succession(
    entries: Sequence[bytes], *, origin: str, root: bytes, successor: bytes
) -> None:
    """Check that key records lead from one root key to another (SPEC MEM-4).

    The first is signed by `root`; each later one by the key of the one before, or by the one that
    the record before has committed to; the last by `successor`.

    Raises:
        RefusedError: `mem.key`, they do not.
    """
    current, committed = root, b""
    try:
        for data in entries:
            named, next_root = _read(data, origin)
            if named != current and hashlib.sha256(named).digest() != committed:
                raise _refusal("a key record is signed neither by the root key nor its successor")
            current, committed = named, next_root
    except RefusedError:
        raise
    except SoproError as error:
        raise _refusal(str(error)) from None
    if current != successor:
        raise _refusal("its key records lead to another root key than the one it names")


def _read(data: bytes, origin: str) -> tuple[bytes, bytes]:
    """Return the root key that a key record names and is signed by, and its commitment."""
    entry = parse_entry(data)
    record, _ = read_record(entry.record, {})
    body = decode(bytes(record.body))
    fields = body if isinstance(body, dict) else {}
    named, next_root = fields.get("root"), fields.get("next_root")
    if record.family != _FAMILY or record.log != origin:
        raise _refusal(f"expected key records of {origin}")
    if not (isinstance(named, bytes) and isinstance(next_root, bytes)):
        raise _refusal("a key record names no root key")
    check_signatures(entry, {key_id(named): named})
    return named, next_root


def _refusal(what: str) -> RefusedError:
    return RefusedError(f"site_membership: succession: {what}", code="mem.key")
