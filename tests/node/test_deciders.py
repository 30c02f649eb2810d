"""Pseudonyms: a person has one, however the name is typed."""

import json
from pathlib import Path

import pytest

from sopro_node.deciders import find_decider, known_people, same_name
from sopro_protocol.errors import FormatError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "typed",
    ["Jörg Müller", "jörg müller", "JÖRG MÜLLER", " Jörg  Müller ", "Jörg\u00a0Müller",
     "Jo\u0308rg Mu\u0308ller", "Jörg Müller\u200b", "J\u00adörg Müller", "Jörg\ufe0f Müller",
     "\u2060Jörg Müller\U000e0100", "Jörg Müller\u3164", "Jörg \u2800Müller"],
)  # fmt: skip
def test_a_person_is_one_however_the_name_is_typed(folder: Path, typed: str) -> None:
    person = find_decider(folder, "Jörg Müller", is_new=True)
    assert find_decider(folder, typed) == person
    assert known_people(folder) == {"Jörg Müller": person}


def test_a_name_is_kept_without_the_spaces_it_was_typed_with(folder: Path) -> None:
    find_decider(folder, " Ida  Wolf", is_new=True)
    find_decider(folder, "Eva\u200b Moser\ufe0f", is_new=True)
    assert list(known_people(folder)) == ["Eva Moser", "Ida Wolf"]


def test_other_names_are_other_people(folder: Path) -> None:
    one, other = (
        find_decider(folder, name, is_new=True) for name in ("Maria Huber", "Mario Huber")
    )
    assert one != other


def test_a_pseudonym_that_was_given_to_another_spelling_stays(folder: Path) -> None:
    given = {"Maria Huber": "11" * 16, "maria huber": "22" * 16}
    (folder / "keys" / "deciders.json").write_text(json.dumps(given))
    assert find_decider(folder, "maria huber") == bytes.fromhex("22" * 16)
    assert same_name("maria huber ", known_people(folder)) == "Maria Huber"


@pytest.mark.parametrize("name", ["", "  ", "\u00a0", "\u200b", "\ufe0f \u3164"])
def test_nobody_has_an_empty_name(folder: Path, name: str) -> None:
    with pytest.raises(FormatError, match="name of a person"):
        find_decider(folder, name, is_new=True)
