"""An import from the first row to the last: read, sort by key, plan, append in batches.

While one batch is being appended the next is planned; the rows of one key are never in two
batches, so no plan depends on what is under way. Whatever was appended before an interruption is
found again by the next run.
"""

import asyncio
import errno
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from sopro_node import clock
from sopro_node.importing.assessed import Assessed
from sopro_node.importing.cells import CellReader
from sopro_node.importing.fates import Fates
from sopro_node.importing.fields import ASSESSED, Kind
from sopro_node.importing.header import find_header
from sopro_node.importing.job import Job
from sopro_node.importing.mapping import plain_mapping
from sopro_node.importing.mapping_checks import check_header
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_node.importing.opening import hash_source, open_source
from sopro_node.importing.organisations import Organisations, is_of_organisations
from sopro_node.importing.plan import (
    Planned,
)
from sopro_node.importing.planning import Call, Planner
from sopro_node.importing.report import Fate, Report
from sopro_node.importing.rows import BadRows, Row, Source, is_of_bad_rows
from sopro_node.importing.sieve import Sieve
from sopro_node.importing.spool import Spool, Spooled
from sopro_protocol.errors import FormatError, RefusedError, StorageFullError
from sopro_registry.fields import format_day

BATCH: Final = 500
_MOST_NAMED: Final = 255


async def run_import(job: Job, call: Call, *, secret: bytes) -> Report:
    """Bring the rows of a file into the log of the node that `call` reaches; say what came of it.

    Raises:
        FormatError: the file or the mapping cannot be used at all.
        RefusedError: the site has not been admitted to a federation.
        StorageFullError: the disk is full; it says how many rows are in.
    """
    source = open_source(job.path, job.mapping)
    with closing(source), closing(BadRows(job.bad, source)) as bad, closing(Spool()) as spool:
        work = _Import(job, call, secret, source=source, bad=bad, spool=spool)
        try:
            return await work.run()
        except (StorageFullError, OSError) as error:
            if not isinstance(error, StorageFullError) and error.errno != errno.ENOSPC:
                raise
            raise StorageFullError(
                f"the disk is full: {work.summary.appended} rows are in and stay, the others are "
                "not; free some space and import the same file again"
            ) from None


def _mapping_for(job: Job, source: Source) -> SourceMapping:
    """Return the mapping, or the one of columns that are named like fields, for that header."""
    try:
        mapping = job.mapping or plain_mapping(source.header, job.kind)
        check_header(mapping, source.header, where=str(job.path))
    except FormatError as error:
        raise FormatError(f"{error}{_hint_header(job)}") from None
    return mapping


def _hint_header(job: Job) -> str:
    """Say which line looks like the header, where another is read as it and nobody said so."""
    if job.mapping is not None and (job.mapping.header_line or job.mapping.sheet):
        return ""
    found = find_header(job.path)
    if found.above is None:
        return ""
    line = found.line
    return f"; line {line} looks like the header: write 'header_line = {line}' into the mapping"


class _Import:
    def __init__(
        self, job: Job, call: Call, secret: bytes, *, source: Source, bad: BadRows, spool: Spool
    ) -> None:
        self._job = job
        self._mapping = _mapping_for(job, source)
        self._call = call
        self._secret = secret
        self._source = source
        self._spool = spool
        self._sha256 = hash_source(job.path)
        self._line: Mapping[str, Any] = {}
        used = self._mapping.used()
        own = source.header[is_of_bad_rows(source) :]
        self.report = Report(
            job.kind,
            job.path.name,
            is_dry=job.is_dry,
            recognised=source.recognised,
            used=used,
            unused=[name for name in own if name not in used],
        )
        self.summary = self.report.summary
        self._fates = Fates(job, self._mapping, source, bad=bad, report=self.report)
        self._organisations = Organisations(call, secret) if is_of_organisations(job.kind) else None
        self._assessed = (
            Assessed(job.kind, call, secret, is_dry=job.is_dry) if job.kind in ASSESSED else None
        )

        self._planner = Planner(job.kind, self._mapping, call, secret, assessed=self._assessed)

    async def run(self) -> Report:
        began = time.monotonic()
        identity = await self._call("identity", {})
        if identity["coordinator"]:
            raise RefusedError(
                "this is the coordination node; registers are those of the sites, import there",
                code="mem.inactive",
            )
        if self._job.mapping is None:
            self._fates.tell_unknown()
        reader = CellReader(
            self._job.kind,
            self._mapping,
            self._source.header,
            zone=identity["zone"],
            today=format_day(clock.today(identity["zone"])),
            has_days=self._source.has_days,
        )
        self._read_all(reader)
        self._check_unchanged()
        self.report.spellings = reader.spellings
        if self._organisations is not None:
            self.report.duplicates, self.report.not_compared = await self._organisations.compare()
        await self._append_all()
        if self._assessed is not None:
            self.report.new_people = self._assessed.new_people()
        self._fates.tell_rest()
        self.summary.seconds = round(time.monotonic() - began, 3)
        return self.report

    # Reading.

    def _read_all(self, reader: CellReader) -> None:
        sieve = Sieve(self._job.kind, self._mapping, self._source.header, reader)
        for number, row in enumerate(self._source.rows()):
            if number == self._job.most_rows > 0:
                raise FormatError(
                    f"{self._job.path}: more than {number} rows; split the file, and import its "
                    "parts one after the other"
                )
            if row.problem:
                self.summary.read += 1
                self._fates.fail(row.line, row.cells, row.problem)
            elif sieve.is_asked_for(row.cells):
                for cells in sieve.parts(row.cells):
                    if reason := sieve.why_not(cells):
                        self.report.skip(reason)
                    else:
                        self._read_row(row._replace(cells=cells), reader)
            if not number & 1023:
                self._job.progress("reading", self._source.position(), self._source.size)

    def _check_unchanged(self) -> None:
        """Refuse rows of a file that is not the one whose hash the trail will have."""
        if hash_source(self._job.path) != self._sha256:
            raise FormatError(
                f"{self._job.path}: was written to while it was being read; nothing was imported, "
                "import it again when nobody writes to it"
            )

    def _read_row(self, row: Row, reader: CellReader) -> None:
        self.summary.read += 1
        reading = reader.read(row.cells)
        for problem in reading.left_out:
            self.summary.left_out += 1
            self.report.tell(row.line, Fate.LEFT_OUT, problem)
            self._fates.tell(row.line, f"{problem}; left out")
        self.report.identify(row.line, reading)
        if self._organisations is not None:
            self._organisations.add(row.line, reading)
        if reading.key and (reading.item or self._job.kind is Kind.DECISIONS):
            self._spool.add(row, reading)
        else:
            self._fates.fail(row.line, row.cells, "; ".join(reading.problems))

    # Appending.

    async def _append_all(self) -> None:
        under_way: asyncio.Task[None] | None = None
        done = 0
        try:
            for groups in _batches(self._spool.groups()):
                planned = await self._planner.plan(groups)
                if under_way is not None:
                    await under_way
                done += len(planned)
                self._job.progress("appending", done, self._spool.count)
                under_way = asyncio.create_task(self._append(planned))
            if under_way is not None:
                await under_way
        finally:
            if under_way is not None and not under_way.done():
                under_way.cancel()

    async def _append(self, planned: Sequence[Planned]) -> None:
        drafts = [draft for one in planned for draft in one.drafts]
        outcomes = iter(await self._hand_in(drafts) if drafts else ())
        for one in planned:
            told = [next(outcomes) for _ in one.drafts]
            self._fates.count(one, next((each for each in told if each.get("code")), {}))

    async def _hand_in(self, drafts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Have drafts appended, with the import they are of, or judged only in a dry run."""
        if self._job.is_dry:
            return list((await self._call("rehearse", {"drafts": drafts}))["outcomes"])
        name = self._job.path.name.encode("utf-8", "backslashreplace").decode()
        source = {
            "file": name[:_MOST_NAMED],
            "kind": self._job.kind.value,
            "rows": self.summary.read,
            "sha256": self._sha256,
        }
        asked = {"drafts": drafts, "source": source, "line": self._line}
        answer = await self._call("import_rows", asked)
        self._line = answer["line"]
        return list(answer["outcomes"])


def _batches(groups: Iterator[list[Spooled]]) -> Iterator[list[list[Spooled]]]:
    """Put groups together until there are rows enough for one call."""
    batch: list[list[Spooled]] = []
    count = 0
    for group in groups:
        batch.append(group)
        count += len(group)
        if count >= BATCH:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch
