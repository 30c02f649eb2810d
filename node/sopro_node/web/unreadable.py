"""Requests that reach no handler of ours, answered with problem documents like every other error.

What cannot be parsed, or expects what HTTP does not know, never reaches the application, so the
library answers it by itself, in plain text and with the input in it. It has no setting for that;
the two classes it uses are replaced.
"""

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from sopro_node.web.problems import answer_error, problem


class _Handler(RequestHandler):
    """A connection."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what could not be read, or what went wrong outside of every handler.

        Raises:
            ConnectionError: an answer has begun already.
        """
        super().handle_error(request, status, exc, message)
        if status >= 500:  # HTTP's own classes
            answer = problem(status, "this node made a mistake; its operator finds it in the log")
        else:
            # The library's message has what was sent in it; these words are ours.
            said = message or ""
            is_method, is_long = "nvalid method" in said, said.startswith("Got more than")
            words = "its method is none of HTTP" if is_method else "it is not well-formed HTTP/1.1"
            if is_long:
                words = "a line or a header of it is longer than 8190 bytes"
            code = "err.method" if is_method else "err.size" if is_long else "format"
            answer = problem(status, f"the request cannot be read: {words}", code=code)
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer, in our form where the library made it outside of every handler."""
        if isinstance(resp, web.HTTPException) and resp.status >= 400:
            resp = answer_error(resp, request)
        return await super().finish_response(request, resp, start_time)


class _Server(web.Server):
    """Makes the connections."""

    def __call__(self) -> RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs the application on such connections."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server
        return server
