"""complaint_answer/1: what a label's home site makes of a complaint (SPEC COMPL-ANSWER)."""

from msgspec import UNSET, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_protocol.record import Bytes32, Origin
from sopro_registry.complaints import COMPLAINT, Answered, ComplaintStep
from sopro_registry.duties import is_kept_off
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Bytes16, CivilDate, Count, day_of, latest_day
from sopro_registry.label import Label, name_about


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step of the home site.

    Attributes:
        complaint: entry id of the first record on the complaint.
        effective_date: civil date of the step.
        index: position of that record in its log.
        label: entity of the label it is about.
        origin: of the log that the complaint is in.
        person: pseudonym of who takes the step; absent in records from before there was it.
        step: where the site is with it.
    """

    complaint: Bytes32
    effective_date: CivilDate
    index: Count
    label: Bytes16
    origin: Origin
    person: Bytes16 | UnsetType = UNSET
    step: ComplaintStep


def answer_name(origin: str, index: int) -> str:
    """Name the answer to a complaint, so that there is one at most."""
    return f"{origin} {index}"


def apply(fact: Fact[Body], state: Answered | None, view: View) -> Change[Answered]:
    """Take a complaint a step further.

    Raises:
        RefusedError: `cpl.transition` where the table has no such step, `cpl.subject` for a label
            that is not there, or another complaint than before, `lbl.dates` for dates in the
            wrong order, `ass.duties` for somebody who took part in what is complained about.
    """
    body = fact.body
    day = day_of(body.effective_date, field="effective_date")
    before = state.steps[-1][1] if state else None
    if body.step not in COMPLAINT[before]:
        raise RefusedError(
            f"complaint: cannot become {body.step} where it is {before or 'not acknowledged'}",
            code="cpl.transition",
        )
    if day > latest_day(fact.record.time) or (state is not None and day < state.steps[-1][2]):
        raise RefusedError("complaint: a step out of order", code="lbl.dates")
    about = (body.origin, body.index, body.label)
    if state is not None and about != (state.origin, state.index, state.label):
        raise RefusedError("complaint: what is answered is permanent", code="cpl.subject")
    name = answer_name(body.origin, body.index)
    if state is None and view.exists_named("complaint_answer", name):
        raise RefusedError("complaint: it is answered already", code="cpl.subject")
    label = view.state("label_decision", body.label)
    if not isinstance(label, Label):
        raise RefusedError("complaint: its label is not in this log", code="cpl.subject")
    person = b"" if isinstance(body.person, UnsetType) else body.person
    is_judging = person and body.step is not ComplaintStep.ACKNOWLEDGED
    if is_judging and is_kept_off(person, body.label, label, day, view):
        raise RefusedError(
            f"complaint: {person.hex()[:8]} took part in deciding on the label, in reviewing or in "
            "evaluating it, or works for its holder, and may acknowledge a complaint about it but "
            f"not make it {body.step}; somebody else has to (I2, COMPL-7)",
            code="ass.duties",
        )
    steps = [*(state.steps if state else []), (fact.index, body.step, day)]
    names = (name, name_about(body.label, fact.record.entity))
    people = [*(state.people if state else []), person]
    return Change(Answered(body.origin, body.index, body.label, steps, people), names=names)


FAMILY = Family("complaint_answer", 1, Body, Answered, Role.REGISTRAR, Place.MEMBER, apply)
