"""erasure/1: a site has a document erased everywhere; its record stays (SPEC ERASE)."""

from typing import Annotated

from msgspec import Meta, Struct

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.family import Change, Erased, Fact, Family, Place, View
from sopro_registry.fields import CivilDate, Count, ErasureReason, day_of

Reason = ErasureReason


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One document that nobody may keep or show from now on.

    Attributes:
        deadline: civil date by which every mirror has erased it.
        document: its number among the documents of its record.
        index: position of the record in this log.
        reason: why, without a word about anybody.
    """

    deadline: CivilDate
    document: Annotated[int, Meta(ge=0, le=255)]
    index: Count
    reason: Reason


class State(Struct, frozen=True, array_like=True):
    """What was erased, and by when."""

    index: int
    erased: int
    document: int
    deadline: int


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Erase a document of an earlier record.

    Raises:
        RefusedError: `era.index` for a record that is not before this one, `era.again` for a
            second record on the entity or the document, `rec.body` for a date that is none.
    """
    body = fact.body
    deadline = day_of(body.deadline, field="deadline")
    if state is not None:
        raise RefusedError("erasure: nothing can be added to an erasure", code="era.again")
    if body.index >= fact.index:
        raise RefusedError(
            f"erasure: the document of entry {body.index}, which is not before this one",
            code="era.index",
        )
    place = f"{body.index} {body.document}"
    if view.exists_named("erasure", place):
        raise RefusedError("erasure: this document was erased before", code="era.again")
    return Change(
        State(fact.index, body.index, body.document, deadline),
        names=(place,),
        erased=Erased(body.index, body.document, fact.index, deadline),
    )


FAMILY = Family("erasure", 1, Body, State, Role.REGISTRAR, Place.ANY, apply)
