from typing import Any

import pytest

from tests.registry.assessing import Assessing
from tests.registry.world import bytes16, ordinal, scheme_body


@pytest.fixture
def case() -> Assessing:
    return Assessing()


def part(code: str, version: int = 1) -> dict[str, Any]:
    return {"code": code, "version": version}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"transition_until": "2026-06-30"}, None),
        ({"min_points": 0}, None),
        ({"version": 1}, "lbl.criteria"),
        ({"version": 3}, "lbl.criteria"),
        ({"criteria": [{"code": "S9", "version": 1}]}, "lbl.criteria"),
        ({"criteria": [{"code": "S1", "version": 2}]}, "lbl.criteria"),
        (
            {"criteria": [{"code": "S2", "version": 1}, {"code": "S1", "version": 1}]},
            "lbl.criteria",
        ),
        ({"criteria": [{"code": "S1", "version": 1}] * 2}, "lbl.criteria"),
        ({"criteria": []}, "rec.body"),
        ({"scheme": "unknown"}, "lbl.criteria"),
        ({"scheme": "other"}, "mem.name"),
        ({"published_on": "2026-02-01"}, "lbl.dates"),
        ({"transition_until": "2025-12-31"}, "lbl.dates"),
        ({"applies_from": "2026-02-30"}, "rec.body"),
    ],
)
def test_refuses(case: Assessing, changes: dict[str, Any], code: str | None) -> None:
    eu = case.world.coordinator
    eu.write("scheme/1", scheme_body() | {"scheme": "other"}, entity=bytes16("other"))
    body = case.set_body(version=2, published_on="2025-12-01", applies_from="2026-01-01") | changes
    assert eu.judge("criteria_set/1", body, entity=bytes16("criteria")).code == code


def test_a_scheme_has_one_set(case: Assessing) -> None:
    eu, other = case.world.coordinator, bytes16("another set")
    assert eu.judge("criteria_set/1", case.set_body(), entity=other).code == "mem.name"


def test_counts_only_in_the_coordinators_log(case: Assessing) -> None:
    written = case.at.judge("criteria_set/1", case.set_body(), entity=bytes16("own"))
    assert written.code == "lbl.competence"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"threshold": 24}, "lbl.criteria"),
        ({"threshold": 250, "threshold_scale": 1}, None),
        ({"threshold": 249, "threshold_scale": 1}, "lbl.criteria"),
        ({"unit": "KGM"}, "lbl.criteria"),
        ({"operator": "<="}, "lbl.criteria"),
        ({"kind": "boolean", "threshold": None}, "lbl.criteria"),
        ({"obligation": "points", "points": 5}, "lbl.criteria"),
        ({"country": None}, "lbl.criteria"),
        ({"tightens": None}, None),
        ({"tightens": "S9"}, "lbl.criteria"),
        ({"tightens": "S2"}, None),
    ],
)
def test_a_country_may_only_be_stricter(
    case: Assessing, changes: dict[str, Any], code: str | None
) -> None:
    """S1 asks for 25 percent at least, S2 for a yes."""
    own = {"country": "AT", "threshold": 30, "tightens": "S1"} | changes
    assert case.put_criterion("AT1", **own).code == code


def test_the_country_of_a_criterion_is_permanent(case: Assessing) -> None:
    assert case.put_criterion("AT1", country="AT").code is None
    assert case.put_criterion("AT1", country="HU", version=2).code == "lbl.criteria"
    assert case.put_criterion("AT1", country="AT", version=2).code is None


def test_says_until_when_a_version_may_be_used(case: Assessing) -> None:
    assert case.put_set(version=2, applies_from="2026-03-01").code is None
    later = {"applies_from": "2027-03-01", "transition_until": "2027-06-30"}
    assert case.put_set(version=3, **later).code is None
    directory = case.world.node.directory
    found = [directory.criteria_set("sopro", version=number) for number in (1, 2, 3, 4)]
    assert found.pop() is None
    ends = [(one.may_be_used(one.until), one.may_be_used(one.until + 1)) for one in found if one]
    assert ends == [(True, False), (True, False), (False, False)]
    # Until the day before the next applies, or as long as that says.
    days = [ordinal("2026-02-28"), ordinal("2027-06-30"), 0]
    assert [one.until for one in found if one] == days
    assert directory.criteria_set("sopro") == found[-1]
    assert directory.copy().criteria_set("sopro") == found[-1]
