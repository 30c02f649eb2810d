"""The demo as a newcomer runs it, with real processes."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from sopro_cli.demo_nodes import choose_ports

DEMO = [sys.executable, "-m", "sopro_cli", "demo"]


def is_alive(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_ports_that_are_taken_are_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        chosen = choose_ports(port, 3)
    assert port not in chosen
    assert len(set(chosen)) == 3


@pytest.mark.slow
def test_story_comes_out_as_it_must(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [*DEMO, "--once"], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [line for line in done.stdout.splitlines() if line.startswith("checked: ")]
    assert len(steps) >= 18
    [seen] = re.findall(r"checked: every node says so ([0-9.]+) s later", done.stdout)
    assert float(seen) <= 1
    told = [
        "verified offline with the invite: valid",
        "at revoked SOPRO/AT0/",
        "verified offline with the invite: revoked",
        "a liar signs a second history of sopro.example/hu/1",
        "caught, and told to all three nodes: sopro.example/hu/1",
        "verified offline with the invite: two histories are proven",
        "the coordinator settled it",
    ]
    places = [done.stdout.find(one) for one in told]
    assert -1 not in places
    assert places == sorted(places)
    assert done.stdout.splitlines()[-1].endswith("every step came out as it must")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_runs_until_interrupted_and_goes_on_where_it_was(tmp_path: Path) -> None:
    for _ in range(2):
        process = subprocess.Popen(
            [*DEMO, "--dir", str(tmp_path)], stdout=subprocess.PIPE, stderr=-3, text=True
        )
        assert process.stdout
        lines = []
        while not lines or "Ctrl-C" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        ports = [int(port) for port in re.findall(r"http://127\.0\.0\.1:(\d+)  ", "".join(lines))]
        assert [is_alive(port) for port in ports] == [True] * 3
        for page in ("labels", "verify", "status"):
            [address] = re.findall(rf"http://127\.0\.0\.1:\d+/{page}\b", "".join(lines))
            with urlopen(address) as answer:
                assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        process.stdout.close()
        assert [is_alive(port) for port in ports] == [False] * 3
    assert (tmp_path / "at" / "node.db").exists()
