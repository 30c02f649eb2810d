"""erasure_receipt/1: a site says that it has erased a document of another (SPEC ERASE)."""

from msgspec import Struct

from sopro_protocol.keys import Role
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Bytes32, Count, Origin


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was carried out.

    Attributes:
        erasure: entry id of the erasure record.
        index: its position.
        origin: of the log it is in.
    """

    erasure: Bytes32
    index: Count
    origin: Origin


class State(Struct, frozen=True, array_like=True):
    """The erasure that was carried out, and the entry that says so."""

    index: int
    origin: str
    erasure_index: int
    erasure: bytes


def name_of(origin: str, index: int) -> str:
    """Return the name under which the receipt for an erasure is found."""
    return f"{origin} {index}"


def apply(fact: Fact[Body], _state: State | None, _view: View) -> Change[State]:
    """Keep the receipt; whether such an erasure exists is for whoever reads it to say."""
    body = fact.body
    state = State(fact.index, body.origin, body.index, body.erasure)
    return Change(state, names=(name_of(body.origin, body.index),))


FAMILY = Family("erasure_receipt", 1, Body, State, Role.REGISTRAR, Place.ANY, apply)
