"""Appeals over HTTP: whom a panel may hold, and a new one where the first cannot decide."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.node.conftest import Federation, Served
from tests.node.web.officers import CHAIR, HOLDER, Client, add_officer

NOBODY = "7" * 32


@dataclass
class Case:
    """A label, an appeal against its grant, and three officers."""

    maria: Client
    ida: Client
    karl: Client
    label: str
    granted: dict[str, Any]
    appeal: dict[str, Any]

    async def step(self, who: Client, name: str, **told: Any) -> Any:
        head = (await who.get(f"/entities/{self.appeal['entity']}"))["head"]
        path = f"/appeals/{self.appeal['entity']}/{name}"
        return await who.send("POST", path, {**told, "prev": head})


async def person(client: Client) -> str:
    return str((await client.get("/me"))["person"])


@pytest.fixture
async def case(federation: Federation) -> AsyncIterator[Case]:
    await federation.coordinator()
    at: Served = await federation.join("at", "AT")
    async with aiohttp.ClientSession() as session:
        maria, ida, karl = [
            await add_officer(at.node, at.url, session, name) for name in ("Maria", "Ida", "Karl")
        ]
        holder = (await maria.post("/organisations", HOLDER))["entity"]
        chair = (await maria.post("/offerings", {**CHAIR, "organisation": holder}))["entity"]
        granted = await maria.post(
            "/decisions", {"action": "grant", "offering": chair, "valid_until": "2028-01-01"}
        )
        appeal = await maria.post("/appeals", {"label": granted["number"]})
        yield Case(maria, ida, karl, granted["number"], granted, appeal)


async def test_a_panel_is_of_people_whom_the_site_knows(case: Case) -> None:
    for panel in ([NOBODY], sorted([NOBODY, await person(case.ida)])):
        answer = await case.step(case.maria, "panel", panel=panel)
        assert (answer.status, answer.code) == (422, "ofc.person")
        assert NOBODY in answer.body["detail"]
    [held] = (await case.maria.get("/appeals"))["appeals"]
    assert (held["step"], held["panel"]) == ("received", [])
    answer = await case.step(case.maria, "panel", panel=[await person(case.ida)])
    assert answer.status == 201


async def test_another_panel_decides_where_one_of_the_first_has_decided_on_the_label(
    case: Case,
) -> None:
    assert (await case.step(case.maria, "panel", panel=[await person(case.ida)])).status == 201
    suspension = {"action": "suspend", "label": case.label, "reason_code": "fees_unpaid"}
    suspension |= {"suspended_until": "2099-01-01", "prev": case.granted["entry_id"]}
    await case.ida.post("/decisions", suspension)
    answer = await case.step(case.ida, "outcome", step="rejected")
    assert (answer.status, answer.code) == (422, "ass.duties")
    assert "name another panel" in answer.body["detail"]
    assert (await case.step(case.maria, "panel", panel=[await person(case.karl)])).status == 201
    answer = await case.step(case.ida, "outcome", step="rejected")
    assert (answer.status, answer.code) == (422, "ofc.person")
    assert (await case.step(case.karl, "outcome", step="rejected")).status == 201
    [held] = (await case.maria.get("/appeals"))["appeals"]
    assert (held["step"], held["panel"]) == ("rejected", [await person(case.karl)])


async def test_nobody_ends_an_appeal_against_what_they_have_decided(case: Case) -> None:
    answer = await case.step(case.maria, "outcome", step="withdrawn")
    assert (answer.status, answer.code) == (422, "ass.duties")
    assert (await case.step(case.maria, "panel", panel=[await person(case.ida)])).status == 201
    for who in (case.maria, case.karl):
        answer = await case.step(who, "outcome", step="withdrawn")
        assert (answer.status, answer.code) == (422, "ofc.person")
    assert (await case.step(case.ida, "outcome", step="withdrawn")).status == 201


async def test_who_has_decided_nothing_records_that_an_appeal_was_withdrawn(case: Case) -> None:
    assert (await case.step(case.karl, "outcome", step="withdrawn")).status == 201
