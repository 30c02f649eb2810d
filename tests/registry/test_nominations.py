"""Whom members appoint in the coordinator's place, and what settles a fork with who comes back."""

from typing import Any

import pytest

from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.evidence import Evidence, Fork, ShownHead, format_evidence, sort_fork
from sopro_protocol.merkle import (
    CompactRange,
    Hash,
    leaf_hash,
    prove_consistency,
    root_at,
    subtree_reader,
)
from sopro_registry.anchors import Held, Tally
from sopro_registry.nominations import (
    Nomination,
    Saying,
    count_sayings,
    find_succession,
    judge_fork,
    read_saying,
)
from tests.registry.appointing import HEIR, Orphaned
from tests.registry.world import Author, signer


def say(gone: Orphaned, site: str, **changes: Any) -> Saying:
    data = gone.approval(site, **changes)
    saying = read_saying(data, origin=gone.members[site].origin, coordinator=gone.eu.origin)
    assert saying is not None
    return saying


def count(gone: Orphaned, *sayings: Saying) -> list[Nomination]:
    return count_sayings(sayings, gone.world.node.directory)


@pytest.fixture(scope="module")
def gone() -> Orphaned:
    return Orphaned()


def test_what_members_say_alike_is_counted_until_enough_have(gone: Orphaned) -> None:
    said = [say(gone, site) for site in ("at", "fr", "hu")]
    [two] = count(gone, *said[:2], said[0])
    assert (two.by, two.needed, two.voters, two.is_settled) == (("at", "fr"), 3, 5, False)
    [three] = count(gone, *said)
    assert three.is_settled
    assert (three.size, three.successor) == (gone.size, HEIR["root"].public_key)


def test_other_things_are_counted_apart(gone: Orphaned) -> None:
    other = say(gone, "hu", urls=["https://elsewhere.example"])
    found = count(gone, say(gone, "at"), say(gone, "fr"), other)
    assert sorted(one.by for one in found) == [("at", "fr"), ("hu",)]
    assert not any(one.is_settled for one in found)


def test_of_a_site_the_one_about_the_largest_size_counts(gone: Orphaned) -> None:
    larger = [say(gone, site, size=gone.size + 2) for site in ("at", "fr")]
    smaller = [say(gone, site) for site in ("at", "fr", "hu")]
    for sayings in ([*larger, *smaller], [*smaller, *larger]):
        assert {one.size: one.by for one in count(gone, *sayings)} == {
            gone.size: ("hu",),
            gone.size + 2: ("at", "fr"),
        }


def test_who_does_not_vote_is_not_counted() -> None:
    gone = Orphaned()
    end = {"origin": gone.members["hu"].origin, "size": 1}
    assert gone.world.put_membership(gone.members["hu"], status="suspended", ends=end).code is None
    gone.leave()
    by_registrar = say(gone, "fr", role="registrar")
    [found] = count(gone, say(gone, "at"), by_registrar, say(gone, "hu"))
    assert (found.by, found.needed, found.voters) == (("at",), 3, 4)


def test_what_is_no_appointment_of_this_log_is_none(gone: Orphaned) -> None:
    origin = gone.members["at"].origin
    data = gone.approval("at")
    assert read_saying(data, origin=origin, coordinator="sopro.example/hu/1") is None
    assert read_saying(data, origin="sopro.example/hu/1", coordinator=gone.eu.origin) is None
    assert read_saying(b"\x90", origin=origin, coordinator=gone.eu.origin) is None
    fork = gone.approval("at", successor=None, urls=None)
    assert read_saying(fork, origin=origin, coordinator=gone.eu.origin) is None


def test_a_succession_is_found_where_it_counts() -> None:
    gone = Orphaned()
    gone.take_over()
    entries, spans = gone.eu.entries, gone.eu.cursor.keys

    def found(position: int, data: bytes) -> bool:
        return find_succession(data, position, origin=gone.eu.origin, spans=spans) is not None

    assert found(gone.size, entries[gone.size])
    assert not found(gone.size + 1, entries[gone.size])
    assert not found(0, entries[0])
    assert not found(0, b"\x90")


# Who comes back.


class Ghost:
    """A successor's history, and the one of who goes on with the old keys."""

    def __init__(self, *, joined_since: int = 0, by: tuple[str, ...] = ("at", "fr", "hu")) -> None:
        gone = self.gone = Orphaned()
        self.shared = gone.size
        body = gone.body(gone.proof(by))
        self.takeover = gone.eu.draft(
            "site_keys/1", body, entity=Orphaned.ENTITY, signers=[HEIR["root"]]
        )
        for number in range(joined_since):
            author = Author("x" + "abc"[number], gone.world.node, prefix=f"X{number:02}")
            assert gone.world.put_membership(author).code is None
        gone.eu.write_state()
        self.old = [leaf_hash(data) for data in gone.eu.entries]
        self.new = [*self.old[: self.shared], leaf_hash(self.takeover), bytes(32)]

    def shown(self, leaves: list[bytes], key: str, *, at: int) -> tuple[ShownHead, Checkpoint]:
        read, size = subtree_reader(leaves), len(leaves)
        head = Checkpoint(self.gone.eu.origin, size, Hash(root_at(read, size)))
        proof = prove_consistency(read, old_size=at, new_size=size)
        note = sign_checkpoint(head, signer(key))
        return ShownHead(note, root_at(read, at), tuple(proof)), head

    def evidence(self, *, keys: tuple[str, str] = ("eu log", "heir log")) -> bytes:
        at = self.shared + 1
        pairs = [
            self.shown(leaves, key, at=at)
            for leaves, key in zip((self.old, self.new), keys, strict=True)
        ]
        fork = Fork(self.gone.eu.origin, at, (pairs[0][0], pairs[1][0]))
        fork = sort_fork(fork, [head for _, head in pairs])
        records = (self.gone.eu.entries[0], self.takeover)
        return format_evidence(Evidence(fork, records, None, ()))

    def judge(self, leaves: list[bytes], **how: Any) -> Tally | None:
        """Judge it as a node that holds one of the two."""
        tree, size = CompactRange(), self.shared + 1
        tree.extend(leaves[:size])
        held = Held(
            len(leaves), subtree_reader(leaves), tree.root() if len(leaves) >= size else None
        )
        return judge_fork(
            self.evidence(**how),
            held,
            self.gone.world.node.directory,
            coordinator=self.gone.eu.origin,
            root_key=signer("eu root").public_key,
        )


def test_the_successors_history_holds_for_everybody() -> None:
    ghost = Ghost()
    root = ghost.shown(ghost.new, "heir log", at=ghost.shared + 1)[0].root
    for leaves in (ghost.old, ghost.new, ghost.old[: ghost.shared], ghost.old[:-4]):
        tally = ghost.judge(leaves)
        assert tally is not None
        assert (tally.root, tally.by, tally.is_settled) == (root, ("at", "fr", "hu"), True)


def test_a_few_early_members_do_not_replace_a_long_history() -> None:
    """Members of before appoint somebody from there on; who holds all that followed keeps it."""
    ghost = Ghost(joined_since=1)
    tally = ghost.judge(ghost.old)
    assert tally is not None
    assert not tally.is_settled
    [still] = {
        one.is_settled
        for by in (("at", "fr", "hu", "it"), ("at", "fr", "hu", "it", "si"))
        if (one := Ghost(joined_since=1, by=by).judge(ghost.old)) is not None
    }
    assert still


def test_evidence_that_shows_no_successor_on_one_side_settles_nothing() -> None:
    ghost = Ghost()
    assert ghost.judge(ghost.old, keys=("heir log", "heir log")) is None
    assert ghost.judge(ghost.old, keys=("eu log", "eu log")) is None
    assert ghost.judge(ghost.old, keys=("at log", "heir log")) is None
