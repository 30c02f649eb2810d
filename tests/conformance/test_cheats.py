"""Nodes that know no rule and answer from the tapes of other runs, or by statistics."""

import asyncio
import json
import os
import random
import subprocess
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
from sopro_conformance.world.scene import Scene
from tests.mutants.cheats import HOW, fingerprint

CHEATS = f"{sys.executable} {Path(__file__).parents[1] / 'mutants' / 'cheats.py'}"
OURS = f"{sys.executable} {Path(__file__).parents[1] / 'mutants' / 'ours.py'}"
NIL = {"verb": "verify", "kind": "value", "bytes": ""}
"""The one question that cannot be asked in another way (ENC-9)."""
CHECKS = "evidence/SIG-09/checks.jsonl"
FALSE = f"{sys.executable} {Path(__file__).parents[1] / 'mutants' / 'knows_nothing.py'} wrong"
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


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Tapes of two runs of a few cases."""
    folder = tmp_path_factory.mktemp("tapes")
    return " ".join(str(tape_of(folder, seed, *FEW)) for seed in "34")


def test_a_tape_of_another_run_passes_no_case(tapes: str, tmp_path: Path) -> None:
    report = try_on(f"{CHEATS} place {tapes}", tmp_path, "2", *FEW)
    assert green_of(report) == set()


@pytest.mark.slow
@pytest.mark.parametrize("how", sorted(HOW))
def test_who_guesses_passes_next_to_no_case(how: str, tapes: str, tmp_path: Path) -> None:
    """One case may be met by chance; which, and whether, follows from the seeds."""
    report = try_on(f"{CHEATS} {how} {tapes}", tmp_path, "2", *FEW)
    assert len(green_of(report)) <= 1
    assert report["exit_code"] in (1, 2)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_who_guesses_is_red_as_a_reader_in_nearly_every_case(tmp_path: Path) -> None:
    tapes = [str(tape_of(tmp_path, seed)) for seed in ("101", "102", "103")]
    for how in HOW:
        # Who reads every word of a tape takes minutes for one.
        chosen = " ".join(tapes[:1] if how == "words" else tapes)
        report = try_on(f"{CHEATS} {how} {chosen}", tmp_path / how, "205")
        green = green_of(report)
        assert not report["passed"]
        assert len(green) * 20 <= len(report["cases"]), f"{how}: {sorted(green)}"


def questions_of(seed: str) -> dict[str, set[str]]:
    """Return the digests of what each case about bytes asks in a run."""
    nobody = Adapter("nobody")
    stage = Scene(nobody, random.Random(seed))
    trials = [Trial(one, nobody, seed, stage=stage) for one in CASES.values() if one.is_stateless]
    for trial in trials:
        asyncio.run(trial.case.work(trial))
    return {
        one.case.id: {
            fingerprint(question.request)
            for question in one.questions.all
            if question.request != NIL
        }
        for one in trials
    }


@pytest.mark.slow
def test_no_question_of_a_run_is_asked_in_another_but_for_what_is_frozen() -> None:
    first, second = questions_of("1"), questions_of("2")
    assert {name for name in first if first[name] & second[name]} == {"VER-06"}
    assert len(first) > 80
    assert first["LBL-01"], "as a case that asks about whole logs"


@pytest.mark.slow
def test_a_seed_gives_the_same_questions_in_every_process(tmp_path: Path) -> None:
    """Sets of words go through their members otherwise in each."""
    for number in "12":
        chosen = [word for one in (*FEW, "ENC-12") for word in ("--case", one)]
        tape = tmp_path / number
        adapter = f"{CHEATS} record {tape} '{FALSE}'"
        run = [sys.executable, "-m", "sopro_conformance.main", "run", "--seed", "1", *chosen]
        subprocess.run(
            [*run, "--adapter", adapter, "--out", str(tmp_path / f"out {number}")],
            env=os.environ | {"PYTHONHASHSEED": number},
            capture_output=True,
            check=False,
            timeout=60,
        )
    first, second = ((tmp_path / number).read_text() for number in "12")
    assert first == second
    assert len(first.splitlines()) > 200


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
