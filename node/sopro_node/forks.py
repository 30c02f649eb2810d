"""Showing that a head excludes the one this node holds: the two roots at one size, and proofs.

Three ways, by what is at hand: the head lies within what is held, its hash tiles are proven
already, or they are asked of whoever serves that history (SPEC EVID-4). What is held may be a head
that entries were taken under and that was never reached (SPEC SYNC-13).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from sopro_node.heldlog import HeldLog
from sopro_protocol.checkpoint import Checkpoint, SignedCheckpoint, parse_checkpoint_text
from sopro_protocol.errors import VerificationError
from sopro_protocol.evidence import Fork, ShownHead, sort_fork
from sopro_protocol.merkle import (
    SubtreeReader,
    check_consistency,
    prove_consistency,
    root_at,
    root_of,
)
from sopro_protocol.note import parse_note
from sopro_protocol.tile import WIDTH
from sopro_registry.anchors import root_with

AskTile = Callable[[int, int, int], Awaitable[list[bytes]]]
"""Asks for a hash tile by level, index and width."""

_HEIGHT = 8
_Place = tuple[int, int]


class Parting(NamedTuple):
    """Where a head's history parts from the one held.

    Attributes:
        fork: the two heads, which differ right behind what both share.
        leaves: leaf hashes there, in the order of the heads.
    """

    fork: Fork
    leaves: tuple[bytes, bytes]


def fork_within(held: HeldLog, signed: SignedCheckpoint) -> Fork | None:
    """Compare a head with the held one it is not larger than; None where it is a part of that."""
    size = signed.size
    if not 1 <= size <= held.shown_size or held.tree.root_at(size) == signed.root:
        return None
    return _fork(held, signed, size, ShownHead(signed.note, signed.root))


def fork_in_roots(
    held: HeldLog,
    signed: SignedCheckpoint,
    roots: Sequence[bytes],
    leaves: Mapping[int, Sequence[bytes]],
) -> Fork | None:
    """Compare a head whose bundles' roots are proven with the held one; None where it has grown.

    Args:
        held: the log.
        signed: a larger head.
        roots: of the full bundles under it.
        leaves: of those bundles under it whose leaves are proven too.
    """
    parted = next(
        (
            number
            for number, (one, other) in enumerate(zip(held.tree.roots, roots, strict=False))
            if one != other
        ),
        None,
    )
    size = held.shown_size
    if parted is not None:
        size = min(size, (parted + 1) * WIDTH)
    if size % WIDTH and size // WIDTH not in leaves:
        # Their leaves are not at hand, but the bundle before may part already.
        size -= size % WIDTH
    return _fork_at(held, signed, size, read_roots(roots, leaves))


def read_roots(roots: Sequence[bytes], leaves: Mapping[int, Sequence[bytes]]) -> SubtreeReader:
    """Return a reader of a tree known by the roots of its full bundles.

    Args:
        roots: of the full bundles.
        leaves: of those bundles whose leaves are known.
    """

    def read(level: int, index: int) -> bytes:
        if level >= _HEIGHT:
            span = 1 << (level - _HEIGHT)
            return root_of(roots[index * span : (index + 1) * span])
        number, start = divmod(index << level, WIDTH)
        return root_of(leaves[number][start : start + (1 << level)])

    return read


async def fork_beyond(held: HeldLog, signed: SignedCheckpoint, ask: AskTile) -> Fork | None:
    """Compare a larger head with the held one by asking for the hashes between; None if it grew.

    Raises:
        PeerError, FormatError: whoever was asked did not answer with hashes.
        VerificationError: `hos.tile`, with hashes that do not lead to the signed root.
    """
    size = held.shown_size
    return _fork_at(held, signed, size, await read_below(signed, size, ask))


async def fork_ahead(held: HeldLog, signed: SignedCheckpoint, ask: AskTile) -> Fork | None:
    """Compare a head with the one that entries were taken under and that was not reached.

    None where it lies behind that, or holds it (SPEC SYNC-13). A smaller one cannot be compared.

    Raises:
        PeerError, FormatError: whoever was asked did not answer with hashes.
        VerificationError: `hos.tile`, with hashes that do not lead to the signed root.
    """
    ahead = held.ahead
    if ahead is None or signed.size < ahead.head.size:
        return None
    head = ahead.head
    other = ShownHead(signed.note, signed.root)
    if signed.size > head.size:
        read = await read_below(signed, head.size, ask)
        root, proof = _read_both(read, head.size, signed.size)
        other = ShownHead(signed.note, root, tuple(proof))
    if other.root == head.root:
        return None
    own = ShownHead(ahead.note, head.root)
    return sort_fork(Fork(held.origin, head.size, (own, other)), [head, signed.checkpoint])


async def root_below(signed: SignedCheckpoint, size: int, ask: AskTile) -> bytes:
    """Return the root of a head's first entries, by asking for hashes.

    Raises:
        PeerError, FormatError: whoever was asked did not answer with hashes.
        VerificationError: `hos.tile`, with hashes that do not lead to the signed root.
    """
    if size == signed.size:
        return signed.root
    return root_at(await read_below(signed, size, ask), size)


async def find_parting(held: HeldLog, signed: SignedCheckpoint, ask: AskTile) -> Parting | None:
    """Find the first entry at which a head's history is another; None where there is none.

    Raises:
        PeerError, FormatError: whoever was asked did not answer with hashes.
        VerificationError: `hos.tile`, with hashes that do not lead to the signed root.
    """
    number = await _parted_bundle(held, signed, ask)
    width = min(WIDTH, signed.size - number * WIDTH)
    theirs = await ask(0, number, width) if width else []
    pairs = list(zip(held.tree.leaves(number), theirs, strict=False))
    offset = next((place for place, (mine, other) in enumerate(pairs) if mine != other), None)
    if offset is None:
        return None
    shared = number * WIDTH + offset
    read = await read_below(signed, shared + 1, ask)
    fork = _fork_at(held, signed, shared + 1, read)
    if fork is None:
        return None
    roots = [root_with(held.tree.read, size=shared, leaf=leaf) for leaf in pairs[offset]]
    leaves = dict(zip(roots, pairs[offset], strict=True))
    first, second = (leaves.get(head.root) for head in fork.heads)
    if first is None or second is None:
        raise _untrue(signed)
    return Parting(fork, (first, second))


async def _parted_bundle(held: HeldLog, signed: SignedCheckpoint, ask: AskTile) -> int:
    """Return the number of the first bundle that is not the same under a head."""
    own, full = held.tree.roots, signed.size // WIDTH
    common = min(len(own), full)
    for tile in range(-(-common // WIDTH)):
        start = tile * WIDTH
        theirs = await ask(1, tile, min(WIDTH, full - start))
        for number, (mine, other) in enumerate(zip(own[start:], theirs, strict=False), start):
            if mine != other:
                return number
    return common


async def read_below(signed: SignedCheckpoint, size: int, ask: AskTile) -> SubtreeReader:
    """Return a reader of what is needed of a head's tree at a smaller size, proven.

    Raises:
        PeerError, FormatError: whoever was asked did not answer with hashes.
        VerificationError: `hos.tile`, with hashes that do not lead to the signed root.
    """
    wanted: set[_Place] = set()

    def note_down(level: int, index: int) -> bytes:
        wanted.add((level, index))
        return bytes(32)

    _read_both(note_down, size, signed.size)
    tiles: dict[_Place, list[bytes]] = {}
    for level, index in sorted(wanted):
        place = _tile_of(level, index)
        if place not in tiles:
            count = (signed.size >> (_HEIGHT * place[0])) - place[1] * WIDTH
            tiles[place] = await ask(*place, min(WIDTH, count))

    def read(level: int, index: int) -> bytes:
        start = (index << (level % _HEIGHT)) % WIDTH
        hashes = tiles[_tile_of(level, index)]
        return root_of(hashes[start : start + (1 << (level % _HEIGHT))])

    root, proof = _read_both(read, size, signed.size)
    try:
        check_consistency(
            old_size=size, new_size=signed.size, old_root=root, new_root=signed.root, proof=proof
        )
    except VerificationError:
        raise _untrue(signed) from None
    return read


def _untrue(signed: SignedCheckpoint) -> VerificationError:
    return VerificationError(
        f"{signed.origin}: the hash tiles lead to another root than the signed one",
        code="hos.tile",
    )


def _tile_of(level: int, index: int) -> _Place:
    """Return level and index of the tile that a subtree's hashes are in."""
    return level // _HEIGHT, (index << (level % _HEIGHT)) // WIDTH


def _read_both(read: SubtreeReader, size: int, larger: int) -> tuple[bytes, list[bytes]]:
    return root_at(read, size), list(prove_consistency(read, old_size=size, new_size=larger))


def _fork_at(
    held: HeldLog, signed: SignedCheckpoint, size: int, read: SubtreeReader
) -> Fork | None:
    if not 1 <= size <= held.shown_size:
        return None
    root, proof = _read_both(read, size, signed.size)
    if root == held.tree.root_at(size):
        return None
    return _fork(held, signed, size, ShownHead(signed.note, root, tuple(proof)))


def _fork(held: HeldLog, signed: SignedCheckpoint, size: int, other: ShownHead) -> Fork:
    # Each is read once, in this order: the log may grow meanwhile.
    ahead, note = held.ahead, held.checkpoint
    read: SubtreeReader = held.tree.read
    if ahead is not None and (not note or head_of(note).size < size):
        note, read = ahead.note, ahead.reader(held.tree)
    head = head_of(note)
    proof = prove_consistency(read, old_size=size, new_size=head.size)
    own = ShownHead(note, held.tree.root_at(size), tuple(proof))
    return sort_fork(Fork(held.origin, size, (own, other)), [head, signed.checkpoint])


def head_of(note: bytes) -> Checkpoint:
    """Read the head in a note that was verified before."""
    return parse_checkpoint_text(parse_note(note).text)
