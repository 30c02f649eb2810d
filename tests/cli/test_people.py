"""Nobody becomes somebody else by a slip of the hand: names that the site does not know."""

import json
from typing import Any

import pytest
import rich_click as click

from sopro_cli import acting, people
from sopro_node.deciders import known_people, nearest_names
from tests.cli.place import GRANTED, Place, sopro, told

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


@pytest.mark.parametrize(
    ("words", "does"),
    [
        (("decide", "{at}", "correct", GRANTED), "decides with --decider"),
        (("transfer", "out", "{at}", GRANTED, "--to", "hu"), "decides with --decider"),
        (("transfer", "in", "{at}"), "decides with --decider"),
        (("review", "{at}", NOBODY, "--outcome", "return"), "reviews with --reviewer"),
    ],
)
def test_the_user_of_the_system_is_nobody_of_the_site(
    maria: Place, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], does: str
) -> None:
    monkeypatch.setenv("SUDO_USER", "maria")
    before = known(maria)
    refused = sopro(*(str(maria.at) if one == "{at}" else one for one in words), code=2)
    assert f"say who {does}, or act as them: sopro --as NAME" in told(refused.stderr)
    assert known(maria) == before


def test_who_sits_at_a_terminal_is_asked_who_decides(
    maria: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def prompt(text: str, **_: Any) -> str:
        asked.append(text)
        return "maria huber"

    monkeypatch.setattr(acting, "is_somebody_there", lambda: True)
    monkeypatch.setattr(click, "prompt", prompt)
    before = known(maria)
    sopro("decide", maria.at, "suspend", GRANTED, *UNTIL)
    assert (asked, known(maria)) == (["Who decides"], before)


def test_a_name_that_was_revoked_comes_back_as_the_person_it_was(maria: Place) -> None:
    role = ("--role", "assessor", "--json")
    added = json.loads(
        sopro("officer", "add", maria.at, "mh", "--person", "Maria Huber", *role).stdout
    )
    sopro("officer", "revoke", maria.at, "mh")
    for other in (("--new-person", "Eva", "--person", "Eva"), ("--person", "Anna Gruber")):
        refused = sopro("officer", "add", maria.at, "mh", *other, *role, code=1)
        assert "'mh' was another person than" in refused.stderr
    assert "Eva" not in known(maria)
    again = json.loads(sopro("officer", "add", maria.at, "mh", *role).stdout)
    assert again["person"] == added["person"]
    assert "mh" not in known(maria)


@pytest.mark.parametrize("letter", ["\u00ad", "\u200b", "\u2060", "\ufe0f", "\U000e0100", "\u3164"])
def test_an_officer_has_no_name_that_looks_like_another(maria: Place, letter: str) -> None:
    named = ("officer", "add", maria.at, f"Maria Huber{letter}", "--role", "decider")
    refused = sopro(*named, "--new-person", f"Maria Huber{letter}", code=65)
    assert "printable characters" in refused.stderr


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
