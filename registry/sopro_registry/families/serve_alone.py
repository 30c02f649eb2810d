"""serve_alone/1: an operator let the log go on although no peer could be asked (SPEC FENCE).

If the disk was not the newest copy, what follows this record is a second history; the record says
that somebody took that risk, when, and why.
"""

from msgspec import Struct

from sopro_protocol.keys import Role
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Count, Line


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the operator decided.

    Attributes:
        peers: how many other nodes were known and had not answered.
        reason: in the operator's words; about machines and networks, never about a person.
    """

    peers: Count
    reason: Line


class State(Struct, frozen=True, array_like=True):
    """One such decision."""

    index: int
    body: Body


def apply(fact: Fact[Body], _state: State | None, _view: View) -> Change[State]:
    """Keep the decision; nothing else follows from it."""
    return Change(State(fact.index, fact.body))


FAMILY = Family("serve_alone", 1, Body, State, Role.REGISTRAR, Place.ANY, apply)
