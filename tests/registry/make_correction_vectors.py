"""Make the frozen vectors of corrected refusals: run this file with `python -m`.

Logs are those of `tests.registry.world` and of `tests.registry.assessing`; calls mean what they do
in the vectors of transfers.
"""

import json
from collections.abc import Callable
from typing import Any

from sopro_protocol.errors import RefusedError
from tests.registry.assessing import APPLICATION, ASSESSOR, REVIEW, Assessing
from tests.registry.make_transfer_vectors import (
    COMMENT,
    FOLDER,
    OPERATIONS,
    Case,
    call_course,
    call_last,
    logs_of,
)
from tests.registry.transferring import hand_over
from tests.registry.world import World, bytes16

DAYS = ("2026-01-09", "2026-01-10", "2026-02-01", "2027-02-01")
REFUSED = {"decided_on": "2026-01-10", "effective_date": "2026-01-10"}
CORRECTED = {"decided_on": "2026-02-01", "effective_date": "2026-02-01"}
Make = Callable[[], World]


def refuse() -> World:
    world = World()
    assert world.at.decide("refuse", reason_code="other", **REFUSED).code is None
    return world


def refuse_assessed() -> World:
    case = Assessing()
    case.bring_to("reviewed", outcome="recommend_refuse")
    named = {"application": APPLICATION, "review": REVIEW}
    assert case.at.decide("refuse", **named, **REFUSED).code is None
    return case.world


def grant() -> World:
    world = World()
    assert world.at.decide("grant").code is None
    world.meet()
    return world


def correct(world: World, **changes: Any) -> None:
    first = world.at.decisions()[0].index
    world.at.decide("correct", **{"corrects": first} | CORRECTED | changes)


def course_case(make: Make, *corrections: Case) -> Case:
    """Make a case of what follows for what was refused."""
    world = make()
    for changes in corrections:
        correct(world, **changes)
    logs = logs_of(world, last="at")
    case = {"site": "at", "entity": bytes16("label").hex(), "days": list(DAYS), **logs}
    return {**case, "gives": call_course(case)}


def refused_case(why: str, make: Make, act: Callable[[World], object]) -> Case:
    """Make a case whose last entry is void."""
    world = make()
    act(world)
    case = logs_of(world, last="at")
    try:
        call_last(case)
    except RefusedError as error:
        return {"why": why, **case, "code": error.code}
    raise AssertionError(f"{why}: not refused")


def wrong_case(why: str, make: Make, **changes: Any) -> Case:
    return refused_case(why, make, lambda world: correct(world, **changes))


def render() -> str:
    """Make the file's text."""
    groups = [
        {
            "name": "corrections that count",
            "clause": "LBL-28",
            "call": "course",
            "accept": [
                course_case(refuse, {"reason_code": "fees_unpaid"}),
                course_case(refuse, {"refused_on": "2025-11-03"}, {"reason_code": "insolvency"}),
                course_case(refuse_assessed, {"refused_on": "2025-12-15"}),
            ],
            "reject": [],
        },
        {
            "name": "corrections that are void",
            "clause": "LBL-28",
            "call": "last",
            "accept": [],
            "reject": [
                wrong_case("refused after it", refuse, refused_on="2026-02-02"),
                wrong_case("before its review", refuse_assessed, refused_on="2025-12-14"),
                wrong_case("corrects nothing", refuse, refused_on="2026-01-05", corrects=None),
                wrong_case("a grant", grant, refused_on="2026-01-05"),
                wrong_case("no day", refuse, refused_on="2026-02-30"),
                wrong_case("by who assessed it", refuse_assessed, decider=ASSESSOR),
            ],
        },
        {
            "name": "handed over to nobody",
            "clause": "XFER-1",
            "call": "last",
            "accept": [],
            "reject": [
                refused_case(
                    "no receiver",
                    grant,
                    lambda world: hand_over(world, receiver=None, receiver_entity=None),
                )
            ],
        },
    ]
    return json.dumps({"comment": COMMENT, "groups": groups}, ensure_ascii=False, indent=1) + "\n"


__all__ = ["FOLDER", "OPERATIONS", "render"]


if __name__ == "__main__":
    (FOLDER / "correction.json").write_text(render(), encoding="utf-8")
