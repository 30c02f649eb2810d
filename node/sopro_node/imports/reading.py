"""The process that reads a file for a node: a file may be hostile, long, or both.

It holds no database and no key but the importer's secret. What it takes of memory is bounded, it
gives way to the node that serves, and it ends when the node ends.
"""

import asyncio
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec

from sopro_node.calling import read_error
from sopro_node.importing.fields import Kind
from sopro_node.importing.guess import guess_mapping
from sopro_node.importing.job import Job
from sopro_node.importing.mapping import read_mapping
from sopro_node.importing.narrowing import narrow
from sopro_node.importing.report_text import format_report
from sopro_node.importing.run import run_import
from sopro_node.imports.orders import (
    BAD_ROWS,
    REPORTS,
    Answered,
    Asked,
    Done,
    GuessOrder,
    ImportOrder,
    Link,
    Order,
    Progress,
    Told,
    failure_of,
)
from sopro_node.keyring import write_private
from sopro_protocol.errors import FormatError, SoproError

MAX_ROWS: Final = 1 << 20
MAX_MEMORY: Final = 2 << 30
"""Bytes of addresses."""
COUNTS: Final = (
    *("read", "appended", "new", "changed", "unchanged", "refused", "bad", "left_out", "skipped"),
    "seconds",
)
_NICE: Final = 10
_ORDER: Final = msgspec.msgpack.Decoder(Order)
_ANSWERED: Final = msgspec.msgpack.Decoder(Answered)


class _Office:
    """The node, as an import reaches it."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._numbers = count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def call(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Have the node do an operation."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._link.send(Asked(number, name, dict(values)))
        found: dict[str, Any] = await answer
        return found

    async def listen(self) -> None:
        """Take the node's answers; without the node there is nothing left to do."""
        try:
            while True:
                answered = _ANSWERED.decode(await self._link.receive())
                waiting = self._waiting.pop(answered.number)
                if answered.failure is None:
                    waiting.set_result(answered.answer)
                else:
                    waiting.set_exception(read_error(msgspec.to_builtins(answered.failure)))
        except ConnectionError:
            os._exit(1)

    def tell(self, text: str) -> None:
        """Pass on a line for a person."""
        self._link.write(Told(text))

    def progress(self, phase: str, done: int, total: int) -> None:
        """Pass on how far it is."""
        self._link.write(Progress(phase, done, total))


def _guess(order: GuessOrder) -> dict[str, Any]:
    guessed = guess_mapping(
        Path(order.name),
        Kind(order.kind) if order.kind else None,
        header_line=order.header_line,
        sheet=order.sheet,
        encoding=order.encoding,
    )
    return {"mapping": guessed.toml, "remarks": guessed.remarks}


async def _import(order: ImportOrder, office: _Office) -> dict[str, Any]:
    kind, folder = Kind(order.kind), Path(order.folder)
    mapping = read_mapping(order.mapping, kind, where="mapping") if order.mapping else None
    job = Job(
        kind,
        Path(order.name),
        narrow(mapping, kind, where=order.where, only=order.only),
        folder / BAD_ROWS,
        office.tell,
        office.progress,
        order.is_dry,
        MAX_ROWS,
    )
    report = await run_import(job, office.call, secret=order.secret)
    said = report.as_json()
    texts = (
        msgspec.json.encode(said),
        *(format_report(report, form).encode() for form in (".html", ".md")),
    )
    for name, text in zip(REPORTS, texts, strict=True):
        write_private(folder / name, text)
    return {name: said[name] for name in COUNTS}


async def _carry_out(order: Order, office: _Office) -> Done:
    try:
        if isinstance(order, GuessOrder):
            return Done(_guess(order))
        return Done(await _import(order, office))
    except SoproError as error:
        return Done(failure=failure_of(error))
    except MemoryError:
        gc.collect()
        too_large = FormatError(
            f"{order.name}: takes more memory than a node gives to one file; split it, and save "
            "the parts as CSV UTF-8"
        )
        return Done(failure=failure_of(too_large))


async def _work(end: socket.socket) -> None:
    link = await Link.over(end)
    order = _ORDER.decode(await link.receive())
    office = _Office(link)
    listening = asyncio.create_task(office.listen())
    done = await _carry_out(order, office)
    listening.cancel()
    await link.send(done)
    await link.close()


def main() -> None:
    """Carry out the one order that comes over the socket whose descriptor is the argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    asyncio.run(_work(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
