"""Pages of one organisation and of one criterion, each at an address that stays."""

from typing import Final

from aiohttp import web

from sopro_node.node import Node
from sopro_node.organisations import describe_organisation
from sopro_node.web.pages_exchange import view_peer
from sopro_node.web.pages_query import asked_day
from sopro_node.web.pages_view import PageWriter
from sopro_protocol.errors import NotFoundError

_HEX: Final = 32
_LONGEST_VERSION: Final = 6


class RegisterPages:
    """Handlers of these pages."""

    def __init__(self, node: Node, writer: PageWriter) -> None:
        self._node = node
        self._writer = writer

    async def organisation(self, request: web.Request) -> web.StreamResponse:
        """Show an organisation, what it offers and its history across sites."""
        site, text = request.match_info["site"], request.match_info["entity"]
        is_entity = len(text) == _HEX and all(one in "0123456789abcdef" for one in text)
        if not is_entity:
            raise NotFoundError(f"no organisation {text[:_HEX]!r} is known here")
        found = await describe_organisation(
            self._node, site, bytes.fromhex(text), asked_day(request)
        )
        directory = self._node.holdings.directory
        return self._writer.write(
            request,
            "organisation.html",
            found=found,
            holder=found.organisation,
            named=found.organisation.described,
            peer=view_peer(self._node, found.organisation.computed_from[0].origin),
            sites={one.site: one for one in directory.members()},
        )

    async def criterion(self, request: web.Request) -> web.StreamResponse:
        """Show a criterion as it is, or one version of it as it was."""
        info, directory = request.match_info, self._node.holdings.directory
        versions = directory.criterion_versions(info["scheme"], info["code"])
        asked = info.get("version", "")
        is_number = not asked or (asked.isascii() and asked.isdecimal())
        shown = [one for one in versions if is_number and asked in ("", str(one.version))]
        if not shown or len(asked) > _LONGEST_VERSION:
            raise NotFoundError(f"no criterion {info['code'][:64]!r} of that version is known here")
        held = self._node.holdings.coordinator
        return self._writer.write(
            request,
            "criterion.html",
            criterion=shown[-1],
            versions=versions,
            is_latest=shown[-1] is versions[-1],
            scheme=directory.scheme(info["scheme"]),
            basis=self._node.desk.basis(held) if held else None,
        )
