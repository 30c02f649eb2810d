"""A bare aiohttp server: one constant JSON body, one constant body of octets.

Arguments: port, and the size of each body (64 where none is given).
"""

import sys

import uvloop
from aiohttp import web


def build(json_size: int, octet_size: int) -> web.Application:
    text = b'"' + b"x" * (json_size - 2) + b'"'
    octets = bytes(octet_size)

    async def answer_json(_request: web.Request) -> web.Response:
        return web.Response(body=text, content_type="application/json")

    async def answer_octets(_request: web.Request) -> web.Response:
        return web.Response(body=octets, content_type="application/octet-stream")

    async def take_octets(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=octets, content_type="text/plain")

    app = web.Application()
    app.router.add_get("/json", answer_json)
    app.router.add_get("/octets", answer_octets)
    app.router.add_post("/octets", take_octets)
    return app


def main() -> None:
    port, *sizes = map(int, sys.argv[1:])
    web.run_app(
        build(*sizes) if sizes else build(64, 64),
        host="127.0.0.1",
        port=port,
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main()
