from typing import Any

import pytest

from sopro_protocol.encoding import encode
from sopro_protocol.errors import VerificationError
from sopro_protocol.merkle import leaf_hash
from sopro_registry.family import Withholding
from tests.registry.world import (
    Author,
    Node,
    World,
    Written,
    bytes16,
    instead_of,
    organisation_body,
    withhold_body,
)

ALONE = {"peers": 2, "reason": "Maria Huber hat den Stecker gezogen"}


def alone(author: Author, name: str = "alone") -> int:
    """Log what should never have been logged, at the end of a batch."""
    assert author.write("serve_alone/1", ALONE, entity=bytes16(name)).code is None
    state(author)
    return len(author.entries) - 2


def state(author: Author, **changes: Any) -> Written:
    ledger = author.node.replicas[author.origin].ledger
    body = {"status_root": ledger.status_root()} | changes
    if ledger.withheld:
        body = {"withheld": ledger.withheld} | body
    return author.write_state(author.node_coordinator, **body)  # type: ignore[attr-defined]


def withhold(author: Author, index: int, /, *, instead: bytes = b"", **how: Any) -> Written:
    body = withhold_body(author, index, instead) | how.pop("body", {})
    how = {"entity": bytes16(f"withhold {index}"), "role": "root"} | how
    return author.write("withhold/1", body, **how)


@pytest.fixture
def at(world: World) -> Author:
    world.at.node_coordinator = world.coordinator  # type: ignore[attr-defined]
    return world.at


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"index": 5}, "wdh.leaf"),
        ({"leaf": bytes(32)}, "wdh.leaf"),
        ({"index": 7}, "wdh.index"),
        ({"index": 8}, "wdh.index"),
        ({"index": -1}, "rec.body"),
        ({"reason": "Maria has asked us"}, "rec.body"),
        ({"instead": b""}, "rec.body"),
        ({"instead": b"\xc1"}, "wdh.instead"),
        ({"instead": encode({"v": 1})}, "wdh.instead"),
    ],
)
def test_refuses(at: Author, changes: dict[str, Any], code: str | None) -> None:
    index = alone(at)
    assert (index, len(at.entries)) == (5, 7)
    at.write("serve_alone/1", ALONE, entity=bytes16("no state follows"))
    if changes.get("index") == 7:
        changes = changes | {"leaf": leaf_hash(at.entries[7])}
    if changes.get("index") == 5:
        changes = {"leaf": leaf_hash(at.entries[4])}
    if code in ("wdh.index", "wdh.instead") and changes.get("index") != 8:
        with pytest.raises(VerificationError, match="is void") as caught:
            withhold(at, index, body=changes)
        assert caught.value.code == "wdh.state"
        return
    assert withhold(at, index, body=changes).code == code


@pytest.mark.parametrize("role", ["registrar", "decision", "log"])
def test_only_the_root_key_withholds(at: Author, role: str) -> None:
    index = alone(at)
    assert withhold(at, index, role=role).code == "sig.role"
    assert at.tables.voids.keys() == {len(at.entries) - 1}


def test_what_is_withheld_counts_for_nothing(at: Author) -> None:
    index = alone(at)
    assert bytes16("alone") in at.tables.rows
    assert withhold(at, index).code is None
    assert at.tables.voids[index].code == "entry.withheld"
    assert at.tables.voids[index].message == f"withheld by entry {index + 2}: mistake"
    assert bytes16("alone") not in at.tables.rows
    assert state(at).code is None


def test_what_holds_instead_keeps_later_entries(at: Author) -> None:
    at.decide("grant")
    assert state(at).code is None
    labels, counts = dict(at.tables.labels), at.tables.counts.copy()
    root = at.node.replicas[at.origin].ledger.status_root()
    for index in (3, 4, 5):
        assert withhold(at, index, instead=instead_of(at.entries[index])).code is None
    assert (at.tables.labels, at.tables.counts) == (labels, counts)
    assert at.node.replicas[at.origin].ledger.status_root() == root
    assert set(at.tables.voids) == {3, 4, 5}
    assert at.write("organisation/1", organisation_body(), entity=bytes16("organisation")).code is (
        None
    )
    assert state(at).code is None
    assert at.decide("suspend", effective_date="2026-03-01", decided_on="2026-03-01",
                     suspended_until="2026-05-01").code is None  # fmt: skip


@pytest.mark.parametrize("instead", ["nothing", "another action"])
def test_a_decision_cannot_be_hidden(at: Author, instead: str) -> None:
    at.decide("grant")
    at.decide("revoke", effective_date="2026-02-01", decided_on="2026-02-01",
              appeal_until="2026-03-01")  # fmt: skip
    assert state(at).code is None
    body = at.decision("correct", effective_date="2026-02-01", decided_on="2026-02-01")
    record = instead_of(at.entries[6], body=body) if instead != "nothing" else b""
    with pytest.raises(VerificationError, match="log_state at 7 is void") as caught:
        withhold(at, 6, instead=record)
    assert caught.value.code == "wdh.state"


@pytest.mark.parametrize("index", [0])
def test_a_key_record_cannot_be_withheld(at: Author, index: int) -> None:
    with pytest.raises(VerificationError) as caught:
        withhold(at, index)
    assert caught.value.code == "wdh.state"


def test_what_holds_instead_is_no_record_about_the_log_itself(at: Author) -> None:
    index = alone(at)
    record = instead_of(at.entries[index + 1])
    with pytest.raises(VerificationError, match="log_state/1 cannot hold instead"):
        withhold(at, index, instead=record)


@pytest.mark.parametrize("action", ["transfer_in", "transfer_out"])
def test_a_transfer_keeps_its_bytes(at: Author, action: str) -> None:
    at.decide("grant")
    assert state(at).code is None
    record = instead_of(at.entries[5], body={"action": action, "basis": "assessed"})
    with pytest.raises(VerificationError, match="label_decision/1 cannot hold instead"):
        withhold(at, 5, instead=record)


def test_a_log_state_says_how_many_are_withheld(at: Author) -> None:
    index = alone(at)
    assert withhold(at, index).code is None
    assert state(at, withheld=2).code == "sta.withheld"
    assert state(at, withheld=0).code == "sta.withheld"
    assert state(at).code is None


def test_an_entry_is_withheld_once(at: Author) -> None:
    index = alone(at)
    assert withhold(at, index).code is None
    assert state(at).code is None
    assert withhold(at, index, entity=bytes16("again")).code == "wdh.again"


def test_a_withhold_record_cannot_be_withheld(at: Author) -> None:
    index = alone(at)
    assert withhold(at, index).code is None
    assert state(at).code is None
    with pytest.raises(VerificationError, match="withholds another"):
        withhold(at, index + 2)


def unseen(world: World, *withheld: Withholding) -> Node:
    """Return a node that is told what is withheld and never sees those bytes."""
    node = world.new_node()
    for one in withheld:
        node.explain(world.at.origin, one)
    assert node.deliver(world.coordinator.origin, world.coordinator.entries) == len(
        world.coordinator.entries
    )
    return node


def test_who_never_saw_that_it_withholds_cannot_be_told_otherwise(world: World, at: Author) -> None:
    index = alone(at)
    assert withhold(at, index).code is None
    assert state(at).code is None
    record = index + 2
    with pytest.raises(VerificationError):
        withhold(at, record)
    leaf = leaf_hash(at.entries[record])
    node = unseen(world, Withholding(record, leaf, len(at.entries) - 1, "mistake", b""))
    entries = [b"" if place == record else data for place, data in enumerate(at.entries)]
    with pytest.raises(VerificationError) as caught:
        node.deliver(at.origin, entries)
    assert caught.value.code == "wdh.state"


@pytest.mark.parametrize("record", [6, 7, 8])
def test_a_gap_needs_the_record_that_was_named(world: World, at: Author, record: int) -> None:
    index = alone(at)
    assert withhold(at, index).code is None
    assert state(at).code is None
    node = unseen(world, Withholding(index, leaf_hash(at.entries[index]), record, "mistake", b""))
    entries = [b"" if place == index else data for place, data in enumerate(at.entries)]
    if record == 7:
        assert node.deliver(at.origin, entries) == len(entries)
        assert vars(node.replicas[at.origin].tables) | {"_roots": 0} == vars(at.tables) | {
            "_roots": 0
        }
        return
    with pytest.raises(VerificationError) as caught:
        node.deliver(at.origin, entries)
    assert caught.value.code == "wdh.gap"


def test_nothing_of_the_coordinators_log_is_withheld(world: World) -> None:
    eu = world.coordinator
    eu.write_state()
    written = withhold(eu, 2)
    assert written.code == "wdh.coordinator"
