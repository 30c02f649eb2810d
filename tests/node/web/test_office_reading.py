"""What officers read of what was filed with their site, who else does not, and the trail of it."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sopro_node import office
from tests.node.conftest import Federation, Served, until
from tests.node.test_withholding import withhold
from tests.node.web.officers import CHAIR, HOLDER, OFFICE, Client, add_officer

WORDS = "Shown on other chairs, says Maria Huber of Graz\nand on a table"
REPORT = b"%PDF-1.7 what Ida Wolf has seen"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as one:
        yield one


@pytest.fixture
async def at(federation: Federation) -> Served:
    await federation.coordinator()
    return await federation.join("at", "AT")


@pytest.fixture
async def maria(at: Served, session: aiohttp.ClientSession) -> Client:
    return await add_officer(at.node, at.url, session, "Maria")


async def granted(client: Client) -> str:
    holder = (await client.post("/organisations", HOLDER))["entity"]
    chair = (await client.post("/offerings", {**CHAIR, "organisation": holder}))["entity"]
    decision = {"action": "grant", "offering": chair, "valid_until": "2028-01-01"}
    return str((await client.post("/decisions", decision))["number"])


async def upload(client: Client, content: bytes = REPORT) -> str:
    sent = await client.send("POST", "/uploads", data=content, Content_Type="application/pdf")
    assert sent.status == 201
    return str(sent.body["upload"])


async def complain(client: Client, number: str, **more: Any) -> dict[str, Any]:
    told = {"label": number, "kind": "misuse", "text": WORDS, **more}
    return dict(await client.post("/complaints", told))


async def fetch(client: Client, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    named = {"Authorization": f"Bearer {client.token}"} if client.token else {}
    async with client.session.get(client.url + path, headers=named | headers) as answer:
        return answer.status, await answer.read(), dict(answer.headers)


def reads(lines: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [
        (one["officer"], one["action"], one["index"])
        for one in lines
        if one["action"].startswith("document.read")
    ]


async def test_a_registrar_reads_what_a_complaint_says(
    at: Served, maria: Client, session: aiohttp.ClientSession
) -> None:
    done = await complain(maria, await granted(maria))
    anna = await add_officer(at.node, at.url, session, "Anna", "registrar")
    held = await anna.send("GET", f"/entities/{done['entity']}")
    assert held.headers["Cache-Control"] == "private, no-store"
    assert held.body["fields"] == {"text": WORDS}
    [filed] = held.body["documents"]
    assert (filed["index"], filed["document"]) == (done["index"], 0)
    assert (filed["visibility"], filed["parties"]) == ("parties", ["at"])
    where = f"at/1/{done['index']}"
    told = await anna.send("GET", f"/complaints/{where}")
    assert (told.body["certificate"], told.body["step"]) == ("SOPRO/AT0/001/00001", "received")
    [record] = told.body["records"]
    assert record["documents"][0]["fields"] == {"text": WORDS}
    alone = await anna.send("GET", f"/documents/{where}/0")
    assert (alone.body, alone.headers["Cache-Control"]) == ({"text": WORDS}, "private, no-store")
    lines = (await maria.get("/trail"))["trail"]
    assert reads(lines) == [("Anna", "document.read 0", done["index"])] * 3
    [line, *_] = lines
    assert (line["origin"], line["entry_id"]) == ("sopro.example/at/1", done["entry_id"])


async def test_nobody_else_reads_it(
    at: Served, maria: Client, session: aiohttp.ClientSession
) -> None:
    done = await complain(maria, await granted(maria))
    stranger = Client(at.url, "", session)
    administrator = await add_officer(at.node, at.url, session, "Eva", "administrator")
    place = f"at/1/{done['index']}"
    for path in (f"/documents/{place}/0", f"/complaints/{place}", f"/entities/{done['entity']}"):
        status, body, _ = await fetch(stranger, OFFICE + path)
        assert (status, b"Huber" in body) == (401, False)
        _, body, _ = await fetch(administrator, OFFICE + path)
        assert b"Huber" not in body
    told = [await administrator.send("GET", f"/documents/{place}/{number}") for number in (9, 0)]
    absent, there = [(one.status, one.body["detail"].replace("document 9", "")) for one in told]
    assert (there[0], there[1].replace("document 0", "")) == absent
    for client in (stranger, administrator, maria):
        assert (await fetch(client, f"/log/at/1/document/{done['index']}/0"))[0] == 404
    assert reads((await maria.get("/trail"))["trail"]) == []


async def test_a_file_comes_under_the_name_it_was_given(maria: Client) -> None:
    files = [{"upload": await upload(maria), "name": "Huber, Gutachten.pdf"}]
    done = await complain(maria, await granted(maria), documents=files)
    [words, file] = (await maria.get(f"/entities/{done['entity']}"))["documents"]
    assert (words["name"], file["name"], file["given"]) == (
        "complaint", "document", "Huber, Gutachten.pdf",
    )  # fmt: skip
    assert (file["fields"], file["size"], file["is_here"]) == (None, len(REPORT), True)
    status, body, headers = await fetch(maria, f"{OFFICE}/documents/at/1/{done['index']}/1")
    assert (status, body) == (200, REPORT)
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["SoPro-Document-Type"] == "application/pdf"
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''Huber%2C%20Gutachten.pdf"
    assert headers["Cache-Control"] == "private, no-store"
    listed = (await maria.get(f"/entities/{done['entity']}/documents"))["documents"]
    assert [one["visibility"] for one in listed] == ["parties", "site", "site"]


async def test_what_was_erased_is_read_by_nobody(maria: Client) -> None:
    done = await complain(maria, await granted(maria))
    told = {"index": done["index"], "document": 0, "reason": "request"}
    await maria.post("/erasures", told)
    held = await maria.get(f"/entities/{done['entity']}")
    [filed] = held["documents"]
    assert (held["fields"], filed["is_here"], filed["fields"]) == ({}, False, None)
    assert (await fetch(maria, f"{OFFICE}/documents/at/1/{done['index']}/0"))[0] == 404
    [record] = (await maria.get(f"/complaints/at/1/{done['index']}"))["records"]
    assert record["documents"][0]["fields"] is None


async def test_what_is_withheld_is_read_by_nobody(at: Served, maria: Client) -> None:
    done = await complain(maria, await granted(maria))
    await at.node.log.append_state()
    await withhold(at.node, done["index"])
    status, _, _ = await fetch(maria, f"{OFFICE}/documents/at/1/{done['index']}/0")
    assert status == 404
    for path in (f"/complaints/at/1/{done['index']}", f"/entities/{done['entity']}"):
        _, body, _ = await fetch(maria, OFFICE + path)
        assert b"Huber" not in body


@pytest.mark.parametrize("path", ["0/x", "0/-1", "0/01", "x/0", "99999/0", f"{2**60}/0", "0/0"])
async def test_what_is_not_there_is_refused(maria: Client, path: str) -> None:
    answer = await maria.send("GET", f"/documents/at/1/{path}")
    assert answer.status in (400, 404)
    assert answer.body["detail"]
    assert (await maria.send("GET", "/documents/xx/1/0/0")).status == 404
    assert (await maria.send("GET", "/complaints/at/1/0")).status == 404


@pytest.mark.slow
async def test_the_site_of_the_label_reads_what_another_has_filed(
    federation: Federation, at: Served, maria: Client, session: aiohttp.ClientSession
) -> None:
    number = await granted(maria)
    hu, fr = [await federation.join(site, site.upper()) for site in ("hu", "fr")]
    bela = await add_officer(hu.node, hu.url, session, "Bela", "registrar")
    jean = await add_officer(fr.node, fr.url, session, "Jean", "registrar")
    await until(lambda: "sopro.example/at/1" in hu.node.holdings.logs)
    await until(lambda: hu.node.desk.label(number).status == "active")
    done = await complain(bela, number)
    place = f"hu/1/{done['index']}"

    def is_here(node: Any) -> bool:
        held = node.holdings.logs["sopro.example/hu/1"]
        return node.reader.documents.get(held.number, done["index"], 0) is not None

    await until(lambda: is_here(at.node))
    ida = await add_officer(at.node, at.url, session, "Ida", "reviewer")
    told = await ida.get(f"/complaints/{place}")
    assert told["records"][0]["documents"][0]["fields"] == {"text": WORDS}
    assert (await ida.send("GET", f"/documents/{place}/0")).body == {"text": WORDS}
    assert reads((await maria.get("/trail"))["trail"])[0] == (
        "Ida", "document.read 0", done["index"],
    )  # fmt: skip
    await until(lambda: fr.node.holdings.logs["sopro.example/hu/1"].size > done["index"])
    others = await jean.get(f"/complaints/{place}")
    assert others["records"][0]["documents"][0] | {"size": 0} == {
        "document": 0, "name": "complaint", "given": "complaint", "size": 0,
        "type": "application/vnd.sopro.document+msgpack",
        "visibility": "parties", "parties": ["at"], "is_here": False, "fields": None,
    }  # fmt: skip
    assert (await jean.send("GET", f"/documents/{place}/0")).status == 404
    told_at_hand = await office.OPERATIONS["complaint_show"](
        at.node, {"origin": "sopro.example/hu/1", "index": done["index"]}
    )
    assert told_at_hand["records"][0]["documents"][0]["fields"] == {"text": WORDS}
