"""Checking a bundle against the root it must have: hashes, form, signatures; no state, no store.

It runs in worker processes on a large sync and on the writer's thread on a small one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from sopro_node.bundles import first_frame, pack_entries, unpack_entries
from sopro_node.fetch import Fetched
from sopro_node.store.rows import DocumentRow
from sopro_protocol.bundle import (
    WIDTH,
    Bundle,
    Item,
    Withheld,
    format_items,
    leaf_of,
    parse_bundle,
)
from sopro_protocol.commitment import check_document
from sopro_protocol.errors import FormatError, SoproError, VerificationError
from sopro_protocol.keys import verify_ed25519
from sopro_protocol.merkle import root_of
from sopro_protocol.record import RECORD_CONTEXT, Bytes16, parse_entry, read_record
from sopro_registry.catalogue import READERS


class _About(Struct, frozen=True):
    """What of a record says whom it is about."""

    entity: Bytes16


_ABOUT: Final = msgspec.msgpack.Decoder(_About)


class CheckedBundle(NamedTuple):
    """A bundle whose leaves lead to the root it must have.

    Attributes:
        number: which bundle.
        entries: as they came; of withheld ones what is left.
        leaves: their hashes.
        root: of the subtree, where it was known before or this node holds it.
        verified: per entry not held before, whether every signature on it was found valid.
        documents: of those entries, as far as they match their commitments.
        frame: the entries as one zstd frame, of a fetched bundle whose root was known.
        wire_size: bytes received.
        entities: whom the records say they are about, where that is seen at a glance: a hint at
            what will be looked up, and no more.
    """

    number: int
    entries: list[Item]
    leaves: list[bytes]
    root: bytes
    verified: list[bool]
    documents: Sequence[DocumentRow] = ()
    frame: bytes = b""
    wire_size: int = 0
    entities: Sequence[bytes] = ()


class Held(NamedTuple):
    """The first entries of a bundle, as this node holds them, and their leaf hashes."""

    entries: Sequence[Item]
    leaves: Sequence[bytes]


NOTHING: Final = Held((), ())


def check_bundle(  # what comes, where it belongs, what is known
    fetched: Fetched,
    *,
    number: int,
    width: int,
    root: bytes | None,
    keys: Mapping[bytes, bytes],
    held: Held = NOTHING,
) -> CheckedBundle:
    """Check a fetched bundle (SPEC SYNC-4).

    Args:
        fetched: the answer.
        number: of the bundle.
        width: entries it must hold.
        root: of its subtree as the signed checkpoint has it, where that is known already.
        keys: public keys of the site by id, as far as they are known.
        held: its first entries, which are compared and not verified again.

    Raises:
        FormatError: `hos.bundle`, it is not a bundle of that width.
        VerificationError: `hos.bundle`, its entries lead to another root.
    """
    bundle = parse_bundle(fetched.body, index=number, width=width)
    entries = bundle.items
    start = len(held.entries)
    if entries[:start] == list(held.entries):
        leaves: list[bytes] = [*held.leaves, *map(leaf_of, entries[start:])]
    else:
        leaves = [leaf_of(item) for item in entries]
    if root is not None and root_of(leaves) != root:
        raise VerificationError(
            f"bundle {number}: its entries lead to another root than the signed one",
            code="hos.bundle",
        )
    new = entries[start:]
    return CheckedBundle(
        number,
        entries,
        leaves,
        root or b"",
        [is_verified(item, keys) for item in new],
        _check_documents(bundle, new, first=number * WIDTH + start),
        _frame(fetched, entries) if root is not None else b"",
        fetched.wire_size,
        find_entities(entries) if root is not None else (),
    )


def check_pushed(
    body: bytes, *, number: int, start: int, width: int, keys: Mapping[bytes, bytes]
) -> CheckedBundle:
    """Check the last entries of a bundle as they came with their head (SPEC SYNC-11).

    Whether they lead to the signed root is for the caller to say; so is why one of them is withheld
    already, for which the bundle is fetched.

    Args:
        body: the bundle without its first entries.
        number: of the bundle.
        start: how many entries are left out.
        width: how many there are with these.
        keys: public keys of the site by id, as far as they are known.

    Raises:
        FormatError: `hos.bundle`, it is not such a bundle.
    """
    bundle = parse_bundle(body, index=number, width=width, start=start)
    entries = bundle.items
    if any(isinstance(item, Withheld) for item in entries):
        raise FormatError(f"bundle {number}: an entry is withheld already", code="hos.bundle")
    return CheckedBundle(
        number,
        entries,
        [leaf_of(item) for item in entries],
        b"",
        [is_verified(item, keys) for item in entries],
        _check_documents(bundle, entries, first=number * WIDTH + start),
        b"",
        len(body),
    )


def check_held(frame: bytes, *, number: int, keys: Mapping[bytes, bytes]) -> CheckedBundle:
    """Check the signatures of a bundle as this node holds it.

    Whether its entries lead to the root they must have is for the caller to say.

    Raises:
        FormatError: `hos.bundle`, it is damaged.
    """
    return check_entries(unpack_entries(frame), number=number, keys=keys)


def check_entries(
    entries: list[Item], *, number: int, keys: Mapping[bytes, bytes]
) -> CheckedBundle:
    """Check the signatures of the entries of a bundle that this node holds, full or not."""
    leaves: list[bytes] = [leaf_of(item) for item in entries]
    verified = [is_verified(item, keys) for item in entries]
    entities = find_entities(entries)
    return CheckedBundle(number, entries, leaves, root_of(leaves), verified, entities=entities)


def find_withheld(fetched: Fetched, *, number: int, width: int) -> Iterator[tuple[int, Withheld]]:
    """Go through the withheld entries of a fetched bundle, with their positions.

    Raises:
        FormatError: `hos.bundle`, it is not a bundle of that width.
    """
    items = parse_bundle(fetched.body, index=number, width=width).items
    for place, item in enumerate(items):
        if isinstance(item, Withheld):
            yield number * WIDTH + place, item


def is_verified(data: Item, keys: Mapping[bytes, bytes]) -> bool:
    """Say whether every signature of an entry is valid; false where judging must look again."""
    if isinstance(data, Withheld):
        return False
    try:
        entry = parse_entry(data)
        message = RECORD_CONTEXT + entry.record
        for key_id, signature in entry.signatures:
            public = keys.get(key_id)
            if public is None:
                return False
            verify_ed25519(public, message=message, signature=signature)
    except SoproError:
        return False
    return True


def find_entities(entries: Sequence[Item]) -> list[bytes]:
    """Return whom records are about, each once; those that cannot be read are passed over."""
    found: dict[bytes, None] = {}
    for data in entries:
        try:
            if isinstance(data, bytes):
                found[_ABOUT.decode(parse_entry(data).record).entity] = None
        except (SoproError, msgspec.MsgspecError):
            continue
    return list(found)


def _frame(fetched: Fetched, entries: list[Item]) -> bytes:
    """Keep the entries as received where they came as a frame of their own and of fair size."""
    if fetched.frames is not None:
        frame, content = first_frame(fetched.frames)
        if len(frame) <= len(content) and content == format_items(entries):
            return frame
    return pack_entries(entries)


def _check_documents(bundle: Bundle, entries: list[Item], *, first: int) -> list[DocumentRow]:
    """Keep the documents that match what their records commit to; others are left out.

    A document is not part of the log: a peer that serves a wrong one only loses it.
    """
    kept = []
    for one in bundle.documents:
        if one.position < first:
            continue
        item = entries[one.position - first]
        if isinstance(item, Withheld):
            continue
        try:
            entry = parse_entry(item)
            record, _ = read_record(entry.record, READERS)
            commitment = record.documents[one.number]
            check_document(one.content, key=one.key, commitment=commitment)
        except (SoproError, IndexError):
            continue
        if commitment.visibility == "public":
            kept.append(DocumentRow(one.position, one.number, 0, one.key, one.content))
    return kept
