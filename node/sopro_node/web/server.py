"""The public server: routes, limits, TLS, graceful end."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from sopro_node.config import Settings
from sopro_node.node import Node
from sopro_node.telemetry import render_metrics
from sopro_node.web.api import Api
from sopro_node.web.logs import LogPages
from sopro_node.web.pages import Pages
from sopro_node.web.problems import Handler, problems
from sopro_protocol.errors import FormatError, UnavailableError

_MAX_BODY: Final = 1024 * 1024
_REQUEST_DEADLINE: Final = 30.0
_SECURITY: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
}

_logger = logging.getLogger("sopro.web")


@web.middleware
async def deadline(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Cut a request that takes too long; streams have no end."""
    if request.path == "/events":
        return await handler(request)
    try:
        async with asyncio.timeout(_REQUEST_DEADLINE):
            return await handler(request)
    except TimeoutError:
        raise UnavailableError(f"no answer within {_REQUEST_DEADLINE:g} s") from None


async def _secure(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_SECURITY)


def build_app(node: Node) -> web.Application:
    """Put the public server's routes together."""
    app = web.Application(middlewares=[problems, deadline], client_max_size=_MAX_BODY)
    app.on_response_prepare.append(_secure)
    app.router.add_routes(Api(node).routes())
    app.router.add_routes(LogPages(node).routes())
    app.router.add_routes(Pages(node).routes())

    async def health(_request: web.Request) -> web.Response:
        """Say that this node serves."""
        return web.json_response({"status": "ok", "size": node.holdings.own.size})

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
    runner = web.AppRunner(
        build_app(node),
        access_log=None,
        keepalive_timeout=30,
        shutdown_timeout=settings.drain_seconds,
        handle_signals=False,
        max_line_size=8190,
        max_field_size=8190,
    )
    await runner.setup()
    host, port = settings.address
    try:
        site = web.TCPSite(
            runner, host, port, ssl_context=_tls(settings), backlog=512, reuse_address=True
        )
        try:
            await site.start()
        except OSError as error:
            raise UnavailableError(
                f"{settings.listen} cannot be listened on ({error.strerror}); "
                f"set another 'listen' in {settings.path}, or stop what uses it",
                code="listen",
            ) from None
        await node.exchange.start()
        await ready(settings.public_url)
        await stop.wait()
        _logger.info("stopping")
        node.hub.close()
        await node.exchange.stop()
    finally:
        with contextlib.suppress(TimeoutError):
            await runner.cleanup()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise FormatError(
            f"{settings.path}: tls_certificate and tls_key cannot be used: {error}"
        ) from None
    return context
