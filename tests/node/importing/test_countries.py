import pytest
from babel import Locale

from sopro_node.countries import is_country
from sopro_node.importing.countries import country_code, fold, language_code, nearest_country
from sopro_node.importing.country_names import more_names


@pytest.mark.parametrize(
    ("code", "spellings"),
    [
        ("AT", ["AT", "at", "AUT", "Österreich", "ÖSterreich", "Austria"]),
        ("AT", ["Ausztria", "Autriche", "Rakousko", " austria "]),
        ("HU", ["HU", "Hungary", "HUNGARY", "Magyarország", "magyarorszag", "Ungarn", "HUN"]),
        ("GB", ["UK", "uk", "England", "SCOTLAND", "United Kingdom", "U.K."]),
        ("GR", ["EL", "GR", "Ελλάδα", "Greece", "Griechenland"]),
        ("CZ", ["Czech Republic", "Czechia", "Česko", "Tschechien"]),
        ("CZ", ["Česká republika", "ČESKÁ REPUBLIKA", "ceska republika", "Cseh Köztársaság"]),
        ("SK", ["Slovenská republika", "Slowakische Republik", "Slovenská Republika"]),
        ("PL", ["Rzeczpospolita Polska", "RZECZPOSPOLITA POLSKA", "Republic of Poland"]),
        ("HR", ["Republika Hrvatska", "Republik Kroatien"]),
        ("AT", ["Oesterreich", "OESTERREICH", "Republik Oesterreich", "Österr."]),
        ("DE", ["BRD", "Bundesrepublik Deutschland"]),
        ("DK", ["Daenemark", "Kongeriget Danmark"]),
        ("TR", ["Tuerkei", "Türkei"]),
        ("BG", ["Република България"]),
        ("GR", ["Ελληνική Δημοκρατία"]),
        ("CG", ["Kongon tasavalta", "Kongo-Brazzaville"]),
        ("DO", ["Dominican Republic", "República Dominicana"]),
        ("IM", ["Isle of Man"]),
        ("XK", ["Kosovo"]),
    ],
)
def test_reads_a_country_however_it_is_spelled(code: str, spellings: list[str]) -> None:
    assert {country_code(one) for one in spellings} == {code}


def test_no_name_takes_the_place_of_a_code() -> None:
    codes = [code for code in map(str, Locale("en").territories) if is_country(code)]
    assert len(codes) > 240
    assert {code: country_code(code) for code in codes} == {code: code for code in codes}
    assert {code for _, code in more_names()} <= set(codes)


@pytest.mark.parametrize("spelling", ["", "ABERDEEN", "XX", "ZZ", "A", "Utopia", "x" * 600, "---"])
def test_what_is_no_country_has_no_code(spelling: str) -> None:
    assert country_code(spelling) == ""


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("Frace", "FR"),
        ("Italu", "IT"),
        ("Cypres", "CY"),
        ("Ausria", "AT"),
        ("Utopia", ""),
        ("A", ""),
    ],
)
def test_names_the_country_that_is_perhaps_meant(spelling: str, code: str) -> None:
    assert nearest_country(spelling) == code


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("Deutsch", "de"),
        ("german", "de"),
        ("magyar", "hu"),
        ("ungarisch", "hu"),
        ("Klingonish", ""),
    ],
)
def test_reads_a_language_by_its_name(spelling: str, code: str) -> None:
    assert language_code(spelling) == code


def test_names_are_compared_without_marks_and_case() -> None:
    assert fold("  Győr -- ÁÉ_x ") == "gyor ae x"
