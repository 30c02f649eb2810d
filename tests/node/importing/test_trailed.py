"""An import is one line of the trail, written with its entries."""

import hashlib
from typing import Any

import pytest

from sopro_node.importing import run
from sopro_node.importing.fields import Kind
from sopro_node.importing.planning import Call
from sopro_protocol.errors import FormatError
from tests.node.importing.sources import ORGANISATIONS, FakeOffice, Told

ROWS = "no,name,place,land,since\n" + "".join(
    f"{number},Firma {number},Graz,AT,01.02.2020\n" for number in range(2, 7)
)


async def imports(call: Call) -> list[dict[str, Any]]:
    """Return the lines of imports of organisations, the last first, but for the fixture's."""
    lines = (await call("officer_trail", {}))["trail"]
    return [one for one in lines if "--as organisations" in one["action"]][:-1]


async def test_an_import_is_one_line_that_names_its_file(
    call: Call, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BATCH", 2)
    bad = "7,Firma 7,Graz,ZZ,01.02.2020\n"
    summary = await told.run(call, Kind.ORGANISATIONS, ROWS + bad, ORGANISATIONS)
    assert (summary.appended, summary.bad) == (5, 1)
    digest = hashlib.sha256((ROWS + bad).encode()).hexdigest()
    [line] = await imports(call)
    name = f"source{told.number}.csv"
    assert line["action"] == (
        f"import {name} --as organisations, SHA-256 {digest}, 6 rows read, 5 records"
    )
    assert line["origin"] == "sopro.example/at/1"
    assert len(line["entry_id"]) == 32
    await told.run(call, Kind.ORGANISATIONS, ROWS, ORGANISATIONS)
    assert await imports(call) == [line], "what is in already makes no entry"
    more = ROWS.replace("Firma 2", "Firma zwei")
    await told.run(call, Kind.ORGANISATIONS, more, ORGANISATIONS)
    assert [one["action"][-11:] for one in await imports(call)] == ["d, 1 record", ", 5 records"]


async def test_a_line_is_gone_on_with_by_whoever_began_it_only(call: Call, told: Told) -> None:
    seen: list[dict[str, Any]] = []

    async def listening(name: str, values: Any) -> dict[str, Any]:
        answer = await call(name, values)
        seen.extend([dict(values)] if name == "import_rows" else [])
        return answer

    await told.run(listening, Kind.ORGANISATIONS, ROWS, ORGANISATIONS)
    [asked] = seen
    drafts = [{**one, "entity": bytes(15) + b"1", "seen": None} for one in asked["drafts"][:1]]
    [line] = await imports(call)
    by = {"done_by": {"user": "eva", "officer": ""}}
    told_line = {"number": line["number"], "records": 5}
    answer = await call("import_rows", {**asked, "drafts": drafts, "line": told_line, **by})
    assert answer["line"] == {"number": line["number"] + 1, "records": 1}
    assert [one["officer"] for one in await imports(call)] == ["eva", ""]


async def test_what_is_imported_has_to_be_said(call: Call) -> None:
    with pytest.raises(FormatError, match="import: "):
        await call("import_rows", {"drafts": [], "source": {"file": "x"}})


async def test_a_file_that_is_written_to_meanwhile_is_not_imported(
    office: FakeOffice, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = iter(("00" * 32, "11" * 32))
    monkeypatch.setattr(run, "hash_source", lambda _path: next(hashes))
    with pytest.raises(FormatError, match="was written to while it was being read"):
        await told.run(office, Kind.ORGANISATIONS, ROWS, ORGANISATIONS)
    assert office.drafts == []
