"""Pages for people: plain HTML in three languages, no script, every status in words."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web
from yarl import URL

from sopro_node.node import Node
from sopro_node.publishing import latest_sets
from sopro_node.renewal import due_keys, due_statements
from sopro_node.standing import describe_standing
from sopro_node.stated import profiles_of
from sopro_node.watching import read_watched
from sopro_node.web.checking import Checking
from sopro_node.web.pages_exchange import view_peer, view_peers
from sopro_node.web.pages_label import LabelView, view_label
from sopro_node.web.pages_list import Results, Search, read_text
from sopro_node.web.pages_query import (
    QueryError,
    asked_choice,
    asked_code,
    asked_day,
    check_names,
    search_asked,
)
from sopro_node.web.pages_register import RegisterPages
from sopro_node.web.pages_view import PageWriter, Style, View
from sopro_node.web.pages_words import ERRORS, STATUSES, WATCHED
from sopro_node.web.parameters import CATEGORY_IN, HOLDERS, REGION_IN, SCALES
from sopro_node.web.problems import Handler, problem
from sopro_registry.aggregate import SiteCounts, Statistics
from sopro_registry.certificate_number import fold_number

_FOR_PROGRAMS: Final = ("/api/", "/log/", "/.well-known/", "/witness/", "/static/", "/qr/")
# What is wrong where a page of this first part of the path answers with this status.
_REASONS: Final = {
    ("label", 404): "number",
    **{("verify", status): "file" for status in (400, 411, 413, 415)},
}
FILTERS: Final = ("category", "region", "scale", "holder")
_DAYS_SHOWN: Final = 7
_STREAMS: Final = ("/events", "/metrics", "/health")


class Pages:
    """Handlers of the pages."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._writer = PageWriter(node)
        self._checking = Checking(node, self._writer)
        self._register = RegisterPages(node, self._writer)

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        is_list = not self._node.identity.coordinator
        return [
            self._page("/", self.front, *(["after"] if is_list else [])),
            self._page("/labels", self.labels, "after", "q", "site", "status", *FILTERS),
            self._page("/label/{number:.+}", self.label, "at"),
            self._page("/statistics", self.statistics),
            self._page("/members", self.members),
            self._page("/conformance", self.conformance),
            self._page("/criteria", self.criteria),
            self._page("/criteria/{scheme}/{code}", self._register.criterion),
            self._page("/criteria/{scheme}/{code}/{version}", self._register.criterion),
            self._page("/organisation/{site}/{entity}", self._register.organisation, "at"),
            self._page("/status", self.status),
            web.get("/static/sopro.css", self.style),
            web.get("/static/icon.svg", self.icon),
            *self._checking.routes(),
        ]

    def _page(self, path: str, handler: Handler, *known: str) -> web.RouteDef:
        """Make the route of a page that knows these parameters besides the language."""

        async def checked(request: web.Request) -> web.StreamResponse:
            try:
                check_names(request, known)
                return await handler(request)
            except QueryError as error:
                answer = problem(400, str(error), code="err.query")
                if not _wants_page(request):
                    return answer
                return self._tell(request, answer, error.reason, error.values)

        return web.get(path, checked)

    # Errors.

    def explain(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        """Show a person the problem document of a page as a page."""
        if not _is_page(request.path) or not isinstance(response, web.Response):
            return response
        if response.content_type != "application/problem+json":
            return response
        if not _wants_page(request):
            response.headers[hdrs.VARY] = hdrs.ACCEPT
            return response
        page = request.path.split("/", maxsplit=2)[1]
        reason = _REASONS.get((page, response.status), response.status)
        return self._tell(request, response, reason, {})

    def _tell(
        self,
        request: web.Request,
        response: web.Response,
        reason: str | int,
        values: Mapping[str, str],
    ) -> web.Response:
        """Say a problem document in the words that a reason has."""
        document = msgspec.json.decode(response.body) if isinstance(response.body, bytes) else {}
        title, advice = ERRORS.get(reason, ERRORS[0])
        answer = self._writer.write(
            request,
            "error.html",
            status=response.status,
            title=title,
            advice=advice,
            values=values,
            problem=document,
        )
        for name in (hdrs.ALLOW, hdrs.RETRY_AFTER):
            if name in response.headers:
                answer.headers[name] = response.headers[name]
        return answer

    # Pages.

    async def front(self, request: web.Request) -> web.StreamResponse:
        """Say what this is; a site lists its labels, the coordinator counts everybody's."""
        if self._node.identity.coordinator:
            return self._writer.write(request, "coordinator.html", **await self._counted())
        member = self._node.holdings.directory.membership(self._node.identity.site)
        wanted = Search(site=member.site if member else "", after=request.query.get("after", ""))
        results = search_asked(self._node.directory, wanted) if member else Results([], "", 0)
        return self._writer.write(
            request, "site.html", member=member, results=results, wanted=wanted
        )

    async def labels(self, request: web.Request) -> web.StreamResponse:
        """List labels, or lead to the one whose number was asked for."""
        query = request.query
        text = read_text(query.get("q", ""))
        number = fold_number(text)
        if number is not None:
            address = View(self._writer, request).url(f"/label/{number}")
            return web.Response(status=303, headers={hdrs.LOCATION: address})
        site, status = query.get("site", ""), query.get("status", "")
        member = self._node.holdings.directory.membership(site) if site else None
        if site and member is None:
            raise QueryError("site", f"site: no member {site[:32]!r} is known here")
        if status and status not in STATUSES:
            raise QueryError(
                "status",
                f"status: expected one of {', '.join(STATUSES)}, got {status[:32]!r}",
            )
        category, asked, category_wrong = asked_code(request, CATEGORY_IN)
        region, _, region_wrong = asked_code(request, REGION_IN)
        wrong = category_wrong or region_wrong
        if wrong and not _wants_page(request):
            raise QueryError("choice", wrong)
        wanted = Search(
            site=site,
            status=status,
            text=text,
            category=category,
            asked=asked,
            region=region,
            scale=asked_choice(request, "scale", SCALES),
            holder=asked_choice(request, "holder", HOLDERS),
            after=request.query.get("after", ""),
        )
        return self._writer.write(
            request,
            "labels.html",
            status=400 if wrong else 200,
            site=site,
            wanted=wanted,
            wrong={"category": category_wrong, "region": region_wrong},
            results=Results([], "", 0) if wrong else search_asked(self._node.directory, wanted),
            members=list(self._node.holdings.directory.members()),
        )

    async def label(self, request: web.Request) -> web.StreamResponse:
        """Say how a label stands, today or on a day."""
        number = request.match_info["number"]
        held = fold_number(number)
        if held is not None and held != number:
            # One address for one label, whatever was typed; with everything that was asked.
            path = URL(f"/label/{held}").with_query(request.rel_url.query)
            return web.Response(status=301, headers={hdrs.LOCATION: str(path)})
        day = asked_day(request)
        shown = view_label(
            self._node.desk,
            self._node.holdings,
            number,
            day,
            findings=self._node.findings.find(number, day),
        )
        directory = self._node.holdings.directory
        return self._writer.write(
            request,
            "label.html",
            label=shown,
            asked=request.query.get("at", ""),
            peer=view_peer(self._node, shown.held.origin),
            scheme=directory.scheme(shown.answer.scheme),
            caretaker=directory.membership(shown.answer.caretaker),
            sites={one.site: one for one in directory.members()} if shown.answer.transfers else {},
            has_certificate=self._has_certificate(shown),
            holder_site=self._node.desk.course(number).competent.site,
            assessment=self._node.desk.assessment(number, day),
            criteria=directory,
        )

    def _has_certificate(self, shown: LabelView) -> bool:
        holdings = self._node.holdings
        is_known = holdings.directory.membership(shown.held.site) is not None
        is_signed = all(row.is_provable and not row.withheld for row in shown.rows)
        return is_known and holdings.coordinator is not None and is_signed

    async def statistics(self, request: web.Request) -> web.StreamResponse:
        """Count labels over every log held."""
        return self._writer.write(request, "statistics.html", **await self._counted())

    async def _counted(self) -> dict[str, Any]:
        counted = await self._node.counting.statistics()
        holdings = self._node.holdings
        closed = holdings.directory.is_closed
        heard = [
            one
            for one in counted.sites
            if one.computed_from.size and (one.labels or not closed(one.computed_from.origin))
        ]
        counted = msgspec.structs.replace(counted, sites=heard)
        peers = {one.origin: one for one in view_peers(self._node)}
        counted_origins = [one.computed_from.origin for one in counted.sites]
        for origin in counted_origins:
            peers.setdefault(origin, view_peer(self._node, origin))
        return {
            "counted": counted,
            "statuses": _statuses(counted),
            "years": _years(counted.sites),
            "peers": peers,
            "missing": [
                peer
                for origin, peer in sorted(peers.items())
                if origin not in counted_origins and origin != holdings.coordinator_origin
                if not closed(origin)
            ],
        }

    async def members(self, request: web.Request) -> web.StreamResponse:
        """List the members of the federation."""
        members = [
            (member, view_peer(self._node, member.origin))
            for member in self._node.holdings.directory.members()
        ]
        return self._writer.write(
            request,
            "members.html",
            members=members,
            statements={one.site: one for one in due_statements(self._node)},
            profiles={member.site: profiles_of(self._node, member) for member, _ in members},
        )

    async def conformance(self, request: web.Request) -> web.StreamResponse:
        """Show what members' addresses showed over the days (SPEC CONF-7)."""
        watched = read_watched(self._node)
        days = sorted({one.day for found in watched.values() for one in found})[-_DAYS_SHOWN:]
        members = [
            (member, {one.day: one for one in watched.get(member.site, [])})
            for member in self._node.holdings.directory.members()
            if member.status == "admitted" or member.site in watched
        ]
        return self._writer.write(
            request, "conformance.html", members=members, days=days, checks=WATCHED
        )

    async def criteria(self, request: web.Request) -> web.StreamResponse:
        """List schemes and criteria."""
        directory = self._node.holdings.directory
        return self._writer.write(
            request,
            "criteria.html",
            schemes=list(directory.schemes()),
            criteria=list(directory.criteria()),
            sets={one.scheme: one for one in latest_sets(self._node)},
        )

    async def status(self, request: web.Request) -> web.StreamResponse:
        """Describe this node's exchange, in words and in figures."""
        node = self._node
        return self._writer.write(
            request,
            "status.html",
            own=node.holdings.own,
            member=node.holdings.directory.membership(node.identity.site),
            peers=view_peers(node),
            standing=describe_standing(node),
            cosigned=node.cosignatures.sites(node.holdings.own_origin),
            withheld=[
                (held.origin, one)
                for held in node.holdings.logs.values()
                for _, one in sorted(held.withheld.items())
            ],
            evidence=[(one, node.evidence.stands(one)) for one in node.evidence],
            anchors=[one for one in node.anchors.tallies if one.size - 1 not in node.evidence.left],
            succession=node.anchors.succession.describe(),
            due={one.key.public: one for one in due_keys(node) if one.key is not None},
        )

    # What belongs to pages.

    async def style(self, request: web.Request) -> web.Response:
        """Serve the style sheet."""
        return _serve(request, self._writer.style)

    async def icon(self, request: web.Request) -> web.Response:
        """Serve the icon."""
        return _serve(request, self._writer.icon)


def _serve(request: web.Request, style: Style) -> web.Response:
    is_exact = str(request.rel_url) == style.address
    kept = "public, max-age=31536000, immutable" if is_exact else "public, max-age=60"
    return web.Response(
        body=style.body, content_type=style.media_type, headers={"Cache-Control": kept}
    )


def _wants_page(request: web.Request) -> bool:
    return "text/html" in request.headers.get(hdrs.ACCEPT, "")


def _is_page(path: str) -> bool:
    return not path.startswith(_FOR_PROGRAMS) and path not in _STREAMS


def _statuses(counted: Statistics) -> list[str]:
    """Return the statuses that occur, in the order of the table of words."""
    return [status for status in STATUSES if counted.total.get(status)]


def _years(sites: Iterable[SiteCounts]) -> dict[str, dict[str, int]]:
    """Add up over sites: number of labels by year of the first grant and status."""
    years: dict[str, dict[str, int]] = {}
    for site in sites:
        for year, counts in site.labels_by_year.items():
            for status, number in counts.items():
                row = years.setdefault(year, {})
                row[status] = row.get(status, 0) + number
    return {year: years[year] for year in sorted(years, reverse=True)}
