from typing import Any

import pytest

from tests.registry.assessing import AUTHORISATION, DAYS, EVALUATION, Assessing, findings
from tests.registry.world import bytes16, organisation_body


@pytest.fixture
def case() -> Assessing:
    return Assessing()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"criteria": ["S1"], "organisation": bytes16("organisation")}, None),
        ({"organisation": bytes16("nobody")}, "lbl.reference"),
        ({"scheme": "unknown"}, "lbl.criteria"),
        ({"valid_until": "2024-12-31"}, "lbl.dates"),
        ({"valid_until": "2025-01-01"}, None),
        ({"status": "suspended"}, "ass.transition"),
        ({"status": "withdrawn"}, "ass.transition"),
        ({"status": "gone"}, "rec.body"),
        ({"level": "self"}, "rec.body"),
        ({"effective_date": "2025-02-29"}, "rec.body"),
    ],
)
def test_refuses(case: Assessing, changes: dict[str, Any], code: str | None) -> None:
    assert case.authorise(**changes).code == code


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("active", "active", None),
        ("active", "suspended", None),
        ("active", "withdrawn", None),
        ("suspended", "active", None),
        ("suspended", "suspended", "ass.transition"),
        ("suspended", "withdrawn", None),
        ("withdrawn", "active", "ass.transition"),
        ("withdrawn", "suspended", "ass.transition"),
        ("withdrawn", "withdrawn", "ass.transition"),
    ],
)
def test_goes_by_its_table(case: Assessing, before: str, after: str, code: str | None) -> None:
    assert case.authorise().code is None
    if before != "active":
        assert case.authorise(status=before).code is None
    # Who was suspended comes back on the day on which that is written, and on none before.
    assert case.authorise(status=after, effective_date="2028-01-01").code == code


def test_stays_with_its_person_and_its_scheme(case: Assessing) -> None:
    assert case.authorise().code is None
    assert case.authorise(person=bytes16("other")).code == "lbl.reference"
    assert case.authorise(effective_date="2024-12-31").code == "lbl.dates"
    assert case.authorise(effective_date="2025-01-01").code is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"valid_from": DAYS["performed"], "valid_until": DAYS["performed"]}, None),
        ({"valid_from": "2025-11-21"}, "ass.authority"),
        ({"valid_until": "2025-11-19"}, "ass.authority"),
        ({"effective_date": "2025-11-21"}, "ass.authority"),
        ({"level": "second_party"}, "ass.authority"),
        ({"criteria": ["S1", "S2"]}, "ass.authority"),
        ({"criteria": ["S1", "S2", "S3"]}, None),
        ({"person": bytes16("other")}, "ass.authority"),
    ],
)
def test_allows_an_evaluation_or_not(
    case: Assessing, changes: dict[str, Any], code: str | None
) -> None:
    assert case.authorise(**changes).code is None
    for step in ("submitted", "accepted"):
        case.step(step)
    assert case.at.judge("evaluation/1", case.evaluation(), entity=EVALUATION).code == code


def test_what_was_not_assessed_needs_no_authority(case: Assessing) -> None:
    case.authorise(criteria=["S1", "S2"])
    for step in ("submitted", "accepted"):
        case.step(step)
    assert case.evaluate(findings=findings(S3="not_assessed")).code is None


def test_one_that_is_suspended_allows_nothing_from_then_on(case: Assessing) -> None:
    case.bring_to("accepted")
    assert case.authorise(status="suspended", effective_date=DAYS["performed"]).code is None
    assert case.evaluate().code == "ass.authority"
    assert case.evaluate(performed_on="2025-11-19").code is None
    again = {"effective_date": "2028-01-01", "valid_until": "2028-12-31"}
    assert case.authorise(**again).code is None
    for day in (DAYS["performed"], "2027-12-31"):
        assert case.evaluate(performed_on=day).code == "ass.authority"
    assert case.evaluate(performed_on="2028-01-01").code is None


def test_a_second_party_does_not_need_to_be_independent(case: Assessing) -> None:
    case.authorise(level="second_party")
    for step in ("submitted", "accepted"):
        case.step(step)
    assert case.evaluate(level="second_party").code is None
    assert case.evaluate(level="third_party", entity=bytes16("other")).code == "ass.authority"
    nobody = [{"person": bytes16("who offers")}]
    assert case.evaluate(level="second_party", assessors=nobody).code == "ass.authority"
    own = bytes16("evaluation of its own")
    assert case.evaluate(level="self", assessors=nobody, entity=own).code is None


def test_is_of_this_site(case: Assessing) -> None:
    case.world.hu.write("organisation/1", organisation_body(), entity=AUTHORISATION)
    case.bring_to("accepted")
    wrong = [{"authorisation": bytes16("organisation"), "person": bytes16("assessor")}]
    assert case.evaluate(assessors=wrong).code == "ass.authority"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"level": "second_party"}, "ass.authority"),
        ({"criteria": ["S1"]}, "ass.authority"),
        ({"status": "active", "valid_until": "2025-11-01"}, "ass.authority"),
        ({"organisation": bytes16("organisation")}, "ass.authority"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_every_one_of_those_who_evaluate_is_authorised(
    case: Assessing, place: int, changes: dict[str, Any], code: str | None
) -> None:
    case.bring_to("accepted")
    team = []
    for number in range(3):
        person, leave = bytes16(f"person {number}"), bytes16(f"leave {number}")
        body = case.authorisation(person=person, **changes if number == place else {})
        assert case.at.write("assessor_authorisation/1", body, entity=leave).code is None
        team.append({"authorisation": leave, "person": person})
    assert case.evaluate(assessors=team).code == code
