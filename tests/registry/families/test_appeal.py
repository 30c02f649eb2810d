from typing import Any

import pytest

from sopro_registry.complaints import APPEAL, AppealStep
from tests.registry.assessing import APPLICATION, ASSESSOR, DECIDER, REVIEW, REVIEWER, Assessing
from tests.registry.world import Written, bytes16

ENTITY = bytes16("appeal")
PANEL = sorted([bytes16("judge"), bytes16("other judge")])
PATHS: dict[AppealStep | None, tuple[str, ...]] = {
    None: (),
    AppealStep.RECEIVED: ("received",),
    AppealStep.PANEL: ("received", "panel"),
    AppealStep.UPHELD: ("received", "panel", "upheld"),
    AppealStep.PARTLY_UPHELD: ("received", "panel", "partly_upheld"),
    AppealStep.REJECTED: ("received", "panel", "rejected"),
    AppealStep.WITHDRAWN: ("received", "withdrawn"),
}


@pytest.fixture
def case() -> Assessing:
    case = Assessing()
    case.bring_to("reviewed")
    assert case.at.decide("grant", application=APPLICATION, review=REVIEW).code is None
    return case


def body(case: Assessing, step: str, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "decision": case.at.decisions()[0].index,
        "effective_date": "2026-02-01",
        "label": bytes16("label"),
        "step": step,
    }
    if step == "panel":
        values["panel"] = PANEL
    values |= changes
    return {name: value for name, value in values.items() if value is not None}


def write(case: Assessing, step: str, **changes: Any) -> Written:
    return case.at.write("appeal/1", body(case, step, **changes), entity=ENTITY)


@pytest.mark.parametrize("step", AppealStep)
@pytest.mark.parametrize("before", PATHS)
def test_goes_by_its_table(case: Assessing, before: AppealStep | None, step: AppealStep) -> None:
    for one in PATHS[before]:
        assert write(case, one).code is None
    assert write(case, step).code == (None if step in APPEAL[before] else "cpl.transition")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"panel": None}, "ass.duties"),
        ({"panel": PANEL[::-1]}, "ass.duties"),
        ({"panel": [PANEL[0]] * 2}, "ass.duties"),
        ({"panel": sorted([PANEL[0], ASSESSOR])}, "ass.duties"),
        ({"panel": sorted([PANEL[0], REVIEWER])}, "ass.duties"),
        ({"panel": sorted([PANEL[0], DECIDER])}, "ass.duties"),
        ({"panel": [PANEL[0]]}, None),
        ({"decision": 0}, "cpl.subject"),
        ({"label": bytes16("offering")}, "cpl.subject"),
        ({"effective_date": "2026-01-31"}, "lbl.dates"),
        ({"effective_date": "2028-01-03"}, "lbl.dates"),
        ({"effective_date": "2026-02-30"}, "rec.body"),
    ],
)
def test_refuses(case: Assessing, changes: dict[str, Any], code: str | None) -> None:
    assert write(case, "received").code is None
    assert write(case, "panel", **changes).code == code


def test_a_later_step_names_no_other_panel(case: Assessing) -> None:
    assert write(case, "received", panel=PANEL).code == "ass.duties"
    for step in ("received", "panel"):
        assert write(case, step).code is None
    assert write(case, "upheld", panel=[bytes16("third judge")]).code == "ass.duties"
    assert write(case, "upheld", panel=PANEL).code is None
    state = case.world.node.state(case.at.origin, ENTITY)
    assert (state.panel, state.is_open) == (PANEL, False)


def test_another_panel_takes_the_place_of_one_that_cannot_decide(case: Assessing) -> None:
    """One of the panel decides on the label while the appeal is open."""
    for step in ("received", "panel"):
        assert write(case, step).code is None
    assert case.at.decide("correct", decider=PANEL[0]).code is None
    for step in ("upheld", "partly_upheld", "rejected"):
        assert write(case, step).code == "ass.duties"
    for unfit in (None, PANEL, [PANEL[0]], [DECIDER]):
        assert write(case, "panel", panel=unfit).code == "ass.duties"
    new = [bytes16("third judge")]
    assert write(case, "panel", panel=new).code is None
    assert write(case, "rejected", panel=[PANEL[1]]).code == "ass.duties"
    assert write(case, "rejected").code is None
    state = case.world.node.state(case.at.origin, ENTITY)
    assert (state.panel, state.is_open) == (new, False)


def test_is_against_a_decision_of_this_site(case: Assessing) -> None:
    case.at.decide("grant", label="old", certificate=case.at.number(2), basis="imported")
    [imported] = case.at.decisions(label="old")
    about = {"decision": imported.index, "label": bytes16("old")}
    assert write(case, "received", **about).code == "cpl.subject"
    assert write(case, "received").code is None
    revoked = case.at.decide("revoke")
    assert revoked.code is None
    assert write(case, "panel", decision=revoked.judgement.index).code == "cpl.subject"
    other = body(case, "received", decision=revoked.judgement.index)
    assert case.at.judge("appeal/1", other, entity=bytes16("other appeal")).code is None


def test_its_panel_had_no_part_in_the_label(case: Assessing) -> None:
    """Whoever has assessed, reviewed or decided hears no appeal, whichever decision it is about."""
    surveyor, leave = bytes16("surveyor"), bytes16("leave of the surveyor")
    allowed = case.authorisation(person=surveyor)
    assert case.at.write("assessor_authorisation/1", allowed, entity=leave).code is None
    changes = {
        "application": None,
        "assessors": [{"authorisation": leave, "person": surveyor}],
        "kind": "surveillance",
        "label": bytes16("label"),
        "performed_on": "2026-01-15",
    }
    assert case.evaluate(entity=bytes16("survey"), **changes).code is None
    other = bytes16("other officer")
    assert case.at.decide("correct", decider=other).code is None
    written = case.at.decide("suspend", decider=bytes16("third officer"))
    assert written.code is None
    about = {"decision": written.judgement.index}
    assert write(case, "received", **about).code is None
    for person in (surveyor, ASSESSOR, REVIEWER, DECIDER, other, bytes16("third officer")):
        assert write(case, "panel", panel=[person], **about).code == "ass.duties"
    assert write(case, "panel", **about).code is None


def test_who_reviewed_a_renewal_hears_no_appeal_about_its_label(case: Assessing) -> None:
    renewal, found, reviewer = (bytes16(one) for one in ("renewal", "found anew", "other reviewer"))
    asked = {"effective_date": "2026-01-20", "kind": "renewal", "label": bytes16("label")}
    for step in ("submitted", "accepted"):
        fields = case.application(step, **asked)
        assert case.at.write("label_application/1", fields, entity=renewal).code is None
    fields = {"application": renewal, "kind": "recertification", "performed_on": "2026-01-21"}
    assert case.evaluate(entity=found, **fields).code is None
    fields = {"application": renewal, "evaluations": [found], "reviewed_on": "2026-01-22"}
    text = case.review(reviewer=reviewer, **fields)
    assert case.at.write("review/1", text, entity=bytes16("other review")).code is None
    assert write(case, "received").code is None
    assert write(case, "panel", panel=[reviewer]).code == "ass.duties"
    assert write(case, "panel").code is None


def authorise_own(case: Assessing) -> bytes:
    """Authorise one of the holder's people as a second party."""
    person = bytes16("one of the holder's people")
    fields = {"level": "second_party", "organisation": bytes16("organisation"), "person": person}
    body = case.authorisation(**fields, valid_until="2025-01-31")
    assert case.at.write("assessor_authorisation/1", body, entity=bytes16("own")).code is None
    return person


def test_the_holders_people_hear_no_appeal_for_two_years(case: Assessing) -> None:
    own = authorise_own(case)
    assert write(case, "received", effective_date="2027-01-31").code is None
    unfit = write(case, "panel", panel=[own], effective_date="2027-01-31")
    assert unfit.code == "ass.duties"
    assert write(case, "panel", panel=[own], effective_date="2027-02-01").code is None


# Who records that it was withdrawn, or what its panel has decided (COMPL-8).


@pytest.mark.parametrize("is_early", [True, False])
def test_nobody_ends_an_appeal_who_is_appealed_against(case: Assessing, is_early: bool) -> None:
    own, stranger = authorise_own(case), bytes16("stranger")
    for step in ("received",) if is_early else ("received", "panel"):
        assert write(case, step).code is None
    for person in (DECIDER, REVIEWER, ASSESSOR, own):
        written = write(case, "withdrawn", person=person)
        assert written.code == "ass.duties"
        assert written.judgement.void is not None
        assert "(I2, COMPL-8)" in written.judgement.void.message
    assert write(case, "withdrawn", person=stranger).code == (None if is_early else "ass.duties")
    if not is_early:
        assert write(case, "withdrawn", person=PANEL[1]).code is None


def test_nobody_need_be_named_who_ends_an_appeal(case: Assessing) -> None:
    for step in ("received", "withdrawn"):
        assert write(case, step).code is None


def test_one_of_the_panel_ends_no_appeal_who_has_decided_since(case: Assessing) -> None:
    for step in ("received", "panel"):
        assert write(case, step).code is None
    assert case.at.decide("correct", decider=PANEL[0]).code is None
    assert write(case, "withdrawn", person=PANEL[0]).code == "ass.duties"
    assert write(case, "withdrawn", person=PANEL[1]).code is None


@pytest.mark.parametrize("step", ["upheld", "partly_upheld", "rejected"])
def test_what_a_panel_decides_is_recorded_by_one_of_it(case: Assessing, step: str) -> None:
    for before in ("received", "panel"):
        assert write(case, before).code is None
    assert write(case, step, person=bytes16("stranger")).code == "ass.duties"
    assert write(case, step, person=PANEL[0]).code is None


def test_what_comes_in_is_recorded_by_nobody_in_particular(case: Assessing) -> None:
    assert write(case, "received", person=bytes16("stranger")).code == "ass.duties"
    assert write(case, "received").code is None
    assert write(case, "panel", person=PANEL[0]).code == "ass.duties"
