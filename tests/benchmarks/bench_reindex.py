"""Reindex, signatures and all, against a cold sync that leaves the signatures out."""

import json
import os
import subprocess
import sys
import time

from figures import Figure, at_least, only
from machine import HERE, serving, span_of
from workload import Site, World, Written

_REINDEX = """
import sys
from pathlib import Path
from sopro_node.reindex import reindex
told = set()
sizes = reindex(Path(sys.argv[1]), lambda origin, done, total: told.add((origin, done, total)))
for origin, size in sizes.items():
    # What a progress bar is drawn from: beginning, middle and end of every log.
    steps = [done for name, done, _ in told if name == origin]
    assert max(steps) == size and len(steps) >= size // 256, (origin, steps)
"""


def measure(
    world: World, origin: Site, replica: Site, written: Written, *, runs: int
) -> list[Figure]:
    """Sync the origin's log without signatures and reindex what came, in turns."""
    rates, limits = [], []
    with serving(origin.folder):
        for _ in range(runs):
            copy = world.copy(replica, "unsigned")
            limits.append(_sync(copy, origin.origin))
            rates.append(_reindex(copy, written.size))
    ratios = span_of([rate / limit for rate, limit in zip(rates, limits, strict=True)])
    limit = f"{span_of(limits).median:,.0f} records/s synced without signatures"
    what = f"reindex of {written.size:,} records / limit"
    return [
        Figure("reindex", what, **at_least(0.5, ratios), limit=limit),
        Figure("reindex", "reindex", **only(span_of(rates)), unit="records/s"),
    ]


def _sync(replica: Site, origin: str) -> float:
    done = subprocess.run(
        [sys.executable, str(HERE / "syncing.py"), str(replica.folder), origin, "unsigned"],
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    answer = json.loads(done.stdout)
    if answer["judged"] != answer["size"] or answer["voids"]:
        raise RuntimeError(f"the log was not projected as it was written: {answer}")
    return float(answer["added"] / answer["wall"])


def _reindex(site: Site, size: int) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", _REINDEX, str(site.folder)], check=True)
    return size / (time.perf_counter() - began)
