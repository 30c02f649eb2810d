"""Whole imports: into an office that only listens, and into a real site."""

import csv
from pathlib import Path

import pytest

from sopro_node.importing.fields import Kind
from sopro_node.importing.job import free_bad_path
from sopro_protocol.errors import FormatError, RefusedError
from tests.node.conftest import Federation
from tests.node.importing.sources import (
    DECISIONS,
    OFFERINGS,
    ORGANISATIONS,
    FakeOffice,
    Told,
    counts,
    over_msgpack,
)

PEOPLE = "no,name,place,land,since\n1,Erste,Graz,AT,01.02.2020\n2,Zweite,Αθήνα,EL,\n"
THINGS = "no,org,name\na,1,Sessel\nb,2,Tisch\nc,2,Bank\n"
LIVES = (
    "no,n,status,at\n"
    "b,10,lost,2020-01-01T00:00:00Z\n"
    "a,1,granted,2015-12-31T23:00:00Z\n"
    "b,9,granted,2016-06-30T22:00:00Z\n"
    "a,2,accredited,\n"
    "c,1,lost,2016-06-30T22:00:00Z\n"
    "b,11,granted,2019-01-01T00:00:00Z\n"
)
PLAIN = Path(__file__).resolve().parents[3]


# With an office that only listens.


async def test_good_rows_go_in_and_bad_ones_to_a_file(office: FakeOffice, told: Told) -> None:
    text = PEOPLE + "3,,Wien,AT,\n4,Vierte,Wien,Ausria,x\n5,Fünfte\n6,Sechste,Wien,AT,\n"
    summary = await told.run(office, Kind.ORGANISATIONS, text, ORGANISATIONS)
    assert counts(summary) == (3, 0, 0, 3)
    rows = list(csv.DictReader(told.bad.read_text().splitlines()))
    assert [row["no"] for row in rows] == ["3", "4", "5"]
    assert any("column 'land', value 'Ausria'" in line for line in told.lines)
    assert all(str(told.folder) in line for line in told.lines)


async def test_corrected_bad_rows_can_be_imported_as_they_are(
    office: FakeOffice, told: Told
) -> None:
    await told.run(office, Kind.ORGANISATIONS, PEOPLE + "3,Dritte,,Ausria,\n", ORGANISATIONS)
    corrected = told.bad.read_text().replace(",Ausria,", ",AT,")
    summary = await told.run(office, Kind.ORGANISATIONS, corrected, ORGANISATIONS)
    assert counts(summary) == (1, 0, 0, 0)


async def test_only_the_rows_asked_for_are_read(office: FakeOffice, told: Told) -> None:
    where = ORGANISATIONS | {"where": {"land": ["EL", "XI"]}}
    summary = await told.run(office, Kind.ORGANISATIONS, PEOPLE, where)
    assert counts(summary) == (1, 0, 0, 0)
    assert office.drafts[0]["values"]["country"] == "GR"


async def test_nothing_that_names_anyone_is_in_the_record(office: FakeOffice, told: Told) -> None:
    await told.run(office, Kind.ORGANISATIONS, PEOPLE, ORGANISATIONS)
    [draft, _] = office.drafts
    assert draft["values"] == {
        "actor_type": "enterprise",
        "country": "AT",
        "effective_date": "2020-02-01",
        "status": "active",
    }
    assert b"Erste" in draft["documents"][0]["content"]


async def test_a_key_that_comes_back_with_other_values_is_bad_unless_the_first_counts(
    office: FakeOffice, told: Told
) -> None:
    text = PEOPLE + "1,Erste,Graz,AT,01.02.2020\n1,Anders,Graz,AT,01.02.2020\n"
    summary = await told.run(office, Kind.ORGANISATIONS, text, ORGANISATIONS)
    assert counts(summary) == (2, 1, 0, 1)
    assert "line 2 gave this key with another legal_name; keep one row" in told.lines[0]
    first = ORGANISATIONS | {"repeated_keys": "first"}
    assert counts(await told.run(FakeOffice(), Kind.ORGANISATIONS, text, first)) == (2, 2, 0, 0)


async def test_cells_that_do_not_fit_are_told_and_left_out_where_the_mapping_says_so(
    office: FakeOffice, told: Told
) -> None:
    text = PEOPLE + "3,Dritte,a\x07b,AT,31.02.2020\n4,Vierte,Wien,Utopia,\n"
    lenient = ORGANISATIONS | {"unusable_cells": "empty"}
    summary = await told.run(office, Kind.ORGANISATIONS, text, lenient)
    assert counts(summary) == (3, 0, 0, 1)
    assert summary.left_out == 3
    [place, since, country, bad] = told.lines
    assert place.endswith("holds a control character; remove it; left out")
    assert ":4: column 'since', value '31.02.2020'" in since
    assert "column 'land', value 'Utopia': expected a country" in country
    assert bad.endswith("column 'land', value '': expected country, found nothing")
    assert b"locality" not in office.drafts[2]["documents"][0]["content"]


async def test_a_row_that_comes_back_as_it_was_is_unchanged(office: FakeOffice, told: Told) -> None:
    at = "2020-01-01T00:00:00Z"
    text = f"no,n,status,at\na,1,granted,{at}\na,1,granted,{at}\na,2,lost,{at}\na,1,granted,{at}\n"
    summary = await told.run(office, Kind.DECISIONS, text, DECISIONS)
    assert counts(summary) == (2, 2, 0, 0)


async def test_decisions_go_in_by_their_order_not_by_their_dates(
    office: FakeOffice, told: Told
) -> None:
    summary = await told.run(office, Kind.DECISIONS, LIVES, DECISIONS)
    assert counts(summary) == (5, 0, 1, 0)
    actions = [draft["values"]["action"] for draft in office.drafts]
    assert actions == ["grant", "revoke", "reinstate", "grant", "renew"]
    assert [draft["values"].get("effective_date") for draft in office.drafts] == [
        "2016-07-01",
        "2020-01-01",
        "2019-01-01",
        "2016-01-01",
        None,
    ]


@pytest.mark.parametrize(
    ("reason", "given"),
    [("nc_not_closed", [None, "nc_not_closed", None, None, None]), ("appeal_upheld", None)],
)
async def test_a_reason_of_all_rows_is_one_for_ending_labels(
    office: FakeOffice, told: Told, reason: str, given: list[str | None] | None
) -> None:
    mapping = DECISIONS | {"constants": DECISIONS["constants"] | {"reason_code": reason}}
    await told.run(office, Kind.DECISIONS, LIVES, mapping)
    reasons = [draft["values"].get("reason_code") for draft in office.drafts]
    assert reasons == (given or [reason] * 5)


async def test_a_row_whose_place_is_unknown_holds_back_its_key(
    office: FakeOffice, told: Told
) -> None:
    text = LIVES + "a,,lost,\n"
    assert counts(await told.run(office, Kind.DECISIONS, text, DECISIONS)) == (3, 0, 1, 3)


async def test_the_file_of_bad_rows_is_never_overwritten(office: FakeOffice, told: Told) -> None:
    await told.run(office, Kind.ORGANISATIONS, PEOPLE + "3,,,AT,\n", ORGANISATIONS)
    assert free_bad_path(Path("bad1.csv"), told.folder).name == "bad1.bad.csv"
    (told.folder / "x.bad.csv").touch()
    assert free_bad_path(Path("x.csv"), told.folder).name == "x.bad.2.csv"
    told.number -= 1
    with pytest.raises(FormatError, match="is there already"):
        await told.run(office, Kind.ORGANISATIONS, PEOPLE + "3,,,AT,\n", ORGANISATIONS)


async def test_only_the_first_errors_are_told_the_file_has_all(
    office: FakeOffice, told: Told
) -> None:
    text = "no,name,place,land,since\n" + "".join(f"{n},,,AT,\n" for n in range(50))
    summary = await told.run(office, Kind.ORGANISATIONS, text, ORGANISATIONS)
    assert (summary.bad, len(told.lines)) == (50, 21)
    assert told.lines[-1] == "... and 30 more"


async def test_columns_that_are_no_fields_are_named_with_those_that_are(
    office: FakeOffice, told: Told
) -> None:
    text = "key,kind,organisation,name.de,gtim,name,note\u202e\na,product,1,Brot,5,x,y\n"
    assert counts(await told.run(office, Kind.OFFERINGS, text)) == (1, 0, 0, 0)
    [line] = told.lines
    assert line == (
        f"{told.folder}/source1.csv: left aside, because no field has such a name: 'gtim', 'name', "
        "'note\\u202e'; fields: key, organisation, name.LANGUAGE, description.LANGUAGE, kind, "
        "status, cpv, gtin, effective_date, country"
    )
    # A mapping says what it takes; and the errors of a file of bad rows are nobody's typing error.
    assert counts(await told.run(office, Kind.OFFERINGS, THINGS, OFFERINGS)) == (3, 0, 0, 0)
    text = "error,key,kind,organisation,name.de\nold,a,product,1,Brot\n"
    assert counts(await told.run(office, Kind.OFFERINGS, text)) == (1, 0, 0, 0)
    assert told.lines == []


# With a real site.


async def test_the_coordinator_has_no_register_to_import_into(
    federation: Federation, told: Told
) -> None:
    call = over_msgpack((await federation.coordinator()).node)
    with pytest.raises(RefusedError, match=r"this is the coordination node; .* import there"):
        await told.run(call, Kind.ORGANISATIONS, PEOPLE, ORGANISATIONS)


async def test_an_import_is_repeatable_and_follows_changes(
    federation: Federation, told: Told
) -> None:
    await federation.coordinator()
    node = (await federation.join("at", "AT")).node
    call = over_msgpack(node)
    files = (
        (Kind.ORGANISATIONS, PEOPLE, ORGANISATIONS),
        (Kind.OFFERINGS, THINGS, OFFERINGS),
        (Kind.DECISIONS, LIVES, DECISIONS),
    )
    expected = [(2, 0, 0, 0), (3, 0, 0, 0), (5, 0, 1, 0)]
    assert [counts(await told.run(call, *one)) for one in files] == expected
    size = node.log.held.size
    repeated = [(0, 2, 0, 0), (0, 3, 0, 0), (0, 5, 1, 0)]
    assert [counts(await told.run(call, *one)) for one in files] == repeated
    assert node.log.held.size == size

    changed = PEOPLE.replace("Erste", "Neue")
    assert counts(await told.run(call, Kind.ORGANISATIONS, changed, ORGANISATIONS)) == (1, 1, 0, 0)
    changed = THINGS.replace("c,2", "c,1")
    assert counts(await told.run(call, Kind.OFFERINGS, changed, OFFERINGS)) == (1, 2, 0, 0)
    longer = LIVES + "a,3,lost,2021-01-01T00:00:00Z\nc,2,granted,2018-01-01T00:00:00Z\n"
    assert counts(await told.run(call, Kind.DECISIONS, longer, DECISIONS)) == (2, 5, 1, 0)
    assert node.desk.label("SOPRO/AT0/001/00001").status == "active"
    # An older file than the last one: what is missing in it stays, what changed in it is told.
    changed = LIVES.replace("2016-06-30T22:00:00Z\na", "2016-06-29T22:00:00Z\na")
    assert counts(await told.run(call, Kind.DECISIONS, changed, DECISIONS)) == (0, 2, 1, 3)


async def test_references_must_have_been_imported(federation: Federation, told: Told) -> None:
    await federation.coordinator()
    call = over_msgpack((await federation.join("at", "AT")).node)
    assert counts(await told.run(call, Kind.OFFERINGS, THINGS, OFFERINGS)) == (0, 0, 0, 3)
    assert "organisation '1' has not been imported" in told.lines[0]
    assert counts(await told.run(call, Kind.DECISIONS, LIVES, DECISIONS)) == (0, 0, 0, 6)


async def test_two_events_at_one_instant_count_in_their_order(
    federation: Federation, told: Told
) -> None:
    await federation.coordinator()
    node = (await federation.join("at", "AT")).node
    call = over_msgpack(node)
    await told.run(call, Kind.ORGANISATIONS, PEOPLE, ORGANISATIONS)
    await told.run(call, Kind.OFFERINGS, THINGS, OFFERINGS)
    at = "2016-06-30T22:00:00Z"
    lives = (
        f"no,n,status,at\na,2,granted,{at}\na,1,accredited,{at}\nb,1,granted,{at}\nb,2,lost,{at}\n"
    )
    assert counts(await told.run(call, Kind.DECISIONS, lives, DECISIONS)) == (4, 0, 0, 0)
    labels = node.desk.labels()
    assert [[one.action for one in label.history] for label in labels] == [
        ["grant", "renew"],
        ["grant", "revoke"],
    ]
    assert [label.status for label in labels] == ["active", "revoked"]


async def test_what_a_rule_forbids_is_counted_apart(federation: Federation, told: Told) -> None:
    await federation.coordinator()
    call = over_msgpack((await federation.join("at", "AT")).node)
    await told.run(call, Kind.ORGANISATIONS, PEOPLE, ORGANISATIONS)
    await told.run(call, Kind.OFFERINGS, THINGS, OFFERINGS)
    lives = "no,n,status,at\na,1,granted,\na,2,lost,\na,3,suspended,\nb,1,suspended,\n"
    for expected in ((2, 0, 2, 0), (0, 2, 2, 0)):
        summary = await told.run(call, Kind.DECISIONS, lives, DECISIONS)
        assert counts(summary) == expected
        assert summary.forbidden == 2
        assert any("cannot suspend a label that is revoked" in line for line in told.lines)
        header, *rows = told.bad.read_text().splitlines()
        assert header == "error,no,n,status,at"
        assert [row[-14:] for row in rows] == ["a,3,suspended,", "b,1,suspended,"]
        assert all("refused: " in row for row in rows)


async def test_a_site_that_has_not_joined_imports_nothing(
    federation: Federation, told: Told
) -> None:
    node = (await federation.begin("at", "AT")).node
    with pytest.raises(RefusedError, match="imports once it is admitted"):
        await told.run(over_msgpack(node), Kind.ORGANISATIONS, PEOPLE, ORGANISATIONS)
