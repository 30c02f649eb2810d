"""offering/1: a product or service of an organisation (SPEC REG-OFFERING)."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.application import asking_name
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


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Replace the offering's version.

    Raises:
        RefusedError: `lbl.reference` for an organisation this log does not hold, or another
            organisation or kind than what was applied for, `rec.body` for a date that is none.
    """
    body = fact.body
    day_of(body.effective_date, field="effective_date")
    if not view.exists("organisation", body.organisation):
        raise RefusedError(
            f"offering: no organisation {body.organisation.hex()} in this log",
            code="lbl.reference",
        )
    if state is not None:
        _check_same(fact, state, view)
    codes = [PROCUREMENT + code for code in body.cpv or ()]
    if body.gtin is not UNSET:
        codes.append(ITEM + fold_item(body.gtin))
    if body.effect_scale is not UNSET:
        codes.append(SCALE + body.effect_scale)
    codes += [f"{LISTED}{one.list}:{one.code}" for one in body.codes or ()]
    return Change(State(fact.index, body.organisation, body.kind, body.status, codes))


def _check_same(fact: Fact[Body], before: State, view: View) -> None:
    """Hold an offering to what a label was applied for or granted for (SPEC LBL-6, I3, I4)."""
    now = (fact.body.organisation, fact.body.kind)
    if now == (before.organisation, before.kind):
        return
    is_asked = view.exists_named("label_application", asking_name(fact.record.entity))
    if is_asked or view.is_import_closed:
        why = (
            "an application names it"
            if is_asked
            else "this site has closed the import of its existing register"
        )
        raise RefusedError(
            f"offering: its organisation and its kind are permanent, because {why}; "
            "what somebody else offers, or of another kind, is another offering",
            code="lbl.reference",
        )


FAMILY = Family("offering", 1, Body, State, Role.REGISTRAR, Place.MEMBER, apply)
