"""organisation/1: who holds or seeks a label; what names them is in a document (SPEC REG-ORG)."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.keys import Role
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import CivilDate, Code, Codes, CountryCode, day_of
from sopro_registry.terms import ACTIVITY, HOLDER, LISTED, REGION, widen

ActorType = Literal[
    "social_enterprise",
    "enterprise",
    "public_institution",
    "consulting_institution",
    "support_organisation",
    "funder",
    "knowledge_institution",
    "network",
    "service_site",
]


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An organisation from this record on: codes and dates only.

    Attributes:
        activities: NACE codes with their revision, for example `2.1:38.21`.
        actor_type: its part in the economy of social and ecological value.
        codes: of any list that the coordinator has published, for example a legal form.
        country: ISO 3166-1 alpha-2 of its seat.
        effective_date: civil date in the site's zone.
        nuts: NUTS code of its seat.
        status: whether it is still there.
    """

    activities: Annotated[list[Code], Meta(min_length=1, max_length=32)] | UnsetType = UNSET
    actor_type: ActorType
    codes: Codes | UnsetType = UNSET
    country: CountryCode
    effective_date: CivilDate
    nuts: Code | UnsetType = UNSET
    status: Literal["active", "inactive", "dissolved", "moved_to_site"]


class State(Struct, frozen=True, array_like=True):
    """The latest version of an organisation.

    Attributes:
        index: position of its record.
        actor_type: its part in the economy of social and ecological value.
        country: of its seat.
        status: whether it is still there.
        codes: the terms of its codes (`terms`).
        ended: the day from which it is dissolved; 0 where it is not.
    """

    index: int
    actor_type: str
    country: str
    status: str
    codes: list[str] = []
    ended: int = 0

    def terms(self) -> Iterator[str]:
        """Go through the terms by which it is found."""
        yield HOLDER + self.actor_type
        for code in self.codes:
            yield from widen(code)


def apply(fact: Fact[Body], _state: State | None, _view: View) -> Change[State]:
    """Replace the organisation's version.

    Raises:
        RefusedError: `rec.body` for a date that is none.
    """
    body = fact.body
    day = day_of(body.effective_date, field="effective_date")
    codes = [ACTIVITY + code for code in body.activities or ()]
    if body.nuts is not UNSET:
        codes.append(REGION + body.nuts)
    codes += [f"{LISTED}{one.list}:{one.code}" for one in body.codes or ()]
    ended = day if body.status == "dissolved" else 0
    return Change(State(fact.index, body.actor_type, body.country, body.status, codes, ended))


FAMILY = Family("organisation", 1, Body, State, Role.REGISTRAR, Place.MEMBER, apply)
