"""What is said on the terminal: whoever reads it, and however little it can show."""

import io
import os
import sys


def prepare() -> None:
    """Have letters that the terminal has no sign for written as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Write a line. That nobody reads any more, as behind `head`, ends no run."""
    try:
        print(text, flush=True)  # noqa: T201  # what a command is for
    except BrokenPipeError:
        # What is left to be written goes where nobody looks, at the end of the process, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
