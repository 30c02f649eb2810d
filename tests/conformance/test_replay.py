"""What is printed for trying again does try again, from whatever folder it is typed in."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sopro_conformance.case import CASES, Profile
from sopro_conformance.main import main
from sopro_conformance.replay import Setting, say_replay

FALSE = Path(__file__).parents[1] / "mutants" / "knows_nothing.py"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Run a case against an adapter that lies beside the one who types, in an odd folder."""
    place = tmp_path / "it's a $HOME; folder"
    place.mkdir()
    (place / "adapter.py").write_bytes(FALSE.read_bytes())
    monkeypatch.chdir(place)

    def run(*arguments: str) -> dict[str, Any]:
        main(["run", *arguments])
        monkeypatch.chdir("/")
        found: dict[str, Any] = json.loads((place / "conformance-out/report.json").read_text())
        return found | {"place": place / "conformance-out"}

    return run


def replay(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, shell=True, cwd="/", capture_output=True, text=True, check=False, timeout=60
    )


def test_a_replay_command_finds_the_same_from_another_folder(
    shop: Callable[..., dict[str, Any]],
) -> None:
    adapter = f"{sys.executable} adapter.py 'accept all'"
    report = shop("--adapter", adapter, "--case", "ENC-02", "--seed", "a b; exit 0")
    [case] = report["cases"]
    before = (report["place"] / "report.json").read_bytes()
    done = replay(case["replay"])
    assert (case["verdict"], done.returncode) == ("FAIL", 1), done.stderr
    again = json.loads((report["place"] / "replay/ENC-02/report.json").read_text())
    assert (report["place"] / "report.json").read_bytes() == before
    assert again["seed"] == "a b; exit 0"
    assert again["cases"][0]["problems"] == case["problems"]
    assert again["cases"][0]["replay"].startswith("cd ")


def test_a_replay_waits_as_long_as_the_run_did(shop: Callable[..., dict[str, Any]]) -> None:
    """The adapter takes 0.4 seconds for an answer, so that with this patience none is in time."""
    adapter = f"{sys.executable} adapter.py slow"
    report = shop("--adapter", adapter, "--case", "ENC-02", "--patience", "0.01")
    [case] = report["cases"]
    done = replay(case["replay"])
    assert (case["verdict"], done.returncode) == ("NOT-MEASURED", 2), done.stdout
    # Which of the questions is asked first, before nothing more is, follows from the seed.
    checks = report["place"] / "replay/ENC-02/evidence/ENC-02/checks.jsonl"
    assert "within 0.1 seconds" in checks.read_text()


def test_a_script_asks_from_another_folder_what_was_asked(
    shop: Callable[..., dict[str, Any]],
) -> None:
    report = shop("--adapter", f"{sys.executable} adapter.py 'accept all'", "--case", "ENC-02")
    folder = report["place"] / "evidence" / "ENC-02"
    done = replay(f"sh {shlex.quote(str(folder / 'repro.sh'))}")
    answers = [json.loads(one) for one in done.stdout.splitlines()]
    assert answers == [{"id": number, "ok": {}} for number in range(1, len(answers) + 1)]
    problems = report["cases"][0]["problems"]
    assert len(answers) == len(problems)
    assert done.stderr.splitlines() == [
        f"{number}. {one['delta']}: expected {one['expected']}"
        for number, one in enumerate(problems, 1)
    ]


def test_no_shell_makes_anything_of_an_adapter_s_words(
    shop: Callable[..., dict[str, Any]],
) -> None:
    """The suite starts it without one, and so does the script."""
    adapter = f"{sys.executable} adapter.py 'accept all' $HOME * ;"
    report = shop("--adapter", adapter, "--case", "ENC-02")
    script = report["place"] / "evidence" / "ENC-02" / "repro.sh"
    assert "exec " + shlex.join(shlex.split(adapter)) + " <<" in script.read_text()
    assert len(replay(f"sh {shlex.quote(str(script))}").stdout.splitlines()) == 4


ALL = Setting(
    folder="/home/at",
    out="out",
    patience=2.5,
    is_long=True,
    waivers={"LOG-01": "it's old", "ENC-02": "other"},
    ca="ca.pem",
    public_only=True,
    connect_to="10.0.0.1",
    memory="../at.json",
)


def words_of(setting: Setting, **fields: Any) -> list[str]:
    given: dict[str, Any] = {"seed": "5", "profiles": [Profile.READER], "adapter": "", "url": ""}
    return shlex.split(say_replay(CASES["LOG-01"], setting, **(given | fields)))


def test_whatever_is_not_as_it_is_by_itself_is_said() -> None:
    words = words_of(ALL, url="https://at.example", profiles=[Profile.PEER, Profile.WITNESS])
    assert words[words.index("run") + 1 :] == [
        *("--long", "--public-only", "--case", "LOG-01", "--seed", "5"),
        *("--profile", "peer+witness", "--waive", "LOG-01=it's old", "--patience", "2.5"),
        *("--url", "https://at.example", "--ca", "/home/at/ca.pem", "--memory", "/home/at.json"),
        *("--connect-to", "10.0.0.1", "--out", "/home/at/out/replay/LOG-01"),
    ]
    words = words_of(Setting(folder="/home/at"), adapter="./mine 'a b'", seed="-5")
    assert words[:3] == ["cd", "/home/at", "&&"]
    assert words[words.index("run") + 1 :] == [
        *("--case", "LOG-01", "--seed=-5", "--adapter", "./mine 'a b'"),
        *("--out", "/home/at/conformance-out/replay/LOG-01"),
    ]


def test_every_option_of_a_run_is_said_again_or_named_here() -> None:
    said = set(words_of(ALL, url="https://at.example", profiles=[Profile.PEER]))
    said |= set(words_of(ALL, adapter="x"))
    challenge = {"--nonce", "--site", "--artefact", "--deployment", "--runner"}
    assert options_of_run() - {one for one in said if one.startswith("--")} == challenge


def options_of_run() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-m", "sopro_conformance.main", "run", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "200"},
    )
    return {
        word.strip(",")
        for line in done.stdout.splitlines()
        for word in line.split()[:1]
        if word.startswith("--")
    }


def test_the_program_is_this_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another suite that a shell finds first is not meant."""
    other = tmp_path / "sopro-conformance"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    words = words_of(replace(ALL, folder="/"), adapter="x")
    assert Path(words[3]) == Path(sys.executable).with_name("sopro-conformance")
