"""Doing an act: draft, append, and in the same transaction who did it and what was answered.

The command line and the API end here. What an act says is made by `acts`; whether it may be done is
judged by the rules of the registry, on the append.
"""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from sopro_node import clock
from sopro_node.acts.act import Act, Asking, File, Told
from sopro_node.acts.catalogue import ACTS
from sopro_node.documents import NewDocument
from sopro_node.drafting import CURRENT, Appended, Draft, Note
from sopro_node.entities import last_record
from sopro_node.file_names import publish_names
from sopro_node.heldlog import OWN
from sopro_node.named import check_people
from sopro_node.node import Node
from sopro_node.operators import find_operator, must_be
from sopro_node.store.accounts import AnswerRow, TrailRow
from sopro_node.structured import read_structured
from sopro_protocol.commitment import STRUCTURED
from sopro_protocol.errors import (
    ConflictError,
    FormatError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from sopro_protocol.record import MAX_DOCUMENT_SIZE

MAX_ANSWERS: Final = 1000
"""Answers kept for one officer; the oldest go first."""
DAYS_KEPT: Final = 7
HOURS_WAITING: Final = 24
"""How long a file waits for the record it goes with."""
_HOUR: Final = 60 * 60 * 1000
_DAY: Final = 24 * _HOUR


class Done(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of an act.

    Attributes:
        entity: whom it is about.
        entry_id: id of its entry; `prev` of whoever acts on the entity next.
        index: position of the entry in this site's log.
        number: of the label, where it has one.
        person: pseudonym of who was authorised, answers, or records how an appeal ends.
    """

    entity: str
    entry_id: str
    index: int
    number: str | UnsetType = UNSET
    person: str | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    Attributes:
        officer: name; on the command line that of the user of the system, or of the officer whom
            the user acts as.
        person: pseudonym; None where somebody records what others have done.
        remote: where the request came from.
    """

    officer: str = ""
    person: bytes | None = None
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """A request that names itself: its key, and the hash of everything that it asks."""

    key: str
    request: bytes


async def act(node: Node, values: Mapping[str, Any]) -> dict[str, Any]:
    """Do an act for the command line. `act`: its name; `told`; `entity`?; `person`?: pseudonym.

    `files`?: list of {name, content, type, visibility, parties?}, documents of the record;
    `done_by`?: who has it done. Answers `entity`, `entry_id`, `index`, the record's `values`,
    and how many records it needed `before` it.

    Raises:
        FormatError: there is no such act, or what is told does not fit it.
        RefusedError: the officer may not do it, or does it as somebody else.
        SoproError: as the act.
    """
    known = ACTS.get(values["act"])
    if known is None:
        raise FormatError(f"unknown act {values['act']!r}; known: {', '.join(ACTS)}")
    try:
        told = msgspec.convert(values["told"], known.told)
    except msgspec.ValidationError as error:
        raise FormatError(f"{known.name}: {str(error)[:1].lower()}{str(error)[1:]}") from None
    files = tuple(_given_file(one) for one in values.get("files", ()))
    actor = _operator(node, known, values)
    asking = Asking(node, told, values.get("entity"), actor.person, files)
    async with known.turn(node):
        draft = await known.plan(asking)
        check_people(node, draft)
        draft = _with_files(draft, files)
        appended = await node.log.append(draft, note=_noting(node, known, actor, None))
    await _follow(node, known)
    return {
        "entity": appended.entity,
        "entry_id": appended.entry_id,
        "index": appended.index,
        "values": dict(appended.values),
        "before": len(draft.before),
    }


async def perform(
    node: Node, known: Act, told: Told, *, entity: bytes | None, actor: Actor, named: Named | None
) -> Done:
    """Do an act as an officer.

    Raises:
        ConflictError: the entity has changed since the officer saw it; tells what it is now.
        FormatError: something does not fit, or the last entry seen is not named.
        NotFoundError: a file is not here.
        RefusedError: a rule forbids it.
        UnavailableError: nothing may be signed now.
    """
    files = _files(node, told.documents, actor)
    note = _noting(node, known, actor, named, files=told.documents)
    async with known.turn(node):
        draft = await known.plan(Asking(node, told, entity, actor.person, files))
        check_people(node, draft)
        _check_prev(node, told, draft)
        draft = _with_files(draft, files)
        try:
            appended = await node.log.append(draft, note=note)
        except ConflictError as error:
            raise _explain(node, draft, error) from None
    await _follow(node, known)
    return _done(appended)


def _with_files(draft: Draft, files: Sequence[NewDocument]) -> Draft:
    """Put files behind the documents of a draft, under the names that are published."""
    before = draft.documents
    published = publish_names(files, behind=len(before))
    return replace(draft, documents=[*before, *published])


async def _follow(node: Node, known: Act) -> None:
    """Do what an act has to be followed by; what has to wait is done again later by the node."""
    if known.follow is not None:
        with contextlib.suppress(UnavailableError):
            await known.follow(node)


def _operator(node: Node, known: Act, values: Mapping[str, Any]) -> Actor:
    """Return who has an act done on the command line.

    Raises:
        RefusedError: the officer may not do it, or says that somebody else does.
    """
    operator = find_operator(node, values, roles=known.roles, what=known.name)
    person = must_be(operator, values.get("person"), known.name)
    return Actor(operator.name, person, operator.remote)


def _given_file(values: Mapping[str, Any]) -> NewDocument:
    """Make the document of a file that was named on the command line.

    Raises:
        FormatError: it is empty or larger than a document may be.
    """
    content = values["content"]
    if not content or len(content) > MAX_DOCUMENT_SIZE:
        raise FormatError(
            f"document {values['name'][:64]!r}: expected 1 to {MAX_DOCUMENT_SIZE} bytes, "
            f"got {len(content)}",
            code="ofc.file",
        )
    return NewDocument(
        values["name"],
        content,
        values["type"],
        values["visibility"],
        tuple(values.get("parties", ())),
    )


def earlier_answer(node: Node, officer: str, named: Named) -> bytes | None:
    """Return what a request was answered that named itself so before; None for a new one.

    Raises:
        RefusedError: it asked something else.
    """
    row = node.reader.accounts.answer(officer, named.key)
    if row is None or row.time < clock.now() - DAYS_KEPT * _DAY:
        return None
    if row.request != named.request:
        raise RefusedError(
            f"Idempotency-Key: {named.key[:64]!r} was sent with another request before; "
            "take a new key for a new request",
            code="ofc.replay",
        )
    return row.answer


def hash_request(*parts: bytes) -> bytes:
    """Return the hash of what a request asks: method, path, type and body."""
    lengths = b"".join(len(part).to_bytes(8, "big") for part in parts)
    return hashlib.sha256(b"".join((lengths, *parts))).digest()


def _check_prev(node: Node, told: Told, draft: Draft) -> None:
    """See that an officer names the last entry seen, exactly where there is one."""
    if draft.entity is None and told.prev is not UNSET:
        raise FormatError("prev: nothing is recorded on this yet; leave it out", code="ofc.prev")
    if draft.entity is not None and draft.seen == CURRENT:
        row = node.reader.entity(OWN, draft.entity)
        if row is None:
            raise NotFoundError(f"this site has nothing recorded on {draft.entity.hex()}")
        raise FormatError(
            "prev: expected the entry_id of the last entry you have seen on "
            f"{draft.entity.hex()}; GET /api/v1/office/entities/{draft.entity.hex()} tells it",
            code="ofc.prev",
        )


def _files(node: Node, files: list[File], actor: Actor) -> tuple[NewDocument, ...]:
    """Return the files that go with a record.

    Raises:
        NotFoundError: this officer has uploaded no such file.
    """
    found = []
    for file in files:
        row = node.reader.accounts.upload(bytes.fromhex(file.upload))
        is_there = row is not None and row.time >= clock.now() - HOURS_WAITING * _HOUR
        if row is None or not is_there or row.officer != actor.officer:
            raise NotFoundError(
                f"documents: you have uploaded no file {file.upload}; it is kept for a day, and "
                "goes into one record",
                code="ofc.file",
            )
        parties = () if file.parties is UNSET else tuple(file.parties)
        found.append(NewDocument(file.name, row.content, row.type, file.visibility, parties))
    return tuple(found)


def _noting(
    node: Node, known: Act, actor: Actor, named: Named | None, *, files: list[File] | None = None
) -> Note:
    """Have who did it, what was answered and which files were used written beside the entry."""
    now = clock.now()

    def note(entries: Sequence[Appended]) -> None:
        [appended] = entries
        accounts = node.store.accounts
        accounts.add_to_trail(
            TrailRow(
                0,
                now,
                actor.officer,
                actor.person or b"",
                known.name,
                node.identity.origin,
                appended.index,
                appended.entry_id,
                actor.remote,
            )
        )
        for file in files or ():
            accounts.cut_upload(bytes.fromhex(file.upload))
        if named is not None:
            answer = msgspec.json.encode(_done(appended))
            row = AnswerRow(actor.officer, named.key, named.request, now, answer)
            accounts.put_answer(row, most=MAX_ANSWERS, oldest=now - DAYS_KEPT * _DAY)

    return note


def _done(appended: Appended) -> Done:
    values = appended.values
    person = values.get("person")
    return Done(
        entity=appended.entity.hex(),
        entry_id=appended.entry_id.hex(),
        index=appended.index,
        number=values.get("certificate", UNSET),
        person=person.hex() if isinstance(person, bytes) else UNSET,
    )


def _explain(node: Node, draft: Draft, error: ConflictError) -> ConflictError:
    """Say what an entity is now, and in which fields it differs from what was asked."""
    found = last_record(node, draft.entity) if draft.entity is not None else None
    if found is None:
        return error
    head, index, body = found
    asked = dict(msgspec.to_builtins(draft.values, builtin_types=(bytes,)))
    if draft.documents and draft.documents[0].type == STRUCTURED and index is not None:
        body = {**body, **node.desk.document_fields(OWN, index)}
        asked |= read_structured(draft.documents[0].content)
    # A label's number is no field that anybody asks for: it is the first decision's, for good.
    names = sorted((set(body) | set(asked)) - {"certificate"})
    differs = {name: body.get(name) for name in names if body.get(name) != asked.get(name)}
    current = {"head": head, "index": index, "differs": differs}
    return ConflictError(f"{error}; it is at entry {index} now", code=error.code, current=current)
