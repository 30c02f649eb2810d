"""Where nobody answers over the network nothing is green, whatever an adapter says."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from sopro_conformance.catalogue import CASES
from sopro_conformance.main import main

SAYS = Path(__file__).parent / "says.py"
PATIENT = {"ERR-04": "waits for what cuts slow clients off"}
SEEN = sorted(one.id for one in CASES.values() if one.by_url and one.id not in PATIENT)
NOBODY = "http://127.0.0.1:9"


def try_at(url: str, folder: Path, *cases: str) -> list[dict[str, Any]]:
    root = "A" * 43 + "="
    ok = {"features": [], "url": url, "origin": "a.example/at/1", "root": root, "entries": []}
    adapter = shlex.join([sys.executable, str(SAYS), json.dumps(ok)])
    chosen = [part for name in cases for part in ("--case", name)]
    main(["run", "--adapter", adapter, "--out", str(folder), "--patience", "0.02", *chosen])
    found: list[dict[str, Any]] = json.loads((folder / "report.json").read_text("utf-8"))["cases"]
    return found


@pytest.mark.slow
def test_nobody_passes_nothing(tmp_path: Path) -> None:
    found = try_at(NOBODY, tmp_path, *SEEN)
    assert len(found) == len(SEEN) > 10
    assert [one["id"] for one in found if one["verdict"] in ("PASS", "WARN", "N/A")] == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "nowhere", "http://a b", "\ud800"])
def test_an_address_that_is_none_is_the_adapter_s(url: str, tmp_path: Path) -> None:
    for one in try_at(url, tmp_path, "LOG-01", "ERR-05"):
        assert one["verdict"] == "NOT-MEASURED"
        assert "start: its url: " in one["why"]
        assert "is no address of a node" in one["why"]
