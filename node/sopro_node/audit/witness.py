"""Auditing what this node cosigned last: its word to the other sites, which stands in no log."""

from collections.abc import Callable, Iterator, Sequence

from sopro_node.heldlog import OWN, decode_cursor
from sopro_node.store.base import Reader
from sopro_node.store.rows import WitnessRow
from sopro_protocol.checkpoint import open_checkpoint
from sopro_protocol.errors import SoproError
from sopro_protocol.keys import COSIGNATURE, Role, make_vkey
from sopro_protocol.note import parse_note
from sopro_protocol.policy import PolicyWitness, find_cosignatures
from sopro_protocol.witness import witness_name
from sopro_registry.family import KeySpan


def find_witness_problems(
    store: Reader,
    origin: str,
    keys: Sequence[KeySpan],
    *,
    size: int,
    root_at: Callable[[int], bytes],
) -> Iterator[str]:
    """Hold the head of a log that was cosigned last to its signatures and to the entries held.

    Args:
        store: of this node.
        origin: of the log.
        keys: every key of its site.
        size: of the log as it is held.
        root_at: its root at any size up to that.
    """
    for row in store.others.witness_heads():
        if row.origin == origin:
            yield from _check_row(row, keys, _own_witness(store))
            if row.size <= size and root_at(row.size) != row.root:
                yield (
                    f"cosigned head: the {row.size} entries held lead to another root; this node "
                    "has cosigned another history than it mirrors"
                )


def _own_witness(store: Reader) -> list[PolicyWitness]:
    """Return every key that this node's witness has had."""
    [own] = [row for row in store.logs() if row.log == OWN]
    federation, site, _ = own.origin.split("/")
    name = witness_name(federation, site)
    return [
        PolicyWitness(f"{site}.{number}", make_vkey(name, span.public, key_type=COSIGNATURE))
        for number, span in enumerate(decode_cursor(own.cursor).keys)
        if span.role == Role.WITNESS.value
    ]


def _check_row(
    row: WitnessRow, keys: Sequence[KeySpan], witnesses: Sequence[PolicyWitness]
) -> Iterator[str]:
    log_keys = [make_vkey(row.origin, key.public) for key in keys if key.role == Role.LOG.value]
    try:
        head = open_checkpoint(row.note, origin=row.origin, keys=log_keys)
    except SoproError as error:
        yield f"cosigned head: {error}"
        return
    note = parse_note(row.note)
    times = [time for _, time in find_cosignatures(note.text, note.signatures, witnesses).values()]
    if not times:
        yield "cosigned head: this node's own cosignature does not verify"
    elif (head.size, head.root, *times) != (row.size, row.root, row.time):
        yield "cosigned head: size, root or time are not those of its note"
