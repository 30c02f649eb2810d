"""What a line of the directory shows of an organisation or an offering, as it lies in the database.

It follows from a state and the public document that came with it, and lies where the search finds
both: the page of a search then reads a few pages of the database and no document. Where there is no
line, because a document is not public, not here, or very long, the same is read from these.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from sopro_node.store.directory_index import PLACE
from sopro_protocol.encoding import Value
from sopro_registry.families import offering, organisation

LONGEST: Final = 1024
"""Bytes of a line; what is longer is read from its document."""

Thing: TypeAlias = organisation.State | offering.State


class HolderLine(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    """Name, locality and country of an organisation; empty where it is not known."""

    name: str = ""
    place: str = ""
    country: str = ""


class ThingLine(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """An offering.

    Attributes:
        holder: what of its organisation's entity is behind the place it lies in.
        kind: product, service, ...
        name: by language.
    """

    holder: bytes
    kind: str
    name: dict[str, str]


Line: TypeAlias = HolderLine | ThingLine
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[msgspec.msgpack.Decoder[Line]] = msgspec.msgpack.Decoder(Line)


def holder_line(state: organisation.State, fields: Mapping[str, Value]) -> HolderLine:
    """Say what is shown of an organisation, from the fields of its public document."""
    name, place = (str(fields.get(one, "")) for one in ("legal_name", "locality"))
    return HolderLine(name, place, state.country)


def thing_line(state: offering.State, fields: Mapping[str, Value]) -> ThingLine:
    """Say what is shown of an offering, from the fields of its public document."""
    names = fields.get("name")
    by_language = names.items() if isinstance(names, Mapping) else ()
    return ThingLine(
        state.organisation[PLACE:], state.kind, {str(tag): str(text) for tag, text in by_language}
    )


def write_line(state: Thing, fields: Mapping[str, Value]) -> bytes:
    """Write what is shown of a thing; nothing where that is too long."""
    if isinstance(state, offering.State):
        data = _ENCODER.encode(thing_line(state, fields))
    else:
        data = _ENCODER.encode(holder_line(state, fields))
    return data if len(data) <= LONGEST else b""


def read_line(data: bytes) -> Line:
    """Read what `write_line` has written."""
    return _DECODER.decode(data)
