"""Importing a register of organisations, against signing and verifying as many records."""

import json
import subprocess
import sys

from figures import Figure, at_least, at_most
from importing import write_register
from machine import HERE, Calibrator, span_of
from workload import Site, World, Written

ROWS = 20_000
SECONDS = 60
_CALIBRATION = 1.0


def measure(world: World, member: Site, written: Written, *, rows: int, runs: int) -> list[Figure]:
    """Import the same file into copies of a member's node that have nothing of it."""
    path = world.work / "register.csv"
    write_register(path, rows)
    calibrator = Calibrator(written.triples, processes=1)
    seconds, ratios, limits = [], [], []
    try:
        for _ in range(runs):
            copy = world.copy(member, "importing")
            before = calibrator.measure("sign-verify", processes=1, seconds=_CALIBRATION)
            done = subprocess.run(
                [sys.executable, str(HERE / "importing.py"), str(copy.folder), str(path)],
                stdout=subprocess.PIPE,
                check=True,
            )
            after = calibrator.measure("sign-verify", processes=1, seconds=_CALIBRATION)
            answer = json.loads(done.stdout)
            assert answer["rows"] == rows > answer["bad"] > 0
            limits.append((before.rate + after.rate) / 2)
            # As many rows as the issue names, however few were taken in this run.
            seconds.append(answer["seconds"] * ROWS / rows)
            ratios.append(rows / answer["seconds"] / limits[-1])
    finally:
        calibrator.close()
    limit = f"{span_of(limits).median:,.0f} sign + verify/s on one core"
    what = f"{ROWS:,} rows of organisations"
    return [
        Figure("import", what, **at_most(SECONDS, span_of(seconds)), unit="s", limit=limit),
        Figure(
            "import",
            "rows read, checked, compared and durable / limit",
            **at_least(0.05, span_of(ratios)),
            limit=limit,
        ),
    ]
