"""Labels that change sites: each half judged by its own log, both bound wherever they meet."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sopro_protocol.errors import RefusedError
from sopro_registry.label import Label, status_at
from sopro_registry.queries import Basis, answer_label
from sopro_registry.status import format_leaf, parse_leaf
from sopro_registry.transfer import Course, Mismatch, Stage, compare, follow_label
from tests.registry.make_transfer_vectors import FOLDER, OPERATIONS, render
from tests.registry.transferring import (
    IN,
    LATER,
    NUMBER,
    OUT,
    THERE,
    Changes,
    expel,
    found,
    hand_over,
    inherit,
    suspend,
    take_over,
    takeover,
)
from tests.registry.world import Author, Node, World, Written, bytes16, ordinal, shift


def course_of(node: Node) -> Course:
    """Follow the label of `at` through the logs of a node."""

    def stages(site: str, entity: bytes) -> Iterator[Stage]:
        for origin in node.replicas:
            state = node.state(origin, entity)
            if origin.split("/")[1] == site and isinstance(state, Label):
                yield Stage(origin, entity, state)

    [first] = stages("at", bytes16("label"))
    return follow_label(first, stages, successors=node.directory.successors)


def standing(node: Node, day: str) -> tuple[str, str]:
    """Say whose the label is on a day, and how it stands."""
    stage = course_of(node).at(ordinal(day))
    return stage.site, status_at(stage.label.decisions, ordinal(day))[0].word


@pytest.fixture
def world() -> World:
    return found()


def test_a_label_is_the_receivers_from_the_day_it_takes_it_over(world: World) -> None:
    suspend(world)
    assert hand_over(world).code is None
    assert standing(world.node, IN) == ("at", "transferred")
    assert take_over(world).code is None
    assert [standing(world.node, day) for day in ("2026-03-01", OUT, IN, "2027-01-11")] == [
        ("at", "suspended"), ("at", "transferred"), ("hu", "suspended"), ("hu", "expired"),
    ]  # fmt: skip
    reinstated = {"decided_on": LATER, "effective_date": LATER}
    assert world.hu.decide("reinstate", label=THERE, **reinstated).code is None
    assert standing(world.node, LATER) == ("hu", "active")
    assert world.at.would_decide("revoke", effective_date=LATER).code == "lbl.transition"


def test_a_label_goes_on_and_comes_back(world: World) -> None:
    hand_over(world)
    take_over(world)
    back = {"receiver": "at", "receiver_entity": bytes16("back")}
    dates = {"decided_on": LATER, "effective_date": LATER}
    assert world.hu.decide("transfer_out", label=THERE, **back, **dates).code is None
    label: Label = world.node.state(world.hu.origin, bytes16(THERE))
    taken = takeover(world) | dates | {"status_index": world.at.cursor.grants}
    taken["takes"] = [world.hu.origin, label.decisions[-1].index, label.last]
    assert world.at.decide("transfer_in", label="back", **taken).code is None
    assert [stage.site for stage in course_of(world.node).stages] == ["at", "hu", "at"]
    assert standing(world.node, LATER) == ("at", "active")


def test_what_is_taken_over_has_a_place_in_the_receivers_status_tree(world: World) -> None:
    own = world.hu.decide("grant")
    assert own.code is None
    hand_over(world)
    assert take_over(world, status_index=0).code == "lbl.precondition"
    assert take_over(world).code is None
    label: Label = world.node.state(world.hu.origin, bytes16(THERE))
    assert (label.status_index, world.hu.cursor.grants) == (1, 2)
    assert parse_leaf(format_leaf(label)).certificate == NUMBER
    assert world.hu.write_state(world.coordinator).code is None
    left = world.node.state(world.at.origin, bytes16("label"))
    assert parse_leaf(format_leaf(left)).state == "transferred"


HALVES: list[tuple[str, Changes, Changes, Mismatch]] = [
    ("another number", {}, {"certificate": "SOPRO/AT1/001/00002"}, Mismatch.LABEL),
    ("another place", {}, {"index": 1}, Mismatch.RECORD),
    ("another entry id", {}, {"id": bytes(32)}, Mismatch.RECORD),
    ("another receiver", {"receiver": "hu", "receiver_entity": bytes16("other")}, {},
     Mismatch.RECEIVER),
    ("another standing", {}, {"standing": "suspended"}, Mismatch.STANDING),
    ("a longer validity", {}, {"valid_until": "2028-01-10"}, Mismatch.STANDING),
    ("no end of validity", {}, {"valid_until": None}, Mismatch.STANDING),
    ("long before the hand-over", {"effective_date": LATER}, {}, Mismatch.DATE),
    ("a day before the hand-over", {"effective_date": shift(IN, 1)}, {}, Mismatch.DATE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "taken", "mismatch"), [one[1:] for one in HALVES], ids=[one[0] for one in HALVES]
)
def test_halves_that_do_not_fit_move_nothing(
    world: World, given: Changes, taken: Changes, mismatch: Mismatch
) -> None:
    hand_over(world, **given)
    body = takeover(world)
    origin, index, entry_id = body["takes"]
    taken = dict(taken)
    body["takes"] = [origin, taken.pop("index", index), taken.pop("id", entry_id)]
    assert world.hu.decide("transfer_in", label=THERE, **body | taken).code is None
    course = course_of(world.node)
    assert [stage.site for stage in course.stages] == ["at"]
    claim = Stage(
        world.hu.origin, bytes16(THERE), world.node.state(world.hu.origin, bytes16(THERE))
    )
    assert compare(course.competent, claim) is mismatch


def test_no_label_is_handed_over_to_nobody(world: World) -> None:
    for missing in ({"receiver": None}, {"receiver_entity": None}):
        assert hand_over(world, **missing).code == "lbl.precondition"
    assert hand_over(world, receiver=None, receiver_entity=None).code == "lbl.precondition"
    assert standing(world.node, IN) == ("at", "active")
    # What another register says of a label it has lost names nobody here.
    fields = {"basis": "imported", "receiver": None, "receiver_entity": None}
    imported = World()
    assert imported.at.decide("grant", basis="imported").code is None
    assert imported.at.decide("transfer_out", **fields).code is None


def test_nobody_takes_what_is_not_handed_over(world: World) -> None:
    assert take_over(world).code is None
    assert standing(world.node, IN) == ("at", "active")
    # The coordinator's log says that its site is there: it cannot be inherited from either.
    assert inherit(world).code == "lbl.competence"
    assert standing(world.node, IN) == ("at", "active")


def test_a_successor_takes_over_what_is_left(world: World) -> None:
    suspend(world)
    expel(world)
    assert hand_over(world).code == "mem.inactive"
    assert inherit(world).code is None
    assert standing(world.node, IN) == ("hu", "suspended")
    assert standing(world.node, "2026-03-01") == ("at", "suspended")


@pytest.mark.parametrize("successor", [None, "fr"])
def test_only_the_successor_that_is_named_may(world: World, successor: str | None) -> None:
    expel(world, successor=successor)
    assert inherit(world).code == "lbl.competence"


def test_a_successor_may_not_take_what_has_ended(world: World) -> None:
    ended = {"decided_on": "2026-03-01", "effective_date": "2026-03-01"}
    assert world.at.decide("revoke", appeal_until="2026-04-01", **ended).code is None
    expel(world)
    assert inherit(world, standing="active").code is None
    assert standing(world.node, IN) == ("at", "revoked")


def test_a_log_inherits_a_label_once(world: World) -> None:
    expel(world)
    assert inherit(world).code is None
    assert inherit(world, status_index=world.hu.cursor.grants).code == "lbl.transition"


def heirs(world: World, *, acted_on: tuple[int, int]) -> list[Stage]:
    """Return a label that two successors have taken over, as only a site that came back has."""
    expel(world)
    assert inherit(world).code is None
    [granted, taken] = course_of(world.node).stages
    assert taken.label.taken is not None
    stages = [granted]
    for site, size in zip(("hu", "fr"), acted_on, strict=True):
        answered = replace(taken.label.taken, acted_on=size)
        label = replace(taken.label, taken=answered)
        stages.append(Stage(f"sopro.example/{site}/1", taken.entity, label))
    return stages


@pytest.mark.parametrize(("acted_on", "heir"), [((5, 6), "hu"), ((6, 5), "fr"), ((5, 5), "fr")])
@pytest.mark.parametrize("successors", [("hu", "fr"), ("fr", "hu")])
def test_of_two_successors_the_earlier_has_the_label(
    world: World, acted_on: tuple[int, int], heir: str, successors: tuple[str, str]
) -> None:
    granted, *claims = heirs(world, acted_on=acted_on)
    course = follow_label(
        granted,
        lambda site, entity: [one for one in claims if (one.site, one.entity) == (site, entity)],
        successors=lambda origin: successors if origin == granted.origin else (),
    )
    assert [stage.site for stage in course.stages] == ["at", heir]
    bases = [Basis(stage.origin, 9, "") for stage in course.stages]
    answer = answer_label(course, bases=bases, day=ordinal(IN), claims=claims)
    assert (answer.site, answer.status) == (heir, "active")
    states = {step.to_site: (step.state.value, step.problem) for step in answer.transfers}
    assert states.pop(heir) == ("completed", "")
    assert list(states.values()) == [("unconfirmed", Mismatch.LATER.value)]


def test_what_cannot_be_judged_hands_nothing_over(world: World) -> None:
    hand_over(world)
    take_over(world)
    granted, taken = course_of(world.node).stages
    unsure = Stage(granted.origin, granted.entity, granted.label, undetermined=True)
    assert compare(unsure, taken) is Mismatch.UNDETERMINED
    assert compare(granted, taken) is None


def test_a_chain_of_sites_ends_with_the_last(world: World) -> None:
    hand_over(world)
    take_over(world)
    away = {"receiver": "at", "receiver_entity": bytes16("never taken")}
    dates = {"decided_on": LATER, "effective_date": LATER}
    assert world.hu.decide("transfer_out", label=THERE, **away, **dates).code is None
    course = course_of(world.node)
    bases = [Basis(stage.origin, 9, "") for stage in course.stages]
    answer = answer_label(course, bases=bases, day=ordinal(LATER))
    assert [(one.from_site, one.to_site, one.state.value) for one in answer.transfers] == [
        ("at", "hu", "completed"), ("hu", "at", "offered"),
    ]  # fmt: skip
    assert (answer.site, answer.status) == ("hu", "transferred")
    before = answer_label(course, bases=bases, day=ordinal(OUT))
    assert [one.origin for one in before.computed_from] == [world.at.origin, world.hu.origin]


def refuse_out(**changes: Any) -> Callable[[World], Written]:
    return lambda world: hand_over(world, **changes)


def refuse_in(**changes: Any) -> Callable[[World], Written]:
    return lambda world: take_over(world, **changes)


NOWHERE = ["sopro.example/xx/1", 3, bytes(32)]
REFUSED: list[tuple[str, Callable[[World], Written], str]] = [
    ("to nobody known", refuse_out(receiver="xx"), "lbl.competence"),
    ("to itself", refuse_out(receiver="at"), "lbl.competence"),
    ("to no entity", refuse_out(receiver_entity=None), "lbl.precondition"),
    ("to nobody at an entity", refuse_out(receiver=None), "lbl.precondition"),
    ("to no site code", refuse_out(receiver="HU"), "rec.body"),
    ("imported out", refuse_out(basis="imported"), "lbl.precondition"),
    ("imported in", refuse_in(basis="imported"), "lbl.precondition"),
    ("from nobody known", refuse_in(takes=NOWHERE), "lbl.competence"),
    ("from itself", refuse_in(takes=["sopro.example/hu/1", 3, bytes(32)]), "lbl.competence"),
    ("from another epoch", refuse_in(takes=["sopro.example/at/2", 3, bytes(32)]), "lbl.competence"),
    ("from no place", refuse_in(takes=["sopro.example/at/1", -1, bytes(32)]), "rec.body"),
    ("without a standing", refuse_in(standing=None), "lbl.precondition"),
    ("without an index", refuse_in(status_index=None), "lbl.precondition"),
    ("revoked before", refuse_in(standing="revoked"), "rec.body"),
    ("a standing of nothing", refuse_in(takes=None), "lbl.precondition"),
    ("of another offering", refuse_in(offering=bytes(16)), "lbl.reference"),
    ("of an unknown scheme", refuse_in(scheme="other"), "lbl.criteria"),
    ("decided tomorrow", refuse_in(decided_on="2030-01-01"), "lbl.dates"),
    ("a grant that takes", lambda world: world.hu.decide("grant", takes=NOWHERE),
     "lbl.precondition"),
    ("a grant with a receiver", lambda world: world.hu.decide(
        "grant", receiver="at", receiver_entity=bytes(16)), "lbl.precondition"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("write", "code"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED]
)
def test_refuses(world: World, write: Callable[[World], Written], code: str) -> None:
    assert write(world).code == code


def test_a_receiver_that_is_suspended_receives_nothing(world: World) -> None:
    assert world.put_membership(world.hu, status="suspended").code is None
    assert world.at.write_state(world.coordinator).code is None
    assert hand_over(world).code == "lbl.competence"


# Whatever comes in whatever order.


@settings(max_examples=60)
@given(seed=st.integers(0, 2**20))
def test_the_course_is_the_same_in_whatever_order_logs_come(seed: int) -> None:
    rng = Random(seed)
    world = found()
    if rng.random() < 0.5:
        suspend(world)
    if rng.random() < 0.3:
        expel(world)
        inherit(world)
    else:
        if rng.random() < 0.8:
            hand_over(world)
        if rng.random() < 0.8:
            take_over(world, **rng.choice([{}, {}, {}, {"standing": "suspended"}]))
    for label in (THERE, "label"):
        held = world.node.state(world.hu.origin, bytes16(label))
        if held and rng.random() < 0.7:
            dates = {"decided_on": LATER, "effective_date": LATER, "appeal_until": "2026-09-01"}
            world.hu.decide("revoke", label=label, **dates)
    days = ("2026-01-10", "2026-03-01", OUT, IN, LATER, "2027-02-01")
    expected = [standing(world.node, day) for day in days]
    for order in range(3):
        node = World.new_node()
        deliver([world.coordinator, world.at, world.hu], node, Random(seed + order))
        assert [standing(node, day) for day in days] == expected


def deliver(authors: list[Author], node: Node, rng: Random) -> None:
    missing = {author.origin: list(author.entries) for author in authors}
    while any(missing.values()):
        origin = rng.choice([origin for origin, entries in missing.items() if entries])
        taken = node.deliver(origin, missing[origin][: rng.choice((1, 2, 5))])
        missing[origin] = missing[origin][taken:]


# What is frozen.


GROUPS = json.loads((FOLDER / "transfer.json").read_text(encoding="utf-8"))["groups"]


def test_frozen_vectors_are_what_the_maker_makes() -> None:
    assert render() == (FOLDER / "transfer.json").read_text(encoding="utf-8")


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
