"""The public server: routes, limits, TLS, graceful end."""

import asyncio
import contextlib
import logging
import math
import os
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware

from sopro_node.config import Settings
from sopro_node.node import Node
from sopro_node.tasks import start_task
from sopro_node.telemetry import render_metrics
from sopro_node.upkeep import Upkeep
from sopro_node.watching import Watcher
from sopro_node.web.api import Api
from sopro_node.web.api_questions import QuestionsApi
from sopro_node.web.connections import WHOLE_ANSWER, Connections, most_connections
from sopro_node.web.evidence import EvidencePages
from sopro_node.web.imports_api import ImportsApi
from sopro_node.web.limits import Crowd
from sopro_node.web.logs import LogPages
from sopro_node.web.office_api import PREFIX, OfficeApi
from sopro_node.web.once import Once
from sopro_node.web.operations import Operation
from sopro_node.web.pages import Pages
from sopro_node.web.problems import Handler, answer_error
from sopro_node.web.proxies import behind
from sopro_node.web.signing_in import Door
from sopro_node.web.unreadable import Runner
from sopro_node.web.witness import WitnessPages
from sopro_protocol.errors import FormatError, UnavailableError

_MAX_BODY: Final = 1024 * 1024
_REQUEST_DEADLINE: Final = 30.0
_GATHER: Final = 15
_SECURITY: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
}

_READING: Final = (hdrs.METH_GET, hdrs.METH_HEAD)
_FOR_MACHINES: Final = ("/log/", "/api/", "/events", "/witness/")

CONNECTIONS: Final = web.AppKey("connections", Connections)

_logger = logging.getLogger("sopro.web")


def guard_with(pages: Pages, connections: Connections, crowd: Crowd) -> Middleware:
    """Make the one middleware: errors in words, an end to what takes too long, safe pages.

    There is one, and no header more than is read, because each costs every tile and look-up.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path
        connections.mark(request, seconds=math.inf if path == "/events" else WHOLE_ANSWER)
        try:
            crowd.check(request.remote)
            if request.method in ("GET", "HEAD"):
                response = await handler(request)
            else:
                response = await _within_deadline(request, handler, connections)
        except ConnectionResetError:
            raise
        except Exception as error:
            response = answer_error(error, request)
        is_open = path.startswith("/api/") and not path.startswith(PREFIX)
        if is_open and request.method in _READING:
            response.headers.setdefault(hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, "*")
        if not path.startswith(_FOR_MACHINES):
            response = pages.explain(request, response)
            response.headers.update(_SECURITY)
        return response

    return guard


async def _within_deadline(
    request: web.Request, handler: Handler, connections: Connections
) -> web.StreamResponse:
    operation: Operation | None = getattr(request.match_info.handler, "operation", None)
    seconds = (operation and operation.seconds) or _REQUEST_DEADLINE
    if seconds > _REQUEST_DEADLINE:
        connections.mark(request, seconds=seconds)
    try:
        async with asyncio.timeout(seconds):
            return await handler(request)
    except TimeoutError:
        raise UnavailableError(f"no answer within {seconds:g} s") from None


def build_app(node: Node) -> web.Application:
    """Put the public server's routes together."""
    pages = Pages(node)
    connections = Connections(most_connections())
    crowd = Crowd(node.settings.requests_per_second)
    middlewares = [guard_with(pages, connections, crowd)]
    if node.settings.trusted_proxies:
        middlewares.insert(0, behind(node.settings.trusted_proxies))
    app = web.Application(middlewares=middlewares, client_max_size=_MAX_BODY)
    app[CONNECTIONS] = connections
    app.router.add_routes(Api(node).routes())
    door, once = Door(node), Once(node)
    app.router.add_routes(OfficeApi(node, door=door, once=once).routes())
    app.router.add_routes(ImportsApi(node, door=door, once=once).routes())
    app.router.add_routes(QuestionsApi(node).routes())
    app.router.add_routes(LogPages(node).routes())
    app.router.add_routes(WitnessPages(node).routes())
    app.router.add_routes(EvidencePages(node).routes())
    app.router.add_routes(pages.routes())

    async def health(_request: web.Request) -> web.Response:
        """Say that this node serves."""
        return web.json_response(
            {"status": "ok", "size": node.holdings.own.size, "fence": str(node.fence.state)}
        )

    async def metrics(_request: web.Request) -> web.Response:
        """Serve the metrics."""
        return web.Response(body=render_metrics(node), content_type="text/plain", charset="utf-8")

    app.router.add_get("/health", health)
    app.router.add_get("/metrics", metrics)
    return app


async def serve(
    node: Node, *, ready: Callable[[str], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Serve until told to stop, then let requests under way finish.

    Raises:
        UnavailableError: the address is in use.
        FormatError: the TLS files cannot be used.
    """
    settings = node.settings
    app = build_app(node)
    runner = Runner(
        app,
        access_log=None,
        logger=_http_logger(),
        keepalive_timeout=25,
        lingering_time=5,
        shutdown_timeout=settings.drain_seconds,
        handle_signals=False,
        max_line_size=8190,
        max_field_size=8190,
    )
    await runner.setup()
    host, port = settings.address
    assert runner.server is not None, "set up"  # noqa: S101  # a bug if not
    watch = partial(app[CONNECTIONS].watch, runner.server)
    watching = start_task(watch, name="connections")
    try:
        site = web.TCPSite(
            runner, host, port, ssl_context=_tls(settings), backlog=512, reuse_address=True
        )
        try:
            await site.start()
        except OSError as error:
            raise UnavailableError(
                f"{settings.listen} cannot be listened on ({_reason(error)}); "
                f"set another 'listen' in {settings.path}, or stop what uses it",
                code="listen",
            ) from None
        await node.exchange.start()
        gather = partial(
            node.gatherer.run,
            every=min(settings.poll_seconds, _GATHER),
            deadline=settings.fetch_seconds,
            reach=settings.reach,
        )
        tasks = [
            start_task(gather, name="documents"),
            start_task(node.held_back.run, name="hidden documents"),
            start_task(Upkeep(node).run, name="upkeep"),
        ]
        if node.identity.coordinator:
            tasks.append(start_task(Watcher(node).run, name="watching"))
        await node.cosigners.start()
        await node.fence.start()
        await ready(settings.public_url)
        await stop.wait()
        _logger.info("stopping")
        node.hub.close()
        await node.fence.stop()
        await node.cosigners.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await node.exchange.stop()
    finally:
        watching.cancel()
        with contextlib.suppress(TimeoutError):
            await runner.cleanup()


def _reason(error: OSError) -> str:
    """Say in the system's words why an address cannot be had; asyncio wraps them in its own."""
    number = error.errno or 0
    return os.strerror(number).lower() if number > 0 else str(error.strerror)


def _http_logger() -> logging.Logger:
    """Return the HTTP server's logger, quiet about what strangers send that is not HTTP."""
    logger = logging.getLogger("sopro.http")
    logger.addFilter(_is_our_fault)
    return logger


def _is_our_fault(record: logging.LogRecord) -> bool:
    theirs = (HttpProcessingError, web.RequestPayloadError)
    return not (record.exc_info and isinstance(record.exc_info[1], theirs))


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty passphrase: nobody is there to be asked for one.
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    except (OSError, ValueError) as error:
        raise FormatError(
            f"{settings.path}: tls_certificate {settings.tls_certificate!r} and tls_key "
            f"{settings.tls_key!r} cannot be used ({error}); expected PEM files of a certificate "
            "with its chain and of its private key, the key not encrypted"
        ) from None
    return context
