"""Questions over HTTP: the directory, checks of one and of many, and what every answer has."""

import csv
import io
from typing import Any

import pytest

from sopro_node import validity, validity_table
from sopro_node.standing import publish_policy
from tests.neighbours import let_append
from tests.node.web.conftest import Visit, Visitor
from tests.node.web.register import GTIN, HUNGARIAN, IMPORTED, day, number

ACTIVE, REVOKED = number("active"), number("revoked")


async def get(at: Visitor, path: str, *, status: int = 200, **headers: str) -> Any:
    async with at.client.get(path, headers=headers) as answer:
        assert answer.status == status, await answer.text()
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        return await answer.json()


async def post(at: Visitor, body: bytes, *, status: int = 200, kind: str = "text/csv") -> str:
    headers = {"Content-Type": kind}
    async with at.client.post("/api/v1/check", data=io.BytesIO(body), headers=headers) as answer:
        assert answer.status == status, await answer.text()
        return await answer.text()


async def lines(at: Visitor, text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(await post(at, text.encode()))))


async def test_the_directory_is_searched_over_http(visit: Visit) -> None:
    at = await visit("at")
    found = await get(at, "/api/v1/directory?q=MOEBELwerkstatt%20grunbach&status=active&limit=5")
    [first] = [one for one in found["labels"] if one["number"] == ACTIVE]
    assert first["holder"] == "Möbelwerkstatt Grünbach"
    assert first["name"] == {"de": "Tisch aus Altholz"}
    assert (first["status"], first["site"], first["place"]) == ("active", "at", "Grünbach")
    assert {one["origin"] for one in found["computed_from"]} == set(at.node.holdings.logs)
    [one] = (await get(at, "/api/v1/directory/organisations?q=szovo"))["organisations"]
    assert one["described"]["legal_name"] == "Őrségi Szövőműhely"
    holder = await get(at, f"/api/v1/organisations/{one['site']}/{one['entity']}")
    assert holder["described"] == one["described"]


async def test_pages_of_a_search_follow_one_another(visit: Visit) -> None:
    at = await visit("at")
    seen: list[str] = []
    after = ""
    while True:
        page = await get(at, f"/api/v1/directory?q=rongyszonyeg&limit=50{after}")
        seen += [one["number"] for one in page["labels"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert len(seen) == len(set(seen)) == 120


@pytest.mark.parametrize(
    "query",
    [
        "status=bad",
        "category=cpv",
        "category=nace:38",
        "category=nace:1:C",
        "category=nace:2:V",
        "region=at",
        "scale=vast",
        "holder=nobody",
        "gtin=1",
        "limit=0",
        "limit=101",
        "after=zz",
        "at=2026-13-01",
        "q=" + "x" * 201,
        "q=a&q=b",
        "q=" + "+".join(f"w{number}" for number in range(9)),
        "colour=red",
    ],
)
async def test_what_does_not_fit_is_refused(visit: Visit, query: str) -> None:
    at = await visit("at")
    problem = await get(at, f"/api/v1/directory?{query}", status=400)
    assert problem["code"] == "err.query"
    assert len(problem["detail"]) < 600


async def test_says_whether_one_label_is_valid(visit: Visit) -> None:
    at = await visit("at")
    found = await get(at, f"/api/v1/check?number={ACTIVE}")
    assert (found["valid"], found["labels"][0]["status"]) == (True, "active")
    assert [one["origin"] for one in found["computed_from"]] == [at.node.identity.origin]
    assert not (await get(at, f"/api/v1/check?number={REVOKED}"))["valid"]
    assert not (await get(at, f"/api/v1/check?number={ACTIVE}&at=2020-01-01"))["valid"]
    nothing = await get(at, "/api/v1/check?number=SOPRO/XX0/001/00001")
    assert (nothing["valid"], nothing["labels"]) == (False, [])
    assert len(nothing["computed_from"]) == len(at.node.holdings.logs)
    [label] = (await get(at, "/api/v1/directory?q=altholz&status=revoked&limit=1"))["labels"]
    by_thing = await get(at, f"/api/v1/check?offering={label['offering']}")
    assert by_thing["valid"]
    assert by_thing["labels"][0]["valid"]
    assert {REVOKED, ACTIVE} <= {one["number"] for one in by_thing["labels"]}
    [mine] = (await get(at, "/api/v1/directory?q=rongyszonyeg&limit=1"))["labels"]
    many = await get(at, f"/api/v1/check?offering={mine['offering']}")
    assert (len(many["labels"]), many["more"]) == (validity.MOST_LABELS, True)
    for query in ("", "?number=SOPRO", f"?number={ACTIVE}&gtin=40063813", "?offering=xyz"):
        assert (await get(at, f"/api/v1/check{query}", status=400))["code"] == "err.query"


async def test_says_of_a_past_day_since_when_it_is_on_record(visit: Visit) -> None:
    at = await visit("at")
    # It was granted to hold from a hundred days ago, and recorded just now.
    [then] = (await get(at, f"/api/v1/check?number={ACTIVE}&at={day(-60)}"))["labels"]
    assert (then["status"], then["recorded_late"]) == ("active", True)
    since = then["on_record_since"]
    assert day(-1) <= since <= day(1)
    label = await get(at, f"/api/v1/labels/{ACTIVE}?at={day(-60)}")
    assert (label["on_record_since"], label["history"][0]["recorded_on"]) == (since, since)
    assert "recorded_late" in label["overlays"]
    table = f"at,number\n{day(-60)},{ACTIVE}\n{day(2)},{ACTIVE}\n{day(-60)},{IMPORTED}\n"
    late, now, old = await lines(at, table)
    assert (late["on_record_since"], late["recorded_late"]) == (since, "yes")
    assert (now["on_record_since"], now["recorded_late"]) == (since, "no")
    # An existing register says itself that it is one.
    assert old["recorded_late"] == "no"


async def test_says_of_every_line_of_a_table_whether_it_is_valid(visit: Visit) -> None:
    at = await visit("at")
    plain = await lines(at, f"{ACTIVE}\r\n{REVOKED}\r\n\r\n=HYPERLINK()\r\nSOPRO/XX0/001/00001\r\n")
    assert [one["valid"] for one in plain] == ["yes", "no", "", "no"]
    assert [one["imported"] for one in plain] == ["no", "no", "", ""]
    [old] = await lines(at, f"{IMPORTED}\n")
    assert old["imported"] == "yes"
    assert [one["status"] for one in plain] == ["active", "revoked", "", "unknown"]
    assert plain[2]["problem"].startswith("expected a number such as SOPRO/AT0/001/00001")
    assert plain[2]["value"] == "'=HYPERLINK()"
    basis = plain[0]["computed_from"]
    held = at.node.log.held
    assert basis == f"{held.origin}@{held.size}:{held.tree.root().hex()}"
    table = (
        f"at;number;gtin\n2020-01-01;{ACTIVE};\n;{HUNGARIAN};\n;;4006381333931\n;a;b\nx;{ACTIVE};\n"
    )
    mixed = await lines(at, "\ufeff" + table)
    assert [one["valid"] for one in mixed] == ["no", "yes", "no", "", ""]
    assert mixed[0]["at"] == "2020-01-01"
    assert mixed[3]["problem"] == "expected one of number, gtin, identifier, offering, got 2"
    assert "expected a civil date" in mixed[4]["problem"]


async def test_one_valid_label_among_more_than_are_named_is_named_first(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an item number, and by the offering; in one question, and in a table."""
    at = await visit("at")
    monkeypatch.setattr(validity, "MOST_LABELS", 2)
    listed = (await get(at, f"/api/v1/directory?gtin={GTIN}&status=active"))["labels"]
    assert len(listed) > 1
    # Only the one that has expired since was valid then.
    then = day(-790)
    for asked in (f"gtin={GTIN}", f"offering={listed[0]['offering']}"):
        found = await get(at, f"/api/v1/check?{asked}&at={then}")
        assert (found["valid"], found["more"]) == (True, True), asked
        assert found["labels"][0]["number"] == number("expired")
        assert len(found["labels"]) == 2
        by, value = asked.split("=")
        [line] = await lines(at, f"{by};at\n{value};{then}\n")
        assert (line["valid"], line["number"]) == ("yes", number("expired"))
        assert line["labels"] == "2+"


async def test_more_labels_than_are_looked_at_are_not_said_to_be_invalid(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await visit("at")
    monkeypatch.setattr(validity, "MOST_LOOKED_AT", 5)
    asked = f"/api/v1/check?gtin={GTIN}"
    assert (await get(at, asked))["valid"]
    refused = await get(at, f"{asked}&at={day(-899)}", status=400)
    assert "more than 5 labels" in refused["detail"]
    [line] = await lines(at, f"gtin;at\n{GTIN};{day(-899)}\n")
    assert "more than 5 labels" in line["problem"]
    assert line["valid"] == ""


def test_a_table_is_answered_in_parts_that_hold_nobody_up() -> None:
    asked = [validity_table.Asked(by, "", 0) for by in "nnnnnggng"]
    kinds = {"n": validity_table.By.NUMBER, "g": validity_table.By.ITEM}
    asked = [one._replace(by=kinds[one.by]) for one in asked]
    parts = list(validity_table.part_questions(asked, most=3))
    assert [len(one) for one in parts] == [3, 3, 1, 2]
    assert [one for part in parts for one in part] == asked


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "got nothing"),
        (b"\r\n\r\n", "got nothing"),
        (b"\xff\xfe", "expected UTF-8"),
        (b"number\n\0", "zero byte"),
        (b'number\n"SOPRO', "cannot be read as CSV"),
        (b"number,colour\nx,y", "expected columns out of"),
        (b"at\n2026-01-01", "expected columns out of"),
        (b"number,number\nx,y", "expected columns out of"),
        (b"x\n" * (validity_table.MOST_LINES + 1), "at most 20000 lines"),
        (b"number\n" + b"x" * 140_000, "cannot be read as CSV"),
    ],
)
async def test_a_table_that_is_none_is_refused(visit: Visit, body: bytes, says: str) -> None:
    at = await visit("at")
    assert says in await post(at, body, status=400)


async def test_a_table_has_its_limits(visit: Visit) -> None:
    at = await visit("at")
    await post(at, b"x" * (validity_table.MOST_BYTES + 1), status=413)
    await post(at, b"{}", status=415, kind="application/json")


@pytest.mark.parametrize(
    ("path", "is_all"),
    [(f"/api/v1/findings?number={ACTIVE}", True), ("/api/v1/criteria", False),
     ("/api/v1/members", False), ("/api/v1/labels?after=SOPRO/ZZ9/999/99999", True)],
)  # fmt: skip
async def test_every_answer_names_the_prefixes_it_rests_on(
    visit: Visit, path: str, is_all: bool
) -> None:
    at = await visit("at")
    logs = at.node.holdings.logs
    expected = sorted(logs) if is_all else [at.node.holdings.coordinator_origin]
    named = (await get(at, path))["computed_from"]
    assert [one["origin"] for one in named] == expected
    for one in named:
        held = logs[one["origin"]]
        size = held.cursor.projected
        assert (one["size"], one["root"]) == (size, held.tree.root_at(size).hex())


NOT_OF_LOGS = {
    "/api/v1/openapi.json": "describes the program",
    "/api/v1/status": "says how this node's exchange goes; each log with its size",
    "/api/v1/certificates/{number}": "a file with the signed heads in it",
}
"""What can be asked and follows from no prefix that could be named beside it, and why."""


async def test_every_question_of_the_description_names_the_prefixes_it_rests_on(
    visit: Visit,
) -> None:
    at = await visit("eeig")  # which has a witness policy to tell
    let_append(at.node)
    await publish_policy(at.node, {"witnesses": ["at", "hu"], "faulty": 0})
    logs = at.node.holdings.logs
    paths = (await get(at, "/api/v1/openapi.json"))["paths"]
    reading = [path for path in paths if "get" in paths[path] and "/office" not in path]
    assert len(reading) > 15
    assert set(NOT_OF_LOGS) <= set(reading)
    page = await get(at, "/api/v1/directory/organisations?q=szovo")
    [organisation] = page["organisations"]
    inside = {
        "number": ACTIVE, "site": organisation["site"], "entity": organisation["entity"],
        "epoch": "1",
    }  # fmt: skip
    needed = {"/api/v1/findings": f"?number={ACTIVE}", "/api/v1/check": f"?number={ACTIVE}"}
    for path in sorted(set(reading) - set(NOT_OF_LOGS)):
        async with at.client.get(path.format(**inside) + needed.get(path, "")) as answer:
            assert answer.status == 200, path
            if answer.content_type == "text/plain":
                named = [read_basis(one) for one in answer.headers["SoPro-Computed-From"].split()]
            else:
                named = bases_in(await answer.json())
        assert named, path
        for one in named:
            size = one["size"]
            if size:  # a member that was never heard of has nothing yet
                assert one["root"] == logs[one["origin"]].tree.root_at(size).hex(), path
        if path.endswith(("/history", "/directory")):
            assert {one["origin"] for one in named} == set(logs), path


def bases_in(answer: Any) -> list[dict[str, Any]]:
    """Return every prefix that an answer names, itself or in what it lists."""
    if isinstance(answer, list):
        return [basis for one in answer for basis in bases_in(one)]
    if not isinstance(answer, dict):
        return []
    found = answer.get("computed_from", [])
    named = found if isinstance(found, list) else [found]
    others = (one for name, one in answer.items() if name != "computed_from")
    return [*named, *(basis for one in others for basis in bases_in(one))]


def read_basis(text: str) -> dict[str, Any]:
    origin, _, rest = text.partition("@")
    size, _, root = rest.partition(":")
    return {"origin": origin, "size": int(size), "root": root}


SPELLINGS = (
    "sopro/at0/001/00001",
    "%20SOPRO/AT0/001/00001%20",
    "SOPRO-AT0-001-00001",
    "sopro%20at0%20001%2000001",
    "SoproAT000100001",
)


@pytest.mark.parametrize("typed", SPELLINGS)
async def test_a_number_is_asked_for_in_any_spelling(visit: Visit, typed: str) -> None:
    at = await visit("at")
    assert ACTIVE == "SOPRO/AT0/001/00001"
    found = await get(at, f"/api/v1/check?number={typed}")
    assert (found["valid"], found["value"]) == (True, ACTIVE)
    assert "findings" in await get(at, f"/api/v1/findings?number={typed}")
    if not typed.startswith("%20"):
        for path in ("labels", "assessments"):
            assert (await get(at, f"/api/v1/{path}/{typed}"))["number"] == ACTIVE
            escaped = typed.replace("/", "%2f")
            assert (await get(at, f"/api/v1/{path}/{escaped}"))["number"] == ACTIVE


async def test_a_table_may_have_numbers_in_any_spelling(visit: Visit) -> None:
    at = await visit("at")
    typed = ["sopro/at0/001/00001", "SOPRO-AT0-001-00001", ACTIVE, "SOPRO/AT0/001/1"]
    rows = await lines(at, "number\n" + "\n".join(typed) + "\n")
    assert [one["value"] for one in rows] == typed
    assert [one["valid"] for one in rows] == ["yes", "yes", "yes", ""]
    assert {one["number"] for one in rows[:3]} == {ACTIVE}


async def test_a_list_of_one_site_names_the_logs_of_that_site(visit: Visit) -> None:
    at = await visit("at")
    for path in ("/api/v1/labels?site=hu", f"/api/v1/organisations?site=hu&after={'f' * 32}"):
        named = (await get(at, path))["computed_from"]
        assert [one["origin"].split("/")[1] for one in named] == ["hu"], path


async def test_whoever_has_an_answer_already_is_told_so(visit: Visit) -> None:
    at = await visit("at")
    for path in (f"/api/v1/labels/{ACTIVE}", "/api/v1/directory?q=altholz", "/api/v1/criteria"):
        async with at.client.get(path) as answer:
            tag = answer.headers["ETag"]
            assert await answer.read()
        for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            async with at.client.get(path, headers={"If-None-Match": held}) as answer:
                assert (answer.status, await answer.read()) == (304, b""), held
                assert answer.headers["ETag"] == tag
                assert answer.headers["Access-Control-Allow-Origin"] == "*"
        async with at.client.get(path, headers={"If-None-Match": '"other"'}) as answer:
            assert answer.status == 200


async def test_pages_of_any_origin_may_read(visit: Visit) -> None:
    at = await visit("at")
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    for path, methods in (
        (f"/api/v1/labels/{ACTIVE}", "GET, HEAD"),
        ("/api/v1/check", "GET, POST, HEAD"),
    ):
        async with at.client.options(path, headers=asked) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Methods"] == methods
            assert "If-None-Match" in answer.headers["Access-Control-Allow-Headers"]
            assert "Access-Control-Allow-Credentials" not in answer.headers
    async with at.client.options("/api/v1/applications", headers=asked) as answer:
        assert answer.status == 405
    assert (await get(at, "/api/v1/labels/SOPRO/XX0/001/00001", status=404))["code"] == "not-found"


async def test_lists_what_expires_the_first_to_end_first(visit: Visit) -> None:
    hu = await visit("hu")
    found = await get(hu, "/api/v1/expiring?days=3000&site=at&limit=100")
    due = [(one["valid_until"], one["number"]) for one in found["labels"]]
    assert due == sorted(due)
    assert {number("active"), number("suspended")} <= {one for _, one in due}
    assert not {number("expired"), REVOKED} & {one for _, one in due}
    seen: list[str] = []
    after = ""
    while True:
        page = await get(hu, f"/api/v1/expiring?days=3000&limit=50{after}")
        seen += [one["number"] for one in page["labels"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert len(seen) == len(set(seen))
    assert {HUNGARIAN, ACTIVE} <= set(seen)
    assert (await get(hu, "/api/v1/expiring?days=0"))["labels"] == []
    assert (await get(hu, "/api/v1/expiring?days=3661", status=400))["code"] == "err.query"


async def test_counts_decisions_by_reason(visit: Visit) -> None:
    at = await visit("at")
    found = await get(at, "/api/v1/statistics/decisions?site=at")
    counted = {(one["action"], one["reason"]): one["count"] for one in found["total"]}
    assert counted["suspend", "nc_not_closed"] == 1
    assert counted["revoke", "misuse_of_mark"] == 1
    assert counted["terminate_on_request", "holder_request"] == 1
    assert found["applications"] == {"decided": 0, "median_days": None, "p90_days": None}
    [site] = found["sites"]
    assert site["computed_from"]["root"] == at.node.log.held.tree.root().hex()
    both = await get(at, "/api/v1/statistics/decisions")
    assert {one["site"] for one in both["sites"]} == {"at", "hu"}


async def test_finds_labels_by_what_lies_over_them(visit: Visit) -> None:
    at = await visit("at")
    late = "2029-01-01"
    for overlay in ("suspension_overdue", "surveillance_overdue"):
        seen: list[str] = []
        after = ""
        while True:
            query = f"overlay={overlay}&at={late}&q=altholz{after}"
            page = await get(at, f"/api/v1/directory?{query}")
            seen += [one["number"] for one in page["labels"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        for one in seen:
            assert overlay in (await get(at, f"/api/v1/labels/{one}?at={late}"))["overlays"]
    now = await get(at, "/api/v1/directory?overlay=under_appeal")
    assert now["labels"] == []
    assert (await get(at, "/api/v1/directory?overlay=odd", status=400))["code"] == "err.query"
