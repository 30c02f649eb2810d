"""Whether a node has seen what is withheld makes no difference, whatever the log holds."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sopro_protocol.encoding import decode
from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import parse_entry
from sopro_registry.families import withhold
from sopro_registry.family import Withholding
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


@settings(max_examples=150, deadline=None, print_blob=True)
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


def test_lives_reach_both_ends() -> None:
    ends = [check([start * 100 + step for step in range(40)], start) for start in range(60)]
    assert ends.count("") > 10
    assert {"wdh.state", "sig.role"} <= set(ends)
    assert withhold.UNTOUCHABLE
