"""A listener on loopback that nobody has a reason to call."""

import asyncio
from types import TracebackType


class Canary:
    """Counts who comes.

    Attributes:
        host: the address it listens at.
        port: where it listens; one of the system's choice for 0.
        calls: connections so far.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self.calls = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it would answer."""
        return f"http://{self.host}:{self.port}/"

    async def __aenter__(self) -> "Canary":
        """Listen.

        Raises:
            OSError: this machine has no such address, or the port is taken.
        """
        self._server = await asyncio.start_server(self._notice, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _notice(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        writer.transport.abort()
