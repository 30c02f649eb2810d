"""The applicant's own people are no third party, whatever else they are (SPEC ASS-22)."""

from collections.abc import Iterable
from typing import Any

import pytest

from sopro_registry.relations import relations_entity
from tests.registry.assessing import APPLICATION, ASSESSOR, DECIDER, REVIEW, Assessing
from tests.registry.world import Written, bytes16, organisation_body

OWN, BODY = bytes16("organisation"), bytes16("inspectors")
LATE = bytes16("a later authorisation")
TODAY = "2028-01-01"
"""On which every record says that it was written."""


@pytest.fixture
def case() -> Assessing:
    case = Assessing()
    written = case.at.write("organisation/1", organisation_body(), entity=BODY)
    assert written.code is None
    return case


def authorise(case: Assessing, name: bytes | str, **changes: Any) -> Written:
    entity = bytes16(name) if isinstance(name, str) else name
    body = case.authorisation(**changes)
    return case.at.write("assessor_authorisation/1", body, entity=entity)


def relate(case: Assessing, one: bytes, *others: tuple[str, bytes, str]) -> str | None:
    """State what an organisation is to others, each with the code of its site or none."""
    relations = [
        {"kind": kind, "organisation": other, "since": "2025-01-01"}
        | ({"site": site} if site else {})
        for kind, other, site in others
    ]
    body = {"organisation": one, "relations": relations}
    entity = relations_entity(one)
    return case.at.write("organisation_relation/1", body, entity=entity).code


def would_evaluate(case: Assessing, name: bytes | str = LATE, **changes: Any) -> Written:
    entity = bytes16(name) if isinstance(name, str) else name
    by = [{"authorisation": entity, "person": ASSESSOR}]
    body = case.evaluation(assessors=by, **changes)
    return case.at.judge("evaluation/1", body, entity=bytes16("by their own"))


def found(case: Assessing, **changes: Any) -> str | None:
    return would_evaluate(case, **changes).code


@pytest.mark.parametrize("other", [{}, {"organisation": BODY}])
def test_another_authorisation_makes_nobody_independent(
    case: Assessing, other: dict[str, Any]
) -> None:
    case.bring_to("accepted")
    assert authorise(case, LATE, **other).code is None
    assert found(case) is None
    assert authorise(case, "of their own", organisation=OWN, level="second_party").code is None
    refused = would_evaluate(case)
    assert refused.code == "ass.authority"
    assert refused.judgement.void is not None
    assert "(I4, ASS-22)" in refused.judgement.void.message
    assert found(case, level="second_party") is None
    stranger = case.authorisation(person=bytes16("stranger"), **other)
    case.at.write("assessor_authorisation/1", stranger, entity=bytes16("of a stranger"))
    by = [{"authorisation": bytes16("of a stranger"), "person": bytes16("stranger")}]
    assert case.evaluate(assessors=by).code is None


def test_an_authorisation_that_names_another_body_now_has_named_its_own(case: Assessing) -> None:
    case.bring_to("accepted")
    for organisation in ({"organisation": OWN}, {"organisation": BODY}, {}):
        assert authorise(case, LATE, **organisation).code is None
    assert found(case) == "ass.authority"


@pytest.mark.parametrize("status", ["suspended", "withdrawn"])
def test_one_that_ended_has_tied_nonetheless(case: Assessing, status: str) -> None:
    case.bring_to("accepted")
    for changes in ({}, {"status": status}):
        assert authorise(case, "of their own", organisation=OWN, **changes).code is None
    later = {"effective_date": TODAY, "valid_until": "2028-12-31"}
    assert authorise(case, LATE, **later).code is None
    assert found(case, performed_on=TODAY) == "ass.authority"
    assert found(case, performed_on=TODAY, level="second_party") is None


@pytest.mark.parametrize(
    ("until", "performed", "code"),
    [
        ("2023-11-19", "2025-11-19", "ass.authority"),
        ("2023-11-19", "2025-11-20", None),
        ("2024-02-29", "2026-02-28", "ass.authority"),
        ("2024-02-29", "2026-03-01", None),
        ("9999-12-31", "2026-03-01", "ass.authority"),
    ],
)
def test_a_tie_holds_for_two_years_more(
    case: Assessing, until: str, performed: str, code: str | None
) -> None:
    case.bring_to("accepted")
    ended = {"effective_date": "2020-01-01", "valid_from": "2020-01-01", "valid_until": until}
    assert authorise(case, "of their own", organisation=OWN, **ended).code is None
    assert authorise(case, LATE).code is None
    assert found(case, performed_on=performed) == code


def test_no_later_record_ends_a_tie_before_it_was_written(case: Assessing) -> None:
    """The day on which somebody is said to have left is that of the record at the earliest."""
    case.bring_to("accepted")
    old = {"effective_date": "2020-01-01", "valid_from": "2020-01-01"}
    assert authorise(case, LATE, organisation=OWN, **old).code is None
    assert authorise(case, LATE, **old).code is None
    assert authorise(case, "other", organisation=OWN, **old).code is None
    ended = {"organisation": OWN, "valid_until": "2020-01-02"}
    assert authorise(case, "other", **old | ended).code is None
    assert found(case) == "ass.authority"


KINDS = ("same_as", "merged_into", "successor_of")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_turned", [False, True])
def test_organisations_that_are_one_have_the_same_people(
    case: Assessing, kind: str, is_turned: bool
) -> None:
    case.bring_to("accepted")
    assert authorise(case, LATE, organisation=BODY).code is None
    assert found(case) is None
    one, other = (BODY, OWN) if is_turned else (OWN, BODY)
    assert relate(case, one, (kind, other, "")) is None
    assert found(case) == "ass.authority"
    # What was taken back ties no more.
    assert relate(case, one) is None
    assert found(case) is None


def test_parts_of_one_whole_are_not_one(case: Assessing) -> None:
    case.bring_to("accepted")
    assert authorise(case, LATE, organisation=BODY).code is None
    assert relate(case, BODY, ("part_of", OWN, "")) is None
    assert found(case) is None


def test_relations_are_followed_over_others_and_over_other_sites(case: Assessing) -> None:
    case.bring_to("accepted")
    middle, abroad = bytes16("between"), bytes16("abroad")
    assert case.at.write("organisation/1", organisation_body(), entity=middle).code is None
    assert authorise(case, LATE, organisation=BODY).code is None
    assert relate(case, middle, ("merged_into", OWN, ""), ("same_as", abroad, "hu")) is None
    assert found(case) is None
    assert relate(case, BODY, ("successor_of", abroad, "de")) is None
    assert found(case) is None
    assert relate(case, BODY, ("successor_of", abroad, "hu")) is None
    assert found(case) == "ass.authority"


def crowd(case: Assessing, others: Iterable[bytes]) -> None:
    for other in others:
        assert case.at.write("organisation/1", organisation_body(), entity=other).code is None
        assert relate(case, other, ("same_as", OWN, "")) is None


def test_of_more_than_can_be_followed_everybody_is_one(case: Assessing) -> None:
    case.bring_to("accepted")
    assert authorise(case, LATE).code is None
    assert authorise(case, "with a body", organisation=BODY).code is None
    crowd(case, (bytes16(f"one of many {number}") for number in range(255)))
    assert found(case) is None
    crowd(case, [bytes16("one too many")])
    assert found(case) == "ass.authority"
    assert relate(case, bytes16("one too many")) is None
    assert found(case) is None
    crowd(case, [bytes16("the 257th that ever said so")])
    assert found(case) == "ass.authority"
    assert relate(case, bytes16("the 257th that ever said so")) is None
    assert found(case) == "ass.authority"


def test_who_is_tied_to_nobody_is_free_in_any_crowd(case: Assessing) -> None:
    case.bring_to("accepted")
    assert authorise(case, LATE).code is None
    crowd(case, (bytes16(f"one of many {number}") for number in range(257)))
    assert found(case) is None


def test_somebody_has_64_authorisations_at_most(case: Assessing) -> None:
    for number in range(64):
        assert authorise(case, f"no. {number}").code is None
    assert authorise(case, "no. 64").code == "ass.authority"
    assert authorise(case, "no. 3", status="suspended").code is None
    assert authorise(case, "another's", person=bytes16("somebody else")).code is None


# They neither review what is theirs nor decide on it (ISO/IEC 17065, 4.2.10).

INSIDER = bytes16("one of their own")


def employ(case: Assessing, until: str, organisation: bytes = OWN) -> None:
    fields = {"level": "second_party", "organisation": organisation, "person": INSIDER}
    old = {"effective_date": "2020-01-01", "valid_from": "2020-01-01", "valid_until": until}
    assert authorise(case, "of their own", **fields, **old).code is None


@pytest.mark.parametrize(("until", "code"), [("2023-12-15", "ass.duties"), ("2023-12-14", None)])
def test_who_works_for_who_applies_reviews_nothing_of_it(
    case: Assessing, until: str, code: str | None
) -> None:
    case.bring_to("evaluated")
    employ(case, until)
    written = case.give_review(reviewer=INSIDER)
    assert written.code == code
    assert case.give_review().code is None


@pytest.mark.parametrize("action", ["grant", "refuse"])
@pytest.mark.parametrize(("until", "code"), [("2024-01-10", "ass.duties"), ("2024-01-09", None)])
def test_who_works_for_who_applies_decides_nothing_of_it(
    case: Assessing, until: str, code: str | None, action: str
) -> None:
    case.bring_to("reviewed")
    employ(case, until)
    more = {"decided_on": "2026-01-10", "decider": INSIDER}
    assert case.would_grant(action, **more) == code
    assert case.would_grant(action) is None


def test_of_who_applies_and_who_offers_each_has_its_people(case: Assessing) -> None:
    """An application may be of another organisation than the one whose offering it is for."""
    case.bring_to("authorised")
    for step in ("submitted", "accepted"):
        assert case.step(step, applicant=BODY).code is None
    assert case.evaluate().code is None
    employ(case, "2026-12-31", BODY)
    assert case.give_review(reviewer=INSIDER).code == "ass.duties"
    assert case.give_review().code is None
    assert case.would_grant(decider=INSIDER) == "ass.duties"
    assert case.would_grant() is None


@pytest.mark.parametrize(
    ("action", "reason", "code"),
    [
        ("revoke", "other", "ass.duties"),
        ("correct", None, "ass.duties"),
        ("reduce_scope", "other", "ass.duties"),
        ("suspend", "nc_not_closed", "ass.duties"),
        ("suspend", "other", None),
        ("terminate_on_request", "holder_request", None),
        ("terminate_on_request", "other", "ass.duties"),
    ],
)
def test_who_works_for_the_holder_judges_nothing_about_its_label(
    case: Assessing, action: str, reason: str | None, code: str | None
) -> None:
    case.bring_to("reviewed")
    named = {"application": APPLICATION, "review": REVIEW}
    assert case.at.decide("grant", **named).code is None
    employ(case, "2026-12-31")
    more = {"decider": INSIDER} | ({"reason_code": reason} if reason else {})
    if action == "reduce_scope":
        more["scope"] = {"areas": ["AT130"]}
    assert case.at.would_decide(action, **more).code == code
    assert case.at.would_decide(action, **more | {"decider": DECIDER}).code is None


# What was taken away is not given back for days that have passed.


def test_who_was_withdrawn_comes_back_for_no_day_before(case: Assessing) -> None:
    case.bring_to("accepted")
    for changes in ({}, {"effective_date": "2027-12-01", "status": "withdrawn"}):
        assert authorise(case, "at first", **changes).code is None
    later = {"valid_until": "2028-12-31"}
    for day in ("2027-11-01", "2027-12-01", "2027-12-31"):
        assert authorise(case, LATE, effective_date=day, **later).code == "lbl.dates"
    other = authorise(case, "b", effective_date="2027-11-01", person=bytes16("another"), **later)
    assert other.code is None
    assert authorise(case, "anew", effective_date=TODAY, **later).code is None
    assert found(case, name="anew", performed_on="2027-12-10") == "ass.authority"
    assert found(case, name="anew", performed_on=TODAY) is None


@pytest.mark.parametrize(("day", "code"), [("2027-12-31", "lbl.dates"), (TODAY, None)])
def test_a_suspension_is_lifted_for_no_day_before(
    case: Assessing, day: str, code: str | None
) -> None:
    case.bring_to("accepted")
    for changes in ({}, {"effective_date": "2027-12-01", "status": "suspended"}):
        assert authorise(case, LATE, **changes).code is None
    assert authorise(case, "another", effective_date=day).code == code
    assert authorise(case, LATE, effective_date=day).code == code
