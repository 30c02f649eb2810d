"""The witness over HTTP (c2sp tlog-witness): its own statuses, its own body for 409."""

from typing import Final

from aiohttp import web

from sopro_node.node import Node
from sopro_node.web.bodies import read_body
from sopro_node.web.problems import problem
from sopro_node.witness import Stale
from sopro_protocol.errors import VerificationError
from sopro_protocol.witness import MAX_REQUEST, SIZE_TYPE

_UNSIGNED: Final = "ckp.signature"
_NOTE: Final = "text/plain"


class WitnessPages:
    """Handlers of everything under `/witness/`."""

    def __init__(self, node: Node) -> None:
        self._witness = node.witness

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.post("/witness/add-checkpoint", self.add_checkpoint),
            web.get("/witness/{digest:[0-9a-f]{64}}/checkpoint", self.checkpoint),
        ]

    async def add_checkpoint(self, request: web.Request) -> web.Response:
        """Cosign a head, or refuse with the status of the specification (SPEC WIT-3)."""
        body = await read_body(request, limit=MAX_REQUEST)
        try:
            answer = await self._witness.add_checkpoint(body)
        except VerificationError as error:
            status = 403 if error.code == _UNSIGNED else 422
            return problem(status, str(error), code=error.code)
        if isinstance(answer, Stale):
            return web.Response(
                status=409,
                body=f"{answer.size}\n".encode(),
                headers={"Content-Type": SIZE_TYPE, "Cache-Control": "no-store"},
            )
        return web.Response(
            body=answer,
            content_type=_NOTE,
            charset="utf-8",
            headers={"Cache-Control": "no-store"},
        )

    async def checkpoint(self, request: web.Request) -> web.Response:
        """Serve the latest checkpoint this witness cosigned (SPEC WIT-5)."""
        note = self._witness.find_note(request.match_info["digest"])
        return web.Response(
            body=note,
            content_type=_NOTE,
            charset="utf-8",
            headers={"Cache-Control": "public, max-age=2"},
        )
