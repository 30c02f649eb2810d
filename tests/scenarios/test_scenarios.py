"""Runs the command sessions beside this file; a person who knows no Python can read them.

# said to the reader
$ sopro label list          run; what follows is what it prints, `...` stands for any text
$ THING = sopro ...         likewise, and {THING} below is what it printed
$ sopro serve at &          run until the session ends; its first line is waited for
$ THING = curl ...          a request as that program sends it; prints status and answer
{THING.entity}              a member of what was answered
{CRITERIA}, {SCHEME}        files beside this one: of criteria, of a scheme that has none yet,
{CODES}, {NUMBERS}          of codes, of numbers
{FIRMS}, {MAPPING}          a list of firms to import, and how it is to be read
a line that ends in \\      goes on in the next
! text                      expected on stderr, among other lines
= 1                         expected exit code; 0 if nothing is said
"""

import argparse
import json
import re
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from sopro_cli.main import main
from tests.node.conftest import free_port

SESSIONS = sorted(Path(__file__).parent.glob("*.txt"))
CRITERIA = Path(__file__).with_name("criteria.toml")
SOPRO = [sys.executable, "-m", "sopro_cli"]


class Session:
    def __init__(self) -> None:
        self.words = {f"PORT{number}": str(free_port()) for number in range(1, 4)}
        self.words["CRITERIA"] = str(CRITERIA)
        self.words["SCHEME"] = str(CRITERIA.with_name("scheme.toml"))
        self.words["FIRMS"] = str(CRITERIA.with_name("firms.csv"))
        self.words["MAPPING"] = str(CRITERIA.with_name("firms.toml"))
        self.words["CODES"] = str(CRITERIA.with_name("codes.csv"))
        self.words["NUMBERS"] = str(CRITERIA.with_name("numbers.csv"))
        self.servers: list[subprocess.Popen[str]] = []

    def run(self, command: str, expected: list[str]) -> None:
        if asked := re.fullmatch(r"(?:([A-Z]+) = )?curl (.+)", command):
            status, answer = curl(shlex.split(self.fill(asked[2])))
            check(self.fill("\n".join(expected)), f"{status} {answer}")
            if asked[1]:
                self.words[asked[1]] = answer
            return
        named = re.fullmatch(r"(?:([A-Z]+) = )?sopro (.+?)( &)?", command)
        assert named, f"not a command: {command}"
        arguments = shlex.split(self.fill(named[2]))
        if named[3]:
            server = subprocess.Popen(
                [*SOPRO, *arguments], stdout=subprocess.PIPE, stderr=-3, text=True
            )
            self.servers.append(server)
            assert server.stdout
            check(self.fill("\n".join(expected)), server.stdout.readline())
            return
        done = CliRunner().invoke(main, arguments, prog_name="sopro")
        codes = [int(line[2:]) for line in expected if line.startswith("= ")]
        assert done.exit_code == (codes or [0])[0], f"{command}\n{done.stdout}{done.stderr}"
        for line in expected:
            if line.startswith("! "):
                check(f"...{self.fill(line[2:])}...", done.stderr)
        output = [line for line in expected if line[:2] not in ("! ", "= ")]
        check(self.fill("\n".join(output)), done.stdout)
        if named[1]:
            self.words[named[1]] = done.stdout.strip()

    def fill(self, text: str) -> str:
        return re.sub(r"\{([A-Z0-9]+)(?:\.([a-z_]+))?\}", self.word, text)

    def word(self, match: re.Match[str]) -> str:
        held = self.words[match[1]]
        return str(json.loads(held)[match[2]]) if match[2] else held

    def close(self) -> None:
        for server in self.servers:
            server.send_signal(signal.SIGTERM)
        assert [server.wait(20) for server in self.servers] == [0] * len(self.servers)
        for server in self.servers:
            assert server.stdout
            server.stdout.close()


def curl(arguments: list[str]) -> tuple[int, str]:
    """Send a request as curl does with these of its options; return status and answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("--oauth2-bearer", dest="token")
    parser.add_argument("--json")
    parser.add_argument("--data-binary", dest="data")
    asked = parser.parse_args(arguments)
    data = asked.json if asked.json is not None else asked.data
    headers = dict(header.split(": ", 1) for header in asked.headers)
    if asked.token:
        headers["Authorization"] = f"Bearer {asked.token}"
    if asked.json is not None:
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(
        asked.url, data.encode() if data is not None else None, headers, method=asked.method
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def check(expected: str, found: str) -> None:
    pattern = ".*".join(re.escape(part) for part in expected.split("..."))
    assert re.fullmatch(pattern, found.strip(), re.DOTALL), f"expected\n{expected}\n\ngot\n{found}"


@pytest.mark.slow
@pytest.mark.parametrize("path", SESSIONS, ids=[path.stem for path in SESSIONS])
def test_session(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session = Session()
    text = path.read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line[:1] not in ("#", "")]
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    try:
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            session.run(lines[start][2:], lines[start + 1 : end])
    finally:
        session.close()
