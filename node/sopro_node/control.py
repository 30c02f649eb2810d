"""The control socket: how commands reach the node that is serving.

An HTTP server on a Unix socket in the data directory that only its owner can open. The system
bounds the length of such a path, so the socket is reached through the directory's descriptor.
"""

import os
from typing import Any, Final

import msgspec
from aiohttp import web

from sopro_node.calling import SOCKET, call, open_socket
from sopro_node.node import Node
from sopro_node.office import OPERATIONS
from sopro_node.web.bodies import read_body
from sopro_protocol.errors import FormatError, NotFoundError, SoproError

__all__ = ["SOCKET", "ControlServer", "call"]

_MAX_CALL: Final = 64 * 1024 * 1024


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
        descriptor, path = open_socket(folder)
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
            answer = await operation(self._node, await _read_values(request))
        except SoproError as error:
            body = {"kind": type(error).__name__, "code": error.code, "error": str(error)}
            return web.Response(body=msgspec.msgpack.encode(body), status=400)
        return web.Response(body=msgspec.msgpack.encode(answer))


async def _read_values(request: web.Request) -> dict[str, Any]:
    try:
        return msgspec.msgpack.decode(
            await read_body(request, limit=_MAX_CALL), type=dict[str, Any]
        )
    except (msgspec.DecodeError, ValueError):
        raise FormatError("call: expected a msgpack map; is the command of this version?") from None
