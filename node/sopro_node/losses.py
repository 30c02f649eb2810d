"""What a recovery could not bring back: documents that no mirror had, and what no log holds."""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from sopro_node import clock
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader, Store
from sopro_protocol.bundle import Withheld
from sopro_protocol.errors import SoproError
from sopro_protocol.record import Commitment, parse_entry, read_record
from sopro_protocol.tile import WIDTH
from sopro_registry.catalogue import READERS

_SETTING: Final = "recovery"
_MOST_NAMED: Final = 1000


class LostDocument(Struct, frozen=True):
    """A document a record commits to and this node does not have.

    Attributes:
        position: of the entry.
        number: of the commitment in its record.
        name: what it is in its record.
        visibility: who might read it.
    """

    position: int
    number: int
    name: str
    visibility: str


class Lost(Struct, frozen=True):
    """Documents that are not here.

    Attributes:
        counts: how many there are, by visibility.
        named: the first thousand of them.
    """

    counts: dict[str, int]
    named: list[LostDocument]


class Recovery(Struct, frozen=True):
    """What the last recovery fetched from mirrors, and what they did not have.

    Attributes:
        time: at which it ended.
        start: size of the own log before it.
        end: size of the own log after it.
        lost: documents of these entries that are not here.
    """

    time: str
    start: int
    end: int
    lost: Lost


def find_lost(store: Reader, held: HeldLog, *, start: int) -> Lost:
    """Compare what the records from a position on commit to with the documents that are here.

    What was erased is not lost: nobody shall file it again.
    """
    gone = store.documents.erased_places(held.number)
    counts: dict[str, int] = {}
    named: list[LostDocument] = []
    for position, commitment, number in _commitments(store, held, start):
        is_erased = (position, number) in gone
        if is_erased or store.documents.get(held.number, position, number) is not None:
            continue
        counts[commitment.visibility] = counts.get(commitment.visibility, 0) + 1
        if len(named) < _MOST_NAMED:
            named.append(LostDocument(position, number, commitment.name, commitment.visibility))
    return Lost(counts, named)


def _commitments(store: Reader, held: HeldLog, start: int) -> Iterator[tuple[int, Commitment, int]]:
    """Go through the commitments of a log: position, commitment, its number in the record."""
    for bundle in range(start // WIDTH, -(-held.size // WIDTH)):
        is_last = bundle == held.tree.edge.full
        entries = (
            held.tree.edge.entries if is_last else Holdings.read_bundle(store, held.number, bundle)
        )
        for position, entry in enumerate(entries, bundle * WIDTH):
            if position < start or isinstance(entry, Withheld):
                continue
            try:
                record, _ = read_record(parse_entry(entry).record, READERS)
            except SoproError:  # a void entry commits to nothing
                continue
            for number, commitment in enumerate(record.documents):
                yield position, commitment, number


def note_recovery(store: Store, held: HeldLog, *, start: int, end: int) -> Recovery:
    """Keep and return the report of a recovery that ends now, inside the caller's transaction.

    Args:
        store: the database.
        held: the own log.
        start: its size before.
        end: its size with what was fetched.
    """
    lost = find_lost(store, held, start=start)
    recovery = Recovery(clock.format_time(clock.now()), start, end, lost)
    store.put_setting(_SETTING, msgspec.msgpack.encode(recovery))
    return recovery


def load_recovery(store: Reader) -> Recovery | None:
    """Return the report of the last recovery."""
    data = store.setting(_SETTING)
    return msgspec.msgpack.decode(data, type=Recovery) if data else None
