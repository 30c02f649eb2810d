"""Whatever a candidate says, the suite comes to a verdict, writes its report, and says why."""

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from sopro_conformance.adapter import Adapter, read_answer
from sopro_conformance.case import CASES
from sopro_conformance.main import main
from sopro_conformance.plain import plain

FALSE = Path(__file__).parents[1] / "mutants" / "knows_nothing.py"
LIAR = Path(__file__).parent / "liar.py"
PATIENT = {"HOS-19": "takes a minute of its own", "ERR-04": "waits for what cuts slow clients off"}
NETWORK = sorted(one.id for one in CASES.values() if "start" in one.verbs and one.id not in PATIENT)
READERS = sorted(one.id for one in CASES.values() if "start" not in one.verbs)
PARTS = 8
LONG = (pytest.mark.long, pytest.mark.timeout(300))


def try_on(folder: Path, adapter: str, cases: list[str], patience: float = 0.05) -> list[str]:
    """Run cases and return why any of them is a bug of the suite; everything is written."""
    chosen = [part for name in cases for part in ("--case", name)]
    arguments = ["run", "--out", str(folder), "--seed", "1", "--patience", str(patience)]
    code = main([*arguments, "--adapter", adapter, *chosen])
    report = json.loads((folder / "report.json").read_text("utf-8"))
    assert 0 <= code <= 4
    assert code == report["exit_code"]
    assert sorted(one["id"] for one in report["cases"]) == sorted(cases)
    assert ET.parse(folder / "junit.xml").getroot().tag == "testsuites"
    assert (folder / "report.html").read_text("utf-8").endswith("</html>\n")
    return [f"{one['id']}: {one['why']}" for one in report["cases"] if "bug" in one["why"]]


async def test_an_adapter_may_complain_without_end() -> None:
    adapter = Adapter(f"{sys.executable} {FALSE} complains")
    await adapter.open()
    try:
        answers = [await adapter.ask("verify", kind="value", bytes=b"\x01") for _ in range(12)]
    finally:
        await adapter.close()
    assert [one.ok for one in answers] == [{}] * 12
    assert sum(map(len, adapter.stderr)) < 1000


def test_words_of_a_candidate_give_no_orders_to_a_terminal() -> None:
    assert plain("a\x1b[2J\ud800\u202e\r\nb\tä") == "a\ufffd[2J\ufffd\ufffd\ufffd\nb\tä"


@pytest.mark.parametrize(
    "ok",
    [
        {"logs": []},
        {"logs": {"a/b/1": {"void": {"3": 5}}}},
        {"logs": {"a/b/1": {"waits_at": True}}},
        {"labels": {"SOPRO/AT0/001/1": {"status": []}}},
        {"members": {"at": {}}},
        {"peers": {"a/b/1": 5}},
        {"indexes": [1, "2"]},
        {"version": "x", "url": 5},
    ],
)
def test_an_answer_of_another_form_is_told_so_and_is_none(ok: dict[str, object]) -> None:
    answer = read_answer({"id": 1, "ok": ok})
    assert answer.ok is None
    assert "of the answer: expected" in answer.error
    assert read_answer({"id": 1, "ok": {"logs": {}, "more": [1], "size": {}}}).error == ""


def parts(most: int) -> list[Any]:
    """The first two every time, the others in a long run."""
    return [pytest.param(one, marks=pytest.mark.slow if one < 2 else LONG) for one in range(most)]


@pytest.mark.parametrize("part", parts(PARTS))
def test_answers_over_the_network_may_be_anything(tmp_path: Path, part: int) -> None:
    chance = (0.05, 0.3, 0.1)[part % 3]
    adapter = f"{sys.executable} {LIAR} {part} {chance}"
    assert try_on(tmp_path, adapter, NETWORK[part::PARTS]) == []


@pytest.mark.parametrize("part", parts(PARTS))
def test_answers_of_the_adapter_may_be_anything(tmp_path: Path, part: int) -> None:
    chance = (0.3, 1.0)[part % 2]
    adapter = f"{sys.executable} {LIAR} {part} {chance}"
    assert try_on(tmp_path, adapter, READERS[part::PARTS], patience=0.01) == []
