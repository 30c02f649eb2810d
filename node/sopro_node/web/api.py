"""`/api/v1`: JSON for programs, every answer with the log prefixes it rests on."""

import logging
import re
from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web

from sopro_node import admission, certificate_desk, memberships
from sopro_node.holdings import HeldLog
from sopro_node.node import Node
from sopro_node.standing import describe_standing, export_policy
from sopro_node.web.bodies import read_body
from sopro_node.web.cache import AnswerCache
from sopro_node.web.dates import read_day
from sopro_node.web.openapi import describe_api
from sopro_protocol.errors import FormatError, NotFoundError
from sopro_registry.queries import LabelAnswer
from sopro_registry.witnesses import NOWHERE

_HEADERS: Final = {
    "Content-Type": "application/json",
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "public, max-age=2",
}
MAX_PAGE: Final = 500
_ANSWERS: Final = 32_768
_ENTITY: Final = re.compile(r"[0-9a-f]{32}")
_JSON = msgspec.json.Encoder()
_logger = logging.getLogger("sopro.web")


class Api:
    """Handlers of `/api/v1` and of discovery."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._answers = AnswerCache(_ANSWERS)

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.get("/.well-known/sopro", self.discovery),
            web.get("/api/v1/labels", self.labels),
            web.get(f"/api/v1/labels/{_NUMBER}", self.label),
            web.get("/api/v1/findings", self.findings),
            web.get(f"/api/v1/certificates/{_NUMBER}", self.certificate),
            web.get("/api/v1/organisations", self.organisations),
            web.get("/api/v1/organisations/{site}/{entity}", self.organisation),
            web.get("/api/v1/statistics", self.statistics),
            web.get("/api/v1/members", self.members),
            web.get("/api/v1/criteria", self.criteria),
            web.get("/api/v1/status", self.status),
            web.get("/api/v1/witness-policy", self.witness_policy),
            web.get("/api/v1/voids/{site}/{epoch}", self.voids),
            web.get("/api/v1/openapi.json", self.openapi),
            web.post("/api/v1/applications", self.apply),
        ]

    async def discovery(self, _request: web.Request) -> web.Response:
        """Say who this node is, what it serves and within which limits."""
        node = self._node
        own = node.holdings.own
        return _json(
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
            }
        )

    async def label(self, request: web.Request) -> web.Response:
        """Say how a label stands, today or on a day."""
        number = _label_number(request)
        day = (_named_day(request) if request.query_string else None) or self._node.desk.today()
        era = (self._node.holdings.era, self._node.evidence.forked())
        body = self._answers.find(number, day, era)
        if body is None:
            answer = self._node.desk.label(number, day)
            body = _JSON.encode(answer)
            held = self._node.holdings.logs[answer.computed_from[0].origin]
            self._answers.keep(answer, day, held, era, body)
        return web.Response(body=body, headers=_HEADERS)

    async def findings(self, request: web.Request) -> web.Response:
        """Say what is odd about a label and makes nothing void, today or on a day."""
        _only(request, "number", "at")
        number = request.query.get("number", "")
        return _json({"findings": self._node.findings.find(number, _day(request))})

    async def labels(self, request: web.Request) -> web.Response:
        """List labels by number."""
        query = request.query
        _only(request, "site", "after", "limit", "at")
        limit = _number(query.get("limit", "100"), "limit", most=MAX_PAGE, least=1)
        found = self._node.desk.labels(
            site=query.get("site", ""), after=query.get("after", ""), limit=limit, day=_day(request)
        )
        following = found[-1].number if len(found) == limit else None
        return _json({"labels": found, "next": following})

    async def certificate(self, request: web.Request) -> web.Response:
        """Serve a label's certificate file."""
        _only(request)
        number = _label_number(request)
        answer = await certificate_desk.certificate(self._node, {"number": number})
        name = number.replace("/", "-")
        return web.Response(
            body=answer["content"],
            content_type="application/octet-stream",
            headers={
                "Content-Disposition": f'attachment; filename="{name}.sopro"',
                "SoPro-Publication": _publication(self._node.desk.label(number)),
            },
        )

    async def organisations(self, request: web.Request) -> web.Response:
        """List the organisations of a site by entity; this node's own site where none is named."""
        query = request.query
        _only(request, "site", "after", "limit")
        limit = _number(query.get("limit", "100"), "limit", most=MAX_PAGE, least=1)
        held = self._held(query.get("site", self._node.identity.site))
        after = _entity(query["after"], "after") if "after" in query else b""
        found = self._node.desk.organisations(held, after=after, limit=limit)
        following = found[-1].entity if found and len(found) == limit else None
        return _json({"organisations": found, "next": following})

    async def organisation(self, request: web.Request) -> web.Response:
        """Describe one organisation."""
        _only(request)
        info = request.match_info
        entity = _entity(info["entity"], "entity")
        return _json(self._node.desk.organisation(self._held(info["site"]), entity))

    def _held(self, site: str) -> HeldLog:
        """Find the log of a site: the one its membership names."""
        holdings = self._node.holdings
        member = holdings.directory.membership(site)
        origin = member.origin if member else holdings.own_origin
        if origin not in holdings.logs or holdings.logs[origin].site != site:
            raise NotFoundError(f"this node holds no log of the site {site[:32]!r}")
        return holdings.logs[origin]

    async def statistics(self, request: web.Request) -> web.Response:
        """Count labels and decisions over every log held."""
        _only(request, "at")
        return _json(await self._node.statistics(_day(request)))

    async def members(self, request: web.Request) -> web.Response:
        """List the members of the federation."""
        _only(request)
        answer = await memberships.members(self._node, {})
        return _json({"members": answer["members"]})

    async def criteria(self, request: web.Request) -> web.Response:
        """List schemes and criteria."""
        _only(request)
        directory = self._node.holdings.directory
        return _json({"schemes": list(directory.schemes()), "criteria": list(directory.criteria())})

    async def status(self, request: web.Request) -> web.Response:
        """Describe this node's exchange."""
        _only(request)
        return _json(describe_standing(self._node))

    async def witness_policy(self, request: web.Request) -> web.Response:
        """Serve the witness policy with its keys, as tlog-policy text."""
        _only(request)
        answer = await export_policy(self._node, {})
        return web.Response(
            text=answer["content"],
            headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=60"},
        )

    async def voids(self, request: web.Request) -> web.Response:
        """List void entries of a log and why they are."""
        info, query = request.match_info, request.query
        _only(request, "start", "limit")
        held = self._node.holdings.at_path(info["site"], info["epoch"])
        found = self._node.reader.voids(
            held.number,
            start=_number(query.get("start", "0"), "start", most=2**48),
            limit=_number(query.get("limit", "100"), "limit", most=MAX_PAGE, least=1),
        )
        return _json(
            {
                "voids": [
                    {"index": position, "code": void.code, "message": void.message}
                    for position, void in found
                ],
                "computed_from": self._node.desk.basis(held),
            }
        )

    async def openapi(self, request: web.Request) -> web.Response:
        """Describe this API."""
        _only(request)
        return _json(describe_api(request.app))

    async def apply(self, request: web.Request) -> web.Response:
        """Take a site's request for admission."""
        data = await read_body(request, limit=admission.MAX_APPLICATION)
        answer = await admission.receive_application(self._node, data)
        _logger.info("application", extra={"remote": request.remote, **answer})
        return _json(answer)


_NUMBER: Final = "{number:SOPRO(?:/|%2[Ff]).+}"
"""A certificate number in a path: one parameter for whoever made a client from our description."""


def _label_number(request: web.Request) -> str:
    return request.match_info["number"].replace("%2F", "/").replace("%2f", "/")


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


def _json(value: object) -> web.Response:
    return web.Response(body=_JSON.encode(value), headers=_HEADERS)


def _day(request: web.Request) -> int | None:
    text = request.query.get("at")
    return None if text is None else read_day(text)


def _entity(text: str, what: str) -> bytes:
    if not _ENTITY.fullmatch(text):
        raise FormatError(
            f"{what}: expected 32 hexadecimal digits, got {text[:40]!r}", code="err.query"
        )
    return bytes.fromhex(text)


def _named_day(request: web.Request) -> int | None:
    _only(request, "at")
    return _day(request)


def _only(request: web.Request, *known: str) -> None:
    """Refuse parameters that this path does not know, and one that is named twice (SPEC ERR-4)."""
    query = request.query
    for name in known:
        if len(query.getall(name, [])) > 1:
            raise FormatError(f"parameter {name!r} is named twice", code="err.query")
    unknown = sorted(set(query) - set(known))
    if unknown:
        raise FormatError(
            f"unknown parameter {unknown[0][:32]!r}; known: {', '.join(known) or 'none'}",
            code="err.query",
        )


def _number(text: str, what: str, *, most: int, least: int = 0) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= 15
    if not is_number or not least <= int(text) <= most:
        raise FormatError(
            f"{what}: expected a whole number from {least} to {most}, got {text[:32]!r}",
            code="err.query",
        )
    return int(text)
