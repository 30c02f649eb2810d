"""Mappings that are guessed for applications, evaluations and complaints, filled in, import."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sopro_node.importing.fields import Kind
from sopro_node.importing.guess import guess_mapping
from sopro_node.importing.mapping import parse_mapping
from sopro_node.importing.planning import Call
from tests.node.importing.sources import Told, counts

APPLICATIONS = {
    "en": (
        "Application no,Applicant,Product,Received,Status,Status since\n"
        "7,1,b,2026-10-01,accepted,2026-10-03\n8,1,b,2026-10-02,open,\n"
    ),
    "de": (
        "Aktenzahl;Antragsteller;Produkt;Eingelangt am;Bearbeitungsstand;Seit\n"
        "7;1;b;1.10.2026;in Bearbeitung;3.10.2026\n8;1;b;2.10.2026;offen;\n"
    ),
    "hu": (
        "Ügyszám;Kérelmező;Termék;Benyújtva;Állapot;Állapot dátuma\n"
        "7;1;b;2026.10.01.;elfogadva;2026.10.03.\n8;1;b;2026.10.02.;benyújtva;\n"
    ),
}
EVALUATIONS = {
    "en": (
        "Audit no,Label,Auditor,Audited on,Method,S1,S3\n"
        "1,a,Maria Huber,2026-03-01,site visit,20,yes\n"
        "2,a,Maria Huber,2026-09-01,desk review,,minor\n"
    ),
    "de": (
        "Prüfnummer;Zeichen;Prüferin;Geprüft am;Methode;S1;S3\n"
        "1;a;Maria Huber;1.3.2026;vor Ort;20;erfüllt\n"
        "2;a;Maria Huber;1.9.2026;Aktenprüfung;;Nebenabweichung\n"
    ),
    "hu": (
        "Sorszám;Védjegy;Ellenőr;Ellenőrzés dátuma;Módszer;S1;S3\n"
        "1;a;Maria Huber;2026.03.01.;helyszíni;20;megfelelt\n"
        "2;a;Maria Huber;2026.09.01.;iratok;;enyhe\n"
    ),
}
COMPLAINTS = {
    "en": "Complaint no,Label,Category,Received,Details\n1,a,misuse,2026-05-01,On other chairs\n",
    "de": "Beschwerdenummer;Zeichen;Betrifft;Eingegangen am;Wortlaut\n"
    "1;a;Missbrauch;1.5.2026;Auf anderen Sesseln\n",
    "hu": "Panaszszám;Védjegy;Tárgy;Beérkezett;Szöveg\n1;a;visszaélés;2026.05.01.;Más székeken\n",
}
FILES = [
    (kind, language, text, rows)
    for kind, files, rows in (
        (Kind.APPLICATIONS, APPLICATIONS, 2),
        (Kind.EVALUATIONS, EVALUATIONS, 2),
        (Kind.COMPLAINTS, COMPLAINTS, 1),
    )
    for language, text in files.items()
]
"""Kind, language, file and its number of rows."""


def guess(tmp_path: Path, kind: Kind, text: str) -> str:
    path = tmp_path / "in.csv"
    path.write_text(text)
    return guess_mapping(path, kind).toml


def fill_in(toml: str, kind: Kind) -> dict[str, Any]:
    """Take the examples of what nobody can guess, as a person would write something there."""
    filled = re.sub(r"^# (.*)  # FILL IN.*$", r"\1", toml, flags=re.MULTILINE)
    found: dict[str, Any] = tomllib.loads(filled)[kind]
    return found


@pytest.mark.parametrize(
    ("kind", "text", "rows"),
    [(kind, text, rows) for kind, language, text, rows in FILES if language == "hu"],
)
async def test_a_guess_that_is_filled_in_imports_its_file(
    call: Call,
    told: Told,
    tmp_path: Path,
    kind: Kind,
    text: str,
    rows: int,
) -> None:
    mapping = parse_mapping(fill_in(guess(tmp_path, kind, text), kind), kind, where="guess")
    found = await told.run(call, kind, text, mapping)
    assert counts(found) == (rows, 0, 0, 0), told.lines


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, _, text, _ in FILES])
def test_every_column_and_word_of_these_is_known(tmp_path: Path, kind: Kind, text: str) -> None:
    toml = guess(tmp_path, kind, text)
    assert "Not used" not in toml
    wanted = [] if kind is Kind.COMPLAINTS else [f"{kind} criteria_version"]
    missing = guess_mapping(tmp_path / "in.csv", kind).remarks[1:]
    assert missing == [f"to be filled in by hand: {', '.join(wanted)}"] * bool(wanted)


def test_points_and_results_of_criteria_are_told_apart(tmp_path: Path) -> None:
    text = EVALUATIONS["de"].replace("erfüllt", "naja").replace("S3", "K 3").replace("S1", "U-1.2")
    found = tomllib.loads(guess(tmp_path, Kind.EVALUATIONS, text))["evaluations"]
    assert found["findings"] == {"U-1.2": {"column": "U-1.2", "kind": "points"}}
    text = EVALUATIONS["de"].replace("erfüllt", "naja")
    toml = guess(tmp_path, Kind.EVALUATIONS, text)
    assert tomllib.loads(toml)["evaluations"]["findings"]["S3"] == {"column": "S3"}
    assert tomllib.loads(toml)["evaluations"]["results"] == {"Nebenabweichung": "minor_nc"}
    assert '# "naja" = "..."  # FILL IN: 1 rows: conform, minor_nc' in toml


def test_what_these_lack_is_to_be_filled_in(tmp_path: Path) -> None:
    toml = guess(tmp_path, Kind.EVALUATIONS, "Zeichen;Zyklus;Note\na;1;gut\na;2;gut\n")
    assert tomllib.loads(toml)["evaluations"]["columns"] == {"label": "Zeichen"}
    for line in ('key = "..."', 'assessor = "..."', 'performed_on = "..."', 'method = "on_site"',
                 'criteria_version = "1"', 'S1 = { column = "...", kind = "points" }'):  # fmt: skip
        assert f"# {line}  # FILL IN" in toml
    toml = guess(tmp_path, Kind.COMPLAINTS, "Nr;Eingang\n1;1.5.2026\n")
    assert '# label = "..."  # FILL IN: which column is it, or certificate for its number?' in toml


def test_a_complaint_by_the_number_of_a_label_is_known_by_that(tmp_path: Path) -> None:
    text = COMPLAINTS["de"].replace("1;a;", "1;SOPRO/AT0/001/00001;")
    found = tomllib.loads(guess(tmp_path, Kind.COMPLAINTS, text))["complaints"]
    assert found["columns"]["certificate"] == "Zeichen"
    assert "label" not in found["columns"]


def test_evaluations_without_a_number_may_have_label_and_day_as_their_key(tmp_path: Path) -> None:
    toml = guess(tmp_path, Kind.EVALUATIONS, "Zeichen,Datum\na,2026-03-01\na,2026-09-01\n")
    assert '# key = ["Zeichen", "Datum"]  # FILL IN: which columns make it?' in toml
    assert fill_in(toml, Kind.EVALUATIONS)["columns"]["key"] == ["Zeichen", "Datum"]
