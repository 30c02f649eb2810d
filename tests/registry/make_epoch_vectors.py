"""Make the frozen vectors of logs that go on in others: run this file with `python -m`.

Nothing is random: logs are those of `tests.registry.world`, whose keys and salts follow from names.
`OPERATIONS` says what each `call` of a vector means; the tests run the frozen file through it.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from sopro_protocol.errors import RefusedError
from sopro_registry.epoch import open_epoch
from tests.registry.continuing import begin, close, end_of, go_on, take
from tests.registry.make_transfer_vectors import FOLDER, Case, call_course, call_last
from tests.registry.transferring import IN, LATER, OUT, found, suspend
from tests.registry.world import Author, World, bytes16, keys_body, signer

COMMENT = (
    "Keys, roots and entities are hex, entries are base64, names and days are text. In `epoch`,"
    " `entry` begins the log `origin` under the root key `root`, and `gives` is where the log"
    " before ends. In `courses`, `logs` are whole logs by origin, the coordinator's first, `roots`"
    " the root keys that signed their entries 0, `days` the days asked: each gives the code of"
    " the site whose the label is, and its status; `stages` are the logs and entities the label was"
    " in, `voids` positions and codes of void entries. Of a rejected case of `last` the last entry"
    " of the last log is void. The code is the reason. Clauses are of SPEC.md."
)


def call_epoch(case: Case) -> Case:
    entry, root = base64.b64decode(case["entry"]), bytes.fromhex(case["root"])
    end = open_epoch(entry, origin=case["origin"], root=root)
    return {"origin": end.origin, "root": end.root.hex(), "size": end.size}


OPERATIONS: dict[str, Callable[[Case], Any]] = {
    "epoch": call_epoch,
    "course": call_course,
    "last": call_last,
}


def epoch_case(after: Author, entry: bytes) -> Case:
    root = after.keys["root"].public_key.hex()
    data = base64.b64encode(entry).decode()
    return {"origin": after.origin, "root": root, "entry": data}


def refused_epoch(why: str, case: Case) -> Case:
    try:
        call_epoch(case)
    except RefusedError as error:
        return {"why": why, **case, "code": error.code}
    raise AssertionError(f"{why}: not refused")


def epochs() -> Case:
    world = found()
    after = begin(world, world.at)
    good = epoch_case(after, after.entries[0])
    other = keys_body(after) | {"continues": end_of(world.hu)}
    silent, foreign = (
        after.draft("site_keys/1", body, entity=bytes16("keys"), role="root", prev=None)
        for body in (keys_body(after), other)
    )
    refused = [
        ("another root key", good | {"root": signer("x").public_key.hex()}),
        ("another log", good | {"origin": "sopro.example/at/3"}),
        ("that continues nothing", epoch_case(after, silent)),
        ("that continues another site's log", epoch_case(after, foreign)),
        ("another record", epoch_case(after, after.entries[1])),
    ]
    return {
        "name": "entries that begin an epoch",
        "clause": "EPOCH-2",
        "call": "epoch",
        "accept": [{**good, "gives": call_epoch(good)}],
        "reject": [refused_epoch(*one) for one in refused],
    }


def logs_of(*authors: Author) -> Case:
    return {
        "roots": {one.origin: one.keys["root"].public_key.hex() for one in authors},
        "logs": {
            one.origin: [base64.b64encode(entry).decode() for entry in one.entries]
            for one in authors
        },
    }


def course_case(*, is_suspended: bool = False, is_taken: bool = True) -> Case:
    world = found()
    if is_suspended:
        suspend(world)
    after = go_on(world, world.at)
    if is_taken:
        assert take(world, world.at, after).code is None
    # It comes to light that the site had decided beyond the end.
    late = {"decided_on": OUT, "effective_date": OUT, "appeal_until": LATER}
    assert world.at.decide("revoke", **late).code == "mem.inactive"
    logs = logs_of(world.coordinator, world.at, after)
    asked = {"entity": bytes16("label").hex(), "days": ["2026-03-01", IN, LATER, "2027-02-01"]}
    case = {"site": "at", **asked, **logs}
    return {**case, "gives": call_course(case)}


def refused_case(why: str, write: Callable[[World, Author], Author]) -> Case:
    world = found()
    last = write(world, begin(world, world.at))
    authors = [one for one in (world.coordinator, world.at) if one is not last]
    case = logs_of(*authors, last) if last is not world.coordinator else logs_of(last)
    try:
        call_last(case)
    except RefusedError as error:
        return {"why": why, **case, "code": error.code}
    raise AssertionError(f"{why}: not refused")


def replace_alone(world: World, after: Author) -> Author:
    world.put_membership(after)
    return world.coordinator


def end_elsewhere(world: World, after: Author) -> Author:
    close(world, world.at, after, ends={"origin": world.at.origin, "size": 3})
    return world.coordinator


def continue_again(world: World, after: Author) -> Author:
    after.write_keys(continues=end_of(world.at))
    return after


def number_like_before(world: World, after: Author) -> Author:
    assert close(world, world.at, after).code is None
    after.write_state(world.coordinator)
    after.decide("grant", certificate="SOPRO/AT1/001/00009")
    return after


def render() -> str:
    """Make the file's text."""
    groups = [
        epochs(),
        {
            "name": "labels of a log that was closed",
            "clause": "EPOCH-5",
            "call": "course",
            "accept": [
                course_case(),
                course_case(is_suspended=True),
                course_case(is_taken=False),
            ],
            "reject": [],
        },
        {
            "name": "records that are void",
            "clauses": ["EPOCH-1", "EPOCH-2", "EPOCH-6"],
            "call": "last",
            "accept": [],
            "reject": [
                refused_case("the coordinator alone", replace_alone),
                refused_case("another end", end_elsewhere),
                refused_case("not entry 0", continue_again),
                refused_case("a number of the epoch before", number_like_before),
            ],
        },
    ]
    return json.dumps({"comment": COMMENT, "groups": groups}, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    (FOLDER / "epoch.json").write_text(render(), encoding="utf-8")
