"""Steps to a decision on the command line; tests/scenarios/certification.txt goes the whole way."""

import json
from pathlib import Path
from typing import Any

import pytest

from sopro_cli.evaluating import scale_value
from sopro_cli.main import main
from sopro_protocol.errors import FormatError
from tests.cli.place import ANNA, Place, sopro, told

SETS = Path(__file__).parents[1] / "scenarios" / "criteria.toml"
NOBODY = "0" * 32
UNTIL = ("--valid-until", "2028-01-01")


def authorise(place: Place, name: str, *more: str) -> str:
    return sopro(
        *("assessor", "authorise", place.at, "--name", name, "--new-person", name),
        *("--basis", "iso17065"),
        *("--valid-from", "2026-01-01", "--valid-until", "2099-12-31", *more),
    ).stdout.strip()


def assessors(place: Place) -> list[dict[str, Any]]:
    return list(json.loads(sopro("assessor", "list", place.at, "--json").stdout))


def test_an_authorisation_is_suspended_and_comes_back(place: Place) -> None:
    entity = authorise(place, "anna", "--criterion", "S2", "--criterion", "S1")
    [one] = assessors(place)
    assert (one["entity"], one["status"], one["criteria"]) == (entity, "active", ["S1", "S2"])
    assert sopro("assessor", "set", place.at, entity, "suspended").stdout.strip() == entity
    assert sopro("assessor", "list", place.at).stdout.count("suspended") == 1
    sopro("assessor", "set", place.at, entity, "active")
    sopro("assessor", "set", place.at, entity, "withdrawn")
    result = sopro("assessor", "set", place.at, entity, "active", code=1)
    assert "cannot become active where it is withdrawn" in result.stderr
    result = sopro("assessor", "set", place.at, NOBODY, "active", code=1)
    assert "this site has no authorisation" in result.stderr


def test_one_person_has_one_pseudonym_in_every_part(place: Place) -> None:
    authorise(place, "anna")
    known = json.loads((place.at / "keys" / "deciders.json").read_text())
    assert assessors(place)[0]["person"] == known["anna"]


def test_without_criteria_nobody_applies(place: Place) -> None:
    offering = place.offering()
    result = sopro(*("apply", place.at, "--applicant", NOBODY, "--offering", offering), code=1)
    assert "has no criteria that apply today" in result.stderr


def test_criteria_name_what_is_there(place: Place, tmp_path: Path) -> None:
    result = sopro("criteria", "publish", place.eeig, SETS)
    assert result.stdout.startswith("criteria_set sopro: entry ")
    result = sopro("criteria", "publish", place.eeig, SETS, code=1)
    assert "version 1, expected 2" in result.stderr
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(SETS.read_text().replace("published_on", "printed_on"))
    result = sopro("criteria", "publish", place.eeig, wrong, code=65)
    assert "unknown field 'printed_on'" in result.stderr
    wrong.write_text("")
    result = sopro("criteria", "publish", place.eeig, wrong, code=65)
    assert "expected tables [[scheme]], [[criterion]] and [[criteria_set]]" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give an APPLICATION or --label"),
        ((NOBODY, "--label", "SOPRO/AT0/001/00001"), "give an APPLICATION or --label"),
        (("nobody",), "APPLICATION: expected 32 hexadecimal digits"),
        ((NOBODY, "--finding", "S1=good"), "expected points or one of conform"),
    ],
)
def test_what_an_evaluation_needs_is_said(
    place: Place, arguments: tuple[str, ...], words: str
) -> None:
    given = ("--assessor", "anna", "--method", "test", "--finding", "S2=conform")
    result = sopro("evaluate", place.at, *arguments, *given, code=2)
    assert words in told(result.stderr)


def test_an_application_that_is_not_there_is_named(place: Place) -> None:
    for arguments in (
        ("application", "accept", place.at, NOBODY),
        ("review", place.at, NOBODY, "--outcome", "return", "--reviewer", *ANNA[1:]),
        ("decide", place.at, "grant", "--application", NOBODY, *UNTIL, *ANNA),
    ):
        result = sopro(*arguments, code=1)
        assert f"this site has no application {NOBODY}" in result.stderr


def test_every_command_has_its_help() -> None:
    for name in ("assessor", "apply", "application", "evaluate", "review"):
        command = main.get_command(None, name)  # type: ignore[arg-type]  # needs no context
        assert command is not None
        assert command.help


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--due", "S9=2027-01-31"), "there is no --finding S9; findings: S2"),
        (("--due", "S2=31.1.2027"), "--due S2: expected a civil date like"),
        (("--value", "S9=1"), "there is no --finding S9"),
        (("--evidence", "S9=report"), "there is no --finding S9"),
        (("--finding", "S2=conform"), "--finding S2: given twice"),
    ],
)
def test_what_belongs_to_a_finding_needs_one(
    place: Place, arguments: tuple[str, ...], words: str
) -> None:
    given = ("--assessor", "anna", "--method", "test", "--finding", "S2=conform")
    result = sopro("evaluate", place.at, NOBODY, *given, *arguments, code=2)
    assert words in told(result.stderr)


def test_an_evaluation_says_who_evaluated(place: Place) -> None:
    given = ("--method", "test", "--finding", "S2=conform")
    result = sopro("evaluate", place.at, NOBODY, *given, code=2)
    assert "say who evaluated with --assessor" in told(result.stderr)


@pytest.mark.parametrize(
    ("text", "scale", "value"),
    [("52.5", 2, 5250), ("52", 2, 5200), ("0", 0, 0), ("7", 0, 7), ("1e2", 0, 100)],
)
def test_a_value_is_scaled_as_the_threshold_is(text: str, scale: int, value: int) -> None:
    assert scale_value("S2", text, scale) == value


@pytest.mark.parametrize("text", ["52.555", "-1", "much", "", "inf", "nan", "1e99999999", "9" * 17])
def test_refuses_a_value_that_no_finding_can_have(text: str) -> None:
    with pytest.raises(FormatError, match="--value S2: expected a number with at most 2"):
        scale_value("S2", text, 2)
