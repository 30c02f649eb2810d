"""What every test may use."""

import os
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

SEED = "SOPRO_SEED"

# No test depends on how fast the machine is.
settings.register_profile(
    "untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")


@pytest.fixture
def seed(record_property: Callable[[str, object], None]) -> int:
    """The seed of a test's chances; it is printed, and `SOPRO_SEED` repeats it."""
    chosen = int(os.environ.get(SEED) or random.randrange(2**32))
    record_property(SEED, chosen)
    return chosen


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the seeds also of what has passed."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == SEED and report.when == "call":
                    terminalreporter.write_line(f"{SEED}={value} {report.nodeid}")
