"""A bare aiohttp server: constant bodies of the sizes asked for, nothing else.

Argument: port. `/json/<bytes>` answers JSON, `/bytes/<bytes>` octets.
"""

import sys

import uvloop
from aiohttp import web

_bodies: dict[tuple[str, int], bytes] = {}


def body(kind: str, size: int) -> bytes:
    if (kind, size) not in _bodies:
        _bodies[kind, size] = b'"' + b"x" * (size - 2) + b'"' if kind == "json" else bytes(size)
    return _bodies[kind, size]


async def json(request: web.Request) -> web.Response:
    return web.Response(
        body=body("json", int(request.match_info["size"])), content_type="application/json"
    )


async def octets(request: web.Request) -> web.Response:
    return web.Response(
        body=body("bytes", int(request.match_info["size"])),
        content_type="application/octet-stream",
    )


def main() -> None:
    app = web.Application()
    app.router.add_get("/json/{size}", json)
    app.router.add_get("/bytes/{size}", octets)
    app.router.add_get("/health", lambda request: json_ok())
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )


async def json_ok() -> web.Response:
    return web.json_response({"status": "ok"})


if __name__ == "__main__":
    main()
