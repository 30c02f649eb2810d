"""Bodies of requests, read in one place: bounded in bytes and in time.

Whatever is wrong with one is the sender's mistake, said in words of ours: a library's message may
hold what was sent.
"""

import asyncio
import re
from typing import Final

from aiohttp import hdrs, web
from aiohttp.helpers import parse_mimetype
from aiohttp.http_exceptions import HttpProcessingError

from sopro_protocol.errors import FormatError

_DEADLINE: Final = 20.0
_AROUND: Final = 64 * 1024
"""What a form may add to the file it brings."""
_BOUNDARY: Final = re.compile(r"[ -~]{0,69}[!-~]")  # RFC 2046 allows a part of these
_HEADER: Final = re.compile(rb"[!#-'*+.^-z|~0-9A-Z-]+:[^\r\n]*")
_MAX_HEAD: Final = 8190
_DISPOSITION: Final = re.compile(rb"(?i)content-disposition:[ \t]*form-data[ \t]*(;.*)")
_PARAMETER: Final = re.compile(rb';[ \t]*([a-z*]+)=("(?:[^"\\]|\\.)*"|[^";]*)', re.IGNORECASE)
FORM_EXAMPLE: Final = (
    "such as curl -F file=@FILE sends; "
    "a header of a part is one line, all of them are at most 8190 bytes"
)


async def read_body(request: web.Request, *, limit: int) -> bytes:
    """Read a body in whatever pieces it comes, no further than its limit.

    Raises:
        FormatError: it cannot be read as its headers say.
        HTTPException: it is too large or too slow.
    """
    body = bytearray()
    if (request.content_length or 0) <= limit:
        try:
            async with asyncio.timeout(_DEADLINE):
                async for piece in request.content.iter_any():
                    body += piece
                    if len(body) > limit:
                        break
                else:
                    return bytes(body)
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except (web.RequestPayloadError, HttpProcessingError, ValueError):
            raise FormatError(f"body: {why_unreadable(request)}", code="err.type") from None
    raise web.HTTPRequestEntityTooLarge(limit, max(len(body), request.content_length or 0))


def why_unreadable(request: web.Request) -> str:
    """Say why the pieces of a body make none."""
    if hdrs.CONTENT_ENCODING in request.headers:
        return "it is not compressed as its Content-Encoding says; send it as it is"
    return "it does not come in the pieces that its Transfer-Encoding or Content-Length says"


async def read_form(request: web.Request, *, name: str, limit: int) -> bytes:
    """Read the one file of a form, no further than its limit.

    Raises:
        FormatError: it is no form with such a file.
        HTTPException: too large, too slow, of another type, or of unknown length.
    """
    if request.content_type != "multipart/form-data":
        raise web.HTTPUnsupportedMediaType
    if request.content_length is None:
        raise web.HTTPLengthRequired
    body = await read_body(request, limit=limit + _AROUND)
    boundary = parse_mimetype(request.headers[hdrs.CONTENT_TYPE]).parameters.get("boundary", "")
    data = parse_form(body, boundary=boundary, name=name)
    if len(data) > limit:
        raise web.HTTPRequestEntityTooLarge(limit, len(data))
    return data


def parse_form(body: bytes, *, boundary: str, name: str) -> bytes:
    """Return the content of a form's first part, which has this name (RFC 7578).

    What browsers and programs send begins with the boundary; nothing before it is looked for.

    Raises:
        FormatError: it is none, it has no end, or its first part is another.
    """
    delimiter = b"\r\n--" + check_boundary(boundary, name=name)
    start = body.find(b"\r\n\r\n", 0, _MAX_HEAD)
    end = body.find(delimiter, start + 4)
    if start < 0 or end < 0:
        raise no_form(name)
    part_of(body[:start], boundary=delimiter[4:], name=name)
    return body[start + 4 : end]


def check_boundary(boundary: str, *, name: str) -> bytes:
    """Return what stands between the parts of a form.

    Raises:
        FormatError: nothing that can.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise no_form(name)
    return boundary.encode("ascii")


def part_of(head: bytes, *, boundary: bytes, name: str) -> str:
    """Read the head of a form's first part, which has this name; return that of its file.

    Raises:
        FormatError: it is no such head.
    """
    first, *headers = head.split(b"\r\n")
    is_form = first == b"--" + boundary and all(map(_HEADER.fullmatch, headers))
    parameters = _parameters_of(headers) if is_form else {}
    if parameters.get(b"name") != name.encode():
        raise no_form(name)
    return parameters.get(b"filename", b"").decode("utf-8", "replace")


def _parameters_of(headers: list[bytes]) -> dict[bytes, bytes]:
    """Return what the headers of a part say of it: its name, and that of its file."""
    for header in headers:
        if found := _DISPOSITION.fullmatch(header):
            named = _PARAMETER.findall(found[1])
            return {key.lower(): value.strip(b'" \t') for key, value in named}
    return {}


def no_form(name: str) -> FormatError:
    """Say what a form has to be."""
    return FormatError(f"the form: expected one part named {name!r}, {FORM_EXAMPLE}", code="format")
