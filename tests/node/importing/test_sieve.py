"""Rows are passed over for reasons that are told, and taken apart where they are several things."""

from typing import Any

import pytest

from sopro_node.importing.fields import Kind
from sopro_protocol.errors import FormatError
from tests.node.importing.sources import OFFERINGS, ORGANISATIONS, FakeOffice, Told, counts

PEOPLE = (
    "no,name,place,land,since\n"
    "1,Eine,Graz,Österreich,\n2,Két,Pécs,HU,\n3,Drei,Linz,ÖSterreich,\n4,Four,,ABERDEEN,\n5,Six,,,\n"
    "6,Sieben,Wien,AUT,\n"
)


async def test_only_rows_of_a_country_however_it_is_spelled(office: FakeOffice, told: Told) -> None:
    only = ORGANISATIONS | {"only": {"country": "AT"}}
    assert counts(await told.run(office, Kind.ORGANISATIONS, PEOPLE, only)) == (3, 0, 0, 0)
    assert told.report is not None
    assert told.report.summary.skipped == 3
    [is_hungarian, aberdeen, empty] = sorted(told.report.skipped)
    assert is_hungarian == "country is HU, not AT"
    assert aberdeen.startswith("country is not known to be AT: column 'land', value '': expected")
    assert empty.startswith("country is not known to be AT: column 'land', value 'ABERDEEN'")
    assert dict(told.report.spellings) == {
        ("country", "Österreich", "AT"): 1,
        ("country", "ÖSterreich", "AT"): 1,
        ("country", "AUT", "AT"): 1,
    }


async def test_a_row_that_cannot_say_whether_it_is_meant_is_passed_over_also_where_cells_may_lack(
    office: FakeOffice, told: Told
) -> None:
    only = ORGANISATIONS | {"only": {"country": ["AT", "HU"]}, "unusable_cells": "empty"}
    assert counts(await told.run(office, Kind.ORGANISATIONS, PEOPLE, only)) == (4, 0, 0, 0)
    assert told.report is not None
    assert told.report.summary.skipped == 2


EACH: dict[str, Any] = {
    "columns": {"key": ["id", "tags"], "organisation": "id", "kind": "tags"},
    "constants": {},
    "each": {"column": "tags", "separator": ";"},
    "skip": {"tags": {"other": "names nothing", "": "no keyword"}},
    "values": {
        "kind": {"repair": "service", "bread": "product"},
        "name.de": {"repair": "Reparatur"},
    },
    "texts": {"name": {"column": "tags", "language": "de"}},
}


async def test_a_row_counts_once_for_each_part_of_a_cell(office: FakeOffice, told: Told) -> None:
    text = "id,tags\n1,repair; other;bread;repair\n2,\n3,strange;bread\n4,repair\n"
    mapping = {**OFFERINGS, **EACH}
    assert counts(await told.run(office, Kind.OFFERINGS, text, mapping)) == (4, 0, 0, 1)
    kinds = [draft["values"]["kind"] for draft in office.drafts]
    assert kinds == ["service", "product", "product", "service"]
    assert b"Reparatur" in office.drafts[0]["documents"][0]["content"]
    assert told.report is not None
    assert dict(told.report.skipped) == {
        "column 'tags', value 'other': names nothing": 1,
        "column 'tags', value '': no keyword": 1,
    }
    # What is bad comes back as the part alone, and goes in once it is corrected.
    assert told.bad.read_text().splitlines()[1].endswith(",3,strange")
    again = told.bad.read_text().replace("3,strange", "3,repair")
    assert counts(await told.run(office, Kind.OFFERINGS, again, mapping)) == (1, 0, 0, 0)


@pytest.mark.parametrize("value", ["other", "*"])
async def test_a_reason_may_hold_for_all_others(office: FakeOffice, told: Told, value: str) -> None:
    skip = {"skip": {"land": {value: "not from there"}}}
    text = PEOPLE.replace("HU", "other")
    summary = await told.run(office, Kind.ORGANISATIONS, text, ORGANISATIONS | skip)
    assert summary.skipped == (6 if value == "*" else 1)


async def test_things_are_told_apart_by_the_country_of_their_row(
    office: FakeOffice, told: Told
) -> None:
    text = "no,org,name,land\na,1,Sessel,Austria\nb,2,Szék,HU\n"
    columns = {**OFFERINGS["columns"], "country": "land"}
    mapping = OFFERINGS | {"columns": columns, "only": {"country": "AT"}}
    assert counts(await told.run(office, Kind.OFFERINGS, text, mapping)) == (1, 0, 0, 0)
    assert "country" not in office.drafts[0]["values"]
    with pytest.raises(FormatError, match="asks for 'country', and the mapping does not say"):
        await told.run(office, Kind.OFFERINGS, text, {**OFFERINGS, "only": {"country": "AT"}})
