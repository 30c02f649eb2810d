"""offering/1: a product or service of an organisation (SPEC REG-OFFERING)."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.application import Application, Step, asking_name, decided_name
from sopro_registry.duties import evaluation_name
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Bytes16, CivilDate, Code, Codes, day_of
from sopro_registry.terms import ITEM, LISTED, PROCUREMENT, SCALE, fold_item, widen

Scale = Literal["local", "regional", "national", "european", "global"]


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An offering from this record on; its name and description are in a document.

    Attributes:
        application: entity of the one by which another trade item number is asked for.
        codes: of any list that the coordinator has published, for example a social objective.
        cpv: procurement codes, as text for their leading zeros.
        effect_scale: how far its social and ecological effect reaches.
        effective_date: civil date in the site's zone.
        gtin: trade item number.
        kind: what is offered.
        organisation: entity of the organisation, in this log.
        status: whether it is offered.
    """

    application: Bytes16 | UnsetType = UNSET
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
        ended: the day from which it is withdrawn; 0 where it is not.
        is_new: whether it was registered after the import of the existing register was closed.
    """

    index: int
    organisation: bytes
    kind: str
    status: str
    codes: list[str] = []
    ended: int = 0
    is_new: bool = False

    @property
    def item(self) -> str:
        """Its trade item number as it is found; empty where it has none."""
        return next((code for code in self.codes if code.startswith(ITEM)), "")

    def terms(self) -> Iterator[str]:
        """Go through the terms by which it is found."""
        for code in self.codes:
            yield from widen(code)


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Replace the offering's version.

    Raises:
        RefusedError: `lbl.reference` for an organisation this log does not hold, or for another
            organisation, kind or trade item number than what was applied for, `rec.body` for a date
            that is none.
    """
    body = fact.body
    day = day_of(body.effective_date, field="effective_date")
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
    ended = day if body.status == "withdrawn" else 0
    is_new = state.is_new if state else view.is_import_closed
    new = State(fact.index, body.organisation, body.kind, body.status, codes, ended, is_new)
    if state is not None:
        _check_same(fact, state, new, view)
    return Change(new)


def _check_same(fact: Fact[Body], before: State, now: State, view: View) -> None:
    """Hold an offering to what a label was applied for or granted for (SPEC LBL-6, I3, I4)."""
    moves = (now.organisation, now.kind) != (before.organisation, before.kind)
    is_other = now.item != before.item
    if not moves and not is_other:
        return
    why = _asked_why(fact.record.entity, view)
    if moves and (why or view.is_import_closed):
        raise RefusedError(
            f"offering: its organisation and its kind are permanent, because {why or _CLOSED}; "
            "what somebody else offers, or of another kind, is another offering",
            code="lbl.reference",
        )
    if not why and view.is_import_closed and not before.is_new:
        why = _CLOSED
    if is_other and why and not _is_to_be_assessed(fact, view):
        raise RefusedError(
            f"offering: its trade item number stays as it is, because {why}; name in 'application' "
            "one for it that is accepted and not evaluated yet (kind scope_extension or renewal), "
            "so that the other number is assessed, or register another offering",
            code="lbl.reference",
        )


_CLOSED: Final = "this site has closed the import of its existing register"


def _asked_why(entity: bytes, view: View) -> str:
    """Say why a label has been asked for, for an offering; nothing where none is known to be."""
    name = asking_name(entity)
    if view.exists_named("label_application", name):
        return "an application names it"
    return "a label was taken over for it" if view.named("label_decision", name) else ""


def _is_to_be_assessed(fact: Fact[Body], view: View) -> bool:
    """Say whether an application for the offering is named that nobody has evaluated yet."""
    named = fact.body.application
    if isinstance(named, UnsetType):
        return False
    asked = view.state("label_application", named)
    return (
        isinstance(asked, Application)
        and (asked.offering, asked.step) == (fact.record.entity, Step.ACCEPTED)
        and not view.exists_named("label_application", decided_name(named))
        and not view.exists_named("evaluation", evaluation_name(named, 0))
    )


FAMILY = Family("offering", 1, Body, State, Role.REGISTRAR, Place.MEMBER, apply)
