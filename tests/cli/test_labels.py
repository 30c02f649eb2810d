import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sopro_cli.labels import OVERLAYS
from sopro_cli.main import main
from sopro_registry.overlays import Overlay
from tests.cli.place import GRANTED, REVOKED, Place, sopro


def test_shows_status_and_history(place: Place) -> None:
    result = sopro("label", "show", REVOKED, "--dir", place.at)
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{REVOKED}: revoked on ")
    assert [line.split()[1:] for line in lines[2:]] == [
        ["grant", "->", "active"],
        ["revoke", "->", "revoked,", "misuse_of_mark"],
    ]
    assert "Brot, Muster GmbH, Linz" in lines[1]


def test_rests_on_a_log_prefix_told_on_stderr(place: Place) -> None:
    result = sopro("label", "show", GRANTED, "--dir", place.at)
    assert result.stderr.startswith("computed from sopro.example/at/1 at size ")
    assert result.stderr.endswith("its last decision is accepted, published\n")


def test_directory_is_the_current_one_if_not_given(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.at)
    assert "active" in sopro("label", "show", GRANTED).stdout


def test_day_before_the_grant_has_no_status(place: Place) -> None:
    result = sopro("label", "show", GRANTED, "--dir", place.at, "--at", "2020-01-01", "--json")
    assert json.loads(result.stdout)["status"] == "none"


def test_lists_every_label_by_number(place: Place) -> None:
    rows = [
        line.split()[:2] for line in sopro("label", "list", "--dir", place.at).stdout.splitlines()
    ]
    assert rows == [[GRANTED, "active"], [REVOKED, "revoked"]]


def test_lists_those_of_a_site_as_json(place: Place) -> None:
    result = sopro("label", "list", "--dir", place.at, "--site", "at", "--json")
    assert [one["number"] for one in json.loads(result.stdout)] == [GRANTED, REVOKED]


@pytest.mark.parametrize(
    ("charset", "shown"), [("utf-8", "Bő, Muster"), ("latin-1", r"B\u0151, Muster")]
)
def test_names_do_no_harm_to_a_terminal(place: Place, charset: str, shown: str) -> None:
    holder = json.loads(sopro("label", "show", GRANTED, "--dir", place.at, "--json").stdout)
    assert holder["describes"]["holder"] == "Muster GmbH"
    hostile = sopro(
        *("organisation", "add", place.at, "--legal-name", "Muster\u202e GmbH\u200b🧶"),
        *("--country", "AT", "--identifier", "at.fn=654321b", "--locality", "Linz"),
    ).stdout.strip()
    offering = sopro(
        "offering", "add", place.at, "--organisation", hostile, "--name", "de=Bő"
    ).stdout.strip()
    place.decide("grant", "--offering", offering, "--valid-until", "2028-01-01")
    runner = CliRunner(charset=charset)
    said = runner.invoke(main, ["label", "list", "--dir", str(place.at)], catch_exceptions=False)
    assert said.exit_code == 0
    assert shown + r"\u202e GmbH\u200b" in said.stdout.splitlines()[-1]
    # Programs get every letter as it is, however the terminal is set.
    said = runner.invoke(main, ["label", "list", "--dir", str(place.at), "--json"])
    assert json.loads(said.stdout)[-1]["describes"]["holder"] == "Muster\u202e GmbH\u200b🧶"
    assert runner.invoke(main, ["--help"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["show", "SOPRO/XX0/001/00001"], 1, "no label 'SOPRO/XX0/001/00001' is known here"),
        (["show", GRANTED, "--at", "2026-02-31"], 65, "like 2026-11-22, got '2026-02-31'"),
        (["list", "--site", "xx"], 1, "no member 'xx' is known here"),
    ],
)
def test_says_what_is_not_known(
    place: Place, arguments: list[str], code: int, sentence: str
) -> None:
    assert sentence in sopro("label", *arguments, "--dir", place.at, code=code).stderr


def test_shows_what_lies_over_the_status_and_what_it_holds_for(place: Place) -> None:
    suspend = ("suspend", GRANTED, "--reason", "fees_unpaid", "--effective", "2027-01-02")
    place.decide(*suspend, "--suspended-until", "2027-01-31")
    place.decide("correct", GRANTED, "--area", "AT31", "--effective", "2027-01-03")
    shown = sopro("label", "show", GRANTED, "--dir", place.at, "--at", "2027-01-31").stdout
    assert "suspended on 2027-01-31" in shown
    assert "  holds for areas AT31\n" in shown
    assert "suspension overdue" not in shown
    shown = sopro("label", "show", GRANTED, "--dir", place.at, "--at", "2027-02-01").stdout
    assert "  suspension overdue: its end has passed, nothing was decided since\n" in shown
    answer = sopro("label", "show", GRANTED, "--dir", place.at, "--at", "2027-02-01", "--json")
    assert json.loads(answer.stdout)["overlays"] == ["suspension_overdue"]


def test_every_overlay_has_words() -> None:
    assert set(OVERLAYS) == {one.value for one in Overlay}


@pytest.mark.parametrize("typed", ["sopro/at0/001/00001", " SOPRO-AT0-001-00001 "])
def test_a_number_is_found_however_it_is_written(place: Place, tmp_path: Path, typed: str) -> None:
    assert sopro("label", "show", typed, "--dir", place.at).stdout.startswith(f"{GRANTED}: active")
    assert sopro("check", typed, "--dir", place.at).stdout.startswith(f"{GRANTED}: valid")
    table = tmp_path / "numbers.csv"
    table.write_text(f"{typed}\n")
    assert "1 checked, 0 not valid" in sopro("check", table, "--dir", place.at).stderr
    result = sopro("label", "show", "SOPRO/AT0/001/1", "--dir", place.at, code=65)
    assert "NUMBER: expected a certificate number such as SOPRO/AT0/001/00001" in result.stderr
