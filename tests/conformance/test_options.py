"""A mistake of whoever types ends as one sentence, before anything is started."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sopro_conformance.main import main
from sopro_conformance.world.way import why_no_url

FALSE = Path(__file__).parents[1] / "mutants" / "knows_nothing.py"
ADAPTER = ["--adapter", "none"]
URL = ["--url", "http://127.0.0.1:9"]
NONCE = ["--nonce", "ab" * 32]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "one of the arguments --adapter --url is required"),
        (["--adaptor", "x"], "one of the arguments --adapter --url is required"),
        ([*ADAPTER, *URL], "not allowed with argument"),
        (["--adapter", ""], "argument --adapter: expected a command"),
        (["--adapter", "./mine 'a"], 'argument --adapter: "./mine \'a": No closing quotation'),
        (["--url", "localhost:8000"], "'localhost:8000' is no address of a node"),
        (["--url", "http://127.0.0.1:99999"], "is no address of a node"),
        (["--url", "ftp://at.example"], "is no address of a node"),
        (["--url", "http://[::1"], "is no address of a node"),
        (["--url", "http://at.example?q"], "is no address of a node"),
        ([*ADAPTER, "--profile", "readre"], "'readre' is none; known are reader, publisher, peer"),
        ([*ADAPTER, "--profile", "readre"], "did you mean reader?"),
        ([*ADAPTER, "--profile", ""], "'' is none; known are reader"),
        ([*ADAPTER, "--case", "enc-02"], "no case or group 'enc-02'"),
        ([*ADAPTER, "--case", "enc-02"], "did you mean ENC-02?"),
        ([*ADAPTER, "--case", "ENX"], "did you mean ENC?"),
        ([*ADAPTER, "--waive", "ENC-02"], "'ENC-02': expected the id of a case, '=' and a reason"),
        ([*ADAPTER, "--waive", "ENC-99=old"], "expected the id of a case"),
        ([*ADAPTER, "--patience", "0"], "argument --patience: '0': expected a number above 0"),
        ([*ADAPTER, "--patience", "nan"], "argument --patience: 'nan': expected a number above 0"),
        ([*ADAPTER, "--patience", "inf"], "expected a number above 0 and up to 1000"),
        ([*ADAPTER, "--patience", "-1"], "expected a number above 0"),
        ([*ADAPTER, "--patience", "much"], "argument --patience: 'much': expected a number"),
        ([*ADAPTER, "--ca", "x.pem"], "--ca goes with --url"),
        ([*ADAPTER, "--public-only"], "--public-only goes with --url"),
        ([*ADAPTER, "--connect-to", "10.0.0.1"], "--connect-to goes with --url"),
        ([*ADAPTER, "--memory", "at.json"], "--memory goes with --url"),
        ([*URL, "--connect-to", "at.example"], "'at.example': expected an IP address"),
        ([*URL, "--ca", "nowhere.pem"], "--ca nowhere.pem: no PEM file of certificates: [Errno 2]"),
        ([*URL, "--ca", __file__], "no PEM file of certificates: [X509"),
        ([*URL, "--memory", "no/where/at.json"], "expected a file in a folder that is there"),
        ([*ADAPTER, "--out", __file__], "no folder can be made"),
        ([*ADAPTER, "--out", "/proc/nothing"], "no folder can be made"),
        ([*ADAPTER, "--site", "at"], "--site goes with --nonce"),
        ([*ADAPTER, "--artefact", __file__], "--artefact goes with --nonce"),
        ([*ADAPTER, "--deployment", "here"], "--deployment goes with --nonce"),
        ([*ADAPTER, "--runner", "self"], "--runner goes with --nonce"),
        ([*ADAPTER, *NONCE], "--nonce goes with --site"),
        ([*ADAPTER, *NONCE, "--site", "AT"], "'AT': expected the code of a site, such as 'at'"),
        (
            [*ADAPTER, *NONCE, "--site", "at", "--artefact", "no.tar"],
            "--artefact no.tar: there is no such file",
        ),
        ([*ADAPTER, "--long=yes"], "ignored explicit argument"),
    ],
)
def test_a_wrong_option_is_said_in_a_sentence(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["run", *arguments])
    except SystemExit as error:
        code = int(str(error.code))
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert not list(tmp_path.rglob("report.*")), "nothing was tried"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["self-test", "--candidates", "nowhere"], "candidates.toml: [Errno 2]"),
        (["self-test", "--candidates", ".", "--matrix", "m"], "--matrix goes with --whole"),
        (["trace", "--spec", "nowhere.md"], "nowhere.md"),
        (["world", "--members", "-1"], "expected a number from 0 to 100"),
        (["world", "--members", "many"], "'many': expected a number from 0 to 100"),
        (["world", "--invite", "no/where.json"], "expected a file in a folder that is there"),
        (["cases", "--profile", "x"], "'x' is none; known are"),
        (["rnu"], "invalid choice: 'rnu'"),
    ],
)
def test_so_are_those_of_the_other_commands(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as error:
        code = int(str(error.code))
    assert code == 2
    assert said in capsys.readouterr().err


def test_addresses_of_nodes() -> None:
    for one in (
        "http://127.0.0.1:8000",
        "https://node.example/",
        "http://[::1]:80",
        "https://ö.at",
    ):
        assert why_no_url(one) == "", one


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sopro_conformance.main", "run", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | environment,
    )


@pytest.mark.parametrize(
    ("adapter", "why"),
    [
        ("./nothing-here", "the adapter does not start: [Errno 2] No such file or directory"),
        (str(FALSE), "the adapter does not start: [Errno 13] Permission denied"),
        (f"{sys.executable} -c 1/0", "its last words: 'ZeroDivisionError: division by zero'"),
        ("true", "the adapter has ended (exit status 0)"),
        ("echo hello", "the adapter has ended (exit status 0)"),
        ("cat", "an answer with none of ok, reject (with a code) and error"),
        (f"{sys.executable} {FALSE} garbage", "the last line that answers no request: b"),
    ],
)
def test_what_is_no_adapter_is_said_once(adapter: str, why: str, tmp_path: Path) -> None:
    done = run("--adapter", adapter, "--out", str(tmp_path), "--patience", "0.02")
    assert done.returncode == 2
    assert done.stdout.count("the adapter does not say hello") == 1
    assert why in done.stdout
    assert len(done.stdout.splitlines()) < 8, done.stdout
    assert "Nothing can be said of this node" in (tmp_path / "report.html").read_text()


def test_another_protocol_is_said(tmp_path: Path) -> None:
    says = Path(__file__).parent / "says.py"
    adapter = shlex.join([sys.executable, str(says), '{"protocol": 2}', '{"code": "x"}'])
    done = run("--adapter", adapter, "--out", str(tmp_path), "--case", "ENC-02")
    assert done.returncode == 2
    assert "the adapter speaks protocol 2, and this suite speaks 1" in done.stdout


def test_where_an_address_shows_nothing_of_a_case_nothing_ran(tmp_path: Path) -> None:
    done = run("--url", "http://127.0.0.1:9", "--case", "ENC-02", "--out", str(tmp_path))
    assert done.returncode == 4
    assert "nothing ran: none of these cases can be tried with an address alone" in done.stdout


def test_a_terminal_that_shows_little_is_no_trouble(tmp_path: Path) -> None:
    says = Path(__file__).parent / "says.py"
    adapter = shlex.join([sys.executable, str(says), "{}", r'{"code": "\u00e4"}'])
    arguments = ["--adapter", adapter, "--case", "ENC-01", "--out", str(tmp_path)]
    done = run(*arguments, PYTHONIOENCODING="ascii")
    assert done.returncode == 1, done.stderr
    assert r"refused \xe4" in done.stdout


def test_whoever_stops_reading_ends_no_run(tmp_path: Path) -> None:
    adapter = shlex.join([sys.executable, str(FALSE), "accept all"])
    command = [sys.executable, "-m", "sopro_conformance.main", "run", "--case", "ENC"]
    line = f"{shlex.join([*command, '--adapter', adapter, '--out', str(tmp_path)])} | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert (tmp_path / "report.html").is_file()
