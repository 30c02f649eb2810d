"""Our adapter, but that the node listens elsewhere after each start, as the protocol allows.

A door of its own stands before it, at another port every time; the one of before is closed.
"""

import asyncio
import contextlib
import json
import sys
import sysconfig
from pathlib import Path

from yarl import URL

SOPRO = str(Path(sysconfig.get_path("scripts")) / "sopro")


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Doors:
    def __init__(self) -> None:
        self.open: asyncio.Server | None = None

    async def before(self, url: str) -> str:
        """Open a door before an address, close the one before, and return where it is."""
        inside = URL(url)

        async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                there, back = await asyncio.open_connection(inside.host, inside.port)
                await asyncio.gather(pass_on(reader, back), pass_on(there, writer))
            writer.close()

        door = await asyncio.start_server(enter, "127.0.0.1", 0)
        if self.open is not None:
            self.open.close()
        self.open = door
        return str(inside.with_port(door.sockets[0].getsockname()[1])).rstrip("/")


async def main() -> None:
    doors = Doors()
    pipe = asyncio.subprocess.PIPE
    inner = await asyncio.create_subprocess_exec(
        SOPRO, "adapter", stdin=pipe, stdout=pipe, limit=2**26
    )
    assert inner.stdin is not None
    assert inner.stdout is not None
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        inner.stdin.write(line)
        answer = json.loads(await inner.stdout.readline())
        if json.loads(line)["verb"] == "start" and "url" in answer.get("ok", {}):
            answer["ok"]["url"] = await doors.before(answer["ok"]["url"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    inner.stdin.close()
    await inner.wait()


asyncio.run(main())
