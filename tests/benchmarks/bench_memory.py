"""Memory of a serving node that syncs a log by itself: its workers included, then gone."""

import json
import time
import urllib.request

from figures import Figure, at_most, only
from machine import Memory, memory_of, serving, span_of
from workload import Site, World, Written


def measure(
    world: World, origin: Site, replica: Site, written: Written, *, bound: float, patience: float
) -> list[Figure]:
    """Serve the origin and a fresh replica, and look at the replica's processes."""
    copy = world.copy(replica, "serving")
    with serving(origin.folder), serving(copy.folder) as node:
        seen = _watch(copy, node.pid, origin, written.size)
        _ask(copy, written)
        seen.append(memory_of(node.pid))
        idle = _idle(node.pid, patience) if patience else None
    most = max(seen, key=lambda one: one.rss)
    what = f"memory at {written.size:,} records"
    processes = f"{most.processes} processes"
    figures = [
        Figure(
            "memory",
            f"{what}, RSS at most",
            **at_most(bound, span_of([most.rss])),
            unit="MB",
            limit=f"{processes}, pages counted in each",
        ),
        Figure(
            "memory",
            f"{what}, PSS at most",
            **at_most(bound, span_of([max(one.pss for one in seen)])),
            unit="MB",
            limit=f"{processes}, shared pages once",
        ),
    ]
    if idle is not None:
        alone = f"{idle.processes} processes left"
        figures.append(
            Figure(
                "memory", f"{what}, RSS idle", **only(span_of([idle.rss])), unit="MB", limit=alone
            )
        )
    return figures


def _watch(site: Site, pid: int, origin: Site, size: int) -> list[Memory]:
    """Look twice a second until the log is here and judged."""
    seen = []
    end = time.monotonic() + 60 + size / 500
    while time.monotonic() < end:
        seen.append(memory_of(pid))
        with urllib.request.urlopen(f"{site.url}/api/v1/status", timeout=60) as answer:
            mirrors = {one["origin"]: one for one in json.load(answer)["mirrors"]}
        if mirrors.get(origin.origin, {}).get("judged", 0) >= size:
            seen.append(memory_of(pid))
            return seen
        time.sleep(0.5)
    raise RuntimeError(f"{origin.origin} is not here after a long time: {mirrors}")


def _ask(site: Site, written: Written) -> None:
    """Have it answer what fills its caches."""
    log = "/log/" + written.origin.split("/", 1)[1]
    paths = [f"/api/v1/labels/{number}" for number in written.numbers[:2000]]
    paths += [f"{log}/tile/0/{number:03}" for number in range(min(300, written.size // 256))]
    paths += ["/api/v1/statistics", "/api/v1/labels?limit=500"]
    for path in paths:
        with urllib.request.urlopen(site.url + path, timeout=60) as answer:
            answer.read()


def _idle(pid: int, patience: float) -> Memory:
    """Wait until the workers are let go."""
    end = time.monotonic() + patience
    busy = memory_of(pid).processes
    while time.monotonic() < end and memory_of(pid).processes == busy:
        time.sleep(1)
    time.sleep(1)
    return memory_of(pid)
