"""What a node serves besides the logs themselves, compared with what was computed from them.

Counts, voids and key histories are compared in full; proofs and certificates, of which there is one
for every entry and label, by a sample: the first and the last, and some that nobody can foresee.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sopro_node.audit.judging import LogAudit
from sopro_node.audit.report import Problems
from sopro_node.fetch import Fetch
from sopro_node.identity import Invite
from sopro_node.target import MAX_KEYS, parse_keys
from sopro_protocol.checkpoint import parse_checkpoint_text
from sopro_protocol.errors import PeerError, SoproError
from sopro_protocol.merkle import check_inclusion, leaf_hash
from sopro_protocol.note import parse_note
from sopro_protocol.proof import MAX_PROOF_FILE, parse_proof
from sopro_protocol.tile import WIDTH
from sopro_registry.aggregate import UNKNOWN_YEAR
from sopro_registry.certificate import open_certificate
from sopro_registry.certificate_file import MAX_CERTIFICATE
from sopro_registry.fields import year_of
from sopro_registry.label import status_at
from sopro_registry.transfer import Course

SAMPLE: Final = 6
_MAX_JSON: Final = 16 * 1024 * 1024
_PAGE: Final = 500


def choose(things: Sequence[Any], chance: random.Random) -> list[Any]:
    """Take the first, the last and some between."""
    if len(things) <= SAMPLE:
        return list(things)
    return [things[0], *chance.sample(things[1:-1], SAMPLE - 2), things[-1]]


class Served:
    """Compares what one node serves with the audits of its logs."""

    def __init__(
        self,
        url: str,
        fetch: Fetch,
        audits: Mapping[str, LogAudit],
        *,
        day: int,
        trusted: Invite | None,
        problems: Problems,
    ) -> None:
        self._url = url
        self._fetch = fetch
        self._audits = audits
        self._day = day
        self._trusted = trusted
        self._problems = problems
        self._chance = random.SystemRandom()

    async def check(self, courses: Sequence[Course], sites: Iterable[Mapping[str, Any]]) -> None:
        """Compare everything.

        Args:
            courses: every label, as the logs say.
            sites: what the node answers as its counts, site by site.
        """
        for site in sites:
            self._check_counts(site, courses)
        for origin, audit in self._audits.items():
            base = self._url + "/log/" + origin.split("/", 1)[1]
            for what, check in (
                ("keys", self._check_keys),
                ("proof", self._check_proofs),
                ("voids", self._check_voids),
            ):
                try:
                    await check(base, audit)
                except SoproError as error:
                    self._problems.add(what, f"{origin}: {what}: {error}")
        numbers = [course.stages[0].label.number for course in courses]
        for number in choose(sorted(numbers), self._chance):
            await self._check_certificate(number)

    # Counts.

    def _check_counts(self, site: Mapping[str, Any], courses: Sequence[Course]) -> None:
        origin = site.get("computed_from", {}).get("origin")
        audit = self._audits.get(origin)
        if audit is None:
            return
        labels: dict[str, Counter[str]] = defaultdict(Counter)
        for course in courses:
            stage = course.at(self._day)
            status = status_at(stage.label.decisions, self._day)[0]
            if stage.origin == origin and (status or stage.undetermined):
                word = "undetermined" if stage.undetermined else status.word
                labels[_year(course.stages[0].label.decisions[0].effective)][word] += 1
        decisions: dict[str, Counter[str]] = defaultdict(Counter)
        for (action, year), count in audit.tables.counts.items():
            decisions[str(year) if year else UNKNOWN_YEAR][action] += count
        root = audit.tree.root_at(audit.cursor.projected).hex()
        expected = {
            "labels": _total(labels),
            "labels_by_year": _plain(labels),
            "decisions": _total(decisions),
            "decisions_by_year": _plain(decisions),
            "void": len(audit.tables.voids),
            "root": root,
        }
        answered = {**site, "root": site.get("computed_from", {}).get("root")}
        for what, value in expected.items():
            if answered.get(what) != value:
                self._problems.add(
                    "counts",
                    f"statistics: {what} of {origin}: answered {answered.get(what)}, "
                    f"the log says {value}",
                )

    # Logs.

    async def _check_keys(self, base: str, audit: LogAudit) -> None:
        body = (await self._fetch.get(f"{base}/keys", limit=MAX_KEYS)).body
        served = [(one[0], leaf_hash(one[1])) for one in parse_keys(body)]
        positions = audit.cursor.key_records
        if served[: len(positions)] != [(one, _leaf(audit, one)) for one in positions]:
            self._problems.add("keys", f"{base}/keys: not the key records of the log")

    async def _check_proofs(self, base: str, audit: LogAudit) -> None:
        for position in choose(range(audit.tree.size), self._chance):
            url = f"{base}/proof/{position}"
            body = (await self._fetch.get(url, limit=MAX_PROOF_FILE)).body
            try:
                proof = parse_proof(body)
                head = parse_checkpoint_text(parse_note(proof.checkpoint_note).text)
                check_inclusion(
                    _leaf(audit, position),
                    index=proof.index,
                    size=head.size,
                    proof=proof.hashes,
                    root=head.root,
                )
                is_right = proof.index == position and (
                    head.size > audit.tree.size or audit.tree.root_at(head.size) == head.root
                )
            except SoproError as error:
                self._problems.add("proof", f"{url}: {error}")
                continue
            if not is_right:
                self._problems.add("proof", f"{url}: of another entry or another log")

    async def _check_voids(self, _base: str, audit: LogAudit) -> None:
        path = audit.report.origin.split("/", 1)[1]
        url = f"{self._url}/api/v1/voids/{path}?limit={_PAGE}"
        answer = await self._get(url)
        if answer.get("computed_from", {}).get("size") != audit.cursor.projected:
            return
        expected = [
            {"index": index, "code": void.code, "message": void.message}
            for index, void in sorted(audit.tables.voids.items())
        ]
        if answer.get("voids") != expected[:_PAGE]:
            self._problems.add("voids", f"{url}: not the void entries that the log has")

    # Certificates.

    async def _check_certificate(self, number: str) -> None:
        url = f"{self._url}/api/v1/certificates/{number}"
        trusted = self._trusted
        if trusted is None:
            return
        try:
            data = (await self._fetch.get(url, limit=MAX_CERTIFICATE)).body
            opened = open_certificate(
                data,
                coordinator=trusted.origin,
                coordinator_root=trusted.root_key,
                day=self._day,
            )
        except PeerError as error:
            if " 503" not in str(error) and " 409" not in str(error):
                self._problems.add("certificate", f"{url}: {error}")
        except SoproError as error:
            self._problems.add("certificate", f"{url}: {error}")
        else:
            if opened.number != number:
                self._problems.add("certificate", f"{url}: of another label")

    async def _get(self, url: str) -> dict[str, Any]:
        body = (await self._fetch.get(url, limit=_MAX_JSON)).body
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        return found if isinstance(found, dict) else {}


def _leaf(audit: LogAudit, position: int) -> bytes:
    number, place = divmod(position, WIDTH)
    return audit.tree.leaves(number)[place]


def _year(day: int) -> str:
    return str(year_of(day)) if day else UNKNOWN_YEAR


def _total(by_year: Mapping[str, Counter[str]]) -> dict[str, int]:
    return {key: count for key, count in sum(by_year.values(), Counter[str]()).items() if count}


def _plain(by_year: Mapping[str, Counter[str]]) -> dict[str, dict[str, int]]:
    # What was corrected away leaves a zero, and no answer has those.
    found = {year: dict(+counts) for year, counts in by_year.items()}
    return {year: counts for year, counts in found.items() if counts}
