"""A log of a world that goes on in another: what the site and its coordinator write of it."""

from typing import Any

from sopro_registry.fields import origin_after
from sopro_registry.label import Label
from sopro_registry.transfer import takeover_entity
from tests.registry.transferring import IN, Changes
from tests.registry.world import (
    EXPIRES,
    Author,
    World,
    Written,
    bytes16,
    offering_body,
    organisation_body,
)


def end_of(author: Author, size: int | None = None) -> dict[str, Any]:
    size = len(author.entries) if size is None else size
    return {"origin": author.origin, "root": author.roots[size], "size": size}


def begin(world: World, before: Author, **changes: Any) -> Author:
    """Begin the log that continues another of `at`."""
    author = Author("at", world.node, prefix="AT1")
    author.origin = origin_after(before.origin)
    world.node.follow(author.origin, author.keys["root"].public_key)
    assert author.write_keys(continues=end_of(before) | changes).code is None
    assert author.write_state().code is None
    return author


def close(world: World, before: Author, after: Author, **changes: Any) -> Written:
    """Have the coordinator close a log, and name the one that continues it."""
    ends = {"origin": before.origin, "size": len(before.entries)}
    fields = {"ends": ends, "epoch": after.entries[0]} | changes
    return world.put_membership(after, **fields)


def go_on(world: World, before: Author) -> Author:
    """Lose the end of a log, and go on in another."""
    after = begin(world, before)
    assert close(world, before, after).code is None
    assert after.write_state(world.coordinator).code is None
    register = {"organisation": organisation_body(), "offering": offering_body()}
    for family, body in register.items():
        assert after.write(f"{family}/1", body, entity=bytes16(family)).code is None
    return after


def takeover(world: World, before: Author, after: Author, **changes: Any) -> Changes:
    label: Label = world.node.state(before.origin, bytes16("label"))
    last = label.decisions[-1]
    dates = {"suspended_until": "2026-04-02"} if last.suspended_until else {}
    fields: Changes = {
        "certificate": label.number,
        "decided_on": IN,
        "effective_date": IN,
        "standing": last.status.word,
        "status_index": after.cursor.grants,
        "takes": [before.origin, last.index, label.last],
        "valid_from": None,
        "valid_until": EXPIRES,
    }
    return fields | dates | changes


def take(
    world: World, before: Author, after: Author, *, entity: bytes = b"", **changes: Any
) -> Written:
    """Take the label over in the log that goes on."""
    body = after.decision("transfer_in", label="none", **takeover(world, before, after, **changes))
    place = entity or takeover_entity(*body["takes"])
    return after.write("label_decision/1", body, entity=place, role="decision")
