"""A root key and its successor are lost: the other members decide, and the coordinator does not."""

import logging
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession

from sopro_node import memberships
from sopro_node.drafting import Draft
from sopro_node.keyoffice import keys, plan_keys, put_keys
from sopro_node.keyrecords import find_mandate
from sopro_node.keyrecovery import new_root, plan_approval
from sopro_node.keyring import KEYS, find_key
from sopro_node.node import Node
from sopro_node.standing import describe_standing
from sopro_node.upkeep import Upkeep
from sopro_protocol.errors import NotFoundError, RefusedError
from sopro_protocol.keys import key_id
from sopro_protocol.record import sign_record
from tests.node.conftest import Federation, Served, grant, until
from tests.node.test_evidence import accuse
from tests.node.test_evidence_roots import check
from tests.node.test_keys import all_follow, certify, change, follows, succeed, verify
from tests.registry.world import Author, World, signer

pytestmark = pytest.mark.slow

Sites = dict[str, Served]


@pytest.fixture
async def sites(federation: Federation) -> Sites:
    """A coordinator and three sites, one of which has lost both its root keys."""
    await federation.coordinator()
    for site, country in (("at", "AT"), ("hu", "HU"), ("fr", "FR")):
        await federation.join(site, country)
    at = federation.served["at"]
    await change(at.node, "approvers", "", sites=None)
    for one in federation.served.values():
        await until(lambda one=one: one is at or follows(one, at))  # type: ignore[misc]
    for name in ("root.pem", "next-root.pem"):
        (federation.served["at"].node.folder / KEYS / name).unlink()
    return federation.served


async def approve(node: Node, site: str, root: bytes) -> None:
    """Approve a new root key, as the command does."""
    plan = await plan_approval(node, {"site": site, "root": root})
    signer = find_key(node.folder, plan["root"], passphrase=node.passphrase).signer
    await put_keys(node, {"entry": sign_record(plan["record"], [signer])})


async def approve_by_all(sites: Sites, root: bytes) -> None:
    """Have those whom at has named approve a new root key of at."""
    for one in (sites["hu"], sites["fr"]):
        await until(lambda one=one: follows(one, sites["at"]))  # type: ignore[misc]
        await approve(one.node, "at", root)
        await until(lambda one=one: follows(sites["eeig"], one))  # type: ignore[misc]
    await until(lambda: follows(sites["eeig"], sites["at"]))


async def recover(sites: Sites) -> dict[str, Any]:
    return await memberships.recover_member(sites["eeig"].node, {"site": "at"})


async def test_a_root_key_is_replaced_when_the_other_members_approve(
    federation: Federation, sites: Sites
) -> None:
    at, coordinator = sites["at"], sites["eeig"]
    number, _ = await grant(at.node)
    before = certify(at.node, number)
    asked = await new_root(at.node, {})
    assert not asked["named"]
    assert (await new_root(at.node, {}))["public"] == asked["public"], "made once"

    with pytest.raises(RefusedError, match=r"at has named fr, hu .* and 2 of 2 must"):
        await recover(sites)
    await approve(sites["hu"].node, "at", asked["public"])
    await until(lambda: follows(coordinator, sites["hu"]))
    with pytest.raises(RefusedError, match=f"{asked['public'].hex()[:16]}...: hu"):
        await recover(sites)
    await approve(sites["fr"].node, "at", asked["public"])
    await until(lambda: follows(coordinator, sites["fr"]))
    assert (await recover(sites))["root"] == asked["public"]

    await until(lambda: follows(at, coordinator))
    await until(lambda: follows(sites["hu"], coordinator) and follows(sites["hu"], at))
    for one in (at, sites["hu"]):
        # The site has not named the key in its log yet, and may never.
        assert verify(at.node, certify(one.node, number), number=number).status == "active"
    assert (await new_root(at.node, {}))["named"]
    await change(at.node, "rotate", "root", successor=asked["public"])
    await change(at.node, "rotate", "access")
    await all_follow(federation, "at")
    for site in ("hu", "fr", "eeig"):
        assert sites[site].node.holdings.logs[at.node.identity.origin].cursor.voids == 0
    si = await federation.join("si", "SI")
    await until(lambda: follows(si, at))
    for data in (before, certify(at.node, number), certify(si.node, number)):
        assert verify(at.node, data, number=number).status == "active"


async def test_the_coordinator_cannot_have_members_it_invents_replace_a_root_key(
    sites: Sites,
) -> None:
    coordinator, at = sites["eeig"].node, sites["at"].node
    fields = msgspec.to_builtins(
        coordinator.holdings.directory.membership("hu"), builtin_types=(bytes,)
    )
    thief, approvals = signer("thief").public_key, []
    for number in range(5):
        invented = Author(f"x{number}", World.new_node(), prefix=f"X{number}1")
        said = {
            "origin": invented.origin,
            "prefix": invented.prefix,
            "root": invented.keys["root"].public_key,
            "site": invented.site,
        }
        await coordinator.log.append(Draft("site_membership", fields | said))
        body = {"before": at.identity.root, "origin": at.identity.origin, "root": thief}
        approvals.append(
            invented.draft("key_recovery/1", body, entity=bytes(16), role="root", time=1)
        )
    held = coordinator.holdings.logs[at.identity.origin]
    mandate = find_mandate(coordinator.reader, coordinator.holdings, held, at.identity.root)
    assert mandate is not None
    assert mandate[1] == ["fr", "hu"]
    before = coordinator.holdings.directory.membership("at")
    fields = msgspec.to_builtins(before, builtin_types=(bytes,))
    entity = coordinator.reader.named(1, "site_membership", "at")
    for named in ({}, {"mandate": mandate[0]}):
        said = {"approvals": approvals, "root": thief, **named}
        with pytest.raises(RefusedError) as refused:
            await coordinator.log.append(Draft("site_membership", fields | said, entity=entity))
        assert refused.value.code == "mem.key"
    assert coordinator.holdings.directory.membership("at") == before


async def test_a_site_is_warned_of_a_root_key_that_is_not_its_own(
    sites: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    at = sites["at"]
    upkeep, thief = Upkeep(at.node), signer("thief").public_key
    with caplog.at_level(logging.ERROR, logger="sopro.upkeep"):
        await upkeep.look()
        assert describe_standing(at.node)["foreign_root"] is None
        await approve_by_all(sites, thief)
        await recover(sites)
        await until(lambda: follows(at, sites["eeig"]))
        for _ in range(2):
            await upkeep.look()
    [line] = [one for one in caplog.records if one.name == "sopro.upkeep"]
    assert line.__dict__["key"] == key_id(thief).hex()[:16]
    assert describe_standing(at.node)["foreign_root"] == thief.hex()
    [warning] = [one for one in (await keys(at.node, {}))["warnings"] if thief.hex() in one]
    assert "tell the other members at once" in warning
    async with ClientSession() as client, client.get(f"{at.url}/status") as answer:
        assert thief.hex() in await answer.text()


async def test_a_site_is_told_when_nobody_could_approve(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    at, hu = [await federation.join(site, site.upper()) for site in ("at", "hu")]

    async def told(one: Served) -> list[str]:
        return [text for text in (await keys(one.node, {}))["warnings"] if "approve" in text]

    await until(lambda: follows(at, coordinator))
    assert await told(coordinator) == []
    [warning] = await told(at)
    assert f"sopro keys approvers {at.node.folder} SITE..." in warning
    with pytest.raises(RefusedError, match="has named nobody who may approve"):
        await new_root(at.node, {})
    with pytest.raises(RefusedError, match="'eeig': expected another site that is admitted"):
        await change(at.node, "approvers", "", sites=["eeig"])
    with pytest.raises(RefusedError, match="the coordinator is no member"):
        await change(coordinator.node, "approvers", "", sites=[])
    await change(at.node, "approvers", "", sites=["hu"])
    assert await told(at) == []
    # A later record of the same root key takes nothing back, and nobody may believe that it does.
    plan = await plan_keys(at.node, {"act": "approvers", "sites": []})
    assert (plan["approvers"], plan["dropped"]) == ([], ["hu"])
    plan = await plan_keys(at.node, {"act": "approvers", "sites": ["hu"]})
    assert (plan["approvers"], plan["dropped"]) == (["hu"], [])
    # They stay named when other keys change, the root key among them.
    await change(at.node, "rotate", "access")
    await succeed(at.node)
    assert (await keys(at.node, {}))["approvers"] == ["hu"]
    await until(lambda: follows(at, hu))
    with pytest.raises(RefusedError, match="hu has not named this site, at"):
        await approve(at.node, "hu", signer("hu new root").public_key)
    await memberships.set_membership(coordinator.node, {"site": "hu", "status": "suspended"})
    await federation.join("fr", "FR")
    await until(lambda: follows(at, coordinator))
    [warning] = await told(at)
    assert "(hu) 0 are members still, and 1 have to approve" in warning
    await change(at.node, "approvers", "", sites=[])
    assert (await keys(at.node, {}))["approvers"] == []


async def test_who_begins_with_a_log_takes_it_also_before_the_site_has_named_its_new_root(
    federation: Federation, sites: Sites
) -> None:
    at, coordinator, hu = sites["at"], sites["eeig"], sites["hu"]
    number, _ = await grant(at.node)
    first = await new_root(at.node, {})
    await approve_by_all(sites, first["public"])
    await recover(sites)
    si = await federation.join("si", "SI")
    for one in (hu, si):
        await until(lambda one=one: follows(one, coordinator) and follows(one, at))  # type: ignore[misc]
    origin = at.node.identity.origin
    held = [one.node.holdings.logs[origin] for one in (hu, si)]
    assert held[0].keys == held[1].keys
    assert held[0].cursor == held[1].cursor
    assert verify(si.node, certify(si.node, number), number=number).status == "active"

    # Named, and lost once more: its records lead to the key of before, not to the first one.
    assert (await new_root(at.node, {}))["named"]
    await change(at.node, "rotate", "root", successor=first["public"])
    await approve_by_all(sites, signer("second root").public_key)
    await recover(sites)
    await change(at.node, "rotate", "log")
    fr = sites["fr"]
    de = await federation.join("de", "DE")
    for one in (hu, fr, si, de):
        await until(lambda one=one: follows(one, coordinator) and follows(one, at))  # type: ignore[misc]


async def test_a_fork_is_proven_also_before_the_site_has_named_its_new_root(sites: Sites) -> None:
    at, coordinator, hu = sites["at"], sites["eeig"], sites["hu"]
    asked = await new_root(at.node, {})
    await approve_by_all(sites, asked["public"])
    await recover(sites)
    for one in (at, hu):
        await until(lambda one=one: follows(one, coordinator))  # type: ignore[misc]
    kept = await accuse(hu, at)
    assert kept is not None
    check(hu, kept)
    await until(lambda: kept.id in coordinator.node.evidence)


async def test_members_who_approve_different_keys_have_not_agreed(sites: Sites) -> None:
    await approve(sites["hu"].node, "at", sites["hu"].node.identity.root[::-1])
    await approve(sites["fr"].node, "at", sites["fr"].node.identity.root[::-1])
    for site in ("hu", "fr"):
        await until(lambda site=site: follows(sites["eeig"], sites[site]))  # type: ignore[misc]
    with pytest.raises(RefusedError, match="2 of 2 must"):
        await recover(sites)


async def test_the_site_cannot_take_a_key_that_nobody_approved(sites: Sites) -> None:
    at = sites["at"].node
    asked = await new_root(at, {})
    with pytest.raises(RefusedError, match="--new-root"):
        await change(at, "rotate", "root", successor=asked["public"])


async def test_only_the_coordinator_names_it_and_only_for_members(sites: Sites) -> None:
    with pytest.raises(RefusedError, match="only the coordination node"):
        await memberships.recover_member(sites["hu"].node, {"site": "at"})
    with pytest.raises(NotFoundError, match="no member 'xx'"):
        await memberships.recover_member(sites["eeig"].node, {"site": "xx"})
    with pytest.raises(NotFoundError, match="no member 'xx'"):
        await approve(sites["hu"].node, "xx", bytes(32))


async def test_a_site_does_not_approve_its_own_key(sites: Sites) -> None:
    hu = sites["hu"].node
    with pytest.raises(RefusedError, match="does not approve its own key"):
        await approve(hu, "hu", hu.identity.root[::-1])
