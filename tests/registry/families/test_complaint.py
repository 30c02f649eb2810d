from typing import Any

import pytest

from sopro_registry.complaints import COMPLAINT, ComplaintStep
from tests.registry.assessing import APPLICATION, ASSESSOR, DECIDER, REVIEW, REVIEWER, Assessing
from tests.registry.world import World, Written, bytes16

ENTITY, ANSWER = bytes16("complaint"), bytes16("answer")
PATHS: dict[ComplaintStep | None, tuple[str, ...]] = {
    None: (),
    ComplaintStep.ACKNOWLEDGED: ("acknowledged",),
    ComplaintStep.INVESTIGATING: ("acknowledged", "investigating"),
    ComplaintStep.UPHELD: ("acknowledged", "investigating", "upheld"),
    ComplaintStep.DISMISSED: ("acknowledged", "dismissed"),
    ComplaintStep.CLOSED: ("acknowledged", "dismissed", "closed"),
}


def complaint(**changes: Any) -> dict[str, Any]:
    return {
        "certificate": "SOPRO/AT1/001/00001",
        "kind": "misuse",
        "received_on": "2026-03-01",
    } | changes


def answer(world: World, step: str, **changes: Any) -> Written:
    body = {
        "complaint": bytes(32),
        "effective_date": "2026-03-05",
        "index": 7,
        "label": bytes16("label"),
        "origin": world.hu.origin,
        "step": step,
    } | changes
    return world.at.write("complaint_answer/1", body, entity=ANSWER)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"withdrawn_on": "2026-03-01"}, None),
        ({"withdrawn_on": "2026-02-28"}, "lbl.dates"),
        ({"received_on": "2028-01-03"}, "lbl.dates"),
        ({"received_on": "2026-03-32"}, "rec.body"),
        ({"certificate": "AT-1"}, "rec.body"),
        ({"kind": "envy"}, "rec.body"),
    ],
)
def test_refuses(world: World, changes: dict[str, Any], code: str | None) -> None:
    assert world.hu.judge("complaint/1", complaint(**changes), entity=ENTITY).code == code


def test_a_complaint_stays_with_its_label_and_ends_when_withdrawn(world: World) -> None:
    def write(**changes: Any) -> str | None:
        return world.hu.write("complaint/1", complaint(**changes), entity=ENTITY).code

    assert write() is None
    assert write(certificate="SOPRO/AT1/001/00002") == "cpl.subject"
    assert write(received_on="2026-03-02") == "cpl.subject"
    assert write(kind="procedure") is None
    assert write(withdrawn_on="2026-04-01") is None
    assert write() == "cpl.transition"


@pytest.mark.parametrize("step", ComplaintStep)
@pytest.mark.parametrize("before", PATHS)
def test_an_answer_goes_by_its_table(
    world: World, before: ComplaintStep | None, step: ComplaintStep
) -> None:
    world.at.decide("grant")
    for one in PATHS[before]:
        assert answer(world, one).code is None
    code = None if step in COMPLAINT[before] else "cpl.transition"
    assert answer(world, step).code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"index": 8}, "cpl.subject"),
        ({"origin": "sopro.example/at/1"}, "cpl.subject"),
        ({"label": bytes16("offering")}, "cpl.subject"),
        ({"effective_date": "2026-03-04"}, "lbl.dates"),
        ({"effective_date": "2028-01-03"}, "lbl.dates"),
        ({"effective_date": "2026-02-29"}, "rec.body"),
    ],
)
def test_what_is_answered_is_permanent(
    world: World, changes: dict[str, Any], code: str | None
) -> None:
    world.at.decide("grant")
    assert answer(world, "acknowledged").code is None
    assert answer(world, "investigating", **changes).code == code


def test_there_is_one_answer_about_a_label_of_this_site(world: World) -> None:
    assert answer(world, "acknowledged").code == "cpl.subject"
    world.at.decide("grant")
    assert answer(world, "acknowledged").code is None
    body = {
        "complaint": bytes(32),
        "effective_date": "2026-03-05",
        "index": 7,
        "label": bytes16("label"),
        "origin": world.hu.origin,
        "step": "acknowledged",
    }
    other = bytes16("another answer")
    assert world.at.judge("complaint_answer/1", body, entity=other).code == "cpl.subject"
    another = body | {"index": 8}
    assert world.at.judge("complaint_answer/1", another, entity=other).code is None


# Who answers had no part in what is complained about (COMPL-7).

STRANGER, OWN = bytes16("stranger"), bytes16("one of the holder's people")
TOOK_PART = {"decided": DECIDER, "reviewed": REVIEWER, "assessed": ASSESSOR}


@pytest.fixture
def granted() -> Assessing:
    """A label that was assessed and granted, and a person of its holder's."""
    case = Assessing()
    case.bring_to("reviewed")
    assert case.at.decide("grant", application=APPLICATION, review=REVIEW).code is None
    own = case.authorisation(
        level="second_party", organisation=bytes16("organisation"), person=OWN,
        valid_until="2025-03-05",
    )  # fmt: skip
    assert case.at.write("assessor_authorisation/1", own, entity=bytes16("own")).code is None
    return case


@pytest.mark.parametrize("step", ["investigating", "dismissed", "upheld", "closed"])
@pytest.mark.parametrize("what", [*TOOK_PART, "works for the holder"])
def test_nobody_answers_who_is_complained_about(granted: Assessing, what: str, step: str) -> None:
    ways = {"upheld": ["acknowledged", "investigating"], "closed": ["acknowledged", "dismissed"]}
    for before in ways.get(step, ["acknowledged"]):
        assert answer(granted.world, before, person=STRANGER).code is None
    person = TOOK_PART.get(what, OWN)
    written = answer(granted.world, step, person=person)
    assert written.code == "ass.duties"
    assert written.judgement.void is not None
    assert "(I2, COMPL-7)" in written.judgement.void.message
    assert answer(granted.world, step, person=STRANGER).code is None
    state = granted.world.node.state(granted.at.origin, ANSWER)
    assert state.people == [STRANGER] * len(state.steps)


@pytest.mark.parametrize(
    "person", [*TOOK_PART.values(), OWN, STRANGER, None], ids=[*TOOK_PART, "own", "other", "nobody"]
)
def test_anybody_acknowledges_and_nobody_need_be_named(
    granted: Assessing, person: bytes | None
) -> None:
    named = {"person": person} if person else {}
    assert answer(granted.world, "acknowledged", **named).code is None
    assert answer(granted.world, "dismissed").code is None
    state = granted.world.node.state(granted.at.origin, ANSWER)
    assert state.people == [person or b"", b""]


def test_the_holders_people_answer_again_after_two_years(granted: Assessing) -> None:
    for step, day, code in (
        ("acknowledged", "2027-03-05", None),
        ("dismissed", "2027-03-05", "ass.duties"),
        ("dismissed", "2027-03-06", None),
    ):
        assert answer(granted.world, step, person=OWN, effective_date=day).code == code


def test_who_answers_is_named_by_a_pseudonym(granted: Assessing) -> None:
    assert answer(granted.world, "acknowledged", person=b"Maria").code == "rec.body"
