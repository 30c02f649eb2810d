"""Who assessed decides nothing that rests on it, and what was found is not passed over (I2, I3)."""

from typing import Any

import pytest

from sopro_registry.duties import MOST_FOR_APPLICATION, MOST_OF_LABEL
from tests.registry.assessing import (
    APPLICATION,
    ASSESSOR,
    DECIDER,
    EVALUATION,
    REVIEW,
    REVIEWER,
    Assessing,
    findings,
)
from tests.registry.world import Written, bytes16, dates_of

LABEL = bytes16("label")
SURVEY, RENEWAL = bytes16("survey"), bytes16("renewal")
SURVEYOR = bytes16("surveyor")
LATE = dates_of("suspend", "2026-10-01")


@pytest.fixture
def case() -> Assessing:
    case = Assessing()
    case.bring_to("reviewed")
    assert case.at.decide("grant", application=APPLICATION, review=REVIEW).code is None
    body = case.authorisation(person=SURVEYOR)
    leave = bytes16("leave of the surveyor")
    assert case.at.write("assessor_authorisation/1", body, entity=leave).code is None
    return case


def by(person: bytes, leave: str) -> list[dict[str, bytes]]:
    return [{"authorisation": bytes16(leave), "person": person}]


def survey(case: Assessing, entity: bytes = SURVEY, **changes: Any) -> Written:
    about = {
        "application": None,
        "assessors": by(SURVEYOR, "leave of the surveyor"),
        "kind": "surveillance",
        "label": LABEL,
        "performed_on": "2026-09-01",
    }
    return case.evaluate(entity=entity, **about | changes)


def suspend(case: Assessing) -> None:
    assert case.at.decide("suspend", **LATE).code is None


# Who decides.


@pytest.mark.parametrize("person", [ASSESSOR, SURVEYOR])
@pytest.mark.parametrize(
    ("action", "changes", "code"),
    [
        ("revoke", {}, "ass.duties"),
        ("reduce_scope", {"scope": {"areas": ["AT13"]}}, "ass.duties"),
        ("correct", {}, "ass.duties"),
        ("suspend", {}, "ass.duties"),
        ("suspend", {"reason_code": "misuse_of_mark"}, None),
        ("suspend", {"reason_code": "other"}, None),
        ("terminate_on_request", {"reason_code": "holder_request"}, None),
        ("terminate_on_request", {"reason_code": "product_discontinued"}, None),
        ("terminate_on_request", {"reason_code": "nc_not_closed"}, "ass.duties"),
        ("terminate_on_request", {"reason_code": "other"}, "ass.duties"),
        ("transfer_out", {}, None),
    ],
)
def test_who_evaluated_decides_nothing_that_rests_on_it(
    case: Assessing, person: bytes, action: str, changes: dict[str, Any], code: str | None
) -> None:
    assert survey(case).code is None
    dates = dates_of(action, "2026-10-01") | changes
    assert case.at.would_decide(action, **dates, decider=person).code == code
    assert case.at.would_decide(action, **dates, decider=DECIDER).code is None
    assert case.at.would_decide(action, **dates, decider=REVIEWER).code is None


def test_who_evaluated_may_suspend_at_once_and_does_not_reinstate(case: Assessing) -> None:
    assert survey(case).code is None
    alone = LATE | {"decider": SURVEYOR, "reason_code": "misuse_of_mark"}
    assert case.at.decide("suspend", **alone).code is None
    dates = dates_of("reinstate", "2026-10-09")
    assert case.at.would_decide("reinstate", **dates, decider=SURVEYOR).code == "ass.duties"
    assert case.at.would_decide("reinstate", **dates).code is None


def test_an_existing_register_has_no_duties() -> None:
    case = Assessing()
    case.authorise()
    assert case.at.decide("grant", basis="imported").code is None
    assert survey(case, assessors=by(ASSESSOR, "authorisation")).code is None
    assert case.at.would_decide("correct", basis="imported", decider=ASSESSOR).code is None
    assert case.at.would_decide("correct", decider=ASSESSOR).code == "ass.duties"


# What was found.


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"findings": findings(S3="minor_nc")}, None),
        ({"findings": findings(S3="major_nc")}, "ass.outcome"),
        ({"findings": findings(S3="major_nc"), "level": "second_party"}, None),
        ({"findings": findings(S3="major_nc"), "level": "self"}, None),
    ],
)
def test_a_label_comes_back_once_no_major_nonconformity_is_open(
    case: Assessing, changes: dict[str, Any], code: str | None
) -> None:
    assert survey(case, **changes).code is None
    suspend(case)
    dates = dates_of("reinstate", "2026-11-01")
    assert case.at.would_decide("reinstate", **dates).code == code
    assert case.at.would_decide("revoke", **dates_of("revoke", "2026-11-01")).code is None


def test_a_later_evaluation_lets_a_label_come_back(case: Assessing) -> None:
    assert survey(case, findings=findings(S3="major_nc")).code is None
    suspend(case)
    dates = dates_of("reinstate", "2026-11-01")
    other = bytes16("second survey")
    beside = [{"code": "S1", "result": "conform"}, {"code": "S3", "result": "not_assessed"}]
    assert survey(case, other, findings=beside, kind="special").code is None
    assert case.at.would_decide("reinstate", **dates).code == "ass.outcome"
    closed = [{"code": "S3", "points": 7, "result": "conform"}]
    assert survey(case, bytes16("third"), findings=closed, kind="special").code is None
    assert case.at.would_decide("reinstate", **dates).code is None
    # What was looked at before is not what was found last, however late it is recorded.
    early = {"findings": findings(S3="major_nc"), "performed_on": "2026-08-31"}
    assert survey(case, bytes16("fourth"), **early).code is None
    assert case.at.would_decide("reinstate", **dates).code is None
    # What goes on with the first is the last again.
    assert survey(case, findings=findings(S3="major_nc")).code is None
    assert case.at.would_decide("reinstate", **dates).code == "ass.outcome"


# What a review names.


def test_a_review_names_every_evaluation() -> None:
    case = Assessing()
    case.bring_to("evaluated", findings=findings(S1="major_nc"))
    second = bytes16("second")
    assert case.evaluate(entity=second, level="second_party").code is None
    for some in ([EVALUATION], [second]):
        assert case.give_review(evaluations=some).code == "ass.subject"
    assert case.give_review(evaluations=sorted([EVALUATION, second])).code is None
    assert case.would_grant() == "ass.outcome"


def test_an_evaluation_that_comes_after_the_review_needs_another() -> None:
    case = Assessing()
    case.bring_to("reviewed")
    second = bytes16("second")
    assert case.evaluate(entity=second, findings=findings(S1="major_nc")).code is None
    assert case.would_grant() == "ass.subject"
    assert case.would_grant("refuse", certificate=None) == "ass.subject"
    assert case.give_review(evaluations=sorted([EVALUATION, second])).code is None
    assert case.would_grant() == "ass.outcome"


def test_evaluations_are_as_many_as_a_review_can_name() -> None:
    case = Assessing()
    case.bring_to("accepted")
    entities = [bytes16(f"evaluation {one}") for one in range(MOST_FOR_APPLICATION)]
    assert {case.evaluate(entity=one).code for one in entities} == {None}
    assert case.evaluate(entity=bytes16("one more")).code == "ass.subject"
    assert case.evaluate(entity=entities[0]).code is None
    assert case.give_review(evaluations=sorted(entities)).code is None


def test_evaluations_of_a_label_are_bounded(case: Assessing) -> None:
    for number in range(MOST_OF_LABEL):
        assert survey(case, bytes16(f"survey {number}")).code is None
    assert survey(case, bytes16("one more")).code == "ass.subject"
    assert survey(case, bytes16("survey 0")).code is None


# What goes on.


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"findings": findings(S3="conform")}, None),
        ({"findings": findings(S3="minor_nc")}, None),
        ({"findings": findings(S3="not_applicable")}, None),
        ({"findings": findings(S3="not_assessed")}, "ass.findings"),
        ({"findings": findings(S3=None)}, "ass.findings"),
        ({"findings": findings(S2=None)}, None),
        ({"findings": findings(S3="conform"), "level": "second_party"}, "ass.subject"),
        ({"findings": findings(S3="conform"), "level": "self"}, "ass.subject"),
    ],
)
def test_what_was_open_is_not_left_out(changes: dict[str, Any], code: str | None) -> None:
    case = Assessing()
    case.bring_to("evaluated", findings=findings(S3="major_nc"))
    assert case.evaluate(**changes).code == code


@pytest.mark.parametrize(
    ("criterion", "value", "results"),
    [
        ({}, 25, {"conform": None, "minor_nc": "ass.findings", "major_nc": "ass.findings"}),
        ({}, 24, {"conform": "ass.findings", "minor_nc": None, "not_assessed": None}),
        ({"operator": "<="}, 25, {"conform": None, "major_nc": "ass.findings"}),
        ({"operator": "<="}, 26, {"conform": "ass.findings", "major_nc": None}),
        ({"operator": "="}, 25, {"conform": None, "minor_nc": "ass.findings"}),
        ({"operator": "="}, 26, {"conform": "ass.findings", "not_applicable": None}),
        ({"kind": "score"}, 24, {"conform": None}),
        ({"threshold": None}, 0, {"conform": None, "minor_nc": None}),
    ],
)
def test_a_value_does_not_contradict_its_result(
    criterion: dict[str, Any], value: int, results: dict[str, str | None]
) -> None:
    case = Assessing()
    assert case.put_criterion("S1", version=2, **criterion).code is None
    parts = [{"code": "S1", "version": 2}]
    assert case.put_set(criteria=parts, version=2).code is None
    case.act()
    case.authorise()
    for step in ("submitted", "accepted"):
        assert case.step(step, criteria_version=2).code is None
    for result, code in results.items():
        found = [{"code": "S1", "result": result, "value": value}]
        body = case.evaluation(criteria_version=2, findings=found)
        assert case.at.judge("evaluation/1", body, entity=EVALUATION).code == code, result


@pytest.mark.parametrize(
    ("level", "code"), [("third_party", "ass.authority"), ("second_party", None)]
)
def test_who_works_for_the_applicant_is_no_third_party(level: str, code: str | None) -> None:
    case = Assessing()
    case.bring_to("accepted")
    for name, expected in (("other organisation", None), ("organisation", code)):
        body = {"actor_type": "enterprise", "country": "AT", "effective_date": "2025-01-01"}
        body |= {"status": "active"}
        if name != "organisation":
            assert case.at.write("organisation/1", body, entity=bytes16(name)).code is None
        assert case.authorise(organisation=bytes16(name)).code is None
        assert case.evaluate(level=level, entity=bytes16(name + level)).code == expected


# A renewal counts what was found since.


def renew(case: Assessing, *changes: dict[str, Any], version: int = 1) -> str | None:
    """Apply for a renewal, evaluate with each of the changes, review, and ask to renew."""
    asked = {"criteria_version": version, "kind": "renewal", "label": LABEL}
    for step, day in (("submitted", "2026-10-01"), ("accepted", "2026-10-02")):
        body = case.application(step, effective_date=day, **asked)
        assert case.at.write("label_application/1", body, entity=RENEWAL).code is None
    entities = []
    for number, change in enumerate(changes):
        entities.append(bytes16(f"renewal {number}"))
        fields = {"application": RENEWAL, "kind": "recertification", "performed_on": "2026-11-01"}
        fields |= {"criteria_version": version}
        assert case.evaluate(entity=entities[-1], **fields | change).code is None
    fields = {"application": RENEWAL, "evaluations": sorted(entities), "reviewed_on": "2026-11-20"}
    review = bytes16("review of the renewal")
    assert case.at.write("review/1", case.review(**fields), entity=review).code is None
    dates = dates_of("renew", "2026-12-01")
    return case.at.would_decide("renew", application=RENEWAL, review=review, **dates).code


FULL: dict[str, Any] = {}
WITHOUT: dict[str, Any] = {"findings": findings(S3="not_assessed")}


@pytest.mark.parametrize(
    ("surveyed", "evaluated", "code"),
    [
        (None, WITHOUT, None),
        ({"findings": findings(S3="major_nc")}, FULL, None),
        ({"findings": findings(S3="major_nc")}, WITHOUT, "ass.outcome"),
        ({"findings": findings(S3="major_nc"), "level": "second_party"}, WITHOUT, None),
        ({"findings": findings(S3="minor_nc")}, WITHOUT, None),
        ({"findings": findings(S4="major_nc")}, WITHOUT, None),
        # What surveillance found conform does not stand for the renewal's own evaluation.
        (FULL, {"findings": findings(S2="not_assessed")}, "ass.outcome"),
    ],
)
def test_a_renewal_counts_surveillance_by_an_earlier_version_of_the_criteria(
    surveyed: dict[str, Any] | None, evaluated: dict[str, Any], code: str | None
) -> None:
    case = Assessing()
    assert case.put_criterion("S4", kind="boolean", obligation="points").code is None
    parts = [{"code": code, "version": 1} for code in ("S1", "S2", "S3", "S4")]
    version = {"criteria": parts, "version": 2, "transition_until": "2026-12-31"}
    assert case.put_set(**version).code is None
    without = {"criteria": parts[:3], "version": 3, "min_points": 0}
    assert case.put_set(**without, transition_until="2026-12-31").code is None
    case.act()
    case.authorise()
    for step in ("submitted", "accepted"):
        assert case.step(step, criteria_version=2).code is None
    assert case.evaluate(criteria_version=2).code is None
    assert case.give_review().code is None
    assert case.at.decide("grant", application=APPLICATION, review=REVIEW).code is None
    if surveyed is not None:
        by_assessor = {"assessors": by(ASSESSOR, "authorisation"), "criteria_version": 2}
        assert survey(case, **by_assessor | surveyed).code is None
    assert renew(case, evaluated, version=3) == code


def test_surveillance_after_the_renewal_was_evaluated_counts(case: Assessing) -> None:
    assert renew(case, FULL) is None
    review = bytes16("review of the renewal")
    dates = dates_of("renew", "2026-12-01") | {"application": RENEWAL, "review": review}
    late = {"performed_on": "2026-11-25"}
    assert survey(case, findings=findings(S3="minor_nc"), **late).code is None
    # Its points are gone.
    assert case.at.would_decide("renew", **dates).code == "ass.outcome"
    closed = [{"code": "S3", "points": 1, "result": "conform"}]
    assert survey(case, bytes16("closing"), findings=closed, **late).code is None
    # What the renewal's own evaluation found is the result again.
    assert case.at.would_decide("renew", **dates).code is None


def test_what_was_found_for_an_application_that_was_withdrawn_stays_open(case: Assessing) -> None:
    assert renew(case, FULL) is None
    other = bytes16("other renewal")
    asked = {"effective_date": "2026-11-25", "kind": "renewal", "label": LABEL}
    fields = {"application": other, "findings": findings(S3="major_nc"), "kind": "recertification"}
    for step in ("submitted", "accepted"):
        body = case.application(step, **asked)
        assert case.at.write("label_application/1", body, entity=other).code is None
    assert case.evaluate(entity=SURVEY, performed_on="2026-11-25", **fields).code is None
    body = case.application("withdrawn", **asked)
    assert case.at.write("label_application/1", body, entity=other).code is None
    review = bytes16("review of the renewal")
    dates = dates_of("renew", "2026-12-01") | {"application": RENEWAL, "review": review}
    assert case.at.would_decide("renew", **dates).code == "ass.outcome"


def test_who_surveyed_a_label_neither_reviews_nor_renews_it(case: Assessing) -> None:
    assert survey(case).code is None
    assert renew(case, FULL) is None
    review = bytes16("review of the renewal")
    dates = dates_of("renew", "2026-12-01") | {"application": RENEWAL, "review": review}
    for person in (SURVEYOR, ASSESSOR):
        assert case.at.would_decide("renew", **dates, decider=person).code == "ass.duties"
    fields = {"application": RENEWAL, "evaluations": [bytes16("renewal 0")]}
    for person, code in ((SURVEYOR, "ass.duties"), (bytes16("another"), None)):
        body = case.review(reviewed_on="2026-11-20", reviewer=person, **fields)
        assert case.at.judge("review/1", body, entity=review).code == code


# A label that comes from outside the federation.


def test_what_comes_from_elsewhere_rests_on_an_assessment_too() -> None:
    case = Assessing()
    case.authorise()
    assert case.at.would_decide("transfer_in").code == "lbl.precondition"
    for step in ("submitted", "accepted"):
        assert case.step(step, kind="transfer").code is None
    assert case.evaluate().code is None
    assert case.give_review().code is None
    named = {"application": APPLICATION, "review": REVIEW}
    assert case.at.would_decide("transfer_in", **named).code is None
    assert case.at.would_decide("transfer_in", **named, decider=ASSESSOR).code == "ass.duties"


@pytest.mark.parametrize(
    ("order", "said"),
    [((0, 1, 1, 2), "a finding about 'S2' is given twice"), ((1, 0, 2), "not in the order of")],
)
def test_a_finding_that_is_given_twice_is_named(order: tuple[int, ...], said: str) -> None:
    case = Assessing()
    case.bring_to("accepted")
    every = findings()
    void = case.evaluate(findings=[every[place] for place in order]).judgement.void
    assert void is not None
    assert void.code == "ass.findings"
    assert said in void.message
