from typing import Any

import pytest

from tests.registry.assessing import EVALUATION, REVIEW, Assessing
from tests.registry.world import bytes16


@pytest.fixture
def case() -> Assessing:
    return Assessing()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"outcome": "return"}, None),
        ({"outcome": "grant"}, "rec.body"),
        ({"application": bytes16("nothing")}, "ass.subject"),
        ({"evaluations": [bytes16("nothing")]}, "ass.subject"),
        ({"evaluations": [bytes16("offering")]}, "ass.subject"),
        ({"evaluations": [EVALUATION, EVALUATION]}, "ass.subject"),
        ({"evaluations": []}, "rec.body"),
        ({"reviewed_on": "2025-11-19"}, "lbl.dates"),
        ({"reviewed_on": "2025-11-20"}, None),
        ({"reviewed_on": "2028-01-03"}, "lbl.dates"),
        ({"reviewed_on": "2025-11-31"}, "rec.body"),
        ({"reviewer": bytes16("assessor")}, "ass.duties"),
    ],
)
def test_refuses(case: Assessing, changes: dict[str, Any], code: str | None) -> None:
    case.bring_to("evaluated")
    assert case.give_review(**changes).code == code


def test_its_evaluations_are_for_its_application(case: Assessing) -> None:
    case.bring_to("evaluated")
    other = bytes16("another application")
    for step in ("submitted", "accepted"):
        case.at.write("label_application/1", case.application(step), entity=other)
    assert case.give_review(application=other).code == "ass.subject"
    assert case.give_review().code is None
    body = case.review(application=other)
    assert case.at.judge("review/1", body, entity=REVIEW).code == "ass.subject"


def test_what_was_withdrawn_is_not_reviewed(case: Assessing) -> None:
    case.bring_to("evaluated")
    assert case.step("withdrawn", effective_date="2025-12-01").code is None
    assert case.give_review().code == "ass.subject"
