"""`/api/v1`: JSON for programs, every answer with the log prefixes it rests on."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import msgspec
from aiohttp import web

from sopro_node import certificate_desk, memberships
from sopro_node.admission import MAX_APPLICATION, receive_application
from sopro_node.desk import OrganisationAnswer
from sopro_node.heldlog import HeldLog
from sopro_node.node import Node
from sopro_node.publishing import latest_sets
from sopro_node.standing import describe_standing, export_policy
from sopro_node.web.answers import FindingList, LabelPage, OrganisationList, VoidEntry, VoidPage
from sopro_node.web.bodies import read_body
from sopro_node.web.cache import AnswerCache
from sopro_node.web.openapi import describe_api
from sopro_node.web.operations import (
    Asked,
    Body,
    Operation,
    answer_bytes,
    answer_json,
    day,
    routes_of,
    whole_number,
)
from sopro_node.web.parameters import (
    ENTITY,
    ENTITY_AFTER,
    EPOCH,
    NUMBER,
    NUMBER_AFTER,
    NUMBER_ASKED,
    SITE,
    SITE_INSIDE,
)
from sopro_protocol.errors import NotFoundError
from sopro_registry.aggregate import Statistics
from sopro_registry.queries import Basis, LabelAnswer
from sopro_registry.witnesses import NOWHERE

MAX_PAGE: Final = 500
_ANSWERS: Final = 32_768
_FOR_A_MINUTE: Final = "public, max-age=60"
_JSON = msgspec.json.Encoder()
_logger = logging.getLogger("sopro.web")


class Api:
    """Handlers of `/api/v1` and of discovery."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._answers = AnswerCache(_ANSWERS)

    def operations(self) -> list[Operation]:
        """List what can be asked."""
        page = whole_number("limit", "how many at most", least=1, most=MAX_PAGE, default=100)
        return [
            Operation(
                "/api/v1/labels",
                self.labels,
                query=(SITE, NUMBER_AFTER, page, day()),
                answer=LabelPage,
            ),
            Operation(
                f"/api/v1/labels/{_NUMBER}",
                self.label,
                query=(day(),),
                inside=(NUMBER,),
                answer=LabelAnswer,
            ),
            Operation(
                "/api/v1/findings",
                self.findings,
                query=(replace(NUMBER_ASKED, is_needed=True), day()),
                answer=FindingList,
            ),
            Operation(
                f"/api/v1/certificates/{_NUMBER}",
                self.certificate,
                inside=(NUMBER,),
                media="application/octet-stream",
            ),
            Operation(
                "/api/v1/organisations",
                self.organisations,
                query=(SITE, ENTITY_AFTER, page),
                answer=OrganisationList,
            ),
            Operation(
                "/api/v1/organisations/{site}/{entity}",
                self.organisation,
                inside=(SITE_INSIDE, ENTITY),
                answer=OrganisationAnswer,
            ),
            Operation("/api/v1/statistics", self.statistics, query=(day(),), answer=Statistics),
            Operation("/api/v1/members", self.members),
            Operation("/api/v1/criteria", self.criteria),
            Operation("/api/v1/status", self.status),
            Operation("/api/v1/witness-policy", self.witness_policy, media="text/plain"),
            Operation(
                "/api/v1/voids/{site}/{epoch}",
                self.voids,
                query=(
                    whole_number("start", "first position", least=0, most=2**48, default=0),
                    page,
                ),
                inside=(SITE_INSIDE, EPOCH),
                answer=VoidPage,
            ),
            Operation("/api/v1/openapi.json", self.openapi),
            Operation(
                "/api/v1/applications",
                self.apply,
                method="POST",
                body=Body({"application/octet-stream": {"type": "string", "format": "binary"}}),
                is_public=False,
            ),
        ]

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [web.get("/.well-known/sopro", self.discovery), *routes_of(self.operations())]

    async def discovery(self, request: web.Request) -> web.Response:
        """Say who this node is, what it serves and within which limits."""
        node = self._node
        own = node.holdings.own
        return answer_json(
            request,
            {
                "site": node.identity.site,
                "federation": node.identity.federation,
                "origin": own.origin,
                "role": "coordinator" if node.identity.coordinator else "site",
                "country": node.identity.country,
                "name": node.identity.name,
                "languages": node.identity.languages,
                "zone": node.identity.zone,
                "keys": [
                    {
                        "role": span.role,
                        "id": span.key_id.hex(),
                        "public": span.public.hex(),
                        "since": span.since,
                        "until": span.end,
                    }
                    for span in own.keys
                ],
                "log": own.path,
                "coordinator": node.holdings.coordinator_origin,
                "mirrors": [held.path for held in node.holdings.logs.values() if held is not own],
                "versions": ["1"],
                "profiles": ["R", "P", "W"],
                "features": ["documents-public", "events", "bundles", "witness", "evidence"],
                "limits": DECLARED_LIMITS,
            },
        )

    async def label(self, request: web.Request, asked: Asked) -> web.Response:
        """Say how a label stands, today or on a day."""
        number, day = asked["number"], asked["at"] or self._node.desk.today()
        era = (self._node.holdings.era, self._node.evidence.forked())
        body = self._answers.find(number, day, era)
        if body is None:
            answer = self._node.desk.label(number, day)
            body = _JSON.encode(answer)
            held = self._node.holdings.logs[answer.computed_from[0].origin]
            self._answers.keep(answer, day, held, era, body)
        return answer_bytes(request, body)

    async def findings(self, request: web.Request, asked: Asked) -> web.Response:
        """Say what is odd about a label and makes nothing void, today or on a day."""
        found = self._node.findings.find(asked["number"], asked["at"])
        return answer_json(request, FindingList(found, self._searched()))

    async def labels(self, request: web.Request, asked: Asked) -> web.Response:
        """List labels by number."""
        limit = asked["limit"]
        found = self._node.desk.labels(
            site=asked["site"], after=asked["after"], limit=limit, day=asked["at"]
        )
        following = found[-1].number if len(found) == limit else None
        return answer_json(request, LabelPage(found, following, self._searched(asked["site"])))

    def _searched(self, site: str = "") -> list[Basis]:
        """Name the prefixes of the logs of a site, or of every log held, by origin."""
        logs = self._node.holdings.logs
        origins = sorted(origin for origin in logs if site in ("", logs[origin].site))
        return [self._node.desk.basis(logs[origin]) for origin in origins]

    async def certificate(self, _request: web.Request, asked: Asked) -> web.Response:
        """Serve a label's certificate file."""
        number = asked["number"]
        answer = await certificate_desk.certificate(self._node, {"number": number})
        name = number.replace("/", "-")
        return web.Response(
            body=answer["content"],
            content_type="application/octet-stream",
            headers={
                "Access-Control-Allow-Origin": "*",
                "Content-Disposition": f'attachment; filename="{name}.sopro"',
                "SoPro-Publication": _publication(self._node.desk.label(number)),
            },
        )

    async def organisations(self, request: web.Request, asked: Asked) -> web.Response:
        """List the organisations of a site by entity; this node's own site where none is named."""
        limit = asked["limit"]
        held = self._held(asked["site"] or self._node.identity.site)
        found = self._node.desk.organisations(held, after=asked["after"], limit=limit)
        following = found[-1].entity if found and len(found) == limit else None
        searched = [self._node.desk.basis(held)]
        return answer_json(request, OrganisationList(found, following, searched))

    async def organisation(self, request: web.Request, asked: Asked) -> web.Response:
        """Describe one organisation."""
        held = self._held(asked["site"])
        return answer_json(request, self._node.desk.organisation(held, asked["entity"]))

    def _held(self, site: str) -> HeldLog:
        """Find the log of a site: the one its membership names."""
        holdings = self._node.holdings
        member = holdings.directory.membership(site)
        origin = member.origin if member else holdings.own_origin
        if origin not in holdings.logs or holdings.logs[origin].site != site:
            raise NotFoundError(f"this node holds no log of the site {site[:32]!r}")
        return holdings.logs[origin]

    async def statistics(self, request: web.Request, asked: Asked) -> web.Response:
        """Count labels and decisions over every log held."""
        return answer_json(request, await self._node.counting.statistics(asked["at"]))

    async def members(self, request: web.Request, _asked: Asked) -> web.Response:
        """List the members of the federation."""
        answer = await memberships.members(self._node, {})
        return answer_json(request, {"members": answer["members"], **self._published()})

    async def criteria(self, request: web.Request, _asked: Asked) -> web.Response:
        """List schemes, criteria, and the sets of them that labels are judged by."""
        directory = self._node.holdings.directory
        found = {
            "schemes": list(directory.schemes()),
            "criteria": list(directory.criteria()),
            "sets": latest_sets(self._node),
        }
        return answer_json(request, found | self._published())

    def _published(self) -> dict[str, list[Basis]]:
        """Name the prefix of the coordinator's log that an answer rests on; none is held for []."""
        held = self._node.holdings.coordinator
        return {"computed_from": [self._node.desk.basis(held)] if held is not None else []}

    async def status(self, request: web.Request, _asked: Asked) -> web.Response:
        """Describe this node's exchange."""
        return answer_json(request, describe_standing(self._node))

    async def witness_policy(self, request: web.Request, _asked: Asked) -> web.Response:
        """Serve the witness policy with its keys, as tlog-policy text."""
        answer = await export_policy(self._node, {})
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "Cache-Control": _FOR_A_MINUTE,
            "SoPro-Computed-From": " ".join(
                f"{one.origin}@{one.size}:{one.root}" for one in self._published()["computed_from"]
            ),
        }
        return answer_bytes(request, answer["content"].encode(), headers)

    async def voids(self, request: web.Request, asked: Asked) -> web.Response:
        """List void entries of a log and why they are."""
        held = self._node.holdings.at_path(asked["site"], asked["epoch"])
        found = self._node.reader.voids(held.number, start=asked["start"], limit=asked["limit"])
        voids = [VoidEntry(position, void.code, void.message) for position, void in found]
        return answer_json(request, VoidPage(voids, self._node.desk.basis(held)))

    async def openapi(self, request: web.Request, _asked: Asked) -> web.Response:
        """Describe this API."""
        return answer_json(request, describe_api(request.app))

    async def apply(self, request: web.Request, _asked: Asked) -> web.Response:
        """Take a site's request for admission."""
        data = await read_body(request, limit=MAX_APPLICATION)
        answer = await receive_application(self._node, data)
        _logger.info("application", extra={"remote": request.remote, **answer})
        return answer_json(request, answer, {"Cache-Control": "no-store"})


_NUMBER: Final = "{number:[Ss][Oo][Pp][Rr][Oo].+}"
"""A certificate number in a path: one parameter for whoever made a client from our description."""


DECLARED_LIMITS: Final = {
    "entry_bytes": 65_535,
    "record_bytes": 32_768,
    "document_bytes": 26_214_400,
    "riding_document_bytes": 65_536,
    "request_seconds": 20,
    "page": MAX_PAGE,
}


def _publication(answer: LabelAnswer) -> str:
    """Write how far a label's last decision has come, as words of a header."""
    fields: Mapping[str, bool] = msgspec.structs.asdict(answer.publication or NOWHERE)
    return ", ".join(stage for stage, is_reached in fields.items() if is_reached)
