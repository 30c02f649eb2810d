"""Verifying everything a node serves, from outside: every log, every tile, every label's answer."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from sopro_node import clock
from sopro_node.audit import Auditor, LogAudit, LogReport, Problems, Report, check_continued
from sopro_node.audit_forks import (
    Audited,
    check_evidence,
    compare_elsewhere,
    count_anchors,
    fetch_evidence,
)
from sopro_node.audit_lookup import make_lookup
from sopro_node.audit_served import Served
from sopro_node.discovery import discover
from sopro_node.fetch import Fetch
from sopro_node.identity import Invite
from sopro_node.reach import ANYWHERE, Reach, is_loopback_url
from sopro_node.reindex import Progress
from sopro_node.store.base import DocumentRow
from sopro_node.target import MAX_CHECKPOINT
from sopro_protocol.bundle import MAX_BUNDLE, Bundle, Withheld, parse_bundle
from sopro_protocol.checkpoint import parse_checkpoint_text
from sopro_protocol.errors import FormatError, PeerError, SoproError, VerificationError
from sopro_protocol.keys import Role
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.note import parse_note
from sopro_protocol.record import parse_entry, read_record
from sopro_protocol.tile import (
    MAX_ENTRY_BUNDLE,
    WIDTH,
    Kind,
    Resource,
    bundle_path,
    parse_entry_bundle,
    resources_of,
)
from sopro_registry.catalogue import READERS
from sopro_registry.directory import Directory
from sopro_registry.families import site_keys
from sopro_registry.family import Withholding
from sopro_registry.fields import format_day, site_of
from sopro_registry.label import Label, status_at
from sopro_registry.queries import Basis, answer_label
from sopro_registry.transfer import Course, Stage, follow_label
from sopro_registry.withholding import open_withholding

_AT_ONCE: Final = 8
_MAX_JSON: Final = 16 * 1024 * 1024
_PAGE: Final = 500
_LABEL = msgspec.msgpack.Decoder(Label)
_ZONE: Final = "UTC"

T = TypeVar("T")


async def audit_peer(url: str, invite: Invite | None, progress: Progress) -> Report:
    """Verify what a node serves.

    Args:
        url: of the node.
        invite: names the coordinator's root key; without it that key is what the node serves.
        progress: is told how far the audit is.

    Raises:
        PeerError: the node does not answer.
        FormatError: what answers is no node.
    """
    async with Fetch(reach=ANYWHERE) as fetch:
        return await _PeerAudit(url.rstrip("/"), fetch, invite, progress).run()


class _PeerAudit:
    def __init__(self, url: str, fetch: Fetch, invite: Invite | None, progress: Progress) -> None:
        self._url = url
        self._fetch = fetch
        self._invite = invite
        self._progress = progress
        self._report = Report(url)
        self._audits: dict[str, LogAudit] = {}
        self._withheld: dict[str, set[int]] = {}

    async def run(self) -> Report:
        paths, coordinator = await self._discover()
        if self._invite is not None:
            coordinator = self._invite.origin
        auditor = Auditor(coordinator)
        for origin in sorted(paths, key=lambda origin: origin != coordinator):
            self._report.logs.append(await self._audit_log(auditor, origin, paths[origin]))
        problems = Problems()
        answers = _Answers(self._url, self._fetch, self._audits, auditor.directory, problems)
        answers.trusted = self._invite or self._served_invite(coordinator)
        await answers.check()
        self._report.problems += problems.listed()
        await self._find_forks(auditor, coordinator)
        self._report.problems += check_continued(auditor)
        return self._report

    async def _find_forks(self, auditor: Auditor, coordinator: str | None) -> None:
        """Verify the evidence served here, and look at what other members serve."""
        trusted = self._invite or self._served_invite(coordinator)
        try:
            rows = await fetch_evidence(self._url, self._fetch)
        except SoproError as error:
            self._report.problems.append(str(error))
            rows = []
        tree, directory = auditor.coordinator, auditor.directory
        settled = count_anchors(auditor.marked(), tree, trusted, directory)
        self._report.problems += check_evidence(rows, trusted, directory, settled, tree)
        audited = {
            origin: Audited(audit.tree, audit.cursor.keys) for origin, audit in self._audits.items()
        }
        # The addresses of the others come from records, not from the command line.
        reach = Reach(allow_private=is_loopback_url(self._url))
        async with Fetch(reach=reach) as fetch:
            self._report.problems += await compare_elsewhere(
                self._url, fetch, audited, auditor.directory
            )

    def _served_invite(self, coordinator: str | None) -> Invite | None:
        """Return the coordinator as the node serves it, where no invite pins it."""
        audit = self._audits.get(coordinator or "")
        keys = audit.cursor.keys if audit else ()
        root = next((one.public for one in keys if one.role == Role.ROOT), None)
        if root is None or coordinator is None:
            return None
        return Invite(
            federation=coordinator.split("/")[0], origin=coordinator, root=root.hex(), urls=[]
        )

    async def _discover(self) -> tuple[dict[str, str], str | None]:
        found = await discover(self._fetch, self._url)
        paths = (found.log, *found.mirrors)
        origins = {f"{found.federation}/{path.removeprefix('/log/')}": path for path in paths}
        return origins, found.coordinator

    async def _audit_log(self, auditor: Auditor, origin: str, path: str) -> LogReport:
        base = self._url + path
        try:
            note = (await self._fetch.get(f"{base}/checkpoint", limit=MAX_CHECKPOINT)).body
            size = parse_checkpoint_text(parse_note(note).text).size
            root_key = self._root_key(auditor, origin) or await self._served_root(base, size)
        except SoproError as error:
            return LogReport(origin, problems=[str(error)])
        audit = self._audits[origin] = auditor.begin(origin, root_key)
        try:
            async for number, bundle in self._bundles(base, size):
                audit.explain(await self._explain(base, origin, number, bundle, size))
                audit.feed(bundle.items, _rows(bundle))
                self._progress(origin, audit.report.entries, size)
        except SoproError as error:
            audit.problems.add("entries", str(error))
        audit.finish()
        audit.open_head(note)
        if audit.report.entries == size:
            await self._check_tiles(base, audit)
        return audit.close()

    def _root_key(self, auditor: Auditor, origin: str) -> bytes | None:
        if self._invite is not None and origin == self._invite.origin:
            self._report.trusted = "the invite file"
            return self._invite.root_key
        return auditor.directory.founding_root(origin)

    async def _served_root(self, base: str, size: int) -> bytes:
        """Take a log's root key from its own entry 0; only its holder could have signed that."""
        width = min(size, WIDTH)
        url = f"{base}/{bundle_path(index=0, width=max(width, 1))}"
        bundle = parse_bundle(
            (await self._fetch.get(url, limit=MAX_BUNDLE)).body, index=0, width=width
        )
        if not bundle.items or not isinstance(bundle.items[0], bytes):
            raise FormatError(f"{base}: entry 0 is not served")
        _, body = read_record(parse_entry(bundle.items[0]).record, READERS)
        if not isinstance(body, site_keys.Body):
            raise FormatError(f"{base}: entry 0 does not name the site's keys")
        self._report.trusted = self._report.trusted or (
            f"what the node serves: root key {body.root.hex()}; give --invite to pin it"
        )
        return body.root

    async def _explain(
        self, base: str, origin: str, number: int, bundle: Bundle, size: int
    ) -> list[Withholding]:
        """Read the records that withhold entries of a bundle; judging says whether they count."""
        found = []
        gaps = {
            number * WIDTH + place: item
            for place, item in enumerate(bundle.items)
            if isinstance(item, Withheld)
        }
        for index, (leaf, record) in gaps.items():
            self._withheld.setdefault(origin, set()).add(index)
            if record >= size:
                raise VerificationError(
                    f"entry {index} is withheld without a record under this head", code="wdh.gap"
                )
            at, place = divmod(record, WIDTH)
            item = (await self._bundle(base, at, size)).items[place]
            data = item if isinstance(item, bytes) else b""
            found.append(
                open_withholding(data, origin=origin, index=index, leaf=leaf, record=record)
            )
        return found

    async def _bundle(self, base: str, number: int, size: int) -> Bundle:
        width = min(WIDTH, size - number * WIDTH)
        url = f"{base}/{bundle_path(index=number, width=width)}"
        body = (await self._fetch.get(url, limit=MAX_BUNDLE)).body
        return parse_bundle(body, index=number, width=width)

    async def _bundles(self, base: str, size: int) -> AsyncIterator[tuple[int, Bundle]]:
        numbers = range(-(-size // WIDTH))

        for first in range(0, len(numbers), _AT_ONCE):
            window = numbers[first : first + _AT_ONCE]
            found = await asyncio.gather(*(self._bundle(base, number, size) for number in window))
            for number, bundle in zip(window, found, strict=True):
                yield number, bundle

    async def _check_tiles(self, base: str, audit: LogAudit) -> None:
        """Compare every hash tile and entry bundle with the entries that were judged."""
        resources = list(resources_of(audit.tree.size))
        for first in range(0, len(resources), _AT_ONCE):
            window = resources[first : first + _AT_ONCE]
            problems = await asyncio.gather(
                *(self._check_tile(base, audit, resource) for resource in window)
            )
            for problem in filter(None, problems):
                audit.problems.add("tiles", problem)
            done = min(first + _AT_ONCE, len(resources))
            self._progress(f"{audit.report.origin} tiles", done, len(resources))

    async def _check_tile(self, base: str, audit: LogAudit, resource: Resource) -> str | None:
        start = resource.index * WIDTH
        withheld = self._withheld.get(audit.report.origin, set())
        if resource.kind is Kind.ENTRIES and withheld & set(range(start, start + resource.width)):
            return await self._check_gone(f"{base}/{resource.path}")
        tree = audit.tree
        try:
            url = f"{base}/{resource.path}"
            body = (await self._fetch.get(url, limit=MAX_ENTRY_BUNDLE)).body
            if resource.kind is Kind.ENTRIES:
                entries = parse_entry_bundle(body, width=resource.width)
                found = b"".join(leaf_hash(data) for data in entries)
            else:
                found = body
        except SoproError as error:
            return f"{resource.path}: {error}"
        expected = b"".join(tree.hashes(resource.level, resource.index, resource.width))
        return None if found == expected else f"{resource.path}: not what the bundles hold"

    async def _check_gone(self, url: str) -> str | None:
        """An entry bundle cannot say that an entry is withheld, so it must be refused."""
        try:
            await self._fetch.get(url, limit=MAX_ENTRY_BUNDLE)
        except PeerError as error:
            return None if error.code == "hos.status" and " 410" in str(error) else str(error)
        except SoproError as error:
            return str(error)
        return f"{url}: an entry of it is withheld, and it is served"


class _Answers:
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


def _rows(bundle: Bundle) -> list[DocumentRow]:
    return [
        DocumentRow(one.position, one.number, 0, one.key, one.content) for one in bundle.documents
    ]
