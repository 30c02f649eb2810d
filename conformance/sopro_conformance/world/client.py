"""The suite as a client of the candidate: bounded answers, and the log read and rebuilt."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import aiohttp
from yarl import URL

from sopro_conformance.case import NotMeasured
from sopro_conformance.plain import spell
from sopro_conformance.wire.codec import WireError, decode
from sopro_conformance.wire.note import Checkpoint, read_checkpoint
from sopro_conformance.wire.records import entry_id
from sopro_conformance.wire.tree import Tree
from sopro_conformance.world.served import WIDTH, prefix_of, resource_path
from sopro_conformance.world.way import Way

MOST: Final = 32 * 1024 * 1024
MOST_OF_A_LOG: Final = 1024 * 1024 * 1024
"""So many bytes of entries are read of a log."""
PATIENCE: Final = 30.0
_KEPT: Final = 400


class Reply(NamedTuple):
    """What came back.

    Attributes:
        status: 0 where nothing did, and `body` says why.
        headers: by lower-case name.
        body: as received, decoded where it was compressed.
        seconds: that it took.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0


@dataclass
class Seen:
    """A head that the candidate showed at some time during the run."""

    size: int
    root: bytes
    note: bytes


@dataclass
class Client:
    """Reads a candidate.

    Attributes:
        url: where it answers.
        origin: of its log.
        ca: PEM file that its certificate is verified against; empty for the system's.
        public_only: whether it may only be called at a public address.
        connect_to: address to connect to, whatever its name leads to.
        entries: of its log, as far as they were read.
        tree: over them.
        seen: every head it showed.
        wire: a line for each of the last requests with its answer.
    """

    url: str
    origin: str = ""
    ca: str = ""
    public_only: bool = False
    connect_to: str = ""
    entries: list[bytes] = field(default_factory=list)
    tree: Tree = field(default_factory=Tree)
    seen: list[Seen] = field(default_factory=list)
    wire: list[str] = field(default_factory=list)
    _taken: int = 0
    _session: aiohttp.ClientSession | None = None

    def __post_init__(self) -> None:
        """Know the way there; nothing is resolved yet."""
        self.way = Way(
            self.url, ca=self.ca, public_only=self.public_only, connect_to=self.connect_to
        )

    async def move(self, url: str) -> None:
        """Find it at another address from now on; its log is the same."""
        await self.close()
        self.url = url
        self.__post_init__()

    @property
    def port(self) -> int:
        """Where it listens."""
        return URL(self.url).port or 80

    @property
    def host(self) -> str:
        """The name in its address."""
        return URL(self.url).host or ""

    @property
    def prefix(self) -> str:
        """Path of its own log."""
        return prefix_of(self.origin)

    async def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        within: float = PATIENCE,
    ) -> Reply:
        """Ask; there is always a reply, and never more of it than `MOST` bytes."""
        reply = await self._ask(path, method=method, body=body, headers=headers, within=within)
        sent = f"{method} {path[:200]}" + (f" with {len(body)} bytes {body[:60]!r}" if body else "")
        self.wire.append(f"{sent} -> {words(reply)[:300]}")
        del self.wire[:-_KEPT]
        return reply

    async def _ask(
        self,
        path: str,
        *,
        method: str,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        within: float,
    ) -> Reply:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None),
                connector=self.way.connector(),
            )
        began = time.perf_counter()
        try:
            await self.way.find()
            async with (
                asyncio.timeout(within),
                self._session.request(
                    method,
                    URL(self.url + path, encoded=True),
                    data=body,
                    headers=dict(headers or {}),
                    allow_redirects=False,
                ) as answer,
            ):
                data = await _read(answer)
                named = {spell(name.lower()): spell(one) for name, one in answer.headers.items()}
                return Reply(answer.status, named, data, time.perf_counter() - began)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            why = spell(f"{type(error).__name__}: {error}").encode()
            return Reply(0, {}, why, time.perf_counter() - began)

    async def head(self) -> Checkpoint:
        """Return the head of its log, and remember it.

        Raises:
            NotMeasured: there is none, or it is malformed.
        """
        reply = await self.ask(self.prefix + "/checkpoint")
        if reply.status != 200:
            raise NotMeasured(f"no checkpoint of {self.origin}: {words(reply)}")
        try:
            head = read_checkpoint(reply.body)
        except WireError as error:
            raise NotMeasured(f"checkpoint of {self.origin}: {error}") from None
        if not self.seen or (self.seen[-1].size, self.seen[-1].root) != (head.size, head.root):
            self.seen.append(Seen(head.size, head.root, reply.body))
        return head

    async def read(self) -> Checkpoint:
        """Read its log up to its head and rebuild the tree over it.

        Raises:
            NotMeasured: it is not served as a whole, or does not lead to the head's root.
        """
        head = await self.head()
        while len(self.entries) < head.size:
            number = len(self.entries) // WIDTH
            width = min(WIDTH, head.size - number * WIDTH)
            path = f"{self.prefix}/{resource_path('tile/entries', number, width)}"
            reply = await self.ask(path)
            if reply.status != 200:
                raise NotMeasured(f"{path}: {words(reply)}")
            self._taken += len(reply.body)
            if self._taken > MOST_OF_A_LOG:
                raise NotMeasured(f"{self.origin}: more than {MOST_OF_A_LOG} bytes of entries")
            for one in split_entries(reply.body, width)[len(self.entries) - number * WIDTH :]:
                self.entries.append(one)
                self.tree.append(entry_id(one))
        if self.tree.root(head.size) != head.root:
            raise NotMeasured(f"the entries of {self.origin} do not lead to the root of its head")
        return head

    def records(self, start: int = 0) -> list[dict[str, Any]]:
        """Return the records of its log from a position on, as far as they were read."""
        return [read_record(one) for one in self.entries[start:]]

    async def acts_on(self) -> int:
        """Return the size of the coordinator's log that it acts on; -1 for none."""
        await self.read()
        size = -1
        for one in self.records():
            if one.get("family") == "log_state/1":
                size = one["body"].get("coordinator", {}).get("size", size)
        return size

    async def is_up(self) -> bool:
        """Say whether it serves its log."""
        return (await self.ask(self.prefix + "/checkpoint", within=5)).status == 200


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for piece in answer.content.iter_chunked(64 * 1024):
        data += piece
        if len(data) > MOST:
            raise ValueError(f"a body of more than {MOST} bytes")
    return bytes(data)


def split_entries(body: bytes, count: int) -> list[bytes]:
    """Read an entry bundle (TILE-5).

    Raises:
        NotMeasured: it is none of so many entries.
    """
    found = []
    rest = memoryview(body)
    while len(rest) >= 2:
        length = int.from_bytes(rest[:2], "big")
        found.append(bytes(rest[2 : 2 + length]))
        if len(rest) < 2 + length:
            break
        rest = rest[2 + length :]
    if len(rest) or len(found) != count:
        raise NotMeasured(f"TILE-5: an entry bundle of {count} entries expected, got {len(found)}")
    return found


def read_record(entry: bytes) -> dict[str, Any]:
    """Return the fields of an entry's record; none where it cannot be read."""
    with contextlib.suppress(WireError, ValueError, TypeError):
        record = decode(decode(entry)[0])
        if isinstance(record, dict):
            return record
    return {}


def words(reply: Reply) -> str:
    """Say a reply in one line."""
    if not reply.status:
        return f"no answer ({reply.body.decode('utf-8', 'replace')[:200]})"
    kind = reply.headers.get("content-type", "")
    return f"{reply.status} {kind} {reply.body[:200]!r}"


async def wait_until(check: Callable[[], Awaitable[bool]], *, within: float) -> bool:
    """Ask again and again until something holds; False where it never did."""
    try:
        async with asyncio.timeout(within):
            while not await check():  # noqa: ASYNC110  # a candidate tells no events of ours
                await asyncio.sleep(0.05)
    except TimeoutError:
        return False
    return True
