"""Gaps in a log that others serve: entries without bytes, and the records that withhold them."""

from collections.abc import Iterable, Mapping

from sopro_node.peer import Peer
from sopro_protocol.bundle import MAX_BUNDLE, Item, Withheld, parse_bundle
from sopro_protocol.errors import VerificationError
from sopro_protocol.tile import WIDTH, bundle_path
from sopro_registry.family import Withholding
from sopro_registry.withholding import open_withholding


async def explain_gaps(
    gaps: Iterable[tuple[int, Item]],
    peer: Peer,
    *,
    origin: str,
    size: int,
    roots: Mapping[bytes, bytes] | None = None,
) -> list[Withholding]:
    """Fetch the records that are said to withhold entries (SPEC WITHHOLD-9).

    What they say is needed to judge the log; that they count is seen when it is judged up to
    them, and that they stand there at all when the entries lead to the signed root.

    Args:
        gaps: positions with what is there; entries among them are passed over.
        peer: serves the log.
        origin: of the log.
        size: of the head that is grown to.
        roots: root keys by key id, where the records' signatures are to be checked already.

    Raises:
        VerificationError: `wdh.gap`, an entry is withheld without such a record.
        FormatError, PeerError: a record is not served.
    """
    found = []
    bundle: tuple[int, list[Item]] = (-1, [])
    for index, item in gaps:
        if not isinstance(item, Withheld):
            continue
        number, place = divmod(item.record, WIDTH)
        if item.record >= size:
            raise VerificationError(
                f"{origin}: entry {index} is withheld without a record: entry {item.record} is not "
                f"under the head at size {size}",
                code="wdh.gap",
            )
        if number != bundle[0]:
            width = min(WIDTH, size - number * WIDTH)
            body = await peer.get(bundle_path(index=number, width=width), limit=MAX_BUNDLE)
            bundle = (number, parse_bundle(body, index=number, width=width).items)
        data = bundle[1][place]
        found.append(
            open_withholding(
                data if isinstance(data, bytes) else b"",
                origin=origin,
                index=index,
                leaf=item.leaf,
                record=item.record,
                roots=roots,
            )
        )
    return found
