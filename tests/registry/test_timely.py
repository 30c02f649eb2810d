"""What a decision rests on holds on its day and from when it holds; nothing is chosen (I3, I5)."""

import pytest

from sopro_registry.assessment import CriteriaSet, Finding, Requirement, Result, weigh
from tests.registry.assessing import DAYS, REVIEW, REVIEWER, Assessing
from tests.registry.world import World, bytes16, dates_of

SECOND = bytes16("second review")


@pytest.fixture
def case() -> Assessing:
    case = Assessing()
    case.bring_to("reviewed")
    return case


def test_a_later_review_takes_the_place_of_the_one_before(case: Assessing) -> None:
    body = case.review(outcome="recommend_refuse", reviewer=bytes16("second reviewer"))
    assert case.would_grant() is None
    assert case.at.write("review/1", body, entity=SECOND).code is None
    assert case.would_grant() == "ass.subject"
    assert case.would_grant(review=SECOND) == "ass.outcome"
    again = case.review(reviewer=REVIEWER)
    assert case.at.write("review/1", again, entity=REVIEW).code is None
    assert case.would_grant() is None


def test_a_review_of_another_application_takes_no_place(case: Assessing) -> None:
    other = bytes16("another application")
    for step in ("submitted", "accepted"):
        body = case.application(step)
        assert case.at.write("label_application/1", body, entity=other).code is None
    found = bytes16("another evaluation")
    assert case.evaluate(entity=found, application=other).code is None
    body = case.review(application=other, evaluations=[found])
    assert case.at.write("review/1", body, entity=SECOND).code is None
    assert case.would_grant() is None


@pytest.mark.parametrize(
    ("effective", "code"),
    [("2026-11-20", None), ("2026-11-21", "ass.outcome")],
)
def test_an_evaluation_is_recent_when_the_label_begins(
    case: Assessing, effective: str, code: str | None
) -> None:
    assert case.would_grant(effective_date=effective) == code


def test_criteria_are_in_force_when_the_label_begins(case: Assessing) -> None:
    body = {"version": 2, "applies_from": "2026-03-01", "published_on": "2026-01-01"}
    assert case.put_set(**body).code is None
    case.act()
    assert case.would_grant(effective_date="2026-02-28") is None
    assert case.would_grant(effective_date="2026-03-01") == "lbl.criteria"


def test_nothing_is_decided_before_its_application_is_accepted() -> None:
    case = Assessing()
    case.authorise()
    assert case.step("submitted", effective_date=DAYS["submitted"]).code is None
    assert case.step("accepted", effective_date="2026-02-01").code is None
    assert case.evaluate().code is None
    assert case.give_review().code is None
    dates = {"valid_from": "2026-02-01", "effective_date": "2026-02-01"}
    assert case.would_grant() == "lbl.dates"
    assert case.would_grant(**dates, decided_on="2026-01-31") == "lbl.dates"
    assert case.would_grant(**dates, decided_on="2026-02-01") is None


def test_renewals_do_not_stack(world: World) -> None:
    assert world.at.decide("grant").code is None
    on = dates_of("renew", "2026-02-01")
    first = {"valid_from": "2027-01-11", "valid_until": "2028-01-01"}
    assert world.at.decide("renew", **on | first).code is None
    second = {"valid_from": "2028-01-02", "valid_until": "2029-01-01"}
    assert world.at.would_decide("renew", **on | second).code == "lbl.dates"
    second["valid_from"] = "2027-02-02"
    assert world.at.would_decide("renew", **on | second).code == "lbl.dates"
    second["valid_from"] = "2027-02-01"
    assert world.at.would_decide("renew", **on | second).code is None


def test_no_country_makes_a_label_easier_by_its_own_criteria() -> None:
    general = Requirement("S3", False, 10)
    own = Requirement("AT1", True, 100, is_national=True)
    criteria = CriteriaSet("sopro", 1, 1, 0, 5, (own, general))
    found = [Finding("AT1", Result.CONFORM, 100), Finding("S3", Result.CONFORM, 4)]
    assert weigh(criteria, "product", [(found, True)]).points == 4
