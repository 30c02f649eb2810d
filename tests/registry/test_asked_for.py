"""What a label was applied for does not change under it, and has to be there (LBL-6, LBL-30)."""

import json
from typing import Any

import pytest

from sopro_protocol.errors import RefusedError
from tests.registry.assessing import APPLICATION, REVIEW, Assessing, findings
from tests.registry.make_asked_vectors import FOLDER, call_recorded, render
from tests.registry.make_transfer_vectors import call_last
from tests.registry.transferring import found, hand_over, take_over
from tests.registry.world import (
    Author,
    World,
    Written,
    bytes16,
    dates_of,
    offering_body,
    organisation_body,
)

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
    assert change(case.at, status="paused", effect_scale="local").code is None


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


ITEM, OTHER_ITEM = "4006381333931", "96385074"


def changed_item(case: Assessing, before: str | None, after: str | None, **more: Any) -> str | None:
    """Say why the item number of what is asked for cannot be another; None where it can."""
    numbers = [{"gtin": one} if one else {} for one in (before, after)]
    assert change(case.at, **numbers[0]).code is None
    return change(case.at, **numbers[1], **more).code


@pytest.mark.parametrize(
    ("before", "after"), [(ITEM, OTHER_ITEM), (ITEM, None), (None, ITEM), (ITEM, ITEM + "0")]
)
def test_an_item_number_stays_with_what_was_asked_for(
    before: str | None, after: str | None
) -> None:
    case = Assessing()
    assert changed_item(case, before, after) is None
    case = Assessing()
    assert change(case.at, **({"gtin": before} if before else {})).code is None
    case.bring_to("submitted")
    again = {"gtin": before} if before else {}
    assert change(case.at, status="paused", **again).code is None
    assert change(case.at, **({"gtin": after} if after else {})).code == "lbl.reference"


def test_an_item_number_is_the_same_however_it_is_written() -> None:
    case = Assessing()
    assert change(case.at, gtin=ITEM).code is None
    case.bring_to("submitted")
    assert change(case.at, gtin=f"0{ITEM}").code is None


@pytest.mark.parametrize(
    ("state", "code"),
    [("submitted", "lbl.reference"), ("accepted", None), ("evaluated", "lbl.reference")],
)
def test_another_item_number_is_assessed_before_it_is_labelled(
    state: str, code: str | None
) -> None:
    case = Assessing()
    case.bring_to(state)
    assert change(case.at, gtin=ITEM).code == "lbl.reference"
    assert change(case.at, gtin=ITEM, application=bytes16("none")).code == "lbl.reference"
    assert change(case.at, gtin=ITEM, application=APPLICATION).code == code


def test_an_application_for_something_else_allows_no_other_item_number() -> None:
    case = Assessing()
    other = bytes16("another offering")
    assert case.at.write("offering/1", offering_body(), entity=other).code is None
    case.authorise()
    for step in ("submitted", "accepted"):
        assert case.step(step, offering=other).code is None
    entity = bytes16("own application")
    body = case.application("submitted")
    assert case.at.write("label_application/1", body, entity=entity).code is None
    assert change(case.at, gtin=ITEM, application=APPLICATION).code == "lbl.reference"


def test_a_decided_application_allows_no_other_item_number() -> None:
    case = Assessing()
    case.bring_to("reviewed")
    assert case.at.decide("grant", application=APPLICATION, review=REVIEW).code is None
    assert change(case.at, gtin=ITEM, application=APPLICATION).code == "lbl.reference"


def test_item_numbers_of_an_existing_register_stay_once_that_is_closed() -> None:
    at = World().at
    assert at.decide("grant", basis="imported").code is None
    assert change(at, gtin=ITEM).code is None
    closed = {"effective_date": "2026-02-01"}
    assert at.write("import_closed/1", closed, entity=bytes16("closed")).code is None
    assert change(at, gtin=OTHER_ITEM).code == "lbl.reference"
    assert change(at, gtin=ITEM, status="paused").code is None
    # What came after that was labelled by nobody before.
    new = bytes16("new offering")
    assert at.write("offering/1", offering_body(), entity=new).code is None
    told = offering_body() | {"gtin": ITEM}
    assert at.write("offering/1", told, entity=new).code is None
    assert at.write("offering/1", told | {"gtin": OTHER_ITEM}, entity=new).code is None


def test_what_a_label_that_was_taken_over_is_on_stays_as_it_is() -> None:
    world = found()
    assert hand_over(world).code is None
    assert change(world.hu, gtin=ITEM).code is None
    assert take_over(world).code is None
    assert change(world.hu, gtin=OTHER_ITEM).code == "lbl.reference"
    assert change(world.hu, gtin=ITEM, kind="service").code == "lbl.reference"
    assert change(world.hu, gtin=ITEM, status="paused").code is None


# What is there no more.


def end(at: Author, what: str, day: str) -> None:
    if what == "offering":
        written = change(at, status="withdrawn", effective_date=day)
    else:
        body = organisation_body() | {"status": "dissolved", "effective_date": day}
        written = at.write("organisation/1", body, entity=bytes16("organisation"))
    assert written.code is None


def decided(at: Author, action: str, **changes: Any) -> str | None:
    return at.would_decide(action, **dates_of(action, "2026-01-20") | changes).code


@pytest.mark.parametrize("what", ["offering", "organisation"])
@pytest.mark.parametrize("action", ["grant", "renew", "extend_scope", "transfer_in"])
def test_nothing_is_given_to_what_is_there_no_more(what: str, action: str) -> None:
    for day, code in (("2026-01-21", None), ("2026-01-20", "lbl.reference")):
        at = World().at
        if action in ("renew", "extend_scope"):
            scope = {"scope": {"areas": ["AT13"]}}
            assert at.decide("grant", **scope).code is None
        end(at, what, day)
        scope = {"scope": {"areas": ["AT12", "AT13"]}} if action == "extend_scope" else {}
        assert decided(at, action, **scope) == code


@pytest.mark.parametrize("what", ["offering", "organisation"])
@pytest.mark.parametrize("action", ["suspend", "reduce_scope", "revoke", "correct", "refuse"])
def test_what_takes_away_or_corrects_needs_nothing_that_is_there(what: str, action: str) -> None:
    at = World().at
    if action != "refuse":
        assert at.decide("grant").code is None
    end(at, what, "2026-01-05")
    scope = {"scope": {"areas": ["AT13"]}} if action == "reduce_scope" else {}
    assert decided(at, action, **scope) is None


def test_an_existing_register_says_what_was_whatever_has_ended_since() -> None:
    at = World().at
    end(at, "offering", "2026-01-05")
    assert at.decide("grant", basis="imported").code is None


def test_what_comes_back_is_given_a_label_again() -> None:
    at = World().at
    end(at, "offering", "2026-01-05")
    assert decided(at, "grant") == "lbl.reference"
    assert change(at, status="published", effective_date="2026-01-15").code is None
    assert decided(at, "grant") is None


def test_a_label_that_is_taken_over_is_not_lost_with_what_it_was_for() -> None:
    world = found()
    assert hand_over(world).code is None
    end(world.hu, "offering", "2026-01-05")
    assert take_over(world).code is None


# What is frozen.


OPERATIONS = {"last": call_last, "recorded": call_recorded}
GROUPS = json.loads((FOLDER / "asked.json").read_text(encoding="utf-8"))["groups"]


def test_frozen_vectors_are_what_the_maker_makes() -> None:
    assert render() == (FOLDER / "asked.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("call", "case"), [(one["call"], case) for one in GROUPS for case in one["accept"]]
)
def test_accepts_what_vectors_accept(call: str, case: dict[str, Any]) -> None:
    assert OPERATIONS[call](case) == case["gives"]


@pytest.mark.parametrize(
    ("call", "case"), [(one["call"], case) for one in GROUPS for case in one["reject"]]
)
def test_refuses_what_vectors_refuse(call: str, case: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as refusal:
        OPERATIONS[call](case)
    assert refusal.value.code == case["code"]
