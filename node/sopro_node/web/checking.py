"""Checking a certificate file on a page, without a script, and the QR code of a label's page."""

import asyncio
from typing import Final

from aiohttp import hdrs, web

from sopro_node.certificate_desk import judge, label_page
from sopro_node.node import Node
from sopro_node.qr import draw_qr
from sopro_node.web.bodies import read_form
from sopro_node.web.pages_view import PageWriter
from sopro_protocol.errors import UnavailableError
from sopro_registry.certificate_file import MAX_CERTIFICATE
from sopro_registry.certificate_number import fold_number

_MOST_AT_ONCE: Final = 16


class Checking:
    """Handlers of `/verify` and `/qr`."""

    def __init__(self, node: Node, writer: PageWriter) -> None:
        self._node = node
        self._writer = writer
        self._at_once = asyncio.Semaphore(_MOST_AT_ONCE)

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.get("/verify", self.explain),
            web.post("/verify", self.check),
            web.get("/qr/{number:[Ss][Oo][Pp][Rr][Oo].+}.svg", self.qr),
        ]

    async def explain(self, request: web.Request) -> web.StreamResponse:
        """Say how a label is verified."""
        return self._writer.write(request, "verify.html", judged=None)

    async def check(self, request: web.Request) -> web.StreamResponse:
        """Judge the certificate file that a form brings."""
        if self._at_once.locked():
            raise UnavailableError("many files are being checked; try again in a moment")
        async with self._at_once:
            data = await read_form(request, name="file", limit=MAX_CERTIFICATE)
            judged = await judge(self._node, data, day=self._node.desk.today())
        page = self._writer.write(request, "verify.html", judged=judged)
        page.headers[hdrs.CACHE_CONTROL] = "no-store"
        page.headers.popall(hdrs.ETAG, None)
        return page

    async def qr(self, request: web.Request) -> web.Response:
        """Draw the QR code that opens a label's page at the site that decides on it."""
        number = fold_number(request.match_info["number"]) or request.match_info["number"]
        site = self._node.desk.course(number).competent.site
        return web.Response(
            body=draw_qr(label_page(self._node, site, number)),
            content_type="image/svg+xml",
            headers={hdrs.CACHE_CONTROL: "public, max-age=3600"},
        )
