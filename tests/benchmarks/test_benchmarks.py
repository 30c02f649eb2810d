"""The benchmarks work; what they measure is not for a test to judge."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parent / "run.py"
NAMES = {"sync", "wire", "disk", "append", "lookup", "tile", "incremental", "propagate", "memory"}
NAMES |= {"import", "status", "witness", "search", "check", "history", "reindex"}


@pytest.mark.slow
def test_every_benchmark_runs(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    command = [sys.executable, str(RUN), "--records", "2000", "--runs", "1", "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    figures = json.loads(out.read_text())
    assert {one["name"] for one in figures} == NAMES
    assert all(one["reached"]["median"] >= 0 for one in figures if "CPU" not in one["what"])


def test_an_unknown_benchmark_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, str(RUN), "--only", "speed"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no benchmark speed; known: sync," in done.stderr
