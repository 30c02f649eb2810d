"""Collecting cosignatures: quorums that are reached, kept, told on, lost and reached again."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from sopro_node import clock, memberships, office
from sopro_node.cosignatures import MAX_AHEAD
from sopro_node.cosigners import WitnessState
from sopro_node.drafting import Draft
from sopro_node.heldlog import HeldLog
from sopro_node.keyring import load_keys
from sopro_node.node import Node
from sopro_node.standing import describe_policy, export_policy, publish_policy
from sopro_protocol.checkpoint import parse_checkpoint_text
from sopro_protocol.cosignature import cosign
from sopro_protocol.errors import RefusedError, UnavailableError
from sopro_protocol.keys import Role
from sopro_protocol.note import NoteSignature, add_signatures, parse_note
from sopro_protocol.policy import open_witnessed, parse_policy
from tests.node.conftest import Federation, Served, until

pytestmark = pytest.mark.slow

SITES = {"at": "AT", "hu": "HU", "si": "SI"}


async def publish(node: Node, *sites: str, faulty: int = 0, quorum: int | None = None) -> None:
    values = {"witnesses": list(sites), "faulty": faulty, "quorum": quorum}
    await publish_policy(node, values)


async def append(node: Node) -> int:
    values = {
        "actor_type": "enterprise",
        "country": "AT",
        "effective_date": "2026-01-10",
        "status": "active",
    }
    return (await node.log.append(Draft("organisation", values))).index


def is_witnessed(held: HeldLog) -> bool:
    return 0 < held.signed_size == held.witnessed_size


@pytest.fixture
async def three(federation: Federation) -> AsyncIterator[Federation]:
    """A coordinator and three sites that know one another's keys."""
    await federation.coordinator()
    for site, country in SITES.items():
        await federation.join(site, country)
    for one in federation.served.values():
        held = one.node.holdings
        try:
            await until(lambda held=held: len(held.logs) == len(federation.served))
        except TimeoutError:
            members = [(member.site, member.status) for member in held.directory.members()]
            peers = {state.target.origin: state for state in one.node.exchange.peers.values()}
            pytest.fail(f"{held.own_origin} holds {sorted(held.logs)}; {members}; {peers}")
    yield federation


def node_of(land: Federation, site: str) -> Node:
    return land.served[site].node


async def test_without_a_policy_nothing_is_witnessed(federation: Federation) -> None:
    node = (await federation.coordinator()).node
    await node.log.append_state()
    status = await office.status(node, {})
    assert status["publication"]["published"] == node.holdings.own.size
    assert status["publication"]["witnessed"] == 0
    assert status["publication"]["unwitnessed_seconds"] == 0
    assert (status["witness_policy"], status["witnesses"]) == (None, [])


async def test_a_policy_whose_keys_are_not_known_here_is_not_made_up(
    federation: Federation,
) -> None:
    eeig = (await federation.coordinator()).node
    object.__setattr__(eeig.settings, "mirror", ())
    at = (await federation.join("at", "AT")).node
    await publish(eeig, "at", "eeig")
    with pytest.raises(UnavailableError, match="keys of too few witnesses"):
        await export_policy(eeig, {})
    status = await office.status(eeig, {})
    assert status["witness_policy"]["keys_known"] is False
    assert status["publication"]["witnessed"] == 0
    # Whoever has the keys goes on.
    await until(lambda: at.cosignatures.policy is not None)


async def test_a_head_is_witnessed_by_the_sites_of_the_policy_and_everybody_knows(
    three: Federation,
) -> None:
    await publish(node_of(three, "eeig"), "at", "hu", "si", faulty=1)
    at = node_of(three, "at")
    await append(at)
    for one in three.served.values():
        for origin in (at.identity.origin, node_of(three, "eeig").identity.origin):
            await until(lambda node=one.node, log=origin: is_witnessed(node.holdings.logs[log]))
    exported = parse_policy((await export_policy(at, {}))["content"].encode())
    for one in three.served.values():
        held = one.node.holdings.logs[at.identity.origin]
        signed, witnessed = open_witnessed(held.note, origin=held.origin, policy=exported)
        assert signed.size == at.holdings.own.size
        assert len(witnessed.times) >= 3
        assert one.node.cosignatures.unwitnessed_seconds(held.origin) == 0


async def test_sites_that_did_not_cosign_are_no_quorum(three: Federation) -> None:
    """One of three is down: a quorum of three is not reached, one of two is."""
    at, eeig = node_of(three, "at"), node_of(three, "eeig")
    await three.served.pop("si").close()
    await publish(eeig, "at", "hu", "si", quorum=3)
    await append(at)
    await until(lambda: at.cosignatures.sites(at.identity.origin).keys() == {"at", "hu"})
    status = await office.status(at, {})
    assert status["publication"]["witnessed"] == 0
    assert [one["site"] for one in status["witnesses"]] == ["at", "hu", "si"]
    await until(lambda: at.cosigners.witnesses["si"].failures)
    assert at.cosigners.witnesses["si"].code == "hos.unreachable"
    await publish(eeig, "at", "hu", "si")
    await until(lambda: is_witnessed(at.holdings.own))
    await publish(eeig, "at", "hu", "si", quorum=3)
    await until(lambda: at.holdings.own.witnessed_size == 0)


@pytest.mark.parametrize("status", ["left", "expelled"])
async def test_the_witness_of_a_site_that_has_gone_counts_no_more(
    three: Federation, status: str
) -> None:
    at, hu, eeig, si = (node_of(three, one) for one in ("at", "hu", "eeig", "si"))
    await publish(eeig, "at", "hu", "si", quorum=3)
    await append(at)
    await until(lambda: is_witnessed(at.holdings.own))
    await memberships.set_membership(eeig, {"site": "si", "status": status})
    for one in (at, hu, eeig):
        await until(lambda one=one: one.cosignatures.policy is None)  # type: ignore[misc]
        assert one.holdings.logs[at.identity.origin].witnessed_size == 0
    described = describe_policy(at)
    assert described is not None
    assert described["gone"] == ["si"]
    with pytest.raises(RefusedError, match="si: no member any more"):
        await publish(eeig, "at", "hu", "si", quorum=2)

    await publish(eeig, "at", "hu")
    await until(lambda: is_witnessed(at.holdings.own))
    # Whatever time it claims, and though its key is in force in its log.
    key = load_keys(si.folder, Role.WITNESS)[Role.WITNESS]
    head = at.holdings.own.checkpoint
    cosigned = parse_checkpoint_text(parse_note(head).text)
    line = cosign(cosigned, name="sopro.example/si/witness", signer=key, time=1)
    assert not at.cosignatures.take(at.identity.origin, add_signatures(head, [line]))


async def test_a_black_hole_among_the_witnesses_delays_nobody(three: Federation) -> None:
    """F21: an address that takes a request and never answers."""
    at = node_of(three, "at")
    released = asyncio.Event()

    async def swallow(_request: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", swallow)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    try:
        real = at.urls_of
        at.cosigners._urls = lambda code: [f"http://{host}:{port}"] if code == "si" else real(code)
        await publish(node_of(three, "eeig"), "at", "hu", "si")
        await until(lambda: "si" in at.cosigners.witnesses)
        loop = asyncio.get_running_loop()
        for _ in range(5):
            began = loop.time()
            index = await append(at)
            await until(lambda size=index + 1: at.holdings.own.witnessed_size >= size)
            assert loop.time() - began < 5
        names = [task.get_name() for task in asyncio.all_tasks()]
        assert names.count("witness si") == len(three.served)
    finally:
        released.set()
        await runner.cleanup()


async def test_heads_that_follow_one_another_fast_are_witnessed_all_the_while(
    three: Federation,
) -> None:
    at = node_of(three, "at")
    await publish(node_of(three, "eeig"), "at", "hu", "si", faulty=1)
    await until(lambda: len(at.cosigners.witnesses) == 3)
    seen = set()
    async with asyncio.timeout(20):
        while len(seen) < 4:
            index = await append(at)
            seen.add(at.holdings.own.witnessed_size)
            assert at.holdings.own.size > index
    await until(lambda: is_witnessed(at.holdings.own))


async def test_a_head_without_a_quorum_does_not_keep_later_ones_waiting(
    three: Federation,
) -> None:
    at = node_of(three, "at")
    object.__setattr__(at.settings, "fetch_seconds", 1)
    for site in ("hu", "si"):
        await three.served.pop(site).close()
    await publish(node_of(three, "eeig"), "at", "hu", "si", faulty=1)
    await until(lambda: at.cosigners.witnesses)
    for _ in range(3):
        await append(at)
    newest = at.holdings.own.size
    # Its own witness is asked for the last of them, though none before had its quorum.
    await until(lambda: [row.size for row in at.witness.heads if row.size == newest])
    assert at.holdings.own.witnessed_size == 0


async def test_the_same_head_is_cosigned_again_after_the_heartbeat(three: Federation) -> None:
    at = node_of(three, "at")
    object.__setattr__(at.settings, "heartbeat_seconds", 1)
    await publish(node_of(three, "eeig"), "at", "hu", "si", quorum=3)
    await append(at)
    await until(lambda: is_witnessed(at.holdings.own))
    origin, size = at.identity.origin, at.holdings.own.size
    first = dict(at.cosignatures.known(origin).times)
    await until(
        lambda: all(
            time >= first[site] + 2 for site, time in at.cosignatures.known(origin).times.items()
        )
    )
    assert at.holdings.own.size == size
    # Mirrors hear of the fresher ones when they look again.
    hu = node_of(three, "hu").cosignatures
    await until(lambda: hu.known(origin).times.get("si", 0) > first["si"])


async def test_a_restarted_node_still_knows_what_is_witnessed(three: Federation) -> None:
    at = three.served["at"]
    await publish(node_of(three, "eeig"), "at", "hu", "si")
    await append(at.node)
    await until(lambda: is_witnessed(at.node.holdings.own))
    size, port = at.node.holdings.own.size, at.node.settings.address[1]
    for site in ("hu", "si", "eeig", "at"):
        await three.served[site].close()
        if site != "at":
            del three.served[site]
    again = await three.open("at", port)
    assert again.node.holdings.own.witnessed_size == size
    assert len(parse_note(again.node.holdings.own.note).signatures) >= 3


async def test_serves_no_line_that_nobody_verified(three: Federation) -> None:
    at, hu = node_of(three, "at"), node_of(three, "hu")
    await publish(node_of(three, "eeig"), "at", "hu")
    await append(at)
    held = hu.holdings.logs[at.identity.origin]
    await until(lambda: is_witnessed(held) and held.size == at.holdings.own.size)
    before = held.note
    assert not hu.cosignatures.take(held.origin, b"\n\n")
    assert not hu.cosignatures.take(held.origin, before)
    good = [line for line in parse_note(before).signatures if line.name.endswith("/witness")]
    spoilt = [NoteSignature(line.name, line.key_id, bytes(72)) for line in good]
    stranger = NoteSignature("example.com/x", b"abcd", b"whatever")
    assert not hu.cosignatures.take(held.origin, add_signatures(before, [*spoilt, stranger]))
    assert held.note == before
    [own, *lines] = parse_note(before).signatures
    assert own.name == held.origin
    assert {line.name for line in lines} <= {
        "sopro.example/at/witness",
        "sopro.example/hu/witness",
    }


@pytest.mark.parametrize(("ahead", "is_kept"), [(MAX_AHEAD - 60, True), (MAX_AHEAD + 60, False)])
async def test_keeps_no_time_that_lies_far_ahead(
    three: Federation, ahead: int, is_kept: bool
) -> None:
    at, hu = node_of(three, "at"), node_of(three, "hu")
    await publish(node_of(three, "eeig"), "at", "si")
    await until(lambda: at.cosignatures.policy is not None)
    await until(lambda: is_witnessed(at.holdings.own))
    await until(lambda: is_witnessed(hu.holdings.logs[at.identity.origin]))
    held = hu.holdings.logs[at.identity.origin]
    line = cosign(
        parse_checkpoint_text(parse_note(held.checkpoint).text),
        name="sopro.example/si/witness",
        signer=load_keys(three.folder / "si", Role.WITNESS)[Role.WITNESS],
        time=clock.now() // 1000 + ahead,
    )
    assert hu.cosignatures.take(held.origin, add_signatures(held.checkpoint, [line])) is is_kept


async def test_knows_up_to_where_others_hold_its_log(three: Federation) -> None:
    at = node_of(three, "at")
    index = await append(at)
    await until(lambda: at.holdings.own.mirrored_size > index)
    status = await office.status(at, {})
    assert status["publication"]["mirrored"] == at.holdings.own.size
    origin = node_of(three, "hu").identity.origin
    await until(lambda: at.cosignatures.mirrored.get(origin) == at.holdings.own.size)
    # Nobody's word without our signature, nor for more than there is.
    assert not at.cosignatures.hear(origin, at.identity.origin, b"x\n\n")
    assert at.holdings.own.mirrored_size == at.holdings.own.size


class Liar:
    """A witness that answers what it is told to."""

    def __init__(self) -> None:
        self.answers: list[web.Response] = []
        self.asked: list[bytes] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(await request.read())
        return self.answers.pop(0) if self.answers else web.Response(status=500)


def stale(body: bytes, kind: str = "text/x.tlog.size") -> web.Response:
    return web.Response(status=409, body=body, headers={"Content-Type": kind})


@pytest.fixture
async def liar(three: Federation) -> AsyncIterator[tuple[Served, Liar]]:
    one = Liar()
    app = web.Application()
    app.router.add_post("/witness/add-checkpoint", one.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    at = three.served["at"]
    await publish(node_of(three, "eeig"), "at", "hu")
    await until(lambda: is_witnessed(at.node.holdings.own))
    at.node.cosigners._urls = lambda _site: [f"http://{host}:{port}"]
    yield at, one
    await runner.cleanup()


@pytest.mark.parametrize(
    ("answers", "code", "requests"),
    [
        ([stale(b"999999\n")], "wit.size", 1),
        ([stale(b"1\n"), stale(b"2\n"), stale(b"1\n")], "wit.size", 3),
        ([stale(b"1")], "ckp.format", 1),
        ([stale(b"01\n")], "ckp.format", 1),
        ([stale(b"-1\n")], "ckp.format", 1),
        ([stale(b"1" * 30 + b"\n")], "ckp.format", 1),
        ([stale(b"")], "ckp.format", 1),
        ([stale(b"1\n", "text/plain")], "ckp.format", 1),
        ([stale(b"1" * 10_000_000)], "hos.oversize", 1),
        ([web.Response(body=b"x" * 10_000_000)], "hos.oversize", 1),
        ([web.Response(body=b"")], "ckp.format", 1),
        ([web.Response(body=b"<html>")], "ckp.format", 1),
        ([web.Response(status=404)], "hos.status", 1),
        ([web.Response(status=422)], "hos.status", 1),
        ([web.Response(status=503)], "hos.status", 1),
        ([web.Response(status=302, headers={"Location": "/"})], "hos.redirect", 1),
    ],
)
async def test_believes_no_witness_that_lies(
    liar: tuple[Served, Liar], answers: list[web.Response], code: str, requests: int
) -> None:
    """F18: sizes that are wrong, garbage, too much, nothing."""
    at, witness = liar[0].node, liar[1]
    witness.answers = answers
    state = WitnessState("hu")
    await at.cosigners._ask_once(state)
    assert (state.code, state.failures) == (code, 1)
    assert len(witness.asked) == requests
    assert state.size < at.holdings.own.size


async def test_a_cosignature_of_somebody_else_or_another_head_is_none(
    liar: tuple[Served, Liar],
) -> None:
    at, witness = liar[0].node, liar[1]
    lines = parse_note(at.holdings.own.note).signatures
    for line in lines:
        if line.name != "sopro.example/hu/witness":
            only = add_signatures(at.holdings.own.checkpoint, [line]).rpartition(b"\n\n")[2]
            witness.answers = [web.Response(body=only)]
            state = WitnessState("hu")
            await at.cosigners._ask_once(state)
            assert state.code == "ckp.cosignature"
    assert len(witness.asked) == 2
