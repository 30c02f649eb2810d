"""What a label was applied for does not change under it (LBL-6)."""

from tests.registry.assessing import APPLICATION, REVIEW, Assessing, findings
from tests.registry.world import Author, World, Written, bytes16, offering_body, organisation_body

OTHER = bytes16("another organisation")


def change(at: Author, **changes: str | bytes) -> Written:
    return at.write("offering/1", offering_body() | changes, entity=bytes16("offering"))


def register_other(at: Author) -> None:
    assert at.write("organisation/1", organisation_body(), entity=OTHER).code is None


def test_an_offering_keeps_its_kind_and_its_organisation_once_it_is_asked_for() -> None:
    case = Assessing()
    register_other(case.at)
    assert change(case.at, kind="service").code is None
    assert change(case.at, kind="product").code is None
    case.bring_to("submitted")
    assert change(case.at, kind="service").code == "lbl.reference"
    assert change(case.at, organisation=OTHER).code == "lbl.reference"
    assert change(case.at, status="paused", gtin="4006381333931").code is None


def test_an_unmet_criterion_stays_so_whatever_the_offering_is_called() -> None:
    case = Assessing()
    assert case.put_criterion("S1", version=2, offerings=["product"]).code is None
    told = [{"code": "S1", "version": 2}, *({"code": one, "version": 1} for one in ("S2", "S3"))]
    assert case.put_set(version=2, criteria=told).code is None
    case.act()
    asked = {"criteria_version": 2}
    case.authorise()
    assert case.step("submitted", **asked).code is None
    assert case.step("accepted", **asked).code is None
    assert case.evaluate(findings=findings(S1="minor_nc"), **asked).code is None
    assert case.give_review().code is None
    change(case.at, kind="service")
    assert case.would_grant() == "ass.outcome"


def test_a_granted_label_is_nobody_elses() -> None:
    case = Assessing()
    register_other(case.at)
    case.bring_to("reviewed")
    assert case.at.decide("grant", application=APPLICATION, review=REVIEW).code is None
    assert change(case.at, organisation=OTHER).code == "lbl.reference"


def test_a_register_is_taken_over_as_it_was_until_that_is_closed() -> None:
    at = World().at
    register_other(at)
    assert at.decide("grant", basis="imported").code is None
    assert change(at, organisation=OTHER, kind="service").code is None
    closed = {"effective_date": "2026-02-01"}
    assert at.write("import_closed/1", closed, entity=bytes16("closed")).code is None
    assert change(at, organisation=bytes16("organisation")).code == "lbl.reference"
    assert change(at, kind="product").code == "lbl.reference"
