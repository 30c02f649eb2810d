"""A refusal is corrected, and a reason; the history stays, and counts are of what is right."""

import json
from typing import Any

import pytest

from sopro_protocol.errors import RefusedError
from sopro_registry.family import Decided
from sopro_registry.fields import day_of
from tests.registry.assessing import APPLICATION, ASSESSOR, DAYS, REVIEW, Assessing
from tests.registry.make_correction_vectors import FOLDER, OPERATIONS, render
from tests.registry.world import World, bytes16

LABEL = bytes16("label")
DATES = {"decided_on": "2026-02-01", "effective_date": "2026-02-01"}
REFUSED = {"decided_on": "2026-01-10", "effective_date": "2026-01-10"}


def counted(world: World) -> dict[tuple[str, str, int], int]:
    """What is counted of decisions of `at`, but for how long they took."""
    found: dict[tuple[str, str, int], int] = {}
    for one, number in world.at.tables.decided.items():
        key = (one.action, one.reason, one.year)
        found[key] = found.get(key, 0) + number
    return {key: number for key, number in found.items() if number}


def correct(world: World, **changes: Any) -> str | None:
    first = world.at.decisions()[0].index
    return world.at.decide("correct", **{"corrects": first} | DATES | changes).code


@pytest.fixture
def refused(world: World) -> World:
    assert world.at.decide("refuse", reason_code="other", **REFUSED).code is None
    return world


def test_a_refusal_has_the_reason_that_its_correction_says(refused: World) -> None:
    assert counted(refused) == {("refuse", "other", 2026): 1}
    assert correct(refused, reason_code="fees_unpaid") is None
    assert counted(refused) == {("refuse", "fees_unpaid", 2026): 1, ("correct", "", 2026): 1}
    assert correct(refused, reason_code="insolvency") is None
    assert counted(refused) == {("refuse", "insolvency", 2026): 1, ("correct", "", 2026): 2}
    assert refused.at.status("2026-06-01") == "refused"
    assert [one.action for one in refused.at.decisions()] == ["refuse", "correct", "correct"]


def test_a_correction_that_says_no_reason_leaves_it(refused: World) -> None:
    assert correct(refused) is None
    assert correct(refused, corrects=None, reason_code="insolvency") is None
    assert counted(refused) == {
        ("refuse", "other", 2026): 1,
        ("correct", "", 2026): 1,
        ("correct", "insolvency", 2026): 1,
    }


@pytest.mark.parametrize("reason", ["complaint_upheld", "appeal_upheld"])
def test_what_answers_an_appeal_is_the_reason_of_the_correction(
    refused: World, reason: str
) -> None:
    assert correct(refused, reason_code=reason) is None
    assert counted(refused) == {("refuse", "other", 2026): 1, ("correct", reason, 2026): 1}


def test_a_correction_of_a_correction_is_counted_as_one(refused: World) -> None:
    assert correct(refused, reason_code="fees_unpaid") is None
    again = refused.at.decisions()[-1].index
    assert correct(refused, corrects=again, reason_code="insolvency") is None
    assert counted(refused) == {
        ("refuse", "fees_unpaid", 2026): 1,
        ("correct", "", 2026): 1,
        ("correct", "insolvency", 2026): 1,
    }


def test_the_reason_of_any_decision_is_corrected(world: World) -> None:
    world.at.decide("grant")
    assert world.at.decide("suspend", reason_code="other").code is None
    suspended = world.at.decisions()[-1].index
    assert correct(world, corrects=suspended, reason_code="fees_unpaid") is None
    assert counted(world) == {
        ("grant", "", 2026): 1,
        ("suspend", "fees_unpaid", 2026): 1,
        ("correct", "", 2026): 1,
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"refused_on": "2025-12-31"}, None),
        ({"refused_on": "2026-02-01"}, None),
        ({"refused_on": "2026-02-02"}, "lbl.dates"),
        ({"refused_on": "2026-02-30"}, "rec.body"),
        ({"refused_on": "2026-01-05", "corrects": None}, "lbl.precondition"),
        ({"refused_on": "2026-01-05", "corrects": 1}, "lbl.reference"),
        ({"refused_on": "2026-01-05", "basis": "imported"}, "lbl.precondition"),
        ({"valid_until": "2026-12-31"}, "lbl.reference"),
        ({"application": bytes(16)}, "lbl.precondition"),
        ({"certificate": "SOPRO/AT1/001/00001"}, "lbl.reference"),
    ],
)
def test_when_something_was_refused(
    refused: World, changes: dict[str, Any], code: str | None
) -> None:
    assert correct(refused, **changes) == code


def test_only_a_refusal_was_refused_some_day(world: World) -> None:
    world.at.decide("grant")
    assert correct(world, refused_on="2026-01-05") == "lbl.reference"
    first = world.at.decisions()[0].index
    fields = {"corrects": first, "refused_on": "2026-01-05"} | DATES
    assert world.at.would_decide("renew", **fields).code == "lbl.precondition"


def test_a_refusal_counts_in_the_year_it_was_of(refused: World) -> None:
    assert correct(refused, refused_on="2025-12-31") is None
    assert counted(refused) == {("refuse", "other", 2025): 1, ("correct", "", 2026): 1}
    assert +refused.at.tables.counts == {("refuse", 2025): 1, ("correct", 2026): 1}
    assert correct(refused, reason_code="insolvency") is None
    assert counted(refused)["refuse", "insolvency", 2025] == 1


def test_an_application_took_until_the_day_it_was_refused() -> None:
    case = Assessing()
    case.bring_to("reviewed", outcome="recommend_refuse")
    named = {"application": APPLICATION, "review": REVIEW}
    assert case.at.decide("refuse", **named).code is None
    assert took(case) == {("refuse", between("submitted", "decided")): 1}
    early = correct(case.world, refused_on="2025-12-14")
    assert early == "lbl.dates"
    assert correct(case.world, refused_on=DAYS["reviewed"]) is None
    assert took(case) == {("refuse", between("submitted", "reviewed")): 1}
    # It stays decided, and whoever has assessed it does not correct it either.
    assert case.step("withdrawn", effective_date="2026-03-01").code == "app.transition"
    assert correct(case.world, decider=ASSESSOR) == "ass.duties"


def between(first: str, last: str) -> int:
    return day_of(DAYS[last], field="") - day_of(DAYS[first], field="")


def took(case: Assessing) -> dict[tuple[str, int], int]:
    decided: dict[Decided, int] = case.at.tables.decided
    return {(one.action, one.days): n for one, n in decided.items() if one.days >= 0 and n}


# What is frozen.


GROUPS = json.loads((FOLDER / "correction.json").read_text(encoding="utf-8"))["groups"]


def test_frozen_vectors_are_what_the_maker_makes() -> None:
    assert render() == (FOLDER / "correction.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("call", "case"), [(one["call"], case) for one in GROUPS for case in one["accept"]]
)
def test_accepts_what_vectors_accept(call: str, case: dict[str, Any]) -> None:
    assert OPERATIONS[call](case) == case["gives"]
    assert {status for _, status in case["gives"]["days"].values()} == {"none", "refused"}


@pytest.mark.parametrize(
    ("call", "case"), [(one["call"], case) for one in GROUPS for case in one["reject"]]
)
def test_refuses_what_vectors_refuse(call: str, case: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as refusal:
        OPERATIONS[call](case)
    assert refusal.value.code == case["code"]
