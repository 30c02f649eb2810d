"""A cause is named where a known fault fails the same check in the same way, and nowhere else."""

import pytest

from sopro_conformance.case import Check, Result, Verdict
from sopro_conformance.catalogue import CASES
from sopro_conformance.picture import (
    find_causes,
    name_check,
    name_checks,
    read_matrix,
    say_causes,
    say_likely,
)

MATRIX = {
    "A": {"text": "a fault", "checks": ["ENC-02 x -> FAIL accepted", "ENC-03 y -> FAIL accepted"]},
    "B": {"text": "another", "checks": ["ENC-02 x -> FAIL accepted"]},
    "C": {"text": "a third", "checks": ["LBL-03 z -> FAIL counts"]},
    "D": {"text": "of which no checks are known", "failed": ["LBL-03"]},
}


def result(case: str, delta: str, actual: str, verdict: Verdict = Verdict.FAIL) -> Result:
    return Result(CASES[case], [Check(delta, verdict, "refused enc.order", actual)], 0.1)


@pytest.mark.parametrize(
    ("of_case", "whole", "names"),
    [
        (["ENC-02 x -> FAIL accepted"], ["ENC-02 x -> FAIL accepted"], ["B"]),
        (
            ["ENC-02 x -> FAIL accepted"],
            ["ENC-02 x -> FAIL accepted", "ENC-03 y -> FAIL accepted"],
            ["A"],
        ),
        (["ENC-02 x -> FAIL refused enc.utf8"], ["ENC-02 x -> FAIL refused enc.utf8"], []),
        (["ENC-02 w -> FAIL accepted"], ["ENC-02 w -> FAIL accepted"], []),
        (["LBL-03 z -> FAIL counts", "LBL-03 q -> FAIL counts"], ["LBL-03 z -> FAIL counts"], []),
        (["LBL-04 z -> FAIL counts"], ["LBL-04 z -> FAIL counts"], []),
        ([], [], []),
    ],
)
def test_only_a_fault_that_fails_all_of_it_so_is_named(
    of_case: list[str], whole: list[str], names: list[str]
) -> None:
    assert find_causes(of_case, whole, MATRIX) == names


def test_a_check_is_named_by_what_is_the_same_in_every_run() -> None:
    first = name_check(
        "LBL-04", Check("entry 17 at 127.0.0.1", Verdict.FAIL, "", "entry 9: counts")
    )
    second = name_check(
        "LBL-04", Check("entry 3 at 127.0.0.1", Verdict.FAIL, "", "entry 5: counts")
    )
    assert first == second == "LBL-04 entry # at #.#.#.# -> FAIL counts"
    void = Check("d", Verdict.FAIL, "", "entry 5: void ass.duties; the next record: counts")
    assert name_check("LBL-04", void) == "LBL-04 d -> FAIL void ass.duties, counts"
    assert name_check("LOG-01", Check("d", Verdict.WARN, "", "404 text/plain b''")).endswith("404")


def test_what_no_fault_is_known_to_fail_has_no_cause() -> None:
    """The codes of the checks that a mutant fails are others, so it is not what happened here."""
    known = result("ENC-03", "'b' before 'a'", "accepted {}")
    assert "(the picture of mutant M0" in say_likely(known, [known], read_matrix())
    for other in (
        result("ENC-03", "'b' before 'a'", "refused enc.utf8 (no text)"),
        result("ENC-03", "'c' before 'b'", "accepted {}"),
        result("ENC-09", "'b' before 'a'", "accepted {}"),
    ):
        said = say_likely(other, [other], read_matrix())
        assert said == "no fault that this suite knows fails like this"
    green = result("ENC-03", "'b' before 'a'", "accepted {}", Verdict.PASS)
    assert say_likely(green, [green], read_matrix()) == ""


def test_several_faults_that_look_alike_are_all_named() -> None:
    matrix = dict.fromkeys("WXYZ", MATRIX["B"])
    of_case = MATRIX["B"]["checks"]
    assert find_causes(of_case, of_case, matrix) == list("WXYZ")
    words = say_causes(["W", "X", "Y", "Z"], matrix)
    assert words == ", or ".join(f"another (the picture of mutant {name})" for name in "WXY")


def test_every_known_fault_names_itself() -> None:
    """Its own picture is nearest to it, whatever others look like it."""
    matrix = read_matrix()
    pictures = {name: one["checks"] for name, one in matrix.items() if one.get("checks")}
    assert len(pictures) > 100
    for name, checks in pictures.items():
        assert name in find_causes(checks, checks, matrix), name
        assert {check.split(" ")[0] for check in checks} <= set(matrix[name]["failed"]), name


def test_checks_that_hold_are_not_named() -> None:
    assert name_checks([result("ENC-03", "x", "refused enc.order", Verdict.PASS)]) == []
