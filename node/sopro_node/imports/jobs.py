"""Imports that a serving node does: one at a time, each with what has been said of it on the disk.

What an import has brought in is in the log, and on the trail, in the transactions of its entries.
What is written here is for people: how far it is, and its reports. An import that was under way
when the node ended is told as interrupted; begun again, it brings in the rest.
"""

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from sopro_node import clock
from sopro_node.imports.files import ImportFile, ImportFiles, explain_full
from sopro_node.imports.orders import (
    BAD_ROWS,
    REPORTS,
    Failure,
    GuessOrder,
    ImportOrder,
    Progress,
    Told,
    failure_of,
)
from sopro_node.imports.process import Call, have_read
from sopro_node.keyring import write_private
from sopro_node.lock import DirectoryLock, lock_imports
from sopro_protocol.errors import ConflictError, NotFoundError, SoproError, UnavailableError

MAX_JOBS: Final = 50
DAYS_KEPT: Final = 7
GUESS_SECONDS: Final = 60.0
_DAY: Final = 24 * 60 * 60 * 1000
_MOST_SAID: Final = 100
_ABOUT: Final = "job.json"
_logger = logging.getLogger("sopro.imports")


class State(StrEnum):
    """How an import stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


class ImportJob(Struct, kw_only=True):
    """An import that an officer has had done.

    Attributes:
        number: its id.
        file: id of the file.
        name: of the file.
        sha256: of the file, in hex.
        kind: what its rows are.
        dry_run: whether it changes nothing.
        officer: who has it done.
        began: when, ms UTC.
        state: how it stands.
        ended: when, ms UTC.
        phase: that is under way.
        done: of the phase.
        total: of the phase.
        records: that have come of it so far.
        counts: of rows, at its end.
        said: lines for a person.
        problem: why it came to no end.
        trail: what the trail says of it.
    """

    number: str = msgspec.field(name="import")
    file: str
    name: str
    sha256: str
    kind: str
    dry_run: bool
    officer: str
    began: int
    state: State = State.RUNNING
    ended: int = 0
    phase: str = ""
    done: int = 0
    total: int = 0
    records: int = 0
    counts: dict[str, float] = {}
    said: list[str] = []
    problem: Failure | None = None
    trail: str = ""


class Imports:
    """Files that can be imported, and imports, of one site.

    Attributes:
        files: that officers have sent.
    """

    def __init__(self, folder: Path) -> None:
        self._site = folder
        self._folder = folder / "imports" / "jobs"
        self.files = ImportFiles(folder / "imports" / "files")
        self._current: ImportJob | None = None
        self._task: asyncio.Task[None] | None = None
        self._guessing = asyncio.Lock()

    # Guessing.

    async def guess(self, file: ImportFile, order: GuessOrder) -> dict[str, Any]:
        """Make a mapping of a file; one at a time, and not for ever.

        Raises:
            FormatError: the file cannot be read.
            UnavailableError: it takes too long.
        """
        place = self.files.place(file.file)
        async with self._guessing:
            try:
                async with asyncio.timeout(GUESS_SECONDS):
                    return await have_read(order, place, call=_call_nothing, hear=_hear_nothing)
            except TimeoutError:
                raise UnavailableError(
                    f"{file.name}: no mapping within {GUESS_SECONDS:g} s; send its first thousand "
                    "rows alone, and guess at them"
                ) from None

    # Importing.

    def begin(self, job: ImportJob, order: ImportOrder, call: Call) -> None:
        """Begin an import; it goes on by itself.

        Args:
            job: as it is told.
            order: for the process that reads the file; its `folder` is filled in here.
            call: does what the import asks of the node.

        Raises:
            UnavailableError: another one is under way, here or on the command line.
            StorageFullError: the disk is full.
        """
        lock = lock_imports(self._site)
        place = self._folder / job.number
        try:
            place.mkdir(mode=0o700, parents=True)
            write_private(place / _ABOUT, msgspec.json.encode(job))
        except BaseException as error:
            lock.release()
            shutil.rmtree(place, ignore_errors=True)
            raise explain_full(error, job.name) from None
        order = msgspec.structs.replace(order, folder=str(place.absolute()))
        self._current = job
        self._task = asyncio.create_task(self._work(job, order, call), name="import")
        self._task.add_done_callback(partial(self._finish, lock))

    async def _work(self, job: ImportJob, order: ImportOrder, call: Call) -> None:
        place = self.files.place(job.file)
        try:
            job.counts = await have_read(
                order, place, call=partial(_count, job, call), hear=partial(_hear, job)
            )
            job.state = State.DONE
        except SoproError as error:
            job.state, job.problem = State.FAILED, failure_of(error)
        self._end(job)

    def _finish(self, lock: DirectoryLock, task: "asyncio.Task[None]") -> None:
        """Let others import; what ended by a mistake of ours is told as interrupted."""
        lock.release()
        self._task = self._current = None
        if not task.cancelled() and (error := task.exception()) is not None:
            _logger.error("bug", exc_info=error)

    def _end(self, job: ImportJob) -> None:
        """Keep what came of an import."""
        job.ended = clock.now()
        self._write(job)
        _logger.info("import", extra={"state": job.state.value, "records": job.records})

    def _write(self, job: ImportJob) -> None:
        """Write anew what is told of an import."""
        place = self._folder / job.number
        part = place / f"{_ABOUT}.new"
        part.unlink(missing_ok=True)
        write_private(part, msgspec.json.encode(job))
        part.replace(place / _ABOUT)

    async def stop(self, number: str) -> ImportJob:
        """End an import that is under way; what it has brought in stays.

        Raises:
            NotFoundError: there is no such import.
            ConflictError: it has ended already.
        """
        job = self.get(number)
        if job is not self._current or self._task is None:
            raise ConflictError(f"import {number} is {job.state} already")
        self._task.cancel()
        await asyncio.wait([self._task])
        if job.state is State.RUNNING:
            job.state = State.STOPPED
            self._end(job)
        return job

    async def close(self) -> None:
        """Let what is under way go, as the node ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    # Questions.

    def all(self) -> list[ImportJob]:
        """List the imports that are told of here, the latest first."""
        found = [self._read(path.name) for path in self._folder.glob("*/")]
        return sorted(filter(None, found), key=lambda one: (-one.began, one.number))

    def get(self, number: str) -> ImportJob:
        """Return an import by its id, which is of hexadecimal digits.

        Raises:
            NotFoundError: there is none.
        """
        found = self._read(number)
        if found is None:
            raise NotFoundError(f"no import {number} is told of here; reports are kept for a week")
        return found

    def _read(self, number: str) -> ImportJob | None:
        if self._current is not None and self._current.number == number:
            return self._current
        try:
            data = (self._folder / number / _ABOUT).read_bytes()
            job = msgspec.json.decode(data, type=ImportJob)
        except (OSError, msgspec.DecodeError):
            return None
        if job.state is State.RUNNING:
            job.state = State.INTERRUPTED
        return job

    def report(self, number: str, form: str) -> bytes:
        """Return a report of an import: `json`, `html` or `md`.

        Raises:
            NotFoundError: there is none, or not yet.
        """
        job = self.get(number)
        names = {name.rpartition(".")[2]: name for name in REPORTS}
        with contextlib.suppress(OSError):
            return (self._folder / number / names[form]).read_bytes()
        raise NotFoundError(f"import {number} is {job.state}: its report is written at its end")

    def bad_rows(self, number: str) -> bytes:
        """Return the rows that an import could not take in, as CSV.

        Raises:
            NotFoundError: there are none.
        """
        job = self.get(number)
        with contextlib.suppress(OSError):
            return (self._folder / number / BAD_ROWS).read_bytes()
        raise NotFoundError(f"import {number} is {job.state}, and has written no bad rows")

    def drop(self, number: str) -> None:
        """Drop what is told of an import that has ended; what it has brought in stays.

        Raises:
            NotFoundError: there is no such import.
            ConflictError: it is under way.
        """
        if self.get(number) is self._current:
            raise ConflictError(f"import {number} is under way; stop it first")
        shutil.rmtree(self._folder / number, ignore_errors=True)

    def drop_old(self, *, now: int) -> int:
        """Drop what has been here for long, and what is too much; return how many files went."""
        for place, job in enumerate(self.all()):
            is_old = job.began < now - DAYS_KEPT * _DAY or place >= MAX_JOBS
            if is_old and job is not self._current:
                self.drop(job.number)
        return self.files.drop_old(now=now, spared=self._current.file if self._current else "")

    def drop_file(self, number: str) -> None:
        """Drop a file.

        Raises:
            NotFoundError: there is none.
            ConflictError: it is being imported.
        """
        file = self.files.get(number)
        if self._current is not None and self._current.file == number:
            raise ConflictError(f"{file.name} is being imported; stop that first")
        self.files.drop(file)


def new_job(file: ImportFile, *, kind: str, is_dry: bool, officer: str) -> ImportJob:
    """Make what is told of an import that begins now."""
    return ImportJob(
        number=os.urandom(16).hex(),
        file=file.file,
        name=file.name,
        sha256=file.sha256,
        kind=kind,
        dry_run=is_dry,
        officer=officer,
        began=clock.now(),
    )


async def _call_nothing(name: str, _values: Mapping[str, Any]) -> dict[str, Any]:
    raise NotFoundError(f"nobody answers {name!r} here")


def _hear_nothing(_said: Struct) -> None:
    pass


async def _count(
    job: ImportJob, call: Call, name: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Do what an import asks, and keep how many records have come of it."""
    answer = await call(name, values)
    if name == "import_rows":
        job.records = answer["line"]["records"]
    return answer


def _hear(job: ImportJob, said: Struct) -> None:
    if isinstance(said, Told):
        job.said = [*job.said, said.text][-_MOST_SAID:]
    elif isinstance(said, Progress):
        job.phase, job.done, job.total = said.phase, said.done, said.total
