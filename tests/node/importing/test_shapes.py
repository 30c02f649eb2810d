"""Registers in the shapes that people make them in: read right, or told what is wrong."""

import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sopro_node.importing.fields import Kind
from sopro_node.importing.guess import guess_mapping
from sopro_node.importing.job import Job
from sopro_node.importing.mapping import read_mapping
from sopro_node.importing.report import Report
from sopro_node.importing.run import run_import
from tests.node.importing.sources import ORGANISATIONS, SECRET, FakeOffice, Told, counts

TWO_LINES = [
    ["Nr", "Betrieb", "", "Label", ""],
    ["", "Name", "Ort", "Status", "seit"],
    ["1", "Alpha", "Wien", "aktiv", "01.05.2020"],
    ["2", "Beta", "Graz", "aktiv", "01.05.2021"],
]
NAMES = ["Nr", "Betrieb Name", "Betrieb Ort", "Label Status", "Label seit"]


def as_csv(rows: list[list[str]], delimiter: str = ";") -> str:
    return "".join(delimiter.join(row) + "\n" for row in rows)


def as_workbook(path: Path, rows: list[list[Any]], *merged: str) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append([cell or None for cell in row])
    for place in merged:
        sheet.merge_cells(place)
    book.save(path)
    return path


async def run_guessed(office: FakeOffice, path: Path, **instead: str) -> Report:
    """Import a file by its guessed mapping, once a person has filled in its country."""
    toml = guess_mapping(path, Kind.ORGANISATIONS).toml
    for text, by in {'# country = "AT"': 'country = "AT"', **instead}.items():
        toml = toml.replace(text, by)
    mapping = read_mapping(toml, Kind.ORGANISATIONS, where="guessed")
    lines: list[str] = []
    bad = path.with_suffix(".bad.csv")
    bad.unlink(missing_ok=True)
    job = Job(Kind.ORGANISATIONS, path, mapping, bad, lines.append, lambda *_: None)
    return await run_import(job, office, secret=SECRET)


async def test_names_in_two_lines_are_one(office: FakeOffice, tmp_path: Path) -> None:
    text = tmp_path / "two.csv"
    text.write_text(as_csv(TWO_LINES))
    book = as_workbook(tmp_path / "two.xlsx", TWO_LINES, "B1:C1", "D1:E1", "A1:A2")
    title = [["Register 2026", "", "", "", ""], [""] * 5, *TWO_LINES]
    below = as_workbook(tmp_path / "below.xlsx", title, "B3:C3", "D3:E3")
    for path in (text, book, below):
        guessed = guess_mapping(path, Kind.ORGANISATIONS)
        assert "header_lines = 2" in guessed.toml, path
        report = await run_guessed(office, path)
        assert list(report.used) + list(report.unused) == NAMES
        assert (report.summary.appended, report.summary.bad) == (2, 0), path


@pytest.mark.parametrize(
    "rows",
    [
        [["no", "name", "country"], ["1", "Alpha", "AT"]],
        [["no", "", "country"], ["", "Alpha", "AT"]],
        [["name", "", "country", "city"], ["Alpha", "x", "AT", "Wien"]],
        [["no", "name", "", "country"], ["", "7", "x", "AT"]],
    ],
)
def test_rows_are_no_second_line_of_names(tmp_path: Path, rows: list[list[str]]) -> None:
    path = tmp_path / "one.csv"
    path.write_text(as_csv(rows))
    assert "header_lines" not in guess_mapping(path, Kind.ORGANISATIONS).toml


async def test_bad_rows_come_in_again_whatever_stood_above_the_names(
    office: FakeOffice, told: Told
) -> None:
    mapping = {
        "columns": {"key": "Nr", "legal_name": "Betrieb Name", "country": "Label Status"},
        "constants": {"actor_type": "enterprise"},
        "header_lines": 2,
        "header_line": 2,
    }
    text = "Register\n" + as_csv(TWO_LINES).replace("aktiv", "AT", 1)
    assert counts(await told.run(office, Kind.ORGANISATIONS, text, mapping)) == (1, 0, 0, 1)
    mended = told.bad.read_text().replace("aktiv", "HU")
    assert counts(await told.run(office, Kind.ORGANISATIONS, mended, mapping)) == (1, 0, 0, 0)


async def test_empty_cells_make_no_row_and_no_cell_too_many(office: FakeOffice, told: Told) -> None:
    text = "no,name,place,land,since\n1,A,Graz,AT,,,\n,,,,\n\n ,,,,\n2,B,Graz,AT,\n,,,,,,,\n"
    assert counts(await told.run(office, Kind.ORGANISATIONS, text, ORGANISATIONS)) == (2, 0, 0, 0)


async def test_text_that_is_kept_from_becoming_a_number_is_itself(
    office: FakeOffice, told: Told
) -> None:
    text = 'no,name,place,land,since\n"=""007""",A,Graz,AT,\n'
    mapping = ORGANISATIONS | {"kept": {"number": "no"}}
    await told.run(office, Kind.ORGANISATIONS, text, mapping)
    assert b"007" in office.drafts[0]["documents"][0]["content"]
    assert b'="' not in office.drafts[0]["documents"][0]["content"]


async def test_a_line_of_totals_is_guessed_and_passed_over(
    office: FakeOffice, tmp_path: Path
) -> None:
    rows = [["no", "name", "country", "score"], ["1", "A", "AT", "5"], ["2", "B", "AT", "6"]]
    path = tmp_path / "totals.csv"
    path.write_text(as_csv([*rows, ["", "", "", ""], ["Summe:", "", "", "11"]]))
    report = await run_guessed(office, path)
    assert (report.summary.appended, report.summary.bad, report.summary.skipped) == (2, 0, 1)
    assert report.skipped == {"column 'no', value 'Summe:': a line of totals": 1}
    path.write_text(as_csv([*rows, ["Total SE", "C", "FR", "7"]]))
    assert "skip" not in guess_mapping(path, Kind.ORGANISATIONS).toml


def test_scores_days_and_grades_are_no_keys(tmp_path: Path) -> None:
    path = tmp_path / "cycles.csv"
    path.write_text(
        "service;provider;country;score;grade;audited_on\n"
        "S-1;Hilfe GmbH;AT;81,5;B;31.12.2023\n"
        "S-1;Hilfe GmbH;AT;88,0;A;30.11.2025\n"
        "S-2;Mobil eG;AT;45,0;D;15.06.2024\n"
    )
    guessed = guess_mapping(path, Kind.ORGANISATIONS).toml
    assert '# key = "..."  # FILL IN' in guessed
    assert 'legal_name = "provider"' in guessed


async def test_a_register_of_fourteen_digits_keeps_every_digit(
    office: FakeOffice, tmp_path: Path
) -> None:
    rows: list[list[Any]] = [
        ["SIRET", "Raison sociale", "Ville", "Pays", "Depuis"],
        [73282932000074, "Coopérative", "Lyon", "France", datetime.date(2020, 1, 5)],
        ["00045678901230", "Deux", "Paris", "FR", datetime.date(2021, 1, 5)],
    ]
    report = await run_guessed(office, as_workbook(tmp_path / "siret.xlsx", rows))
    assert [one.identifier for one in report.identifiers] == ["SIRET-00045678901230"]
    assert b"73282932000074" in office.drafts[0]["documents"][0]["content"]


async def test_two_hundred_columns_and_one(office: FakeOffice, tmp_path: Path) -> None:
    wide = [["no", "name", "country", *(f"c{one}" for one in range(197))]]
    wide.append(["1", "A", "AT", *["x"] * 197])
    path = tmp_path / "wide.csv"
    path.write_text(as_csv(wide))
    report = await run_guessed(office, path)
    assert (report.summary.appended, len(report.unused)) == (1, 197)
    path.write_text("name\nAlpha\nBeta\n")
    guessed = guess_mapping(path, Kind.ORGANISATIONS)
    assert guessed.remarks[1].startswith("only one column")
    key = {'# key = "..."': 'key = "name"', "which column is it?": ""}
    report = await run_guessed(office, path, **key)
    assert report.summary.appended == 2


@pytest.mark.parametrize("text", ["2025-W03", "2025", "Dezember 2025", "31.02.2025"])
def test_what_is_called_a_day_and_is_none_is_not_left_out_without_a_word(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "license_no;holder;country;product;status;granted_on;valid_until\n"
        f"1;A;AT;Brot;active;{text};{text}\n2;B;AT;Bier;active;{text};{text}\n"
    )
    guessed = guess_mapping(path, Kind.DECISIONS)
    for name in ("granted_on", "valid_until"):
        assert f'# {name} = "{name}"  # FILL IN: {text!r}: no days of the calendar' in guessed.toml
    assert "decisions granted_on, decisions valid_until" in guessed.remarks[-1]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("31.12.2025", "2025-12-31"),
        ("12/31/25", "2025-12-31"),
        ("45000", "2023-03-15"),
        ("2025.12.31.", "2025-12-31"),
        ("2025. december 31.", "2025-12-31"),
        ("2025-12-31T00:00:00", "2025-12-31"),
    ],
)
async def test_days_are_read_as_they_are_guessed(
    office: FakeOffice, tmp_path: Path, text: str, day: str
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"license_no;status;granted_on\n1;active;{text}\n2;active;{text}\n")
    mapping = read_mapping(guess_mapping(path, Kind.DECISIONS).toml, Kind.DECISIONS, where="m")
    job = Job(Kind.DECISIONS, path, mapping, tmp_path / "bad", print, lambda *_: None)
    report = await run_import(job, office, secret=SECRET)
    assert report.summary.appended == 2
    assert {draft["values"]["effective_date"] for draft in office.drafts} == {day}
