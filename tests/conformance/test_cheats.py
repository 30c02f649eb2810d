"""Nodes that know no rule and answer from the tapes of other runs, or by statistics."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sopro_conformance.adapter import Adapter, Answer
from sopro_conformance.case import Verdict
from sopro_conformance.catalogue import CASES
from sopro_conformance.main import main
from sopro_conformance.questions import Questions
from sopro_conformance.trial import Trial

CHEATS = f"{sys.executable} {Path(__file__).parents[1] / 'mutants' / 'cheats.py'}"
OURS = f"{sys.executable} {Path(__file__).parents[1] / 'mutants' / 'ours.py'}"
CHECKS = "evidence/SIG-09/checks.jsonl"
FEW = ("ENC-01", "ENC-11", "SIG-02", "SIG-09", "CKP-04", "LBL-01", "LBL-07", "MEM-04", "HOS-15")
"""Cases of every kind, of which none takes long."""


def try_on(adapter: str, out: Path, seed: str, *cases: str) -> dict[str, Any]:
    """Run cases, or the whole profile of a reader, and return the report."""
    chosen = [word for one in cases for word in ("--case", one)]
    main(["run", "--adapter", adapter, "--seed", seed, "--out", str(out), *chosen])
    found: dict[str, Any] = json.loads((out / "report.json").read_text())
    return found


def tape_of(folder: Path, seed: str, *cases: str) -> Path:
    """Have our node pass a run, and return what was asked and answered."""
    tape = folder / f"{seed}.jsonl"
    report = try_on(f"{CHEATS} record {tape} '{OURS}'", folder / "passed", seed, *cases)
    assert {one["verdict"] for one in report["cases"]} <= {"PASS", "N/A"}
    return tape


def green_of(report: dict[str, Any]) -> set[str]:
    """Return the cases that passed."""
    return {one["id"] for one in report["cases"] if one["verdict"] == "PASS"}


def test_a_tape_of_another_run_passes_no_case(tmp_path: Path) -> None:
    tape = tape_of(tmp_path, "1", *FEW)
    report = try_on(f"{CHEATS} place {tape}", tmp_path / "played", "2", *FEW)
    assert green_of(report) == set()


def test_a_run_of_the_same_seed_is_asked_the_same_in_the_same_order(tmp_path: Path) -> None:
    first = tape_of(tmp_path, "1", *FEW).read_text().splitlines()
    again = tape_of(tmp_path, "1", *FEW).read_text().splitlines()
    assert [json.loads(one)[0] for one in first] == [json.loads(one)[0] for one in again]


def test_a_case_is_asked_in_the_same_order_with_others_and_alone(tmp_path: Path) -> None:
    together = [json.loads(one)[0] for one in tape_of(tmp_path, "1", *FEW).read_text().splitlines()]
    alone = [
        json.loads(one)[0] for one in tape_of(tmp_path, "1", "SIG-02").read_text().splitlines()
    ]
    for one in (*together, *alone):
        one.pop("id")
    assert [one for one in together if one in alone] == alone


def test_checks_stand_in_their_order_whatever_was_asked_first(tmp_path: Path) -> None:
    for seed in "12":
        try_on(OURS, tmp_path / seed, seed, "SIG-09")
    first, second = (
        [json.loads(one) for one in (tmp_path / f"{seed}/{CHECKS}").read_text().splitlines()]
        for seed in "12"
    )
    assert [one["delta"] for one in first][:-1] == [one["delta"] for one in second][:-1]
    assert [one["asked"] for one in first] != [one["asked"] for one in second]
    assert sorted(one["asked"][-1] for one in first) != [one["asked"][-1] for one in first]


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        (Answer(ok={}), Verdict.PASS),
        (Answer(ok={"lengths": [1]}), Verdict.FAIL),
        (Answer(code="enc.type"), Verdict.FAIL),
        (Answer(error="a crash"), Verdict.NOT_MEASURED),
    ],
)
def test_the_same_question_gives_the_same_answer(second: Answer, verdict: Verdict) -> None:
    trial = Trial(CASES["ENC-02"], Adapter("nobody"), "1")
    asyncio.run(trial.accepts("value", what="a number", bytes=b"\x01"))
    [question] = trial.questions.all
    question.answers += [Answer(ok={}), second]
    trial.judge()
    assert [one.verdict for one in trial.checks] == [Verdict.PASS, verdict]


def test_every_case_has_something_asked_again() -> None:
    many = Questions("1/ENC-02")
    for number in range(40):
        many.add("value", {"bytes": bytes((number,))})
    asked = [question for _, question in many.in_turn()]
    assert 40 < len(asked) <= 50
    assert set(asked) == set(many.all)
