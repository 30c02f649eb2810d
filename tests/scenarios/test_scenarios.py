"""Runs the command sessions beside this file; a person who knows no Python can read them.

# said to the reader
$ sopro label list          run; what follows is what it prints, `...` stands for any text
$ THING = sopro ...         likewise, and {THING} below is what it printed
$ sopro serve at &          run until the session ends; its first line is waited for
{CRITERIA}                  the file of criteria beside this one
! text                      expected on stderr, among other lines
= 1                         expected exit code; 0 if nothing is said
"""

import re
import shlex
import signal
import subprocess
import sys
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
        self.servers: list[subprocess.Popen[str]] = []

    def run(self, command: str, expected: list[str]) -> None:
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
        return re.sub(r"\{([A-Z0-9]+)\}", lambda match: self.words[match[1]], text)

    def close(self) -> None:
        for server in self.servers:
            server.send_signal(signal.SIGTERM)
        assert [server.wait(20) for server in self.servers] == [0] * len(self.servers)
        for server in self.servers:
            assert server.stdout
            server.stdout.close()


def check(expected: str, found: str) -> None:
    pattern = ".*".join(re.escape(part) for part in expected.split("..."))
    assert re.fullmatch(pattern, found.strip(), re.DOTALL), f"expected\n{expected}\n\ngot\n{found}"


@pytest.mark.slow
@pytest.mark.parametrize("path", SESSIONS, ids=[path.stem for path in SESSIONS])
def test_session(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session = Session()
    lines = [line for line in path.read_text("utf-8").splitlines() if line[:1] not in ("#", "")]
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    try:
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            session.run(lines[start][2:], lines[start + 1 : end])
    finally:
        session.close()
