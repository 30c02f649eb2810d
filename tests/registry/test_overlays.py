"""What lies over a status on a day: computed from the logs, on every node alike, never recorded."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.registry.assessing import APPLICATION, REVIEW, Assessing, findings
from tests.registry.transferring import THERE, expel, found, hand_over, inherit, suspend, take_over
from tests.registry.world import World, Written, bytes16, criterion_body, dates_of

LABEL = bytes16("label")


@pytest.fixture
def case() -> Assessing:
    one = Assessing()
    one.bring_to("reviewed")
    valid = {"valid_until": "2028-01-10"}
    assert one.at.decide("grant", application=APPLICATION, review=REVIEW, **valid).code is None
    return one


def over(world: World, day: str, label: str = "label") -> list[str]:
    # All records here are of a day in 2028; what follows from that alone is in `test_recorded`.
    found = world.node.overlays(world.at.origin, bytes16(label), day)
    return [one for one in found if one != "recorded_late"]


def survey(case: Assessing, day: str, **changes: Any) -> Written:
    about = {"application": None, "label": LABEL, "kind": "surveillance", "performed_on": day}
    return case.evaluate(entity=bytes16(f"survey of {day}"), **about | changes)


# Surveillance.


def test_surveillance_is_due_an_interval_after_the_grant(case: Assessing) -> None:
    # The scheme asks for one in twelve months; the grant is newer than what it rests on.
    assert over(case.world, "2027-01-10") == []
    assert over(case.world, "2027-01-11") == ["surveillance_overdue"]


def test_an_evaluation_by_a_third_party_is_surveillance(case: Assessing) -> None:
    assert survey(case, "2026-12-01").code is None
    assert over(case.world, "2027-12-01") == []
    assert over(case.world, "2027-12-02") == ["surveillance_overdue"]
    # On an earlier day it had not been performed.
    assert over(case.world, "2026-11-30") == []


@pytest.mark.parametrize("level", ["self", "second_party"])
def test_what_is_not_independent_is_none(case: Assessing, level: str) -> None:
    assert survey(case, "2026-12-01", level=level).code is None
    assert over(case.world, "2027-01-11") == ["surveillance_overdue"]


def test_a_void_evaluation_is_none(case: Assessing) -> None:
    assert survey(case, "2026-12-01", criteria_version=7).code == "lbl.criteria"
    assert over(case.world, "2027-01-11") == ["surveillance_overdue"]


def close_import(world: World, day: str, entity: str = "closed") -> None:
    body = {"effective_date": day}
    assert world.at.write("import_closed/1", body, entity=bytes16(entity)).code is None


def test_what_came_from_an_existing_register_is_not_known_to_be_overdue(world: World) -> None:
    assert world.at.decide("grant", basis="imported", valid_until="2028-12-31").code is None
    assert over(world, "2027-06-01") == []
    # From the end of the import on nobody else answers for it.
    close_import(world, "2026-03-01")
    close_import(world, "2026-09-01", "closed again")
    assert over(world, "2027-03-01") == []
    assert over(world, "2027-03-02") == ["surveillance_overdue"]


def test_what_was_taken_over_without_a_date_is_overdue_after_the_import_ended(world: World) -> None:
    undated = {"effective_date": None, "valid_from": None, "valid_until": None}
    assert world.at.decide("grant", basis="imported", **undated).code is None
    close_import(world, "2026-03-01")
    assert over(world, "2027-03-01") == []
    assert over(world, "2027-03-02") == ["surveillance_overdue"]


def test_an_evaluation_of_what_was_imported_counts_and_not_the_end_of_the_import(
    case: Assessing,
) -> None:
    world = case.world
    imported = {"basis": "imported", "label": "old", "certificate": world.at.number(7)}
    assert world.at.decide("grant", valid_until="2029-12-31", **imported).code is None
    about = {"application": None, "label": bytes16("old"), "kind": "surveillance"}
    entity = bytes16("survey of old")
    assert case.evaluate(entity=entity, performed_on="2026-02-01", **about).code is None
    close_import(world, "2026-12-01")
    assert [over(world, day, "old") for day in ("2027-02-01", "2027-02-02")] == [
        [],
        ["surveillance_overdue"],
    ]


def test_what_was_imported_and_taken_over_is_due_an_interval_after_that() -> None:
    world = found(basis="imported")
    old = {"basis": "imported", "effective_date": "2026-01-05", "valid_until": "2029-12-31"}
    assert world.at.decide("renew", **old).code is None
    assert over(world, "2027-06-01") == []
    assert hand_over(world).code is None
    assert take_over(world, valid_until="2029-12-31").code is None
    begun = world.node.course(world.at.origin, LABEL).stages[-1].label.decisions[0].effective
    day = date.fromordinal(begun).replace(year=2027)
    assert over(world, day.isoformat()) == []
    assert over(world, (day + timedelta(1)).isoformat()) == ["surveillance_overdue"]


def test_a_scheme_without_an_interval_asks_for_none(world: World) -> None:
    world.at.decide("grant", valid_until="2028-01-10")
    assert over(world, "2027-02-01") == ["surveillance_overdue"]
    world.put_scheme(surveillance_interval_months=0)
    # The site has not heard of it yet, and so nobody acts on it.
    assert over(world, "2027-02-01") == ["surveillance_overdue"]
    world.at.write_state(world.coordinator)
    assert over(world, "2027-02-01") == []


def test_nothing_is_due_where_the_label_does_not_stand(case: Assessing) -> None:
    late = "2027-01-11"
    ended = {"decided_on": late, "effective_date": late, "appeal_until": "2027-02-01"}
    assert case.at.decide("revoke", **ended).code is None
    assert over(case.world, late) == []
    assert over(case.world, "2026-01-09") == []


# Suspension.


def test_a_suspension_is_overdue_the_day_after_its_end(world: World) -> None:
    world.at.decide("grant")
    suspended = {"effective_date": "2026-02-01", "suspended_until": "2026-04-02"}
    assert world.at.decide("suspend", **suspended).code is None
    assert over(world, "2026-04-02") == []
    assert over(world, "2026-04-03") == ["suspension_overdue"]
    day = {"decided_on": "2026-05-01", "effective_date": "2026-05-01"}
    assert world.at.decide("reinstate", **day).code is None
    assert over(world, "2026-04-30") == ["suspension_overdue"]
    assert over(world, "2026-05-01") == []


def test_a_suspension_that_states_no_end_is_not_overdue(world: World) -> None:
    imported = {"basis": "imported", "effective_date": "2026-02-01"}
    world.at.decide("grant", basis="imported")
    assert world.at.decide("suspend", suspended_until=None, **imported).code is None
    assert over(world, "2027-01-01") == []


# Non-conformities.


def test_a_major_nonconformity_is_open_until_a_third_party_finds_it_closed(
    case: Assessing,
) -> None:
    world, later = case.world, bytes16("another survey")
    assert survey(case, "2026-06-01", findings=findings(S2="major_nc")).code is None
    assert over(world, "2026-05-31") == []
    assert over(world, "2026-06-01") == ["nonconformity_open"]
    own = {"level": "self", "assessors": [{"person": bytes16("own")}], "entity": later}
    about = {"application": None, "label": LABEL, "kind": "surveillance"}
    assert case.evaluate(performed_on="2026-06-10", **about, **own).code is None
    assert over(world, "2026-06-10") == ["nonconformity_open"]
    assert survey(case, "2026-07-01", findings=findings(S2="not_assessed")).code is None
    assert over(world, "2026-07-01") == ["nonconformity_open"]
    assert survey(case, "2026-07-02", findings=findings(S2="minor_nc")).code is None
    assert over(world, "2026-07-02") == []
    assert over(world, "2026-07-01") == ["nonconformity_open"]


def test_what_is_suspended_for_it_is_not_open_besides(case: Assessing) -> None:
    assert survey(case, "2026-06-01", findings=findings(S2="major_nc")).code is None
    assert case.at.decide("suspend", **dates_of("suspend", "2026-06-02")).code is None
    assert over(case.world, "2026-06-01") == ["nonconformity_open"]
    assert over(case.world, "2026-06-02") == []


def test_what_is_found_for_a_renewal_is_open_too(case: Assessing) -> None:
    asked = {"kind": "renewal", "label": LABEL, "effective_date": "2026-06-01"}
    renewal = bytes16("renewal")
    for step in ("submitted", "accepted"):
        body = case.application(step, **asked)
        assert case.at.write("label_application/1", body, entity=renewal).code is None
    found = {"application": renewal, "kind": "recertification", "performed_on": "2026-06-02"}
    entity = bytes16("for the renewal")
    assert case.evaluate(entity=entity, findings=findings(S1="major_nc"), **found).code is None
    assert over(case.world, "2026-06-02") == ["nonconformity_open"]


def test_who_has_handed_a_label_over_finds_nothing_more(case: Assessing) -> None:
    world = case.world
    assert world.at.write_state(world.coordinator).code is None
    assert world.hu.write_state(world.coordinator).code is None
    day = {"decided_on": "2026-06-01", "effective_date": "2026-06-01"}
    assert hand_over(world, **day).code is None
    assert survey(case, "2026-06-02", findings=findings(S2="major_nc")).code is None
    day = {"decided_on": "2026-06-03", "effective_date": "2026-06-03"}
    assert take_over(world, valid_until="2028-01-10", **day).code is None
    assert over(world, "2026-06-03") == []


# Criteria.


def test_criteria_are_outdated_when_their_transition_has_ended(case: Assessing) -> None:
    changes = {"applies_from": "2026-03-01", "published_on": "2026-02-01", "version": 2}
    assert case.put_set(**changes, transition_until="2026-09-30").code is None
    assert over(case.world, "2026-10-01") == []
    case.act()
    assert over(case.world, "2026-09-30") == []
    assert over(case.world, "2026-10-01") == ["criteria_outdated"]


def import_old(case: Assessing, **changes: Any) -> None:
    held = {"basis": "imported", "label": "old", "certificate": case.at.number(7)} | changes
    assert case.at.decide("grant", valid_until="2029-12-31", **held).code is None


def over_old(case: Assessing, day: str) -> list[str]:
    return over(case.world, day, "old")


@pytest.mark.parametrize(
    ("effective", "transition", "last"),
    [
        # The first version applies from 2025-07-01, the second from 2026-03-01.
        ("2026-01-05", "2026-09-30", "2026-09-30"),
        ("2026-01-05", None, "2026-02-28"),
        ("2026-03-05", "2026-09-30", ""),
        ("2025-06-30", "2026-09-30", ""),
        (None, "2026-09-30", ""),
    ],
)
def test_what_was_imported_rests_on_the_criteria_of_its_day(
    case: Assessing, effective: str | None, transition: str | None, last: str
) -> None:
    dates = {"effective_date": effective} | ({} if effective else {"valid_from": None})
    import_old(case, **dates)
    changes = {"applies_from": "2026-03-01", "published_on": "2026-02-01", "version": 2}
    changes |= {"transition_until": transition} if transition else {}
    assert case.put_set(**changes).code is None
    case.act()
    assert over_old(case, last or "2026-10-01") == []
    if last:
        after = date.fromisoformat(last) + timedelta(1)
        assert over_old(case, after.isoformat()) == ["criteria_outdated"]


@pytest.mark.parametrize("effective", ["2025-06-30", None])
def test_what_was_before_the_first_criteria_ends_where_these_say_so(
    world: World, effective: str | None
) -> None:
    dates = {"effective_date": effective} | ({} if effective else {"valid_from": None})
    assert (
        world.at.decide("grant", basis="imported", valid_until="2029-12-31", **dates).code is None
    )
    part = {"code": "S1", "version": 1}
    world.coordinator.write("criterion/1", criterion_body(), entity=bytes16("criterion S1"))
    body = {
        "applies_from": "2025-07-01", "criteria": [part], "published_on": "2025-06-01",
        "scheme": "sopro", "transition_until": "2026-06-30", "version": 1,
    }  # fmt: skip
    assert world.coordinator.write("criteria_set/1", body, entity=bytes16("set")).code is None
    assert over(world, "2026-07-01") == []
    world.at.write_state(world.coordinator)
    assert over(world, "2026-06-30") == []
    assert over(world, "2026-07-01") == ["criteria_outdated"]


def test_what_was_imported_with_a_grant_of_later_than_its_renewal_has_criteria_too(
    case: Assessing,
) -> None:
    """A register may be wrong about its own days: the label holds from the first of them."""
    import_old(case, effective_date="2026-06-01")
    again = {"label": "old", "basis": "imported", "effective_date": "2026-01-05"}
    assert case.at.decide("renew", valid_until="2029-12-31", **again).code is None
    changes = {"applies_from": "2026-03-01", "published_on": "2026-02-01", "version": 2}
    assert case.put_set(**changes).code is None
    case.act()
    assert over_old(case, "2026-02-28") == []
    assert over_old(case, "2026-03-02") == ["criteria_outdated"]


def test_what_was_imported_and_evaluated_rests_on_the_criteria_of_that(case: Assessing) -> None:
    import_old(case, effective_date="2026-01-05")
    changes = {"applies_from": "2026-03-01", "published_on": "2026-02-01", "version": 2}
    assert case.put_set(**changes).code is None
    case.act()
    assert over_old(case, "2026-04-01") == ["criteria_outdated"]
    about = {"application": None, "label": bytes16("old"), "kind": "surveillance"}
    entity = bytes16("survey of old")
    found_by = {"criteria_version": 2, "performed_on": "2026-03-15"}
    assert case.evaluate(entity=entity, **about | found_by).code is None
    assert over_old(case, "2026-03-14") == ["criteria_outdated"]
    assert over_old(case, "2026-04-01") == []


def test_a_label_that_rests_on_no_application_has_no_criteria(world: World) -> None:
    world.at.decide("grant")
    assert over(world, "2026-10-01") == []


# Appeals.


def appeal(world: World, step: str, day: str, decision: int, **changes: Any) -> str | None:
    body = {"decision": decision, "effective_date": day, "label": LABEL, "step": step} | changes
    return world.at.write("appeal/1", body, entity=bytes16("appeal")).code


def test_an_appeal_lies_over_a_label_until_it_is_decided(world: World) -> None:
    index = world.at.decide("grant").judgement.index
    assert appeal(world, "received", "2026-02-01", index) is None
    assert appeal(world, "panel", "2026-03-01", index, panel=[bytes16("one")]) is None
    assert appeal(world, "rejected", "2026-04-01", index) is None
    assert over(world, "2026-01-31") == []
    for day in ("2026-02-01", "2026-03-01", "2026-03-31"):
        assert over(world, day) == ["under_appeal"]
    assert over(world, "2026-04-01") == []


def test_an_appeal_against_what_ended_a_label_lies_over_it_too(world: World) -> None:
    world.at.decide("grant")
    index = world.at.decide("revoke").judgement.index
    assert appeal(world, "received", "2026-02-01", index) is None
    assert over(world, "2026-02-01") == ["under_appeal"]


@pytest.mark.parametrize("step", ["upheld", "partly_upheld"])
def test_an_appeal_that_was_upheld_lies_over_a_label_until_a_decision_follows(
    world: World, step: str
) -> None:
    index = world.at.decide("grant").judgement.index
    reason = {"reason_code": "appeal_upheld"}
    # What came before the appeal was upheld answers nothing.
    assert world.at.decide("correct", **dates_of("correct", "2026-01-20"), **reason).code is None
    assert appeal(world, "received", "2026-02-01", index) is None
    assert appeal(world, "panel", "2026-03-01", index, panel=[bytes16("one")]) is None
    assert appeal(world, step, "2026-04-01", index) is None
    assert over(world, "2026-03-31") == ["under_appeal"]
    assert over(world, "2026-04-01") == ["appeal_upheld"]
    assert world.at.decide("correct", **dates_of("correct", "2026-05-01")).code is None
    assert over(world, "2026-06-01") == ["appeal_upheld"]
    assert world.at.decide("correct", **dates_of("correct", "2026-06-02"), **reason).code is None
    assert over(world, "2026-06-01") == ["appeal_upheld"]
    assert over(world, "2026-06-02") == []


# Complaints.


def answer(world: World, step: str, day: str) -> str | None:
    body = {
        "complaint": bytes(32), "effective_date": day, "index": 7, "label": LABEL,
        "origin": world.hu.origin, "step": step,
    }  # fmt: skip
    return world.at.write("complaint_answer/1", body, entity=bytes16("answer")).code


@pytest.mark.parametrize("ends", ["decision", "closed"])
def test_a_complaint_that_was_upheld_lies_over_a_label_until_it_is_dealt_with(
    world: World, ends: str
) -> None:
    world.at.decide("grant")
    assert answer(world, "acknowledged", "2026-02-01") is None
    assert answer(world, "investigating", "2026-02-02") is None
    assert over(world, "2026-02-10") == []
    assert answer(world, "upheld", "2026-03-01") is None
    assert over(world, "2026-02-28") == []
    assert over(world, "2026-03-01") == ["complaint_upheld"]
    if ends == "closed":
        assert answer(world, "closed", "2026-03-10") is None
    else:
        dates = dates_of("suspend", "2026-03-10")
        assert world.at.decide("suspend", **dates, reason_code="complaint_upheld").code is None
    assert over(world, "2026-03-09") == ["complaint_upheld"]
    assert over(world, "2026-03-10") == []


# Labels whose site has gone.


def test_a_label_is_orphaned_when_the_grace_is_over_until_somebody_takes_it() -> None:
    world = found()
    expel(world, effective_date="2026-05-01")
    # Thirty days of grace.
    assert over(world, "2026-05-31") == []
    assert over(world, "2026-06-01") == ["orphaned"]
    assert inherit(world).code is None
    assert over(world, "2026-05-01") == []
    assert over(world, "2026-06-01") == []


def test_what_has_changed_sites_is_judged_by_every_log_it_was_in() -> None:
    world = found()
    suspend(world)
    index = world.at.decisions()[-1].index
    assert appeal(world, "received", "2026-02-02", index) is None
    assert hand_over(world).code is None
    assert take_over(world).code is None
    assert over(world, "2026-06-01") == ["suspension_overdue", "under_appeal"]
    assert appeal(world, "panel", "2026-03-01", index, panel=[bytes16("one")]) is None
    assert appeal(world, "upheld", "2026-04-01", index) is None
    assert over(world, "2026-07-01") == ["suspension_overdue", "appeal_upheld"]
    later = dates_of("reinstate", "2026-07-02") | {"reason_code": "appeal_upheld"}
    assert world.hu.decide("reinstate", label=THERE, **later).code is None
    assert over(world, "2026-07-01") == ["suspension_overdue", "appeal_upheld"]
    assert over(world, "2026-07-02") == []


@pytest.mark.parametrize("is_taken", [False, True])
def test_who_has_handed_a_label_over_begins_nothing_about_it(is_taken: bool) -> None:
    world = found()
    index = world.at.decisions()[-1].index
    assert hand_over(world).code is None
    assert appeal(world, "received", "2026-05-01", index) is None
    for step in ("acknowledged", "investigating", "upheld"):
        assert answer(world, step, "2026-05-01") is None
    if is_taken:
        assert take_over(world).code is None
    marks = [] if is_taken else ["under_appeal", "complaint_upheld"]
    assert over(world, "2026-07-01") == marks
    # By then nobody had handed it over; but it was begun behind that in the log.
    assert over(world, "2026-05-01") == marks


def test_taking_over_gives_no_time_for_surveillance() -> None:
    world = found()
    suspend(world)
    index = world.at.decisions()[-1].index
    assert appeal(world, "received", "2026-02-02", index) is None
    assert hand_over(world).code is None
    assert take_over(world).code is None
    # Taking over gives nothing: the interval runs from the grant.
    assert over(world, "2027-01-10") == ["suspension_overdue", "under_appeal"]


def test_what_cannot_be_judged_has_nothing_over_it(world: World) -> None:
    world.at.decide("grant")
    assert over(world, "2027-01-10") == []
    assert world.at.decide("suspend", how={"crit": ["novel"]}).code is None
    assert over(world, "2026-06-01") == []
