"""Worker processes end as they are told to, without a word."""

import socket
import subprocess
import sys

_WORKER = """
import signal, sys
from sopro_node import worker

def close_while_told_to_end(link):
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        raise RuntimeError("cannot close a running event loop")

worker._work = close_while_told_to_end
worker.main()
"""


def test_a_worker_that_is_closing_when_it_is_told_to_end_says_nothing() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        done = subprocess.run(
            [sys.executable, "-c", _WORKER, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
