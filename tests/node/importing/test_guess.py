"""A guessed mapping is one: it is read back, and imports the file it was made of."""

import tomllib
from pathlib import Path

import openpyxl
import pytest

import sopro_cli
from sopro_node.importing.fields import Kind
from sopro_node.importing.guess import guess_mapping
from sopro_node.importing.mapping import load_mapping, parse_mapping
from tests.node.importing.sources import FakeOffice, Told, counts

REGISTER = Path(sopro_cli.__file__).parent / "demo_register"

GERMAN = (
    "Nr.;Firmenname;Straße;PLZ;Ort;Land;UID-Nummer;seit;Anmerkung\n"
    "1;Bäckerei Grün;Gasse 1;1010;Wien;Österreich;ATU38473200;31.12.2019;x\n"
    "2;Möbel Übel;Weg 2;8010;Graz;Deutschland;ATU43773001;1.2.2020;\n"
    "3;Dritte;Weg 3;4020;Linz;AT;ATU44837307;15.7.2021;\n"
)
HUNGARIAN = (
    "Azonosító;Cégnév;Település;Ország;Adószám\n"
    "a;Zöldút Egyesület;Győr;Magyarország;14130179-2-42\nb;Tűzkő;Pécs;HU;10223257-1-02\n"
)
FRENCH = (
    "siret,denomination,commune,pays\n"
    "73282932000074,Coopérative,Besançon,France\n90466620300016,Épicerie,Orléans,FR\n"
    "55210055400013,Troisième,Lyon,France\n"
)


def guess(tmp_path: Path, text: bytes, kind: Kind) -> tuple[str, Path]:
    path = tmp_path / "in.csv"
    path.write_bytes(text)
    mapping = tmp_path / "guess.toml"
    mapping.write_text(guess_mapping(path, kind).toml)
    return mapping.read_text(), mapping


@pytest.mark.parametrize(
    ("text", "encoding", "fields"),
    [
        (
            GERMAN,
            "cp1252",
            {"key": "Nr.", "legal_name": "Firmenname", "street": "Straße", "postal_code": "PLZ",
             "locality": "Ort", "country": "Land"},
        ),
        (
            HUNGARIAN,
            "cp1250",
            {"key": "Azonosító", "legal_name": "Cégnév", "locality": "Település",
             "country": "Ország"},
        ),
        (
            FRENCH,
            "utf-8",
            {"key": "siret", "legal_name": "denomination", "locality": "commune",
             "country": "pays"},
        ),
    ],
)  # fmt: skip
async def test_finds_the_columns_of_organisations(
    tmp_path: Path,
    office: FakeOffice,
    told: Told,
    text: str,
    encoding: str,
    fields: dict[str, str],
) -> None:
    toml, mapping = guess(tmp_path, text.encode(encoding), Kind.ORGANISATIONS)
    assert tomllib.loads(toml)["organisations"]["columns"] == fields
    loaded = load_mapping(mapping, Kind.ORGANISATIONS)
    rows = text.count("\n") - 1
    found = await told.run(office, Kind.ORGANISATIONS, text.encode(encoding), loaded)
    assert counts(found) == (rows, 0, 0, 0)


@pytest.mark.parametrize(
    ("text", "scheme"), [(GERMAN, "VAT"), (HUNGARIAN, "ADOSZAM"), (FRENCH, "SIRET")]
)
def test_knows_identifiers_by_their_names_and_check_digits(
    tmp_path: Path, text: str, scheme: str
) -> None:
    toml, _ = guess(tmp_path, text.encode(), Kind.ORGANISATIONS)
    [found] = tomllib.loads(toml)["organisations"]["identifiers"]
    assert found["scheme"] == scheme
    renamed = text.replace("UID-Nummer", "Feld").replace("siret,", "champ,")
    toml, _ = guess(tmp_path, renamed.encode(), Kind.ORGANISATIONS)
    [found] = tomllib.loads(toml)["organisations"]["identifiers"]
    assert found["scheme"] == scheme


def test_knows_identifiers_that_name_their_schemes(tmp_path: Path) -> None:
    text = "id,name,country,numbers\n1,Eine,AT,VATAT-U38473200|NTRAT-122119m\n2,Zwei,AT,\n"
    toml, _ = guess(tmp_path, text.encode(), Kind.ORGANISATIONS)
    [found] = tomllib.loads(toml)["organisations"]["identifiers"]
    assert found == {"column": "numbers", "scheme_until": "-", "separator": "|"}


@pytest.mark.parametrize("site", ["at", "hu"])
def test_guesses_the_demo_registers_decisions_as_their_mapping_has_them(site: str) -> None:
    toml = guess_mapping(REGISTER / site / "decisions.csv").toml
    guessed = parse_mapping(tomllib.loads(toml)["decisions"], Kind.DECISIONS, where="guess")
    known = load_mapping(REGISTER / site / "mapping.toml", Kind.DECISIONS)
    for name in ("key", "order", "offering", "status", "effective_date", "valid_until"):
        assert guessed.columns_of(name) == known.columns_of(name)
    assert guessed.dates["effective_date"] == known.dates["effective_date"]
    assert guessed.dates["valid_until"] == known.dates["valid_until"]


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("Vergeben", "Bis"),
        ("Vergeben am", "Gültig bis"),
        ("Erteilt am", "Ablaufdatum"),
        ("Erteilungsdatum", "Gültigkeit bis"),
        ("Vergabedatum", "Befristet bis"),
        ("Gültig ab", "Gültigkeitsende"),
        ("Zertifiziert seit", "Läuft ab am"),
        ("Granted on", "Expires on"),
        ("Issued", "Valid till"),
        ("Date of issue", "Expiry date"),
        ("Award date", "Until"),
        ("Valid from", "Valid to"),
        ("Odaítélve", "Lejárat"),
        ("Kiadás dátuma", "Érvényesség vége"),
        ("Megadva", "Érvényes eddig"),
        ("Odaítélés napja", "Lejár"),
        ("Érvényesség kezdete", "Meddig"),
    ],
)
def test_knows_since_when_and_until_when_in_three_languages(
    tmp_path: Path, since: str, until: str
) -> None:
    text = f"Nr.;{until};Status;{since}\n1;31.12.2028;aktiv;15.1.2026\n2;30.6.2027;aktiv;1.7.2025\n"
    toml, _ = guess(tmp_path, text.encode(), Kind.DECISIONS)
    found = tomllib.loads(toml)["decisions"]["columns"]
    assert (found.get("granted_on"), found.get("valid_until")) == (since, until)


def test_days_of_a_decision_that_say_different_things_are_kept_apart(tmp_path: Path) -> None:
    text = (
        "Nr.;Status;Entschieden am;Gültig ab;Vergeben;Bis\n"
        "1;aktiv;1.1.2026;1.2.2026;15.1.2026;31.1.2029\n"
    )
    toml, _ = guess(tmp_path, text.encode(), Kind.DECISIONS)
    found = tomllib.loads(toml)["decisions"]["columns"]
    days = ("decided_on", "valid_from", "granted_on", "valid_until")
    assert [found[name] for name in days] == ["Entschieden am", "Gültig ab", "Vergeben", "Bis"]


def test_what_nobody_can_guess_is_to_be_filled_in(tmp_path: Path) -> None:
    text = "x,y,state\n1,a,perhaps\n1,b,active\n"
    toml, _ = guess(tmp_path, text.encode(), Kind.DECISIONS)
    assert '# order = "..."  # FILL IN: which column is it?' in toml
    assert '# "perhaps" = "..."  # FILL IN: 1 rows' in toml
    assert tomllib.loads(toml)["decisions"]["status"] == {"active": "hold"}
    guessed = guess_mapping(tmp_path / "in.csv", Kind.DECISIONS)
    assert "decisions status 'perhaps'" in guessed.remarks[1]


@pytest.mark.parametrize(
    "name", ['a"b', "a\\b", "a\nb", "a # b", "a]b", "ä'", "\u2028x", "\x7f", "a\tb"]
)
def test_no_name_of_a_column_breaks_the_toml(tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    text = f"id,name,{quoted},country\n1,{quoted},{quoted},AT\n"
    toml, mapping = guess(tmp_path, text.encode(), Kind.ORGANISATIONS)
    assert tomllib.loads(toml)["organisations"]["columns"]["legal_name"] == "name"
    assert load_mapping(mapping, Kind.ORGANISATIONS).columns_of("country") == ("country",)


def test_a_workbook_is_guessed_like_a_file_of_rows(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["id", "company", "country", "status", "date"])
    book.active.append([1, "Eine", "Austria", "certified", "2020-01-01"])
    book.save(tmp_path / "in.xlsx")
    guessed = guess_mapping(tmp_path / "in.xlsx")
    assert set(tomllib.loads(guessed.toml)) == {"organisations", "decisions"}
    assert "sheet 'Sheet' of a workbook" in guessed.remarks[0]
