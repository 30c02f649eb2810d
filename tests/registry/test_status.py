"""A leaf says on every day it answers for what the decisions say, and nothing else."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopro_protocol.encoding import decode, encode
from sopro_protocol.errors import FormatError
from sopro_protocol.status import StatusTree, status_leaf_hash
from sopro_registry.fields import earliest_day, latest_day
from sopro_registry.label import Decision, Label, Status, status_at
from sopro_registry.status import (
    MAX_PENDING,
    Leaf,
    format_leaf,
    parse_leaf,
    standing_on,
    status_tree,
)
from tests.registry.lives import PREFIXES, Life
from tests.registry.model import status_root
from tests.registry.world import NOW, World, bytes16, dates_of, ordinal

NUMBER = "SOPRO/AT1/001/00001"
ENTRY = b"\x11" * 32
TODAY = ordinal("2027-06-01")
STATUSES = [status for status in Status if status not in (Status.NONE, Status.EXPIRED)]

DAYS = st.integers(TODAY - 40, TODAY + 40)
DECISIONS = st.lists(
    st.builds(
        lambda effective, status, until: Decision(0, 0, effective, status, until, 0),
        st.just(0) | DAYS,
        st.sampled_from(STATUSES),
        st.just(0) | DAYS,
    ),
    min_size=1,
    max_size=12,
)


def label_of(decisions: list[Decision], *, index: int = 0, recorded: int = TODAY) -> Label:
    return Label(ENTRY, NUMBER, b"", "sopro", index, decisions, recorded)


@settings(max_examples=400)
@given(decisions=DECISIONS, recorded=DAYS)
def test_says_what_the_decisions_say_from_the_day_it_was_recorded_on(
    decisions: list[Decision], recorded: int
) -> None:
    leaf = parse_leaf(format_leaf(label_of(decisions, recorded=recorded)))
    for day in range(TODAY - 45, TODAY + 45):
        found = standing_on(leaf, day)
        if found is not None:
            assert found[0] is status_at(decisions, day)[0]
        else:
            assert day < recorded


@settings(max_examples=60)
@given(steps=st.lists(st.integers(0, 2**20), min_size=30, max_size=120))
def test_leaves_of_whole_lives_answer_as_their_labels(steps: list[int]) -> None:
    life, node = Life(), World.new_node(PREFIXES)
    for step in steps:
        life.live(step)
    for author in life.authors.values():
        node.deliver(author.origin, author.entries)
    for site, author in life.authors.items():
        labels = [
            label
            for entity in node.replicas[author.origin].tables.rows
            if isinstance(label := node.state(author.origin, entity), Label)
        ]
        for label in labels:
            if label.status_index < 0:
                continue
            leaf = parse_leaf(format_leaf(label))
            for day in range(label.recorded, label.recorded + 900, 7):
                found = standing_on(leaf, day)
                assert found is not None
                assert found[0] is status_at(label.decisions, day)[0]
        if life.logs[site]["knows_status"]:
            assert status_tree(labels).root() == status_root(life.logs[site])


def test_pending_decision_is_told_beside_the_one_that_stands() -> None:
    world = World()
    world.at.decide("grant", **dates_of("grant", "2027-06-01"))
    world.at.decide("suspend", **dates_of("suspend", "2028-03-01") | {"decided_on": "2027-12-30"})
    written = world.at.decide(
        "revoke", **dates_of("revoke", "2028-04-01") | {"decided_on": "2027-12-31"}
    )
    value = decode(format_leaf(world.node.state(world.at.origin, bytes16("label"))))
    assert value == {
        "certificate": NUMBER,
        "decision": written.judgement.entry_id,
        "pending": [
            {
                "since": "2028-03-01",
                "state": "suspended",
                "suspended_until": "2028-04-30",
                "valid_until": "2028-05-31",
            },
            {"since": "2028-04-01", "state": "revoked", "valid_until": "2028-05-31"},
        ],
        "since": "2027-06-01",
        "state": "active",
        "valid_until": "2028-05-31",
    }


@pytest.mark.parametrize(("effective", "is_pending"), [("2027-12-31", False), ("2028-01-01", True)])
def test_what_holds_somewhere_on_earth_only_is_still_pending(
    effective: str, is_pending: bool
) -> None:
    # At 11:00 UTC it is 23:00 of the day before in the last zone.
    recorded = earliest_day(NOW - 3_600_000)
    label = label_of(
        [
            Decision(0, 0, ordinal("2027-06-01"), Status.ACTIVE, 0, 0),
            Decision(1, 7, ordinal(effective), Status.REVOKED, 0, 0),
        ],
        recorded=recorded,
    )
    leaf = parse_leaf(format_leaf(label))
    assert (leaf.state == "active") is is_pending


def test_days_of_an_instant_are_those_of_the_outermost_zones() -> None:
    noon = int(datetime(2028, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
    days = [
        (earliest_day(time), latest_day(time)) for time in (noon - 1, noon, noon - 2 * 3_600_000)
    ]
    first = ordinal("2028-02-29")
    assert days == [(first, first + 2), (first + 1, first + 2), (first, first + 2)]
    assert earliest_day(2**53 - 1) == date.max.toordinal()


def test_leaf_of_many_pending_days_says_until_when_it_answers() -> None:
    decisions = [
        Decision(0, 0, TODAY + number, Status.ACTIVE, 0, 0) for number in range(MAX_PENDING + 3)
    ]
    leaf = parse_leaf(format_leaf(label_of(decisions)))
    last = TODAY + MAX_PENDING
    assert isinstance(leaf.pending, list)
    assert len(leaf.pending) == MAX_PENDING
    assert [standing_on(leaf, day) is None for day in (last, last + 1)] == [False, True]


def test_suspension_goes_on_with_its_end() -> None:
    world = World()
    at = world.at
    at.decide("grant")
    at.decide("suspend", **dates_of("suspend", "2026-02-01"))
    assert at.decide("correct", **dates_of("correct", "2026-02-02")).code is None
    assert [one.suspended_until for one in at.decisions()] == [
        0,
        ordinal("2026-04-02"),
        ordinal("2026-04-02"),
    ]
    assert at.decide("reinstate", **dates_of("reinstate", "2026-03-01")).code is None
    assert at.decisions()[-1].suspended_until == 0


GOOD: dict[str, Any] = {
    "certificate": NUMBER,
    "decision": ENTRY,
    "pending": [{"since": "2028-03-01", "state": "revoked"}],
    "since": "2026-01-10",
    "state": "active",
    "valid_until": "2029-01-10",
}


def test_parses_what_it_formats() -> None:
    leaf = parse_leaf(encode(GOOD))
    assert isinstance(leaf, Leaf)
    assert (leaf.certificate, leaf.state) == (NUMBER, "active")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"certificate": "SOPRO/AT1/001/1"}, "sta.leaf"),
        ({"decision": ENTRY[1:]}, "sta.leaf"),
        ({"decision": None}, "sta.leaf"),
        ({"state": "expired"}, "sta.leaf"),
        ({"state": "good"}, "sta.leaf"),
        ({"since": "2026-02-30"}, "sta.leaf"),
        ({"valid_until": "2029-13-01"}, "sta.leaf"),
        ({"answers_until": "2029-1-1"}, "sta.leaf"),
        ({"pending": []}, "sta.leaf"),
        ({"pending": [{"since": "2026-01-10", "state": "revoked"}]}, "sta.leaf"),
        ({"pending": [{"since": "2028-02-30", "state": "revoked"}]}, "sta.leaf"),
        ({"pending": GOOD["pending"] * 2}, "sta.leaf"),
        ({"pending": [{"state": "revoked"}]}, "sta.leaf"),
        ({"verdict": "good"}, "sta.leaf"),
    ],
)
def test_refuses_what_is_no_leaf(changes: dict[str, Any], code: str) -> None:
    value = {name: field for name, field in (GOOD | changes).items() if field is not None}
    with pytest.raises(FormatError) as refusal:
        parse_leaf(encode(value))
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "enc.framing"), (b"\x80" + bytes(5000), "enc.limit"), (encode([]), "sta.leaf")],
)
def test_refuses_bytes_that_are_no_map(data: bytes, code: str) -> None:
    with pytest.raises(FormatError) as refusal:
        parse_leaf(data)
    assert refusal.value.code == code


def test_tree_of_labels_does_not_depend_on_their_order() -> None:
    labels = [
        label_of([Decision(0, 0, TODAY - number, Status.ACTIVE, 0, 0)], index=number)
        for number in range(5)
    ]
    refused = label_of([Decision(0, 1, TODAY, Status.REFUSED, 0, 0)], index=-1)
    expected = StatusTree(status_leaf_hash(format_leaf(label)) for label in labels)
    assert status_tree([refused, *reversed(labels)]).root() == expected.root()
