import json
from pathlib import Path

import pytest

from tests.cli.place import Place, sopro

LISTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "codelists"
HEAD = "code,en,de\n"
CPV = f"{HEAD}03000000,Farm products,Agrarprodukte\n15000000,Food,Lebensmittel\n"


def publish(place: Place, name: str, text: str, *more: object) -> str:
    file = place.folder / f"{name}.csv"
    file.write_text(text, encoding="utf-8")
    return sopro("codelist", "import", place.eeig, file, "--version", "2008", *more).stdout


def test_a_list_is_published_once_and_shown(place: Place) -> None:
    assert publish(place, "cpv", CPV).startswith("cpv 2008: 2 codes, entry ")
    assert publish(place, "cpv", CPV) == "cpv 2008: 2 codes, was there already\n"
    listed = sopro("codelist", "list", "--dir", place.eeig).stdout
    assert listed.startswith("cpv  2008  2 codes  from ")
    shown = sopro("codelist", "show", "cpv", "--dir", place.eeig, "--language", "de")
    assert shown.stdout == "03000000  Agrarprodukte\n15000000  Lebensmittel\n"
    one = sopro("codelist", "show", "cpv", "--dir", place.eeig, "--code", "15000000", "--json")
    assert json.loads(one.stdout)["codes"] == {"15000000": {"de": "Lebensmittel", "en": "Food"}}
    sopro("codelist", "show", "cpv", "--dir", place.eeig, "--code", "16", code=2)
    assert "no list 'nuts'" in sopro("codelist", "show", "nuts", "--dir", place.eeig, code=1).stderr


def test_a_version_is_never_altered(place: Place) -> None:
    publish(place, "cpv", CPV)
    file = place.folder / "cpv.csv"
    file.write_text(CPV + "16000000,Machinery,Maschinen\n")
    again = sopro("codelist", "import", place.eeig, file, "--version", "2008", code=1)
    assert "has a version '2008' already" in again.stderr
    sopro("codelist", "import", place.eeig, file, "--version", "2008a")
    assert "3 codes" in sopro("codelist", "list", "--dir", place.eeig).stdout


def test_only_the_coordinator_publishes(place: Place) -> None:
    file = place.folder / "cpv.csv"
    file.write_text(CPV)
    refused = sopro("codelist", "import", place.at, file, "--version", "2008", code=1)
    assert "only the coordinator publishes lists of codes" in refused.stderr


def test_delimiters_and_a_byte_order_mark_are_recognised(place: Place) -> None:
    assert "2 codes" in publish(place, "nuts", "\ufeff" + CPV.replace(",", ";"))
    assert "2 codes" in publish(place, "nace", CPV.replace(",", "\t"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: expected a head line"),
        ("id,en\n1,x\n", "line 1: expected a head line"),
        ("code,english\n1,x\n", "line 1: expected a column for each language"),
        ("code,en,en\n1,x,y\n", "line 1: expected a column for each language"),
        (HEAD, "there is no code in it"),
        (f"{HEAD}1,x\n", "line 2: expected 3 cells as in the head line, got 2"),
        (f"{HEAD}1,x,y\n1,x,z\n", "line 3: '1' stands in the list twice"),
        (f"{HEAD}a b,x,y\n", "line 2: expected a code of letters"),
        (f"{HEAD}1,,\n", "line 2: says in no language what the code means"),
        (f"{HEAD}1,\x01,y\n", "line 2: column en: expected at most 2000 characters"),
        (f"{HEAD}1,{'x' * 2001},y\n", "line 2: column en: expected at most 2000 characters"),
    ],
)
def test_says_which_line_does_not_fit(place: Place, text: str, sentence: str) -> None:
    file = place.folder / "cpv.csv"
    file.write_text(text, encoding="utf-8")
    refused = sopro("codelist", "import", place.eeig, file, "--version", "1", code=65)
    assert f"{file}: {sentence}" in refused.stderr


def test_own_codes_are_held_to_the_lists_of_the_coordinator(place: Place) -> None:
    publish(place, "cpv", CPV)
    publish(place, "aims", f"{HEAD}et-eq,Ethnic equality,Gleichstellung\n")
    holder = ("organisation", "add", place.eeig, "--legal-name", "Muster", "--country", "BE")
    wrong = sopro(*holder, "--code", "aims/2008=nothing", code=1)
    assert "'nothing' is no code of the list aims, version 2008" in wrong.stderr
    unknown = sopro(*holder, "--code", "aims/2009=et-eq", code=1)
    assert "which the coordinator has not published" in unknown.stderr
    form = sopro(*holder, "--code", "et-eq", code=2)
    assert "LIST/VERSION=CODE" in form.stderr
    # A code of the list goes on to the rules; the coordinator's log has no register.
    passed = sopro(*holder, "--code", "aims/2008=et-eq", code=1)
    assert "organisation: " in passed.stderr
    assert "aims" not in passed.stderr


@pytest.mark.shared
def test_every_list_of_the_european_publications_office_is_published(place: Place) -> None:
    files = sorted(LISTS.glob("*.csv"))
    if not files:
        pytest.skip(f"lists of codes are missing: {LISTS}")
    licence = ("--licence", "CC BY 4.0", "--version", "1.16")
    done = sopro("codelist", "import", place.eeig, *files, *licence, "--json")
    published = json.loads(done.stdout)
    expected = {file.stem: len(file.read_text(encoding="utf-8").splitlines()) - 1 for file in files}
    assert {one["list"]: one["size"] for one in published} == expected
    assert len(published) == 11
    shown = sopro("codelist", "show", "nuts_nuts-hun-lvl3", "--dir", place.eeig).stdout
    assert "HU110  Budapest\n" in shown
