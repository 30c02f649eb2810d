"""Evidence of two histories, served to whoever wants to see for himself (SPEC EVID-8)."""

import re
from typing import Final

import msgspec
from aiohttp import web

from sopro_node.evidence import describe_evidence
from sopro_node.node import Node
from sopro_protocol.errors import NotFoundError

_ID: Final = re.compile(r"[0-9a-f]{64}")
_HEADERS: Final = {
    "Content-Type": "application/octet-stream",
    "Cache-Control": "public, max-age=31536000, immutable",
    "Access-Control-Allow-Origin": "*",
}


class EvidencePages:
    """Handlers of everything under `/evidence`."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [web.get("/evidence", self.listing), web.get("/evidence/{id}", self.file)]

    async def listing(self, _request: web.Request) -> web.Response:
        """List what this node keeps."""
        return web.Response(
            body=msgspec.json.encode({"evidence": describe_evidence(self._node.evidence)}),
            content_type="application/json",
            headers={"Cache-Control": "public, max-age=2", "Access-Control-Allow-Origin": "*"},
        )

    async def file(self, request: web.Request) -> web.Response:
        """Serve one evidence file."""
        text = request.match_info["id"]
        others = self._node.reader.others
        data = others.evidence_file(bytes.fromhex(text)) if _ID.fullmatch(text) else None
        if data is None:
            raise NotFoundError(f"no evidence {text[:64]!r} is kept here")
        name = f"evidence-{text[:16]}.sopro"
        return web.Response(
            body=data,
            headers={**_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'},
        )
