"""What a guess makes of workbooks of several sheets, and of what a person names."""

import tomllib
from pathlib import Path

import openpyxl
import pytest

from sopro_node.importing.fields import Kind
from sopro_node.importing.guess import guess_mapping
from sopro_node.importing.mapping import load_mapping
from sopro_node.importing.opening import open_source
from sopro_protocol.errors import FormatError
from tests.node.importing.sources import FakeOffice, Told, counts

HEADER = ["Nr", "Firma", "Ort", "Land"]
ROWS = [[1, "Alpha", "Wien", "A"], [2, "Beta", "Bonn", "D"], [3, "Gamma", "Graz", "BRD"]]


def book_of(path: Path, *sheets: tuple[str, list[list[object]]], hidden: str = "") -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
        if title == hidden:
            sheet.sheet_state = "hidden"
    book.save(path)
    return path


COVER: list[list[object]] = [["Register der Gütesiegel"], [], ["Stand", "1.11.2026"]]
TABLE: list[list[object]] = [HEADER, *ROWS]
OTHER: list[list[object]] = [["Key", "Company", "Country"], [9, "Delta", "AT"], [8, "Eta", "HU"]]


@pytest.mark.parametrize("first", [COVER, [], [["Kontakt", "Wien", "Tel.", "123"]]])
def test_a_title_page_is_no_table(tmp_path: Path, first: list[list[object]]) -> None:
    path = book_of(tmp_path / "in.xlsx", ("Deckblatt", first), ("Betriebe", TABLE), ("Alt", OTHER))
    guessed = guess_mapping(path, Kind.ORGANISATIONS)
    found = tomllib.loads(guessed.toml)["organisations"]
    assert (found["sheet"], found["columns"]["legal_name"]) == ("Betriebe", "Firma")
    assert "not looked at: 'Deckblatt', 'Alt'; name another sheet with --sheet" in guessed.remarks
    (tmp_path / "m.toml").write_text(guessed.toml)
    mapping = load_mapping(tmp_path / "m.toml", Kind.ORGANISATIONS)
    source = open_source(path, mapping)
    assert source.header == HEADER
    source.close()


def test_a_sheet_is_the_one_that_a_person_names(tmp_path: Path) -> None:
    path = book_of(
        tmp_path / "in.xlsx",
        *(("Deckblatt", COVER), ("Betriebe", TABLE), ("Alt", OTHER), ("Versteckt", OTHER)),
        hidden="Versteckt",
    )
    for name in ("Alt", "Versteckt"):
        guessed = guess_mapping(path, Kind.ORGANISATIONS, sheet=name)
        found = tomllib.loads(guessed.toml)["organisations"]
        assert (found["sheet"], found["columns"]["legal_name"]) == (name, "Company")
    with pytest.raises(FormatError, match="has no sheet 'Neu'; its sheets: Deckblatt, Betriebe"):
        guess_mapping(path, sheet="Neu")
    with pytest.raises(FormatError, match="a workbook, which has no encoding"):
        guess_mapping(path, encoding="cp1252")


def test_of_one_sheet_nothing_is_said(tmp_path: Path) -> None:
    path = book_of(tmp_path / "in.xlsx", ("Betriebe", TABLE), ("Alt", OTHER), hidden="Alt")
    guessed = guess_mapping(path, Kind.ORGANISATIONS)
    assert "sheet" not in tomllib.loads(guessed.toml)["organisations"]
    assert not any("--sheet" in one for one in guessed.remarks)


def test_an_encoding_that_is_named_goes_into_the_mapping(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes("Nr;Firma;Ort;Land\n1;Grün;Győr;AT\n".encode("cp852"))
    guessed = guess_mapping(path, Kind.ORGANISATIONS, encoding="cp850")
    found = tomllib.loads(guessed.toml)["organisations"]
    assert (found["encoding"], "CSV in cp850" in guessed.remarks[0]) == ("cp850", True)
    with pytest.raises(FormatError, match="encoding: expected a name such as"):
        guess_mapping(path, encoding="nothing")
    with pytest.raises(FormatError, match="no workbook, so it has no sheet 'x'"):
        guess_mapping(path, sheet="x")


async def test_signs_of_cars_are_countries_where_the_column_says_so(
    tmp_path: Path, office: FakeOffice, told: Told
) -> None:
    text = "Nr;Firma;Ort;Land\n1;Eine;Wien;A\n2;Zwei;Bonn;D\n3;Drei;Kiel;BRD\n4;Vier;Graz;AT\n"
    path = tmp_path / "in.csv"
    path.write_text(f"{text}5;Fünf;Rom;Atlantis\n")
    guessed = guess_mapping(path, Kind.ORGANISATIONS)
    found = tomllib.loads(guessed.toml)["organisations"]
    assert found["columns"]["country"] == "Land"
    assert found["values"]["country"] == {"A": "AT", "D": "DE"}
    assert any("organisations country 'Atlantis'" in one for one in guessed.remarks)
    assert counts(await told.run(office, Kind.ORGANISATIONS, text, found)) == (4, 0, 0, 0)


def test_a_column_of_regions_is_no_column_of_countries(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("Nr;Firma;Land\n1;Eine;Tirol\n2;Zwei;Hessen\n3;Drei;Bayern\n")
    found = tomllib.loads(guess_mapping(path, Kind.ORGANISATIONS).toml)["organisations"]
    assert "country" not in found["columns"]
