"""The map of initiatives in the registers of two countries, and a map of another year."""

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from sopro_node.importing.fields import Kind
from sopro_node.importing.job import Job
from sopro_node.importing.mapping import load_mapping
from sopro_node.importing.report import Fate, Report
from sopro_node.importing.run import run_import
from tests.node.importing.sources import FakeOffice
from tests.real.susy_recount import recount

HERE = Path(__file__).resolve().parent
REAL = HERE.parents[2] / "shared" / "data" / "susy_initiatives.csv"
MAPPINGS = {
    Kind.ORGANISATIONS: HERE / "initiatives.toml",
    Kind.OFFERINGS: HERE / "initiative_offerings.toml",
}
COLUMNS = [
    *("id", "name", "country_as_entered", "city", "postcode", "street", "housenumber", "lon"),
    *("lat", "type_of_initiative", "poi_type", "free_keywords", "organic", "regional"),
    *("fair_trade", "website", "description", "description_other_langs", "source_partner"),
    *("created_at", "updated_at", "version"),
]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def another_year() -> list[dict[str, str]]:
    """Make rows of countries in many spellings, with keywords that nobody has seen."""
    spellings = ["Slovenija", "SI", "slovenia", "Slowenien", "Szlovénia", "", "Atlantis", "Polska"]
    keywords = ["repair_cafe; timebanking", "ngo", "", "brandnew;recycling", "recycling;recycling"]
    rows = []
    for number in range(80):
        rows.append(
            {
                "id": str(number),
                "name": f"Pobuda {number}",
                "country_as_entered": spellings[number % len(spellings)],
                "city": "Ljubljana",
                "type_of_initiative": keywords[number % len(keywords)],
                "description_other_langs": '{"sl": "Zadruga"}' if number % 3 else "{broken",
                "updated_at": "2024-05-31T23:00:00Z" if number % 4 else "yesterday",
            }
        )
    return rows


async def imported(folder: Path, path: Path, kind: Kind, country: str) -> tuple[FakeOffice, Report]:
    mapping = load_mapping(MAPPINGS[kind], kind)
    mapping = msgspec.structs.replace(mapping, only={"country": [country]})
    office = FakeOffice("Europe/Ljubljana")
    bad = folder / f"{country}.{kind}.bad.csv"
    job = Job(kind, path, mapping, bad, lambda _: None, lambda *_: None)
    return office, await run_import(job, office, secret=bytes(32))


@pytest.mark.parametrize("country", ["SI", "PL"])
async def test_another_years_map_is_read_by_the_same_mappings(tmp_path: Path, country: str) -> None:
    path = write(tmp_path / "map.csv", another_year())
    counted = recount(path, *MAPPINGS.values(), [country])[country]
    office, things = await imported(tmp_path, path, Kind.ORGANISATIONS, country)
    assert things.summary.appended == counted.organisations == (50 if country == "SI" else 10)
    assert things.summary.bad == 0
    days = {draft["values"]["effective_date"] for draft in office.drafts}
    assert "2024-06-01" in days
    _, offerings = await imported(tmp_path, path, Kind.OFFERINGS, country)
    assert offerings.summary.appended == counted.offerings > 0
    assert offerings.summary.bad == counted.refused > 0
    passed: Counter[str] = Counter()
    for reason, count in offerings.skipped.items():
        passed[reason.rpartition(": ")[2]] += count
    assert all(passed[reason] == count for reason, count in counted.passed_over.items())
    # Every part of every row is somewhere, and what did not go in is told with its line.
    lines = {one.line for one in offerings.troubles if one.fate is Fate.BAD}
    assert len(lines) == counted.refused
    assert all("brandnew" in one.text or "found nothing" in one.text or "updated_at" in one.text
               for one in offerings.troubles)  # fmt: skip


async def test_countries_that_are_none_are_told_with_how_they_are_spelled(tmp_path: Path) -> None:
    path = write(tmp_path / "map.csv", another_year())
    _, report = await imported(tmp_path, path, Kind.ORGANISATIONS, "SI")
    assert report.skipped["country is PL, not SI"] == 10
    unknown = [reason for reason in report.skipped if "not known" in reason]
    assert sum(report.skipped[reason] for reason in unknown) == 20
    assert any("'Atlantis': expected a country" in reason for reason in unknown)
    assert report.summary.read + report.summary.skipped == 80


@pytest.mark.shared
async def test_finds_the_initiatives_of_austria_and_hungary_as_a_recount_does(
    tmp_path: Path,
) -> None:
    counted = recount(REAL, *MAPPINGS.values(), ["AT", "HU"])
    assert {code: one.organisations for code, one in counted.items()} == {"AT": 285, "HU": 37}
    for country, one in counted.items():
        _, things = await imported(tmp_path, REAL, Kind.ORGANISATIONS, country)
        assert (things.summary.appended, things.summary.bad) == (one.organisations, 0)
        assert things.summary.read + things.summary.skipped == 1794
        _, offerings = await imported(tmp_path, REAL, Kind.OFFERINGS, country)
        assert (offerings.summary.appended, offerings.summary.bad) == (one.offerings, one.refused)


@pytest.mark.slow
@pytest.mark.shared
def test_two_registers_hold_the_map_and_the_coordinator_says_so() -> None:
    words = [sys.executable, str(HERE / "susy.py"), "--initiatives", str(REAL)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["agree"] is True
    assert answer["rows"] == 1794
    found = {code: one["organisations"] for code, one in answer["countries"].items()}
    assert found == {"AT": 285, "HU": 37}
    assert answer["countries"]["AT"]["spellings"] == {
        "Österreich": 224,
        "Austria": 34,
        "ÖSterreich": 1,
    }
    elsewhere = sum(answer["elsewhere"].values())
    assert elsewhere == 1794 - 285 - 37
    assert all(one["offerings"] > 10 for one in answer["countries"].values())
