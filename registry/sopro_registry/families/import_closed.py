"""import_closed/1: no more decisions of an existing register from here on (SPEC ASS-IMPORT)."""

from msgspec import Struct

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import CivilDate, day_of, latest_day


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end of the taking over; it is not undone.

    Attributes:
        effective_date: civil date in the site's zone.
    """

    effective_date: CivilDate


class State(Struct, frozen=True, array_like=True):
    """Where it ended."""

    index: int


def apply(fact: Fact[Body], state: State | None, _view: View) -> Change[State]:
    """End the taking over; once more says the same.

    Raises:
        RefusedError: `rec.body` for a date that is none, `lbl.dates` for one that has not come.
    """
    day = day_of(fact.body.effective_date, field="effective_date")
    if day > latest_day(fact.record.time):
        raise RefusedError(
            "import: closed after it was recorded; close it on the day it ends (I5)",
            code="lbl.dates",
        )
    return Change(state or State(fact.index), closes_import=day)


FAMILY = Family("import_closed", 1, Body, State, Role.REGISTRAR, Place.MEMBER, apply)
