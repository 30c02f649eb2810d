from typing import Any

import pytest

from sopro_registry.application import TRANSITIONS, Step
from tests.registry.assessing import APPLICATION, DAYS, REVIEW, Assessing
from tests.registry.world import bytes16, offering_body

PATHS = {
    None: (),
    Step.SUBMITTED: ("submitted",),
    Step.RETURNED: ("submitted", "returned"),
    Step.LAPSED: ("submitted", "returned", "lapsed"),
    Step.REFUSED_INTAKE: ("submitted", "refused_intake"),
    Step.ACCEPTED: ("submitted", "accepted"),
    Step.WITHDRAWN: ("submitted", "withdrawn"),
}
SAME_DAY = {"effective_date": DAYS["accepted"]}


@pytest.fixture
def case() -> Assessing:
    return Assessing()


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("before", PATHS)
def test_goes_by_its_table(case: Assessing, before: Step | None, step: Step) -> None:
    for one in PATHS[before]:
        assert case.step(one, **SAME_DAY).code is None
    code = None if step in TRANSITIONS[before] else "app.transition"
    assert case.step(step, **SAME_DAY).code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"applicant": bytes16("nobody")}, "lbl.reference"),
        ({"applicant": bytes16("offering")}, "lbl.reference"),
        ({"offering": bytes16("nothing")}, "lbl.reference"),
        ({"kind": "renewal"}, "lbl.reference"),
        ({"label": bytes16("label")}, "lbl.reference"),
        ({"kind": "renewal", "label": bytes16("nothing")}, "lbl.reference"),
        ({"kind": "transfer"}, None),
        ({"criteria_version": 2}, "lbl.criteria"),
        ({"scheme": "unknown"}, "lbl.criteria"),
        ({"effective_date": "2028-01-03"}, "lbl.dates"),
        ({"effective_date": "2025-13-01"}, "rec.body"),
        ({"kind": "gift"}, "rec.body"),
    ],
)
def test_refuses(case: Assessing, changes: dict[str, Any], code: str | None) -> None:
    assert case.step("submitted", **changes).code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"applicant": bytes16("offering")}, "lbl.reference"),
        ({"offering": bytes16("another offering")}, "lbl.reference"),
        ({"kind": "transfer"}, "lbl.reference"),
        ({"criteria_version": 2}, "lbl.reference"),
        ({"effective_date": "2025-09-30"}, "lbl.dates"),
        ({"effective_date": DAYS["submitted"]}, None),
    ],
)
def test_what_is_applied_for_is_permanent(
    case: Assessing, changes: dict[str, Any], code: str | None
) -> None:
    case.at.write("offering/1", offering_body(), entity=bytes16("another offering"))
    case.put_set(version=2, transition_until="2029-01-01")
    case.act()
    assert case.step("submitted").code is None
    assert case.step("accepted", **changes).code == code


def test_another_submission_may_be_for_other_criteria(case: Assessing) -> None:
    case.put_set(version=2, transition_until="2025-10-05")
    case.act()
    assert case.step("submitted").code is None
    assert case.step("accepted", effective_date="2025-10-06").code == "lbl.criteria"
    assert case.step("returned", effective_date="2025-10-06").code is None
    late = {"effective_date": "2025-10-06"}
    assert case.step("submitted", **late).code == "lbl.criteria"
    assert case.step("submitted", criteria_version=2, **late).code is None


def test_counts_only_where_a_member_writes(case: Assessing) -> None:
    body = case.application("submitted")
    written = case.world.coordinator.judge("label_application/1", body, entity=APPLICATION)
    assert written.code == "mem.inactive"


def test_one_that_is_refused_is_decided_too(case: Assessing) -> None:
    case.bring_to("reviewed", outcome="recommend_refuse")
    refusal = {"application": APPLICATION, "review": REVIEW}
    assert case.at.decide("refuse", **refusal).code is None
    assert case.step("withdrawn", effective_date="2026-02-01").code == "app.transition"
