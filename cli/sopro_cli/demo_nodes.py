"""The nodes of the demo: made and run by the public commands, served by child processes."""

import contextlib
import io
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from click import ClickException, get_current_context

from sopro_protocol.errors import SoproError, UnavailableError

_HOST: Final = "127.0.0.1"
_START: Final = 30.0
_STOP: Final = 20.0


class DemoError(Exception):
    """A step of the demo did not come out as it must; says which and how."""


@dataclass
class DemoNode:
    """One node of the demo.

    Attributes:
        site: its code.
        folder: its data directory.
        port: it listens on.
        process: that serves it.
    """

    site: str
    folder: Path
    port: int
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://{_HOST}:{self.port}"

    @property
    def listen(self) -> str:
        """Its address as `--listen` takes it."""
        return f"{_HOST}:{self.port}"

    @property
    def log_file(self) -> Path:
        """Where its server's log lines go."""
        return self.folder.with_name(f"{self.site}.log")

    def start(self) -> None:
        """Start serving, as a process of its own that a terminal's Ctrl-C does not reach."""
        with self.log_file.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(  # noqa: S603  # this very program
                [sys.executable, "-m", "sopro_cli", "serve", str(self.folder)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Wait for the line that says it serves.

        Raises:
            UnavailableError: it ended instead.
        """
        assert self.process is not None and self.process.stdout is not None  # noqa: S101  # start
        if not self.process.stdout.readline().startswith("serving"):
            lines = self.log_file.read_text("utf-8").splitlines()
            raise UnavailableError(
                f"the node of {self.site} does not start: {lines[-1] if lines else 'no reason'}"
            )

    def is_serving(self) -> bool:
        """Say whether its process is alive."""
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Tell it to finish."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait_stopped(self) -> int:
        """Wait for its end and return its exit code; one that hangs is killed."""
        if self.process is None:
            return 0
        try:
            return self.process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()


def stop_all(nodes: Sequence[DemoNode]) -> list[int]:
    """Stop every node and return their exit codes."""
    for node in nodes:
        node.ask_to_stop()
    return [node.wait_stopped() for node in nodes]


def choose_ports(first: int, count: int) -> list[int]:
    """Return ports in a row from the first on; where one is taken, what the system offers."""
    chosen: list[int] = []
    with contextlib.ExitStack() as held:
        for wanted in range(first, first + count):
            taken = held.enter_context(socket.socket())
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind((_HOST, wanted))
            except OSError:
                taken.bind((_HOST, 0))
            chosen.append(taken.getsockname()[1])
    return chosen


@dataclass
class Outcome:
    """How a command ended and what it printed."""

    code: int
    output: str
    remarks: str

    def json(self) -> Any:
        """Return what it printed as JSON."""
        return json.loads(self.output)


def run_command(*arguments: str, code: int = 0) -> Outcome:
    """Run a `sopro` command as the command line would, and hold it to an exit code.

    Raises:
        DemoError: it ended with another code.
    """
    root = get_current_context().find_root().command
    output, remarks = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(remarks):
        try:
            root.main(args=list(arguments), prog_name="sopro", standalone_mode=False)
            ended = 0
        except SystemExit as end:
            ended = end.code if isinstance(end.code, int) else 1
        except ClickException as error:
            ended = error.exit_code
            remarks.write(error.format_message())
    outcome = Outcome(ended, output.getvalue().strip(), remarks.getvalue().strip())
    if ended == 130 and code != 130:
        raise KeyboardInterrupt
    if ended != code:
        raise DemoError(
            f"sopro {' '.join(arguments[:3])} ended with {ended}, expected {code}: "
            f"{outcome.remarks or outcome.output}"
        )
    return outcome


def wait_until(what: str, is_so: Callable[[], bool]) -> None:
    """Wait until something is so.

    Raises:
        DemoError: it takes too long.
    """
    deadline = time.monotonic() + _START
    while True:
        with contextlib.suppress(SoproError):
            if is_so():
                return
        if time.monotonic() > deadline:
            raise DemoError(f"{what}: not within {_START:g} s")
        time.sleep(0.05)
