"""Which of two histories of the coordinator's log holds: what counts, for whom, and when."""

import itertools
from typing import Any

import pytest

from sopro_protocol.encoding import encode
from sopro_protocol.evidence import Evidence, Fork, format_evidence
from sopro_protocol.merkle import leaf_hash, subtree_reader
from sopro_registry.anchors import (
    Ballot,
    Held,
    Tally,
    count_ballots,
    is_genuine,
    read_ballot,
    root_with,
)
from sopro_registry.directory import Directory
from sopro_registry.families import anchor
from tests.registry.make_evidence_vectors import Courtroom, History
from tests.registry.world import Author, World, bytes16, signer

SITES = ("at", "hu", "fr", "si")


class Dispute:
    """A coordinator with members, by default four, whose log parts behind what they all hold."""

    def __init__(self, *more: str) -> None:
        self.world = World()
        self.coordinator = self.world.coordinator
        self.members = {"at": self.world.at, "hu": self.world.hu}
        self.admit(*(more or SITES[2:]))
        self.part()

    def admit(self, *sites: str) -> None:
        for site in sites:
            self.members[site] = Author(site, self.world.node, prefix=f"{site.upper()}1")
            assert self.world.put_membership(self.members[site]).code is None

    def part(self, shared: int | None = None) -> None:
        """Let two histories part behind some entries, by default all there are."""
        self.shared = len(self.coordinator.entries) if shared is None else shared
        self.size = self.shared + 1
        self.one, self.other = (
            Courtroom.history(self.coordinator, name, shared=self.shared)
            for name in ("one", "other")
        )

    @property
    def directory(self) -> Directory:
        return self.world.node.directory

    def body(self, keep: History | None = None, /, **changes: Any) -> dict[str, Any]:
        """Decide for a history, by default the one."""
        size, keep = self.size, keep or self.one
        shown = (self.one.shown(size + 2, at=size), self.other.shown(size + 5, at=size))
        keys = (self.coordinator.entries[0],)
        evidence = Evidence(Fork(self.coordinator.origin, size, shown), keys, None, ())
        leaves = [leaf_hash(one.entries[self.shared]) for one in (self.one, self.other)]
        fields = {
            "evidence": format_evidence(evidence),
            "leaves": leaves,
            "origin": self.coordinator.origin,
            "root": keep.root(size),
            "size": size,
        } | changes
        return {name: value for name, value in fields.items() if value is not None}

    def ballot(self, site: str, keep: History | None = None, /, **changes: Any) -> Ballot:
        return Ballot(site, 7, anchor.Body(**self.body(keep, **changes)))

    def held(self, history: History, *, more: int = 3) -> Held:
        size = self.shared + more
        read = subtree_reader([leaf_hash(data) for data in history.entries[:size]])
        return Held(size, read, history.root(self.size) if more else None)

    def count(self, *ballots: Ballot, held: Held | None = None) -> Tally:
        return count_ballots(ballots, held or self.held(self.one), self.directory)


@pytest.fixture(scope="module")
def dispute() -> Dispute:
    return Dispute()


def test_a_majority_of_four_settles_and_one_less_does_not(dispute: Dispute) -> None:
    two, three = (
        dispute.count(*(dispute.ballot(site) for site in SITES[:number])) for number in (2, 3)
    )
    assert (two.by, two.needed, two.voters, two.is_settled) == (("at", "hu"), 3, 4, False)
    assert (three.by, three.is_settled) == (("at", "fr", "hu"), True)


def test_who_holds_either_history_counts_alike(dispute: Dispute) -> None:
    ballots = [dispute.ballot(site, dispute.other) for site in SITES[:3]]
    tallies = {
        dispute.count(*ballots, held=dispute.held(history, more=more))
        for history in (dispute.one, dispute.other)
        for more in (0, 1, 2, 9)
    }
    assert [one.is_settled for one in tallies] == [True]


def test_the_order_of_arrival_does_not_matter(dispute: Dispute) -> None:
    ballots = [dispute.ballot(site) for site in SITES[:3]]
    tallies = {dispute.count(*order) for order in itertools.permutations(ballots)}
    assert len(tallies) == 1


def test_a_site_that_says_it_twice_is_one(dispute: Dispute) -> None:
    again = [dispute.ballot(site) for site in ("at", "at", "hu", "hu")]
    assert dispute.count(*again).by == ("at", "hu")
    assert not dispute.count(*again).is_settled


def test_who_is_no_member_where_the_histories_part_does_not_decide() -> None:
    dispute = Dispute()
    for author, status in (("at", "suspended"), ("hu", "expelled")):
        site = dispute.members[author]
        end = {"origin": site.origin, "size": 1}
        assert dispute.world.put_membership(site, status=status, ends=end).code is None
    dispute.part()
    dispute.admit("it")
    tally = dispute.count(*(dispute.ballot(site) for site in ("at", "hu", "it", "xx", "fr")))
    assert (tally.by, tally.needed, tally.voters, tally.is_settled) == (("fr",), 2, 2, False)
    assert dispute.count(dispute.ballot("fr"), dispute.ballot("si")).is_settled


def test_a_few_early_members_do_not_replace_a_long_history() -> None:
    """A coordinator forks behind its first members; who holds all that followed keeps it."""
    dispute = Dispute()
    early = next(
        index + 1 for index, data in enumerate(dispute.coordinator.entries) if b"hu/1" in data
    )
    entries = dispute.coordinator.entries
    dispute.part(early)
    more = dispute.other.entries[len(entries) :]
    log_key = dispute.coordinator.keys["log"]
    dispute.one = History(dispute.coordinator, [*entries, *more], log_key)
    two = [dispute.ballot(site, dispute.other) for site in ("at", "hu")]
    assert dispute.count(*two, held=dispute.held(dispute.other)).is_settled
    assert not dispute.count(*two, held=dispute.held(dispute.one)).is_settled
    third = dispute.ballot("fr", dispute.other)
    assert dispute.count(*two, third, held=dispute.held(dispute.one)).is_settled


@pytest.mark.parametrize("leaves", [None, [bytes(32), bytes(32)]], ids=["absent", "false"])
def test_without_the_parting_only_what_is_held_is_confirmed_by_all_times(
    dispute: Dispute, leaves: list[bytes] | None
) -> None:
    def ballots(keep: History, *sites: str) -> list[Ballot]:
        return [dispute.ballot(site, keep, leaves=leaves) for site in sites]

    one, other = dispute.one, dispute.other
    assert dispute.count(*ballots(one, "at", "hu", "fr")).is_settled
    # When there were two members, both had to agree.
    assert not dispute.count(*ballots(one, "at", "fr", "si")).is_settled
    assert not dispute.count(*ballots(other, *SITES)).is_settled
    assert dispute.count(*ballots(other, *SITES), held=dispute.held(other)).is_settled
    assert not dispute.count(*ballots(one, *SITES), held=dispute.held(one, more=0)).is_settled


def test_nobody_decides_where_there_is_no_member() -> None:
    dispute = Dispute()
    tally = count_ballots([dispute.ballot("at")], dispute.held(dispute.one), Directory())
    assert (tally.voters, tally.is_settled) == (0, False)
    bare = dispute.ballot("at", leaves=None)
    assert not count_ballots([bare], dispute.held(dispute.one), Directory()).is_settled


def test_a_root_grows_by_a_leaf_as_a_tree_does(dispute: Dispute) -> None:
    leaves = [leaf_hash(data) for data in dispute.one.entries]
    read = subtree_reader(leaves)
    for size in (0, 1, 2, 3, 7, 8, 255, 256, 300):
        assert root_with(read, size=size, leaf=leaves[size]) == dispute.one.root(size + 1)


# Reading them.


def genuine(dispute: Dispute, ballot: Ballot, **changes: Any) -> bool:
    trust = {
        "coordinator": dispute.coordinator.origin,
        "root_key": dispute.coordinator.keys["root"].public_key,
    }
    return is_genuine(ballot, **trust | changes)


def test_only_evidence_against_the_coordinator_counts(dispute: Dispute) -> None:
    assert genuine(dispute, dispute.ballot("at"))
    assert not genuine(dispute, dispute.ballot("at"), root_key=signer("another").public_key)
    assert not genuine(dispute, dispute.ballot("at"), coordinator="sopro.example/other/1")


def test_an_anchor_is_read_from_its_entry(dispute: Dispute) -> None:
    at = dispute.members["at"]
    keys = at.cursor.keys
    data = at.draft("anchor/1", dispute.body(), entity=bytes16("a"), role="root")
    ballot = read_ballot(data, origin=at.origin, position=9, keys=keys)
    assert ballot == Ballot("at", 9, anchor.Body(**dispute.body()))
    for other in (
        at.draft("anchor/1", dispute.body(), entity=bytes16("a"), role="registrar"),
        at.draft("anchor/1", dispute.body(), entity=bytes16("a"), signers=[signer("hu root")]),
        at.draft("anchor/1", dispute.body(root=bytes(32)), entity=bytes16("a"), role="root"),
        at.draft("anchor/1", dispute.body(size=1), entity=bytes16("a"), role="root"),
        at.draft("anchor/1", {"root": bytes(32)}, entity=bytes16("a"), role="root"),
        at.draft("anchor/2", dispute.body(), entity=bytes16("a"), role="root"),
        data[:-1],
        b"anchor/1",
    ):
        assert read_ballot(other, origin=at.origin, position=9, keys=keys) is None
    assert read_ballot(data, origin="sopro.example/hu/1", position=9, keys=keys) is None
    assert read_ballot(data, origin=at.origin, position=9, keys=()) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"leaves": None}, None),
        ({"leaves": [bytes(32)]}, "rec.body"),
        ({"origin": "sopro.example/at/1"}, "anc.log"),
        ({"origin": "sopro.example/hu/1"}, "anc.evidence"),
        ({"size": 2}, "anc.evidence"),
        ({"root": bytes(32)}, "anc.evidence"),
        ({"evidence": b"no evidence"}, "anc.evidence"),
        ({"evidence": encode({})}, "anc.evidence"),
        ({"evidence": bytes(anchor.MAX_FILE + 1)}, "rec.body"),
    ],
)
def test_refuses(dispute: Dispute, changes: dict[str, Any], code: str | None) -> None:
    body = dispute.body(**changes)
    at = dispute.members["at"]
    assert at.judge("anchor/1", body, entity=bytes16("a"), role="root").code == code


@pytest.mark.parametrize("role", ["registrar", "decision", "log"])
def test_only_the_root_key_decides(dispute: Dispute, role: str) -> None:
    at = dispute.members["at"]
    written = at.judge("anchor/1", dispute.body(), entity=bytes16("a"), role=role)
    assert written.code == "sig.role"


def test_a_site_decides_once() -> None:
    dispute = Dispute()
    at = dispute.members["at"]
    body = dispute.body()
    assert at.write("anchor/1", body, entity=bytes16("a"), role="root").code is None
    for entity, keep in (("a", dispute.one), ("b", dispute.one), ("b", dispute.other)):
        again = at.judge("anchor/1", dispute.body(keep), entity=bytes16(entity), role="root")
        assert again.code == "anc.again"
    state = dispute.world.node.state(at.origin, bytes16("a"))
    assert state == anchor.State(len(at.entries) - 1, body["origin"], body["size"], body["root"])
