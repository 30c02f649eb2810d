"""Cold sync of a log from another process's server, against verifying its signatures alone."""

import json
import statistics
import subprocess
import sys
from typing import Any

from figures import Figure, at_least, at_most, only
from machine import HERE, Calibrator, cpu_seconds, serving, span_of
from workload import Site, World, Written

_CALIBRATION = 1.0


def measure(
    world: World, origin: Site, replica: Site, written: Written, *, runs: int
) -> tuple[list[Figure], Site]:
    """Sync the origin's log into fresh copies of a replica; return the last copy too."""
    calibrator = Calibrator(written.triples)
    results = []
    try:
        with serving(origin.folder) as server:
            for _ in range(runs):
                copy = world.copy(replica, "cold")
                results.append(_run(calibrator, server.pid, copy, origin.origin))
    finally:
        calibrator.close()
    return _figures(results, written), copy


def _run(calibrator: Calibrator, server: int, replica: Site, origin: str) -> dict[str, Any]:
    two, one = [], []

    def calibrate() -> None:
        two.append(calibrator.measure("verify", processes=2, seconds=_CALIBRATION))
        one.append(calibrator.measure("verify", processes=1, seconds=_CALIBRATION / 2))

    calibrate()
    cpu = cpu_seconds(server)
    done = subprocess.run(
        [sys.executable, str(HERE / "syncing.py"), str(replica.folder), origin],
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    served = cpu_seconds(server) - cpu
    calibrate()
    added = answer["added"]
    if answer["judged"] != answer["size"] or answer["voids"]:
        raise RuntimeError(f"the log was not projected as it was written: {answer}")
    return answer | {
        "two": statistics.mean(limit.rate for limit in two),
        "one_us": statistics.mean(limit.cost for limit in one),
        "two_us": statistics.mean(limit.cost for limit in two),
        "rate": added / answer["wall"],
        "cpu_us": answer["cpu"] / added * 1e6,
        "served_us": served / added * 1e6,
    }


def _figures(results: list[dict[str, Any]], written: Written) -> list[Figure]:
    def of(key: str) -> list[float]:
        return [one[key] for one in results]

    two = span_of(of("two"))
    limit = f"{two.median:,.0f} verifications/s on two cores"
    ratio = span_of([run["rate"] / run["two"] for run in results])
    beyond = span_of([run["cpu_us"] - run["one_us"] for run in results])
    loaded = span_of([run["cpu_us"] - run["two_us"] for run in results])
    wire = span_of([run["received"] / written.entry_bytes for run in results])
    disk = span_of([run["disk"] / written.entry_bytes for run in results])
    mean = written.entry_bytes / written.size
    size = f"{written.size:,} entries of {mean:.0f} bytes"
    core = f"{span_of(of('one_us')).median:.1f} us a verification, one core busy"
    busy = f"{span_of(of('two_us')).median:.1f} us a verification, both cores busy"
    return [
        Figure("sync", f"cold sync of {size} / limit", **at_least(0.75, ratio), limit=limit),
        Figure("sync", "cold sync", **only(span_of(of("rate"))), unit="records/s", limit=limit),
        Figure(
            "sync", "CPU per record beyond its check", **at_most(15, beyond), unit="us", limit=core
        ),
        Figure("sync", "the same, both cores busy", **only(loaded), unit="us", limit=busy),
        Figure(
            "sync", "CPU per record, of the server", **only(span_of(of("served_us"))), unit="us"
        ),
        Figure("wire", "bytes received / entry bytes", **at_most(0.45, wire)),
        Figure("disk", "database / entry bytes", **at_most(0.60, disk), limit="indexes included"),
    ]
