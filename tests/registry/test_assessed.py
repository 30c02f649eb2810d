"""What a label rests on: what was found about each criterion, and what was closed."""

import pytest

from sopro_registry.assessed import AssessmentAnswer, answer_assessment
from sopro_registry.family import Decided
from sopro_registry.fields import day_of
from tests.registry.assessing import APPLICATION, DAYS, REVIEW, Assessing, findings
from tests.registry.world import World, bytes16

LABEL = bytes16("label")
RECORDED = day_of("2026-11-20", field="day")


def assessed(world: World, day: str) -> AssessmentAnswer:
    course, lookup = world.node.course(world.at.origin, LABEL), world.node.lookup()
    return answer_assessment(
        course, day_of(day, field="day"), lookup, recorded=lambda _origin, _index: RECORDED
    )


def grant(case: Assessing) -> None:
    valid = {"valid_until": "2028-01-10"}
    assert case.at.decide("grant", application=APPLICATION, review=REVIEW, **valid).code is None


@pytest.fixture
def case() -> Assessing:
    return Assessing()


def test_says_what_was_found_about_each_criterion(case: Assessing) -> None:
    case.bring_to("reviewed")
    grant(case)
    found = assessed(case.world, "2026-06-01")
    assert (found.criteria_version, found.evaluations, found.level) == (1, 1, "third_party")
    assert [(one.code, one.result, one.points, one.closed) for one in found.criteria] == [
        ("S1", "conform", 0, False),
        ("S2", "conform", 0, False),
        ("S3", "conform", 7, False),
    ]
    assert {one.found_on for one in found.criteria} == {DAYS["performed"]}
    assert assessed(case.world, "2026-01-09").criteria == []


def test_a_deviation_that_a_later_version_closes_is_closed(case: Assessing) -> None:
    case.bring_to("evaluated", findings=findings(S1="minor_nc", S2="major_nc"))
    assert case.evaluate(performed_on="2025-12-01").code is None
    assert case.give_review().code is None
    grant(case)
    closed = {one.code: one.closed for one in assessed(case.world, "2026-06-01").criteria}
    assert closed == {"S1": True, "S2": True, "S3": False}


def test_what_a_site_says_of_itself_closes_nothing(case: Assessing) -> None:
    case.bring_to("reviewed")
    grant(case)
    about = {"application": None, "label": LABEL, "kind": "surveillance"}
    of_day = findings(S1="minor_nc", S2="not_assessed", S3=None)
    opened = case.evaluate(entity=bytes16("a"), performed_on="2026-05-01", findings=of_day, **about)
    assert opened.code is None
    of_day = findings(S1="conform", S2="not_assessed", S3=None)
    nobody = {"level": "self", "assessors": [{"person": bytes16("nobody")}]}
    claimed = case.evaluate(
        entity=bytes16("b"), performed_on="2026-06-01", findings=of_day, **nobody, **about
    )
    assert claimed.code is None
    found = assessed(case.world, "2026-07-01")
    first = next(one for one in found.criteria if one.code == "S1")
    assert (first.result, first.closed, found.level) == ("minor_nc", False, "third_party")


def test_surveillance_opens_and_closes_deviations(case: Assessing) -> None:
    case.bring_to("reviewed")
    grant(case)
    about = {"application": None, "label": LABEL, "kind": "surveillance"}
    for entity, day, result in (("a", "2026-05-01", "minor_nc"), ("b", "2026-08-01", "conform")):
        of_day = findings(S1=result, S2="not_assessed", S3=None)
        written = case.evaluate(entity=bytes16(entity), performed_on=day, findings=of_day, **about)
        assert written.code is None
    opened = {one.code: one for one in assessed(case.world, "2026-06-01").criteria}
    assert (opened["S1"].result, opened["S1"].closed) == ("minor_nc", False)
    assert (opened["S2"].result, opened["S2"].found_on) == ("conform", DAYS["performed"])
    later = {one.code: one for one in assessed(case.world, "2026-09-01").criteria}
    assert (later["S1"].result, later["S1"].closed) == ("conform", True)
    assert later["S1"].found_on == "2026-08-01"


def test_evaluations_of_a_label_without_a_review_are_told(case: Assessing) -> None:
    case.bring_to("evaluated")
    assert case.at.decide("grant", basis="imported", number=None).code is None
    about = {"application": None, "label": LABEL, "kind": "surveillance"}
    for entity, day, result in (
        ("a", "2026-05-01", "major_nc"),
        ("b", "2026-10-25", "conform"),
        ("c", "2026-12-01", "conform"),
    ):
        of_day = findings(S1=result, S2="not_assessed", S3=None)
        written = case.evaluate(entity=bytes16(entity), performed_on=day, findings=of_day, **about)
        assert written.code is None, written
    found = assessed(case.world, "2026-11-01")
    assert [
        (one.performed_on, one.kind, one.level, one.recorded_late, one.reviewed)
        for one in found.evaluated
    ] == [
        ("2026-05-01", "surveillance", "third_party", True, False),
        ("2026-10-25", "surveillance", "third_party", False, False),
    ]
    assert [one.findings[0].result for one in found.evaluated] == ["major_nc", "conform"]
    assert (found.evaluations, found.level, found.criteria_version) == (2, "third_party", 1)
    closed = {one.code: (one.result, one.closed) for one in found.criteria}
    assert closed["S1"] == ("conform", True)
    before = assessed(case.world, "2026-06-01")
    assert [one.performed_on for one in before.evaluated] == ["2026-05-01"]
    assert before.criteria[0].result == "major_nc"


def test_what_was_found_earlier_and_written_down_later_closes_nothing(case: Assessing) -> None:
    case.bring_to("reviewed")
    grant(case)
    about = {"application": None, "label": LABEL, "kind": "surveillance"}
    for entity, day, result in (("a", "2026-05-20", "major_nc"), ("b", "2026-05-01", "conform")):
        of_day = findings(S1=result, S2="not_assessed", S3=None)
        written = case.evaluate(entity=bytes16(entity), performed_on=day, findings=of_day, **about)
        assert written.code is None
    found = {one.code: one for one in assessed(case.world, "2026-06-01").criteria}
    assert (found["S1"].result, found["S1"].closed) == ("major_nc", False)
    assert found["S1"].found_on == "2026-05-20"


def test_every_evaluation_is_told_with_its_level(case: Assessing) -> None:
    case.bring_to("reviewed")
    grant(case)
    nobody = {"level": "self", "assessors": [{"person": bytes16("nobody")}]}
    about = {"application": None, "label": LABEL, "kind": "surveillance"}
    of_day = findings(S1="conform", S2="not_assessed", S3=None)
    claimed = case.evaluate(
        entity=bytes16("b"), performed_on="2026-05-01", findings=of_day, **nobody, **about
    )
    assert claimed.code is None
    found = assessed(case.world, "2026-06-01")
    assert [(one.level, one.reviewed) for one in found.evaluated] == [
        ("third_party", True), ("self", False),
    ]  # fmt: skip
    assert found.evaluations == 1


def test_what_rests_on_no_assessment_has_none(world: World) -> None:
    assert world.at.decide("grant").code is None
    found = assessed(world, "2026-06-01")
    assert (found.criteria_version, found.evaluations, found.criteria) == (0, 0, [])


def test_counts_how_long_an_application_took(case: Assessing) -> None:
    case.bring_to("reviewed")
    grant(case)
    assert case.at.decide("suspend").code is None
    days = day_of(DAYS["decided"], field="") - day_of(DAYS["submitted"], field="")
    counted = case.at.tables.decided
    assert counted[Decided("grant", "", 2026, days)] == 1
    assert [one for one in counted if one.action == "suspend" and one.days == -1 and one.reason]
    assert counted.total() == 2
