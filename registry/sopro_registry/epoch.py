"""The entry with which a site continues a log that has lost entries (SPEC EPOCH).

It stands in the membership record that names the new log, so that whoever judges the coordinator's
log needs no other log for it, and everybody agrees.
"""

import msgspec

from sopro_protocol.encoding import decode
from sopro_protocol.errors import RefusedError, SoproError
from sopro_protocol.keys import key_id
from sopro_protocol.record import check_signatures, parse_entry, read_record
from sopro_registry.fields import End, epoch_of, origin_after

_FAMILY = "site_keys/1"


def open_epoch(data: bytes, *, origin: str, root: bytes) -> End:
    """Return where the log before ends, by entry 0 of the log that continues it (SPEC EPOCH-2).

    Args:
        data: that entry.
        origin: of the log it begins.
        root: public key of the site's root, which has to have signed it.

    Raises:
        RefusedError: `mem.epoch`, it is none.
    """
    try:
        end = _read(data, origin, root)
    except RefusedError:
        raise
    except (SoproError, msgspec.ValidationError) as error:
        raise _refusal(str(error)) from None
    if not epoch_of(end.origin) or not epoch_of(origin) or origin_after(end.origin) != origin:
        raise _refusal(f"{origin} is not the epoch after {end.origin[:80]!r}")
    return end


def _read(data: bytes, origin: str, root: bytes) -> End:
    entry = parse_entry(data)
    record, _ = read_record(entry.record, {})
    body = decode(bytes(record.body))
    fields = body if isinstance(body, dict) else {}
    if record.family != _FAMILY or record.log != origin or fields.get("root") != root:
        raise _refusal(f"expected the keys of {origin}, with the root key of its site")
    check_signatures(entry, {key_id(root): root})
    return msgspec.convert(fields.get("continues"), End)


def _refusal(what: str) -> RefusedError:
    return RefusedError(f"site_membership: epoch: {what}", code="mem.epoch")
