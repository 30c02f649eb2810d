"""Verifying everything a node serves, from outside: every log, every tile, every label's answer."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final

from sopro_node.audit.answers import Answers
from sopro_node.audit.forks import (
    Audited,
    check_evidence,
    compare_elsewhere,
    count_anchors,
    fetch_evidence,
)
from sopro_node.audit.judging import Auditor, LogAudit, check_continued
from sopro_node.audit.report import LogReport, Problems, Report
from sopro_node.discovery import discover
from sopro_node.fetch import Fetch
from sopro_node.gaps import explain_gaps
from sopro_node.identity import Invite
from sopro_node.peer import Peer
from sopro_node.reach import ANYWHERE, Reach, is_loopback_url
from sopro_node.reindex import Progress
from sopro_node.store.rows import DocumentRow
from sopro_node.target import MAX_CHECKPOINT
from sopro_protocol.bundle import MAX_BUNDLE, Bundle, Withheld, parse_bundle
from sopro_protocol.checkpoint import parse_checkpoint_text
from sopro_protocol.errors import FormatError, PeerError, SoproError
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
from sopro_registry.families import site_keys

_AT_ONCE: Final = 8


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
        answers = Answers(self._url, self._fetch, self._audits, auditor.directory, problems)
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
        peer = Peer(self._fetch, (self._url + path,))
        try:
            note = await peer.get("checkpoint", limit=MAX_CHECKPOINT)
            size = parse_checkpoint_text(parse_note(note).text).size
            root_key = self._root_key(auditor, origin) or await self._served_root(peer, size)
        except SoproError as error:
            return LogReport(origin, problems=[str(error)])
        audit = self._audits[origin] = auditor.begin(origin, root_key)
        try:
            async for number, bundle in _bundles(peer, size):
                gaps = list(_find_gaps(bundle, number))
                self._withheld.setdefault(origin, set()).update(index for index, _ in gaps)
                audit.explain(await explain_gaps(gaps, peer, origin=origin, size=size))
                audit.feed(bundle.items, _rows(bundle))
                self._progress(origin, audit.report.entries, size)
        except SoproError as error:
            audit.problems.add("entries", str(error))
        audit.finish()
        audit.open_head(note)
        if audit.report.entries == size:
            await self._check_tiles(peer, audit)
        return audit.close()

    def _root_key(self, auditor: Auditor, origin: str) -> bytes | None:
        if self._invite is not None and origin == self._invite.origin:
            self._report.trusted = "the invite file"
            return self._invite.root_key
        return auditor.directory.founding_root(origin)

    async def _served_root(self, peer: Peer, size: int) -> bytes:
        """Take a log's root key from its own entry 0; only its holder could have signed that."""
        base, width = peer.bases[0], min(size, WIDTH)
        path = bundle_path(index=0, width=max(width, 1))
        bundle = parse_bundle(await peer.get(path, limit=MAX_BUNDLE), index=0, width=width)
        if not bundle.items or not isinstance(bundle.items[0], bytes):
            raise FormatError(f"{base}: entry 0 is not served")
        _, body = read_record(parse_entry(bundle.items[0]).record, READERS)
        if not isinstance(body, site_keys.Body):
            raise FormatError(f"{base}: entry 0 does not name the site's keys")
        self._report.trusted = self._report.trusted or (
            f"what the node serves: root key {body.root.hex()}; give --invite to pin it"
        )
        return body.root

    async def _check_tiles(self, peer: Peer, audit: LogAudit) -> None:
        """Compare every hash tile and entry bundle with the entries that were judged."""
        resources = list(resources_of(audit.tree.size))
        for first in range(0, len(resources), _AT_ONCE):
            window = resources[first : first + _AT_ONCE]
            problems = await asyncio.gather(
                *(self._check_tile(peer, audit, resource) for resource in window)
            )
            for problem in filter(None, problems):
                audit.problems.add("tiles", problem)
            done = min(first + _AT_ONCE, len(resources))
            self._progress(f"{audit.report.origin} tiles", done, len(resources))

    async def _check_tile(self, peer: Peer, audit: LogAudit, resource: Resource) -> str | None:
        start = resource.index * WIDTH
        withheld = self._withheld.get(audit.report.origin, set())
        if resource.kind is Kind.ENTRIES and withheld & set(range(start, start + resource.width)):
            return await _check_gone(peer, resource.path)
        tree = audit.tree
        try:
            body = await peer.get(resource.path, limit=MAX_ENTRY_BUNDLE)
            if resource.kind is Kind.ENTRIES:
                entries = parse_entry_bundle(body, width=resource.width)
                found = b"".join(leaf_hash(data) for data in entries)
            else:
                found = body
        except SoproError as error:
            return f"{resource.path}: {error}"
        expected = b"".join(tree.hashes(resource.level, resource.index, resource.width))
        return None if found == expected else f"{resource.path}: not what the bundles hold"


async def _bundles(peer: Peer, size: int) -> AsyncIterator[tuple[int, Bundle]]:
    async def ask(number: int) -> Bundle:
        width = min(WIDTH, size - number * WIDTH)
        body = await peer.get(bundle_path(index=number, width=width), limit=MAX_BUNDLE)
        return parse_bundle(body, index=number, width=width)

    numbers = range(-(-size // WIDTH))
    for first in range(0, len(numbers), _AT_ONCE):
        window = numbers[first : first + _AT_ONCE]
        found = await asyncio.gather(*map(ask, window))
        for number, bundle in zip(window, found, strict=True):
            yield number, bundle


def _find_gaps(bundle: Bundle, number: int) -> Iterator[tuple[int, Withheld]]:
    for position, item in enumerate(bundle.items, number * WIDTH):
        if isinstance(item, Withheld):
            yield position, item


async def _check_gone(peer: Peer, path: str) -> str | None:
    """An entry bundle cannot say that an entry is withheld, so it must be refused."""
    try:
        await peer.get(path, limit=MAX_ENTRY_BUNDLE)
    except PeerError as error:
        return None if error.code == "hos.status" and " 410" in str(error) else str(error)
    except SoproError as error:
        return str(error)
    return f"{peer.bases[0]}/{path}: an entry of it is withheld, and it is served"


def _rows(bundle: Bundle) -> list[DocumentRow]:
    return [
        DocumentRow(one.position, one.number, 0, one.key, one.content) for one in bundle.documents
    ]
