"""A load generator: requests over kept-alive connections, each as soon as the last was answered.

Reads one JSON object per line from stdin, {"host", "port", "paths", "connections", "seconds",
"headers"?, "bodies"?}, and writes {"rate", "errors", "bytes"} for it. With bodies it posts them to
the first path; with 0 seconds it asks for everything once. It speaks just enough HTTP to keep ahead
of a server: a status line, Content-Length, a body.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from typing import Any, cast

import uvloop


class Connection(asyncio.Protocol):
    """One connection; counts answers until told to end."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._done = done
        self._rest = b""
        self._missing = 0
        self.answers = 0
        self.errors = 0
        self.received = 0
        self.is_ending = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._go_on()

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self._missing:
            self._missing -= len(data)
        else:
            self._rest += data
            head, gap, body = self._rest.partition(b"\r\n\r\n")
            if not gap:
                return
            self.errors += not head.startswith(b"HTTP/1.1 200")
            at = head.lower().index(b"content-length:")
            self._missing = int(head[at + 15 :].split(b"\r\n", 1)[0]) - len(body)
            self._rest = b""
        if self._missing == 0:
            self._answered()

    def _answered(self) -> None:
        self.answers += 1
        self._go_on()

    def _go_on(self) -> None:
        assert self.transport is not None
        request = None if self.is_ending else next(self._requests, None)
        if request is None:
            self.is_ending = True
            self.transport.close()
        else:
            self.transport.write(request)

    def connection_lost(self, error: Exception | None) -> None:
        self.errors += not self.is_ending
        if not self._done.done():
            self._done.set_result(None)


async def load(job: dict[str, Any]) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    host, port = job["host"], job["port"]
    headers = "".join(f"{name}: {value}\r\n" for name, value in job.get("headers", {}).items())
    head = f" HTTP/1.1\r\nHost: {host}:{port}\r\n{headers}"
    if "bodies" in job:
        start = f"POST {job['paths'][0]}{head}Content-Length: "
        bodies = [body.encode() for body in job["bodies"]]
        once = [f"{start}{len(body)}\r\n\r\n".encode() + body for body in bodies]
    else:
        once = [f"GET {path}{head}\r\n".encode() for path in job["paths"]]
    requests = itertools.cycle(once) if job["seconds"] else iter(once)
    connections: list[Connection] = []
    ends = []
    began = time.perf_counter()
    for _ in range(job["connections"]):
        done = loop.create_future()
        _, connection = await loop.create_connection(
            lambda done=done: Connection(requests, done), host, port
        )
        connections.append(connection)
        ends.append(done)
    await (asyncio.sleep(job["seconds"]) if job["seconds"] else asyncio.gather(*ends))
    answers = sum(connection.answers for connection in connections)
    spent = time.perf_counter() - began
    for connection in connections:
        connection.is_ending = True
    await asyncio.wait_for(asyncio.gather(*ends), 30)
    return {
        "rate": answers / spent,
        "errors": sum(connection.errors for connection in connections),
        "bytes": sum(connection.received for connection in connections),
    }


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(uvloop.run(load(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
