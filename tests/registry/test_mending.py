"""An end of validity that was written down wrong is corrected, within what could have been said."""

from typing import Any

import pytest

from tests.registry.world import World, bytes16

LABEL = bytes16("label")
MENDED = {"decided_on": "2026-02-01", "effective_date": "2026-02-01"}


def mend(world: World, until: str, **changes: Any) -> str | None:
    first = world.at.decisions()[0].index
    fields = {"corrects": first, "valid_until": until} | MENDED | changes
    return world.at.would_decide("correct", **fields).code


@pytest.mark.parametrize(
    ("until", "changes", "code"),
    [
        ("2026-06-30", {}, None),
        ("2026-01-10", {}, None),
        ("2029-01-10", {}, None),
        ("2029-01-11", {}, "lbl.dates"),
        ("2026-01-09", {}, "lbl.dates"),
        ("2026-06-31", {}, "rec.body"),
        ("2026-06-30", {"corrects": None}, "lbl.precondition"),
        ("2026-06-30", {"valid_from": "2026-01-10"}, "lbl.precondition"),
        ("2026-06-30", {"basis": "imported"}, "lbl.precondition"),
    ],
)
def test_an_end_is_one_that_the_decision_could_have_stated(
    world: World, until: str, changes: dict[str, Any], code: str | None
) -> None:
    world.put_scheme(max_validity_months=36)
    world.at.write_state(world.coordinator)
    assert world.at.decide("grant", valid_until="2027-01-10").code is None
    assert mend(world, until, **changes) == code


def test_the_label_holds_as_long_as_is_said_now(world: World) -> None:
    world.at.decide("grant", valid_until="2026-01-31")
    first = world.at.decisions()[0].index
    assert world.node.status(world.at.origin, LABEL, "2026-02-01") == "expired"
    mended = {"corrects": first, "valid_until": "2026-12-31"} | MENDED
    assert world.at.decide("correct", **mended).code is None
    for day, status in (
        ("2026-01-31", "active"),
        ("2026-02-01", "active"),
        ("2026-12-31", "active"),
        ("2027-01-01", "expired"),
    ):
        assert world.node.status(world.at.origin, LABEL, day) == status, day


def test_only_the_last_that_set_one_is_corrected(world: World) -> None:
    world.at.decide("grant")
    dates = {"decided_on": "2026-01-20", "effective_date": "2026-01-20"}
    renewed = {"valid_from": "2026-01-20", "valid_until": "2027-06-30"} | dates
    assert world.at.decide("renew", **renewed).code is None
    assert mend(world, "2026-12-31") == "lbl.reference"
    last = world.at.decisions()[-1].index
    assert mend(world, "2026-12-31", corrects=last) is None


@pytest.mark.parametrize(
    ("day", "code"),
    [("2026-01-31", None), ("2026-03-02", None), ("2026-03-03", "lbl.transition")],
)
def test_what_expired_comes_back_within_the_days_of_grace_only(
    world: World, day: str, code: str | None
) -> None:
    """Later a correction would be a renewal that nothing is asked of (I5)."""
    world.at.decide("grant", valid_until="2026-01-31")
    dates = {"decided_on": day, "effective_date": day}
    assert mend(world, "2026-12-31", **dates) == code
    # What it says beside that may be corrected at any time.
    assert world.at.would_decide("correct", **dates).code is None
