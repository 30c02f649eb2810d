import json
import re
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from sopro_conformance.case import CASES, Profile
from sopro_conformance.catalogue import GROUPS
from sopro_conformance.main import main
from sopro_conformance.wire.ed25519 import verify

BIN = Path(sysconfig.get_path("scripts"))
OURS = f"{BIN / 'sopro'} adapter"
MUTANTS = Path(__file__).parents[1] / "mutants"
FALSE = f"{sys.executable} {MUTANTS / 'knows_nothing.py'}"
RED = {"FAIL", "NOT-MEASURED"}
FINE = {"PASS", "N/A"}


def read_report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def test_our_node_passes_as_a_reader(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(BIN / "sopro-conformance"), "run", "--adapter", OURS, "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    report = read_report(tmp_path)
    assert [one["id"] for one in report["cases"] if one["verdict"] not in FINE] == []
    assert (done.returncode, report["passed"]) == (0, True), done.stdout
    readers = [one for one in CASES.values() if Profile.READER in one.profiles]
    assert report["counts"]["PASS"] + report["counts"]["N/A"] == len(readers)
    assert {one["id"] for one in report["cases"] if one["verdict"] == "N/A"} == {"NEG-01"}
    assert report["candidate"]["software"] == "sopro"
    suites = ET.parse(tmp_path / "junit.xml").getroot()
    assert {one.get("failures") for one in suites} == {"0"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    ["dead", "mute", "refuse all", "accept all", "garbage", "crash", "endless", "wrong form"],
)
def test_no_case_is_green_for_a_node_that_knows_nothing(how: str, tmp_path: Path) -> None:
    arguments = ["run", "--adapter", f"{FALSE} '{how}'", "--out", str(tmp_path), "--patience"]
    code = main([*arguments, "0.03" if how in ("mute", "garbage", "wrong form") else "1"])
    report = read_report(tmp_path)
    assert report["cases"]
    assert {one["verdict"] for one in report["cases"]} <= RED, how
    assert code in (1, 2)
    assert not report["passed"]


def test_a_case_is_tried_again_with_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        arguments = ["run", "--adapter", OURS, "--case", "SIG-02", "--out", str(tmp_path / name)]
        main([*arguments, "--seed", "5"])
    first, second = (
        [json.loads(one)["request"] for one in (tmp_path / name).read_text().splitlines()]
        for name in ("a/evidence/SIG-02/checks.jsonl", "b/evidence/SIG-02/checks.jsonl")
    )
    assert first == second
    assert len(first) > 3


def test_a_waived_case_that_fails_is_no_pass(tmp_path: Path) -> None:
    arguments = ["run", "--adapter", f"{FALSE} 'accept all'", "--case", "ENC-02"]
    arguments += ["--out", str(tmp_path), "--waive", "ENC-02=our library is old"]
    assert main(arguments) == 1
    report = read_report(tmp_path)
    assert (report["passed"], report["counts"]["WAIVED"]) == (False, 1)
    assert ": not passed" in (tmp_path / "badge.svg").read_text()


def test_a_part_is_not_shown_as_the_whole(tmp_path: Path) -> None:
    (tmp_path / "statement.json").write_text("of another run")
    arguments = ["run", "--profile", "coordinator+witness", "--adapter", OURS, "--case", "ENC-02"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    report = read_report(tmp_path)
    assert (report["passed"], report["whole"]) == (False, False)
    assert ": a part passed" in (tmp_path / "badge.svg").read_text()
    assert "says nothing of the whole" in (tmp_path / "report.html").read_text()
    assert not (tmp_path / "statement.json").exists()


def test_a_waived_case_that_passes_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "--adapter", OURS, "--case", "ENC-02", "--out", str(tmp_path)]
    assert main([*arguments, "--waive", "ENC-02=our library is old"]) == 3
    assert read_report(tmp_path)["counts"]["WAIVED"] == 1
    with pytest.raises(SystemExit):
        main([*arguments, "--waive", "ENC-99=no such case"])
    assert "expected the id of a case" in capsys.readouterr().err


def test_what_failed_can_be_asked_again_without_the_suite(tmp_path: Path) -> None:
    command = f"{FALSE} 'accept all'"
    main(["run", "--adapter", command, "--case", "ENC-02", "--out", str(tmp_path)])
    script = tmp_path / "evidence" / "ENC-02" / "repro.sh"
    done = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=True)
    assert [json.loads(one) for one in done.stdout.splitlines()] == [
        {"id": number, "ok": {}} for number in range(1, 5)
    ]


def test_what_failed_is_said_with_what_was_sent_and_the_clause_in_its_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["run", "--adapter", f"{FALSE} 'accept all'", "--case", "ENC-02", "--out", str(tmp_path)])
    said = capsys.readouterr().out
    clause = "The keys of a map MUST be unique."
    checks = (tmp_path / "evidence" / "ENC-02" / "checks.jsonl").read_text().splitlines()
    sent = json.loads(checks[0])["request"]["bytes"]
    for text in (said, (tmp_path / "report.html").read_text()):
        assert sent[:60] in text
        assert "enc.duplicate-key" in text
        assert clause in text
    [case] = read_report(tmp_path)["cases"]
    assert case["texts"]["ENC-2"].startswith(clause)
    assert '"verb": "verify"' in case["problems"][0]["sent"]
    failure = ET.parse(tmp_path / "junit.xml").getroot().find(".//failure")
    assert failure is not None
    assert clause in (failure.text or "")


def test_whole_logs_that_were_judged_wrongly_can_be_asked_again(tmp_path: Path) -> None:
    command = f"{sys.executable} {MUTANTS / 'run.py'} X11"
    main(["run", "--adapter", command, "--case", "LBL-04", "--out", str(tmp_path)])
    [case] = read_report(tmp_path)["cases"]
    [problem] = case["problems"]
    assert re.fullmatch(
        r"entry [0-9]+ of [a-z]+\.conformance\.example/at/1: counts; .*", problem["actual"]
    )
    assert problem["sent"].startswith('{"verb": "verify", "kind": "logs"')
    assert "ass.duties" in next(iter(case["texts"].values())), "the clause that names the code"
    script = tmp_path / "evidence" / "LBL-04" / "repro.sh"
    assert f"\n1. {problem['delta']}: expected void ass.duties" in script.read_text()
    done = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["ok"]["members"] == {"at": "admitted", "hu": "admitted"}


def test_the_page_says_in_a_sentence_and_by_profile_what_was_found(tmp_path: Path) -> None:
    cases = ["--case", "ENC-02", "--case", "ACC-03", "--case", "LOG-01"]
    main(["run", "--adapter", f"{FALSE} 'accept all'", *cases, "--out", str(tmp_path)])
    page = (tmp_path / "report.html").read_text()
    assert "Of 3 cases 2 found a rule that this node does not keep, 1 could not be tried" in page
    assert "<tr><td>publisher<td>1<td>1<td></tr><tr><td>reader<td>2<td><td>2</tr>" in page
    main(["run", "--adapter", OURS, "--case", "ENC-02", "--out", str(tmp_path)])
    page = (tmp_path / "report.html").read_text()
    assert "1 cases were tried and none is red" in page
    assert "What is not green" not in page


def test_the_page_names_nothing_outside_and_holds_no_foreign_markup(tmp_path: Path) -> None:
    main(
        ["run", "--adapter", f"{FALSE} '<script>alert(1)'", "--case", "ENC", "--out", str(tmp_path)]
    )
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert not re.search(r"(src|href)=", page)
    assert "no verdict" in page


def test_an_unknown_case_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--adapter", OURS, "--case", "XYZ-1", "--out", str(tmp_path)])
    assert ended.value.code == 2
    assert "XYZ-1" in capsys.readouterr().err


@pytest.mark.shared
def test_the_suite_itself_verifies_as_strictly_as_it_asks() -> None:
    vectors = Path(__file__).parents[3] / "shared" / "vectors" / "cctv-ed25519"
    cases = json.loads((vectors / "ed25519vectors.json").read_text())
    accepted = [
        one
        for one in cases
        if verify(bytes.fromhex(one["key"]), one["msg"].encode(), bytes.fromhex(one["sig"]))
    ]
    assert (len(accepted), len(cases)) == (43, 914)


def test_every_case_cites_clauses_that_are_there() -> None:
    text = (Path(__file__).parents[2] / "protocol" / "SPEC.md").read_text()
    clauses = set(re.findall(r"(?m)^- \*\*([A-Z]+-[1-9][0-9]*)\*\*", text))
    for one in CASES.values():
        assert one.clauses, one.id
        assert set(one.clauses) <= clauses, one.id
        assert one.group in GROUPS
