"""The example in JavaScript, written from SPEC.md alone, agrees with the vectors and the suite."""

import json
import subprocess
from pathlib import Path

import pytest

from sopro_conformance.main import main
from tests.conformance.examples import JAVASCRIPT, require_node

TESTS = sorted(JAVASCRIPT.glob("*.test.mjs"))


def test_it_has_tests() -> None:
    assert len(TESTS) > 3


@pytest.mark.slow
@pytest.mark.parametrize("name", [one.name for one in TESTS])
def test_its_own_tests_pass(name: str) -> None:
    done = subprocess.run(
        [require_node(), "--test", str(JAVASCRIPT / name)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "# fail 0" in done.stdout
    assert "# skipped 0" in done.stdout


@pytest.mark.slow
def test_the_smallest_adapter_is_green_where_it_knows_and_unmeasured_where_not(
    tmp_path: Path,
) -> None:
    adapter = f"{require_node()} {JAVASCRIPT.parent / 'minimal.mjs'}"
    chosen = ["--case", "ACC-03", "--case", "ENC-02"]
    code = main(["run", "--adapter", adapter, *chosen, "--out", str(tmp_path)])
    report = json.loads((tmp_path / "report.json").read_text())
    verdicts = {one["id"]: one["verdict"] for one in report["cases"]}
    assert verdicts == {"ACC-03": "PASS", "ENC-02": "NOT-MEASURED"}
    assert code == 2
    assert len((JAVASCRIPT.parent / "minimal.mjs").read_text().splitlines()) <= 60


@pytest.mark.slow
def test_the_suite_passes_it_as_a_publisher(tmp_path: Path) -> None:
    """Over the network, too: the suite is coordinator, members and witnesses around it."""
    adapter = f"{require_node()} {JAVASCRIPT / 'adapter.mjs'}"
    asked = ["--profile", "publisher", "--patience", "3"]
    code = main(["run", *asked, "--adapter", adapter, "--out", str(tmp_path)])
    report = json.loads((tmp_path / "report.json").read_text())
    red = [one["id"] for one in report["cases"] if one["verdict"] not in ("PASS", "N/A")]
    assert red == []
    assert report["candidate"]["software"] == "sopro-javascript"
    assert report["counts"]["PASS"] > 75
    assert code == 0
