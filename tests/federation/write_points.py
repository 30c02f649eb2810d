"""Killing a node at a write: strace counts what reaches the disk, and kills at one such call."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.federation.federation import Site, is_alive

WRITES = "pwrite64,fdatasync,fsync,ftruncate,rename,unlink"
"""The calls by which something reaches the disk."""


def require_strace() -> None:
    """Say loudly that the test needs a tool that is not there; CI has it."""
    if shutil.which("strace") is None:
        if os.environ.get("CI"):
            pytest.fail("strace is not installed; CI needs it (Debian: apt-get install strace)")
        pytest.skip("strace is not installed (Debian: apt-get install strace)")


class Point(NamedTuple):
    """The nth time that a thread makes a call."""

    call: str
    number: int


class Tracer:
    """strace on a node that serves; kills it at a point, or only counts."""

    def __init__(self, site: Site, log: Path, *, kill_at: Point | None) -> None:
        self._site = site
        self._log = log
        inject = []
        if kill_at is not None:
            inject = ["-e", f"inject={kill_at.call}:signal=KILL:when={kill_at.number}"]
        assert site.process is not None
        command = ["strace", "-f", "-o", str(log), "-e", f"trace={WRITES}", *inject]
        self._process = subprocess.Popen(
            [*command, "-p", str(site.process)], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        said = self._process.stderr.readline()
        if "attached" not in said:
            raise AssertionError(f"strace cannot attach: {said}")
        # Its threads are attached one after the other.
        time.sleep(0.05)

    def stop(self) -> None:
        """Let the node go, or wait until it is gone."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            # It can wait for ever for a thread that ended just as it was let go; the kernel lets
            # go of everything where it is gone itself.
            self._process.kill()
            self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def points(self) -> list[Point]:
        """Return every point there was; strace counts each call of each thread for itself."""
        made = Counter(re.findall(r"(?m)^([0-9]+) +([a-z0-9]+)\(", self._log.read_text()))
        most: dict[str, int] = {}
        for (_, call), number in made.items():
            most[call] = max(most.get(call, 0), number)
        return [Point(call, number + 1) for call in sorted(most) for number in range(most[call])]


def is_dead(site: Site) -> bool:
    """Say whether a node has ended."""
    return site.process is None or not is_alive(site.process)


def wait_until_done(site: Site, *, seconds: float) -> None:
    """Wait until a node has ended, or for as long as it may still be writing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not is_dead(site):
        time.sleep(0.01)


def start_again(site: Site) -> float:
    """Start a node that was killed; return how long it took."""
    if not is_dead(site):
        site.kill()
    site.process = None
    began = time.monotonic()
    site.start()
    return time.monotonic() - began
