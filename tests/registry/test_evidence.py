"""Evidence of two histories: what proves them, and what accuses nobody."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopro_protocol.checkpoint import open_checkpoint
from sopro_protocol.encoding import encode
from sopro_protocol.errors import FormatError, SoproError, VerificationError
from sopro_protocol.evidence import (
    MAX_EVIDENCE,
    Fork,
    ShownHead,
    check_fork,
    evidence_id,
    parse_evidence,
    sort_fork,
)
from sopro_protocol.keys import make_vkey
from tests.registry import make_evidence_vectors as maker
from tests.registry.world import World

CASES = json.loads(maker.VECTORS.read_text(encoding="utf-8"))
COURT = maker.Courtroom()
KEYS = [make_vkey(COURT.at.origin, COURT.at.keys["log"].public_key)]


def test_frozen_vectors_are_what_the_maker_makes() -> None:
    assert maker.render() == maker.VECTORS.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES["accept"], ids=lambda case: case["why"])
def test_accepts_what_vectors_accept(case: dict[str, Any]) -> None:
    assert maker.gives(case) == case["gives"]


@pytest.mark.parametrize("case", CASES["reject"], ids=lambda case: case["why"])
def test_refuses_what_vectors_refuse(case: dict[str, Any]) -> None:
    with pytest.raises(SoproError) as refusal:
        maker.open_case(case)
    assert refusal.value.code == case["code"]


def test_refuses_a_file_beyond_the_limit_before_reading_it() -> None:
    with pytest.raises(FormatError) as refusal:
        parse_evidence(bytes(MAX_EVIDENCE + 1))
    assert refusal.value.code == "enc.limit"


def test_id_is_the_hash_of_the_two_heads_in_order() -> None:
    """Written out once more, so that a file of another implementation has the same id."""
    heads = [
        open_checkpoint(one.note(size), origin=COURT.at.origin, keys=KEYS)
        for one, size in ((COURT.other, 20), (COURT.one, 9))
    ]
    pairs = [[9, COURT.one.root(9)], [20, COURT.other.root(20)]]
    content = b"sopro-evidence/1\n" + encode([COURT.at.origin, pairs])
    assert evidence_id(COURT.at.origin, heads) == hashlib.sha256(content).digest()


sizes = st.integers(1, 600)


@given(sizes, sizes, st.data())
@settings(max_examples=60)
def test_two_histories_are_proven_at_every_size_behind_where_they_part(
    first: int, second: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, min(first, second)))
    fork = COURT.fork(first, second, at=at)
    heads = [open_checkpoint(shown.note, origin=fork.origin, keys=KEYS) for shown in fork.heads]
    fork = sort_fork(fork, heads)
    if at > 5:
        assert [head.size for head in check_fork(fork, KEYS)] == sorted([first, second])
        return
    with pytest.raises(VerificationError) as refusal:
        check_fork(fork, KEYS)
    assert refusal.value.code == "evid.none"


@given(sizes, sizes, st.data())
@settings(max_examples=60)
def test_heads_of_one_history_are_never_evidence(
    first: int, second: int, data: st.DataObject
) -> None:
    """Whatever root is claimed at whatever size, with whatever of the true hashes."""
    first, second = sorted((first, second))
    at = data.draw(st.integers(1, first))
    claimed = data.draw(st.sampled_from([COURT.one.root(at), COURT.other.root(at), bytes(32)]))
    honest = COURT.one.shown(first, at=at)
    proofs = [COURT.one.shown(second, at=other).proof for other in (1, at, first)]
    shown = ShownHead(COURT.one.note(second), claimed, data.draw(st.sampled_from(proofs)))
    for heads in ((honest, shown), (shown, honest)):
        with pytest.raises(SoproError):
            check_fork(Fork(COURT.at.origin, at, heads), KEYS)


def test_a_membership_abandons_the_heads_it_names_and_no_other() -> None:
    world = World()
    origin = world.at.origin
    one, other = ({"root": bytes([number]) * 32, "size": number} for number in (1, 2))
    directory = world.node.directory
    for status in ("suspended", "admitted"):
        assert world.put_membership(world.at, status=status).code is None
    assert directory.abandoned(origin) == frozenset()
    assert world.put_membership(world.at, abandoned=[one]).code is None
    assert world.put_membership(world.at).code is None
    assert directory.abandoned(origin) == {(1, b"\1" * 32)}
    assert directory.abandoned(world.hu.origin) == frozenset()
    assert directory.abandoned(f"{origin.rsplit('/', 1)[0]}/2") == frozenset()
    assert world.put_membership(world.at, abandoned=[other]).code is None
    assert len(directory.abandoned(origin)) == 2
    assert world.put_membership(world.at, abandoned=[]).code == "rec.body"
    assert world.put_membership(world.at, abandoned=[{"size": 1}]).code == "rec.body"
