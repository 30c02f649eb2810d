"""People over HTTP: only those whom the site knows are named, and who answers is named (OFC-3)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from sopro_node import office
from tests.node.conftest import Federation, Served
from tests.node.web.officers import CHAIR, HOLDER, Client, add_officer

NOBODY = "7" * 32
DAYS = {"valid_from": "2026-01-01", "valid_until": "2099-12-31"}


@dataclass
class Case:
    """A label that Maria has granted, a complaint about it, and two officers."""

    at: Served
    maria: Client
    ida: Client
    label: str
    complaint: dict[str, Any]

    async def answer(self, who: Client, step: str) -> Any:
        [held] = (await who.get("/complaints"))["complaints"]
        seen = {"prev": held["answer_head"]} if held["answer_head"] else {}
        told = {"origin": held["origin"], "index": held["index"], "step": step}
        return await who.send("POST", "/complaint-answers", told | seen)


async def person(client: Client) -> str:
    return str((await client.get("/me"))["person"])


@pytest.fixture
async def case(federation: Federation) -> AsyncIterator[Case]:
    await federation.coordinator()
    at: Served = await federation.join("at", "AT")
    async with aiohttp.ClientSession() as session:
        maria, ida = [
            await add_officer(at.node, at.url, session, name) for name in ("Maria", "Ida")
        ]
        holder = (await maria.post("/organisations", HOLDER))["entity"]
        chair = (await maria.post("/offerings", {**CHAIR, "organisation": holder}))["entity"]
        told = {"action": "grant", "offering": chair, "valid_until": "2028-01-01"}
        granted = await maria.post("/decisions", told)
        complaint = await maria.post("/complaints", {"label": granted["number"], "kind": "misuse"})
        yield Case(at, maria, ida, granted["number"], complaint)


async def test_nobody_is_authorised_whom_the_site_does_not_know(case: Case) -> None:
    told = {"basis": "iso17065", **DAYS}
    refused = await case.maria.send("POST", "/assessors", told | {"person": NOBODY})
    assert (refused.status, refused.code) == (422, "ofc.person")
    assert NOBODY in refused.body["detail"]
    assert (await case.maria.get("/assessors"))["assessors"] == []
    await case.maria.post("/assessors", told | {"person": await person(case.ida)})


async def test_nobody_has_evaluated_whom_the_site_does_not_know(case: Case) -> None:
    by = {"person": await person(case.maria)}
    told = {
        "assessors": [by, {"person": NOBODY}],
        "findings": [{"code": "S1", "result": "conform"}],
        "criteria_version": 1, "kind": "surveillance", "label": case.label, "level": "self",
        "method": "document",
    }  # fmt: skip
    refused = await case.maria.send("POST", "/evaluations", told)
    assert (refused.status, refused.code) == (422, "ofc.person")
    assert NOBODY in refused.body["detail"]


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (
            "decision.add",
            {"action": "revoke", "appeal_until": "2099-01-01", "reason_code": "other"},
        ),
        ("complaint.answer", {"index": 0, "origin": "", "step": "acknowledged"}),
    ],
)
async def test_nobody_does_anything_on_the_command_line_whom_the_site_does_not_know(
    case: Case, act: str, told: dict[str, Any]
) -> None:
    [held] = (await case.maria.get("/complaints"))["complaints"]
    about = {"label": case.label} if act == "decision.add" else {}
    about |= {name: held[name] for name in ("index", "origin") if name in told}
    values = {"act": act, "told": told | about, "person": bytes.fromhex(NOBODY)}
    with pytest.raises(Exception, match=NOBODY) as refused:
        await office.OPERATIONS["act"](case.at.node, values)
    assert getattr(refused.value, "code", None) == "ofc.person"


async def test_who_answers_a_complaint_is_named_and_had_no_part_in_the_label(case: Case) -> None:
    assert (await case.answer(case.maria, "acknowledged")).status == 201
    [held] = (await case.maria.get("/complaints"))["complaints"]
    assert held["answered_by"] == await person(case.maria)
    refused = await case.answer(case.maria, "dismissed")
    assert (refused.status, refused.code) == (422, "ass.duties")
    assert "took part in deciding on the label" in refused.body["detail"]
    assert (await case.answer(case.ida, "dismissed")).status == 201
    [held] = (await case.maria.get("/complaints"))["complaints"]
    assert (held["step"], held["answered_by"]) == ("dismissed", await person(case.ida))


@pytest.mark.parametrize("act", ["complaint.answer", "appeal.decide"])
async def test_somebody_is_named_on_the_command_line(case: Case, act: str) -> None:
    [held] = (await case.maria.get("/complaints"))["complaints"]
    told = {"step": "acknowledged", "index": held["index"], "origin": held["origin"]}
    values: dict[str, Any] = {"act": act, "told": told}
    if act == "appeal.decide":
        appeal = await case.maria.post("/appeals", {"label": case.label})
        entity = bytes.fromhex(appeal["entity"])
        values = {"act": act, "told": {"step": "withdrawn"}, "entity": entity}
    with pytest.raises(Exception, match="nobody is named") as refused:
        await office.OPERATIONS["act"](case.at.node, values)
    assert getattr(refused.value, "code", None) == "ofc.person"
    maria = bytes.fromhex(await person(case.maria))
    if act == "appeal.decide":
        with pytest.raises(Exception, match="COMPL-8"):
            await office.OPERATIONS["act"](case.at.node, values | {"person": maria})
    ida = bytes.fromhex(await person(case.ida))
    await office.OPERATIONS["act"](case.at.node, values | {"person": ida})


async def test_what_was_said_of_somebody_is_ended_though_the_pseudonyms_are_lost(
    case: Case,
) -> None:
    told = {"basis": "iso17065", "name": "Karl", "new_person": True, **DAYS}
    leave = await case.maria.post("/assessors", told)
    (case.at.node.folder / "keys" / "deciders.json").unlink()
    more = {"status": "withdrawn", "prev": leave["entry_id"]}
    await case.maria.post(f"/assessors/{leave['entity']}/status", more)
