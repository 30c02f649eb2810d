"""appeal/1: against a decision of this site, before people who had no part in it (SPEC APPEAL)."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.complaints import APPEAL, Appeal, AppealStep
from sopro_registry.duties import is_kept_off
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Bytes16, CivilDate, Count, day_of, latest_day
from sopro_registry.label import Label, name_about


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step of an appeal; the grounds are documents.

    Attributes:
        decision: position of the decision in this log.
        effective_date: civil date of the step.
        label: entity of the label that was decided on.
        panel: pseudonyms of who decides on the appeal; with each `panel`, and perhaps behind it.
        person: pseudonym of who records how it ends; absent in records from before there was it.
        step: where the appeal is from here on.
    """

    decision: Count
    effective_date: CivilDate
    label: Bytes16
    panel: Annotated[list[Bytes16], Meta(min_length=1, max_length=16)] | UnsetType = UNSET
    person: Bytes16 | UnsetType = UNSET
    step: AppealStep


_WITHOUT_PANEL = (AppealStep.RECEIVED, AppealStep.WITHDRAWN)


def apply(fact: Fact[Body], state: Appeal | None, view: View) -> Change[Appeal]:
    """Take an appeal a step further.

    Raises:
        RefusedError: `cpl.transition` where the table has no such step, `cpl.subject` for a
            decision that is not there, or another than before, `ass.duties` for a panel with
            somebody who took part, or where such a one ends it, `lbl.dates` for dates in the
            wrong order.
    """
    body = fact.body
    day = day_of(body.effective_date, field="effective_date")
    before = state.steps[-1][1] if state else None
    if body.step not in APPEAL[before]:
        raise RefusedError(
            f"appeal: cannot become {body.step} where it is {before or 'not received'}",
            code="cpl.transition",
        )
    if day > latest_day(fact.record.time) or (state is not None and day < state.steps[-1][2]):
        raise RefusedError("appeal: a step out of order", code="lbl.dates")
    if state is not None and (body.label, body.decision) != (state.label, state.decision):
        raise RefusedError("appeal: the decision it is against is permanent", code="cpl.subject")
    label = view.state("label_decision", body.label)
    if not isinstance(label, Label) or all(
        body.decision != one.index or one.imported for one in label.decisions
    ):
        raise RefusedError(
            f"appeal: entry {body.decision} is no decision of this site on that label",
            code="cpl.subject",
        )
    panel = _read_panel(body, state, label, day, view)
    _check_person(body, panel, label, day, view)
    steps = [*(state.steps if state else []), (fact.index, body.step, day)]
    return Change(
        Appeal(body.label, body.decision, panel, steps),
        names=(name_about(body.label, fact.record.entity),),
    )


def _read_panel(
    body: Body, state: Appeal | None, label: Label, day: int, view: View
) -> list[bytes]:
    panel = [] if isinstance(body.panel, UnsetType) else body.panel
    if body.step in _WITHOUT_PANEL:
        if panel:
            raise RefusedError(f"appeal: {body.step} names no panel", code="ass.duties")
        return state.panel if state else []
    if state is not None and body.step is not AppealStep.PANEL:
        if panel and panel != state.panel:
            raise RefusedError(
                "appeal: its panel changes by the step 'panel' only", code="ass.duties"
            )
        panel = state.panel
    if not panel or panel != sorted(set(panel)):
        raise RefusedError(
            "appeal: expected a panel, in the order of the pseudonyms", code="ass.duties"
        )
    _check_panel(panel, body.label, label, day, view)
    return panel


def _check_panel(panel: list[bytes], entity: bytes, label: Label, day: int, view: View) -> None:
    """Hold the panel to people who had no part in deciding on the label or assessing it (I2)."""
    for person in panel:
        if is_kept_off(person, entity, label, day, view):
            raise RefusedError(
                "appeal: the panel has somebody who took part in deciding on the label, in "
                "reviewing or in evaluating it, or works for its holder: "
                f"{person.hex()[:8]}; name another panel (I2)",
                code="ass.duties",
            )


def _check_person(body: Body, panel: list[bytes], label: Label, day: int, view: View) -> None:
    """Hold who records how an appeal ends to having no part in what it is against (COMPL-8)."""
    person = body.person
    if isinstance(person, UnsetType):
        return
    if body.step in (AppealStep.RECEIVED, AppealStep.PANEL):
        raise RefusedError(
            f"appeal: {body.step} names nobody who records it (COMPL-8)", code="ass.duties"
        )
    if panel and person not in panel:
        raise RefusedError(
            f"appeal: {person.hex()[:8]} is none of the panel; how an appeal ends is recorded by "
            "one of them (I2, COMPL-8)",
            code="ass.duties",
        )
    if is_kept_off(person, body.label, label, day, view):
        raise RefusedError(
            f"appeal: {person.hex()[:8]} took part in deciding on the label, in reviewing or in "
            "evaluating it, or works for its holder, and does not end an appeal about it; somebody "
            "else has to record it (I2, COMPL-8)",
            code="ass.duties",
        )


FAMILY = Family("appeal", 1, Body, Appeal, Role.REGISTRAR, Place.MEMBER, apply)
