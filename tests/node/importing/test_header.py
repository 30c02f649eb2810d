"""The header of a file is found below a title, and only where there is one."""

import tomllib
from pathlib import Path

import openpyxl
import pytest

from sopro_node.importing.fields import Kind
from sopro_node.importing.guess import guess_mapping
from sopro_node.importing.header import Header, find_header
from sopro_node.importing.mapping import load_mapping
from sopro_protocol.errors import FormatError
from tests.node.importing.sources import ORGANISATIONS, FakeOffice, Told, counts

TABLE = (
    "Nr.;Firmenname;Ort;Land\n"
    "1;Bäckerei Grün;Wien;Österreich\n2;Möbel Übel;Graz;Österreich\n3;Dritte;Linz;AT\n"
)
TITLE = "Summe der Betriebe, Stand 1.1.2026"


def book_of(path: Path, text: str) -> Path:
    book = openpyxl.Workbook()
    for line in text.splitlines():
        book.active.append(line.split(";"))
    book.save(path)
    return path


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_a_title_above_the_header_is_passed_over_and_told(
    tmp_path: Path, office: FakeOffice, told: Told, form: str
) -> None:
    text = f"{TITLE}\n\n{TABLE}"
    path = tmp_path / f"in.{form}"
    if form == "csv":
        path.write_text(text, encoding="cp1252")
    else:
        book_of(path, text)
    guessed = guess_mapping(path, Kind.ORGANISATIONS)
    mapping = tmp_path / "guess.toml"
    mapping.write_text(guessed.toml)
    loaded = load_mapping(mapping, Kind.ORGANISATIONS)
    assert loaded.header_line == 3
    assert loaded.columns_of("legal_name") == ("Firmenname",)
    assert "4 columns" in guessed.remarks[0]
    said = f"line 3 looks like the header, line 1 ({TITLE!r}) does not"
    assert any(said in one and "--header-line" in one for one in guessed.remarks)
    found = await told.run(office, Kind.ORGANISATIONS, path.read_bytes(), loaded)
    assert counts(found) == (3, 0, 0, 0), told.lines


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TABLE, 0),
        (f"Register\n{TABLE}", 2),
        (f"Register;;;\n;;;\n{TABLE}", 3),
        (f"Register, Wien, 2026, Entwurf\nvon;Huber\n\n{TABLE}", 4),
        (f"\n\n{TABLE}", 3),
        (f"sep=;\n{TABLE}", 0),
        (f"sep=;\nRegister\n{TABLE}", 3),
        ('Nr.;"Name\nder Firma";Ort\n1;Eine;Wien\n2;Zwei;Graz\n', 0),
        ('"Register\nder Betriebe"\n' + TABLE, 3),
        (TABLE.replace("Nr.;Firmenname;Ort;Land", "Nr.;;;"), 0),
        ("Name\nHuber, Maria\nMayer, Franz\n", 0),
        ("Name\nEine\nZwei\n", 0),
        ("Land\n2026;01.02.2026;5;6\n", 0),
        ("Land\n2024;2025;2026\n1;2;3\n", 2),
        ("Nr;Name\n1;Eine;Wien;AT;x\n", 0),
        (TABLE.replace(";", "\t").replace("Firmenname", "Titel\tFirma"), 0),
        ("", 0),
        ("\n\n", 0),
    ],
)
def test_the_header_is_the_first_line_that_is_nearly_as_full_as_any(
    tmp_path: Path, text: str, line: int
) -> None:
    path = tmp_path / "in.csv"
    path.write_text(text)
    assert find_header(path).line == line
    assert (find_header(path).above is None) == (line == 0 or text.startswith("\n"))


def test_a_workbook_whose_first_rows_are_empty_is_read_as_ever(tmp_path: Path) -> None:
    assert find_header(book_of(tmp_path / "in.xlsx", f"\n\n{TABLE}")) == Header()


def test_a_person_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(f"{TABLE.splitlines()[0]}\nKey;Company;City;Country\n1;Eine;Wien;AT\n")
    guessed = guess_mapping(path, Kind.ORGANISATIONS, header_line=2)
    found = tomllib.loads(guessed.toml)["organisations"]
    assert (found["header_line"], found["columns"]["legal_name"]) == (2, "Company")
    assert not any("looks like" in one for one in guessed.remarks)
    with pytest.raises(FormatError, match="expected a header line"):
        guess_mapping(path, Kind.ORGANISATIONS, header_line=900)


def test_a_file_of_one_column_tells_how_to_name_another_line(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("Name\nEine\nZwei\n")
    assert any("--header-line" in one for one in guess_mapping(path).remarks)
    path.write_text(TABLE)
    assert not any("--header-line" in one for one in guess_mapping(path).remarks)


async def test_an_import_that_lacks_its_columns_says_which_line_looks_like_the_header(
    tmp_path: Path, office: FakeOffice, told: Told
) -> None:
    mapping = {**ORGANISATIONS, "columns": {"key": "Nr.", "legal_name": "Firmenname",
               "country": "Land"}, "dates": {}}  # fmt: skip
    text = f"{TITLE}\n{TABLE}"
    with pytest.raises(FormatError, match=r"line 2 looks like the header.*'header_line = 2'"):
        await told.run(office, Kind.ORGANISATIONS, text, mapping)
    with pytest.raises(FormatError, match=r"need 'key'.*line 2 looks like the header"):
        await told.run(office, Kind.ORGANISATIONS, text)
    found = await told.run(office, Kind.ORGANISATIONS, text, mapping | {"header_line": 2})
    assert counts(found) == (3, 0, 0, 0)
    with pytest.raises(FormatError, match=r"has no column 'Nr\.'") as wrong:
        await told.run(office, Kind.ORGANISATIONS, TABLE.replace("Nr.", "No"), mapping)
    assert "looks like" not in str(wrong.value)
