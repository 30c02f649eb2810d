"""What a label holds for: stated, extended, reduced, corrected, taken over."""

from typing import Any

import pytest

from sopro_registry.transfer import Mismatch, Stage, compare
from tests.registry.transferring import THERE, hand_over, take_over
from tests.registry.world import World, bytes16, ordinal

TWO = {"areas": ["AT12", "AT130"]}


@pytest.mark.parametrize(
    ("action", "scope", "code"),
    [
        ("extend_scope", {"areas": ["AT12", "AT130", "AT31"]}, None),
        ("extend_scope", {}, None),
        ("extend_scope", TWO, "lbl.scope"),
        ("extend_scope", {"areas": ["AT12", "AT31", "AT32"]}, "lbl.scope"),
        ("extend_scope", {"areas": ["AT12"]}, "lbl.scope"),
        ("extend_scope", {"areas": ["AT12", "AT130", "AT31"], "cpv": ["15000000"]}, "lbl.scope"),
        ("reduce_scope", {"areas": ["AT12"]}, None),
        ("reduce_scope", TWO | {"cpv": ["15000000"]}, None),
        ("reduce_scope", TWO, "lbl.scope"),
        ("reduce_scope", {"areas": ["AT31"]}, "lbl.scope"),
        ("reduce_scope", {}, "lbl.scope"),
        ("reduce_scope", {"cpv": ["15000000"]}, "lbl.scope"),
        ("correct", {"areas": ["AT31"]}, "lbl.scope"),
        ("correct", {}, "lbl.scope"),
        ("correct", {"areas": ["AT12"]}, None),
        ("correct", TWO, None),
        ("correct", {"areas": ["AT31", "AT12"]}, "lbl.scope"),
        ("correct", {"areas": ["AT12", "AT12"]}, "lbl.scope"),
        ("renew", TWO, "lbl.precondition"),
        ("suspend", TWO, "lbl.precondition"),
        ("revoke", {}, "lbl.precondition"),
    ],
)
def test_a_scope_is_held_to_the_one_before(
    world: World, action: str, scope: dict[str, Any], code: str | None
) -> None:
    assert world.at.decide("grant", scope=TWO).code is None
    assert world.at.would_decide(action).code is None
    assert world.at.would_decide(action, scope=scope).code == code


def test_without_a_scope_it_is_the_whole_offering(world: World) -> None:
    assert world.at.decide("grant").code is None
    assert world.at.would_decide("extend_scope", scope=TWO).code == "lbl.scope"
    assert world.at.would_decide("extend_scope", scope={}).code == "lbl.scope"
    assert world.at.would_decide("reduce_scope", scope=TWO).code is None


def test_a_scope_holds_from_the_day_of_its_decision(world: World) -> None:
    world.at.decide("grant", scope=TWO)
    day = {"effective_date": "2026-03-01", "decided_on": "2026-02-01"}
    assert world.at.decide("reduce_scope", scope={"areas": ["AT12"]}, **day).code is None
    assert world.at.decide("correct", effective_date="2026-04-01").code is None
    label = world.node.state(world.at.origin, bytes16("label"))
    assert label.scope_at(ordinal("2026-01-09")).areas == []
    assert label.scope_at(ordinal("2026-02-28")).areas == ["AT12", "AT130"]
    assert label.scope_at(ordinal("2026-03-01")).areas == ["AT12"]
    assert label.scope_at(ordinal("2026-05-01")).areas == ["AT12"]
    assert label.scope.words == "areas AT12"


def test_a_void_decision_changes_no_scope(world: World) -> None:
    world.at.decide("grant", scope=TWO)
    assert world.at.decide("reduce_scope", scope={"areas": ["AT31"]}).code == "lbl.scope"
    assert world.node.state(world.at.origin, bytes16("label")).scope.areas == TWO["areas"]


@pytest.mark.parametrize(
    ("stated", "site"), [(TWO, "hu"), (None, "at"), ({}, "at"), ({"areas": ["AT12"]}, "at")]
)
def test_a_label_changes_sites_with_its_scope(stated: dict[str, Any] | None, site: str) -> None:
    world = World()
    assert world.at.write_state(world.coordinator).code is None
    assert world.at.decide("grant", scope=TWO).code is None
    assert hand_over(world).code is None
    assert take_over(world, scope=stated).code is None
    stages = [
        Stage(author.origin, bytes16(name), world.node.state(author.origin, bytes16(name)))
        for author, name in ((world.at, "label"), (world.hu, THERE))
    ]
    found = compare(*stages)
    assert found is (None if site == "hu" else Mismatch.STANDING)


def test_a_correction_names_a_decision_on_its_label(world: World) -> None:
    granted = world.at.decide("grant").judgement.index
    suspended = world.at.decide("suspend").judgement.index
    longer = {"suspended_until": "2026-12-01"}
    assert world.at.would_decide("correct", corrects=suspended, **longer).code is None
    assert world.at.would_decide("correct", corrects=granted).code is None
    assert world.at.would_decide("correct", corrects=granted - 1).code == "lbl.reference"
    assert world.at.would_decide("correct", corrects=len(world.at.entries)).code == "lbl.reference"
    assert world.at.would_decide("reinstate", corrects=suspended).code == "lbl.precondition"
    assert world.at.decide("correct", corrects=suspended, **longer).code is None
    assert world.at.decisions()[-1].suspended_until == ordinal("2026-12-01")
    assert world.at.status("2026-06-01") == "suspended"


def test_what_reduced_a_scope_wrongly_can_be_taken_back_and_no_further(world: World) -> None:
    assert world.at.decide("grant", scope=TWO).code is None
    on = {"decided_on": "2026-03-01", "effective_date": "2026-03-01"}
    reduced = world.at.decide("reduce_scope", scope={"areas": ["AT12"]}, **on)
    assert reduced.code is None
    wrong = on | {"corrects": reduced.judgement.index}
    assert world.at.would_decide("correct", scope=TWO, **on).code == "lbl.scope"
    assert world.at.would_decide("correct", scope={}, **wrong).code == "lbl.scope"
    assert world.at.would_decide("correct", scope={"areas": ["AT31"]}, **wrong).code == "lbl.scope"
    assert world.at.decide("correct", scope=TWO, **wrong).code is None
    assert world.at.would_decide("correct", scope={"areas": ["AT12"]}, **wrong).code is None
    assert world.at.would_decide("correct", scope={}, **wrong).code == "lbl.scope"


def test_an_existing_register_corrects_its_scopes_as_it_did(world: World) -> None:
    assert world.at.decide("grant", basis="imported", scope=TWO).code is None
    assert world.at.would_decide("correct", basis="imported", scope={}).code is None
