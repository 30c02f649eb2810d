"""orphan_erasure/1: a document of a site that is gone is erased everywhere (SPEC ERASE-7).

Whoever asks to be forgotten by a site that has left or was expelled asks who looks after it: that
site, or the coordinator, erases in its own log what the other one can erase no more.
"""

from typing import Annotated

from msgspec import Meta, Struct

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.family import Change, Erased, Fact, Family, Place, View
from sopro_registry.fields import CivilDate, Count, ErasureReason, Origin, day_of


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One document in the log of a site that is gone, which nobody may keep or show from now on.

    Attributes:
        deadline: civil date by which every node has erased it.
        document: its number among the documents of its record.
        index: position of the record in that log.
        origin: of that log.
        reason: why, without a word about anybody.
    """

    deadline: CivilDate
    document: Annotated[int, Meta(ge=0, le=255)]
    index: Count
    origin: Origin
    reason: ErasureReason


class State(Struct, frozen=True, array_like=True):
    """What was erased, where, and by when."""

    index: int
    origin: str
    erased: int
    document: int
    deadline: int


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Erase a document of a record in the log of a site that this one looks after.

    Raises:
        RefusedError: `era.caretaker` for the log of a site that this one does not look after,
            `era.index` for a record that such a site may write when it comes back, `era.again`
            for a second record on the entity or the document, `rec.body` for a date that is none.
    """
    body = fact.body
    deadline = day_of(body.deadline, field="deadline")
    if state is not None:
        raise RefusedError("erasure: nothing can be added to an erasure", code="era.again")
    if not view.looks_after(body.origin):
        raise RefusedError(
            f"erasure: {body.origin} is no log of a site that has left or was expelled and that "
            f"{view.site} looks after",
            code="era.caretaker",
        )
    place = f"{body.origin} {body.index} {body.document}"
    if view.exists_named(FAMILY.name, place):
        raise RefusedError("erasure: this document was erased before", code="era.again")
    end = view.end_while_away(body.origin)
    if end is not None and body.index >= end:
        raise RefusedError(
            f"erasure: 'index': {body.origin} has ended at size {end}, got {body.index}; documents "
            "of later records only its own site can erase, which may come back",
            code="era.index",
        )
    return Change(
        State(fact.index, body.origin, body.index, body.document, deadline),
        names=(place,),
        erased=Erased(body.index, body.document, fact.index, deadline, body.origin),
    )


FAMILY = Family("orphan_erasure", 1, Body, State, Role.REGISTRAR, Place.CARETAKER, apply)
