from typing import Any

import pytest

from tests.registry.assessing import APPLICATION, EVALUATION, REVIEW, Assessing, findings
from tests.registry.world import bytes16, commitment, criterion_body, offering_body


@pytest.fixture
def case() -> Assessing:
    return Assessing()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"findings": findings(S3=10)}, None),
        ({"findings": findings(S3=11)}, "ass.findings"),
        ({"findings": findings(S9="conform")}, "ass.findings"),
        ({"findings": findings()[::-1]}, "ass.findings"),
        ({"findings": [*findings(), *findings()]}, "ass.findings"),
        ({"findings": []}, "rec.body"),
        ({"findings": [{"code": "S1", "due": "2026-02-30", "result": "minor_nc"}]}, "rec.body"),
        ({"findings": [{"code": "S1", "result": "fine"}]}, "rec.body"),
        ({"application": None}, "ass.subject"),
        ({"application": bytes16("nothing")}, "ass.subject"),
        ({"label": bytes16("label")}, "ass.subject"),
        ({"application": None, "label": bytes16("label")}, "ass.subject"),
        ({"criteria_version": 2}, "lbl.criteria"),
        ({"assessors": []}, "rec.body"),
        ({"performed_on": "2028-01-03"}, "lbl.dates"),
        ({"performed_on": "2025-11-31"}, "rec.body"),
    ],
)
def test_refuses(case: Assessing, changes: dict[str, Any], code: str | None) -> None:
    case.bring_to("accepted")
    assert case.evaluate(**changes).code == code


@pytest.mark.parametrize(
    ("documents", "code"),
    [
        ([0], None),
        ([0, 1], None),
        ([2], "ass.findings"),
        ([1, 0], "ass.findings"),
        ([0, 0], "ass.findings"),
        ([], "rec.body"),
        ([-1], "rec.body"),
    ],
)
def test_a_finding_names_documents_of_its_record(
    case: Assessing, documents: list[int], code: str | None
) -> None:
    case.bring_to("accepted")
    shown = [{**one, "documents": documents} for one in findings()[:1]] + findings()[1:]
    docs = [commitment("report"), commitment("photo")]
    body = case.evaluation(findings=shown)
    written = case.at.judge("evaluation/1", body, entity=bytes16("shown"), docs=docs)
    assert written.code == code
    without = case.at.judge("evaluation/1", body, entity=bytes16("shown")).code
    assert without == (code if code == "rec.body" else "ass.findings")


@pytest.mark.parametrize("steps", [("submitted",), ("submitted", "returned")])
def test_needs_an_application_that_was_accepted(case: Assessing, steps: tuple[str, ...]) -> None:
    case.authorise()
    for step in steps:
        assert case.step(step).code is None
    assert case.evaluate().code == "ass.subject"


def test_what_it_is_about_is_permanent(case: Assessing) -> None:
    case.bring_to("evaluated")
    other = bytes16("another application")
    for step in ("submitted", "accepted"):
        case.at.write("label_application/1", case.application(step), entity=other)
    assert case.evaluate(application=other).code == "ass.subject"
    assert case.evaluate(performed_on="2025-11-19").code == "lbl.dates"
    assert case.evaluate(entity=bytes16("second"), application=other).code is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"kind": "special"}, None),
        ({"kind": "initial"}, "ass.subject"),
        ({"application": APPLICATION}, "ass.subject"),
        ({"label": bytes16("offering")}, "ass.subject"),
        ({"criteria_version": 2}, "lbl.criteria"),
    ],
)
def test_a_label_is_under_surveillance(
    case: Assessing, changes: dict[str, Any], code: str | None
) -> None:
    case.bring_to("reviewed")
    assert case.at.decide("grant", application=APPLICATION, review=REVIEW).code is None
    about = {"application": None, "kind": "surveillance", "label": bytes16("label")}
    late = {"performed_on": "2026-09-01"}
    second = bytes16("surveillance")
    assert case.evaluate(entity=second, **about | late | changes).code == code


def test_is_held_to_what_concerns_the_offering(case: Assessing) -> None:
    assert case.put_criterion("S4", offerings=["service"]).code is None
    parts = [{"code": code, "version": 1} for code in ("S1", "S2", "S3", "S4")]
    assert case.put_set(criteria=parts, version=2, transition_until="2029-01-01").code is None
    case.act()
    case.authorise()
    service = bytes16("service")
    case.at.write("offering/1", offering_body() | {"kind": "service"}, entity=service)
    for offering, code in ((bytes16("offering"), "ass.findings"), (service, None)):
        entity = bytes16(f"application {offering.hex()}")
        for step in ("submitted", "accepted"):
            body = case.application(step, criteria_version=2, offering=offering)
            case.at.write("label_application/1", body, entity=entity)
        changes = {"application": entity, "criteria_version": 2}
        body = case.evaluation(**changes, findings=findings(S4="conform"))
        assert case.at.judge("evaluation/1", body, entity=EVALUATION).code == code


def test_criteria_of_another_scheme_are_not_its(case: Assessing) -> None:
    assert criterion_body()["scheme"] == "sopro"
    assert case.world.node.directory.criterion("other", "S1") is None
    assert case.world.node.directory.criterion("sopro", "S1", version=2) is None
