"""complaint/1: what a member has heard about a label of any site (SPEC COMPL-RECORD)."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import CertificateNumber, CivilDate, day_of, latest_day


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A complaint; who complains, and what about in words, are documents.

    Attributes:
        certificate: number of the label, of any site.
        kind: what it is about.
        received_on: civil date in the site's zone.
        withdrawn_on: civil date from which it is kept up no longer.
    """

    certificate: CertificateNumber
    kind: Literal["non_conformity", "misuse", "procedure"]
    received_on: CivilDate
    withdrawn_on: CivilDate | UnsetType = UNSET


class State(Struct, frozen=True, array_like=True):
    """The latest version of a complaint; days are ordinals.

    Attributes:
        index: position of its record.
        first: position of the first record on it, by which answers name it.
        certificate: number of the label.
        kind: what it is about.
        received: the day.
        withdrawn: the day; 0 where it is kept up.
    """

    index: int
    first: int
    certificate: str
    kind: str
    received: int
    withdrawn: int


def apply(fact: Fact[Body], state: State | None, _view: View) -> Change[State]:
    """Take a complaint, or that it is withdrawn.

    Raises:
        RefusedError: `cpl.subject` where it becomes one about another label, `cpl.transition`
            where it was withdrawn, `lbl.dates` for dates in the wrong order.
    """
    body = fact.body
    received = day_of(body.received_on, field="received_on")
    withdrawn = (
        0
        if isinstance(body.withdrawn_on, UnsetType)
        else day_of(body.withdrawn_on, field="withdrawn_on")
    )
    if max(received, withdrawn) > latest_day(fact.record.time):
        raise RefusedError("complaint: a day after it was recorded", code="lbl.dates")
    if withdrawn and withdrawn < received:
        raise RefusedError("complaint: withdrawn before it was received", code="lbl.dates")
    if state is not None and (state.certificate, state.received) != (body.certificate, received):
        raise RefusedError(
            "complaint: the label it is about and its day are permanent", code="cpl.subject"
        )
    if state is not None and state.withdrawn:
        raise RefusedError("complaint: it was withdrawn", code="cpl.transition")
    first = state.first if state else fact.index
    return Change(State(fact.index, first, body.certificate, body.kind, received, withdrawn))


FAMILY = Family("complaint", 1, Body, State, Role.REGISTRAR, Place.MEMBER, apply)
