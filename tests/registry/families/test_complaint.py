from typing import Any

import pytest

from sopro_registry.complaints import COMPLAINT, ComplaintStep
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
