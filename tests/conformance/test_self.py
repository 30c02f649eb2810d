import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sopro_conformance.catalogue import CASES
from sopro_conformance.main import main
from sopro_conformance.picture import read_matrix
from sopro_conformance.self_test import (
    CandidatesError,
    build_matrix,
    read_candidates,
    try_all,
)

ROOT = Path(__file__).parents[2]
MUTANTS = ROOT / "tests" / "mutants"
NETWORK = MUTANTS / "network"
QUICK = ("N35", "N37")
"""Mutants of the network that are tried every time; all of them take minutes."""
PARTS = 4
"""So many tests share the faults that a reader shows, so that none of them takes long."""
UNPROVEN: dict[str, str] = {}
"""Cases of the network that no mutant has failed yet, and why."""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_known_fault_is_found_by_the_cases_that_have_to(part: int) -> None:
    """Those that have none, or know nothing, are tried whole in `test_run.py`."""
    faults = [one for one in read_candidates(MUTANTS) if one.killed_by][part::PARTS]
    assert len(faults) > 1
    trials = try_all(faults, whole=False)
    assert {one.candidate.name: one.problems for one in trials if one.problems} == {}


@pytest.mark.slow
def test_a_fault_that_is_found_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    adapter = f"{sys.executable} {MUTANTS / 'run.py'} M01"
    (tmp_path / "candidates.toml").write_text(
        f'[[candidate]]\nname = "M01"\ntext = "t"\nadapter = "{adapter}"\nkilled_by = ["ENC-02"]\n'
    )
    assert main(["self-test", "--candidates", str(tmp_path)]) == 0
    assert "M01  right  1 failed  ENC-02" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_matrix_is_that_of_today() -> None:
    trials = try_all([*read_candidates(MUTANTS), *read_candidates(NETWORK)], whole=True)
    assert [one.candidate.name for one in trials if one.problems] == []
    found, known = build_matrix(trials), read_matrix()
    assert {name: one["failed"] for name, one in found.items()} == {
        name: one["failed"] for name, one in known.items()
    }
    # How far a node comes before it is found over the network is not the same every time.
    whole = [one.candidate.name for one in trials if not one.candidate.only_named]
    assert {name: found.get(name) for name in whole} == {name: known.get(name) for name in whole}


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_faults_that_show_over_the_network_are_found(name: str) -> None:
    [one] = [one for one in read_candidates(NETWORK) if one.name == name]
    [trial] = try_all([one], whole=True)
    assert trial.problems == ()
    assert list(trial.failed) == read_matrix()[name]["failed"]


def test_every_case_of_the_network_has_a_mutant_that_fails_it_or_a_reason() -> None:
    network = {one.id for one in CASES.values() if "start" in one.verbs}
    proven = {name for one in read_matrix().values() for name in one["failed"]}
    assert network - proven == UNPROVEN.keys()
    named = {one.name: set(one.killed_by) for one in read_candidates(NETWORK)}
    assert {name: set(read_matrix()[name]["failed"]) for name in named} == named


@pytest.mark.slow
def test_a_mutant_that_is_not_found_is_said(tmp_path: Path) -> None:
    ours = f"{sys.executable} {MUTANTS / 'ours.py'}"
    (tmp_path / "candidates.toml").write_text(
        f'[[candidate]]\nname = "X"\ntext = "none"\nadapter = "{ours}"\nkilled_by = ["ENC-02"]\n'
    )
    [trial] = try_all(read_candidates(tmp_path), whole=False)
    assert "not found by ENC-02" in trial.problems
    assert main(["self-test", "--candidates", str(tmp_path)]) == 1


def test_a_broken_file_of_candidates_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ("", "candidate = 5", '[[candidate]]\nname = "a"\nsurprise = 1\n', "\x00"):
        (tmp_path / "candidates.toml").write_text(text)
        with pytest.raises(CandidatesError, match=r"candidates\.toml"):
            read_candidates(tmp_path)
    assert main(["self-test", "--candidates", str(tmp_path / "nowhere")]) == 2
    assert "candidates.toml" in capsys.readouterr().err


@pytest.mark.slow
def test_the_suite_is_a_wheel_of_its_own(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*pip, "--wheel-dir", str(tmp_path), str(ROOT / "conformance")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("sopro_conformance-*.whl")
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        metadata = next(one for one in names if one.endswith("METADATA"))
        text = files.read(metadata).decode()
        files.extractall(tmp_path / "alone")
    folders = {one.split("/")[0] for one in names}
    assert folders == {"sopro_conformance", metadata.split("/")[0]}
    assert "Requires-Dist: pynacl" not in text
    place = f"import sys; sys.path.insert(0, {str(tmp_path / 'alone')!r})"
    program = "import sopro_conformance.main as m; sys.exit(m.main(['cases']))"
    listed = subprocess.run(
        [sys.executable, "-I", "-c", f"{place}; {program}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert listed.returncode == 0, listed.stderr
    assert "ENC-01" in listed.stdout
