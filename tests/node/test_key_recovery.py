"""A root key and its successor are lost: the other members decide, and the coordinator does not."""

from typing import Any

import pytest

from sopro_node import memberships
from sopro_node.keyoffice import put_keys
from sopro_node.keyrecovery import new_root, plan_approval
from sopro_node.keyring import KEYS, find_key
from sopro_node.node import Node
from sopro_protocol.errors import NotFoundError, RefusedError
from sopro_protocol.record import sign_record
from tests.node.conftest import Federation, Served, grant, until
from tests.node.test_evidence import accuse
from tests.node.test_evidence_roots import check
from tests.node.test_keys import all_follow, certify, change, follows, verify
from tests.registry.world import signer

pytestmark = pytest.mark.slow

Sites = dict[str, Served]


@pytest.fixture
async def sites(federation: Federation) -> Sites:
    """A coordinator and three sites, one of which has lost both its root keys."""
    await federation.coordinator()
    for site, country in (("at", "AT"), ("hu", "HU"), ("fr", "FR")):
        await federation.join(site, country)
    for name in ("root.pem", "next-root.pem"):
        (federation.served["at"].node.folder / KEYS / name).unlink()
    return federation.served


async def approve(node: Node, site: str, root: bytes) -> None:
    """Approve a new root key, as the command does."""
    plan = await plan_approval(node, {"site": site, "root": root})
    signer = find_key(node.folder, plan["root"], passphrase=node.passphrase).signer
    await put_keys(node, {"entry": sign_record(plan["record"], [signer])})


async def approve_by_all(sites: Sites, root: bytes) -> None:
    """Have the other members approve a new root key of at."""
    for site, one in sites.items():
        if site not in ("at", "eeig"):
            await approve(one.node, "at", root)
            await until(lambda one=one: follows(sites["eeig"], one))  # type: ignore[misc]


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

    with pytest.raises(RefusedError, match="2 other members are admitted and 2 must approve"):
        await recover(sites)
    await approve(sites["hu"].node, "at", asked["public"])
    await until(lambda: follows(coordinator, sites["hu"]))
    with pytest.raises(RefusedError, match=f"{asked['public'].hex()[:16]}...: hu"):
        await recover(sites)
    await approve(sites["fr"].node, "at", asked["public"])
    await until(lambda: follows(coordinator, sites["fr"]))
    assert (await recover(sites))["root"] == asked["public"]

    await until(lambda: follows(at, coordinator))
    await until(lambda: follows(sites["hu"], coordinator))
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
    with pytest.raises(RefusedError, match="2 must approve"):
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
