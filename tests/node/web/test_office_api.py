"""What officers do over HTTP: acts, their refusals, concurrency, keys, files and the trail."""

import asyncio
import logging
from typing import Any

import aiohttp
import pytest

from sopro_node.acting import act
from sopro_node.acts.catalogue import ACTS
from sopro_node.batch import Batch
from sopro_node.officers import officer_renew, officer_revoke
from sopro_node.web.limits import Allowance, Crowd
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS
from tests.node.conftest import Federation, Served, until
from tests.node.web.officers import CHAIR, HOLDER, OFFICE, ROLES, Client, add_officer


async def test_a_label_is_granted_changed_and_told(maria: Client, at: Served) -> None:
    holder = (await maria.post("/organisations", HOLDER))["entity"]
    chair = (await maria.post("/offerings", {**CHAIR, "organisation": holder}))["entity"]
    granted = await maria.post(
        "/decisions", {"action": "grant", "offering": chair, "valid_until": "2028-01-01"}
    )
    number = granted["number"]
    assert number == "SOPRO/AT0/001/00001"
    told = at.node.desk.describe(number)
    assert (told.holder, told.place) == ("Tischlerei Muster", "Graz")
    suspended = await maria.post(
        "/decisions",
        {
            "action": "suspend",
            "label": number,
            "reason_code": "fees_unpaid",
            "suspended_until": "2099-01-01",
            "prev": granted["entry_id"],
        },
    )
    assert suspended["entity"] == granted["entity"]
    assert at.node.desk.label(number).status == "suspended"
    me = await maria.get("/me")
    [_, last] = (await maria.get("/trail"))["trail"][:2]
    assert last["officer"] == me["name"] == "Maria"
    assert last["person"] == me["person"]
    assert (last["action"], last["index"]) == ("decision.add", granted["index"])
    assert last["remote"] == "127.0.0.1"


async def test_a_record_carries_the_pseudonym_and_never_the_name(maria: Client, at: Served) -> None:
    holder = (await maria.post("/organisations", HOLDER))["entity"]
    chair = (await maria.post("/offerings", {**CHAIR, "organisation": holder}))["entity"]
    granted = await maria.post(
        "/decisions", {"action": "grant", "offering": chair, "valid_until": "2028-01-01"}
    )
    person = (await maria.get("/me"))["person"]
    body = (await maria.get(f"/entities/{granted['entity']}"))["body"]
    assert body["decider"] == person
    held = at.node.log.held
    entries = [at.node.holdings.entry(at.node.reader, held, index) for index in range(held.size)]
    assert b"Maria" not in b"".join(entries)


async def test_of_a_decision_that_was_made_already_nothing_differs(
    maria: Client, at: Served
) -> None:
    holder = (await maria.post("/organisations", HOLDER))["entity"]
    chair = (await maria.post("/offerings", {"organisation": holder, "name": {"de": "Stuhl"}}))[
        "entity"
    ]
    granted = await maria.post(
        "/decisions", {"action": "grant", "offering": chair, "valid_until": "2028-01-01"}
    )
    until = {"suspended_until": "2099-01-01", "reason_code": "other", "prev": granted["entry_id"]}
    suspend = {"action": "suspend", "label": granted["number"], **until}
    await maria.post("/decisions", suspend)
    stale = await maria.send("POST", "/decisions", suspend)
    assert (stale.status, stale.body["current"]["differs"]) == (409, {})
    other = await maria.send("POST", "/decisions", {**suspend, "suspended_until": "2098-01-01"})
    assert other.body["current"]["differs"] == {"suspended_until": "2099-01-01"}


async def test_a_label_is_not_given_for_what_would_end_it(maria: Client) -> None:
    holder = (await maria.post("/organisations", HOLDER))["entity"]
    chair = (await maria.post("/offerings", {"organisation": holder, "name": {"de": "Stuhl"}}))[
        "entity"
    ]
    grant = {"action": "grant", "offering": chair, "valid_until": "2028-01-01"}
    refused = await maria.send("POST", "/decisions", {**grant, "reason_code": "fees_unpaid"})
    assert (refused.status, refused.body["code"]) == (400, "ofc.body")
    assert "fees_unpaid is a reason to refuse" in refused.body["detail"]
    await maria.post("/decisions", {**grant, "reason_code": "appeal_upheld"})


async def test_what_somebody_has_renamed_is_told(maria: Client) -> None:
    first = await maria.post("/organisations", HOLDER)
    path = f"/organisations/{first['entity']}"
    await maria.put(path, {**HOLDER, "legal_name": "Muster GmbH", "prev": first["entry_id"]})
    stale = await maria.send("PUT", path, {**HOLDER, "nuts": "AT1", "prev": first["entry_id"]})
    assert stale.body["current"]["differs"] == {"legal_name": "Muster GmbH", "nuts": None}


async def test_what_somebody_else_has_changed_is_told(maria: Client, at: Served) -> None:
    first = await maria.post("/organisations", HOLDER)
    path = f"/organisations/{first['entity']}"
    second = await maria.put(path, {**HOLDER, "nuts": "AT221", "prev": first["entry_id"]})
    size = at.node.log.held.size
    stale = await maria.send("PUT", path, {**HOLDER, "prev": first["entry_id"]})
    assert (stale.status, stale.code) == (409, "conflict")
    assert stale.body["current"] == {
        "head": second["entry_id"],
        "index": second["index"],
        "differs": {"nuts": "AT221"},
    }
    unseen = await maria.send("PUT", path, HOLDER)
    assert (unseen.status, unseen.code) == (400, "ofc.prev")
    assert f"/entities/{first['entity']}" in unseen.body["detail"]
    assert (await maria.get(f"/entities/{first['entity']}"))["head"] == second["entry_id"]
    early = await maria.send("POST", "/organisations", {**HOLDER, "prev": first["entry_id"]})
    assert (early.status, early.code) == (400, "ofc.prev")
    assert at.node.log.held.size == size


async def test_a_request_that_names_itself_is_done_once(
    maria: Client, at: Served, federation: Federation, session: aiohttp.ClientSession
) -> None:
    sent = [maria.send("POST", "/organisations", HOLDER, Idempotency_Key="k1") for _ in range(5)]
    answers = await asyncio.gather(*sent)
    assert {one.status for one in answers} == {201}
    assert len({one.body["entry_id"] for one in answers}) == 1
    assert sorted("Idempotency-Replayed" in one.headers for one in answers) == [False] + [True] * 4
    other = await maria.send(
        "POST", "/organisations", {**HOLDER, "nuts": "AT1"}, Idempotency_Key="k1"
    )
    assert (other.status, other.code) == (422, "ofc.replay")
    anna = await add_officer(at.node, at.url, session, "Anna")
    hers = await anna.post("/organisations", HOLDER, Idempotency_Key="k1")
    assert hers["entity"] != answers[0].body["entity"]
    await at.close()
    again = await federation.open("at", int(at.url.rpartition(":")[2]))
    size = again.node.log.held.size
    assert await maria.post("/organisations", HOLDER, Idempotency_Key="k1") == answers[0].body
    assert again.node.log.held.size == size


async def test_what_was_refused_can_be_named_so_again(maria: Client) -> None:
    wrong = {**CHAIR, "organisation": "00" * 16}
    refused = await maria.send("POST", "/offerings", wrong, Idempotency_Key="k1")
    assert (refused.status, refused.code) == (422, "lbl.reference")
    assert "LBL-" in refused.body["rule"]
    holder = (await maria.post("/organisations", HOLDER))["entity"]
    await maria.post("/offerings", {**CHAIR, "organisation": holder}, Idempotency_Key="k1")


async def test_refuses_a_key_that_is_none(maria: Client) -> None:
    for key in ("", "two words", "k" * 129, "schlüssel"):
        answer = await maria.send("POST", "/organisations", HOLDER, Idempotency_Key=key)
        assert (answer.status, answer.code) == (400, "ofc.key"), key


async def test_nobody_comes_in_without_a_token_that_holds(
    at: Served, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = []
    for name in ("Maria", "Anna"):
        tokens.append((await add_officer(at.node, at.url, session, name)).token)
    await officer_revoke(at.node, {"name": "Maria"})
    tokens.append((await officer_renew(at.node, {"name": "Anna"}))["token"])
    revoked, renewed, valid = tokens
    answers = [
        await Client(at.url, token, session).send("GET", "/me")
        for token in ("", "sopro_" + "x" * 43, revoked, renewed, "ü" * 200)
    ]
    assert {(one.status, one.code) for one in answers} == {(401, "ofc.token")}
    assert len({one.body["detail"] for one in answers}) == 1
    assert {one.headers["WWW-Authenticate"] for one in answers} == {'Bearer realm="sopro"'}
    basic = await Client(at.url, "", session).send("GET", "/me", Authorization=f"Basic {valid}")
    assert basic.status == 401
    assert (await Client(at.url, valid, session).get("/me"))["name"] == "Anna"
    assert not any(token in caplog.text for token in tokens)


async def test_every_act_is_for_its_roles_only(at: Served, session: aiohttp.ClientSession) -> None:
    clients = {
        role: await add_officer(at.node, at.url, session, f"The {role}", role) for role in ROLES
    }
    size = at.node.log.held.size
    for one in ACTS.values():
        path = one.path.replace("{entity}", "00" * 16)
        for role, client in clients.items():
            answer = await client.send(one.method, path, data=b'{"nothing": 1}')
            if role in one.roles:
                assert (answer.status, answer.code) == (400, "ofc.body"), one.name
            else:
                assert (answer.status, answer.code) == (403, "ofc.role"), one.name
                assert " or ".join(one.roles) in answer.body["detail"]
    assert at.node.log.held.size == size


async def test_the_trail_and_the_names_are_not_for_everybody(
    at: Served, session: aiohttp.ClientSession
) -> None:
    decider = await add_officer(at.node, at.url, session, "Anna", "decider")
    for path in ("/trail", "/officers"):
        assert (await decider.send("GET", path)).status == 403
    boss = await add_officer(at.node, at.url, session, "Eva", "administrator")
    assert [one["name"] for one in (await boss.get("/officers"))["officers"]] == ["Anna", "Eva"]
    assert len((await boss.get("/trail?limit=1"))["trail"]) == 1
    assert len((await boss.get("/trail?before=2"))["trail"]) == 1
    for query in ("?limit=0", "?limit=x", "?limit=1&limit=2", "?after=1"):
        assert (await boss.send("GET", f"/trail{query}")).code == "err.query", query


async def test_a_file_goes_into_one_record_of_who_uploaded_it(
    maria: Client, at: Served, session: aiohttp.ClientSession
) -> None:
    content = bytes(range(256)) * 400
    anna = await add_officer(at.node, at.url, session, "Anna")
    kept = await maria.send("POST", "/uploads", data=content, Content_Type="application/pdf")
    assert (kept.status, kept.body["size"]) == (201, len(content))
    report = {"upload": kept.body["upload"], "name": "report", "visibility": "members"}
    with_file = {**HOLDER, "documents": [report]}
    for client in (anna, maria, maria):
        answer = await client.send("POST", "/organisations", with_file)
        assert answer.status == (404 if client is anna or answer.status != 201 else 201)
    held = at.node.log.held
    found = [
        row
        for row in at.node.reader.documents.between(held.number, 0, held.size)
        if row.number == 1
    ]
    assert [(row.content, row.visibility) for row in found] == [(content, 1)]
    assert at.node.reader.accounts.weigh_uploads() == (0, 0)


async def test_a_file_that_has_waited_for_a_day_goes_into_no_record(
    maria: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await maria.send("POST", "/uploads", data=b"12345", Content_Type="a/b")
    told = {**HOLDER, "documents": [{"upload": kept.body["upload"], "name": "report"}]}
    monkeypatch.setattr("sopro_node.acting.HOURS_WAITING", -1)
    late = await maria.send("POST", "/organisations", told)
    assert (late.status, late.code) == (404, "ofc.file")
    monkeypatch.undo()
    await maria.post("/organisations", told)


async def test_files_that_wait_are_bounded(
    maria: Client, at: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sopro_node.web.office_api.MAX_WAITING", 10)
    assert (await maria.send("POST", "/uploads", data=b"12345", Content_Type="a/b")).status == 201
    full = await maria.send("POST", "/uploads", data=b"123456", Content_Type="a/b")
    assert (full.status, full.code) == (422, "ofc.file")
    empty = await maria.send("POST", "/uploads", data=b"", Content_Type="a/b")
    assert (empty.status, empty.code) == (400, "ofc.file")
    for kind in ("a" * 61 + "/b", "a/" + "b" * 61):
        answer = await maria.send("POST", "/uploads", data=b"1", Content_Type=kind)
        assert answer.status == 415, kind


DEEP: dict[str, Any] = {
    "deep lists": b"[" * 100_000,
    "deep maps": b'{"a":' * 30_000,
    "a deep value": b'{"legal_name": ' + b"[" * 100_000,
    "a deep unknown field": b'{"x": ' + b'{"a":' * 30_000,
    "a deep list where one is": b'{"identifiers": ' + b"[" * 100_000,
    "no JSON": b"legal_name=x",
    "nothing": b"",
    "half": b'{"legal_name": "Tisch',
    "no UTF-8": b'{"legal_name": "\xff\xfe"}',
    "half a letter": b'{"legal_name": "\\ud800", "country": "AT"}',
    "a control character": b'{"legal_name": "a\\u0000b", "country": "AT"}',
    "a number that is none": b'{"legal_name": NaN}',
    "a huge number": b'{"legal_name": 1e999}',
    "a list": b"[]",
    "null": b"null",
    "an unknown field": b'{"legal_name": "x", "country": "AT", "decider": "00"}',
    "a country that is none": b'{"legal_name": "x", "country": "XX"}',
    "an unknown country": b'{"legal_name": "x", "country": "ZZ"}',
    "a name twice": b'{"legal_name": "x", "country": "AT", "legal_name": "y"}',
    "too many identifiers": b'{"legal_name": "x", "country": "AT", "identifiers": [%s]}'
    % b",".join([b'["a","b"]'] * 33),
    "a day that is none": b'{"legal_name": "x", "country": "AT", "effective_date": "2026-02-30"}',
}


@pytest.mark.parametrize("data", DEEP.values(), ids=DEEP.keys())
async def test_what_cannot_be_read_changes_nothing(maria: Client, at: Served, data: bytes) -> None:
    size = at.node.log.held.size
    answer = await maria.send("POST", "/organisations", data=data)
    assert answer.status in (400, 422), answer.body
    assert len(answer.body["detail"]) < 600
    assert at.node.log.held.size == size
    assert len((await maria.get("/trail"))["trail"]) == 1


async def test_refuses_another_type_and_what_is_too_large(maria: Client, at: Served) -> None:
    size = at.node.log.held.size
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = await maria.send("POST", "/organisations", data=b"{}", Content_Type=kind)
        assert (answer.status, answer.code) == (415, "err.type")
    large = b'{"legal_name": "' + b"x" * (256 * 1024) + b'"}'
    answer = await maria.send("POST", "/organisations", data=large)
    assert (answer.status, answer.code) == (413, "err.size")
    assert (await maria.send("POST", "/organisations?x=1", HOLDER)).code == "err.query"
    assert (await maria.send("GET", "/organisations")).status == 405
    assert (await maria.send("PUT", "/organisations/nobody", HOLDER)).code == "err.query"
    missing = await maria.send("PUT", f"/organisations/{'00' * 16}", HOLDER)
    assert missing.status == 404
    assert at.node.log.held.size == size


async def test_an_act_is_done_whole_where_its_client_has_gone(maria: Client, at: Served) -> None:
    asked = asyncio.create_task(maria.post("/organisations", HOLDER, Idempotency_Key="gone"))
    await until(lambda: at.node.log._unanswered or asked.done())
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await until(lambda: at.node.reader.accounts.answer("Maria", "gone"))
    answer = await maria.send("POST", "/organisations", HOLDER, Idempotency_Key="gone")
    assert answer.headers["Idempotency-Replayed"] == "true"
    done = [one["action"] for one in (await maria.get("/trail"))["trail"]]
    assert done == ["organisation.add", "officer.add Maria"]


async def test_an_answer_and_the_trail_are_there_exactly_if_the_entry_is(
    maria: Client, at: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_data: bytes) -> None:
        raise OSError("power")

    size = at.node.log.held.size
    with monkeypatch.context() as patch:
        patch.setattr(Batch, "write", lambda *_: fail(b""))
        broken = await maria.send("POST", "/organisations", HOLDER, Idempotency_Key="k")
        assert broken.status == 500
    assert at.node.reader.accounts.answer("Maria", "k") is None
    assert [one["action"] for one in (await maria.get("/trail"))["trail"]] == ["officer.add Maria"]
    await maria.post("/organisations", HOLDER, Idempotency_Key="k")
    assert at.node.log.held.size == size + 2


async def test_who_asks_too_often_waits_and_guessing_keeps_no_officer_out(
    maria: Client, at: Served, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = {"Maria": 0.0, "127.0.0.1": 3.2}
    monkeypatch.setattr(Crowd, "check", lambda *_: None)
    monkeypatch.setattr(Allowance, "take", lambda _self, who: waits[who])
    guess = await Client(at.url, "sopro_guess", session).send("GET", "/me")
    assert (guess.status, guess.code, guess.headers["Retry-After"]) == (429, "ofc.rate", "4")
    assert (await maria.get("/me"))["name"] == "Maria"
    waits["Maria"] = 0.1
    busy = await maria.send("POST", "/organisations", HOLDER)
    assert (busy.status, busy.headers["Retry-After"]) == (429, "1")


def test_an_allowance_is_used_up_and_comes_back() -> None:
    now = [0.0]
    allowance = Allowance(burst=2, per_second=0.5, most=2, uptime=lambda: now[0])
    assert [allowance.take("a") for _ in range(3)] == [0, 0, 2.0]
    assert allowance.take("b") == 0
    now[0] = 1.0
    assert allowance.take("a") == 1.0
    now[0] = 2.0
    assert [allowance.take("a") for _ in range(2)] == [0, 2.0]
    now[0] = 1e9
    assert [allowance.take("a") for _ in range(3)] == [0, 0, 2.0]
    assert [allowance.take(who) for who in ("b", "c", "c")] == [0, 0, 0]
    assert [allowance.take("a") for _ in range(2)] == [0, 0], "who is not kept begins anew"


async def test_no_other_site_of_the_web_may_read_an_officers_answers(maria: Client) -> None:
    answer = await maria.send("GET", "/me")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


async def test_what_the_operator_does_is_on_the_trail_too(maria: Client, at: Served) -> None:
    done = await act(at.node, {"act": "organisation.add", "told": HOLDER})
    [last, _] = (await maria.get("/trail"))["trail"]
    assert (last["officer"], last["index"]) == ("", done["index"])


def test_every_path_is_below_the_office() -> None:
    assert OFFICE == "/api/v1/office"
    assert len({(one.method, one.path) for one in ACTS.values()}) == len(ACTS)


@pytest.mark.parametrize(
    ("given", "published"),
    [
        ("report", "report"),
        ("photo-2", "photo-2"),
        ("Maria Huber, Gutachten.pdf", "document"),
        ("maria-huber", "document"),
        ("report-maria", "document"),
        ("Report", "document"),
    ],
)
async def test_what_a_file_is_called_is_not_published(
    maria: Client, at: Served, given: str, published: str
) -> None:
    kept = await maria.send("POST", "/uploads", data=b"12345", Content_Type="application/pdf")
    file = {"upload": kept.body["upload"], "name": given, "visibility": "public"}
    done = await maria.post("/organisations", {**HOLDER, "documents": [file]})
    held = at.node.log.held
    entry = at.node.holdings.entry(at.node.reader, held, done["index"])
    record, _ = read_record(parse_entry(entry).record, READERS)
    [_, found, *kept_apart] = record.documents
    assert (found.name, found.type, found.visibility) == (published, "application/pdf", "public")
    assert (given.encode() in entry) is (given == published)
    # Here, and nowhere else, it is known what it was called.
    told = (await maria.get(f"/entities/{done['entity']}/documents"))["documents"]
    assert told[1] == {"index": done["index"], "document": 1, "name": published,
                       "type": "application/pdf", "size": 5, "given": given,
                       "origin": "sopro.example/at/1", "visibility": "public"}  # fmt: skip
    assert [one.visibility for one in kept_apart] == ["site"] * (given != published)
