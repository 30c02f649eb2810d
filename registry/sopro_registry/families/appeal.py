"""appeal/1: against a decision of this site, before people who had no part in it (SPEC APPEAL)."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.complaints import APPEAL, Appeal, AppealStep
from sopro_registry.duties import earlier_labels, has_assessed, has_reviewed, subjects_of
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
        step: where the appeal is from here on.
    """

    decision: Count
    effective_date: CivilDate
    label: Bytes16
    panel: Annotated[list[Bytes16], Meta(min_length=1, max_length=16)] | UnsetType = UNSET
    step: AppealStep


_WITHOUT_PANEL = (AppealStep.RECEIVED, AppealStep.WITHDRAWN)


def apply(fact: Fact[Body], state: Appeal | None, view: View) -> Change[Appeal]:
    """Take an appeal a step further.

    Raises:
        RefusedError: `cpl.transition` where the table has no such step, `cpl.subject` for a
            decision that is not there, or another than before, `ass.duties` for a panel with
            somebody who took part, `lbl.dates` for dates in the wrong order.
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
    panel = _read_panel(body, state, label, view)
    steps = [*(state.steps if state else []), (fact.index, body.step, day)]
    return Change(
        Appeal(body.label, body.decision, panel, steps),
        names=(name_about(body.label, fact.record.entity),),
    )


def _read_panel(body: Body, state: Appeal | None, label: Label, view: View) -> list[bytes]:
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
    _check_panel(panel, body.label, label, view)
    return panel


def _check_panel(panel: list[bytes], entity: bytes, label: Label, view: View) -> None:
    """Hold the panel to people who had no part in deciding on the label or assessing it (I2)."""
    subjects = subjects_of(entity, label, view)
    held = [label, *(one for _, one in earlier_labels(label, view))]
    deciders = {decider for one in held for _, decider, _ in one.people}
    for person in panel:
        if (
            person in deciders
            or has_assessed(person, subjects, view)
            or has_reviewed(person, subjects, view)
        ):
            raise RefusedError(
                "appeal: the panel has somebody who took part in deciding on the label, in "
                f"reviewing or in evaluating it: {person.hex()[:8]}; name another panel (I2)",
                code="ass.duties",
            )


FAMILY = Family("appeal", 1, Body, Appeal, Role.REGISTRAR, Place.MEMBER, apply)
