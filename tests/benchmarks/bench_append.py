"""Durable appends by 64 callers in one process, against signing and verifying on one core."""

import json
import subprocess
import sys

from figures import Figure, at_least, only
from machine import HERE, Calibrator, span_of
from workload import Site, World, Written

CALLERS = 64
_CALIBRATION = 1.0


def measure(
    world: World, member: Site, written: Written, *, runs: int, seconds: float
) -> list[Figure]:
    """Have copies of a member's node grant labels for some seconds each."""
    calibrator = Calibrator(written.triples, processes=1)
    ratios, rates, limits = [], [], []
    try:
        for _ in range(runs):
            copy = world.copy(member, "appending")
            before = calibrator.measure("sign-verify", processes=1, seconds=_CALIBRATION)
            done = subprocess.run(
                [sys.executable, str(HERE / "appending.py"), str(copy.folder), str(seconds)],
                stdout=subprocess.PIPE,
                check=True,
            )
            after = calibrator.measure("sign-verify", processes=1, seconds=_CALIBRATION)
            rates.append(float(json.loads(done.stdout)["rate"]))
            limits.append((before.rate + after.rate) / 2)
            ratios.append(rates[-1] / limits[-1])
    finally:
        calibrator.close()
    limit = f"{span_of(limits).median:,.0f} sign + verify/s on one core"
    what = f"durable appends, {CALLERS} callers"
    return [
        Figure("append", f"{what} / limit", **at_least(0.5, span_of(ratios)), limit=limit),
        Figure("append", what, **only(span_of(rates)), unit="records/s", limit=limit),
    ]
