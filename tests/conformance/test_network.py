"""Our own node among the suite's coordinator and peers: one run for each group of cases."""

import json
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from sopro_conformance.case import CASES
from sopro_conformance.main import main

pytestmark = pytest.mark.slow

BIN = Path(sysconfig.get_path("scripts"))
OURS = f"{BIN / 'sopro'} adapter"
FALSE = f"{sys.executable} {Path(__file__).parent / 'false_adapter.py'}"
GROUPS = {
    "published": "LOG-01 LOG-02 LOG-03 LOG-04 LOG-05 LOG-06 LOG-07 LOG-10 CKP-01 CKP-02",
    "witness": "CKP-08 CKP-09 CKP-10 CKP-11 CKP-13",
    "witness killed": "CKP-12",
    "clocks": "ERR-07",
    "requests": "ERR-01 ERR-05 ERR-06 VER-01 VER-02",
    "bodies": "ERR-02",
    "floods": "ERR-03",
    "own records": "LOG-30 LOG-31 ACC-30 ACC-31",
    "documents": "LBL-11 ACC-01 ACC-02 ACC-04 ACC-05 ACC-06 ACC-09",
    "certificates and signatures": "ACC-08 HOS-12 LBL-12",
    "statements": "MEM-10",
    "keys and names": "MEM-11",
    "syncing": "SYN-01 SYN-02 SYN-04 SYN-05 SYN-06 SYN-08",
    "interrupted": "SYN-03 SYN-09 SYN-10 SYN-11",
    "forked": "MEM-08 HOS-01 HOS-02 HOS-17",
    "lies": "HOS-03 HOS-05 HOS-06 HOS-10 HOS-11",
    "resources": "HOS-04 HOS-07",
    "slow peers": "HOS-08 HOS-09",
    "names": "HOS-40",
    "events and keys": "CKP-42 SYN-40 SYN-41 SYN-42 SYN-43 HOS-41",
    "documents of others": "ACC-40 ACC-41 ACC-43 ACC-44",
    "an old copy": "LOG-40",
    "withheld, continued, accused": "ACC-21 MEM-21 MEM-26 MEM-27",
    "a successor": "MEM-23",
}
LONGER = {
    "two histories of its own": "LOG-41",
    "another process": "LOG-42",
    "alone": "LOG-43",
    "a clock that is behind": "CKP-41",
    "another coordinator": "MEM-40",
    "two lists of members": "MEM-25",
    "who the members are": "MEM-28",
}
"""Most of their time is that of starting nodes."""


def run(folder: Path, *arguments: str) -> dict[str, Any]:
    main(["run", "--out", str(folder), "--patience", "3", *arguments])
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


@pytest.mark.long
@pytest.mark.parametrize("cases", LONGER.values(), ids=LONGER)
def test_our_node_passes_after_many_starts(cases: str, tmp_path: Path) -> None:
    test_our_node_passes(cases, tmp_path)


@pytest.mark.parametrize("cases", GROUPS.values(), ids=GROUPS)
def test_our_node_passes(cases: str, tmp_path: Path) -> None:
    chosen = [part for name in cases.split() for part in ("--case", name)]
    report = run(tmp_path, "--adapter", OURS, *chosen)
    said = {one["id"]: (one["verdict"], one["why"], one["problems"]) for one in report["cases"]}
    assert {name: one for name, one in said.items() if one[0] not in ("PASS", "N/A")} == {}
    assert len(said) == len(cases.split())


@pytest.mark.parametrize("how", ["dead", "refuse all", "accept all", "wrong form"])
def test_no_case_of_the_network_is_green_for_a_node_that_is_not_there(
    how: str, tmp_path: Path
) -> None:
    chosen = [one.id for one in CASES.values() if "start" in one.verbs]
    names = [part for name in chosen for part in ("--case", name)]
    folder = tmp_path / "out"
    main(["run", "--adapter", f"{FALSE} '{how}'", "--out", str(folder), *names])
    cases = json.loads((folder / "report.json").read_text())["cases"]
    assert {one["verdict"] for one in cases} <= {"NOT-MEASURED", "FAIL"}
    assert len(cases) == len(chosen)


def test_an_address_alone_is_held_to_what_it_shows(tmp_path: Path) -> None:
    report = run(tmp_path, "--url", "http://127.0.0.1:9", "--profile", "peer+publisher")
    assert {one["verdict"] for one in report["cases"]} == {"NOT-MEASURED"}
    assert {one["id"] for one in report["cases"]} == {
        one.id for one in CASES.values() if one.by_url
    }
    assert "--url http://127.0.0.1:9" in report["cases"][0]["replay"]


def test_a_node_may_listen_elsewhere_after_each_start(tmp_path: Path) -> None:
    moving = f"{sys.executable} {Path(__file__).parent / 'moving.py'}"
    report = run(tmp_path, "--adapter", moving, "--case", "LOG-05", "--case", "LOG-10")
    said = {one["id"]: (one["verdict"], one["why"], one["problems"]) for one in report["cases"]}
    assert {name: words for name, words in said.items() if words[0] != "PASS"} == {}
