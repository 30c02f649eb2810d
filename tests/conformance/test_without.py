"""A check that is removed from a copy of the node is found, and the report names the cause."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT = ROOT / "tests" / "mutants" / "without.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(WITHOUT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "text", "asked", "found", "cause"),
    [
        (
            "registry/sopro_registry/families/label_decision.py",
            'if membership is None or number.split("/")',
            "LBL-02 LBL-03 LBL-04 LBL-05",
            "LBL-03",
            "any member decides on any label",
        ),
        (
            "registry/sopro_registry/precondition.py",
            "if has_assessed(decision.decider",
            "LBL-02 LBL-03 LBL-04 LBL-05",
            "LBL-04",
            "lets an assessor decide",
        ),
        (
            "node/sopro_node/reach.py",
            "if not port:",
            "HOS-10",
            "HOS-10",
            "calls any address that a membership names",
        ),
    ],
)
def test_a_removed_check_is_found_and_named(
    tmp_path: Path, file: str, text: str, asked: str, found: str, cause: str
) -> None:
    cases = [part for name in asked.split() for part in ("--case", name)]
    done = run(str(ROOT / file), text, *cases, "--out", str(tmp_path / "out"))
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    failed = [one["id"] for one in report["cases"] if one["verdict"] == "FAIL"]
    assert (done.returncode, failed) == (1, [found]), done.stdout
    removed = [one for one in done.stdout.splitlines() if one.startswith("-") and text in one]
    assert len(removed) == 1, "what is removed is shown"
    assert cause in report["likely"]
    assert f"Likely    {report['likely']}" in done.stdout
    [case] = [one for one in report["cases"] if one["id"] == found]
    assert case["problems"][0]["expected"] != case["problems"][0]["actual"]
    assert (ROOT / file).read_text().count(text) == 1, "of the copy alone"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keep", "code", "verdict"),
    [([], 2, "NOT-MEASURED"), (["--keep", "copy"], 1, "FAIL")],
    ids=["gone", "kept"],
)
def test_a_replay_tries_the_copy_or_nothing(
    tmp_path: Path, keep: list[str], code: int, verdict: str
) -> None:
    kept = [*keep[:1], *(str(tmp_path / one) for one in keep[1:])]
    file = ROOT / "registry/sopro_registry/families/label_decision.py"
    text = 'if membership is None or number.split("/")'
    done = run(*kept, str(file), text, "--case", "LBL-03", "--out", str(tmp_path / "out"))
    [case] = json.loads((tmp_path / "out" / "report.json").read_text())["cases"]
    assert (done.returncode, case["verdict"]) == (1, "FAIL"), done.stdout
    assert ("The copy is gone" in done.stdout) is (not keep)
    again = subprocess.run(case["replay"], shell=True, cwd="/", check=False, timeout=60)
    report = json.loads((tmp_path / "out/replay/LBL-03/report.json").read_text())
    assert (again.returncode, report["cases"][0]["verdict"]) == (code, verdict)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nothing of the kind", "expected one line"),
        ("raise ", "expected one line"),
        ("def check_url(self", "expected an 'if' without 'else'"),
    ],
)
def test_what_is_no_check_is_not_removed(text: str, why: str) -> None:
    done = run(str(ROOT / "node/sopro_node/reach.py"), text)
    assert done.returncode == 2
    assert why in done.stderr
