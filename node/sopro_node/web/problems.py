"""Errors as RFC 9457 problem documents: one table from classes to statuses."""

import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from aiohttp import web

from sopro_node.web.rules import clauses_by_code
from sopro_protocol.errors import (
    ConflictError,
    FormatError,
    NotFoundError,
    PeerError,
    RefusedError,
    SoproError,
    SplitViewError,
    StorageFullError,
    UnavailableError,
    VerificationError,
    WithheldError,
)

HTTP_STATUS: Final[Mapping[type[SoproError], int]] = {
    FormatError: 400,
    VerificationError: 403,
    SplitViewError: 403,
    NotFoundError: 404,
    WithheldError: 410,
    ConflictError: 409,
    RefusedError: 422,
    PeerError: 502,
    UnavailableError: 503,
    StorageFullError: 507,
}
_TITLES: Final = {
    400: "Not understood",
    401: "Not signed in",
    403: "Not verified",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    411: "Length required",
    409: "Out of date",
    410: "Withheld",
    413: "Too large",
    415: "Unsupported media type",
    417: "Expectation not met",
    422: "Refused by a rule",
    429: "Too many requests",
    500: "Internal error",
    502: "Another site failed",
    503: "Not available now",
    507: "Disk full",
}

_CODES: Final = {
    404: "not-found",
    405: "err.method",
    408: "err.time",
    411: "err.size",
    413: "err.size",
    415: "err.type",
    417: "err.expect",
}
# Where the library's words would hold what was sent, or say too little.
_DETAILS: Final = {417: "the request's Expect: expected '100-continue' or no such header"}


class ProblemError(Exception):
    """What only a server refuses: who asks is not known, may not, or asks too often."""

    def __init__(
        self, status: int, detail: str, *, code: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers = headers


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_logger = logging.getLogger("sopro.web")


def problem(
    status: int,
    detail: str,
    *,
    code: str = "error",
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> web.Response:
    """Write a problem document; its `code` is stable, its `detail` is for a person.

    Its `rule` names the clauses of the specification that the code stands for.
    What is in `more` are members that only some problems have.
    """
    document: dict[str, object] = {
        "type": f"urn:sopro:problem:{code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "instance": f"urn:sopro:request:{os.urandom(8).hex()}",
        "code": code,
        **({"rule": rule} if (rule := clauses_by_code().get(code)) else {}),
        **(more or {}),
    }
    return web.Response(
        body=msgspec.json.encode(document),
        status=status,
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def in_hex(value: object) -> object:
    """Write bytes in hex, as programs and people read them."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {name: in_hex(one) for name, one in value.items()}
    return [in_hex(one) for one in value] if isinstance(value, list | tuple) else value


def answer_error(error: Exception, request: web.BaseRequest) -> web.Response:
    """Answer an error with a problem document; only bugs are 500, and say nothing.

    Raises:
        HTTPException: it is no error but a redirection.
    """
    if isinstance(error, SoproError):
        retry = {"Retry-After": "5"} if isinstance(error, UnavailableError) else None
        current = error.current if isinstance(error, ConflictError) else None
        more = {"current": in_hex(current)} if current is not None else None
        return problem(
            HTTP_STATUS[type(error)], str(error), code=error.code, headers=retry, more=more
        )
    if isinstance(error, ProblemError):
        return problem(error.status, str(error), code=error.code, headers=error.headers)
    if isinstance(error, web.HTTPException):
        if error.status < 400:
            raise error
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        code = _CODES.get(error.status, "error")
        detail = _DETAILS.get(error.status, error.reason)
        return problem(error.status, detail, code=code, headers=allow)
    _logger.error("bug", exc_info=error, extra={"path": request.path[:200]})
    return problem(500, "this node made a mistake; its operator finds it in the log")
