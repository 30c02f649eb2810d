"""What an officer's client does about a refusal that was written down wrong."""

from typing import Any

from tests.node.web.officers import CHAIR, HOLDER, Client

DAYS = {"effective_date": "2026-10-05", "decided_on": "2026-10-05"}
LATER = {"effective_date": "2026-10-09", "decided_on": "2026-10-09"}


async def refuse(maria: Client) -> dict[str, Any]:
    holder = (await maria.post("/organisations", HOLDER))["entity"]
    chair = (await maria.post("/offerings", {**CHAIR, "organisation": holder}))["entity"]
    told = {"action": "refuse", "offering": chair, "reason_code": "other", **DAYS}
    done: dict[str, Any] = await maria.post("/decisions", told)
    return done


async def counted(maria: Client) -> dict[tuple[str, str, int], int]:
    async with maria.session.get(f"{maria.url}/api/v1/statistics/decisions") as answer:
        total = (await answer.json())["total"]
    return {(one["action"], one["reason"], one["year"]): one["count"] for one in total}


async def test_a_refusal_is_corrected_by_what_it_is_on(maria: Client) -> None:
    refusal = await refuse(maria)
    told = {"action": "correct", "application": refusal["entity"], "reason_code": "fees_unpaid"}
    unseen = await maria.send("POST", "/decisions", {**told, **LATER})
    assert (unseen.status, unseen.code) == (400, "ofc.prev")
    done = await maria.post("/decisions", {**told, **LATER, "prev": refusal["entry_id"]})
    assert done["entity"] == refusal["entity"]
    assert "number" not in done
    held = await maria.get(f"/entities/{refusal['entity']}")
    assert (held["body"]["corrects"], held["head"]) == (refusal["index"], done["entry_id"])
    assert await counted(maria) == {("refuse", "fees_unpaid", 2026): 1, ("correct", "", 2026): 1}
    moved = {**told, **LATER, "refused_on": "2025-12-30", "prev": done["entry_id"]}
    await maria.post("/decisions", moved)
    assert await counted(maria) == {("refuse", "fees_unpaid", 2025): 1, ("correct", "", 2026): 2}


async def test_a_correction_names_one_thing_that_is_there(maria: Client) -> None:
    refusal = await refuse(maria)
    both = {"label": "SOPRO/AT0/001/00001", "application": refusal["entity"]}
    for named, code in (
        (both, (400, "ofc.body")),
        ({}, (400, "ofc.body")),
        ({"application": "00" * 16}, (404, "not-found")),
    ):
        answer = await maria.send("POST", "/decisions", {"action": "correct", **named})
        assert (answer.status, answer.code) == code, answer.body
    late = {"action": "correct", "application": refusal["entity"], "refused_on": "2099-01-01"}
    answer = await maria.send("POST", "/decisions", {**late, "prev": refusal["entry_id"]})
    assert (answer.status, answer.code) == (422, "lbl.dates")
