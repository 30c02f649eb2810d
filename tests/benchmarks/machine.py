"""What this machine can do, and what a tree of processes has used of it.

Limits are measured in processes of their own, with the same library calls and the same bytes as the
node has, before and after whatever they are compared with: the machine may be busy with other work.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
_TICK = os.sysconf("SC_CLK_TCK")


class Span(NamedTuple):
    """The median of some runs, the least and the most."""

    median: float
    least: float
    most: float


def span_of(values: Sequence[float]) -> Span:
    return Span(statistics.median(values), min(values), max(values))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Processes.


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start one of the programs beside this file; it talks over its stdin and stdout."""
    return subprocess.Popen(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def wait_for(url: str, *, seconds: float = 60) -> None:
    """Wait until something answers under a URL."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `sopro serve` on a node's directory; it counts requests, and refuses none."""
    config = folder / "node.toml"
    if "requests_per_second" not in config.read_text("utf-8"):
        with config.open("a", encoding="utf-8") as file:
            file.write("requests_per_second = 1000000\n")
    remarks = folder.with_suffix(".log")
    with remarks.open("ab") as errors:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "sopro"), "serve", str(folder)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        if not process.stdout.readline().startswith("serving"):
            raise RuntimeError(f"{folder} does not serve: {remarks.read_text()[-2000:]}")
        yield process
    finally:
        stop(process)


def process_tree(root: int) -> list[int]:
    """Return a process and everything below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def cpu_seconds(root: int) -> float:
    """Return user and system time of a process tree, with its children that have ended."""
    total = 0
    for pid in process_tree(root):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11:15])
    return total / _TICK


class Memory(NamedTuple):
    """Memory of a process tree in MB: pages counted in each process, and shared ones once."""

    rss: float
    pss: float
    processes: int


def memory_of(root: int) -> Memory:
    rss = pss = count = 0
    for pid in process_tree(root):
        with contextlib.suppress(OSError):
            sizes = dict(
                line.split(":", 1)
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
            )
            rss += int(sizes["Rss"].split()[0])
            pss += int(sizes["Pss"].split()[0])
            count += 1
    return Memory(rss / 1000 * 1.024, pss / 1000 * 1.024, count)


# Limits.


class Limit(NamedTuple):
    """How many operations per second, and the CPU time of each in microseconds."""

    rate: float
    cost: float


class Calibrator:
    """Processes that do nothing but check (or sign) the workload's own signatures.

    Attributes:
        processes: how many can run at once.
    """

    def __init__(self, triples: Path, *, processes: int = 2) -> None:
        self._workers = [start("calibrate.py", triples) for _ in range(processes)]
        for worker in self._workers:
            assert worker.stdout is not None
            worker.stdout.readline()

    def close(self) -> None:
        for worker in self._workers:
            stop(worker)

    def measure(self, what: str, *, processes: int, seconds: float) -> Limit:
        """Do `verify`, or `sign-verify` for both on one message, as often as can be."""
        used = self._workers[:processes]
        for worker in used:
            assert worker.stdin is not None
            worker.stdin.write(f"{what} {seconds}\n")
            worker.stdin.flush()
        rates, costs = [], []
        for worker in used:
            assert worker.stdout is not None
            rate, cost = worker.stdout.readline().split()
            rates.append(float(rate))
            costs.append(float(cost))
        return Limit(sum(rates), statistics.mean(costs))
