"""A command of a later version than the node that serves: what is not answered is said."""

from collections.abc import Mapping
from typing import Any

import pytest

from sopro_cli import office
from sopro_cli.answers import read_answer
from sopro_protocol.errors import UnavailableError
from tests.cli.place import Place, sopro


def test_what_an_answer_lacks_is_said_in_a_sentence() -> None:
    answer = read_answer({"labels": [{"number": "1", "describes": {}}], "left": ""})
    assert (answer["left"], answer.get("more"), dict(answer["labels"][0])["number"]) == (
        "", None, "1"
    )  # fmt: skip
    for part in (answer, answer["labels"][0], answer["labels"][0]["describes"]):
        with pytest.raises(UnavailableError, match="has no 'holder'; it may have done what"):
            part["holder"]


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("erase", "{at}", "0" * 32, "--reason", "request"), "erased"),
        (("status", "{at}"), "origin"),
        (("complaint", "list", "{at}"), "complaints"),
        (("officer", "add", "{at}", "M", "--new-person", "M", "--role", "decider"), "officers"),
    ],
)
def test_a_command_that_wants_to_know_more_ends_with_a_sentence(
    place: Place, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], field: str
) -> None:
    async def call(_folder: Any, _name: str, _values: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    monkeypatch.setattr(office, "call", call)
    done = sopro(*(str(place.at) if one == "{at}" else one for one in words), code=75)
    assert f"of another version than this command: what it answers has no {field!r}" in done.stderr
