"""The record that is said to withhold an entry, read before the log is judged up to it.

Whoever has never seen an entry is told its leaf hash and the position of the record that withholds
it. That record says what holds instead, which judging needs to know; whether it counts is judged
at its own position (SPEC WITHHOLD-9).
"""

from collections.abc import Mapping

from sopro_protocol.errors import RefusedError, SoproError, VerificationError
from sopro_protocol.record import check_signatures, parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.families import withhold
from sopro_registry.family import Withholding


def open_withholding(
    data: bytes,
    *,
    origin: str,
    index: int,
    leaf: bytes,
    record: int,
    roots: Mapping[bytes, bytes] | None = None,
) -> Withholding:
    """Read the record that is said to withhold an entry of a log.

    Args:
        data: the entry at the position that was named.
        origin: of the log.
        index: position of the withheld entry.
        leaf: its leaf hash.
        record: the position that was named.
        roots: the site's root keys by key id; None where judging will show whose it is.

    Raises:
        VerificationError: `wdh.gap`, it is no such record under a root key of the site.
    """
    where = f"{origin}: entry {index} is withheld without a record: entry {record}"
    try:
        entry = parse_entry(data)
        envelope, body = read_record(entry.record, READERS)
        if roots is not None:
            check_signatures(entry, roots)
        if not isinstance(body, withhold.Body) or envelope.log != origin:
            raise RefusedError("is no withhold record of this log")
        if (body.index, body.leaf) != (index, leaf) or not index < record:
            raise RefusedError(f"withholds entry {body.index} with another leaf hash or place")
        found = withhold.withholding_of(body, record=record)
        if found.instead and withhold.read_instead(found.instead).log != origin:
            raise RefusedError("holds a record of another log")
    except SoproError as error:
        raise VerificationError(f"{where}: {error}", code="wdh.gap") from None
    return found
