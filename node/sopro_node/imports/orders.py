"""What a node and the process that reads a file for it say to one another.

Each message is a msgpack map behind its length. The node begins with an order; the process asks the
node what an import asks, says how far it is, and ends with what came of it.
"""

import asyncio
import contextlib
import socket
from typing import Any, Final

import msgspec
from msgspec import Struct

from sopro_protocol.errors import SoproError

MAX_MESSAGE: Final = 64 * 1024 * 1024
BAD_ROWS: Final = "bad-rows.csv"
REPORTS: Final = ("report.json", "report.html", "report.md")
_HEAD: Final = 8


class GuessOrder(Struct, frozen=True, tag="guess"):
    """Make a mapping of a file; fields as of `guess_mapping`."""

    name: str
    kind: str
    header_line: int
    sheet: str
    encoding: str


class ImportOrder(Struct, frozen=True, tag="import"):
    """Bring the rows of a file in.

    Attributes:
        name: of the file, in the directory that the process works in.
        kind: of its rows.
        mapping: as TOML; empty where the columns are named like the fields.
        where: only these rows, by columns.
        only: only these rows, by fields.
        is_dry: change nothing.
        secret: by which the importer finds what it imported before.
        folder: where the reports and the bad rows go.
    """

    name: str
    kind: str
    mapping: str
    where: dict[str, list[str]]
    only: dict[str, list[str]]
    is_dry: bool
    secret: bytes
    folder: str


Order = GuessOrder | ImportOrder


class Failure(Struct, frozen=True):
    """An error as it crosses from one process to the other."""

    kind: str
    code: str
    error: str


class Asked(Struct, frozen=True, tag="call"):
    """An operation that the process has the node do; the answer has its number."""

    number: int
    name: str
    values: dict[str, Any]


class Progress(Struct, frozen=True, tag="progress"):
    """How far a phase is."""

    phase: str
    done: int
    total: int


class Told(Struct, frozen=True, tag="tell"):
    """A line for the person who has it done."""

    text: str


class Done(Struct, frozen=True, tag="done"):
    """The end of it.

    Attributes:
        answer: what came of an order that was carried out.
        failure: why it was not.
    """

    answer: dict[str, Any] = {}
    failure: Failure | None = None


Said = Asked | Progress | Told | Done


class Answered(Struct, frozen=True):
    """What the node has to say to a call."""

    number: int
    answer: dict[str, Any] = {}
    failure: Failure | None = None


class Link:
    """One end of the line between the two."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> "Link":
        """Take one end of a pair of sockets."""
        return cls(*await asyncio.open_connection(sock=end))

    def write(self, message: Struct) -> None:
        """Send a message without waiting."""
        data = msgspec.msgpack.encode(message)
        self._writer.write(len(data).to_bytes(_HEAD, "big") + data)

    async def send(self, message: Struct) -> None:
        """Send a message, as fast as the other end takes it."""
        self.write(message)
        await self._writer.drain()

    async def receive(self) -> bytes:
        """Return the next message.

        Raises:
            ConnectionError: the other end has gone, or says more than anything here can be.
        """
        try:
            size = int.from_bytes(await self._reader.readexactly(_HEAD), "big")
            if size > MAX_MESSAGE:
                raise ConnectionError(f"a message of {size} bytes")
            return await self._reader.readexactly(size)
        except asyncio.IncompleteReadError:
            raise ConnectionError("the other process has gone") from None

    async def close(self) -> None:
        """Close this end."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


def failure_of(error: SoproError) -> Failure:
    """Write an error for the other process."""
    return Failure(type(error).__name__, error.code, str(error))
