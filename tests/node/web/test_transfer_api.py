"""Labels that change sites by officers' clients alone, between two nodes over sockets."""

import asyncio
from typing import Any

import aiohttp
import pytest

from sopro_node.transferring import count_offers
from tests.node.conftest import Federation, Served, until
from tests.node.web.officers import CHAIR, HOLDER, Client, add_officer

pytestmark = pytest.mark.slow

DAYS = {"effective_date": "2026-10-01", "decided_on": "2026-10-01", "valid_until": "2028-01-01"}


@pytest.fixture
async def sites(federation: Federation) -> tuple[Served, Served]:
    await federation.coordinator()
    return await federation.join("at", "AT"), await federation.join("hu", "HU")


@pytest.fixture
async def maria(sites: tuple[Served, Served], session: aiohttp.ClientSession) -> Client:
    return await add_officer(sites[0].node, sites[0].url, session, "Maria")


@pytest.fixture
async def bela(sites: tuple[Served, Served], session: aiohttp.ClientSession) -> Client:
    return await add_officer(sites[1].node, sites[1].url, session, "Béla", "decider")


async def grant(maria: Client, count: int = 1) -> list[dict[str, Any]]:
    """Grant labels on offerings of one holder."""
    holder = (await maria.post("/organisations", HOLDER))["entity"]
    granted = []
    for number in range(count):
        chair = {**CHAIR, "name": {"de": f"Sessel {number}"}, "organisation": holder}
        offering = (await maria.post("/offerings", chair))["entity"]
        granted.append(
            await maria.post("/decisions", {"action": "grant", "offering": offering, **DAYS})
        )
    return granted


async def hand_over(maria: Client, label: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = {"label": label["number"], "to": "hu", "prev": label["entry_id"], **more}
    done: dict[str, Any] = await maria.post("/transfers/out", told)
    return done


async def offered(served: Served, client: Client, count: int) -> list[dict[str, Any]]:
    """Wait until so many labels are offered to a site, and have its officer list them."""
    await until(lambda: sum(count_offers(served.node).values()) == count)
    found: list[dict[str, Any]] = (await client.get("/transfers/offers"))["offers"]
    return found


async def status(client: Client, number: str) -> tuple[str, str]:
    async with client.session.get(f"{client.url}/api/v1/labels/{number}") as answer:
        told = await answer.json()
    return told["site"], told["status"]


async def test_a_label_goes_to_another_site_by_two_acts(
    sites: tuple[Served, Served], maria: Client, bela: Client
) -> None:
    at, hu = sites
    [label] = await grant(maria)
    number, told = label["number"], {"label": label["number"], "to": "hu"}
    for wrong, code in (
        (told, (400, "ofc.prev")),
        ({**told, "prev": "00" * 32}, (409, "conflict")),
        ({**told, "prev": label["entry_id"], "to": "xx"}, (422, "lbl.competence")),
        ({**told, "prev": label["entry_id"], "label": "SOPRO/AT0/001/00077"}, (404, "not-found")),
    ):
        refused = await maria.send("POST", "/transfers/out", wrong)
        assert (refused.status, refused.code) == code, refused.body
    handed = await hand_over(maria, label)
    assert handed["entity"] == label["entity"]
    assert await status(maria, number) == ("at", "transferred")

    [offer] = await offered(sites[1], bela, 1)
    assert (offer["number"], offer["from"], offer["standing"]) == (number, "at", "active")
    key = {"Idempotency_Key": "take-it-once"}
    taken = await bela.post("/transfers/in", {"label": number}, **key)
    assert taken["number"] == number
    again = await bela.send("POST", "/transfers/in", {"label": number}, **key)
    assert (again.body, again.headers["Idempotency-Replayed"]) == (taken, "true")
    gone = await bela.send("POST", "/transfers/in", {"label": number})
    assert (gone.status, "is not offered to this site" in gone.body["detail"]) == (404, True)
    assert (await bela.get("/transfers/offers"))["offers"] == []
    assert hu.node.desk.describe(number).holder == "Tischlerei Muster"

    await until(lambda: at.node.desk.label(number).site == "hu")
    assert await status(maria, number) == await status(bela, number) == ("hu", "active")
    suspended = {
        "action": "suspend",
        "label": number,
        "reason_code": "other",
        "suspended_until": "2099-01-01",
        "prev": taken["entry_id"],
    }
    await bela.post("/decisions", suspended)
    late = await maria.send("POST", "/decisions", {**suspended, "prev": handed["entry_id"]})
    assert (late.status, late.code) == (422, "lbl.competence")
    back = await maria.send("POST", "/transfers/out", {**told, "prev": handed["entry_id"]})
    assert (back.status, back.code) == (422, "lbl.competence")


async def test_each_site_keeps_who_handed_over_and_who_took_over(
    sites: tuple[Served, Served], maria: Client, bela: Client
) -> None:
    [label] = await grant(maria)
    file = await maria.send("POST", "/uploads", data=b"We have agreed", Content_Type="text/plain")
    document = {"upload": file.body["upload"], "name": "agreement", "visibility": "members"}
    handed = await hand_over(maria, label, documents=[document])
    [last, *_] = (await maria.get("/trail"))["trail"]
    assert (last["action"], last["officer"]) == ("transfer.out", "Maria")
    assert (last["index"], last["entry_id"]) == (handed["index"], handed["entry_id"])
    [kept] = (await maria.get(f"/entities/{label['entity']}/documents"))["documents"]
    assert (kept["index"], kept["name"]) == (handed["index"], "agreement")

    await offered(sites[1], bela, 1)
    taken = await bela.post("/transfers/in", {"label": label["number"]})
    [done] = [one for one in sites[1].node.reader.accounts.trail(before=2**48, limit=9)
              if one.action == "transfer.in"]  # fmt: skip
    assert (done.officer, done.position) == ("Béla", taken["index"])
    assert done.entry_id.hex() == taken["entry_id"]


async def test_only_who_decides_transfers(
    sites: tuple[Served, Served], maria: Client, session: aiohttp.ClientSession
) -> None:
    anna = await add_officer(sites[0].node, sites[0].url, session, "Anna", "registrar", "reviewer")
    for path, told in (
        ("/transfers/out", {"label": "SOPRO/AT0/001/00001", "to": "hu"}),
        ("/transfers/in", {"label": "SOPRO/AT0/001/00001"}),
    ):
        refused = await anna.send("POST", path, told)
        assert (refused.status, refused.code) == (403, "ofc.role")
    assert {"transfer.out", "transfer.in"} <= set((await maria.get("/me"))["acts"])
    assert not {"transfer.out", "transfer.in"} & set((await anna.get("/me"))["acts"])


async def test_one_holder_of_several_labels_is_written_once(
    sites: tuple[Served, Served], maria: Client, bela: Client
) -> None:
    hu = sites[1].node
    labels = await grant(maria, 4)
    for label in labels:
        await hand_over(maria, label)
    numbers = [one["number"] for one in await offered(sites[1], bela, 4)]
    answers = await asyncio.gather(
        *(bela.send("POST", "/transfers/in", {"label": number}) for number in numbers * 2)
    )
    assert sorted(one.status for one in answers) == [201] * 4 + [404] * 4
    held = hu.reader
    assert len(list(held.entities(1, "organisation"))) == 1
    assert len(list(held.entities(1, "offering"))) == 4
    assert {hu.desk.label(number).status for number in numbers} == {"active"}


async def test_a_label_comes_back(
    sites: tuple[Served, Served], maria: Client, bela: Client
) -> None:
    [label] = await grant(maria)
    await hand_over(maria, label)
    await offered(sites[1], bela, 1)
    taken = await bela.post("/transfers/in", {"label": label["number"]})
    told = {"label": label["number"], "to": "at", "prev": taken["entry_id"]}
    await bela.post("/transfers/out", told)
    await offered(sites[0], maria, 1)
    await maria.post("/transfers/in", {"label": label["number"]})
    assert await status(maria, label["number"]) == ("at", "active")
    # Its holder was here before, and is not there twice now.
    at = sites[0].node
    assert len(list(at.reader.entities(1, "organisation"))) == 1
    assert len(list(at.reader.entities(1, "offering"))) == 1
