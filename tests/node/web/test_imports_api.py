"""An officer's client takes a register over: files, mappings, imports, reports, over HTTP."""

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import openpyxl
import pytest

from sopro_node import clock
from sopro_node.imports import files as import_files
from sopro_node.imports import jobs
from sopro_node.imports.orders import GuessOrder
from sopro_node.lock import lock_imports
from sopro_node.node import Node
from sopro_node.officers import officer_revoke
from sopro_node.web import imports_api
from sopro_node.web.limits import Allowance
from tests.node.conftest import Federation, Served, until
from tests.node.web.officers import OFFICE, Client, add_officer

FIRMS = "no,name,place,land\n1,Möbel Grün,Graz,Österreich\n2,Bäckerei Süß,Linz,AT\n3,,Wien,AT\n"
MAPPING = """
[organisations.columns]
key = "no"
legal_name = "name"
locality = "place"
country = "land"
[organisations.constants]
actor_type = "enterprise"
[offerings.columns]
key = "no"
organisation = "no"
[offerings.constants]
kind = "product"
[offerings.texts]
name = { column = "name", language = "de" }
"""
processes = pytest.mark.slow


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as one:
        yield one


@pytest.fixture
async def at(federation: Federation) -> Served:
    await federation.coordinator()
    return await federation.join("at", "AT")


@pytest.fixture
async def alone(federation: Federation) -> Served:
    """A site that has not been admitted: it imports nothing, and takes files."""
    return await federation.begin("at", "AT")


@pytest.fixture
async def rosa(alone: Served, session: aiohttp.ClientSession) -> Client:
    return await add_officer(alone.node, alone.url, session, "Rosa", "registrar")


@pytest.fixture
async def maria(at: Served, session: aiohttp.ClientSession) -> Client:
    return await add_officer(at.node, at.url, session, "Maria", "registrar")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a client ask as often as it likes how far something is."""
    monkeypatch.setattr(Allowance, "take", lambda _self, _who: 0.0)


async def send_file(client: Client, content: bytes | str, name: str = "firms.csv") -> Any:
    data = content.encode() if isinstance(content, str) else content
    answer = await client.send(
        "POST", f"/imports/files?name={name}", data=data, Content_Type="text/csv"
    )
    assert answer.status == 201, answer.body
    return answer.body


async def begin(client: Client, file: str, kind: str = "organisations", **more: Any) -> str:
    asked = {"file": file, "kind": kind, "mapping": MAPPING, **more}
    answer = await client.send("POST", "/imports", asked)
    assert answer.status == 202, answer.body
    return str(answer.body["import"])


async def told_when(client: Client, number: str, holds: Callable[[Any], object]) -> Any:
    """Return what is told of an import once something holds of it, asking as a client asks."""
    async with asyncio.timeout(90):
        while True:
            told = await client.get(f"/imports/{number}")
            if holds(told):
                return told
            await asyncio.sleep(0.05)


async def ended(client: Client, number: str) -> Any:
    return await told_when(client, number, lambda told: told["state"] != "running")


async def read(client: Client, path: str) -> tuple[int, str, str]:
    headers = {"Authorization": f"Bearer {client.token}"}
    async with client.session.get(f"{client.url}{OFFICE}{path}", headers=headers) as answer:
        return answer.status, answer.content_type, await answer.text()


@processes
async def test_a_register_is_sent_guessed_at_tried_and_taken_over(
    maria: Client, at: Served
) -> None:
    file = await send_file(maria, FIRMS)
    assert file["sha256"] == hashlib.sha256(FIRMS.encode()).hexdigest()
    assert (file["name"], file["size"]) == ("firms.csv", len(FIRMS.encode()))
    guessed = await maria.get(f"/imports/files/{file['file']}/mapping?kind=organisations")
    assert 'legal_name = "name"' in guessed["mapping"]
    assert "4 columns" in guessed["remarks"][0]
    size = at.node.log.held.size
    tried = await ended(maria, await begin(maria, file["file"], dry_run=True))
    assert (tried["state"], tried["dry_run"]) == ("done", True)
    assert (tried["counts"]["appended"], tried["counts"]["bad"]) == (2, 1)
    assert at.node.log.held.size == size, "a dry run"
    number = await begin(maria, file["file"])
    done = await ended(maria, number)
    counts = done["counts"]
    assert (counts["read"], counts["appended"], counts["bad"]) == (3, 2, 1)
    assert done["records"] == 2
    assert done["said"] == [
        "firms.csv:4: column 'name', value '': expected legal_name, found nothing"
    ]
    things = await ended(maria, await begin(maria, file["file"], "offerings"))
    assert things["counts"]["appended"] == 2
    again = await ended(maria, await begin(maria, file["file"]))
    assert (again["counts"]["appended"], again["counts"]["unchanged"]) == (0, 2)
    told = [one["import"] for one in (await maria.get("/imports"))["imports"]]
    assert told[-1] == tried["import"]
    assert number in told


@processes
async def test_the_report_and_the_bad_rows_are_for_programs_and_for_people(maria: Client) -> None:
    number = await begin(maria, (await send_file(maria, FIRMS))["file"])
    await ended(maria, number)
    status, media, text = await read(maria, f"/imports/{number}/report")
    assert (status, media) == (200, "application/json")
    assert json.loads(text)["problems"][0]["line"] == 4
    status, media, page = await read(maria, f"/imports/{number}/report?form=html")
    assert (status, media) == (200, "text/html")
    assert "Import of firms.csv as organisations" in page
    status, media, text = await read(maria, f"/imports/{number}/report?form=md")
    assert text.startswith("# Import of firms.csv as organisations")
    status, media, rows = await read(maria, f"/imports/{number}/bad-rows")
    assert (status, media) == (200, "text/csv")
    assert rows.splitlines()[0] == "error,no,name,place,land"
    assert rows.splitlines()[1].endswith(",3,,Wien,AT")
    dropped = await maria.send("DELETE", f"/imports/{number}")
    assert dropped.body == {"dropped": number}
    assert (await maria.send("GET", f"/imports/{number}")).status == 404


@processes
async def test_the_trail_names_officer_and_file(maria: Client, at: Served) -> None:
    file = await send_file(maria, FIRMS)
    done = await ended(maria, await begin(maria, file["file"]))
    [line] = [one for one in at.node.reader.accounts.trail(before=2**40, limit=50)
              if one.action.startswith("import ")]  # fmt: skip
    assert (line.officer, line.remote) == ("Maria", "127.0.0.1")
    assert line.action == done["trail"]
    assert done["trail"] == (
        f"import firms.csv --as organisations, SHA-256 {file['sha256']}, 3 rows read, 2 records"
    )


@processes
async def test_a_workbook_comes_in_a_form(maria: Client, at: Served) -> None:
    book = openpyxl.Workbook()
    for row in (("no", "name", "place", "land"), (1, "Möbel Grün", "Graz", "AT")):
        book.active.append(row)
    held = io.BytesIO()
    book.save(held)
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", held.getvalue(), filename="Firmen 2026.xlsx")
    headers = {"Authorization": f"Bearer {maria.token}"}
    url = f"{maria.url}{OFFICE}/imports/files"
    async with maria.session.post(url, data=form, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        file = await answer.json()
    assert (file["name"], file["size"]) == ("Firmen 2026.xlsx", len(held.getvalue()))
    assert file["sha256"] == hashlib.sha256(held.getvalue()).hexdigest()
    done = await ended(maria, await begin(maria, file["file"]))
    assert done["counts"]["appended"] == 1


@processes
async def test_an_import_is_begun_once_also_after_a_restart(
    federation: Federation, maria: Client, at: Served, session: aiohttp.ClientSession
) -> None:
    file = await send_file(maria, FIRMS)
    asked = {"file": file["file"], "kind": "organisations", "mapping": MAPPING}
    first = await maria.send("POST", "/imports", asked, Idempotency_Key="k1")
    assert first.status == 202
    await ended(maria, first.body["import"])
    second = await maria.send("POST", "/imports", asked, Idempotency_Key="k1")
    assert (second.status, second.body) == (202, first.body)
    assert second.headers["Idempotency-Replayed"] == "true"
    await at.close()
    again = await federation.open("at", int(at.url.rpartition(":")[2]))
    client = Client(again.url, maria.token, session)
    third = await client.send("POST", "/imports", asked, Idempotency_Key="k1")
    assert (third.status, third.body) == (202, first.body)
    other = await client.send("POST", "/imports", {**asked, "dry_run": True}, Idempotency_Key="k1")
    assert (other.status, other.code) == (422, "ofc.replay")
    told = await client.get("/imports")
    assert [one["state"] for one in told["imports"]] == ["done"]


async def test_only_a_registrar_takes_a_register_over(
    rosa: Client, alone: Served, session: aiohttp.ClientSession
) -> None:
    file = (await send_file(rosa, FIRMS))["file"]
    others = await add_officer(
        alone.node, alone.url, session, "Rita", "assessor", "reviewer", "decider", "administrator"
    )
    asked = {"file": file, "kind": "organisations", "mapping": MAPPING}
    for method, path, body in (
        ("GET", "/imports/files", None),
        ("POST", "/imports", asked),
        ("GET", f"/imports/files/{file}/mapping", None),
        ("DELETE", f"/imports/files/{file}", None),
        ("GET", "/imports", None),
        ("GET", f"/imports/{'0' * 32}/report", None),
        ("POST", f"/imports/{'0' * 32}/stop", None),
    ):
        answer = await others.send(method, path, body)
        assert (answer.status, answer.code) == (403, "ofc.role"), path
    data = await others.send("POST", "/imports/files", data=b"a,b\n1,2\n", Content_Type="text/csv")
    assert (data.status, data.code) == (403, "ofc.role")
    stranger = Client(alone.url, "nobody", session)
    assert (await stranger.send("GET", "/imports")).status == 401


@pytest.mark.parametrize(
    ("changes", "refusal", "says"),
    [
        ({"file": "0" * 32}, (404, "ofc.file"), "no file 0"),
        ({"mapping": "a = "}, (400, "format"), "mapping: not TOML"),
        ({"mapping": "[offerings.columns]"}, (400, "format"), "no table [organisations]"),
        ({"kind": "people"}, (400, "ofc.body"), "invalid enum value"),
        ({"only": {"country": ["AT"]}, "mapping": ""}, (400, "format"), "needs a"),
        ({"only": {"land": ["AT"]}}, (400, "format"), "unknown field 'land'"),
        ({"dry": True}, (400, "ofc.body"), "unknown field"),
    ],
)
async def test_what_cannot_be_begun_is_refused_at_once(
    rosa: Client, changes: dict[str, Any], refusal: tuple[int, str], says: str
) -> None:
    file = (await send_file(rosa, FIRMS))["file"]
    asked = {"file": file, "kind": "organisations", "mapping": MAPPING, **changes}
    answer = await rosa.send("POST", "/imports", asked)
    assert (answer.status, answer.code) == refusal, answer.body
    assert says in answer.body["detail"]
    assert (await rosa.get("/imports"))["imports"] == []


FORM = "multipart/form-data; boundary=b"
OPEN_FORM = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nno'


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        (("?name=a.csv", b"", "text/csv"), (400, "ofc.file")),
        (("?name=a.csv", b"no\n1\n", "application/json"), (415, "err.type")),
        (("?name=a%00b", b"no\n1\n", "text/csv"), (400, "ofc.file")),
        (("?name=..", b"no\n1\n", "text/csv"), (400, "ofc.file")),
        (("?nome=a.csv", b"no\n1\n", "text/csv"), (400, "err.query")),
        (("", b"no\n1\n", FORM), (400, "format")),
        (("", OPEN_FORM, FORM), (400, "format")),
        (("", b"x" * 65, "text/csv"), (413, "err.size")),
    ],
)
async def test_what_is_no_file_is_not_kept(
    rosa: Client,
    alone: Served,
    monkeypatch: pytest.MonkeyPatch,
    sent: tuple[str, bytes, str],
    refusal: tuple[int, str],
) -> None:
    monkeypatch.setattr(imports_api, "MAX_FILE", 64)
    path, data, media = sent
    answer = await rosa.send("POST", f"/imports/files{path}", data=data, Content_Type=media)
    assert (answer.status, answer.code) == refusal, answer.body
    assert (await rosa.get("/imports/files"))["files"] == []
    assert list((alone.node.folder / "imports").glob("files/*")) == []


async def test_a_name_is_no_way_out_of_its_directory(rosa: Client, alone: Served) -> None:
    for sent, kept in (
        ("../../node.toml", "node.toml"),
        ("C:\\x\\y.csv", "y.csv"),
        ("-rf", "_-rf"),
    ):
        answer = await rosa.send(
            "POST", f"/imports/files?name={sent.replace(chr(92), '%5C')}", data=b"a,b\n1,2\n",
            Content_Type="text/csv",
        )  # fmt: skip
        assert answer.body["name"] == kept
        assert (alone.node.imports.files.place(answer.body["file"]) / kept).is_file()


async def test_a_bounded_number_of_files_waits_and_each_for_a_day(
    rosa: Client, alone: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_files, "MAX_FILES", 2)
    first = (await send_file(rosa, FIRMS))["file"]
    await send_file(rosa, FIRMS)
    third = await rosa.send("POST", "/imports/files", data=b"a\n1\n", Content_Type="text/csv")
    assert (third.status, third.code) == (422, "ofc.file")
    assert (await rosa.send("DELETE", f"/imports/files/{first}")).body == {"dropped": first}
    assert (await rosa.send("DELETE", f"/imports/files/{first}")).status == 404
    await send_file(rosa, FIRMS)
    alone.node.imports.drop_old(now=clock.now() + 23 * 3_600_000)
    assert len((await rosa.get("/imports/files"))["files"]) == 2
    assert alone.node.imports.drop_old(now=clock.now() + 25 * 3_600_000) == 2
    assert list((alone.node.folder / "imports" / "files").iterdir()) == []


async def test_one_import_at_a_time_whoever_has_it_done(rosa: Client, alone: Served) -> None:
    file = (await send_file(rosa, FIRMS))["file"]
    lock = lock_imports(alone.node.folder)
    try:
        asked = {"file": file, "kind": "organisations", "mapping": MAPPING}
        answer = await rosa.send("POST", "/imports", asked)
    finally:
        lock.release()
    assert (answer.status, answer.code) == (503, "locked")
    assert "another import into this site is under way" in answer.body["detail"]


@processes
async def test_a_node_answers_while_it_imports_and_what_is_stopped_stays(
    maria: Client, at: Served
) -> None:
    rows = "".join(f"{one},Firma {one},Graz,AT\n" for one in range(6_000))
    number = await begin(maria, (await send_file(maria, f"no,name,place,land\n{rows}"))["file"])
    await told_when(maria, number, lambda told: told["phase"] == "reading")
    async with maria.session.get(f"{at.url}/health") as answer:
        assert answer.status == 200
    told = await told_when(maria, number, lambda told: told["records"] >= 1000)
    assert told["state"] == "running", told
    second = await maria.send("POST", "/imports", {"file": told["file"], "kind": "organisations"})
    assert (second.status, second.code) == (503, "locked")
    assert (await maria.send("DELETE", f"/imports/files/{told['file']}")).status == 409
    assert (await maria.send("DELETE", f"/imports/{number}")).status == 409
    stopped = (await maria.send("POST", f"/imports/{number}/stop")).body
    assert stopped["state"] == "stopped"
    records = int(stopped["trail"].split()[-2])
    assert 1000 <= records < 6_000
    assert (await maria.send("POST", f"/imports/{number}/stop")).status == 409
    # Begun again it brings in the rest.
    rest = await ended(maria, await begin(maria, told["file"], only={"country": ["AT"]}))
    assert (rest["counts"]["unchanged"], rest["counts"]["appended"]) == (records, 6_000 - records)


@processes
async def test_what_was_under_way_when_a_node_ended_is_told(
    federation: Federation, maria: Client, at: Served, session: aiohttp.ClientSession
) -> None:
    rows = "".join(f"{one},Firma {one},Graz,AT\n" for one in range(6_000))
    file = (await send_file(maria, f"no,name,place,land\n{rows}"))["file"]
    number = await begin(maria, file)
    await told_when(maria, number, lambda told: told["records"])
    await at.close()
    again = await federation.open("at", int(at.url.rpartition(":")[2]))
    client = Client(again.url, maria.token, session)
    told = await client.get(f"/imports/{number}")
    assert told["state"] == "interrupted"
    in_log = again.node.log.held.size
    records = int(told["trail"].split()[-2])
    assert 0 < records < 6_000
    rest = await ended(client, await begin(client, file))
    assert rest["counts"]["unchanged"] == records
    assert rest["counts"]["appended"] == 6_000 - records
    assert again.node.log.held.size > in_log


@processes
async def test_a_role_that_is_taken_away_ends_an_import(maria: Client, at: Served) -> None:
    rows = "".join(f"{one},Firma {one},Graz,AT\n" for one in range(6_000))
    number = await begin(maria, (await send_file(maria, f"no,name,place,land\n{rows}"))["file"])
    await until(lambda: at.node.imports.get(number).records, seconds=60)
    await officer_revoke(at.node, {"name": "Maria"})
    await until(lambda: at.node.imports.get(number).state != "running", seconds=60)
    problem = at.node.imports.get(number).problem
    assert problem is not None
    assert problem.code == "ofc.name"


@processes
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Excel file"),
    ],
)
async def test_a_file_of_another_kind_is_named_by_its_own_name(
    maria: Client, content: bytes, says: str
) -> None:
    file = (await send_file(maria, content, "Liste.xls"))["file"]
    guessed = await maria.send("GET", f"/imports/files/{file}/mapping")
    assert guessed.status == 400
    assert guessed.body["detail"].startswith("Liste.xls: ")
    assert says in guessed.body["detail"]
    failed = await ended(maria, await begin(maria, file))
    assert failed["state"] == "failed"
    assert failed["problem"]["code"] == "format"
    assert says in failed["problem"]["error"]


@processes
async def test_a_process_that_dies_is_an_answer_and_lets_others_import(
    maria: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = (await send_file(maria, FIRMS))["file"]
    with monkeypatch.context() as patch:
        patch.setattr("sopro_node.imports.process._MODULE", "sopro_node.nothing_there")
        failed = await ended(maria, await begin(maria, file))
    assert failed["problem"]["error"].startswith("firms.csv: the process that reads it has ended")
    assert (await ended(maria, await begin(maria, file)))["state"] == "done"


@processes
async def test_a_guess_has_an_end(
    lone_node: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield FIRMS.encode()

    monkeypatch.setattr(jobs, "GUESS_SECONDS", 0.01)
    file = await lone_node.imports.files.keep(pieces(), name="firms.csv", officer="Maria")
    order = GuessOrder(file.name, "", 0, "", "")
    with pytest.raises(jobs.UnavailableError, match="no mapping within"):
        await lone_node.imports.guess(file, order)
