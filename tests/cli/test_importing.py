"""`sopro import` as a person meets it: a guess, a dry run, the import, its report."""

import hashlib
import json
from pathlib import Path

import pytest

from sopro_cli import importing
from sopro_node.importing.job import Job
from sopro_node.importing.report import Report
from tests.cli.place import Place, sopro, told

ROWS = (
    "Nr.;Firmenname;Ort;Land;UID-Nummer\n"
    "1;Bäckerei Grün;Wien;Österreich;ATU38473200\n"
    "2;Bäckerei Grün GmbH;Wien;Austria;ATU43773001\n"
    "3;Möbel;Graz;Ausria;ATU38473201\n"
)


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "firms.csv"
    path.write_bytes(ROWS.encode("cp1252"))
    return path


def test_from_a_guess_to_a_report(place: Place, rows: Path) -> None:
    guessed = sopro("import", "--guess", rows, "--as", "organisations")
    assert "CSV in cp1252" in guessed.stderr
    mapping = rows.with_name("firms.toml")
    mapping.write_text(guessed.stdout)
    words = ("import", place.at, rows, "--as", "organisations", "--mapping", mapping)

    dry = sopro(*words, "--dry-run", code=1)
    assert dry.stdout.startswith("dry run, nothing changed: organisations: 3 rows read: 2 appended")
    assert not rows.with_name("firms.bad.csv").exists()
    assert "value 'Ausria': expected a country" in dry.stderr
    assert "perhaps one: same name (Wien): line 2: Bäckerei Grün; line 3" in dry.stderr

    report = rows.with_name("report.html")
    done = sopro(*words, "--report", report, code=1)
    assert "2 appended (2 new, 0 changed), 0 unchanged, 0 refused, 1 bad" in done.stdout
    assert "read as cp1252, by its letters beyond ASCII" in done.stderr
    assert "1 identifiers fail their check, 0 of them taken" in done.stderr
    assert "Bäckerei Grün GmbH" in report.read_text()
    assert "report.html: is there already" in sopro(*words, "--report", report, code=65).stderr

    bad = rows.with_name("firms.bad.csv")
    bad.write_text(bad.read_text().replace("Ausria", "AT").replace("ATU38473201", ""))
    again = sopro("import", place.at, bad, *words[3:], "--json")
    answer = json.loads(again.stdout)
    assert (answer["appended"], answer["dry_run"]) == (1, False)
    assert answer["recognised"] == {
        "form": "csv",
        "encoding": "utf-8",
        "reason": "its byte order mark",
        "delimiter": ";",
    }


def test_a_guess_finds_the_header_below_a_title_or_where_it_is_named(rows: Path) -> None:
    rows.write_text(f"Summe\n\n{ROWS}")
    guessed = sopro("import", "--guess", rows, "--as", "organisations")
    assert "line 3 looks like the header, line 1 ('Summe') does not" in told(guessed.stderr)
    assert "header_line = 3" in guessed.stdout
    named = sopro("import", "--guess", rows, "--as", "organisations", "--header-line", "4")
    assert "header_line = 4" in named.stdout
    refused = sopro("import", "at", rows, "--as", "organisations", "--header-line", "3", code=2)
    assert "--header-line stands with --guess" in told(refused.stderr)
    for option, text in (("--sheet", "Firms"), ("--encoding", "cp852")):
        refused = sopro("import", "at", rows, "--as", "organisations", option, text, code=2)
        assert f"{option} stands with --guess" in told(refused.stderr)
    refused = sopro("import", "--guess", rows, "--mapping", rows, code=2)
    assert "--sheet, --encoding and --header-line" in told(refused.stderr)


def test_only_rows_of_a_country(place: Place, rows: Path) -> None:
    mapping = rows.with_name("firms.toml")
    mapping.write_text(sopro("import", "--guess", rows).stdout)
    words = ("import", place.at, rows, "--as", "organisations", "--mapping", mapping, "--dry-run")
    found = sopro(*words, "--only", "country=AT", "--json")
    answer = json.loads(found.stdout)
    assert (answer["read"], answer["appended"], answer["skipped"]) == (2, 2, 1)
    assert (
        "2 appended (2 new, 0 changed), 0 unchanged, 0 refused, 0 bad, 1 passed over"
        in sopro(*words, "--only", "country=AT").stdout
    )
    refused = sopro(*words, "--only", "land=AT", code=65)
    assert "--only: [only]: unknown field 'land'" in refused.stderr
    assert "expected FIELD=VALUE" in sopro(*words, "--only", "country", code=65).stderr


def test_says_what_it_needs(place: Place, rows: Path) -> None:
    assert "--as; or --guess FILE" in told(sopro("import", place.at, rows, code=2).stderr)
    words = ("import", place.at, rows, "--as", "organisations")
    assert "--only needs a --mapping" in sopro(*words, "--only", "country=AT", code=65).stderr
    assert "named .html or .md" in sopro(*words, "--report", "a.txt", code=65).stderr
    assert "cannot be read" in sopro("import", "--guess", "none.csv", code=65).stderr


def test_a_guess_looks_at_the_file_that_is_named_anywhere(rows: Path) -> None:
    asked = sopro("import", "--guess", rows, "--as", "organisations").stdout
    assert sopro("import", "at", rows, "--as", "organisations", "--guess").stdout == asked
    refused = told(sopro("import", "--guess", code=2).stderr)
    assert "say which file to look at: sopro import --guess FILE" in refused


def test_an_import_is_on_the_trail_as_what_it_is(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "firms.csv"
    path.write_text("key,legal_name,country,actor_type\n1,Erste,AT,enterprise\n2,,AT,enterprise\n")
    sopro("import", place.at, path, "--as", "organisations", "--bad", tmp_path / "bad.csv", code=1)
    last = json.loads(sopro("officer", "trail", place.at, "--json").stdout)[0]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert last["action"] == (
        f"import firms.csv --as organisations, SHA-256 {digest}, 2 rows read, 1 record"
    )


def test_whom_an_import_makes_known_is_told(
    place: Place, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = {f"Maria Hub{one}r": ["Maria Huber"] for one in "aeiouy"}

    async def run_import(job: Job, *_: object, **__: object) -> Report:
        return Report(job.kind, "x.csv", is_dry=job.is_dry, new_people={"Ida Wolf": [], **near})

    monkeypatch.setattr(importing, "run_import", run_import)
    words = ("import", place.at, rows, "--as", "evaluations")
    said = sopro(*words).stderr.splitlines()[1:]
    assert said[0] == "7 people are named at this site for the first time"
    assert said[1] == "perhaps the same person: 'Maria Hubar' and 'Maria Huber'"
    assert said[6] == "... and 1 more; --report lists them"
    assert "7 people would be named" in sopro(*words, "--dry-run").stderr
    told_json = json.loads(sopro(*words, "--json").stdout)["new_people"]
    assert told_json[0] == {"name": "Ida Wolf", "near": []}
