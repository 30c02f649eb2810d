"""Anchors at one node: what is settled, what is not, and what a node does then."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec import UNSET

from sopro_node import evidence, office
from sopro_node.fence_state import Kept, State
from sopro_node.keyplan import write_record
from sopro_node.keyring import load_keys
from sopro_protocol.errors import RefusedError, UnavailableError
from sopro_protocol.keys import Role
from sopro_protocol.record import read_record, sign_record
from sopro_registry.catalogue import READERS
from sopro_registry.families.anchor import Body
from tests.node.conftest import Federation, Served, until
from tests.node.test_evidence import EEIG, sign

pytestmark = pytest.mark.slow

WRONG = bytes(32)


async def anchor(one: Served, keep: str) -> int:
    """Decide as the command does."""
    plan = await office.plan_anchor(one.node, {"keep": keep})
    root = load_keys(one.node.folder, Role.ROOT)[Role.ROOT]
    answer = await office.put_keys(one.node, {"entry": sign_record(plan["record"], [root])})
    return int(answer["index"])


@asynccontextmanager
async def disputed(
    federation: Federation,
) -> AsyncIterator[tuple[Served, Served, Served, evidence.Kept]]:
    """Two members that have met a head of the coordinator's log under which nobody has entries."""
    coordinator = await federation.coordinator()
    at, hu = await federation.join("at", "AT"), await federation.join("hu", "HU")
    size = coordinator.node.log.held.size
    for one in (at, hu):
        held = one.node.holdings.logs[EEIG]
        await until(lambda held=held: held.signed_size == size)
    note = sign(coordinator, size, WRONG)
    kept = await hu.node.exchange.gossip.weigh(EEIG, note)
    assert kept is not None
    await until(lambda: kept.id in at.node.evidence, seconds=10)
    yield coordinator, at, hu, kept


def right_root(one: Served, kept: evidence.Kept) -> bytes:
    return bytes(one.node.holdings.logs[EEIG].tree.root_at(kept.size))


async def test_enough_members_lift_evidence_against_the_coordinators_log(
    federation: Federation,
) -> None:
    async with disputed(federation) as (coordinator, at, hu, kept):
        keep = right_root(hu, kept).hex()
        await until(lambda: coordinator.node.evidence.standing(EEIG))
        await anchor(hu, keep[:16])
        await until(lambda: [one.by for one in at.node.anchors.tallies] == [("hu",)])
        assert at.node.evidence.stands(kept)
        [told] = at.node.status()["anchors"]
        assert (told["needed"], told["voters"], told["settled"]) == (2, 2, False)
        await anchor(at, keep[:16])
        for one in (coordinator, at, hu):
            await until(lambda one=one: not one.node.evidence.standing(EEIG))
            assert one.node.status()["anchors"][0]["settled"]
        # It is final: what is settled is not taken up again, also after a restart.
        assert (
            await hu.node.exchange.gossip.weigh(EEIG, sign(coordinator, kept.size, WRONG)) is None
        )
        # What was settled before says nothing of a fork that the coordinator finds later.
        fence, own = coordinator.node.fence, coordinator.node.log.held
        await until(lambda: fence.state is State.OPEN)
        found = Kept(fork=(own.checkpoint, sign(coordinator, 1, WRONG)), settled=1)
        await fence._keep(found)
        await fence._reopen()
        assert fence.state is State.FORKED
        # What is settled since does.
        await fence._keep(found.__class__(fork=found.fork))
        await fence._reopen()
        await until(lambda: fence.state is State.OPEN)
        before = own.size
        await coordinator.node.log.append_state()
        await until(lambda: hu.node.holdings.logs[EEIG].size > before)
        # Who joins later hears of the evidence, and counts for itself.
        fr = await federation.join("fr", "FR")
        await until(lambda: kept.id in fr.node.evidence)
        await until(lambda: not fr.node.evidence.standing(EEIG))
        assert fr.node.anchors.tallies[0].by == ("at", "hu")
        port = int(at.url.rpartition(":")[2])
        await at.close()
        again = await federation.open("at", port)
        assert not again.node.evidence.standing(EEIG)
        assert again.node.anchors.tallies[0].is_settled


async def test_members_that_differ_settle_nothing(federation: Federation) -> None:
    async with disputed(federation) as (_, at, hu, kept):
        keep = right_root(hu, kept).hex()
        await anchor(hu, keep[:16])
        with pytest.raises(RefusedError, match="decided already"):
            await anchor(hu, keep[:16])
        with pytest.raises(RefusedError, match="expected the first digits"):
            await anchor(at, WRONG.hex())
        with pytest.raises(RefusedError, match="expected the first digits"):
            await anchor(at, "1" * 64)
        await at.node.exchange.sync_once()
        assert at.node.evidence.stands(kept)


async def test_what_another_member_says_is_not_said_unchecked(federation: Federation) -> None:
    async with disputed(federation) as (_, at, hu, kept):
        right = right_root(hu, kept)
        claimed = {
            "evidence": at.node.reader.others.evidence_file(kept.id),
            "leaves": [WRONG, WRONG],
            "origin": EEIG,
            "root": right,
            "size": kept.size,
        }
        record = write_record(at.node, "anchor/1", claimed, os.urandom(16))
        root = load_keys(at.node.folder, Role.ROOT)[Role.ROOT]
        await office.put_keys(at.node, {"entry": sign_record(record, [root])})
        await until(lambda: [one.by for one in hu.node.anchors.tallies] == [("at",)])
        plan = await office.plan_anchor(hu.node, {"keep": right.hex()[:16]})
        _, body = read_record(plan["record"], READERS)
        assert isinstance(body, Body)
        assert (body.root, body.leaves) == (right, UNSET)


async def test_only_members_anchor_and_only_what_is_in_doubt(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    with pytest.raises(RefusedError, match="nothing to settle"):
        await anchor(at, "0" * 8)
    with pytest.raises(RefusedError, match="its members do"):
        await anchor(coordinator, "0" * 8)


async def test_nothing_is_appended_while_the_own_log_cannot_be_judged(
    federation: Federation,
) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    node = at.node
    held = node.holdings.logs[EEIG]

    def restart() -> None:
        with node.store.transaction():
            node.holdings.give_up(held)
        node.holdings.begin_judging_anew()

    size, keys = node.log.held.size, node.log.held.keys
    await node.writer.run(restart)
    with pytest.raises(UnavailableError, match="waits for the coordinator's log"):
        await node.log.append_state()
    assert node.log.held.size == size
    # Also after a restart it is fetched as at first contact, and everything judged anew by it.
    port = int(at.url.rpartition(":")[2])
    await at.close()
    again = (await federation.open("at", port)).node.log
    await until(lambda: again.held.cursor.projected == again.held.size > size)
    assert again.held.keys == keys
