"""Questions under `/api/v1`: the directory, whether labels are valid, and what is due."""

import asyncio
from typing import Final

from aiohttp import web

from sopro_node.directory import OrganisationPage, Page, Wanted
from sopro_node.node import Node
from sopro_node.organisation_answers import HistoryAnswer, LabelledPage
from sopro_node.organisations import describe_organisation, list_labelled
from sopro_node.reckoning import DecisionStatistics, ExpiringPage
from sopro_node.validity import Validity
from sopro_node.validity_table import (
    COLUMNS,
    MOST_BYTES,
    By,
    explain_value,
    part_questions,
    read_questions,
    write_lines,
)
from sopro_node.web.bodies import read_body
from sopro_node.web.operations import Asked, Body, Operation, answer_json, day, routes_of, text_like
from sopro_node.web.parameters import (
    CONDITIONS,
    CURSOR,
    DAYS,
    ENTITY,
    FEW,
    IDENTIFIER,
    ITEM,
    NUMBER,
    NUMBER_ASKED,
    OVERLAY_IN,
    SCHEME,
    SITE,
    SITE_INSIDE,
    STATUS,
    conditions_of,
)
from sopro_protocol.errors import FormatError
from sopro_registry.assessed import AssessmentAnswer

_AT_ONCE: Final = 100
_TABLE: Final = ("text/csv", "text/plain")
_EXAMPLE: Final = "number,at\r\nSOPRO/AT0/001/00001,2026-11-22\r\n"
_BY: Final = (
    NUMBER_ASKED,
    ITEM,
    IDENTIFIER,
    text_like(
        "offering",
        "the entity of an offering, 32 hexadecimal digits",
        r"[0-9a-f]{32}",
        example="00112233445566778899aabbccddeeff",
    ),
)


class QuestionsApi:
    """Handlers of questions about many labels."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def operations(self) -> list[Operation]:
        """List what can be asked."""
        table = {media: {"type": "string"} for media in _TABLE}
        return [
            Operation(
                "/api/v1/directory",
                self.directory,
                query=(*CONDITIONS, STATUS, OVERLAY_IN, SITE, SCHEME, day(), CURSOR, FEW),
                answer=Page,
            ),
            Operation(
                "/api/v1/directory/organisations",
                self.directory_organisations,
                query=(*CONDITIONS, SITE, CURSOR, FEW),
                answer=OrganisationPage,
            ),
            Operation(
                "/api/v1/expiring",
                self.expiring,
                query=(DAYS, SITE, SCHEME, day(), CURSOR, FEW),
                answer=ExpiringPage,
            ),
            Operation(
                "/api/v1/statistics/decisions",
                self.decisions,
                query=(SITE,),
                answer=DecisionStatistics,
            ),
            Operation(
                "/api/v1/organisations/{site}/{entity}/history",
                self.organisation_history,
                query=(day(),),
                inside=(SITE_INSIDE, ENTITY),
                answer=HistoryAnswer,
            ),
            Operation(
                "/api/v1/organisations/{site}/{entity}/labels",
                self.organisation_labels,
                query=(day(), CURSOR, FEW),
                inside=(SITE_INSIDE, ENTITY),
                answer=LabelledPage,
            ),
            Operation(
                "/api/v1/assessments/{number:[Ss][Oo][Pp][Rr][Oo].+}",
                self.assessment,
                query=(day(),),
                inside=(NUMBER,),
                answer=AssessmentAnswer,
            ),
            Operation("/api/v1/check", self.check, query=(*_BY, day()), answer=Validity),
            Operation(
                "/api/v1/check",
                self.check_many,
                method="POST",
                query=(day(),),
                media="text/csv",
                body=Body(table, _EXAMPLE),
            ),
        ]

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return routes_of(self.operations())

    async def directory(self, request: web.Request, asked: Asked) -> web.Response:
        """Look for labels by words, codes and status, page by page."""
        wanted = Wanted(
            conditions_of(asked),
            status=asked["status"],
            site=asked["site"],
            scheme=asked["scheme"],
            overlay=asked["overlay"],
            day=asked["at"] or 0,
            after=asked["after"],
            limit=asked["limit"],
        )
        return answer_json(request, self._node.directory.labels(wanted))

    async def directory_organisations(self, request: web.Request, asked: Asked) -> web.Response:
        """Look for organisations by words and codes of theirs or of an offering, page by page."""
        wanted = Wanted(
            conditions_of(asked), site=asked["site"], after=asked["after"], limit=asked["limit"]
        )
        return answer_json(request, self._node.directory.organisations(wanted))

    async def expiring(self, request: web.Request, asked: Asked) -> web.Response:
        """List labels whose validity ends within some days, the first to end first."""
        wanted = Wanted(
            site=asked["site"],
            scheme=asked["scheme"],
            day=asked["at"] or 0,
            after=asked["after"],
            limit=asked["limit"],
        )
        return answer_json(request, await self._node.counting.expiring(wanted, days=asked["days"]))

    async def decisions(self, request: web.Request, asked: Asked) -> web.Response:
        """Count decisions by action, reason and year, and say how long applications took."""
        return answer_json(request, await self._node.counting.decisions(asked["site"]))

    async def organisation_history(self, request: web.Request, asked: Asked) -> web.Response:
        """Describe one organisation, what it offers, and its history across sites."""
        found = await describe_organisation(self._node, asked["site"], asked["entity"], asked["at"])
        return answer_json(request, found)

    async def organisation_labels(self, request: web.Request, asked: Asked) -> web.Response:
        """Go through what one organisation offers, the labels on it, and what was decided."""
        found = list_labelled(
            self._node,
            asked["site"],
            asked["entity"],
            asked["at"],
            after=asked["after"],
            limit=asked["limit"],
        )
        return answer_json(request, found)

    async def assessment(self, request: web.Request, asked: Asked) -> web.Response:
        """Say what a label rests on: what was found about each criterion."""
        return answer_json(request, self._node.desk.assessment(asked["number"], asked["at"]))

    async def check(self, request: web.Request, asked: Asked) -> web.Response:
        """Say whether something is labelled on a day: by exactly one of the first four."""
        named = [(by, asked[by]) for by in By if asked[by]]
        if len(named) != 1:
            raise FormatError(
                f"expected one of the parameters {', '.join(By)}, got {len(named)}",
                code="err.query",
            )
        by, value = named[0]
        if problem := explain_value(by, value):
            raise FormatError(f"{by}: {problem}", code="err.query")
        at = asked["at"] or self._node.desk.today()
        return answer_json(request, self._node.registrar.check(by, value, at))

    async def check_many(self, request: web.Request, asked: Asked) -> web.Response:
        """Say of every line of a table whether something is labelled; others go on meanwhile."""
        if request.content_type not in _TABLE:
            raise web.HTTPUnsupportedMediaType
        data = await read_body(request, limit=MOST_BYTES)
        today = asked["at"] or self._node.desk.today()
        questions = read_questions(data, today=today)
        text = [write_lines([COLUMNS])]
        for some in part_questions(questions, most=_AT_ONCE):
            await asyncio.sleep(0)
            text.append(write_lines(self._node.registrar.lines(some)))
        return web.Response(
            text="".join(text),
            content_type="text/csv",
            charset="utf-8",
            headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"},
        )
