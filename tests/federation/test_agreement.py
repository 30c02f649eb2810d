"""The checks of agreement fail where they must; a check that cannot fail shows nothing."""

import pytest

from tests.federation.agreement import (
    Sighting,
    find_contradictions,
    find_differences,
    without_relative,
)

AT = "sopro.example/at/1"
HU = "sopro.example/hu/1"
ROOTS = {AT: {0: b"0", 1: b"a", 2: b"b"}, HU: {0: b"0", 1: b"c"}}
HONEST = [
    Sighting(AT, (1, b"a"), "hu"),
    Sighting(AT, (2, b"b"), "at"),
    Sighting(AT, (2, b"b"), "hu"),
    Sighting(HU, (0, b"0"), "at"),
    Sighting(HU, (1, b"c"), "at"),
]


def test_heads_of_one_history_contradict_nothing() -> None:
    assert find_contradictions(HONEST, ROOTS) == []


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (Sighting(AT, (2, b"x"), "hu"), "hu showed sopro.example/at/1 at size 2 with another root"),
        (Sighting(AT, (3, b"d"), "hu"), "at size 3, and no history is that long"),
        (Sighting(HU, (1, b"a"), "at"), "sopro.example/hu/1 at size 1 with another root"),
        (Sighting("sopro.example/fr/1", (1, b"a"), "at"), "no history is that long"),
    ],
    ids=["another root", "a head that is gone", "another log's root", "a log nobody has"],
)
def test_one_head_of_another_history_is_found(one: Sighting, words: str) -> None:
    [said] = find_contradictions([*HONEST, one], ROOTS)
    assert words in said


VIEW = {"at: head": [2, "b"], "/api/v1/labels": [{"number": "SOPRO/AT/1", "status": "active"}]}


def test_equal_views_differ_nowhere() -> None:
    assert find_differences({"at": VIEW, "hu": dict(VIEW), "fr": dict(VIEW)}) == []


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (VIEW | {"at: head": [1, "a"]}, "at: head is not the same everywhere: at, hu: [2"),
        (VIEW | {"/api/v1/labels": []}, "/api/v1/labels is not the same everywhere"),
        ({"at: head": [2, "b"]}, "fr: null"),
        (VIEW | {"at: states": 1}, "at: states is not the same everywhere: at, hu: null; fr: 1"),
    ],
    ids=["another head", "another answer", "something missing", "something more"],
)
def test_one_view_that_differs_is_found(other: dict[str, object], words: str) -> None:
    [said] = find_differences({"at": VIEW, "hu": VIEW, "fr": other})
    assert words in said


def test_only_what_is_said_of_one_node_is_left_out_of_an_answer() -> None:
    answer = {"labels": [{"status": "active", "publication": {"witnessed": True}}], "time": "x"}
    assert without_relative(answer) == {"labels": [{"status": "active"}]}
