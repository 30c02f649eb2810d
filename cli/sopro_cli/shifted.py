"""`sopro` under another time, for the conformance suite's verb `clock`; nothing else starts it.

    python -m sopro_cli.shifted SECONDS serve FOLDER ...

The node reads the time at one place only, `sopro_node.clock`; here that place is given another
clock before anything is served. A node that is started as usual has no such switch.
"""

import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, ClassVar

from sopro_node import clock


class ShiftedTime:
    """Stands where the node's clock has the module `time`."""

    def __init__(self, seconds: int) -> None:
        self._nanoseconds = seconds * 1_000_000_000
        self.monotonic = time.monotonic

    def time_ns(self) -> int:
        """Return the shifted time in nanoseconds."""
        return time.time_ns() + self._nanoseconds


class ShiftedDatetime(datetime):
    """Stands where the node's clock has `datetime`."""

    shift: ClassVar[timedelta] = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        """Return the shifted time in a zone."""
        return (datetime.now(tz=UTC) + cls.shift).astimezone(tz)


def shift_clock(seconds: int) -> None:
    """Have this process's node read the time so many seconds ahead, or behind."""
    ShiftedDatetime.shift = timedelta(seconds=seconds)
    vars(clock).update(system=ShiftedTime(seconds), datetime=ShiftedDatetime)


def end_with_stdin() -> None:
    """End this process when whoever started it has gone."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="stdin", daemon=True).start()


def main() -> None:
    """Shift the clock by the first argument and do what the others say."""
    from sopro_cli.main import main as run  # noqa: PLC0415  # once the clock is another

    shift_clock(int(sys.argv.pop(1)))
    end_with_stdin()
    run()


if __name__ == "__main__":
    main()
