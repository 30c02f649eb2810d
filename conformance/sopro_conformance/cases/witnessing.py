"""CKP-08: the candidate asks witnesses; CKP-09 to CKP-12: it is one itself."""

import asyncio
import hashlib
from typing import Final

from sopro_conformance.case import NotMeasured, case
from sopro_conformance.cases.published import append, read_past
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import WireError
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import (
    COSIGNER,
    Checkpoint,
    cosigned_at,
    hint_of,
    read_checkpoint,
    sign_text,
    write_note,
    write_text,
)
from sopro_conformance.wire.proof import write_add_checkpoint
from sopro_conformance.wire.vkey import read_vkey
from sopro_conformance.world.client import Client, Reply, words
from sopro_conformance.world.scene import Peer
from sopro_conformance.world.sitelog import SiteLog
from sopro_conformance.world.witness import Mood

_ADD: Final = "/witness/add-checkpoint"
_COSIGNED: Final = 30.0


@case(
    "CKP-08",
    "A log has its heads cosigned by the witnesses of the policy, and waits for none of them.",
    clauses="WIT-8 WIT-9 WIT-12 COS-4 EXCH-10",
    profiles="publisher",
    verbs="start append",
)
async def collecting(trial: Trial) -> None:
    """Be three witnesses: one that knows an old head, one with strangers' lines, one silent."""
    client = await trial.member()
    scene = trial.scene
    peers = [await scene.new_peer() for _ in range(3)]
    knowing, strange, silent = (one.witness for one in peers)
    head = await client.read()
    knowing.heads[client.origin] = (2, client.tree.root(2))
    strange.mood, silent.mood = Mood.STRANGE, Mood.SILENT
    scene.world.publish_policy([one.code for one in peers])
    await scene.publish()
    [*_, last] = await append(trial, 1)
    head = await read_past(trial, client, last)
    trial.check(
        "published at once",
        holds=head.size > last,
        expected="the head, whatever witnesses do",
        actual=f"size {head.size}",
    )

    async def is_cosigned() -> bool:
        shown = await client.head()
        return shown.size >= head.size and all(
            cosigned_at(shown, one.name, one.key.public) for one in (knowing, strange)
        )

    try:
        await trial.within(is_cosigned, _COSIGNED, "two witnesses of three have cosigned a head")
    finally:
        for one in (knowing, strange, silent):
            one.mood = Mood.RIGHT
        for peer in peers:
            peer.server.behave()
    shown = await client.head()
    allowed = {
        (one.name, hint_of(one.name, one.key.public, COSIGNER))
        for one in (knowing, strange, silent)
    }
    others = [
        line.name for line in shown.lines if line.name != client.origin and line[:2] not in allowed
    ]
    trial.check(
        "the lines under its head",
        holds=not others,
        expected="its own and those of the policy's witnesses",
        actual=f"also of {others}" if others else "as expected",
    )
    wrong = [
        f"{one.old} to {one.size}: {one.problem or one.status}"
        for witness in (knowing, strange, silent)
        for one in witness.requests
        if one.problem or one.status in (400, 422)
    ]
    trial.check(
        "its requests",
        holds=not wrong and bool(silent.requests),
        expected="well-formed, each with a proof that holds",
        actual="; ".join(wrong[:5]) or f"{len(silent.requests)} to the silent one",
    )
    conflicts = [one.old for one in knowing.requests if one.status == 409]
    trial.check(
        "a witness that knows another size",
        holds=any(one.old == 2 and one.status == 200 for one in knowing.requests),
        expected="the proof begins at the size that it named in its 409",
        actual=f"after {len(conflicts)} conflicts: {[one.old for one in knowing.requests]}",
    )


class _Asked:
    """The candidate as a witness of one log."""

    def __init__(self, trial: Trial, client: Client, peer: Peer) -> None:
        self.trial, self.client, self.peer, self.log = trial, client, peer, peer.log
        known = read_vkey(trial.scene.vkey)
        if known is None:
            raise NotMeasured("start gives no verifier key of the candidate's witness (KEY-4)")
        self.name, self.public = known

    async def ask(self, old: int, size: int, log: SiteLog | None = None) -> Reply:
        """Ask to cosign a head, rightly."""
        log = log or self.log
        return await self.post(old, log.tree.consistency(old, size), log.checkpoint(size))

    async def post(self, old: int, proof: list[bytes], note: bytes) -> Reply:
        """Ask to cosign whatever it is."""
        return await self.client.ask(
            _ADD, method="POST", body=write_add_checkpoint(old, proof, note)
        )

    async def held(self) -> Checkpoint | None:
        """Return what it says to have cosigned last (WIT-5)."""
        digest = hashlib.sha256(self.log.origin.encode()).hexdigest()
        reply = await self.client.ask(f"/witness/{digest}/checkpoint")
        try:
            return read_checkpoint(reply.body) if reply.status == 200 else None
        except WireError:
            return None

    def has_cosigned(self, reply: Reply, size: int, log: SiteLog | None = None) -> bool:
        """Say whether an answer is a cosignature of its own on a head."""
        log = log or self.log
        if reply.status != 200:
            return False
        text = write_text(log.origin, size, log.tree.root(size))
        try:
            head = read_checkpoint(f"{text}\n".encode() + reply.body)
        except WireError:
            return False
        return cosigned_at(head, self.name, self.public) is not None


async def ask_a_witness(trial: Trial, entries: int) -> _Asked:
    """Admit a site, and wait until the candidate would cosign for it."""
    client = await trial.member()
    peer = await trial.scene.new_peer(entries)
    asked = _Asked(trial, client, peer)
    stranger = SigningKey(trial.random.randbytes(32))
    text = write_text(peer.origin, 1, peer.log.tree.root(1))
    forged = write_note(text, [sign_text(text, peer.origin, stranger)])

    async def is_known() -> bool:
        return (await asked.post(0, [], forged)).status != 404

    await trial.within(is_known, _COSIGNED, "the candidate knows a new member's keys (WIT-1)")

    async def is_settled() -> bool:  # a node that also mirrors proves from what it holds (WIT-7)
        return (await trial.scene.mirrored(peer.origin)) is None or await trial.scene.holds(peer)

    await trial.within(is_settled, _COSIGNED, "the candidate holds all of the new member's log")
    return asked


async def _refusals(trial: Trial, *, watch: bool) -> None:
    asked = await ask_a_witness(trial, 12)
    log = asked.log
    first = await asked.ask(0, 3)
    trial.need(asked.has_cosigned(first, 3), f"a fresh log at size 3: {words(first)}")
    if not watch:
        trial.check(
            "a fresh log", holds=True, expected="200, a line that verifies", actual=words(first)
        )
    stranger = SigningKey(trial.random.randbytes(32))
    other = SiteLog(trial.random, log.origin)
    nobody = SiteLog(trial.random, log.origin.replace(f"/{log.site}/", "/nobody/"))
    noise = [trial.random.randbytes(32) for _ in log.tree.consistency(3, 5)]
    text = write_text(log.origin, 5, log.tree.root(5))
    forged = write_note(text, [sign_text(text, log.origin, stranger)])
    split_text = write_text(log.origin, 3, other.tree.root())
    split = write_note(split_text, [sign_text(split_text, log.origin, log.keys["log"])])
    bodies = {
        "what is no request": (b"hello", 400),
        "no old size": (b"\n" + log.checkpoint(5), 400),
        "an old size with a sign": (b"old +3\n\n" + log.checkpoint(5), 400),
        "64 hashes": (write_add_checkpoint(3, [bytes(32)] * 64, log.checkpoint(5)), 400),
        "an unknown log": (write_add_checkpoint(0, [], nobody.checkpoint(0)), 404),
        "a stranger's signature": (
            write_add_checkpoint(3, log.tree.consistency(3, 5), forged),
            403,
        ),
        "an old size above the head's": (write_add_checkpoint(6, [], log.checkpoint(5)), 400),
        "another old size than it holds": (
            write_add_checkpoint(2, log.tree.consistency(2, 5), log.checkpoint(5)),
            409,
        ),
        "a proof that leads nowhere": (write_add_checkpoint(3, noise, log.checkpoint(5)), 422),
        "a hash too many": (
            write_add_checkpoint(3, [*log.tree.consistency(3, 5), bytes(32)], log.checkpoint(5)),
            422,
        ),
        "another root of the same size": (write_add_checkpoint(3, [], split), 422),
    }
    for delta, (body, status) in bodies.items():
        reply = await asked.client.ask(_ADD, method="POST", body=body)
        if watch:
            held = await asked.held()
            trial.check(
                delta,
                holds=reply.status != 200
                and held is not None
                and (held.size, held.root) == (3, log.tree.root(3))
                and cosigned_at(held, asked.name, asked.public) is not None,
                expected="it still shows the head at size 3, with its cosignature",
                actual=f"{reply.status}, then size {held.size if held else 'nothing'}",
            )
            continue
        is_size = reply.headers.get("content-type", "").startswith("text/x.tlog.size")
        trial.check(
            delta,
            holds=reply.status == status and (status != 409 or (is_size and reply.body == b"3\n")),
            expected=f"{status}{' with the size 3 as text/x.tlog.size' if status == 409 else ''}",
            actual=words(reply),
        )


@case(
    "CKP-09",
    "A witness answers exactly as is specified.",
    clauses="WIT-1 WIT-3 COS-1 COS-2 COS-4",
    profiles="witness",
    verbs="start",
)
async def answers(trial: Trial) -> None:
    """Ask rightly once, and then wrongly in every way."""
    await _refusals(trial, watch=False)
    asked = await ask_a_witness(trial, 12)
    grown = await asked.ask(0, 5)
    trial.check(
        "a fresh log at size 5",
        holds=asked.has_cosigned(grown, 5),
        expected="200",
        actual=words(grown),
    )
    for old, size in ((5, 5), (5, 9)):
        reply = await asked.ask(old, size)
        trial.check(
            f"from {old} to {size}",
            holds=asked.has_cosigned(reply, size),
            expected="200, a line that verifies",
            actual=words(reply),
        )
    other = await ask_a_witness(trial, 6)
    reply = await other.post(0, [bytes(32)], other.log.checkpoint(5))
    trial.check(
        "a proof from nothing", holds=reply.status == 422, expected="422", actual=words(reply)
    )


@case(
    "CKP-10",
    "A witness that refuses has changed nothing.",
    clauses="WIT-3 WIT-5",
    profiles="witness",
    verbs="start",
)
async def unchanged(trial: Trial) -> None:
    """Look at what it has cosigned after each refusal."""
    await _refusals(trial, watch=True)


@case(
    "CKP-11",
    "Of requests that come at once a witness cosigns one after the other, never two histories.",
    clauses="WIT-4 WIT-7",
    profiles="witness",
    verbs="start",
)
async def atomic(trial: Trial) -> None:
    """Send 40 heads at once from one size, five times; then those of another history."""
    asked = await ask_a_witness(trial, 120)
    log = asked.log
    size = 3
    first = await asked.ask(0, size)
    trial.need(asked.has_cosigned(first, size), f"a fresh log: {words(first)}")
    for _ in range(5):
        sizes = [size + 1 + at % 20 for at in range(40)]
        trial.random.shuffle(sizes)
        replies = await asyncio.gather(*(asked.ask(size, one) for one in sizes))
        given = [one for one, reply in zip(sizes, replies, strict=True) if reply.status == 200]
        held = await asked.held()
        others = {one.status for one in replies if one.status != 200}
        trial.check(
            f"40 heads at once from size {size}",
            holds=len(given) == 1
            and held is not None
            and held.size == given[0]
            and others <= {409},
            expected="one is cosigned, for the others its size is another by then (409)",
            actual=f"cosigned {given}, the others {others}, it shows {held.size if held else 0}",
        )
        size = max([size, *given])
    other = log.fork(size - 1)
    while other.size < size + 10:
        other.append_entry(trial.random.randbytes(40))
    replies = await asyncio.gather(*(asked.ask(size, size + at, other) for at in range(10)))
    held = await asked.held()
    trial.check(
        "ten heads of another history",
        holds=all(one.status in (409, 422) for one in replies)
        and held is not None
        and held.root == log.tree.root(held.size),
        expected="none is cosigned",
        actual=f"{[one.status for one in replies]}, it shows {held.size if held else 0}",
    )


@case(
    "CKP-12",
    "What a witness has cosigned is on the disk before its answer leaves.",
    clauses="WIT-4 WIT-5",
    profiles="witness",
    verbs="start kill9",
)
async def durable(trial: Trial) -> None:
    """Kill it at each answer."""
    rounds = 20 if trial.scene.is_long else 3
    asked = await ask_a_witness(trial, 60)
    old = 0
    for step in range(rounds):
        size = 3 + 2 * step
        reply = await asked.ask(old, size)
        trial.need(asked.has_cosigned(reply, size), f"from {old} to {size}: {words(reply)}")
        await trial.scene.ask("kill9")
        await trial.scene.ask("start")
        held = await asked.held()
        trial.check(
            f"killed after it cosigned size {size}",
            holds=held is not None and held.size >= size,
            expected=f"it shows size {size}",
            actual=f"it shows {held.size if held else 'nothing'}",
        )
        old = size
