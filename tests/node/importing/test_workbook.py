"""Workbooks: days are days, numbers keep their zeros, and a hostile one does no harm."""

import io
import random
import tracemalloc
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.xml import DEFUSEDXML

from sopro_node.importing import workbook
from sopro_node.importing.fields import Kind
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_node.importing.opening import open_source
from sopro_node.importing.workbook import Workbook
from sopro_protocol.errors import FormatError
from tests.node.importing.sources import ORGANISATIONS, FakeOffice, Told, counts

HEADER = ["no", "name", "place", "land", "since"]


def write(path: Path, rows: list[list[Any]], **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    for title, content in {"Register": rows, **sheets}.items():
        sheet = book.create_sheet(title)
        for row in content:
            sheet.append(row)
    del book["Sheet"]
    book.save(path)
    return path


def read(path: Path, **said: Any) -> list[tuple[int, list[str], str]]:
    source = open_source(path, SourceMapping(**said))
    try:
        return [tuple(row) for row in source.rows()]
    finally:
        source.close()


def test_cells_are_read_as_a_person_sees_them(tmp_path: Path) -> None:
    path = tmp_path / "in.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["a", "b", "c", "d", "e", "f", "g"])
    instant = datetime(2020, 2, 1, 9, 30)  # noqa: DTZ001  # a workbook knows no zones
    sheet.append([73282932000074, 1.5, True, date(2020, 2, 1), instant, " x ", 1010])
    sheet["G2"].number_format = "00000"
    sheet.append([7.0, None, time(9, 30), None, None, None, None])
    book.save(path)
    [first, second] = read(path)
    days = ["2020-02-01", "2020-02-01 09:30:00"]
    assert first == (2, ["73282932000074", "1.5", "TRUE", *days, "x", "01010"], "")
    assert second == (3, ["7", "", "09:30:00", "", "", "", ""], "")


def test_the_first_sheet_that_is_shown_counts_or_the_one_that_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "in.xlsx", [["a"], [1]], Other=[["b"], [2]])
    assert read(path) == [(2, ["1"], "")]
    assert read(path, sheet="Other") == [(2, ["2"], "")]
    with pytest.raises(FormatError, match="no sheet 'Third'; its sheets: Register, Other"):
        read(path, sheet="Third")
    book = openpyxl.load_workbook(path)
    book["Register"].sheet_state = "hidden"
    book.active = 1
    book.save(path)
    assert read(path) == [(2, ["2"], "")]


def test_the_header_may_stand_below_a_title(tmp_path: Path) -> None:
    rows = [[], ["Register 2026"], ["a", "b"], [1, 2], [], [3, 4, 5]]
    path = write(tmp_path / "in.xlsx", rows)
    found = read(path, header_line=3)
    assert found[0] == (4, ["1", "2"], "")
    assert found[1][0] == 6
    assert "behind the last column that has a name: '5'" in found[1][2]
    with pytest.raises(FormatError, match="expected the names of its columns"):
        read(write(tmp_path / "empty.xlsx", [[]]))


def test_an_error_of_a_formula_is_no_value(tmp_path: Path) -> None:
    [row] = read(write(tmp_path / "in.xlsx", [["a", "b"], ["x", "#N/A"]]))
    assert row[2] == "column 'b': an error of the spreadsheet #N/A; correct its formula"


async def test_a_workbook_is_imported_like_a_file_of_rows(
    office: FakeOffice, told: Told, tmp_path: Path
) -> None:
    rows = [HEADER, [1, "Erste", "Graz", "Österreich", date(2020, 2, 1)], [2, "", "Wien", "AT", ""]]
    path = write(tmp_path / "in.xlsx", rows)
    summary = await told.run(office, Kind.ORGANISATIONS, path.read_bytes(), ORGANISATIONS)
    assert counts(summary) == (1, 0, 0, 1)
    assert office.drafts[0]["values"]["effective_date"] == "2020-02-01"
    assert told.report is not None
    assert told.report.recognised.sheet == "Register"
    again = told.bad.read_bytes().replace(b",2,,", b",2,Zweite,")
    assert counts(await told.run(office, Kind.ORGANISATIONS, again, ORGANISATIONS)) == (1, 0, 0, 0)


# Hostile ones.


def test_entities_of_xml_are_refused_by_what_reads_it() -> None:
    assert DEFUSEDXML


def changed(path: Path, name: str, content: bytes) -> Path:
    """Write a workbook anew with one part of it replaced."""
    parts = {}
    with zipfile.ZipFile(path) as file:
        parts = {one: file.read(one) for one in file.namelist()} | {name: content}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for one, data in parts.items():
            file.writestr(one, data)
    return path


SHEET = "xl/worksheets/sheet1.xml"
SPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "in.xlsx", [["a"], [1]])
    bomb = changed(path, "xl/sharedStrings.xml", bytes(workbook.MAX_PART + 1))
    assert bomb.stat().st_size < 1 << 20
    tracemalloc.start()
    with pytest.raises(FormatError, match="at most 64 are read"):
        Workbook(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 22


def test_many_parts_and_large_ones_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "in.xlsx", [["a"], [1]])
    with zipfile.ZipFile(path, "a") as file:
        for number in range(workbook.MAX_PARTS):
            file.writestr(f"part{number}", b"")
    with pytest.raises(FormatError, match="at most 1000 are read"):
        Workbook(path)
    monkeypatch.setattr(workbook, "MAX_BYTES", 1 << 20)
    path = changed(write(tmp_path / "b.xlsx", [["a"], [1]]), SHEET, bytes(3 << 20))
    with pytest.raises(FormatError, match="3 MiB unpacked, at most 1 are read"):
        Workbook(path)


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="999999999999"><c r="A999999999999"><v>1</v></c></row>',
        '<row r="2"><c r="XFD2"><v>1</v></c></row>' * 3,
        '<row r="1048577"><c r="A1048577"><v>1</v></c></row>',
    ],
)
def test_rows_and_columns_far_away_cost_nothing(tmp_path: Path, rows: str) -> None:
    path = write(tmp_path / "in.xlsx", [["a"], [1]])
    head = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
    xml = f"<worksheet {SPACE}><sheetData>{head}{rows}</sheetData></worksheet>"
    assert [row[1] for row in read(changed(path, SHEET, xml.encode()))] == []


BILLION = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&b;</t></is></c></row></sheetData>
</worksheet>"""


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml"])
@pytest.mark.parametrize(
    "content", [b"", b"<", b"<x/>", BILLION, b"\xff\xfe\0", b'<worksheet r="x"/>']
)
def test_a_broken_workbook_is_said_to_be_one(tmp_path: Path, part: str, content: bytes) -> None:
    path = changed(write(tmp_path / "in.xlsx", [["a"], [1]]), part, content)
    try:
        read(path)
    except FormatError as error:
        assert str(error).startswith(str(path))
    else:
        assert part == "xl/styles.xml"  # how numbers are shown is not needed


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
            "an old Excel file \\(.xls\\), or one with a password",
        ),
        (b"PK\x03\x04" + bytes(100), "not a workbook that can be read"),
        (b"PK\x03\x04..mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "an OpenDocument"),
    ],
)
def test_other_spreadsheets_are_named_with_what_to_do(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "in.xlsx"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=f"{says}.*save it as CSV UTF-8 or as .xlsx"):
        read(path)


def test_whatever_bytes_are_changed_a_workbook_is_read_or_refused(
    tmp_path: Path, seed: int
) -> None:
    path = write(tmp_path / "in.xlsx", [["a", "b"], [1, "x"], [date(2020, 1, 1), None]])
    good, dice = path.read_bytes(), random.Random(seed)
    refused = 0
    for _ in range(150):
        data = bytearray(good)
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(4, len(data))] = dice.randrange(256)
        path.write_bytes(data)
        try:
            read(path)
        except FormatError:
            refused += 1
    assert refused > 0


def test_any_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("a.txt", "a,b")
    (tmp_path / "in.csv").write_bytes(data.getvalue())
    with pytest.raises(
        FormatError, match=r"an archive and no workbook, it holds 'a\.txt'; unpack it"
    ):
        read(tmp_path / "in.csv")


def test_a_formula_without_its_result_is_no_empty_cell(tmp_path: Path) -> None:
    # Libraries that make workbooks work nothing out.
    rows = [["a", "bis"], [1, "=EDATE(A2,48)"], [2, None], [3, "2020-01-01"]]
    first, *others = read(write(tmp_path / "in.xlsx", rows, Notes=[["x"], ["=1+1"]]))
    assert first[2] == (
        "column 'bis': a formula without its result, which only a spreadsheet program works out; "
        "open the file in one and save it there"
    )
    assert others == [(3, ["2", ""], ""), (4, ["3", "2020-01-01"], "")]


# What came out of it, as spreadsheet programs write it beside the formula: also nothing.
RESULTS = [
    ("<f>1+1</f><v>2</v>", "", "2"),
    ('<f t="shared" ref="B2" si="0">A2+1</f><v>2</v>', "", "2"),
    ('<f>IF(A2,"","x")</f><v></v>', ' t="str"', ""),
    ("<f>A2</f><v>so</v>", ' t="str"', "so"),
]


@pytest.mark.parametrize(("inner", "kind", "text"), RESULTS)
def test_a_formula_with_its_result_is_that(
    tmp_path: Path, inner: str, kind: str, text: str
) -> None:
    path = write(tmp_path / "in.xlsx", [["a", "b"], [1, "=SUM(A2)"]])
    found, other = tmp_path / "out.xlsx", b'<c r="B2"><f>SUM(A2)</f><v /></c>'
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(found, "w") as after:
        for part in before.infolist():
            content = before.read(part)
            if "sheet1" in part.filename:
                assert other in content
                content = content.replace(other, f'<c r="B2"{kind}>{inner}</c>'.encode())
            after.writestr(part, content)
    assert read(found) == [(2, ["1", text], "")]
