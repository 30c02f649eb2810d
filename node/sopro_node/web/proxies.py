"""Who really asks, where a trusted proxy stands in front of the node."""

from collections.abc import Sequence
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Middleware

from sopro_node.web.problems import Handler


def behind(proxies: Sequence[str]) -> Middleware:
    """Believe X-Forwarded-For and X-Forwarded-Proto from these addresses, and from no other.

    Proxies append to the list, so the asker is the last address that no trusted proxy has.
    """
    trusted = frozenset(proxies)

    @web.middleware
    async def unwrap(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.remote not in trusted:
            return await handler(request)
        scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
        remote = _asker(request, trusted)
        is_plain = scheme not in ("http", "https")
        return await handler(
            request.clone(remote=remote, scheme=request.scheme if is_plain else scheme)
        )

    return unwrap


def _asker(request: web.Request, trusted: frozenset[str]) -> str:
    said = ",".join(request.headers.getall("X-Forwarded-For", []))
    for address in reversed([part.strip() for part in said.split(",")]):
        if address in trusted:
            continue
        try:
            return str(ip_address(address))
        except ValueError:
            break
    return request.remote or ""
