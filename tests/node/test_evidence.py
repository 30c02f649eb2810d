"""Evidence of two histories at one node: what it takes, what it refuses, and what follows."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from aiohttp import web

from sopro_node import memberships, office
from sopro_node.drafting import Draft
from sopro_node.evidence import MOST_STANDING, Kept
from sopro_node.fetch import Fetch
from sopro_node.forks import fork_beyond, fork_within
from sopro_node.gossip import Gossip
from sopro_node.keyring import load_keys
from sopro_node.node import Node
from sopro_node.reach import ANYWHERE
from sopro_node.target import Pulled
from sopro_protocol.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint, sign_checkpoint
from sopro_protocol.encoding import Value, encode
from sopro_protocol.errors import (
    NotFoundError,
    RefusedError,
    SoproError,
    StorageFullError,
    VerificationError,
)
from sopro_protocol.evidence import (
    MAX_EVIDENCE,
    Fork,
    ShownHead,
    format_evidence,
    parse_evidence,
)
from sopro_protocol.keys import Ed25519Signer, Role, Signer, make_vkey
from sopro_protocol.merkle import Hash, leaf_hash, root_at, subtree_reader
from sopro_protocol.record import sign_record
from sopro_registry.evidence import open_evidence
from tests.node.conftest import Federation, Served, free_port, until

ORIGIN = "sopro.example/at/1"
EEIG = "sopro.example/eeig/1"


def site_signer(one: Served) -> Ed25519Signer:
    return load_keys(one.node.folder, Role.LOG)[Role.LOG]


def sign(one: Served, size: int, root: bytes) -> bytes:
    """Sign a head with the key of a site's log."""
    return sign_checkpoint(Checkpoint(one.node.identity.origin, size, Hash(root)), site_signer(one))


def opened(one: Served, size: int, root: bytes) -> SignedCheckpoint:
    origin = one.node.identity.origin
    key = make_vkey(origin, site_signer(one).public_key)
    return open_checkpoint(sign(one, size, root), origin=origin, keys=[key])


@asynccontextmanager
async def two_sites(federation: Federation) -> AsyncIterator[tuple[Served, Served, Served]]:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    await until(lambda: ORIGIN in hu.node.holdings.logs)
    await until(lambda: hu.node.holdings.logs[ORIGIN].size == at.node.log.held.size)
    await until(lambda: hu.node.holdings.logs[ORIGIN].checkpoint)
    yield coordinator, at, hu


async def accuse(hu: Served, at: Served, root: bytes = bytes(32)) -> Kept | None:
    """Have a node meet a head that excludes the one it holds."""
    held = hu.node.holdings.logs[ORIGIN]
    return await hu.node.exchange.gossip.weigh(ORIGIN, sign(at, held.signed_size, root))


async def file_against(one: Served, at: Served, root: bytes = bytes(32)) -> bytes:
    """Write evidence without keeping it."""
    held = one.node.holdings.logs[ORIGIN]
    fork = fork_within(held, opened(at, held.signed_size, root))
    assert fork is not None
    return one.node.evidence.write(fork)


async def test_a_second_history_is_told_after_it_is_on_the_disk(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_sites(federation) as (_, at, hu):
        node, seen = hu.node, []

        def look(kept: Kept) -> None:
            seen.append([row.id for row in node.reader.others.evidence()] == [kept.id])

        node.evidence.tell(look)
        put = node.store.others.put_evidence

        def watched(row: Any) -> None:
            assert not node.evidence.standing(ORIGIN)
            put(row)

        monkeypatch.setattr(node.store.others, "put_evidence", watched)
        kept = await accuse(hu, at)
        assert kept is not None
        assert seen == [True]
        assert node.evidence.standing(ORIGIN) == [kept]


async def test_nothing_follows_from_evidence_that_cannot_be_kept(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_sites(federation) as (_, at, hu):

        def full(_row: object) -> NoReturn:
            raise StorageFullError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(hu.node.store.others, "put_evidence", full)
            with pytest.raises(StorageFullError):
                await accuse(hu, at)
            assert list(hu.node.evidence) == []
        assert await accuse(hu, at) is not None


async def test_the_first_head_stays_and_other_logs_go_on_also_after_a_restart(
    federation: Federation,
) -> None:
    async with two_sites(federation) as (coordinator, at, hu):
        held = hu.node.holdings.logs[ORIGIN]
        before = held.checkpoint
        assert await accuse(hu, at)
        await append(at)
        results = await hu.node.exchange.sync_once()
        assert isinstance(results[ORIGIN], VerificationError)
        assert results[ORIGIN].code == "hos.fork"
        assert isinstance(results[EEIG], Pulled)
        port = hu.node.settings.address[1]
        await hu.close()
        again = (await federation.open("hu", port)).node
        assert [one.origin for one in again.evidence] == [ORIGIN]
        results = await again.exchange.sync_once()
        assert getattr(results[ORIGIN], "code", "") == "hos.fork"
        assert again.holdings.logs[ORIGIN].checkpoint == before
        await append(coordinator)
        await until(lambda: again.holdings.logs[EEIG].size == coordinator.node.log.held.size)


async def append(one: Served) -> None:
    if one.node.identity.coordinator:
        await office.publish_criteria(one.node, {"schemes": [scheme()]})
        return
    values = {"actor_type": "enterprise", "country": "AT", "effective_date": "2026-10-01"}
    await one.node.log.append(Draft("organisation", {**values, "status": "active"}))


def scheme() -> dict[str, object]:
    return {
        "effective_date": "2026-01-01",
        "grace_days": 30,
        "kind": "product",
        "max_validity_months": 12,
        "scheme": "more",
        "status": "active",
        "surveillance_interval_months": 12,
        "title": {"en": "More"},
    }


async def test_evidence_reaches_the_other_members_who_verify_it_themselves(
    federation: Federation,
) -> None:
    async with two_sites(federation) as (coordinator, at, hu):
        kept = await accuse(hu, at)
        assert kept is not None
        for one in (coordinator, at):
            await until(lambda one=one: kept.id in one.node.evidence, seconds=10)
        data = coordinator.node.reader.others.evidence_file(kept.id) or b""
        invite = coordinator.node.invite
        assert invite is not None
        found = open_evidence(data, coordinator=invite.origin, coordinator_root=invite.root_key)
        assert (found.id, found.origin, found.sizes) == (kept.id, ORIGIN, kept.sizes)
        # The site itself says so too, and goes on serving.
        assert at.node.status()["evidence"][0]["stands"]


# What accuses nobody.

HARMLESS: dict[str, Callable[[Served, Served], bytes]] = {
    "the head that is held": lambda at, hu: hu.node.holdings.logs[ORIGIN].checkpoint,
    "an older head": lambda at, hu: sign(at, 2, hu.node.holdings.logs[ORIGIN].tree.root_at(2)),
    "the empty log": lambda at, hu: sign(at, 0, hu.node.holdings.logs[ORIGIN].tree.root_at(0)),
    "a head of the same size by another key": lambda at, hu: sign_checkpoint(
        Checkpoint(ORIGIN, hu.node.holdings.logs[ORIGIN].size, Hash(bytes(32))),
        Ed25519Signer(bytes(32)),
    ),
    "a head of another site's key": lambda at, hu: sign_checkpoint(
        Checkpoint(ORIGIN, hu.node.holdings.logs[ORIGIN].size, Hash(bytes(32))), site_signer(hu)
    ),
    "a larger head that nobody shows the hashes of": lambda at, hu: sign(at, 900, bytes(32)),
    "a garbled note": lambda at, hu: sign(at, 2, bytes(32)).replace(b"\n", b"\r\n"),
    "a flipped signature": lambda at, hu: sign(at, 2, bytes(32))[:-9] + b"AAAAAAA=\n",
    "another log's head": lambda at, hu: sign(hu, 2, bytes(32)),
    "no note": lambda at, hu: b"no note",
    "nothing": lambda at, hu: b"",
}


async def test_what_excludes_nothing_has_no_consequence(federation: Federation) -> None:
    async with two_sites(federation) as (_, at, hu), Fetch(2.0, reach=ANYWHERE) as fetch:
        gossip, base = hu.node.exchange.gossip, at.url + "/log/at/1"
        for kind, make in HARMLESS.items():
            note = make(at, hu)
            assert await gossip.weigh(ORIGIN, note) is None, kind
            assert await gossip.weigh(ORIGIN, note, fetch=fetch, base=base) is None, kind
        assert list(hu.node.evidence) == []
        assert hu.node.evidence.refusal(ORIGIN) is None
        # The accepted twin.
        assert await accuse(hu, at)


async def test_a_lagging_mirror_is_not_accused_and_accuses_nobody(federation: Federation) -> None:
    """The head it is behind of has only grown, which the tiles between show."""
    async with two_sites(federation) as (_, at, hu):
        held = hu.node.holdings.logs[ORIGIN]
        old = held.checkpoint
        hu.node.exchange.peers[ORIGIN].lock = lock = asyncio.Lock()
        await lock.acquire()
        for _ in range(3):
            await append(at)
        note = at.node.log.held.checkpoint
        async with Fetch(2.0, reach=ANYWHERE) as fetch:
            base = at.url + "/log/at/1"
            assert await hu.node.exchange.gossip.weigh(ORIGIN, note, fetch=fetch, base=base) is None
        assert held.checkpoint == old
        lock.release()
        assert await hu.node.exchange.gossip.weigh(ORIGIN, old) is None
        assert list(hu.node.evidence) == []


@pytest.mark.parametrize("more", [1, 250, 700])
async def test_a_larger_head_is_compared_by_the_hashes_between(
    federation: Federation, more: int
) -> None:
    async with two_sites(federation) as (_, at, hu):
        held = hu.node.holdings.logs[ORIGIN]
        size = held.signed_size
        own = [leaf_hash(data) for data in held.tree.edge.entries[:size]]
        new = [leaf_hash(b"%d" % number) for number in range(more)]
        for leaves, differs in (
            ([*own, *new], False),
            ([*own[:-1], leaf_hash(b"other"), *new], True),
        ):
            read = subtree_reader(leaves)
            signed = opened(at, len(leaves), root_at(read, len(leaves)))

            async def ask(level: int, index: int, width: int, read: Any = read) -> list[bytes]:
                return [read(8 * level, 256 * index + number) for number in range(width)]

            async def lie(level: int, index: int, width: int) -> list[bytes]:
                return [bytes(32)] * width

            fork = await fork_beyond(held, signed, ask)
            assert (fork is not None) == differs
            with pytest.raises(VerificationError) as caught:
                await fork_beyond(held, signed, lie)
            assert caught.value.code == "hos.tile"
            if fork is not None:
                kept = await hu.node.evidence.accuse(fork)
                assert kept is not None
                assert kept.sizes == (size, size + more)


# What others serve.


@asynccontextmanager
async def peer(answers: dict[str, bytes | int]) -> AsyncIterator[tuple[str, list[str]]]:
    """A node that serves what it is told to, and counts what it is asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        found = answers.get(request.path, 404)
        return web.Response(status=found) if isinstance(found, int) else web.Response(body=found)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}", asked
    finally:
        await runner.cleanup()


def listing(*ids: object) -> bytes:
    return json.dumps({"evidence": [{"id": one} for one in ids]}).encode()


async def visit(
    node: Node, answers: dict[str, bytes | int], *, times: int = 1, teller: str = "xx"
) -> list[str]:
    """Have a node ask a peer for evidence; return what it asked for."""
    gossip: Gossip = node.exchange.gossip
    async with peer(answers) as (url, asked), Fetch(5.0, reach=ANYWHERE) as fetch:
        for _ in range(times):
            await gossip.visit(f"sopro.example/{teller}/1", url, fetch)
    return asked


async def test_takes_genuine_evidence_of_a_peer(federation: Federation) -> None:
    async with two_sites(federation) as (coordinator, at, hu):
        data = await file_against(coordinator, at)
        name = await id_of(coordinator, data)
        assert await visit(hu.node, {"/evidence": listing(name), f"/evidence/{name}": data})
        assert hu.node.evidence.standing(ORIGIN)


async def id_of(one: Served, data: bytes) -> str:
    invite = one.node.invite
    assert invite is not None
    found = open_evidence(data, coordinator=invite.origin, coordinator_root=invite.root_key)
    return found.id.hex()


HOSTILE_FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "nothing": (lambda data: b"", "enc.framing"),
    "a page": (lambda data: b"<!doctype html><title>Sign in</title>", "enc.framing"),
    "a byte behind the end": (lambda data: data + b"\0", "enc.framing"),
    "a byte missing": (lambda data: data[:-1], "enc.framing"),
    "a flipped bit in a note": (lambda data: data.replace(b"\n3\n", b"\n2\n", 1), "ckp.signature"),
    "too much": (lambda data: bytes(MAX_EVIDENCE + 1), "hos.oversize"),
}


async def test_refuses_what_proves_nothing_and_asks_for_it_once(
    federation: Federation, caplog: pytest.LogCaptureFixture
) -> None:
    async with two_sites(federation) as (coordinator, at, hu):
        data = await file_against(coordinator, at)
        name = await id_of(coordinator, data)
        for kind, (change, code) in HOSTILE_FILES.items():
            caplog.clear()
            answers: dict[str, bytes | int] = {
                "/evidence": listing(name),
                f"/evidence/{name}": change(data),
            }
            with caplog.at_level(logging.WARNING, "sopro.gossip"):
                asked = await visit(hu.node, answers, times=3, teller=kind)
            assert asked.count(f"/evidence/{name}") == 1
            assert [one.code for one in caplog.records] == [code]
            assert list(hu.node.evidence) == []
            assert hu.node.evidence.refusal(ORIGIN) is None
        # The accepted twin, from somebody else.
        await hu.node.evidence.take(data)
        assert hu.node.evidence.standing(ORIGIN)


HOSTILE_LISTS = {
    "not json": b"no",
    "no list": b'{"evidence": 7}',
    "no ids": b'{"evidence": [{}]}',
    "other ids": listing(7, None, [], {}),
    "paths": listing("../../etc/passwd", "A" * 64, "0" * 63, "0" * 65),
    "too long": b"[" * (300 * 1024),
    "deep": b"[" * 100_000,
}


async def test_a_list_that_is_none_costs_one_question(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    for kind, body in HOSTILE_LISTS.items():
        assert await visit(coordinator.node, {"/evidence": body}) == ["/evidence"], kind


async def test_asks_for_a_few_files_at_a_time(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    names = [f"{number:064x}" for number in range(1000)]
    asked = await visit(coordinator.node, {"/evidence": listing(*names)})
    assert len(asked) == 1 + 8


async def test_another_file_than_was_asked_for_is_not_asked_for_again(
    federation: Federation,
) -> None:
    async with two_sites(federation) as (coordinator, at, hu):
        data = await file_against(coordinator, at)
        name = "0" * 64
        answers: dict[str, bytes | int] = {
            "/evidence": listing(name),
            f"/evidence/{name}": data,
        }
        asked = await visit(hu.node, answers, times=3)
        assert asked.count(f"/evidence/{name}") == 1


async def test_keeps_a_bounded_number_against_one_log(federation: Federation) -> None:
    async with two_sites(federation) as (_, at, hu):
        files = [
            await file_against(hu, at, bytes([number]) * 32) for number in range(MOST_STANDING + 2)
        ]
        for data in files[:MOST_STANDING]:
            await hu.node.evidence.take(data)
        for data in files[MOST_STANDING:]:
            with pytest.raises(RefusedError, match="stand against"):
                await hu.node.evidence.take(data)
        assert await hu.node.evidence.take(files[0])
        assert len(hu.node.reader.others.evidence()) == MOST_STANDING


async def test_refuses_evidence_against_a_log_it_knows_nothing_of(
    federation: Federation, tmp_path: Path
) -> None:
    async with two_sites(federation) as (_, at, hu):
        data = await file_against(hu, at)
    lone = Federation(tmp_path / "lone")
    (tmp_path / "lone").mkdir()
    try:
        stranger = await lone.begin("fr", "FR")
        with pytest.raises(NotFoundError) as caught:
            await stranger.node.evidence.take(data)
        assert caught.value.code == "evid.unknown"
    finally:
        await lone.close()


async def test_a_genuine_fork_of_another_federation_accuses_nobody_here(
    federation: Federation, tmp_path: Path
) -> None:
    """The same names, other keys."""
    other = Federation(tmp_path / "other")
    (tmp_path / "other").mkdir()
    try:
        async with two_sites(other) as (_, at, hu):
            data = await file_against(hu, at)
    finally:
        await other.close()
    async with two_sites(federation) as (_, at, hu):
        with pytest.raises(SoproError) as caught:
            await hu.node.evidence.take(data)
        assert caught.value.code in ("sig.unknown-key", "mem.untrusted")
        assert list(hu.node.evidence) == []


async def test_where_the_coordinator_forks_its_members_go_on_as_of_its_last_head(
    federation: Federation,
) -> None:
    async with two_sites(federation) as (coordinator, at, hu):
        held = hu.node.holdings.logs[EEIG]
        await until(lambda: held.size == coordinator.node.log.held.size)
        note = sign(coordinator, held.signed_size, bytes(32))
        kept = await hu.node.exchange.gossip.weigh(EEIG, note)
        assert kept is not None
        await until(lambda: kept.id in at.node.evidence, seconds=10)
        size = held.size
        await append(coordinator)
        results = await hu.node.exchange.sync_once()
        assert getattr(results[EEIG], "code", "") == "hos.fork"
        assert held.size == size
        await append(at)
        await until(lambda: hu.node.holdings.logs[ORIGIN].cursor.projected == at.node.log.held.size)
        # No record of the coordinator lifts it.
        assert hu.node.evidence.stands(kept)


async def test_a_settlement_needs_to_know_which_history_to_go_on_with(
    federation: Federation,
) -> None:
    async with two_sites(federation) as (coordinator, at, _):
        held = coordinator.node.holdings.logs[ORIGIN]
        await until(lambda: held.size == at.node.log.held.size)
        size, heads = held.size + 1, [bytes([number]) * 32 for number in (1, 2)]
        shown = tuple(ShownHead(sign(at, size, root), root) for root in heads)
        fork = Fork(ORIGIN, size, (shown[0], shown[1]))
        kept = await coordinator.node.evidence.accuse(fork)
        assert kept is not None
        values: dict[str, object] = {"site": "at", "status": "admitted"}
        with pytest.raises(RefusedError, match="--keep"):
            await memberships.set_membership(coordinator.node, values)
        assert coordinator.node.evidence.stands(kept)
        keep = [heads[1].hex()[:16]]
        answer = await memberships.set_membership(coordinator.node, values | {"keep": keep})
        assert answer["abandoned"] == [{"root": heads[0].hex(), "size": size}]
        assert not coordinator.node.evidence.stands(kept)
        # What is settled is not taken again, and further records say nothing of it.
        answer = await memberships.set_membership(coordinator.node, values)
        assert answer["abandoned"] == []
        third = ShownHead(sign(at, size, bytes([3]) * 32), bytes([3]) * 32)
        data = coordinator.node.evidence.write(Fork(ORIGIN, size, (shown[0], third)))
        with pytest.raises(RefusedError, match="settled"):
            await coordinator.node.evidence.take(data)
        data = coordinator.node.evidence.write(Fork(ORIGIN, size, (shown[1], third)))
        assert coordinator.node.evidence.stands(await coordinator.node.evidence.take(data))


async def test_evidence_made_to_be_slow_is_verified_beside_the_loop(
    federation: Federation,
) -> None:
    """The site itself names as many keys as a file can hold; nobody waits for it."""
    async with two_sites(federation) as (_, at, hu):
        held = hu.node.holdings.logs[ORIGIN]
        root = load_keys(at.node.folder, Role.ROOT)[Role.ROOT]
        fork = fork_within(held, opened(at, held.signed_size, bytes(32)))
        assert fork is not None
        evidence = parse_evidence(hu.node.evidence.write(fork))
        many = [evidence.keys[0], *(key_record(root, number) for number in range(63))]
        data = format_evidence(evidence._replace(keys=tuple(many)))
        slowest = 0.0

        async def watch() -> None:
            nonlocal slowest
            while True:
                before = time.monotonic()
                await asyncio.sleep(0.01)
                slowest = max(slowest, time.monotonic() - before)

        watching = asyncio.create_task(watch())
        began = time.monotonic()
        kept = await hu.node.evidence.take(data)
        lasted = time.monotonic() - began
        watching.cancel()
        assert hu.node.evidence.standing(ORIGIN) == [kept]
        assert lasted < 5
        assert slowest < max(0.5, lasted / 2)


def key_record(root: Signer, number: int) -> bytes:
    body: dict[str, Value] = {
        "keys": [
            {
                "public": Ed25519Signer(
                    number.to_bytes(16, "big") + one.to_bytes(16, "big")
                ).public_key,
                "role": "log",
            }
            for one in range(64)
        ],
        "next_root": bytes(32),
        "root": root.public_key,
    }
    record = {
        "body": body,
        "entity": bytes(16),
        "family": "site_keys/1",
        "log": ORIGIN,
        "salt": bytes(16),
        "time": 1,
        "v": 1,
    }
    return sign_record(encode(record), [root])


async def nothing(*_: object) -> None:
    """Stand in for what is not to happen."""


async def test_events_alone_carry_evidence_to_the_others(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gossip, "visit", nothing)
    async with two_sites(federation) as (coordinator, at, hu):
        await until(lambda: hu.node.hub.listeners >= 2)
        kept = await accuse(hu, at)
        assert kept is not None
        await until(lambda: kept.id in coordinator.node.evidence, seconds=5)


@pytest.mark.parametrize("teller", ["eeig", "at"])
async def test_a_head_in_an_event_is_compared_whoever_tells_of_it(
    federation: Federation, teller: str
) -> None:
    async with two_sites(federation) as (_, at, hu):
        size = hu.node.holdings.logs[ORIGIN].signed_size
        event = {"origin": ORIGIN, "size": size, "note": sign(at, size, bytes(32)).decode()}
        hu.node.exchange.listener.hear("sopro.example/fr/1", json.dumps(event).encode())
        rumours = hu.node.exchange.gossip._rumours
        assert (ORIGIN, "sopro.example/fr/1") not in rumours, "nobody that is followed has told"
        hu.node.exchange.listener.hear(f"sopro.example/{teller}/1", json.dumps(event).encode())
        await until(lambda: hu.node.evidence.standing(ORIGIN), seconds=5)


async def test_a_head_in_anothers_mirror_is_compared(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_sites(federation) as (_, at, hu):
        held = hu.node.holdings.logs[ORIGIN]
        note = sign(at, held.signed_size, bytes(32))
        gossip = hu.node.exchange.gossip
        async with peer({held.path + "/checkpoint": note}) as (url, _), Fetch(5.0) as strict:
            await gossip._compare_mirrors("sopro.example/xx/1", url, strict)
            known = (ORIGIN, "sopro.example/xx/1")
            assert known not in gossip._rumours, "a private address is not called"
            async with Fetch(5.0, reach=ANYWHERE) as fetch:
                await gossip._compare_mirrors("sopro.example/xx/1", url, fetch)
            await until(lambda: hu.node.evidence.standing(ORIGIN), seconds=5)
