"""Registers of two other kinds, invented: mapping files only, and not a line of code for them."""

from pathlib import Path

import msgspec
import openpyxl

from sopro_node.importing.fields import REGISTERED, Kind
from sopro_node.importing.mapping import load_mapping
from tests.node.conftest import Federation
from tests.node.importing.sources import FakeOffice, Told, counts, over_msgpack

HERE = Path(__file__).resolve().parent / "others"

CYCLES = (
    "company_id,company_name,country,city,website,industry,products_and_services,assessment_year,"
    "date_certified,overall_score,impact_area_community,impact_area_environment,"
    "impact_area_workers\n"
    "c1,Warm Wool,United Kingdom,Leeds,https://wool.example,Textiles,Blankets,2016,"
    "3/14/2016,84.2,30.1,20.2,33.9\n"
    "c1,Warm Wool,United Kingdom,Leeds,https://wool.example,Textiles,Blankets,2022,"
    "05/02/2022,79.9,30.1,16.0,33.8\n"
    "c1,Warm Wool,United Kingdom,Leeds,https://wool.example,Textiles,Blankets,2019,"
    ",\"91,5\",31.0,26.6,33.9\n"
    "c2,Leise Räder,Germany,Köln,,Transport,,2020,13/2020,110,40,40,30\n"
    "c2,Leise Räder,Germany,Köln,,Transport,,2023,1/9/2023,de-certified,,,\n"
    "c3,Nobody,Atlantis,,,,,2021,1/1/2021,85,,,\n"
    "c4,Later,Österreich,Wien,,,,2021,1/1/2021,n/a,,,\n"
)  # fmt: skip


async def test_a_register_with_scores_for_each_cycle(federation: Federation, told: Told) -> None:
    await federation.coordinator()
    node = (await federation.join("at", "AT")).node
    call = over_msgpack(node)
    found = {}
    for kind in REGISTERED:
        mapping = load_mapping(HERE / "assessments.toml", kind)
        found[kind] = counts(await told.run(call, kind, CYCLES, mapping))
        if kind is Kind.ORGANISATIONS:
            assert any("value 'Atlantis': expected a country" in line for line in told.lines)
        if kind is Kind.DECISIONS:
            assert any("value 'n/a': no such status" in line for line in told.lines)
            assert any("'13/2020': expected a day" in line for line in told.lines)
    assert found == {
        Kind.ORGANISATIONS: (3, 3, 0, 1),
        Kind.OFFERINGS: (3, 3, 0, 1),
        Kind.DECISIONS: (5, 0, 0, 2),
    }
    wool, wheels = node.desk.labels()
    assert [one.action for one in wool.history] == ["grant", "renew", "revoke"]
    assert [one.effective_date for one in wool.history] == ["2016-03-14", None, "2022-05-02"]
    assert [one.action for one in wheels.history] == ["grant", "revoke"]
    assert wheels.history[0].effective_date is None
    log = node.log.held.number
    scores = [node.desk.document_fields(log, one.index)["kept"]["score"] for one in wool.history]
    assert scores == ["84.2", "91,5", "79.9"]
    again = load_mapping(HERE / "assessments.toml", Kind.DECISIONS)
    assert counts(await told.run(call, Kind.DECISIONS, CYCLES, again)) == (0, 5, 0, 2)


NUMBERS = [
    ["siret", "denomination", "adresse", "code_postal", "commune", "pays", "famille"],
    ["73282932000074", "Coopérative du Pré", "1 rue Haute", "01000", "Bourg", "", "coopérative"],
    ["90466620300016", "Épicerie Solidaire", "2 rue Basse", "25000", "Besançon", "France", ""],
    ["73282932000075", "Faux Chiffre", "", "", "", "", "association"],
    ["5521005540001", "Zéro Perdu", "", "", "", "", "fondation"],
    ["55210055400013", "Famille Inconnue", "", "", "", "", "associations"],
]


def check(office: FakeOffice, told: Told) -> None:
    assert [draft["values"]["actor_type"] for draft in office.drafts] == [
        "enterprise",
        "social_enterprise",
    ]
    assert b"01000" in office.drafts[0]["documents"][0]["content"]
    [digit, short, word] = told.lines
    assert "the check digits of a SIRET of 14 digits do not add up" in digit
    assert "is not a SIRET of 14 digits: the number has an invalid length" in short
    assert "did you mean 'association'?" in word
    assert told.report is not None
    assert [one.fault for one in told.report.identifiers] == ["check", "check"]


async def test_a_register_of_national_numbers_of_14_digits(office: FakeOffice, told: Told) -> None:
    text = "\n".join(";".join(row) for row in NUMBERS).encode("cp1252")
    mapping = load_mapping(HERE / "national_numbers.toml", Kind.ORGANISATIONS)
    found = await told.run(office, Kind.ORGANISATIONS, text, mapping)
    assert counts(found) == (2, 0, 0, 3)
    check(office, told)


async def test_the_same_as_a_workbook_that_took_the_numbers_for_amounts(
    office: FakeOffice, told: Told, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Registre 2026"])
    book.active.append(NUMBERS[0])
    for row in NUMBERS[1:]:
        book.active.append([float(row[0]), *row[1:]])
    book.save(tmp_path / "in.xlsx")
    mapping = load_mapping(HERE / "national_numbers.toml", Kind.ORGANISATIONS)
    data = (tmp_path / "in.xlsx").read_bytes()
    named = msgspec.structs.replace(mapping, header_line=2)
    found = await told.run(office, Kind.ORGANISATIONS, data, named)
    assert counts(found) == (2, 0, 0, 3)
    check(office, told)
