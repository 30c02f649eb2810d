import json

import pytest

from tests.cli.place import GRANTED, REVOKED, Place, sopro


def test_shows_status_and_history(place: Place) -> None:
    result = sopro("label", "show", REVOKED, "--dir", place.at)
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{REVOKED}: revoked on ")
    assert [line.split()[1:] for line in lines[2:]] == [
        ["grant", "->", "active"],
        ["revoke", "->", "revoked"],
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
