"""What an act is: who may do it, what it is told, and the draft that comes of it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_node.documents import NewDocument, structured
from sopro_node.drafting import CURRENT, Draft
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_protocol.encoding import Value
from sopro_protocol.record import MAX_DOCUMENTS, Visibility
from sopro_registry.fields import SiteCode, format_day

Hex16: TypeAlias = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{32}\Z", description="16 bytes: an entity, a pseudonym, a file")
]
Hex32: TypeAlias = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="32 bytes: the id of an entry")
]


class File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A file that was uploaded before, as a document of the record.

    Attributes:
        upload: its id, as the upload was answered.
        name: what it is, for example `report`. The record shows a word of the list of OFC-10 as it
            is, and `document` instead of any other name, since people stand in names of files.
        visibility: who may read it.
        parties: site codes that may; only with visibility `parties`.
    """

    upload: Hex16
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    visibility: Literal["public", "members", "parties", "site"] = "site"
    parties: Annotated[list[SiteCode], Meta(min_length=1, max_length=32)] | UnsetType = UNSET


class Told(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every act may be told.

    Attributes:
        documents: files that go with the record.
        prev: id of the last entry on the entity that the officer has seen.
    """

    documents: Annotated[list[File], Meta(max_length=MAX_DOCUMENTS - 1)] = msgspec.field(
        default_factory=list
    )
    prev: Hex32 | UnsetType = UNSET


B = TypeVar("B", bound=Told)


@dataclass(frozen=True, slots=True)
class Asking(Generic[B]):
    """An act that somebody asks for.

    Attributes:
        node: at which.
        told: what it is told.
        entity: whom the path names.
        person: pseudonym of the officer; None where the operator records what others have done.
        files: that go with the record, behind the documents of its draft.
    """

    node: Node
    told: B
    entity: bytes | None
    person: bytes | None
    files: tuple[NewDocument, ...] = ()

    @property
    def today(self) -> str:
        """The civil date in the site's zone."""
        return format_day(self.node.desk.today())

    def draft(
        self,
        family: str,
        values: Mapping[str, Any],
        *,
        entity: bytes | None = None,
        document: NewDocument | None = None,
    ) -> Draft:
        """Make the draft of a record: a new entity, or the one that is given."""
        seen = None if entity is None else read_hex(self.told.prev) or CURRENT
        documents = [document] if document is not None else []
        return Draft(family, given(values), entity=entity, seen=seen, documents=documents)


def _no_turn(_node: Node) -> AbstractAsyncContextManager[Any]:
    """Wait for nobody."""
    return nullcontext()


Plan: TypeAlias = Callable[[Asking[Any]], Awaitable[Draft]]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that can be done; its words are for people and for the API's description.

    Attributes:
        name: as the trail has it, for example `application.step`.
        method: of HTTP.
        path: below `/api/v1/office`.
        roles: of officers who may do it.
        told: type of the body of a request.
        plan: makes the draft.
        words: one sentence.
        follow: has to be done behind it; what cannot be done now is done by the node later.
        turn: held while it is drafted and appended, where what it writes depends on others of its
            kind.
    """

    name: str
    method: Literal["POST", "PUT"]
    path: str
    roles: tuple[OfficerRole, ...]
    told: type[Told]
    plan: Plan
    words: str
    follow: Callable[[Node], Awaitable[None]] | None = None
    turn: Callable[[Node], AbstractAsyncContextManager[Any]] = _no_turn


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what was not given."""
    return {name: value for name, value in values.items() if not is_missing(value)}


def is_missing(value: object) -> bool:
    """Say whether a value stands for nothing."""
    return value is UNSET or value is None or value in ("", [], {}, ())


def read_hex(text: str | UnsetType) -> bytes | None:
    """Return the bytes that are written in hex; None for nothing."""
    return None if isinstance(text, UnsetType) else bytes.fromhex(text)


def named_document(
    name: str, fields: Mapping[str, Value], *, visibility: Visibility = "public"
) -> NewDocument | None:
    """Make the document of what must not stand in the log; None where there is nothing of it.

    Raises:
        FormatError: a field has no canonical form.
    """
    held = given(fields)
    return structured(name, held, visibility=visibility) if held else None


def pick(told: Told, names: Iterable[str]) -> dict[str, Any]:
    """Return what was told under these names, where something was."""
    return given({name: msgspec.to_builtins(getattr(told, name)) for name in names
                  if getattr(told, name) is not UNSET})  # fmt: skip


Text: TypeAlias = Annotated[str, Meta(max_length=20_000)]
"""Free text; it goes into a document, never into the log."""
