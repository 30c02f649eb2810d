"""Labels that change sites in a world: what each site writes of it."""

from typing import Any

from sopro_registry.label import Label, Status
from sopro_registry.transfer import takeover_entity
from tests.registry.world import EXPIRES, World, Written, bytes16

NUMBER = "SOPRO/AT1/001/00001"
OUT, IN, LATER = "2026-05-01", "2026-05-02", "2026-06-01"
THERE = "taken label"
Changes = dict[str, Any]


def hand_over(world: World, **changes: Any) -> Written:
    fields: Changes = {
        "decided_on": OUT,
        "effective_date": OUT,
        "receiver": "hu",
        "receiver_entity": bytes16(THERE),
    }
    return world.at.decide("transfer_out", **fields | changes)


def takeover(world: World, **changes: Any) -> Changes:
    """Return the body that answers how the label of `at` stands there."""
    label: Label = world.node.state(world.at.origin, bytes16("label"))
    stood = label.decisions[-2 if label.handed else -1]
    dates = {"valid_until": EXPIRES, "suspended_until": "2026-04-02"}
    if stood.status is not Status.SUSPENDED:
        del dates["suspended_until"]
    fields: Changes = {
        "certificate": label.number,
        "decided_on": IN,
        "effective_date": IN,
        "standing": stood.status.word,
        "status_index": world.hu.cursor.grants,
        "takes": [world.at.origin, label.decisions[-1].index, label.last],
        "valid_from": None,
        "valid_until": None,
    }
    return fields | dates | changes


def take_over(world: World, *, label: str = THERE, **changes: Any) -> Written:
    return world.hu.decide("transfer_in", label=label, **takeover(world, **changes))


def suspend(world: World) -> None:
    changes = {"effective_date": "2026-02-01", "suspended_until": "2026-04-02"}
    assert world.at.decide("suspend", decided_on="2026-02-01", **changes).code is None


def expel(world: World, *, successor: str | None = "hu", **changes: Any) -> None:
    """Expel `at`, which the receiver then acts on."""
    named = {"successor": successor} if successor else {}
    ends = {"ends": {"origin": world.at.origin, "size": len(world.at.entries)}}
    fields = {"status": "expelled"} | ends | named | changes
    assert world.put_membership(world.at, **fields).code is None
    assert world.hu.write_state(world.coordinator).code is None


def inherit(world: World, **changes: Any) -> Written:
    """Take the label over as the successor would, at the entity that follows from its end."""
    body = takeover(world, **changes)
    body = world.hu.decision("transfer_in", label="none", **body)
    return world.hu.write(
        "label_decision/1", body, entity=takeover_entity(*body["takes"]), role="decision"
    )


def found(**changes: Any) -> World:
    world = World()
    # It joined before the other and has to hear of it first.
    assert world.at.write_state(world.coordinator).code is None
    assert world.at.decide("grant", **changes).code is None
    return world
