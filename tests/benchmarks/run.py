"""The figures of the design's section 10, each beside this machine's own limit.

    python tests/benchmarks/run.py [--records N] [--only NAME,...] [--runs 5] [--long] [--json FILE]

`README.md` beside this file says what each ratio means. A missed figure is printed, never an error:
only a benchmark that does not work ends with another exit code than 0.
"""

import argparse
import json
import logging
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import bench_append
import bench_import
import bench_incremental
import bench_memory
import bench_propagate
import bench_reads
import bench_reindex
import bench_search
import bench_status
import bench_sync
import bench_witness
from figures import Figure, print_figures
from workload import Site, World, Written, fill


class Session:
    """One run of the command: its options, and the federation the benchmarks share."""

    def __init__(self, options: argparse.Namespace, work: Path) -> None:
        self.options = options
        self.work = work
        self.tiny = options.records < 20_000
        self._world: World | None = None
        self._written: Written | None = None

    @property
    def runs(self) -> int:
        return int(self.options.runs)

    @property
    def seconds(self) -> float:
        return 0.5 if self.tiny else 3.0

    @property
    def world(self) -> World:
        if self._world is None:
            remark("making a coordinator and two members")
            (self.work / "shared").mkdir()
            self._world = World(self.work / "shared", sites=2)
            self.empty = self._world.copy(self._world.sites[0], "empty")
            self.other = self._world.copy(self._world.sites[1], "other")
        return self._world

    @property
    def written(self) -> Written:
        world = self.world
        if self._written is None:
            remark(f"writing a log of {self.options.records:,} records")
            self._written = fill(world.sites[0], self.options.records)
        return self._written

    def sync(self) -> list[Figure]:
        written = self.written
        origin, replica = self.world.sites
        figures, _ = bench_sync.measure(self.world, origin, replica, written, runs=self.runs)
        return figures

    def append(self) -> list[Figure]:
        written = self.written
        return bench_append.measure(
            self.world, self.empty, written, runs=self.runs, seconds=self.seconds
        )

    def take_over(self) -> list[Figure]:
        """Import a register, of which a tiny run takes a part."""
        written = self.written
        rows = 500 if self.tiny else bench_import.ROWS
        return bench_import.measure(self.world, self.empty, written, rows=rows, runs=self.runs)

    def lookup(self) -> list[Figure]:
        return self._reads("lookup")

    def tile(self) -> list[Figure]:
        return self._reads("tile")

    def _reads(self, name: str) -> list[Figure]:
        return bench_reads.measure(
            self.world.sites[0],
            self.written.numbers,
            name=name,
            runs=self.runs,
            seconds=self.seconds,
        )

    def propagate(self) -> list[Figure]:
        (self.work / "wide").mkdir()
        return bench_propagate.measure(self.work / "wide", decisions=20 if self.tiny else 100)

    def incremental(self) -> list[Figure]:
        sizes = (600, 1000) if self.tiny else (1000, 50_000)
        world = self.world
        return bench_incremental.measure(world, self.empty, world.sites[1], sizes=sizes)

    def memory(self) -> list[Figure]:
        written = self.written
        world = self.world
        origin, replica = world.sites
        return bench_memory.measure(
            world, origin, replica, written, bound=200, patience=0 if self.tiny else 45
        )

    def witness(self) -> list[Figure]:
        """Have the second member's witness cosign the first member's log as it was at first."""
        world = self.world
        return bench_witness.measure(
            world, self.empty, self.other, runs=self.runs, seconds=self.seconds
        )

    def status(self) -> list[Figure]:
        certificates = 2000 if self.tiny else 100_000
        world = self.world
        return bench_status.measure(world, self.empty, certificates=certificates, runs=self.runs)

    def search(self) -> list[Figure]:
        """Search and check a register of its own: the shared one has no names."""
        return bench_search.measure(self._alone("search"), labels=self._labels, runs=self.runs)

    def history(self) -> list[Figure]:
        labels = 200 if self.tiny else 2000
        return bench_search.measure_history(self._alone("history"), labels=labels, runs=self.runs)

    def reindex(self) -> list[Figure]:
        written = self.written
        origin, replica = self.world.sites
        return bench_reindex.measure(self.world, origin, replica, written, runs=self.runs)

    @property
    def _labels(self) -> int:
        return 1000 if self.tiny else 100_000

    def _alone(self, name: str) -> Site:
        (self.work / name).mkdir()
        return World(self.work / name, sites=1).sites[0]

    def large(self) -> list[Figure]:
        """Measure memory, wire and disk at a million records."""
        (self.work / "large").mkdir()
        world = World(self.work / "large", sites=2)
        origin, replica = world.sites
        remark("writing a log of 1,000,000 records")
        written = fill(origin, 1_000_000)
        figures, _ = bench_sync.measure(world, origin, replica, written, runs=1)
        figures += bench_reindex.measure(world, origin, replica, written, runs=1)
        return figures + bench_memory.measure(
            world, origin, replica, written, bound=300, patience=45
        )


BENCHMARKS: dict[str, Callable[[Session], list[Figure]]] = {
    "sync": Session.sync,
    "append": Session.append,
    "import": Session.take_over,
    "lookup": Session.lookup,
    "tile": Session.tile,
    "incremental": Session.incremental,
    "propagate": Session.propagate,
    "memory": Session.memory,
    "witness": Session.witness,
    "status": Session.status,
    "search": Session.search,
    "history": Session.history,
    "reindex": Session.reindex,
}


def remark(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000, help="in the log that is synced")
    parser.add_argument("--only", default="", help=f"some of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--long", action="store_true", help="also at 1,000,000 records")
    parser.add_argument("--json", type=Path, help="write the figures to a file too")
    parser.add_argument("--work", type=Path, help="folder for the data, default a temporary one")
    options = parser.parse_args()
    options.names = [name for name in options.only.split(",") if name] or list(BENCHMARKS)
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; known: {', '.join(BENCHMARKS)}")
    if options.records < 2000:
        parser.error("--records: at least 2000")
    return options


def main() -> None:
    options = parse()
    # Members that do not serve yet cannot be pulled; that is no news here.
    logging.getLogger("sopro").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="sopro-bench-", dir=options.work) as work:
        session = Session(options, Path(work))
        figures = []
        failed = []
        for name in options.names:
            remark(f"{name} ...")
            try:
                figures += BENCHMARKS[name](session)
            except subprocess.CalledProcessError as error:
                # The others are worth no less; what it said stands above.
                remark(f"{name}: {error}")
                failed.append(name)
        if options.long:
            remark("large ...")
            figures += session.large()
    print_figures(figures, [f"{platform.machine()}, Python {platform.python_version()}"])
    if options.json:
        rows = [figure.row() for figure in figures]
        options.json.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
