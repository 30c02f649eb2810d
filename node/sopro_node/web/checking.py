"""Checking a certificate file on a page, without a script, and the QR code of a label's page."""

import asyncio
from typing import Final

from aiohttp import BodyPartReader, hdrs, web

from sopro_node.certificate_desk import judge, label_page
from sopro_node.node import Node
from sopro_node.qr import draw_qr
from sopro_node.web.pages_view import PageWriter
from sopro_protocol.errors import FormatError, UnavailableError
from sopro_registry.certificate_file import MAX_CERTIFICATE

_MOST_AT_ONCE: Final = 16
_AROUND: Final = 64 * 1024
"""What a form may add to the file it brings."""
_DEADLINE: Final = 20.0
_PIECE: Final = 64 * 1024


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
            web.get("/qr/{number:SOPRO/[A-Z0-9/]+}.svg", self.qr),
        ]

    async def explain(self, request: web.Request) -> web.StreamResponse:
        """Say how a label is verified."""
        return self._writer.write(request, "verify.html", judged=None)

    async def check(self, request: web.Request) -> web.StreamResponse:
        """Judge the certificate file that a form brings."""
        if self._at_once.locked():
            raise UnavailableError("many files are being checked; try again in a moment")
        async with self._at_once:
            data = await read_upload(request)
            judged = await judge(self._node, data, day=self._node.desk.today())
        page = self._writer.write(request, "verify.html", judged=judged)
        page.headers[hdrs.CACHE_CONTROL] = "no-store"
        page.headers.popall(hdrs.ETAG, None)
        return page

    async def qr(self, request: web.Request) -> web.Response:
        """Draw the QR code that opens a label's page at the site that decides on it."""
        number = request.match_info["number"]
        site = self._node.desk.course(number).competent.site
        return web.Response(
            body=draw_qr(label_page(self._node, site, number)),
            content_type="image/svg+xml",
            headers={hdrs.CACHE_CONTROL: "public, max-age=3600"},
        )


async def read_upload(request: web.Request) -> bytes:
    """Read the one file of a form, no further than a certificate may be long.

    Raises:
        FormatError: it is no form with a file.
        HTTPException: too large, too slow, of another type, or of unknown length.
    """
    if request.content_type != "multipart/form-data":
        raise web.HTTPUnsupportedMediaType
    length = request.content_length
    if length is None:
        raise web.HTTPLengthRequired
    if length > MAX_CERTIFICATE + _AROUND:
        raise web.HTTPRequestEntityTooLarge(MAX_CERTIFICATE, length)
    try:
        async with asyncio.timeout(_DEADLINE):
            return await _read_part(request)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ValueError, AssertionError, RuntimeError):
        # What the parser of forms says of bytes that are none.
        raise FormatError("the form: not well-formed", code="format") from None


async def _read_part(request: web.Request) -> bytes:
    part = await (await request.multipart()).next()
    if not isinstance(part, BodyPartReader) or part.name != "file":
        raise FormatError("the form: expected one part named 'file'", code="format")
    data = bytearray()
    while piece := await part.read_chunk(_PIECE):
        data += piece
        if len(data) > MAX_CERTIFICATE:
            raise web.HTTPRequestEntityTooLarge(MAX_CERTIFICATE, len(data))
    return bytes(data)
