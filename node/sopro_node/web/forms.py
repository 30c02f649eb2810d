"""Large files in requests: taken piece by piece, as the body itself or as the file of a form."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import hdrs, web
from aiohttp.helpers import parse_mimetype
from aiohttp.http_exceptions import HttpProcessingError

from sopro_node.web.bodies import check_boundary, no_form, part_of, why_unreadable
from sopro_protocol.errors import FormatError

_PAUSE: Final = 20.0
"""Seconds between two pieces."""
_MAX_HEAD: Final = 8190
FORM: Final = "multipart/form-data"


async def pieces_of(request: web.Request, *, limit: int) -> AsyncIterator[bytes]:
    """Go through a body as it comes, no further than its limit.

    Raises:
        FormatError: it cannot be read as its headers say.
        HTTPException: it is too large, or stands still.
    """
    size = 0
    if (request.content_length or 0) > limit:
        raise web.HTTPRequestEntityTooLarge(limit, request.content_length or 0)
    pieces = request.content.iter_any()
    while True:
        try:
            async with asyncio.timeout(_PAUSE):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except (web.RequestPayloadError, HttpProcessingError, ValueError):
            raise FormatError(f"body: {why_unreadable(request)}", code="err.type") from None
        size += len(piece)
        if size > limit:
            raise web.HTTPRequestEntityTooLarge(limit, size)
        yield piece


class FormFile:
    """The first file of a form, piece by piece; what stands behind it is not looked at.

    Attributes:
        file_name: as the form gives it; known once `open` has returned.
    """

    def __init__(self, request: web.Request, pieces: AsyncIterator[bytes], *, name: str) -> None:
        kind = parse_mimetype(request.headers[hdrs.CONTENT_TYPE])
        self._boundary = check_boundary(kind.parameters.get("boundary", ""), name=name)
        self._pieces = pieces
        self._name = name
        self._held = b""
        self.file_name = ""

    async def open(self) -> None:
        """Read the head of the part.

        Raises:
            FormatError: it is no form, or its first part is another.
        """
        while (end := self._held.find(b"\r\n\r\n", 0, _MAX_HEAD)) < 0:
            piece = await anext(self._pieces, b"")
            if not piece or len(self._held) > _MAX_HEAD:
                raise no_form(self._name)
            self._held += piece
        self.file_name = part_of(self._held[:end], boundary=self._boundary, name=self._name)
        self._held = self._held[end + 4 :]

    async def content(self) -> AsyncIterator[bytes]:
        """Go through what the file holds; `open` first.

        Raises:
            FormatError: it has no end.
        """
        delimiter = b"\r\n--" + self._boundary
        while (end := self._held.find(delimiter)) < 0:
            # The delimiter may begin in one piece and end in the next.
            safe = max(0, len(self._held) - len(delimiter) + 1)
            yield self._held[:safe]
            piece = await anext(self._pieces, b"")
            if not piece:
                raise no_form(self._name)
            self._held = self._held[safe:] + piece
        yield self._held[:end]
        async for _ in self._pieces:
            pass  # the rest of the form; a connection is used again behind it
