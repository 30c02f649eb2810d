"""The network between nodes: every connection goes through it, and it can be cut.

Before each node stands a gate, and the address that the members' list has is that of the gate. It
looks up which node's socket a connection comes from, so that any pair can be cut, both ways or one
way. A cut connection is reset, or it stays open and nothing comes any more, as behind a firewall.
"""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, TypeVar

from tests.federation.federation import Federation, Nursery, Ports, Site
from tests.federation.janus import socket_between, sockets_of

T = TypeVar("T")
Pair = tuple[str, str]
"""Names of the directories of who calls and of who is called."""


class Network:
    """Carries connections between nodes on a thread of its own; all else works from any other."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._sites: list[Site] = []
        self._cut: frozenset[Pair] = frozenset()
        self._is_silent = False
        self._shown: dict[Pair, int] = {}
        self._open: dict[asyncio.Transport, Pair] = {}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()

    # Nodes.

    def open_gate(self) -> int:
        """Return the port of a new gate; `lead` says to whom."""
        return self._ports.take()

    def lead(self, port: int, site: Site) -> None:
        """Have a gate lead to a node."""
        self.know(site)
        self._do(self._serve(port, site))

    def know(self, site: Site) -> None:
        """Know a node's connections from those of others; nobody is led to it."""
        self._sites.append(site)

    # Faults.

    def cut(self, pairs: Iterable[tuple[Site, Site]], *, silent: bool) -> None:
        """Cut whoever is first from whoever is second, and heal all others."""
        self._do(self._change(frozenset((a.folder.name, b.folder.name) for a, b in pairs), silent))

    def divide(self, groups: Sequence[Sequence[Site]], *, silent: bool) -> None:
        """Cut every group from every other one."""
        self.cut(
            [(a, b) for one, other in permutations(groups, 2) for a in one for b in other],
            silent=silent,
        )

    def heal(self) -> None:
        """Let everybody reach everybody."""
        self.cut([], silent=False)

    def show(self, site: Site, port: int, to: Iterable[Site]) -> None:
        """Lead some who call a node to another port; those named before are led to it again."""
        name = site.folder.name
        kept = {pair: one for pair, one in self._shown.items() if pair[1] != name}
        self._shown = kept | {(one.folder.name, name): port for one in to}
        self._do(self._abort([pair for pair in self._open.values() if pair[1] == name]))

    def close(self) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # On its thread.

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _serve(self, port: int, site: Site) -> None:
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await self._carry(site, reader, writer)
            finally:
                self._tasks.discard(task)

        server = await asyncio.start_server(carry, "127.0.0.1", port, reuse_address=True)
        self._servers.append(server)

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _change(self, cut: frozenset[Pair], silent: bool) -> None:
        before, self._cut, self._is_silent = self._cut, cut, silent
        # What was silent is reset, because what it swallowed will never come.
        await self._abort(before if silent else before | cut)

    async def _abort(self, pairs: Iterable[Pair]) -> None:
        chosen = set(pairs)
        for transport, pair in list(self._open.items()):
            if pair in chosen:
                transport.abort()

    async def _carry(
        self, site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        pair = (self._caller(writer), site.folder.name)
        with self._kept(writer, pair):
            if self._is_cut(pair) and not self._is_silent:
                return
            try:
                port = self._shown.get(pair, site.port)
                onward = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return
            with self._kept(onward[1], pair):
                await asyncio.wait(
                    [
                        asyncio.ensure_future(self._pump(pair, *way))
                        for way in ((reader, onward[1]), (onward[0], writer))
                    ],
                    return_when=asyncio.FIRST_COMPLETED,
                )

    def _is_cut(self, pair: Pair) -> bool:
        # Whose connection it is cannot be told once it has gone; it needs no answer either.
        return pair in self._cut or (not pair[0] and bool(self._cut))

    @contextlib.contextmanager
    def _kept(self, writer: asyncio.StreamWriter, pair: Pair) -> Iterator[None]:
        transport = writer.transport
        assert isinstance(transport, asyncio.Transport)
        self._open[transport] = pair
        try:
            yield
        finally:
            del self._open[transport]
            transport.abort()

    async def _pump(
        self, pair: Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if not self._is_cut(pair):
                    writer.write(data)
                    await writer.drain()
            # The last words are to arrive before the connection is aborted.
            writer.close()
            await writer.wait_closed()

    def _caller(self, writer: asyncio.StreamWriter) -> str:
        """Return the directory's name of whose connection it is; empty for nobody's."""
        ends = (writer.get_extra_info(one)[1] for one in ("peername", "sockname"))
        theirs = f"socket:[{socket_between(*ends)}]"
        for site in self._sites:
            if any(theirs in sockets_of(process) for process in processes_of(site)):
                return site.folder.name
        return ""


def processes_of(site: Site) -> list[int]:
    """Return a node's process and those that fetch for it."""
    found = [site.process] if site.process else []
    for task in Path(f"/proc/{site.process}/task").glob("*") if found else ():
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


class DividedLand(Federation):
    """A federation whose nodes reach one another through a network that can be cut."""

    def __init__(self, base: Path, nursery: Nursery) -> None:
        super().__init__(base, nursery)
        self.network = Network(self.ports)

    def new(self, code: str, *, url: str = "", **settings: object) -> Site:
        port = self.network.open_gate()
        site = super().new(code, url=url or f"http://127.0.0.1:{port}", **settings)
        self.network.lead(port, site)
        return site

    def close(self) -> None:
        super().close()
        self.network.close()
