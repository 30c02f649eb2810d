"""Whether a node has seen what is withheld makes no difference, whatever the log holds."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopro_protocol.encoding import decode
from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import parse_entry
from sopro_registry.family import Withholding
from sopro_registry.withholding import open_withholding
from tests.registry.lives import Life
from tests.registry.world import Author, Node, World, bytes16, instead_of, withhold_body

STEPS = st.lists(st.integers(0, 2**20), min_size=5, max_size=60)


def snapshot(node: Node, origin: str) -> dict[str, Any]:
    ledger, tables, cursor = node.replicas[origin]
    return {
        **{name: value for name, value in vars(tables).items() if name != "_roots"},
        "cursor": cursor,
        "status": ledger.status_root(),
    }


def take(node: Node, origin: str, entries: list[bytes]) -> str:
    """Deliver a log; return the code with which it is refused, or nothing."""
    try:
        assert node.deliver(origin, entries) == len(entries)
    except VerificationError as error:
        return error.code
    return ""


def write(
    node: Node, author: Author, family: str, body: dict[str, Any], name: str, role: str
) -> bytes:
    """Write the next entry as the log stands at a node."""
    cursor, row = node.replicas[author.origin].cursor, node.replicas[author.origin].tables.rows
    entity = bytes16(name)
    prev = row[entity][1] if entity in row else None
    data = author.draft(family, body, entity=entity, role=role, prev=prev, time=cursor.last_time)
    author.append(data)
    return data


def state(node: Node, author: Author) -> bytes:
    ledger, _, cursor = node.replicas[author.origin]
    body: dict[str, Any] = {"certificates": cursor.grants, "keys": cursor.keys_record}
    if cursor.acted_on is not None:
        body["coordinator"] = {"root": cursor.acted_on.root, "size": cursor.acted_on.size}
    if ledger.status_root() is not None:
        body["status_root"] = ledger.status_root()
    if cursor.withheld:
        body["withheld"] = cursor.withheld
    return write(node, author, "log_state/1", body, "state", "registrar")


def choose_instead(rng: Random, author: Author, index: int) -> bytes:
    """Return what is to hold instead: the same, something else, or nothing."""
    try:
        record = decode(parse_entry(author.entries[index]).record)
    except FormatError:
        return b""
    if not isinstance(record, dict) or "body" not in record or rng.random() < 0.3:
        return b""
    if rng.random() < 0.1:
        record["body"] = {**record["body"], "effective_date": "2026-04-01"}
    return instead_of(author.entries[index], body=record["body"])


@settings(max_examples=150, print_blob=True)
@given(steps=STEPS, chance=st.integers(0, 2**20))
def test_seen_or_unseen_is_the_same(steps: list[int], chance: int) -> None:
    check(steps, chance)


def check(steps: list[int], chance: int) -> str:
    """Withhold an entry of a random life; return what became of that."""
    life, rng = Life(), Random(chance)
    for step in steps:
        life.live(step)
    at, eu = life.authors["at"], life.coordinator
    seen, unseen = World.new_node(), World.new_node()
    for node in (seen, unseen):
        assert take(node, eu.origin, eu.entries) == ""
    assert take(seen, at.origin, at.entries) == ""
    first = max(seen.replicas[at.origin].cursor.misstated + 1, len(at.entries) - 12)
    index = (
        rng.randrange(len(at.entries) if first >= len(at.entries) else first, len(at.entries))
        if first < len(at.entries) and rng.random() < 0.9
        else rng.randrange(len(at.entries))
    )
    assert take(seen, at.origin, [state(seen, at)]) == ""
    instead = choose_instead(rng, at, index)
    body = withhold_body(at, index, instead)
    place = len(at.entries)
    role = "root" if rng.random() < 0.9 else "registrar"
    refused = take(seen, at.origin, [write(seen, at, "withhold/1", body, "withhold", role)])
    if not refused:
        assert take(seen, at.origin, [state(seen, at)]) == ""
    unseen.explain(at.origin, Withholding(index, body["leaf"], place, body["reason"], instead))
    entries = [b"" if at_ == index else data for at_, data in enumerate(at.entries)]
    found = take(unseen, at.origin, entries)
    void = seen.replicas[at.origin].tables.voids.get(place)
    if refused or void is not None:
        assert found in ("wdh.gap", "wdh.state")
        return refused or (void.code if void else "")
    assert found == ""
    assert snapshot(unseen, at.origin) == snapshot(seen, at.origin)
    assert leaf_hash(at.entries[index]) == body["leaf"]
    return ""


@settings(max_examples=60, print_blob=True)
@given(chance=st.integers(0, 2**30))
def test_whichever_of_several_a_node_has_seen_is_the_same(chance: int) -> None:
    check_several(chance)


def check_several(chance: int) -> int:
    """Withhold entries of a random life one after the other; return how many were."""
    rng, life = Random(chance), Life()
    for _ in range(rng.randrange(5, 50)):
        life.live(rng.randrange(2**20))
    at, eu, seen = life.authors["at"], life.coordinator, World.new_node()
    assert take(seen, eu.origin, eu.entries) == take(seen, at.origin, at.entries) == ""
    withheld = []
    for number in range(rng.randrange(1, 5)):
        cursor = seen.replicas[at.origin].cursor
        first = max(cursor.misstated + 1, len(at.entries) - 14)
        index = rng.randrange(first if first < len(at.entries) else 0, len(at.entries))
        if rng.random() < 0.5:
            assert take(seen, at.origin, [state(seen, at)]) == ""
        instead, place = choose_instead(rng, at, index), len(at.entries)
        body = withhold_body(at, index, instead)
        record = write(seen, at, "withhold/1", body, f"withhold {number}", "root")
        if take(seen, at.origin, [record]):
            return 0
        if rng.random() < 0.7:
            assert take(seen, at.origin, [state(seen, at)]) == ""
        if place not in seen.replicas[at.origin].tables.voids:
            withheld.append(Withholding(index, body["leaf"], place, body["reason"], instead))
    for mask in range(1 << len(withheld)):
        some = [one for bit, one in enumerate(withheld) if mask >> bit & 1]
        node, gone = World.new_node(), {one.index for one in some}
        assert take(node, eu.origin, eu.entries) == ""
        for one in some:
            node.explain(at.origin, one)
        entries = [b"" if at_ in gone else data for at_, data in enumerate(at.entries)]
        assert take(node, at.origin, entries) == ""
        assert snapshot(node, at.origin) == snapshot(seen, at.origin)
    return len(withheld)


def test_lives_withhold_several() -> None:
    assert max(check_several(chance) for chance in range(40)) > 1


def test_lives_reach_both_ends() -> None:
    ends = [check([start * 100 + step for step in range(40)], start) for start in range(60)]
    assert ends.count("") > 10
    assert {"wdh.state", "sig.role"} <= set(ends)


def explained(world: World, **changes: Any) -> Withholding:
    """Open the record that withholds the last but one entry of a log."""
    at = world.at
    at.write("serve_alone/1", {"peers": 1, "reason": "none"}, entity=bytes16("alone"))
    at.write_state(world.coordinator)
    index = len(at.entries) - 2
    body = withhold_body(at, index) | changes.pop("body", {})
    how = {"entity": bytes16("withhold"), "role": "root"} | changes.pop("how", {})
    family = changes.pop("family", "withhold/1")
    data = at.draft(family, body, **how)
    root = at.keys["root"]
    asked = {
        "data": data,
        "origin": at.origin,
        "index": index,
        "leaf": leaf_hash(at.entries[index]),
        "record": len(at.entries),
        "roots": {root.key_id: root.public_key},
    }
    return open_withholding(**asked | changes)


def test_opens_the_record_that_withholds_an_entry(world: World) -> None:
    leaf = leaf_hash(world.at.draft("serve_alone/1", {"peers": 1, "reason": "none"},
                                    entity=bytes16("alone")))  # fmt: skip
    assert explained(world) == Withholding(5, leaf, 7, "mistake", b"")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": b""}, "input ends"),
        ({"data": b"\xc1"}, "encoding"),
        ({"how": {"role": "registrar"}}, "unknown key"),
        ({"how": {"log": "sopro.example/hu/1"}}, "no withhold record of this log"),
        ({"family": "erasure/1"}, "no withhold record of this log"),
        ({"body": {"reason": "because"}}, "no withhold record of this log"),
        ({"body": {"index": 4}}, "withholds entry 4"),
        ({"body": {"leaf": bytes(32)}}, "another leaf hash"),
        ({"leaf": bytes(32)}, "another leaf hash"),
        ({"record": 5}, "another leaf hash or place"),
        ({"body": {"instead": b"\x80"}}, "instead"),
        ({"roots": {}}, "unknown key"),
    ],
)
def test_refuses_what_is_no_such_record(
    world: World, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(VerificationError, match=message) as caught:
        explained(world, **changes)
    assert caught.value.code == "wdh.gap"


def test_leaves_it_to_judging_whose_record_it_is(world: World) -> None:
    assert explained(world, how={"role": "registrar"}, roots=None).index == 5
