"""Every fault of the table is noticed, by a fast test of its own and by random lives."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.registry.faults import FAULTS, PACKAGE, Fault
from tests.registry.lives import KINDS, PREFIXES, swarm
from tests.registry.test_agreement import check_agreement, deliver, live
from tests.registry.world import World

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
LIVES = 400
MINUTES = 10


def test_every_fault_can_be_put_in_and_has_a_fast_test() -> None:
    for fault in FAULTS.values():
        text = (PACKAGE / fault.file).read_text(encoding="utf-8")
        assert text.count(fault.right) == 1, fault
        file, name = fault.test.split("::")
        assert f"def {name}(" in (FOLDER / file).read_text(encoding="utf-8"), fault


def run(test: str, package: Path | None) -> tuple[int, str]:
    """Run a test of this folder, with another registry or with the one that is there."""
    paths = [str(package.parent)] if package else []
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*paths, str(ROOT)])}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "", "-p", "no:cacheprovider",
               str(FOLDER / test)]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=MINUTES * 60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout[-3000:]


@pytest.fixture
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the registry with a fault."""
    fault: Fault = FAULTS[request.param]
    copied = tmp_path / PACKAGE.name
    shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    fault.put_into(copied)
    where = [sys.executable, "-c", f"import {PACKAGE.name}; print({PACKAGE.name}.__file__)"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    found = subprocess.run(where, env=environment, capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()).parent == copied
    return copied


@pytest.mark.long
@pytest.mark.parametrize(
    ("package", "test"),
    [(name, fault.test) for name, fault in FAULTS.items()],
    indirect=["package"],
    ids=list(FAULTS),
)
def test_a_fast_test_notices(package: Path, test: str) -> None:
    code, said = run(test, package)
    assert code == pytest.ExitCode.TESTS_FAILED, said


@pytest.mark.long
@pytest.mark.parametrize("package", FAULTS, indirect=True)
def test_random_lives_notice(package: Path) -> None:
    code, said = run("test_faults.py::test_random_lives_agree", package)
    assert code == pytest.ExitCode.TESTS_FAILED, said


@pytest.mark.long
def test_random_lives_agree() -> None:
    """Live so many lives, always the same: what notices the faults, and notices none here."""
    for number in range(LIVES):
        kinds = swarm(Random(number)) if number % 2 else KINDS
        life = live(range(number * 1000, number * 1000 + 150), kinds)
        node = World.new_node(PREFIXES)
        deliver(life, node, number)
        check_agreement(life, [node])


@pytest.mark.long
@pytest.mark.parametrize("test", sorted({fault.test for fault in FAULTS.values()}))
def test_a_fast_test_passes_without_the_fault(test: str) -> None:
    code, said = run(test, None)
    assert code == pytest.ExitCode.OK, said
