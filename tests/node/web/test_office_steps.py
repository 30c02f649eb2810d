"""What an officer's client does besides a decision: relations, lists, erasures, proof."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sopro_node import office
from sopro_node.criteria import read_criteria
from tests.node.conftest import Federation, Served, until
from tests.node.web.officers import CHAIR, HOLDER, Client, add_officer

SETS = Path(__file__).parents[2] / "scenarios" / "criteria.toml"
NOBODY = "00" * 16


@pytest.fixture
async def eeig(federation: Federation) -> Served:
    return await federation.coordinator()


@pytest.fixture
async def at(federation: Federation, eeig: Served) -> Served:
    await office.publish_criteria(eeig.node, read_criteria(SETS))
    return await federation.join("at", "AT")


async def test_relations_are_stated_changed_and_taken_back(maria: Client) -> None:
    one, other = [(await maria.post("/organisations", HOLDER))["entity"] for _ in range(2)]
    path = f"/organisations/{one}/relations"
    assert (await maria.get(path))["head"] is None
    merged = {"kind": "merged_into", "organisation": other, "since": "2026-01-01"}
    done = await maria.put(path, {"relations": [merged]})
    held = await maria.get(path)
    assert (held["relations"], held["head"]) == ([merged], done["entry_id"])
    unseen = await maria.send("PUT", path, {"relations": []})
    assert (unseen.status, unseen.code) == (400, "ofc.prev")
    stale = await maria.send("PUT", path, {"relations": [], "prev": "00" * 32})
    assert stale.status == 409
    await maria.put(path, {"relations": [], "prev": done["entry_id"]})
    assert (await maria.get(path))["relations"] == []
    nobody = await maria.send("PUT", f"/organisations/{NOBODY}/relations", {"relations": []})
    assert (nobody.status, nobody.code) == (422, "lbl.reference")
    assert (await maria.send("GET", f"/organisations/{NOBODY}/relations")).status == 404


async def test_the_coordinator_publishes_lists_as_json_and_as_csv(
    eeig: Served, at: Served, session: aiohttp.ClientSession, maria: Client
) -> None:
    boss = await add_officer(eeig.node, eeig.url, session, "Eva", "administrator")
    listed = {"list": "nuts", "version": "2024", "codes": {"AT130": {"en": "Vienna"}}}
    await boss.post("/codelists", listed)
    again = await boss.send("POST", "/codelists", listed)
    assert (again.status, again.code) == (400, "ofc.prev"), "a list that is there has a last entry"
    file = await boss.send(
        "POST", "/uploads", data=b"code,en\n03221000,Vegetables\n", Content_Type="text/csv"
    )
    document = {"upload": file.body["upload"], "name": "codes"}
    with_file = {"list": "cpv", "version": "2008", "documents": [document]}
    await boss.post("/codelists", with_file)
    found = await office.OPERATIONS["codelist_at"](eeig.node, {"list": "cpv"})
    assert found["codes"] == {"03221000": {"en": "Vegetables"}}
    neither = await boss.send("POST", "/codelists", {"list": "nace", "version": "2.1"})
    assert (neither.status, neither.code) == (400, "ofc.body")
    assert "expected 'codes'" in neither.body["detail"]
    refused = await maria.send("POST", "/codelists", listed)
    assert refused.status == 422


async def test_a_document_is_erased_and_its_record_stays(maria: Client, at: Served) -> None:
    holder = await maria.post("/organisations", HOLDER)
    path = f"/entities/{holder['entity']}/documents"
    [document] = (await maria.get(path))["documents"]
    assert (document["index"], document["name"]) == (holder["index"], "organisation")
    told = {"index": holder["index"], "document": 0, "reason": "request"}
    done = await maria.post("/erasures", told)
    assert (await maria.get(path))["documents"] == []
    [erased] = at.node.reader.documents.erased(1)
    assert (erased.erasure, erased.position) == (done["index"], holder["index"])
    assert at.node.reader.entity(1, bytes.fromhex(holder["entity"])) is not None
    assert b"Tischlerei" not in (at.node.folder / "node.db").read_bytes()
    twice = await maria.send("POST", "/erasures", told)
    assert twice.status == 422


async def test_the_import_of_a_register_is_closed_once_and_for_all(maria: Client) -> None:
    await maria.post("/import-closed", {})
    assert "import.close" in (await maria.get("/me"))["acts"]


async def test_a_complaint_is_withdrawn(maria: Client, at: Served) -> None:
    complaint = await _granted_and_complained(maria, at)
    path = f"/complaints/{complaint['entity']}/withdrawal"
    await maria.post(path, {"prev": complaint["entry_id"]})
    [held] = (await maria.get("/complaints"))["complaints"]
    assert held["withdrawn"]
    again = await maria.send("POST", path, {"prev": held["head"]})
    assert (again.status, again.code) == (422, "cpl.transition")


async def test_the_list_of_complaints_says_what_the_next_step_has_to_name(
    maria: Client, at: Served
) -> None:
    complaint = await _granted_and_complained(maria, at)
    [held] = (await maria.get("/complaints"))["complaints"]
    assert (held["entity"], held["head"]) == (complaint["entity"], complaint["entry_id"])
    assert (held["answer"], held["answer_head"]) == (None, None)
    named = {"origin": held["origin"], "index": held["index"]}
    told = {**named, "step": "acknowledged", "effective_date": "2026-10-03"}
    answered = await maria.post("/complaint-answers", told)
    [held] = (await maria.get("/complaints"))["complaints"]
    assert (held["answer"], held["answer_head"]) == (answered["entity"], answered["entry_id"])
    more = {**named, "step": "investigating", "effective_date": "2026-10-04"}
    assert (await maria.send("POST", "/complaint-answers", more)).code == "ofc.prev"
    await maria.post("/complaint-answers", {**more, "prev": held["answer_head"]})


async def _granted_and_complained(maria: Client, at: Served) -> dict[str, str]:
    holder = (await maria.post("/organisations", HOLDER))["entity"]
    chair = (await maria.post("/offerings", {**CHAIR, "organisation": holder}))["entity"]
    outcome = await office.OPERATIONS["append"](
        at.node,
        {
            "drafts": [
                {
                    "family": "label_decision",
                    "values": {
                        "action": "grant",
                        "basis": "imported",
                        "offering": bytes.fromhex(chair),
                        "scheme": "sopro",
                    },
                }
            ]
        },
    )
    number = outcome["outcomes"][0]["values"]["certificate"]
    complaint: dict[str, str] = await maria.post(
        "/complaints", {"label": number, "kind": "misuse", "received_on": "2026-10-02"}
    )
    return complaint


async def test_a_finding_names_the_document_that_shows_it(maria: Client) -> None:
    holder = (await maria.post("/organisations", HOLDER))["entity"]
    chair = (await maria.post("/offerings", {**CHAIR, "organisation": holder}))["entity"]
    await maria.post(
        "/assessors",
        {"name": "Maria", "basis": "iso17065", "valid_from": "2026-01-01",
         "valid_until": "2099-12-31"},
    )  # fmt: skip
    asked = {"applicant": holder, "offering": chair, "submitted_on": "2026-10-01"}
    application = await maria.post("/applications", asked)
    await maria.post(
        f"/applications/{application['entity']}/steps",
        {"step": "accepted", "effective_date": "2026-10-01", "prev": application["entry_id"]},
    )
    files = [
        await maria.send("POST", "/uploads", data=name.encode(), Content_Type="text/plain")
        for name in ("report", "photo")
    ]
    documents = [
        {"upload": file.body["upload"], "name": name}
        for file, name in zip(files, ("report", "photo"), strict=True)
    ]
    finding = {"code": "S2", "result": "minor_nc", "value": 4850, "due": "2027-01-31"}
    told = {
        "application": application["entity"],
        "method": "on_site",
        "performed_on": "2026-10-02",
        "findings": [{**finding, "documents": ["photo", "report"]}],
    }
    unknown = await maria.send("POST", "/evaluations", {**told, "documents": documents[:1]})
    assert (unknown.status, unknown.code) == (400, "ofc.body")
    assert "no document 'photo'" in unknown.body["detail"]
    done = await maria.post("/evaluations", {**told, "documents": documents})
    body = (await maria.get(f"/entities/{done['entity']}"))["body"]
    assert body["findings"] == [{**finding, "documents": [0, 1]}]


async def test_another_item_number_is_asked_for_by_an_application(maria: Client) -> None:
    holder = (await maria.post("/organisations", HOLDER))["entity"]
    told = {**CHAIR, "organisation": holder, "gtin": "4006381333931"}
    chair = await maria.post("/offerings", told)
    asked = {"applicant": holder, "offering": chair["entity"], "submitted_on": "2026-10-01"}
    application = await maria.post("/applications", asked)
    accepted = {"step": "accepted", "effective_date": "2026-10-01"}
    await maria.post(
        f"/applications/{application['entity']}/steps",
        {**accepted, "prev": application["entry_id"]},
    )
    other = {**told, "gtin": "96385074", "prev": chair["entry_id"]}
    refused = await maria.send("PUT", f"/offerings/{chair['entity']}", other)
    assert (refused.status, refused.code) == (422, "lbl.reference")
    assert "its trade item number stays as it is" in refused.body["detail"]
    named = {**other, "application": application["entity"]}
    changed = await maria.send("PUT", f"/offerings/{chair['entity']}", named)
    assert changed.status == 201, changed.body


async def test_everybody_can_read_by_what_labels_are_judged(
    at: Served, session: aiohttp.ClientSession
) -> None:
    async with session.get(f"{at.url}/api/v1/criteria") as answer:
        found = await answer.json()
    assert found["sets"] == [
        {
            "scheme": "sopro",
            "version": 1,
            "applies_from": "2026-09-27",
            "min_points": 15,
            "criteria": ["S1", "S2", "S3"],
            "mandatory": ["S2", "S3"],
        }
    ]
    assert all(one["text"]["de"] and one["verification"] for one in found["criteria"])


async def test_a_name_that_nobody_has_is_confirmed_or_not_taken(maria: Client) -> None:
    right = {"name": "Mraia", "basis": "iso17065", "valid_from": "2026-01-01",
             "valid_until": "2099-12-31"}  # fmt: skip
    refused = await maria.send("POST", "/assessors", right)
    assert (refused.status, refused.code) == (422, "ofc.stranger")
    assert refused.body["detail"] == (
        "nobody named 'Mraia' is known at this site; nearest: 'Maria'; where it is somebody new, "
        "'new_person' says so"
    )
    assert (await maria.get("/assessors"))["assessors"] == []
    done = await maria.post("/assessors", {**right, "new_person": True})
    [one] = (await maria.get("/assessors"))["assessors"]
    assert one["person"] == done["person"]
    # From then on the name is known.
    again = await maria.send("POST", "/assessors", {**right, "scheme": "other"})
    assert again.code == "lbl.criteria"


async def test_what_works_on_a_label_is_told_by_its_number(maria: Client, at: Served) -> None:
    """Also where an import has brought it, and the client has seen no decision on it."""
    complaint = await _granted_and_complained(maria, at)
    body = (await maria.get(f"/entities/{complaint['entity']}"))["body"]
    number = body["certificate"]
    assert number.startswith("SOPRO/AT0/")
    await maria.post(
        "/assessors",
        {"name": "Maria", "basis": "iso17065", "valid_from": "2026-01-01",
         "valid_until": "2099-12-31"},
    )  # fmt: skip
    found = await maria.get(f"/labels/{number}")
    assert (found["status"], found["evaluations"]) == ("active", [])
    assert "suspend" in found["possible"]
    told = {
        "label": number,
        "kind": "surveillance",
        "method": "on_site",
        "performed_on": "2026-10-02",
        "findings": [{"code": "S2", "result": "minor_nc", "due": "2027-01-31"}],
    }
    evaluation = await maria.post("/evaluations", told)
    [one] = (await maria.get(f"/labels/{number.replace('/', '%2F')}"))["evaluations"]
    assert (one["entity"], one["head"]) == (evaluation["entity"], evaluation["entry_id"])
    assert (one["kind"], one["application"]) == ("surveillance", None)
    closed = {**told, "findings": [{"code": "S2", "result": "conform"}], "prev": one["head"]}
    await maria.put(f"/evaluations/{one['entity']}", closed)
    suspended = {
        "action": "suspend",
        "label": number,
        "reason_code": "fees_unpaid",
        "suspended_until": "2099-01-01",
        "prev": found["head"],
    }
    await maria.post("/decisions", suspended)
    assert (await maria.get(f"/labels/{number}"))["body"]["action"] == "suspend"
    assert (await maria.send("GET", "/labels/SOPRO/AT0/001/00099")).status == 404


async def test_what_was_returned_is_submitted_again_under_other_criteria(
    eeig: Served, at: Served, session: aiohttp.ClientSession, maria: Client
) -> None:
    holder = (await maria.post("/organisations", HOLDER))["entity"]
    chair = (await maria.post("/offerings", {**CHAIR, "organisation": holder}))["entity"]
    asked = {"applicant": holder, "offering": chair, "submitted_on": "2026-10-01"}
    application = await maria.post("/applications", asked)
    path = f"/applications/{application['entity']}/steps"
    day = {"effective_date": "2026-10-02"}
    returned = await maria.post(path, {"step": "returned", **day, "prev": application["entry_id"]})
    boss = await add_officer(eeig.node, eeig.url, session, "Eva", "administrator")
    [last] = [one for one in await _sets(eeig, session) if one["version"] == 1]
    again = {
        "applies_from": "2026-10-01",
        "criteria": [{"code": code, "version": 1} for code in last["criteria"]],
        "min_points": 15,
        "published_on": "2026-09-30",
        "scheme": "sopro",
        "version": 2,
    }
    entity = eeig.node.reader.named(1, "criteria_set", "sopro") or b""
    head = (await boss.get(f"/entities/{entity.hex()}"))["head"]
    await boss.post("/criteria-sets", {"criteria_set": again, "prev": head})
    await until(lambda: at.node.holdings.directory.criteria_set("sopro", version=2))
    await at.node.log.append_state()
    told = {"step": "submitted", **day, "prev": returned["entry_id"]}
    done = await maria.post(path, {**told, "criteria_version": 2})
    held = await maria.get(f"/applications/{application['entity']}")
    assert (held["criteria_version"], held["stage"]) == (2, "submitted")
    other = {"step": "accepted", **day, "prev": done["entry_id"], "criteria_version": 1}
    refused = await maria.send("POST", path, other)
    assert (refused.status, refused.code) == (422, "lbl.reference")


async def _sets(eeig: Served, session: aiohttp.ClientSession) -> list[dict[str, Any]]:
    async with session.get(f"{eeig.url}/api/v1/criteria") as answer:
        found: list[dict[str, Any]] = (await answer.json())["sets"]
    return found


async def test_a_change_keeps_what_an_import_has_said_of_an_organisation(maria: Client) -> None:
    said = {"website": "https://muster.example", "description": {"de": "Möbel"}}
    holder = await maria.post("/organisations", {**HOLDER, **said})
    changed = {**HOLDER, **said, "nuts": "AT221", "prev": holder["entry_id"]}
    await maria.put(f"/organisations/{holder['entity']}", changed)
    fields = (await maria.get(f"/entities/{holder['entity']}"))["fields"]
    assert {name: fields[name] for name in said} == said


@pytest.mark.parametrize(
    ("path", "told", "said"),
    [
        ("/organisations", {**HOLDER, "legal_name": "  "}, "legal_name: expected a name"),
        ("/organisations", {**HOLDER, "website": "javascript:alert(1)"}, "http or https address"),
        ("/organisations", {**HOLDER, "website": "muster.example"}, "https://muster.example"),
        ("/offerings", {**CHAIR, "name": {"de": "  "}}, "name in 'de': expected a name"),
    ],
)
async def test_what_nobody_could_read_is_refused(
    maria: Client, at: Served, path: str, told: dict[str, Any], said: str
) -> None:
    if path == "/offerings":
        told = {**told, "organisation": (await maria.post("/organisations", HOLDER))["entity"]}
    size = at.node.log.held.size
    answer = await maria.send("POST", path, told)
    assert (answer.status, answer.code) == (400, "doc.name")
    assert said in answer.body["detail"]
    assert at.node.log.held.size == size
