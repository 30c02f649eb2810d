"""What a site's people read of the documents filed with it, and that they did (SPEC OFC-12)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec import UNSET

from sopro_node import clock
from sopro_node.entities import positions_of
from sopro_node.file_names import KEPT, given_name
from sopro_node.heldlog import OWN, HeldLog
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_node.operators import PLACE, Operator, find_operator
from sopro_node.store.accounts import TrailRow
from sopro_node.store.rows import HIDDEN, DocumentRow
from sopro_node.structured import read_structured
from sopro_protocol.commitment import STRUCTURED
from sopro_protocol.errors import NotFoundError, WithheldError
from sopro_protocol.record import Commitment, Record, read_record
from sopro_protocol.tile import WIDTH
from sopro_registry.catalogue import READERS, decode_state

Answer = dict[str, Any]

READ_BY: Final = (
    OfficerRole.REGISTRAR,
    OfficerRole.ASSESSOR,
    OfficerRole.REVIEWER,
    OfficerRole.DECIDER,
)
"""Who works on what is filed; who keeps accounts and reads the trail of it does not."""
_OF_ADMINISTRATORS: Final = frozenset({"assessor_authorisation", "criteria_set", "codelist"})
"""Families whose records administrators append, and may read the documents of."""
_MOST_FIELDS: Final = 64 * 1024


class Asker(NamedTuple):
    """Who reads, and whether everything: the owner of the directory could read it anyway.

    Attributes:
        name: of the officer or of the user of the system.
        person: pseudonym of the officer; empty for a user of the system.
        remote: where the request came from.
        roles: of the officer; None for a user of the system.
    """

    name: str
    person: bytes
    remote: str
    roles: tuple[str, ...] | None

    def may_read(self, family: str) -> bool:
        """Say whether documents of records of a family are for them that are not public."""
        if self.roles is None or set(self.roles) & set(READ_BY):
            return True
        return OfficerRole.ADMINISTRATOR in self.roles and family in _OF_ADMINISTRATORS


class Found(NamedTuple):
    """A document where it was looked for.

    Attributes:
        record: that commits to it.
        commitment: to it.
        row: its content and key.
        given: what whoever brought it has called it.
    """

    record: Record
    commitment: Commitment
    row: DocumentRow
    given: str


def find_asker(node: Node, values: Mapping[str, Any]) -> Asker:
    """Return who asks at the command line.

    Raises:
        RefusedError: there is no such officer.
    """
    operator: Operator = find_operator(node, values)
    if operator.person is None:
        return Asker(operator.name, b"", operator.remote or PLACE, None)
    row = node.reader.accounts.officer(operator.name)
    roles = tuple(row.roles.split()) if row else ()
    return Asker(operator.name, operator.person, operator.remote, roles)


async def read_records(
    node: Node, asker: Asker, places: Iterable[tuple[HeldLog, int]]
) -> list[Answer]:
    """Return what records commit to, with the fields of documents that the asker may read.

    Of each: `origin`, `index`, `entity`, `family` and its `documents`: `document` (its number),
    `name`, `given`, `type`, `size`, `visibility`, `is_here`, and `fields` of one that has fields,
    None of a file and of what is not here or not for the asker.

    Args:
        node: at which.
        asker: who reads; on the trail, where something was not public.
        places: of the records, in any log.
    """
    found = [answer for held, at in places if (answer := _describe_record(node, asker, held, at))]
    read = [
        (one, [document["document"] for document in one["documents"] if _is_private(document)])
        for one in found
    ]
    await _note(node, asker, [(one["origin"], one["index"], some) for one, some in read if some])
    return found


def describe_document(node: Node, held: HeldLog, index: int, number: int) -> Answer:
    """Say what a document of a record is, whoever asks: none of its words."""
    record = _record(node, held, index)
    told: Answer = {"index": index, "document": number}
    if record is not None and number < len(record.documents):
        told |= _describe(record, number, _kept_names(node, held, index, record))
    return told | {"origin": held.origin}


async def read_document(node: Node, asker: Asker, held: HeldLog, index: int, number: int) -> Found:
    """Return a document that this node holds, and write on the trail that it was read.

    Raises:
        NotFoundError: it is not here, was erased or withheld, or is not for the asker: which of
            these is not said.
    """
    record = _record(node, held, index)
    row = _row(node, held, index, number)
    if record is not None and row is not None and number < len(record.documents):
        commitment = record.documents[number]
        if commitment.visibility == "public" or asker.may_read(record.family):
            given = given_name(number, commitment.name, _kept_names(node, held, index, record))
            if commitment.visibility != "public":
                await _note(node, asker, [(held.origin, index, [number])])
            return Found(record, commitment, row, given)
    raise NotFoundError(
        f"{held.origin}: no document {number} of entry {index} is here for you to read"
    )


async def documents(node: Node, values: Mapping[str, Any]) -> Answer:
    """Say what was filed with records, in words where it has fields.

    `entities`: of this site's log; or `entity`, of which also records are meant that others have
    taken the place of. Answers `records`, as `read_records`.
    """
    asker, own = find_asker(node, values), node.log.held
    places = set(places_of(node, values.get("entities", ())))
    if values.get("entity"):
        places |= {(own, at) for at, _ in await node.eraser.documents_of(values["entity"])}
    ordered = sorted(places, key=lambda one: one[1])
    return {"records": await read_records(node, asker, ordered)}


async def document(node: Node, values: Mapping[str, Any]) -> Answer:
    """Return one document. `origin`, empty for this site's log; `index`; `document`: its number.

    Answers `name`, `given`, `type`, `visibility`, `content` and `fields`, None of a file.

    Raises:
        NotFoundError: it is not here for whoever asks.
    """
    held = _held(node, values.get("origin") or node.identity.origin)
    found = await read_document(
        node, find_asker(node, values), held, values["index"], values["document"]
    )
    return {
        "name": found.commitment.name,
        "given": found.given,
        "type": found.commitment.type,
        "visibility": found.commitment.visibility,
        "content": found.row.content,
        "fields": read_fields(found.commitment, found.row),
    }


def read_fields(commitment: Commitment, row: DocumentRow) -> Answer | None:
    """Return the fields of a document that has some; None of a file."""
    if commitment.type != STRUCTURED or len(row.content) > _MOST_FIELDS:
        return None
    return dict(read_structured(row.content))


def _held(node: Node, origin: str) -> HeldLog:
    held = node.holdings.logs.get(origin)
    if held is None:
        known = ", ".join(sorted(node.holdings.logs))
        raise NotFoundError(f"this node holds no log {origin[:128]!r}; it holds {known}")
    return held


def places_of(node: Node, entities: Iterable[bytes]) -> list[tuple[HeldLog, int]]:
    """Return where the records on entities of the own log are, as far as their states know."""
    found: set[int] = set()
    for entity in entities:
        row = node.reader.entity(OWN, entity)
        if row is not None and isinstance(row.state, bytes):
            found |= set(positions_of(decode_state(row.family, row.state)))
    return [(node.log.held, one) for one in sorted(found)]


def _record(node: Node, held: HeldLog, index: int) -> Record | None:
    """Return a record of a log; None where there is none to be read."""
    try:
        return read_record(node.holdings.record(node.reader, held, index), READERS).record
    except (NotFoundError, WithheldError):
        return None


def _row(node: Node, held: HeldLog, index: int, number: int) -> DocumentRow | None:
    """Return a document that is here and may be served."""
    row = node.reader.documents.get(held.number, index, number)
    return row if row is not None and row.visibility < HIDDEN else None


def _describe_record(node: Node, asker: Asker, held: HeldLog, index: int) -> Answer | None:
    record = _record(node, held, index)
    if record is None:
        return None
    kept = _kept_names(node, held, index, record)
    return {
        "origin": held.origin,
        "index": index,
        "entity": record.entity,
        "family": record.family,
        "documents": [
            _describe(record, number, kept) | _say(node, asker, held, index, record, number)
            for number, one in enumerate(record.documents)
            # What files were called stands with each of them.
            if (one.name, one.visibility) != (KEPT, "site")
        ],
    }


def _describe(record: Record, number: int, kept: bytes | None) -> Answer:
    one = record.documents[number]
    return {
        "document": number,
        "name": one.name,
        "given": given_name(number, one.name, kept),
        "type": one.type,
        "size": one.size,
        "visibility": one.visibility,
        **({"parties": list(one.parties)} if one.parties is not UNSET else {}),
    }


def _say(
    node: Node, asker: Asker, held: HeldLog, index: int, record: Record, number: int
) -> Answer:
    commitment, row = record.documents[number], _row(node, held, index, number)
    may_read = commitment.visibility == "public" or asker.may_read(record.family)
    fields = read_fields(commitment, row) if row is not None and may_read else None
    return {"is_here": row is not None, "fields": fields}


def _is_private(document: Mapping[str, Any]) -> bool:
    return document["visibility"] != "public" and document["fields"] is not None


def _kept_names(node: Node, held: HeldLog, index: int, record: Record) -> bytes | None:
    """Return the document of a record in which stands what its files were called, if it is here."""
    for number, one in enumerate(record.documents):
        if (one.name, one.visibility) == (KEPT, "site"):
            row = _row(node, held, index, number)
            return row.content if row else None
    return None


async def _note(node: Node, asker: Asker, read: Sequence[tuple[str, int, Sequence[int]]]) -> None:
    """Write on the trail what was read."""
    rows = list(_lines(node, asker, read))

    def write() -> None:
        with node.store.transaction():
            for row in rows:
                node.store.accounts.add_to_trail(row)

    if rows:
        await node.writer.run(write)


def _lines(
    node: Node, asker: Asker, read: Iterable[tuple[str, int, Sequence[int]]]
) -> Iterator[TrailRow]:
    for origin, index, numbers in read:
        leaf = node.holdings.logs[origin].tree.leaves(index // WIDTH)[index % WIDTH]
        words = f"document.read {' '.join(map(str, numbers))}"
        yield TrailRow(
            0, clock.now(), asker.name, asker.person, words, origin, index, leaf, asker.remote
        )
