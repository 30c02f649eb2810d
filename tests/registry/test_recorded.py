"""Since when it is on record how a label stood on a day, and what was recorded late (OVL-11)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sopro_registry.fields import recorded_day
from sopro_registry.queries import Basis, answer_label, stand
from tests.registry.transferring import THERE, hand_over, take_over
from tests.registry.world import World, Written, bytes16, ordinal

LABEL = bytes16("label")
LATE = "recorded_late"


def at(instant: str) -> int:
    return int(datetime.fromisoformat(instant).replace(tzinfo=UTC).timestamp() * 1000)


def decide(world: World, action: str, held: str, recorded: str, **changes: Any) -> Written:
    """Decide something that holds from a day, in a record of an instant."""
    dates: dict[str, Any] = {"effective_date": held, "decided_on": held}
    if action in ("grant", "renew"):
        dates |= {"valid_from": held}
    written = world.at.decide(action, how={"time": at(recorded)}, **dates | changes)
    assert written.code is None
    return written


def is_late(world: World, day: str) -> bool:
    return LATE in world.node.overlays(world.at.origin, LABEL, day)


def since(world: World, day: str) -> str | None:
    return stand(world.node.course(world.at.origin, LABEL), ordinal(day)).on_record_since


@pytest.fixture
def early() -> World:
    """Return a federation whose records begin in 2024."""
    return World(time=at("2024-01-01T00:00"))


def test_a_past_day_says_since_when_it_is_known(early: World) -> None:
    decide(early, "grant", "2026-01-10", "2026-11-23T08:00", valid_until="2027-12-31")
    course = early.node.course(early.at.origin, LABEL)
    standing = stand(course, ordinal("2026-03-01"))
    assert (standing.valid, standing.on_record_since) == (True, "2026-11-23")
    assert standing.recorded_late
    basis = Basis(early.at.origin, 0, "")
    answer = answer_label(course, bases=[basis], day=ordinal("2026-03-01"))
    assert answer.on_record_since == "2026-11-23"
    assert [one.recorded_on for one in answer.history] == ["2026-11-23"]
    # Before anything held there is nothing that could be on record.
    assert since(early, "2026-01-09") is None


def test_what_is_recorded_days_later_is_in_time(early: World) -> None:
    # Thirty-one days, to the last millisecond of the thirty-first in UTC.
    decide(early, "grant", "2026-01-10", "2026-02-10T23:59:59.999", valid_until="2027-12-31")
    assert not is_late(early, "2026-01-10")
    assert since(early, "2026-01-10") == "2026-02-10"


def test_a_day_later_is_late_until_it_was_recorded(early: World) -> None:
    decide(early, "grant", "2026-01-10", "2026-02-11T00:00", valid_until="2027-12-31")
    found = [is_late(early, day) for day in ("2026-01-09", "2026-01-10", "2026-02-10")]
    assert found == [False, True, True]
    # From then on everybody could know it.
    assert not is_late(early, "2026-02-11")


def test_what_follows_in_time_hides_nothing_that_was_late(early: World) -> None:
    decide(early, "grant", "2024-06-01", "2026-11-23T08:00", valid_until="2026-05-31")
    decide(early, "renew", "2026-05-01", "2026-11-23T08:00", valid_until="2027-05-31")
    decide(early, "correct", "2026-11-01", "2026-11-23T08:00")
    assert is_late(early, "2026-11-02")
    assert not is_late(early, "2026-11-23")


def test_what_was_known_of_a_day_is_not_late_for_what_comes_behind(early: World) -> None:
    decide(early, "grant", "2026-01-10", "2026-01-12T08:00", valid_until="2027-12-31")
    decide(early, "suspend", "2026-03-01", "2026-09-01T08:00", suspended_until="2026-12-31")
    assert (is_late(early, "2026-02-28"), since(early, "2026-02-28")) == (False, "2026-01-12")
    assert (is_late(early, "2026-03-01"), since(early, "2026-03-01")) == (True, "2026-09-01")


def test_what_is_decided_ahead_is_not_late(early: World) -> None:
    decide(early, "grant", "2026-01-10", "2026-01-10T08:00", valid_until="2027-12-31")
    ahead = {"decided_on": "2026-02-01", "suspended_until": "2026-12-31"}
    decide(early, "suspend", "2026-06-01", "2026-02-01T08:00", **ahead)
    assert (is_late(early, "2026-06-01"), since(early, "2026-06-01")) == (False, "2026-02-01")


def test_what_an_existing_register_said_is_marked_as_that_and_not_late(early: World) -> None:
    old = {"basis": "imported", "valid_until": "2027-12-31"}
    decide(early, "grant", "2020-01-10", "2026-11-23T08:00", **old)
    assert (is_late(early, "2021-01-01"), since(early, "2021-01-01")) == (False, "2026-11-23")


def test_who_takes_a_label_over_late_is_seen(early: World) -> None:
    early.meet()
    decide(early, "grant", "2026-01-10", "2026-01-10T08:00", valid_until="2027-12-31")
    left = {"effective_date": "2026-02-01", "decided_on": "2026-02-01"}
    assert hand_over(early, how={"time": at("2026-02-01T08:00")}, **left).code is None
    taken = {"effective_date": "2026-02-02", "decided_on": "2026-02-02"}
    late = {"time": at("2026-11-23T08:00")}
    assert take_over(early, how=late, valid_until="2027-12-31", **taken).code is None
    course = early.node.course(early.at.origin, LABEL)
    assert course.at(ordinal("2026-02-02")).entity == bytes16(THERE)
    assert (is_late(early, "2026-02-02"), since(early, "2026-02-02")) == (True, "2026-11-23")
    assert (is_late(early, "2026-02-01"), since(early, "2026-02-01")) == (False, "2026-02-01")


def test_a_time_beyond_the_calendar_is_its_last_day() -> None:
    assert recorded_day(2**53 - 1) == ordinal("9999-12-31")
    assert recorded_day(0) == ordinal("1970-01-01")
