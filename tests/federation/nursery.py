"""Starts nodes fast: the imports are done once, every node is a fork of this process.

A node started here is a process of its own with its own sockets, as `sopro serve` makes it; only
the second that Python needs to load everything is saved, forty times over in `test_kill.py`.

Reads lines `LOG\\tARGUMENT\\t...` and answers each with the number of a process that runs `sopro`
with these arguments and writes stderr and stdout to LOG, and its exit code to LOG.code.
"""

import os
import signal
import sys
from pathlib import Path

from sopro_cli import serving  # noqa: F401  # loaded once, for every node
from sopro_cli.main import main


def run_child(log: str, arguments: list[str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    empty = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((empty, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    sys.argv = ["sopro", *arguments]
    try:
        main(arguments, standalone_mode=True)
    except SystemExit as end:
        Path(f"{log}.code").write_text(str(end.code or 0))
        raise


def serve_requests() -> None:
    # The kernel reaps the children.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while line := sys.stdin.readline():
        log, *arguments = line.rstrip("\n").split("\t")
        number = os.fork()
        if number == 0:
            run_child(log, arguments)
            os._exit(0)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve_requests()
