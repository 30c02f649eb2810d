"""Pages for people."""

from aiohttp import web

from sopro_node.node import Node


class Pages:
    """Handlers of the pages."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return []
