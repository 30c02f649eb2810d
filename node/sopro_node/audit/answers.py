"""What a node answers about labels, compared with what the logs it serves say."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

import msgspec

from sopro_node import clock
from sopro_node.audit.judging import LogAudit
from sopro_node.audit.lookup import make_lookup
from sopro_node.audit.report import Problems
from sopro_node.audit.served import Served
from sopro_node.fetch import Fetch
from sopro_node.identity import Invite
from sopro_protocol.errors import FormatError, SoproError
from sopro_registry.directory import Directory
from sopro_registry.fields import format_day, site_of
from sopro_registry.label import Label, status_at
from sopro_registry.queries import Basis, answer_label
from sopro_registry.transfer import Course, Stage, follow_label

_MAX_JSON: Final = 16 * 1024 * 1024
_PAGE: Final = 500
_LABEL = msgspec.msgpack.Decoder(Label)
_ZONE: Final = "UTC"


class Answers:
    """What the node's API says about labels, compared with what the logs say."""

    def __init__(
        self,
        url: str,
        fetch: Fetch,
        audits: Mapping[str, LogAudit],
        directory: Directory,
        problems: Problems,
    ) -> None:
        self._url = url
        self._fetch = fetch
        self._audits = audits
        self._directory = directory
        self._problems = problems
        self._day = clock.today(_ZONE)
        self.trusted: Invite | None = None

    async def check(self) -> None:
        """Compare every label and the counts, where the node rests them on the same sizes."""
        expected = dict(self._expected())
        seen = set()
        try:
            async for answer in self._labels():
                seen.add(answer.get("number"))
                self._compare(answer, expected.get(str(answer.get("number"))))
            await self._compare_rest()
        except SoproError as error:
            self._problems.add("answers", str(error))
            return
        for number in expected.keys() - seen:
            self._problems.add("label", f"label {number}: in the log, not in the list of labels")

    def _expected(self) -> Iterator[tuple[str, dict[str, Any]]]:
        claims = self._claims()
        coordinator = site_of(self.trusted.origin) if self.trusted else ""
        lookup = make_lookup(self._audits, self._directory, coordinator=coordinator)
        for course in self._courses():
            number = course.stages[0].label.number
            answer = answer_label(
                course,
                bases=[self._basis(stage.origin) for stage in course.stages],
                day=self._day,
                lookup=lookup,
                member=self._directory.membership(course.at(self._day).site),
                claims=claims.get(number, ()),
            )
            expected = msgspec.json.decode(msgspec.json.encode(answer))
            del expected["publication"]  # no log says who else holds it
            yield number, expected

    def _courses(self) -> Iterator[Course]:
        """Go through the labels that a log granted, each with its way through the others."""
        for audit in self._audits.values():
            for entity in audit.tables.labels:
                for stage in _stages(audit, entity):
                    yield follow_label(stage, self._find, successors=self._directory.successors)

    def _find(self, site: str, entity: bytes) -> Iterator[Stage]:
        for audit in self._audits.values():
            if audit.report.origin.split("/")[1] == site:
                yield from _stages(audit, entity)

    def _claims(self) -> Mapping[str, list[Stage]]:
        """Collect what logs say that they took over: by number, the first of each log."""
        claims: dict[str, list[Stage]] = defaultdict(list)
        for audit in sorted(self._audits.values(), key=lambda one: one.report.origin):
            first: dict[str, bytes] = {}
            for (family, name), entity in sorted(audit.tables.names.items()):
                if family == "label_decision":
                    first.setdefault(name.split(" ")[0], entity)
            for number, entity in first.items():
                claims[number] += _stages(audit, entity)
        return claims

    def _basis(self, origin: str) -> Basis:
        audit = self._audits[origin]
        size = audit.cursor.projected
        return Basis(origin, size, audit.tree.root_at(size).hex())

    async def _labels(self) -> AsyncIterator[dict[str, Any]]:
        after = ""
        while True:
            page = await _get_json(
                self._fetch,
                f"{self._url}/api/v1/labels?limit={_PAGE}&after={after}&at={format_day(self._day)}",
            )
            labels = page.get("labels")
            if not isinstance(labels, list):
                raise FormatError(f"{self._url}: the list of labels is none")
            for answer in labels:
                yield answer
            if not labels or page.get("next") is None:
                return
            after = str(page["next"])

    def _compare(self, answer: dict[str, Any], expected: dict[str, Any] | None) -> None:
        number = answer.get("number")
        for basis in answer.get("computed_from") or ():
            # What the node knows beside the log; `check_evidence` looks at that.
            if isinstance(basis, dict):
                basis.pop("two_histories", None)
        if expected is None:
            self._problems.add("label", f"label {number}: answered, but in no log that is served")
            return
        wrong = sorted(key for key in expected if answer.get(key) != expected[key])
        if wrong and self._is_same_basis(answer):
            self._problems.add(
                "label",
                f"label {number}: the answer is not what its log says ({', '.join(wrong)}); "
                f"status answered {answer.get('status')}, by the log {expected['status']}",
            )

    def _is_same_basis(self, answer: Mapping[str, Any]) -> bool:
        """Say whether an answer rests on the very prefix that was audited."""
        for one in answer.get("computed_from") or [{}]:
            audit = self._audits.get(one.get("origin"))
            if audit is not None and one.get("size") != audit.cursor.projected:
                return False
        return True

    async def _compare_rest(self) -> None:
        """Compare counts, and what is served beside the logs."""
        day = format_day(self._day)
        counted = await _get_json(self._fetch, f"{self._url}/api/v1/statistics?at={day}")
        sites = counted.get("sites")
        is_alike = isinstance(sites, list) and all(map(self._is_counted_alike, sites))
        courses = list(self._courses())
        served = Served(
            self._url,
            self._fetch,
            self._audits,
            day=self._day,
            trusted=self.trusted,
            problems=self._problems,
        )
        await served.check(courses, sites if is_alike and sites else ())
        if not is_alike:
            return
        total = Counter(
            status_at(course.at(self._day).label.decisions, self._day)[0] for course in courses
        )
        # What has not begun yet is no label of any status.
        found = {status.word: number for status, number in total.items() if status}
        if found != counted.get("total"):
            self._problems.add(
                "counts", f"statistics: answered {counted.get('total')}, the logs say {found}"
            )

    def _is_counted_alike(self, site: Mapping[str, Any]) -> bool:
        return self._is_same_basis({"computed_from": [site.get("computed_from", {})]})


def _stages(audit: LogAudit, entity: bytes) -> Iterator[Stage]:
    """Return the label at an entity of a log, if there is one."""
    row = audit.tables.entities.get(entity)
    if row is not None and row.family == "label_decision" and isinstance(row.state, bytes):
        label = _LABEL.decode(row.state)
        yield Stage(audit.report.origin, entity, label, row.undetermined)


async def _get_json(fetch: Fetch, url: str) -> dict[str, Any]:
    body = (await fetch.get(url, limit=_MAX_JSON)).body
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise FormatError(f"{url}: not what a node answers: {error}") from None
