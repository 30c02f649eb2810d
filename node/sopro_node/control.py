"""The control socket: how commands reach the node that is serving.

An HTTP server on a Unix socket in the data directory that only its owner can open. The system
bounds the length of such a path, so the socket is reached through the directory's descriptor.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import web

from sopro_node.node import Node
from sopro_node.office import OPERATIONS
from sopro_node.web.problems import HTTP_STATUS
from sopro_protocol.errors import NotFoundError, RefusedError, SoproError, UnavailableError

SOCKET: Final = "control.sock"
_MAX_CALL: Final = 64 * 1024 * 1024
_ERRORS: Final = {kind.__name__: kind for kind in HTTP_STATUS if kind.__name__ != "SplitViewError"}


def _short(folder: Path) -> tuple[int, str]:
    """Open the directory and name the socket through it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    return descriptor, f"/proc/self/fd/{descriptor}/{SOCKET}"


class ControlServer:
    """Serves this node's operations to commands of its owner."""

    def __init__(self, node: Node) -> None:
        self._node = node
        app = web.Application(client_max_size=_MAX_CALL)
        app.router.add_post("/call/{name}", self._call)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)

    async def start(self) -> None:
        """Listen."""
        folder = self._node.folder
        (folder / SOCKET).unlink(missing_ok=True)
        await self._runner.setup()
        descriptor, path = _short(folder)
        mask = os.umask(0o177)
        try:
            await web.UnixSite(self._runner, path).start()
        finally:
            os.umask(mask)
            os.close(descriptor)

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()
        (self._node.folder / SOCKET).unlink(missing_ok=True)

    async def _call(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        operation = OPERATIONS.get(name)
        try:
            if operation is None:
                raise NotFoundError(f"this node has no operation {name!r}; is it an older version?")
            answer = await operation(self._node, msgspec.msgpack.decode(await request.read()))
        except SoproError as error:
            body = {"kind": type(error).__name__, "code": error.code, "error": str(error)}
            return web.Response(body=msgspec.msgpack.encode(body), status=400)
        return web.Response(body=msgspec.msgpack.encode(answer))


async def call(folder: Path, name: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Call an operation of the node that serves a directory; None where none does.

    Raises:
        SoproError: what the operation raised.
        UnavailableError: the node went away in between.
    """
    if not (folder / SOCKET).exists():
        return None
    descriptor, path = _short(folder)
    try:
        timeout = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(path), timeout=timeout
            ) as session,
            session.post(f"http://node/call/{name}", data=msgspec.msgpack.encode(values)) as answer,
        ):
            body = msgspec.msgpack.decode(await answer.read())
            if answer.status == 200:
                return dict(body)
    except aiohttp.ClientConnectorError:
        return None
    except aiohttp.ClientError as error:
        raise UnavailableError(f"the node stopped answering: {error}") from None
    finally:
        os.close(descriptor)
    raise read_error(body)


def read_error(fields: Mapping[str, Any]) -> SoproError:
    """Return the error that an operation answered with: its kind, code and message."""
    return _ERRORS.get(fields["kind"], RefusedError)(fields["error"], code=fields["code"])
