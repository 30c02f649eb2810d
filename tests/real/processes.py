"""Commands and servers as processes of their own, none of which outlives the script."""

import asyncio
import ctypes
import errno
import json
import os
import signal
import socket
import sys
import sysconfig
import urllib.request
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

SOPRO = str(Path(sysconfig.get_path("scripts")) / "sopro")
_STOP_SECONDS = 15.0
_ATTEMPTS = 5
_TAKEN: list[socket.socket] = []


class CommandError(Exception):
    """A command ended with a code that was not expected."""


def _die_with_parent() -> None:
    """Have the kernel end the child when the script is gone, however it went (Linux)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Processes:
    """Runs `sopro` commands, a few at a time, and keeps the servers it has started."""

    def __init__(self, *, at_once: int) -> None:
        self._turn = asyncio.Semaphore(at_once)
        self._servers: dict[Path, Process] = {}

    async def sopro(
        self, *arguments: object, codes: tuple[int, ...] = (0,), remarks: Path | None = None
    ) -> str:
        """Run a command and return what it printed; what it remarked goes to a file."""
        words = [SOPRO, *map(str, arguments)]
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                *words, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, preexec_fn=_die_with_parent
            )
            try:
                out, err = await process.communicate()
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
        if process.returncode not in codes:
            raise CommandError(
                f"sopro {' '.join(words[1:])}: ended with {process.returncode}\n{err.decode()}"
            )
        if remarks is not None and err:
            await asyncio.to_thread(remarks.write_bytes, err)
        return out.decode()

    async def serve(self, folder: Path) -> None:
        """Start a node's server and wait until it serves; its remarks go to `serve.log`.

        A port that is still in use is waited for.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            if await self._serve_once(folder):
                return
            said = (folder / "serve.log").read_text()[-2000:]
            if attempt == _ATTEMPTS or os.strerror(errno.EADDRINUSE).lower() not in said.lower():
                raise CommandError(f"sopro serve {folder} ended:\n{said}")
            await asyncio.sleep(attempt)

    async def _serve_once(self, folder: Path) -> bool:
        async with self._turn:
            with (folder / "serve.log").open("ab") as log:
                process = await asyncio.create_subprocess_exec(
                    SOPRO,
                    "serve",
                    str(folder),
                    stdin=DEVNULL,
                    stdout=PIPE,
                    stderr=log,
                    preexec_fn=_die_with_parent,
                )
            self._servers[folder] = process
            assert process.stdout is not None
            if await process.stdout.readline():
                return True
            await self.stop(folder)
            return False

    async def stop(self, *folders: Path) -> None:
        """Stop some servers, or all of them."""
        chosen = folders or tuple(self._servers)
        going = [self._servers.pop(folder) for folder in chosen if folder in self._servers]
        for process in going:
            with suppress(ProcessLookupError):
                process.terminate()
        await asyncio.gather(*map(_gone, going))


async def _gone(process: Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def together(work: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Do things at the same time; when one fails the others are given up."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def free_ports(count: int) -> list[int]:
    """Take ports for nodes; bound and not listening, they stay ours until the script ends."""
    taken = [socket.socket() for _ in range(count)]
    for one in taken:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", 0))
    _TAKEN.extend(taken)
    return [one.getsockname()[1] for one in taken]


async def read_json(url: str) -> Any:
    """Read an answer of a node's API."""

    def read() -> Any:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)

    return await asyncio.to_thread(read)


def say(text: str) -> None:
    """Tell the person who waits."""
    print(text, file=sys.stderr, flush=True)
