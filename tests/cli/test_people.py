"""Nobody becomes somebody else by a slip of the hand: names that the site does not know."""

import json
from typing import Any

import pytest
import rich_click as click

from sopro_cli import people
from sopro_node.deciders import known_people, nearest_names
from tests.cli.place import GRANTED, Place, sopro

NOBODY = "0" * 32
RIGHT = ("--basis", "iso17065", "--valid-until", "2099-12-31")
UNTIL = ("--suspended-until", "2099-01-01", "--reason", "other")


def known(place: Place) -> set[str]:
    return set(known_people(place.at))


@pytest.fixture
def maria(place: Place) -> Place:
    """A place that knows Maria Huber."""
    named = ("--name", "Maria Huber", "--new-person", "maria  huber")
    sopro("assessor", "authorise", place.at, *named, *RIGHT)
    return place


@pytest.mark.parametrize(
    "words",
    [
        ("assessor", "authorise", "{at}", "--name", "Maria Hubr", *RIGHT),
        ("officer", "add", "{at}", "Maria Hubr", "--role", "decider"),
        ("officer", "add", "{at}", "mh", "--person", "Maria Hubr", "--role", "decider"),
        ("review", "{at}", NOBODY, "--outcome", "return", "--reviewer", "Maria Hubr"),
        ("decide", "{at}", "suspend", GRANTED, *UNTIL, "--decider", "Maria Hubr"),
        ("transfer", "out", "{at}", GRANTED, "--to", "hu", "--decider", "Maria Hubr"),
        ("transfer", "in", "{at}", "--decider", "Maria Hubr"),
        ("appeal", "panel", "{at}", NOBODY, "--member", "Maria Hubr"),
        ("evaluate", "{at}", NOBODY, "--assessor", "Maria Hubr", "--method", "test",
         "--finding", "S1=20"),
    ],
)  # fmt: skip
def test_a_name_that_nobody_has_is_not_taken(maria: Place, words: tuple[str, ...]) -> None:
    before = known(maria)
    refused = sopro(*(str(maria.at) if one == "{at}" else one for one in words), code=1)
    assert refused.stderr.strip() == (
        "error: nobody named 'Maria Hubr' is known at this site; nearest: 'Maria Huber'; where it "
        "is somebody new, say so: --new-person 'Maria Hubr'"
    )
    assert known(maria) == before


def test_somebody_new_is_confirmed_by_name(maria: Place) -> None:
    wrong = ("--decider", "Maria Hubr", "--new-person", "Mario Huber")
    sopro("decide", maria.at, "suspend", GRANTED, *UNTIL, *wrong, code=1)
    before = known(maria)
    maria.decide("suspend", GRANTED, *UNTIL, "--decider", "Ida Wolf", "--new-person", "Ida Wolf")
    assert known(maria) == before | {"Ida Wolf"}
    maria.decide("correct", GRANTED, "--decider", "ida wolf")
    assert known(maria) == before | {"Ida Wolf"}


def test_all_who_are_not_known_are_told_at_once(maria: Place) -> None:
    members = [word for name in ("Eva", "Maria Huber", "Ida") for word in ("--member", name)]
    refused = sopro("appeal", "panel", maria.at, NOBODY, *members, "--new-person", "Eva", code=1)
    assert "nobody named 'Ida' is known" in refused.stderr
    assert "'Eva'" not in refused.stderr
    refused = sopro("appeal", "panel", maria.at, NOBODY, *members, code=1)
    assert "--new-person 'Eva' --new-person 'Ida'" in refused.stderr


@pytest.mark.parametrize(("says", "code", "grown"), [(True, 0, {"Ida Wolf"}), (False, 1, set())])
def test_who_sits_at_a_terminal_is_asked(
    maria: Place, monkeypatch: pytest.MonkeyPatch, says: bool, code: int, grown: set[str]
) -> None:
    asked: list[str] = []

    def confirm(text: str, **_: Any) -> bool:
        asked.append(text)
        if not says:
            raise click.Abort
        return True

    monkeypatch.setattr(people, "is_somebody_there", lambda: True)
    monkeypatch.setattr(click, "confirm", confirm)
    before = known(maria)
    sopro("decide", maria.at, "suspend", GRANTED, *UNTIL, "--decider", "Ida Wolf", code=code)
    assert asked == ["nobody named 'Ida Wolf' is known at this site. Is it somebody new?"]
    assert known(maria) == before | grown


def test_the_user_of_the_system_is_nobody_s_slip(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "gruber")
    assert place.decide("correct", GRANTED)["action"] == "correct"
    assert "gruber" in known(place)


def test_an_officer_is_told_in_json_what_to_say(maria: Place) -> None:
    named = ("officer", "add", maria.at, "Maria Hubr", "--role", "decider", "--json")
    sopro(*named, code=1)
    done = sopro(*named, "--new-person", "Maria Hubr")
    assert json.loads(done.stdout)["name"] == "Maria Hubr"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Maria Hubr", ["Maria Huber"]),
        ("huber maria", ["Maria Huber"]),
        ("Gruber Anna-Lena", ["Anna-Lena Gruber"]),
        ("Zoltán Kiss", []),
        ("Maria Huber", []),
    ],
)
def test_names_that_are_nearly_it(name: str, near: list[str]) -> None:
    assert nearest_names(name, ["Maria Huber", "Josef Berger", "Anna-Lena Gruber"]) == near
