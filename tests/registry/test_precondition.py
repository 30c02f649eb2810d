"""A decision rests on an application, evaluations and a review, or it is none (I2, I3, I4)."""

from typing import Any

import pytest

from tests.registry.assessing import (
    APPLICATION,
    ASSESSOR,
    DAYS,
    EVALUATION,
    REVIEW,
    Assessing,
    findings,
)
from tests.registry.world import World, bytes16, offering_body, shift


@pytest.fixture
def case() -> Assessing:
    return Assessing()


def test_the_whole_way_leads_to_a_grant(case: Assessing) -> None:
    case.bring_to("reviewed")
    assert case.at.decide("grant", application=APPLICATION, review=REVIEW).code is None
    assert case.at.status("2026-06-01") == "active"


def test_without_criteria_nothing_has_changed(world: World) -> None:
    assert world.at.would_decide("grant").code is None
    assert world.at.would_decide("grant", review=REVIEW).code == "lbl.precondition"


@pytest.mark.parametrize("name", ["application", "review"])
@pytest.mark.parametrize("action", ["grant", "refuse"])
def test_needs_its_assessment(case: Assessing, action: str, name: str) -> None:
    case.bring_to("reviewed")
    assert (
        case.would_grant(action, certificate=None if action == "refuse" else case.at.number(1))
        is None
    )
    assert case.would_grant(action, **{name: None}) == "lbl.precondition"
    assert case.would_grant(action, **{name: bytes16("nobody")}) == "ass.subject"


def test_an_existing_register_needs_none(case: Assessing) -> None:
    case.bring_to("reviewed")
    assert case.at.would_decide("grant", basis="imported").code is None
    assert case.would_grant(basis="imported") == "lbl.precondition"


@pytest.mark.parametrize("action", ["suspend", "revoke", "reduce_scope", "terminate_on_request"])
def test_what_ends_a_label_rests_on_no_application(case: Assessing, action: str) -> None:
    case.bring_to("reviewed")
    case.at.decide("grant", application=APPLICATION, review=REVIEW)
    assert case.at.would_decide(action).code is None
    assert case.at.would_decide(action, application=APPLICATION).code == "lbl.precondition"


def scored(result: str) -> list[dict[str, Any]]:
    return [*findings(S3=None), {"code": "S3", "points": 7, "result": result}]


@pytest.mark.parametrize(
    ("last", "changes", "code"),
    [
        ("reviewed", {"outcome": "recommend_refuse"}, "ass.outcome"),
        ("reviewed", {"outcome": "return"}, "ass.outcome"),
        ("reviewed", {"reviewed_on": shift(DAYS["decided"], 1)}, "lbl.dates"),
        ("reviewed", {"reviewed_on": DAYS["decided"]}, None),
        ("evaluated", {"findings": findings(S1="minor_nc")}, "ass.outcome"),
        ("evaluated", {"findings": findings(S1="major_nc")}, "ass.outcome"),
        ("evaluated", {"findings": findings(S1="not_assessed")}, "ass.outcome"),
        ("evaluated", {"findings": findings(S1=None)}, "ass.outcome"),
        ("evaluated", {"findings": findings(S1="not_applicable")}, None),
        ("evaluated", {"findings": findings(S3=4)}, "ass.outcome"),
        ("evaluated", {"findings": findings(S3=5)}, None),
        ("evaluated", {"findings": findings(S3="minor_nc")}, "ass.outcome"),
        # What was earned with something that is not conform does not count.
        ("evaluated", {"findings": scored("minor_nc")}, "ass.outcome"),
        ("evaluated", {"findings": scored("not_applicable")}, "ass.outcome"),
        ("evaluated", {"findings": scored("conform")}, None),
        ("evaluated", {"findings": findings(S3="major_nc")}, "ass.outcome"),
        ("evaluated", {"level": "second_party"}, "ass.outcome"),
        ("evaluated", {"level": "self"}, "ass.outcome"),
        ("evaluated", {"performed_on": "2025-01-10"}, None),
        ("evaluated", {"performed_on": "2025-01-09"}, "ass.outcome"),
    ],
)
def test_a_grant_rests_on_a_sound_assessment(
    case: Assessing, last: str, changes: dict[str, Any], code: str | None
) -> None:
    case.bring_to(last, **changes)
    if last == "evaluated":
        assert case.give_review().code is None
    assert case.would_grant() == code
    # Whatever was found, a refusal may rest on it.
    late = code == "lbl.dates"
    assert case.would_grant("refuse", certificate=None) == ("lbl.dates" if late else None)


def test_who_evaluated_neither_reviews_nor_decides(case: Assessing) -> None:
    case.bring_to("evaluated")
    by_assessor = case.review(reviewer=ASSESSOR)
    assert case.at.judge("review/1", by_assessor, entity=REVIEW).code == "ass.duties"
    assert case.give_review().code is None
    assert case.would_grant(decider=ASSESSOR) == "ass.duties"
    assert case.would_grant("refuse", certificate=None, decider=ASSESSOR) == "ass.duties"
    # Who reviewed may decide.
    assert case.would_grant(decider=bytes16("reviewer")) is None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_everyone_who_evaluated_took_part(case: Assessing, place: int) -> None:
    case.bring_to("accepted")
    people = [bytes16(f"person {number}") for number in range(3)]
    team = [{"authorisation": bytes16(f"leave of {one.hex()}"), "person": one} for one in people]
    for one in team:
        body = case.authorisation(person=one["person"])
        written = case.at.write("assessor_authorisation/1", body, entity=one["authorisation"])
        assert written.code is None
    assert case.evaluate(assessors=team).code is None
    by_assessor = case.review(reviewer=people[place])
    assert case.at.judge("review/1", by_assessor, entity=REVIEW).code == "ass.duties"
    assert case.give_review().code is None
    assert case.would_grant(decider=people[place]) == "ass.duties"
    assert case.would_grant() is None


def test_an_application_for_one_offering_leads_to_no_label_for_another(case: Assessing) -> None:
    other = bytes16("other offering")
    assert case.at.write("offering/1", offering_body(), entity=other).code is None
    case.bring_to("reviewed")
    assert case.would_grant(offering=other) == "ass.subject"
    assert case.would_grant("refuse", certificate=None, offering=other) == "ass.subject"
    assert case.would_grant() is None


def test_who_took_part_in_an_earlier_version_took_part(case: Assessing) -> None:
    case.bring_to("evaluated")
    other = bytes16("other assessor")
    body = case.authorisation(person=other)
    case.at.write("assessor_authorisation/1", body, entity=bytes16("other authorisation"))
    again = [{"authorisation": bytes16("other authorisation"), "person": other}]
    assert case.evaluate(assessors=again).code is None
    assert case.give_review().code is None
    assert case.would_grant(decider=ASSESSOR) == "ass.duties"


def test_an_evaluation_that_goes_on_needs_another_review(case: Assessing) -> None:
    case.bring_to("reviewed")
    assert case.evaluate(findings=findings(S1="major_nc")).code is None
    assert case.would_grant() == "ass.subject"
    assert case.give_review().code is None
    assert case.would_grant() == "ass.outcome"
    assert case.evaluate(kind="special").code is None
    assert case.give_review().code is None
    assert case.would_grant() is None


def test_a_later_evaluation_closes_what_an_earlier_one_left_open(case: Assessing) -> None:
    case.bring_to("evaluated", findings=findings(S2="major_nc"))
    second = bytes16("second")
    only = [{"code": "S2", "result": "conform"}]
    assert case.evaluate(entity=second, findings=only, kind="special").code is None
    assert case.give_review(evaluations=sorted([EVALUATION, second])).code is None
    assert case.would_grant() is None


def test_what_was_looked_at_before_closes_nothing_however_late_it_is_recorded(
    case: Assessing,
) -> None:
    case.bring_to("evaluated", findings=findings(S2="major_nc"))
    second, third = bytes16("second"), bytes16("third")
    only = [{"code": "S2", "result": "conform"}]
    before = shift(DAYS["performed"], -1)
    written = case.evaluate(entity=second, findings=only, kind="special", performed_on=before)
    assert written.code is None
    assert case.give_review(evaluations=sorted([EVALUATION, second])).code is None
    assert case.would_grant() == "ass.outcome"
    assert case.evaluate(entity=third, findings=only, kind="special").code is None
    assert case.give_review(evaluations=sorted([EVALUATION, second, third])).code is None
    assert case.would_grant() is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"effective_date": DAYS["performed"], "status": "withdrawn"}, "ass.authority"),
        ({"effective_date": DAYS["performed"], "status": "suspended"}, "ass.authority"),
        ({"effective_date": DAYS["performed"], "criteria": ["S1"]}, "ass.authority"),
        ({"effective_date": DAYS["performed"], "level": "second_party"}, "ass.authority"),
        ({"effective_date": shift(DAYS["performed"], 1), "status": "withdrawn"}, None),
        ({"effective_date": DAYS["performed"]}, None),
    ],
)
def test_who_was_not_authorised_after_all_has_evaluated_nothing_that_a_grant_rests_on(
    case: Assessing, changes: dict[str, Any], code: str | None
) -> None:
    case.bring_to("reviewed")
    assert case.authorise(**changes).code is None
    assert case.would_grant() == code
    assert case.would_grant("refuse", certificate=None) is None


def test_an_application_is_decided_once(case: Assessing) -> None:
    case.bring_to("reviewed")
    assert case.at.decide("grant", application=APPLICATION, review=REVIEW).code is None
    again = case.would_grant(label="other", certificate=case.at.number(2), status_index=1)
    assert again == "ass.subject"
    assert case.step("withdrawn").code == "app.transition"
    assert case.evaluate().code == "ass.subject"
    assert case.give_review().code == "ass.subject"


@pytest.mark.parametrize("step", ["submitted", "withdrawn"])
def test_an_application_must_have_been_accepted(case: Assessing, step: str) -> None:
    case.bring_to("reviewed")
    if step == "withdrawn":
        assert case.step("withdrawn", effective_date=DAYS["decided"]).code is None
    else:
        other = bytes16("submitted only")
        case.at.write("label_application/1", case.application("submitted"), entity=other)
        assert case.would_grant(application=other) == "ass.subject"
        return
    assert case.would_grant() == "ass.subject"


def test_a_renewal_rests_on_an_application_of_its_own(case: Assessing) -> None:
    case.bring_to("reviewed")
    assert case.at.decide("grant", application=APPLICATION, review=REVIEW).code is None
    days = {"effective_date": "2026-12-01", "decided_on": "2026-12-01"}
    valid = {"valid_from": "2026-12-01", "valid_until": "2027-12-01"}
    assert case.would_grant("renew", **days, **valid) == "ass.subject"
    asked, checked, found = (bytes16(f"{name} again") for name in ("asked", "checked", "found"))
    about = {"kind": "renewal", "label": bytes16("label")}
    for step, day in (("submitted", "2026-10-01"), ("accepted", "2026-10-02")):
        body = case.application(step, effective_date=day, **about)
        assert case.at.write("label_application/1", body, entity=asked).code is None
    body = case.evaluation(application=asked, kind="recertification", performed_on="2026-11-01")
    assert case.at.write("evaluation/1", body, entity=found).code is None
    body = case.review(application=asked, evaluations=[found], reviewed_on="2026-11-20")
    assert case.at.write("review/1", body, entity=checked).code is None
    named = {"application": asked, "review": checked}
    assert case.would_grant("renew", **named, **days, **valid) is None
    assert case.would_grant("extend_scope", **named, **days) == "ass.subject"


def test_replaced_criteria_may_be_used_until_the_transition_ends(case: Assessing) -> None:
    case.bring_to("reviewed")
    changes = {"applies_from": "2025-12-20", "published_on": "2025-12-01", "version": 2}
    assert case.put_set(**changes, transition_until=DAYS["decided"]).code is None
    # Before the site has heard of it, it is judged by what the site knew.
    assert case.would_grant(decided_on=shift(DAYS["decided"], 1)) == "lbl.dates"
    case.act()
    assert case.would_grant() is None
    day = shift(DAYS["decided"], 1)
    late = {"decided_on": day, "effective_date": day, "valid_from": day}
    assert case.would_grant(**late) == "lbl.criteria"


def test_a_country_adds_what_must_be_met_there_only(case: Assessing) -> None:
    assert case.put_criterion("AT1", country="AT", kind="boolean").code is None
    parts = [{"code": code, "version": 1} for code in ("AT1", "S1", "S2", "S3")]
    assert case.put_set(criteria=parts, version=2).code is None
    case.act()
    case.bring_to("authorised")
    for step in ("submitted", "accepted"):
        assert case.step(step, criteria_version=2).code is None
    assert case.evaluate(criteria_version=2).code is None
    assert case.give_review().code is None
    assert case.would_grant() == "ass.outcome"
    assert case.evaluate(criteria_version=2, findings=findings(AT1="conform")).code is None
    assert case.give_review().code is None
    assert case.would_grant() is None
    hungarian = case.world.node.directory.criteria_set("sopro", country="HU")
    assert hungarian is not None
    assert [one.code for one in hungarian.requirements] == ["S1", "S2", "S3"]
