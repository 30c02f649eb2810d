"""Drafts: what an officer means, what comes of it, and the body of a record made of its fields."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from sopro_node.documents import NewDocument
from sopro_protocol.errors import FormatError, RefusedError, SoproError
from sopro_registry.family import Family
from sopro_registry.tables import Void

CURRENT: Final = b""
"""Seen: whatever is current; for callers that read the entity in the same breath."""
_BODY: Final = "rec.body"


@dataclass(frozen=True, slots=True)
class Draft:
    """What an officer means, no bytes yet.

    Attributes:
        family: name without major.
        values: fields of the body.
        entity: whom it is about; None makes a new one.
        seen: entry id of the version the officer saw, None for no version, or `CURRENT`.
        documents: to be kept outside the log.
        before: drafts that are appended right before it, in the same transaction: all of them and
            it, or none.
    """

    family: str
    values: Mapping[str, Any]
    entity: bytes | None = None
    seen: bytes | None = CURRENT
    documents: Sequence[NewDocument] = field(default=())
    is_copy: bool = False
    before: "Sequence[Draft]" = field(default=())


@dataclass(frozen=True, slots=True)
class Signed:
    """An entry that was signed elsewhere, such as with a root key that never comes here."""

    entry: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a draft has come to lie, durably."""

    index: int
    entity: bytes
    entry_id: bytes
    values: Mapping[str, Any]


Outcome = Appended | SoproError
Note = Callable[[Sequence[Appended]], None]
"""Called in the transaction that makes entries durable, on the writer's thread, with where they
have come to lie; what it writes is there exactly if they are. It may be called again."""


def make_body(family: Family[Any, Any], values: Mapping[str, Any]) -> msgspec.Struct:
    """Make the body of a record.

    Raises:
        FormatError: a field is none of the family's, or does not fit.
    """
    unknown = set(values) - set(family.body.__struct_fields__)
    if unknown:
        raise FormatError(
            f"{family.name}: no field {', '.join(sorted(unknown))}; "
            f"known: {', '.join(family.body.__struct_fields__)}",
            code=_BODY,
        )
    try:
        body: msgspec.Struct = msgspec.convert(dict(values), family.body, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise FormatError(f"{family.name}: {error}", code=_BODY) from None
    return body


def refusal_of(void: Void) -> SoproError:
    """Say why a draft came to nothing: a field that does not fit, or a rule."""
    kind = FormatError if void.code == _BODY else RefusedError
    return kind(void.message, code=void.code)
