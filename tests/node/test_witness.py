"""The witness over real HTTP: every status of tlog-witness, races, clocks, and what it keeps."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from sopro_node.heldlog import HeldLog
from sopro_node.memberships import set_membership
from sopro_node.node import Node
from sopro_node.store.rows import WitnessRow
from sopro_node.witness import MAX_BEHIND, Stale
from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.cosignature import AddCheckpoint, format_add_checkpoint, open_cosignature
from sopro_protocol.errors import SplitViewError, StorageFullError, UnavailableError
from sopro_protocol.keys import COSIGNATURE, Ed25519Signer, Role, VerifierKey, make_vkey
from sopro_protocol.merkle import Hash
from sopro_protocol.note import (
    NoteSignature,
    add_signatures,
    parse_note,
    parse_signatures,
    sign_note,
)
from sopro_protocol.witness import MAX_REQUEST, SIZE_TYPE
from sopro_registry.witnesses import keys_in_force
from tests.node.conftest import Federation
from tests.node.witnessing import ADD, Author

MORE = 300


@dataclass
class Stage:
    """The coordinator as a witness, asked by a log that a test writes."""

    node: Node
    url: str
    session: aiohttp.ClientSession
    author: Author

    @property
    def vkey(self) -> VerifierKey:
        own = self.node.holdings.own
        [public] = keys_in_force(own.keys, Role.WITNESS, size=own.size)
        return make_vkey(self.node.witness.name, public, key_type=COSIGNATURE)

    async def ask(self, body: bytes) -> tuple[int, str, bytes]:
        async with self.session.post(self.url + ADD, data=body) as answer:
            return answer.status, answer.headers["Content-Type"], await answer.read()

    async def code(self, body: bytes) -> tuple[int, str]:
        async with self.session.post(self.url + ADD, data=body) as answer:
            return answer.status, (await answer.json())["code"]

    async def kept(self) -> bytes | None:
        digest = hashlib.sha256(self.author.origin.encode()).hexdigest()
        async with self.session.get(f"{self.url}/witness/{digest}/checkpoint") as answer:
            return await answer.read() if answer.status == 200 else None


def leaves_of(held: HeldLog) -> list[bytes]:
    return [held.tree.read(0, index) for index in range(held.size)]


@pytest.fixture
async def stage(federation: Federation) -> AsyncIterator[Stage]:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    origin, leaves = at.node.identity.origin, leaves_of(at.node.holdings.own)
    await at.close()
    del federation.served["at"]
    node = coordinator.node
    await node.exchange.sync_once()
    leaves = leaves[: node.holdings.logs[origin].size]
    author = Author(federation.folder / "at", origin, leaves, more=MORE)
    async with aiohttp.ClientSession() as session:
        yield Stage(node, coordinator.url, session, author)


async def test_cosigns_what_only_grew_and_keeps_it(stage: Stage) -> None:
    author, held = stage.author, stage.author.held
    assert await stage.kept() is None
    old = 0
    for size in (0, 1, held, held, held + 1, held + 200, held + 200):
        status, kind, body = await stage.ask(author.request(old, size))
        assert (status, kind) == (200, "text/plain; charset=utf-8"), body
        note = add_signatures(author.sign(size), parse_signatures(body))
        assert open_cosignature(parse_note(note), stage.vkey) > 1_700_000_000
        assert await stage.kept() == note
        old = size
    assert stage.node.witness.answers == {"cosigned": 7}


@pytest.mark.parametrize("status", ["left", "expelled", "suspended"])
async def test_cosigns_nothing_beyond_the_end_of_a_site_that_has_gone(
    stage: Stage, status: str
) -> None:
    """What it still signs must not pass for the present, whoever has it cosigned."""
    author, held = stage.author, stage.author.held
    assert (await stage.ask(author.request(0, held)))[0] == 200
    await set_membership(stage.node, {"site": "at", "status": status})
    assert (await stage.ask(author.request(held, held)))[0] == 200
    if status == "suspended":
        assert (await stage.ask(author.request(held, held + 1)))[0] == 200
    else:
        assert await stage.code(author.request(held, held + 1)) == (404, "wit.origin")


async def test_says_the_size_to_prove_from(stage: Stage) -> None:
    author, held = stage.author, stage.author.held
    assert (await stage.ask(author.request(0, held + 5)))[0] == 409
    assert (await stage.ask(author.request(held, held + 5)))[0] == 200
    for old in (0, held, held + 4, held + 6):
        answer = await stage.ask(author.request(old, held + 9))
        assert answer == (409, SIZE_TYPE, f"{held + 5}\n".encode())
    assert (await stage.ask(author.request(held + 5, held + 9)))[0] == 200


async def test_refuses_with_the_statuses_of_the_specification(stage: Stage) -> None:
    author, held = stage.author, stage.author.held
    size = held + 7
    assert (await stage.ask(author.request(held, size)))[0] == 200
    before = await stage.kept()
    stranger = Ed25519Signer(b"\x07" * 32)
    other = sign_checkpoint(Checkpoint("sopro.example/xx/1", 1, Hash(bytes(32))), stranger)
    unsigned = sign_checkpoint(Checkpoint(author.origin, size, author.root(size)), stranger)
    [line] = parse_note(author.sign(size)).signatures
    spoilt = NoteSignature(line.name, line.key_id, bytes(64))
    failing = add_signatures(unsigned, [spoilt])
    empty = f"{author.origin}\n0\n{'A' * 43}=\n"
    wrong_empty = sign_note(empty, name=author.origin, signer=author._signer)
    for body, status, code in (
        (b"", 400, "ckp.format"),
        (b"old 1\n\n", 400, "ckp.format"),
        (b"old 07\n\n" + author.sign(size), 400, "ckp.format"),
        (format_add_checkpoint(AddCheckpoint(0, (), other)), 404, "wit.origin"),
        (format_add_checkpoint(AddCheckpoint(size, (), unsigned)), 403, "ckp.signature"),
        (format_add_checkpoint(AddCheckpoint(size, (), failing)), 403, "ckp.signature"),
        (author.request(size, size - 1), 400, "wit.old-size"),
        (author.request(size, size, note=author.sign(size, bytes(32))), 422, "proof.invalid"),
        (
            author.request(size, size + 1, note=author.sign(size + 1, bytes(32))),
            422,
            "proof.invalid",
        ),
        (
            format_add_checkpoint(AddCheckpoint(size, (Hash(bytes(32)),), author.sign(size))),
            422,
            "proof.invalid",
        ),
        (
            format_add_checkpoint(AddCheckpoint(size, (), author.sign(size + 1))),
            422,
            "proof.invalid",
        ),
    ):
        assert await stage.code(body) == (status, code), body[:60]
    # Whoever is not the log is refused before anything is told of sizes.
    assert (await stage.ask(b"old 0\n\n" + failing))[0] == 403
    assert (await stage.ask(b"old 0\n\n" + wrong_empty))[0] == 409
    assert (await stage.code(b"x" * (MAX_REQUEST + 1))) == (413, "err.size")
    assert await stage.kept() == before


async def test_size_zero_has_one_root(stage: Stage) -> None:
    """F16: a wrong root of nothing, once cosigned, lets the log grow no more."""
    author = stage.author
    text = f"{author.origin}\n0\n{'A' * 43}=\n"
    wrong = b"old 0\n\n" + sign_note(text, name=author.origin, signer=author._signer)
    assert await stage.code(wrong) == (422, "proof.invalid")
    hashes = (Hash(bytes(32)),)
    with_proof = format_add_checkpoint(AddCheckpoint(0, hashes, author.sign(0)))
    assert await stage.code(with_proof) == (422, "proof.invalid")
    assert (await stage.ask(author.request(0, 0)))[0] == 200
    assert await stage.code(wrong) == (422, "proof.invalid")
    assert (await stage.ask(author.request(0, 0)))[0] == 200
    assert (await stage.ask(author.request(0, author.held)))[0] == 200


@pytest.mark.parametrize("size", [2**48 + 1, 2**62 + 1, 2**63 - 1, 2**64 - 1, 10**30])
async def test_absurd_sizes_are_refused_at_once(stage: Stage, size: int) -> None:
    """F17: a verifier that reckons with such a size may never return."""
    text = f"{stage.author.origin}\n{size}\n{'A' * 43}=\n"
    note = sign_note(text, name=stage.author.origin, signer=stage.author._signer)
    async with asyncio.timeout(1):
        assert await stage.code(b"old 1\n\n" + note) == (400, "ckp.format")
        assert await stage.code(f"old {size}\n\n".encode() + stage.author.sign(1)) == (
            400,
            "ckp.format",
        )


async def test_a_forged_line_of_its_own_is_not_kept(stage: Stage) -> None:
    """F14: what was stored unverified made a witness refuse its own state for ever."""
    author, held = stage.author, stage.author.held
    forged = NoteSignature(stage.vkey.name, stage.vkey.note_key_id, bytes(72))
    stranger = NoteSignature("example.com/x", b"abcd", b"whatever")
    note = add_signatures(author.sign(held), [forged, stranger])
    status, _, body = await stage.ask(author.request(0, held, note=note))
    assert status == 200
    assert await stage.kept() == add_signatures(author.sign(held), parse_signatures(body))
    assert (await stage.ask(author.request(held, held + 1)))[0] == 200


async def test_one_of_two_requests_at_once_is_cosigned(stage: Stage) -> None:
    """F13: the smaller must not be stored after the larger was answered."""
    author, chance = stage.author, random.Random(13)
    size = author.held
    assert (await stage.ask(author.request(0, size)))[0] == 200
    for _ in range(100):
        steps = chance.sample(range(1, 3), 2)
        answers = await asyncio.gather(
            *(stage.ask(author.request(size, size + step)) for step in steps)
        )
        statuses = [status for status, _, _ in answers]
        assert sorted(statuses) == [200, 409]
        size += steps[statuses.index(200)]
        assert answers[statuses.index(409)][2] == f"{size}\n".encode()
        kept = await stage.kept()
        assert kept is not None
        assert kept.startswith(author.sign(size).split(b"\n\n")[0])


async def test_refuses_a_head_that_excludes_what_it_holds(stage: Stage) -> None:
    """A fork that its own proof hides from a witness that looks at proofs only."""
    author, held = stage.author, stage.author.held
    fork = Author(stage.node.folder.parent / "at", author.origin, author.leaves[:1], more=50)
    assert (await stage.ask(author.request(0, 1)))[0] == 200
    assert await stage.code(fork.request(1, held)) == (422, "hos.fork")
    with pytest.raises(SplitViewError) as both:
        await stage.node.witness.add_checkpoint(fork.request(1, held))
    assert both.value.held == stage.node.holdings.logs[author.origin].checkpoint
    assert both.value.offered == fork.sign(held)
    [kept] = stage.node.evidence.standing(author.origin)
    assert {size for size, _ in kept.heads} == {held}
    # Larger than what is held: the proof has to begin where the entries end.
    answer = await stage.ask(fork.request(1, held + 1))
    assert answer == (409, SIZE_TYPE, f"{held}\n".encode())
    assert await stage.code(fork.request(held, held + 1)) == (422, "proof.invalid")
    assert (await stage.ask(author.request(held, held + 1)))[0] == 200


@pytest.mark.parametrize(
    ("old", "status", "code"),
    [("cosigned", 422, "proof.invalid"), ("nothing", 409, "")],
    ids=["refused", "asked to prove from elsewhere"],
)
async def test_a_second_head_offered_to_be_cosigned_is_evidence(
    stage: Stage, old: str, status: int, code: str
) -> None:
    """Whatever it is refused for: its log has signed it (EVID-6)."""
    author, held, node = stage.author, stage.author.held, stage.node
    assert (await stage.ask(author.request(0, held)))[0] == 200
    await stage.ask(author.request(0, held - 1))
    await stage.ask(author.request(held, held, note=author.sign(held)))
    assert node.evidence.standing(author.origin) == []
    second = AddCheckpoint(held if old == "cosigned" else 0, (), author.sign(held, bytes(32)))
    answer = await stage.ask(format_add_checkpoint(second))
    assert answer[0] == status
    assert code.encode() in answer[2]
    [kept] = node.evidence.standing(author.origin)
    assert {root for _, root in kept.heads} == {author.root(held), bytes(32)}
    assert [row.id for row in node.reader.others.evidence()] == [kept.id]


async def test_two_histories_between_witness_and_mirror_are_never_cosigned(stage: Stage) -> None:
    author, held = stage.author, stage.author.held
    row = WitnessRow(author.origin, held, bytes(32), 1, b"")
    stage.node.witness._heads[author.origin] = row
    answers = [
        await stage.code(author.request(held, held + 1)),
        await stage.code(author.request(held, held)),
    ]
    assert answers == [(422, "proof.invalid")] * 2
    stage.node.witness._heads[author.origin] = row._replace(size=held - 1)
    assert await stage.code(author.request(held - 1, held + 1)) == (422, "hos.fork")


class Clock:
    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    def __call__(self) -> int:
        return self.seconds * 1000


async def test_its_time_never_falls_and_waits_for_a_clock_that_is_behind(stage: Stage) -> None:
    """F12: a clock that goes back, and one that was ahead."""
    author, witness = stage.author, stage.node.witness
    held, noon = author.held, 1_800_000_000
    witness._now = clock = Clock(noon)

    async def time_of(old: int, size: int) -> int:
        status, _, body = await stage.ask(author.request(old, size))
        assert status == 200
        note = add_signatures(author.sign(size), parse_signatures(body))
        return open_cosignature(parse_note(note), stage.vkey)

    assert await time_of(0, held) == noon
    clock.seconds = noon - MAX_BEHIND
    assert await time_of(held, held) == noon
    clock.seconds = noon - MAX_BEHIND - 1
    before = await stage.kept()
    assert await stage.code(author.request(held, held)) == (503, "unavailable")
    assert await stage.kept() == before
    clock.seconds = noon + 1
    assert await time_of(held, held + 1) == noon + 1


async def test_what_is_not_stored_is_not_answered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    author, witness = stage.author, stage.node.witness

    def fail(_row: WitnessRow) -> None:
        raise StorageFullError("no space left")

    monkeypatch.setattr(stage.node.store.others, "put_witness_head", fail)
    assert await stage.code(author.request(0, author.held)) == (507, "storage-full")
    assert await stage.kept() is None
    monkeypatch.undo()
    assert (await stage.ask(author.request(0, author.held)))[0] == 200
    assert witness.answers == {"storage-full": 1, "cosigned": 1}


async def test_finds_its_state_again(stage: Stage) -> None:
    author, held = stage.author, stage.author.held
    assert (await stage.ask(author.request(0, held)))[0] == 200
    stage.node.witness._load()
    assert await stage.node.witness.add_checkpoint(author.request(0, held)) == Stale(held)
    [row] = stage.node.reader.others.witness_heads()
    assert (row.origin, row.size, row.root) == (author.origin, held, author.root(held))


async def test_cosigns_its_own_log_like_any_other(stage: Stage) -> None:
    own = stage.node.holdings.own
    request = AddCheckpoint(0, (), own.checkpoint)
    answer = await stage.node.witness.add_checkpoint(format_add_checkpoint(request))
    assert isinstance(answer, bytes)
    assert parse_signatures(answer)[0].name == "sopro.example/eeig/witness"


async def test_turns_away_more_than_it_can_remember(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sopro_node.witness._MOST_WAITING", 0)
    with pytest.raises(UnavailableError, match="too many"):
        await stage.node.witness.add_checkpoint(stage.author.request(0, 0))
