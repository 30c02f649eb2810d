"""What waits for a site's people is listed where they look, until they have answered."""

import logging
from typing import Any

import pytest

from sopro_node import admission, memberships, office
from sopro_node.inbox import Item, inbox, list_acts
from sopro_node.keyoffice import put_keys
from sopro_node.keyrecovery import new_root, plan_approval
from sopro_node.keyring import KEYS, find_key
from sopro_node.node import Node
from sopro_node.telemetry import NodeMetrics
from sopro_node.upkeep import Upkeep
from sopro_protocol.record import sign_record
from tests.federation.liar import sign_head
from tests.node.conftest import Federation, Served, decide, grant, until
from tests.node.test_anchors import anchor, disputed, right_root
from tests.node.test_keys import change, follows
from tests.node.test_succession import Heir, orphans


async def approve(node: Node, site: str, root: bytes) -> None:
    """Approve a new root key, as the command does."""
    plan = await plan_approval(node, {"site": site, "root": root})
    signer = find_key(node.folder, plan["root"], passphrase=node.passphrase).signer
    await put_keys(node, {"entry": sign_record(plan["record"], [signer])})


def acts(one: Served) -> list[tuple[str, str]]:
    """Kind and site of what waits."""
    return [(item.kind, item.site) for item in list_acts(one.node)]


def act(one: Served, kind: str) -> Item:
    [found] = [item for item in list_acts(one.node) if item.kind == kind]
    return found


async def waiting(one: Served) -> list[dict[str, Any]]:
    return list((await inbox(one.node, {}))["waiting"])


async def test_a_request_for_admission_waits_for_the_coordinator(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    assert acts(coordinator) == []
    at = await federation.join("at", "AT")
    assert acts(coordinator) == []
    node = at.node
    await coordinator.node.log.append_state()
    content = admission.make_application(node)
    await memberships.change_membership(
        coordinator.node, {"site": "at", "changes": {"urls": ["https://at.sopro.example"]}}
    )
    await admission.receive_application(coordinator.node, content)
    item = act(coordinator, "admission")
    assert item.command == f"sopro members admit {coordinator.node.folder} at"
    assert item.otherwise == f"sopro members refuse {coordinator.node.folder} at"
    assert node.identity.root.hex() in item.asks
    assert (await office.status(coordinator.node, {}))["inbox"] == 1
    assert acts(at) == []
    await memberships.admit(coordinator.node, {"site": "at"})
    assert acts(coordinator) == []


@pytest.mark.slow
async def test_a_lost_root_key_waits_for_each_in_turn(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    at, hu, fr = [
        await federation.join(site, country)
        for site, country in (("at", "AT"), ("hu", "HU"), ("fr", "FR"))
    ]
    await change(at.node, "approvers", "", sites=["fr", "hu"])
    for one in (coordinator, hu, fr):
        await until(lambda one=one: follows(one, at))  # type: ignore[misc]
    for name in ("root.pem", "next-root.pem"):
        (at.node.folder / KEYS / name).unlink()
    root = (await new_root(at.node, {}))["public"]
    await approve(hu.node, "at", root)
    await until(lambda: acts(fr) == [("root-key", "at")])
    item = act(fr, "root-key")
    assert item.command == f"sopro members approve {fr.node.folder} at {root.hex()}"
    assert (item.by, item.needed, item.voters) == (("hu",), 2, 2)
    await until(lambda: follows(coordinator, hu) and follows(at, hu))
    assert [acts(one) for one in (coordinator, at, hu)] == [[], [], []]

    await approve(fr.node, "at", root)
    assert acts(fr) == []
    await until(lambda: acts(coordinator) == [("root-key", "at")])
    assert act(coordinator, "root-key").command == (
        f"sopro members recover {coordinator.node.folder} at"
    )
    await memberships.recover_member(coordinator.node, {"site": "at"})
    await until(lambda: acts(at) == [("root-key", "at")])
    assert act(at, "root-key").command == f"sopro keys recover {at.node.folder} --new-root"
    assert (await new_root(at.node, {}))["named"]
    await change(at.node, "rotate", "root", successor=root)
    assert [acts(one) for one in (coordinator, at, hu, fr)] == [[], [], [], []]


async def test_evidence_against_a_member_waits_for_the_coordinator(
    federation: Federation,
) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    await until(lambda: follows(coordinator, at))
    held = coordinator.node.holdings.logs[at.node.identity.origin]
    forged = sign_head(held.origin, held.signed_size, bytes(32), log_signer(at.node))
    assert await coordinator.node.exchange.gossip.weigh(held.origin, forged) is not None
    assert act(coordinator, "evidence").command.startswith("sopro members suspend ")
    await memberships.set_membership(coordinator.node, {"site": "at", "status": "suspended"})
    assert act(coordinator, "evidence").command.startswith("sopro members release ")
    await memberships.set_membership(coordinator.node, {"site": "at", "status": "admitted"})
    assert acts(coordinator) == []


def log_signer(node: Node) -> Any:
    held = node.log.held
    [span] = [one for one in held.keys if one.role == "log"]
    file = node.signatory.file(span.public)
    assert file is not None
    return file.signer


async def test_two_histories_of_the_coordinators_log_wait_for_the_members(
    federation: Federation,
) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    await until(lambda: follows(at, coordinator))
    held = at.node.holdings.logs[coordinator.node.identity.origin]
    forged = sign_head(held.origin, held.signed_size, bytes(32), log_signer(coordinator.node))
    assert await at.node.exchange.gossip.weigh(held.origin, forged) is not None
    item = act(at, "history")
    assert item.command == f"sopro anchor {at.node.folder} --keep ROOT"
    assert "sopro evidence list" in item.otherwise
    assert ("history", "") not in acts(coordinator)


@pytest.mark.slow
async def test_an_anchor_of_one_member_waits_for_the_others(federation: Federation) -> None:
    async with disputed(federation) as (_, at, hu, kept):
        root = right_root(at, kept)
        await anchor(at, root.hex())
        await until(lambda: acts(at) == [])
        await until(lambda: bool([one for one in list_acts(hu.node) if one.by]))
        item = act(hu, "history")
        assert item.command == f"sopro anchor {hu.node.folder} --keep {root.hex()}"
        assert (item.by, item.needed, item.voters) == (("at",), 2, 2)
        await anchor(hu, root.hex())
        await until(lambda: acts(hu) == [])


@pytest.mark.slow
async def test_a_successor_of_one_member_waits_for_the_others(federation: Federation) -> None:
    invite, [at, hu] = await orphans(federation, "at", "hu")
    heir = Heir(federation, invite, at, hu)
    await heir.appoint(at)
    await until(lambda: acts(at) == [])
    await until(lambda: acts(hu) == [("successor", "")])
    item = act(hu, "successor")
    assert item.command == (
        f"sopro anchor {hu.node.folder} --successor {heir.root.hex()} --url {heir.url}"
    )
    assert (item.by, item.needed, item.voters) == (("at",), 2, 2)
    await heir.appoint(hu)
    await until(lambda: acts(hu) == [])


@pytest.mark.slow
async def test_labels_that_are_handed_over_wait_for_the_receiver(federation: Federation) -> None:
    await federation.coordinator()
    at, hu = [
        await federation.join(site, country) for site, country in (("at", "AT"), ("hu", "HU"))
    ]
    number, label = await grant(at.node)
    await until(lambda: follows(hu, at))
    assert await waiting(hu) == []
    await decide(
        at.node,
        label,
        action="transfer_out",
        certificate=number,
        receiver="hu",
        receiver_entity=bytes(range(16)),
    )
    await until(lambda: follows(hu, at))
    [item] = await waiting(hu)
    assert (item["kind"], item["site"]) == ("transfer", "at")
    assert item["asks"] == "take over 1 label of at"
    assert item["command"] == f"sopro transfer in {hu.node.folder} --from at"


async def test_what_waits_is_counted_and_logged_once_a_day(
    federation: Federation, caplog: pytest.LogCaptureFixture
) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    content = admission.make_application(at.node)
    await memberships.change_membership(
        coordinator.node, {"site": "at", "changes": {"urls": ["https://at.sopro.example"]}}
    )
    await admission.receive_application(coordinator.node, content)
    upkeep = Upkeep(coordinator.node)
    with caplog.at_level(logging.WARNING, logger="sopro.upkeep"):
        await upkeep.look()
        await upkeep.look()
    [line] = [one for one in caplog.records if one.name == "sopro.upkeep"]
    assert (line.__dict__["act"], line.__dict__["site"]) == ("admission", "at")
    [metric] = [one for one in NodeMetrics(coordinator.node).collect() if one.name == "sopro_inbox"]
    assert [one.value for one in metric.samples] == [1]
