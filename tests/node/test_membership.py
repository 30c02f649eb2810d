"""Members that are suspended, leave or come back, at nodes that hear of it in any order."""

import json
from pathlib import Path

import msgspec
import pytest

from sopro_node import certificate_desk, clock
from sopro_node.admission import join, make_application, receive_application
from sopro_node.fetch import Fetch
from sopro_node.found import Plan, create_node
from sopro_node.memberships import admit, change_membership, members, set_membership
from sopro_node.node import Node
from sopro_node.reach import ANYWHERE
from sopro_protocol.encoding import decode
from sopro_protocol.errors import FormatError, RefusedError
from tests.node.conftest import Federation, Served, decide, grant, until

ORIGIN = "sopro.example/at/1"
EEIG = "sopro.example/eeig/1"


def status_at(served: Served, number: str) -> str:
    return served.node.desk.label(number).status


def judged(served: Served) -> tuple[int, int]:
    cursor = served.node.holdings.logs[ORIGIN].cursor
    return cursor.projected, cursor.endings


def voids(served: Served) -> list[tuple[int, str]]:
    held = served.node.holdings.logs[ORIGIN]
    found = served.node.reader.voids(held.number, start=0, limit=1000)
    return [(position, void.code) for position, void in found]


async def revoke(served: Served, number: str, entity: bytes) -> None:
    values = {"reason_code": "other", "appeal_until": "2026-12-01", "certificate": number}
    await decide(served.node, entity, action="revoke", **values)


async def test_a_member_cannot_outlive_its_end_by_not_hearing_of_it(
    federation: Federation,
) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    number, entity = await grant(at.node)
    size = at.node.log.held.size
    for one in (coordinator, hu):
        await until(lambda one=one: judged(one)[0] == size)
    # From here on it acts on the head under which it is a member.
    await at.node.exchange.stop()
    values = {"site": "at", "status": "suspended", "size": size}
    await set_membership(coordinator.node, values)
    await until(lambda: hu.node.holdings.directory.membership("at").status == "suspended")
    await revoke(at, number, entity)
    assert status_at(at, number) == "revoked"
    for one in (coordinator, hu):
        await until(lambda one=one: judged(one) == (at.node.log.held.size, 1))
        assert status_at(one, number) == "active"
        # What it says of its own labels is not what they are.
        assert voids(one) == [(size, "mem.inactive"), (size + 1, "sta.status")]


async def test_what_was_judged_before_the_end_was_heard_of_is_judged_anew(
    federation: Federation,
) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    number, entity = await grant(at.node)
    await until(lambda: judged(coordinator)[0] == at.node.log.held.size)
    size = at.node.log.held.size
    known = coordinator.node.holdings.logs[ORIGIN].signed_size
    await coordinator.node.exchange.stop()
    await revoke(at, number, entity)
    await until(lambda: judged(hu)[0] == at.node.log.held.size)
    assert status_at(hu, number) == "revoked"
    answer = await set_membership(coordinator.node, {"site": "at", "status": "left"})
    assert answer["size"] == known == size
    for one in (hu, at):
        await until(lambda one=one: status_at(one, number) == "active")
        assert voids(one)[0] == (size, "mem.inactive")
        assert judged(one)[1] == 1
    # Its own log goes on, and says what it holds now.
    assert at.node.log.held.cursor.projected == at.node.log.held.size
    fresh = await federation.join("fr", "FR")
    await until(lambda: ORIGIN in fresh.node.holdings.logs and judged(fresh) == judged(hu))
    assert (voids(fresh), status_at(fresh, number)) == (voids(hu), "active")


async def test_a_site_of_another_federation_is_told_before_anybody_is_asked(
    federation: Federation, tmp_path: Path
) -> None:
    coordinator = await federation.coordinator()
    assert coordinator.node.invite is not None
    invite = msgspec.structs.asdict(coordinator.node.invite) | {"urls": [coordinator.url]}
    create_node(tmp_path / "lv", Plan("sopro.test", "lv", "LV"), coordinator=False)
    node = await Node.open(tmp_path / "lv")
    try:
        with pytest.raises(
            RefusedError, match=r"make the site anew with --federation sopro\.exampl"
        ):
            await join(node, {"invite": invite})
        assert node.invite is None
    finally:
        await node.close()


async def test_who_is_released_at_once_decides_again(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    number, entity = await grant(at.node)
    await until(lambda: judged(coordinator)[0] == at.node.log.held.size)
    # Both records come to the site together: it never acted on a head that suspends it.
    await at.node.exchange.stop()
    for status in ("suspended", "admitted"):
        await set_membership(coordinator.node, {"site": "at", "status": status})
    await at.node.exchange.sync_once()
    await revoke(at, number, entity)
    assert status_at(at, number) == "revoked"


async def test_no_certificate_is_made_that_every_verifier_would_call_forged(
    federation: Federation,
) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    number, entity = await grant(at.node)
    await until(lambda: judged(coordinator)[0] == at.node.log.held.size)
    await at.node.exchange.stop()
    await set_membership(coordinator.node, {"site": "at", "status": "suspended"})
    await revoke(at, number, entity)
    await set_membership(coordinator.node, {"site": "at", "status": "admitted"})
    await at.node.exchange.sync_once()
    assert status_at(at, number) == "active"
    await revoke(at, number, entity)
    assert status_at(at, number) == "revoked"
    with pytest.raises(RefusedError, match="the label's page says how it stands"):
        await certificate_desk.certificate(at.node, {"number": number})


NEW = {
    "country": "SI",
    "languages": ["sl"],
    "name": {"sl": "SoPro Slovenija"},
    "zone": "Pacific/Apia",
}


async def test_a_site_goes_by_the_name_and_zone_that_its_membership_has(
    federation: Federation,
) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    made = at.node.identity
    await change_membership(coordinator.node, {"site": "at", "changes": NEW})
    await until(lambda: at.node.identity.country == "SI")
    async with Fetch(reach=ANYWHERE) as fetch:
        told = json.loads((await fetch.get(f"{at.url}/.well-known/sopro", limit=64_000)).body)
        page = (await fetch.get(f"{at.url}/?lang=en", limit=64_000)).body.decode()
    assert {name: told[name] for name in NEW} == NEW
    assert "SoPro Slovenija" in page
    assert at.node.desk.today() == clock.today("Pacific/Apia")
    assert at.node.identity.root == made.root
    assert (await members(at.node, {}))["as_of"] == at.node.exchange.confirmed_at(EEIG)
    assert at.node.exchange.confirmed_at(EEIG)
    assert (await members(coordinator.node, {}))["as_of"] is None

    # It is the same after a start, and when the site asks again because its root key is new.
    port = at.node.settings.address[1]
    await federation.served.pop("at").close()
    at = await federation.open("at", port)
    assert at.node.identity.name == NEW["name"]
    content, _ = decode(make_application(at.node))  # type: ignore[misc]
    asked = decode(content)
    assert isinstance(asked, dict)
    assert {name: asked[name] for name in NEW} == NEW


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"country": "XX"}, "country: expected an ISO 3166-1 code such as 'AT', got 'XX'"),
        ({"country": "d"}, "country: expected an ISO 3166-1 code"),
        ({"languages": ["xx"]}, "languages: expected the BCP 47 tag of a language"),
        ({"name": {"qq": "Name"}}, "name: expected the BCP 47 tag of a language"),
        ({"zone": "Europe/Wien"}, "'Europe/Wien' is no IANA time zone"),
    ],
)
async def test_a_change_is_held_to_what_a_new_site_is_held_to(
    federation: Federation, changes: dict[str, object], words: str
) -> None:
    coordinator = await federation.coordinator()
    await federation.join("at", "AT")
    size = coordinator.node.log.held.size
    with pytest.raises(FormatError, match=words):
        await change_membership(coordinator.node, {"site": "at", "changes": changes})
    assert coordinator.node.log.held.size == size


async def test_who_has_left_is_admitted_again_and_counts_from_there(
    federation: Federation,
) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    number, entity = await grant(at.node)
    size = at.node.log.held.size
    await until(lambda: judged(coordinator)[0] == size)
    await set_membership(coordinator.node, {"site": "at", "status": "left"})
    await until(lambda: at.node.holdings.directory.membership("at").status == "left")
    await receive_application(coordinator.node, make_application(at.node))
    await admit(coordinator.node, {"site": "at"})
    member = coordinator.node.holdings.directory.membership("at")
    assert member is not None
    assert (member.status, member.prefix) == ("admitted", "AT0")
    await until(lambda: at.node.holdings.directory.membership("at").status == "admitted")
    await at.node.log.append_state()
    await revoke(at, number, entity)
    await until(lambda: judged(coordinator)[0] == at.node.log.held.size)
    assert status_at(coordinator, number) == "revoked"


async def test_who_was_expelled_does_not_come_back(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    await until(lambda: judged(coordinator)[0] == at.node.log.held.size)
    await set_membership(coordinator.node, {"site": "at", "status": "expelled"})
    with pytest.raises(RefusedError, match="was expelled, which is for ever") as refused:
        await receive_application(coordinator.node, make_application(at.node))
    assert refused.value.code == "mem.status"
