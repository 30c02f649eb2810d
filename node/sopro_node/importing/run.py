"""An import from the first row to the last: read, sort by key, plan, append in batches.

While one batch is being appended the next is planned; the rows of one key are never in two
batches, so no plan depends on what is under way. Whatever was appended before an interruption is
found again by the next run.
"""

import asyncio
import errno
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sopro_node import clock
from sopro_node.importing.assessed import Assessed
from sopro_node.importing.cells import CellReader
from sopro_node.importing.fields import ASSESSED, Kind
from sopro_node.importing.header import find_header
from sopro_node.importing.lives import plan_label
from sopro_node.importing.mapping import check_header, plain_columns, plain_mapping
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_node.importing.opening import hash_source, open_source
from sopro_node.importing.organisations import Organisations, is_of_organisations
from sopro_node.importing.plan import (
    FAMILY_OF,
    REFERS_TO,
    Known,
    Planned,
    Verdict,
    entity_of,
    known_of,
    plan_thing,
)
from sopro_node.importing.report import Fate, Report
from sopro_node.importing.rows import BadRows, Row, Source, is_of_bad_rows
from sopro_node.importing.sameness import why_another, why_another_offering
from sopro_node.importing.sieve import Sieve
from sopro_node.importing.spool import Spool, Spooled
from sopro_node.importing.standing import plan_standing
from sopro_protocol.errors import FormatError, RefusedError, StorageFullError
from sopro_registry.fields import format_day

BATCH: Final = 500
MAX_TOLD: Final = 20
_MOST_SHOWN: Final = 60
_MOST_NAMED: Final = 255
_RULE_CODES: Final = "lbl."

Call = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be imported, and who hears of it.

    Attributes:
        kind: what the rows are.
        path: of the file.
        mapping: None where the columns are named like the fields.
        bad: where bad rows go.
        tell: hears of rows that did not go in.
        progress: hears of the phase, what is done of it and how much there is.
        is_dry: change nothing, and say what would become of every row.
        most_rows: the file may have; 0 for any number.
    """

    kind: Kind
    path: Path
    mapping: SourceMapping | None
    bad: Path
    tell: Callable[[str], None]
    progress: Callable[[str, int, int], None]
    is_dry: bool = False
    most_rows: int = 0


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
        self._bad = bad
        self._spool = spool
        self._told = 0
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
        self._organisations = Organisations(call, secret) if is_of_organisations(job.kind) else None
        self._assessed = (
            Assessed(job.kind, call, secret, is_dry=job.is_dry) if job.kind in ASSESSED else None
        )

    async def run(self) -> Report:
        began = time.monotonic()
        identity = await self._call("identity", {})
        if identity["coordinator"]:
            raise RefusedError(
                "this is the coordination node; registers are those of the sites, import there",
                code="mem.inactive",
            )
        if self._job.mapping is None:
            self._tell_unknown()
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
        self._tell_rest()
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
                self._fail(row.line, row.cells, row.problem)
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
            self._tell(row.line, f"{problem}; left out")
        self.report.identify(row.line, reading)
        if self._organisations is not None:
            self._organisations.add(row.line, reading)
        if reading.key and (reading.item or self._job.kind is Kind.DECISIONS):
            self._spool.add(row, reading)
        else:
            self._fail(row.line, row.cells, "; ".join(reading.problems))

    # Appending.

    async def _append_all(self) -> None:
        under_way: asyncio.Task[None] | None = None
        done = 0
        try:
            for groups in _batches(self._spool.groups()):
                planned = await self._plan(groups)
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

    async def _plan(self, groups: Sequence[list[Spooled]]) -> list[Planned]:
        kind = self._job.kind
        if self._assessed is not None:
            return await self._assessed.plan(groups)
        keys = [_first(rows) for rows in groups]
        entities = [entity_of(self._secret, FAMILY_OF[kind], key) for key, _ in keys]
        known = await self._known(entities, with_content=True)
        refers = REFERS_TO.get(kind)
        referred = [entity_of(self._secret, refers, key) for _, key in keys] if refers else []
        there = await self._known(list(dict.fromkeys(referred)), with_content=False)
        planned: list[Planned] = []
        for number, rows in enumerate(groups):
            held = known.get(entities[number])
            is_referred = not refers or referred[number] in there
            if kind is Kind.DECISIONS:
                plan = plan_label if self._mapping.columns_of("order") else plan_standing
                found = plan(rows, held, secret=self._secret, is_referred=is_referred)
            else:
                found = plan_thing(
                    kind,
                    rows,
                    held,
                    secret=self._secret,
                    takes_first=self._mapping.repeated_keys == "first",
                    is_referred=is_referred,
                )
            for one in found if held is not None else ():
                one.is_change = True
                self._judge_sameness(one, held)
            planned += found
        return planned

    def _judge_sameness(self, one: Planned, held: Known | None) -> None:
        """Hold back what would take over an organisation or offering of somebody else."""
        item, reasons = one.row.item, self._mapping.changed_keys
        if held is None or one.draft is None or item is None:
            return
        if self._job.kind is Kind.ORGANISATIONS:
            reason, is_sure = why_another(item, held, reasons)
        elif self._job.kind is Kind.OFFERINGS:
            whose = one.draft["values"]["organisation"]
            reason, is_sure = why_another_offering(item, whose, held, reasons)
        else:
            return
        if is_sure:
            one.verdict, one.reason, one.draft = Verdict.BAD, reason, None
        else:
            one.remark = reason

    async def _known(self, entities: list[bytes], *, with_content: bool) -> dict[bytes, Known]:
        if not entities:
            return {}
        asked = {
            "entities": entities,
            "with_body": with_content,
            "with_decisions": with_content and self._job.kind is Kind.DECISIONS,
        }
        answer = await self._call("entities", asked)
        return {
            entity: known_of(row)
            for entity, row in zip(entities, answer["rows"], strict=True)
            if row is not None
        }

    async def _append(self, planned: Sequence[Planned]) -> None:
        drafts = [draft for one in planned for draft in one.drafts]
        outcomes = iter(await self._hand_in(drafts) if drafts else ())
        for one in planned:
            told = [next(outcomes) for _ in one.drafts]
            self._count(one, next((each for each in told if each.get("code")), {}))

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

    def _count(self, one: Planned, outcome: Mapping[str, Any]) -> None:
        row, code = one.row, str(outcome.get("code", ""))
        if one.remark:
            self.report.remark(row.line, one.remark)
        if code == "mem.inactive":
            raise RefusedError(
                f"{outcome['error']}; a site imports once it is admitted and has synced "
                "('sopro join', then 'sopro sync')",
                code=code,
            )
        if one.verdict is Verdict.REFUSED or code.startswith(_RULE_CODES):
            self.summary.refused += 1
            self.summary.forbidden += not one.is_expected
            reason = self._place(one, outcome.get("error", one.reason))
            self._keep(row.line, row.cells, Fate.REFUSED, reason)
        elif one.verdict is Verdict.BAD or code:
            again = "; it has changed meanwhile, import again" if outcome.get("is_conflict") else ""
            reason = one.reason or f"{outcome['error']}{again}"
            self._fail(row.line, row.cells, self._place(one, reason))
        elif one.verdict is Verdict.UNCHANGED:
            self.summary.unchanged += 1
        else:
            self.summary.appended += 1
            is_change = one.is_change or bool(one.drafts and one.drafts[0]["seen"])
            self.summary.changed += is_change
            self.summary.new += not is_change

    # What did not go in.

    def _tell_unknown(self) -> None:
        """Name the columns that no field is called like: one of them may be mistyped."""
        unknown = [repr(name[:_MOST_SHOWN]) for name in self.report.unused]
        if unknown:
            known = ", ".join(plain_columns(self._job.kind))
            self._job.tell(
                f"{self._job.path}: left aside, because no field has such a name: "
                f"{', '.join(unknown[:MAX_TOLD])}; fields: {known}"
            )

    def _place(self, one: Planned, reason: str) -> str:
        """Say in which column, and with which value, what is wrong with a row is."""
        if reason.startswith("column "):
            return reason
        columns = self._mapping.columns_of(one.field) or self._mapping.columns_of("key")
        if one.field == "status" and one.row.item is not None and one.row.item.status[0]:
            columns = (one.row.item.status[0],)
        cells = dict(zip(self._source.header, one.row.cells, strict=False))
        places = [f"column {name!r}, value {cells.get(name, '')[:80]!r}" for name in columns]
        return f"{' and '.join(places)}: {reason}"

    def _fail(self, line: int, cells: list[str], reason: str) -> None:
        self.summary.bad += 1
        self._keep(line, cells, Fate.BAD, reason)

    def _keep(self, line: int, cells: list[str], fate: Fate, reason: str) -> None:
        """Tell of a row that does not go in, and write it down unless nothing is to be changed."""
        self.report.tell(line, fate, reason)
        text = f"refused: {reason}" if fate is Fate.REFUSED else reason
        if not self._job.is_dry:
            self._bad.add(cells, f"line {line}: {text}")
        self._tell(line, text)

    def _tell(self, line: int, text: str) -> None:
        self._told += 1
        if self._told <= MAX_TOLD:
            self._job.tell(f"{self._job.path}:{line}: {text}")

    def _tell_rest(self) -> None:
        if self._told > MAX_TOLD:
            self._job.tell(f"... and {self._told - MAX_TOLD} more")


def _first(rows: Sequence[Spooled]) -> tuple[list[str], list[str]]:
    """Return the key of a group and of what its rows refer to, from the first one understood."""
    for row in rows:
        if row.item is not None:
            return row.item.key, row.item.reference
    return [], []


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


def free_bad_path(path: Path, folder: Path) -> Path:
    """Name a file for bad rows in a folder that overwrites none.

    Raises:
        FormatError: the folder is full of them.
    """
    for number in range(1, 1000):
        name = f"{path.stem}.bad{'' if number == 1 else f'.{number}'}.csv"
        if not (folder / name).exists():
            return folder / name
    raise FormatError(f"{folder}: holds 999 files of bad rows of {path.name}; clear it up")
