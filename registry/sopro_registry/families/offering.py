"""offering/1: a product or service of an organisation (SPEC REG-OFFERING)."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Bytes16, CivilDate, Code, Codes, day_of
from sopro_registry.terms import ITEM, LISTED, PROCUREMENT, SCALE, fold_item, widen

Scale = Literal["local", "regional", "national", "european", "global"]


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An offering from this record on; its name and description are in a document.

    Attributes:
        codes: of any list that the coordinator has published, for example a social objective.
        cpv: procurement codes, as text for their leading zeros.
        effect_scale: how far its social and ecological effect reaches.
        effective_date: civil date in the site's zone.
        gtin: trade item number.
        kind: what is offered.
        organisation: entity of the organisation, in this log.
        status: whether it is offered.
    """

    codes: Codes | UnsetType = UNSET
    cpv: Annotated[list[Code], Meta(min_length=1, max_length=32)] | UnsetType = UNSET
    effect_scale: Scale | UnsetType = UNSET
    effective_date: CivilDate
    gtin: Code | UnsetType = UNSET
    kind: Literal["product", "service", "production_step", "material_recovery"]
    organisation: Bytes16
    status: Literal["draft", "published", "paused", "withdrawn"]


class State(Struct, frozen=True, array_like=True):
    """The latest version of an offering.

    Attributes:
        index: position of its record.
        organisation: entity of who offers it.
        kind: what is offered.
        status: whether it is offered.
        codes: the terms of its codes, its item number and its scale (`terms`).
    """

    index: int
    organisation: bytes
    kind: str
    status: str
    codes: list[str] = []

    def terms(self) -> Iterator[str]:
        """Go through the terms by which it is found."""
        for code in self.codes:
            yield from widen(code)


def apply(fact: Fact[Body], _state: State | None, view: View) -> Change[State]:
    """Replace the offering's version.

    Raises:
        RefusedError: `lbl.reference` for an organisation this log does not hold, `rec.body` for
            a date that is none.
    """
    body = fact.body
    day_of(body.effective_date, field="effective_date")
    if not view.exists("organisation", body.organisation):
        raise RefusedError(
            f"offering: no organisation {body.organisation.hex()} in this log",
            code="lbl.reference",
        )
    codes = [PROCUREMENT + code for code in body.cpv or ()]
    if body.gtin is not UNSET:
        codes.append(ITEM + fold_item(body.gtin))
    if body.effect_scale is not UNSET:
        codes.append(SCALE + body.effect_scale)
    codes += [f"{LISTED}{one.list}:{one.code}" for one in body.codes or ()]
    return Change(State(fact.index, body.organisation, body.kind, body.status, codes))


FAMILY = Family("offering", 1, Body, State, Role.REGISTRAR, Place.MEMBER, apply)
