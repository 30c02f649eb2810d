"""Make the frozen vectors of transfers: run this file with `python -m`.

Nothing is random: logs are those of `tests.registry.world`, whose keys and salts follow from names.
`OPERATIONS` says what each `call` of a vector means; the tests run the frozen file through it.
"""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sopro_protocol.errors import RefusedError
from sopro_registry.label import Label, status_at
from sopro_registry.transfer import Stage, follow_label, takeover_entity
from tests.registry.transferring import (
    IN,
    LATER,
    OUT,
    THERE,
    expel,
    found,
    hand_over,
    inherit,
    suspend,
    take_over,
)
from tests.registry.world import Node, World, bytes16, ordinal

Case = dict[str, Any]

FOLDER = Path(__file__).parents[2] / "protocol" / "vectors"
COMMENT = (
    "Keys, entities and entry ids are hex, entries are base64, names and days are text. Each case"
    " of accept must be accepted and give `gives`; each of reject must be refused: its last entry"
    " is void, and the code is the reason. In `courses`, `logs` are whole logs by origin, `roots`"
    " the root keys of their sites, `days` the days asked about: each gives the code of the site"
    " whose the label is, and its status. `voids` are positions and codes of the void entries of"
    " the members' logs. Clauses are of SPEC.md."
)
DAYS = ("2026-03-01", OUT, IN, LATER, "2027-02-01")


def call_takeover_entity(case: Case) -> str:
    return takeover_entity(case["origin"], case["index"], bytes.fromhex(case["id"])).hex()


def read_logs(case: Case) -> Node:
    """Have a node judge the logs of a case: the coordinator's first, so that nobody waits."""
    roots = {origin: bytes.fromhex(root) for origin, root in case["roots"].items()}
    node = Node(roots, coordinator=next(iter(case["logs"])))
    for origin, entries in case["logs"].items():
        data = [base64.b64decode(entry) for entry in entries]
        assert node.deliver(origin, data) == len(data)
    return node


def call_course(case: Case) -> Case:
    node = read_logs(case)
    origins = list(case["logs"])

    def stages(site: str, entity: bytes) -> Iterator[Stage]:
        for origin in origins:
            state = node.state(origin, entity)
            if origin.split("/")[1] == site and isinstance(state, Label):
                yield Stage(origin, entity, state)

    [first] = stages(case["site"], bytes.fromhex(case["entity"]))
    course = follow_label(first, stages, successors=node.directory.successors)
    days = {}
    for day in case["days"]:
        stage = course.at(ordinal(day))
        days[day] = [stage.site, status_at(stage.label.decisions, ordinal(day))[0].word]
    voids = {
        origin: [[index, void.code] for index, void in node.replicas[origin].tables.voids.items()]
        for origin in origins[1:]
    }
    stations = [[stage.origin, stage.entity.hex()] for stage in course.stages]
    return {"days": days, "stages": stations, "voids": voids}


def call_last(case: Case) -> None:
    """Judge the last entry of the last log; refuse what is void."""
    node = read_logs(case)
    replica = node.replicas[list(case["logs"])[-1]]
    void = replica.tables.voids.get(replica.cursor.projected - 1)
    if void is not None:
        raise RefusedError(void.message, code=void.code)


OPERATIONS: dict[str, Callable[[Case], Any]] = {
    "takeover_entity": call_takeover_entity,
    "course": call_course,
    "last": call_last,
}


def logs_of(world: World, *, last: str = "hu") -> Case:
    authors = [world.coordinator, world.at, world.hu]
    authors.sort(key=lambda one: (one is not world.coordinator, one.site == last))
    return {
        "roots": {one.origin: one.keys["root"].public_key.hex() for one in authors},
        "logs": {
            one.origin: [base64.b64encode(entry).decode() for entry in one.entries]
            for one in authors
        },
    }


def course_case(*steps: Callable[[World], object]) -> Case:
    """Make a case of what follows for the label of `at` from these steps."""
    world = found()
    for step in steps:
        step(world)
    case = {"site": "at", "entity": bytes16("label").hex(), "days": list(DAYS), **logs_of(world)}
    return {**case, "gives": call_course(case)}


def refused_case(why: str, *steps: Callable[[World], object], last: str = "hu") -> Case:
    """Make a case whose last entry, of the site `last`, is void."""
    world = found()
    for step in steps:
        step(world)
    case = logs_of(world, last=last)
    try:
        call_last(case)
    except RefusedError as error:
        return {"why": why, **case, "code": error.code}
    raise AssertionError(f"{why}: not refused")


def revoke(world: World) -> None:
    dates = {"decided_on": LATER, "effective_date": LATER, "appeal_until": "2026-09-01"}
    assert world.hu.decide("revoke", label=THERE, **dates).code is None


def render() -> str:
    """Make the file's text."""
    origin = "sopro.example/at/1"
    entities: list[Case] = [
        {"origin": origin, "index": index, "id": identifier.hex()}
        for index, identifier in ((0, bytes(32)), (255, b"\x11" * 32), (2**40, b"\xff" * 32))
    ]
    groups = [
        {
            "name": "entity of a successor",
            "clause": "XFER-2",
            "call": "takeover_entity",
            "accept": [{**case, "gives": call_takeover_entity(case)} for case in entities],
            "reject": [],
        },
        {
            "name": "courses",
            "clause": "XFER-4",
            "call": "course",
            "accept": [
                course_case(suspend, hand_over, take_over, revoke),
                course_case(hand_over),
                course_case(take_over),
                course_case(suspend, expel, inherit),
            ],
            "reject": [],
        },
        {
            "name": "halves that are void",
            "clause": "XFER-2",
            "call": "last",
            "accept": [],
            "reject": [
                refused_case(
                    "to nobody known", lambda world: hand_over(world, receiver="xx"), last="at"
                ),
                refused_case(
                    "to no entity",
                    lambda world: hand_over(world, receiver_entity=None),
                    last="at",
                ),
                refused_case("inherited from who is there", inherit),
            ],
        },
    ]
    return json.dumps({"comment": COMMENT, "groups": groups}, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    (FOLDER / "transfer.json").write_text(render(), encoding="utf-8")
