"""`/api/v1/office/imports`: an officer takes an existing register over (SPEC OFC-11)."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from sopro_node import clock
from sopro_node.acting import DAYS_KEPT, MAX_ANSWERS, Named
from sopro_node.importing.fields import Kind
from sopro_node.importing.mapping import read_mapping
from sopro_node.importing.mapping_parts import MAX_HEADER_LINE
from sopro_node.importing.narrowing import narrow
from sopro_node.imports.files import MAX_FILE, ImportFile, check_name
from sopro_node.imports.jobs import ImportJob, State, new_job
from sopro_node.imports.orders import GuessOrder, ImportOrder
from sopro_node.keyring import load_import_key
from sopro_node.node import Node
from sopro_node.officers import Officer
from sopro_node.store.accounts import AnswerRow
from sopro_node.taking_rows import ROLES, have_done, line_of
from sopro_node.web.bodies import read_body
from sopro_node.web.forms import FORM, FormFile, pieces_of
from sopro_node.web.office_api import MAX_BODY, PREFIX, answer_office, read_told
from sopro_node.web.once import KEY_SENT, REPLAYED, Once, named_by
from sopro_node.web.operations import (
    Answering,
    Asked,
    Body,
    Operation,
    free_text,
    one_of,
    routes_of,
    text_like,
    whole_number,
)
from sopro_node.web.signing_in import Door

_SECONDS: Final = 900.0
_GUESS_SECONDS: Final = 90.0
_DAY: Final = 24 * 60 * 60 * 1000
_BYTES: Final = {"type": "string", "format": "binary"}
_TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "application/octet-stream": _BYTES,
    "application/vnd.ms-excel": _BYTES,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _BYTES,
    "text/csv": _BYTES,
    FORM: {"type": "object", "required": ["file"], "properties": {"file": _BYTES}},
}
_PAGE: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
_FORMS: Final = {"json": "application/json", "html": "text/html", "md": "text/markdown"}

_NAME: Final = free_text("name", "name of the file, as the report and the trail have it", most=200)
_FILE: Final = text_like("file", "the id of a file", "[0-9a-f]{32}", example="00" * 16)
_IMPORT: Final = text_like("import", "the id of an import", "[0-9a-f]{32}", example="00" * 16)
_KIND: Final = one_of("kind", "what its rows are; every kind it may hold", [*map(str, Kind)])
_SHEET: Final = free_text("sheet", "of a workbook, if not the first with a table", most=200)
_ENCODING: Final = free_text("encoding", "of a CSV file, if not the one that is found", most=40)
_HEADER: Final = whole_number(
    "header_line", "the line with the names of the columns", least=1, most=MAX_HEADER_LINE
)
_FORM_OF: Final = one_of("form", "of the report: html for people, md; json otherwise", [*_FORMS])


class ImportFiles(Struct, frozen=True):
    """Files that can be imported, the latest first."""

    files: list[ImportFile]


class GuessedMapping(Struct, frozen=True):
    """A mapping as TOML, to be corrected by hand, and what a person should know of it."""

    mapping: str
    remarks: list[str]


class ImportAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be imported.

    Attributes:
        file: id of the file.
        kind: what its rows are.
        mapping: as TOML; left out where the columns are named like the fields.
        dry_run: change nothing, and say what would become of every row.
        where: only these rows: columns with the values that are asked for.
        only: the same by fields, as they are read.
    """

    file: str
    kind: Literal[
        "organisations", "offerings", "decisions", "applications", "evaluations", "complaints"
    ]
    mapping: str | UnsetType = UNSET
    dry_run: bool = False
    where: dict[str, list[str]] = {}
    only: dict[str, list[str]] = {}


class ImportBegun(Struct, frozen=True):
    """An import that has begun: its id, and what it is of."""

    number: str = msgspec.field(name="import")
    file: str
    kind: str
    dry_run: bool


class ImportJobs(Struct, frozen=True):
    """Imports that are told of here, the latest first."""

    imports: list[ImportJob]


class Dropped(Struct, frozen=True):
    """What is here no more: its id."""

    dropped: str


class ImportsApi:
    """Handlers of what an officer who takes a register over has done and asks."""

    def __init__(self, node: Node, *, door: Door, once: Once) -> None:
        self._node = node
        self._imports = node.imports
        self._door = door
        self._once = once

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return routes_of(self.operations())

    def operations(self) -> list[Operation]:
        """List what can be had done, and what can be asked."""
        files, jobs = f"{PREFIX}/imports/files", f"{PREFIX}/imports"
        file, job = f"{files}/{{file}}", f"{jobs}/{{import}}"
        guess = (_KIND, _HEADER, _SHEET, _ENCODING)
        return [
            _operation(
                files, self.send_file, (_NAME,), method="POST", body=Body(_TYPES),
                answer=ImportFile, status=201, seconds=_SECONDS,
            ),
            _operation(files, self.list_files, answer=ImportFiles),
            _operation(file, self.drop_file, inside=(_FILE,), method="DELETE", answer=Dropped),
            _operation(
                f"{file}/mapping", self.guess_mapping, guess, inside=(_FILE,), answer=GuessedMapping
            ),
            _operation(
                jobs, self.begin_import, method="POST", body=Body(told=ImportAsked),
                answer=ImportBegun, headers=(KEY_SENT,), status=202,
            ),
            _operation(jobs, self.list_imports, answer=ImportJobs),
            _operation(job, self.describe_import, inside=(_IMPORT,), answer=ImportJob),
            _operation(job, self.drop_import, inside=(_IMPORT,), method="DELETE", answer=Dropped),
            _operation(
                f"{job}/stop", self.stop_import, inside=(_IMPORT,), method="POST", answer=ImportJob
            ),
            _operation(f"{job}/report", self.report_import, (_FORM_OF,), inside=(_IMPORT,)),
            _operation(
                f"{job}/bad-rows", self.list_bad_rows, inside=(_IMPORT,), media="text/csv"
            ),
        ]  # fmt: skip

    # Files.

    async def send_file(self, request: web.Request, asked: Asked) -> web.Response:
        """Keep a register for a day, to be imported: xlsx or CSV, as the body or in a form.

        It is at most 256 MiB. A form has it as its first part, named `file`.
        """
        officer = self._door.admit(request, ROLES)
        if request.content_type not in _TYPES:
            raise web.HTTPUnsupportedMediaType
        pieces: AsyncIterator[bytes] = pieces_of(request, limit=MAX_FILE)
        said = ""
        if request.content_type == FORM:
            form = FormFile(request, pieces, name="file")
            await form.open()
            pieces, said = form.content(), form.file_name
        name = check_name(asked["name"] or said or "register")
        file = await self._imports.files.keep(pieces, name=name, officer=officer.name)
        return _answer(file, status=201)

    async def list_files(self, request: web.Request, _asked: Asked) -> web.Response:
        """List the registers that wait to be imported, the latest first."""
        self._door.admit(request, ROLES)
        return _answer(ImportFiles(self._imports.files.all()))

    async def drop_file(self, request: web.Request, asked: Asked) -> web.Response:
        """Drop a register that has been imported."""
        self._door.admit(request, ROLES)
        self._imports.drop_file(asked["file"])
        return _answer(Dropped(asked["file"]))

    async def guess_mapping(self, request: web.Request, asked: Asked) -> web.Response:
        """Guess which column is which field: a mapping as TOML, to be corrected by hand."""
        self._door.admit(request, ROLES)
        file = self._imports.files.get(asked["file"])
        order = GuessOrder(
            name=file.name,
            kind=asked["kind"],
            header_line=asked["header_line"] or 0,
            sheet=asked["sheet"],
            encoding=asked["encoding"],
        )
        return _answer(await self._imports.guess(file, order))

    # Imports.

    async def begin_import(self, request: web.Request, _asked: Asked) -> web.Response:
        """Begin to bring the rows of a register in, or to say what would become of them.

        It goes on by itself, one at a time; `GET .../imports/IMPORT` tells how far it is. Begun
        again it appends only what is new or has changed. For the role registrar.
        """
        officer = self._door.admit(request, ROLES)
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        data = await read_body(request, limit=MAX_BODY)
        named = named_by(request, data)
        told: ImportAsked = read_told(_ASKED, data)

        async def work() -> bytes:
            return await self._begin(told, officer, request.remote or "", named)

        if named is None:
            return answer_office(await self._once.whole(work()), status=202)
        answer, is_new = await self._once.do(officer.name, named, work)
        return answer_office(answer, status=202, headers={} if is_new else REPLAYED)

    async def _begin(
        self, told: ImportAsked, officer: Officer, remote: str, named: Named | None
    ) -> bytes:
        node, kind = self._node, Kind(told.kind)
        file = self._imports.files.get(told.file)
        mapping = "" if told.mapping is UNSET else told.mapping
        found = read_mapping(mapping, kind, where="mapping") if mapping else None
        narrow(found, kind, where=told.where, only=told.only)
        order = ImportOrder(
            name=file.name,
            kind=kind.value,
            mapping=mapping,
            where=told.where,
            only=told.only,
            is_dry=told.dry_run,
            secret=load_import_key(node.folder),
            folder="",
        )
        job = new_job(file, kind=kind.value, is_dry=told.dry_run, officer=officer.name)

        async def call(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
            return await have_done(node, name, values, officer=officer.name, remote=remote)

        self._imports.begin(job, order, call)
        answer = msgspec.json.encode(
            ImportBegun(job.number, job.file, job.kind, dry_run=job.dry_run)
        )
        if named is not None:
            await self._keep_answer(officer.name, named, answer)
        return answer

    async def _keep_answer(self, officer: str, named: Named, answer: bytes) -> None:
        node, now = self._node, clock.now()

        def keep() -> None:
            with node.store.transaction():
                node.store.accounts.put_answer(
                    AnswerRow(officer, named.key, named.request, now, answer),
                    most=MAX_ANSWERS,
                    oldest=now - DAYS_KEPT * _DAY,
                )

        await node.writer.run(keep)

    async def list_imports(self, request: web.Request, _asked: Asked) -> web.Response:
        """List the imports of the last week, the latest first."""
        self._door.admit(request, ROLES)
        return _answer(ImportJobs([self._told(one) for one in self._imports.all()]))

    async def describe_import(self, request: web.Request, asked: Asked) -> web.Response:
        """Say how an import stands, how far it is, and what has come of it."""
        self._door.admit(request, ROLES)
        return _answer(self._told(self._imports.get(asked["import"])))

    async def stop_import(self, request: web.Request, asked: Asked) -> web.Response:
        """End an import that is under way; what it has brought in stays."""
        self._door.admit(request, ROLES)
        stopped = await self._once.whole(self._imports.stop(asked["import"]))
        return _answer(self._told(stopped))

    async def drop_import(self, request: web.Request, asked: Asked) -> web.Response:
        """Drop the reports of an import that has ended; what it has brought in stays."""
        self._door.admit(request, ROLES)
        self._imports.drop(asked["import"])
        return _answer(Dropped(asked["import"]))

    async def report_import(self, request: web.Request, asked: Asked) -> web.Response:
        """Say what came in and what did not, and why; as a page with `form=html`."""
        self._door.admit(request, ROLES)
        form = asked["form"] or "json"
        report = self._imports.report(asked["import"], form)
        return _file(report, _FORMS[form])

    async def list_bad_rows(self, request: web.Request, asked: Asked) -> web.Response:
        """Return the rows that did not come in, with the reason before each of them."""
        self._door.admit(request, ROLES)
        return _file(self._imports.bad_rows(asked["import"]), "text/csv")

    def _told(self, job: ImportJob) -> ImportJob:
        """Add what the trail says of an import that changes the register."""
        if job.dry_run or job.state is State.RUNNING:
            return job
        return msgspec.structs.replace(job, trail=line_of(self._node, job))


_ASKED: Final = msgspec.json.Decoder(ImportAsked)


def _operation(path: str, handler: Answering, query: Any = (), **told: Any) -> Operation:
    return Operation(path, handler, query, is_public=False, is_signed=True, **told)


def _answer(value: object, *, status: int = 200) -> web.Response:
    return answer_office(msgspec.json.encode(value), status=status)


def _file(content: bytes, media: str) -> web.Response:
    """Answer with what was made of somebody's file: a page of it can do nothing."""
    return web.Response(
        body=content,
        content_type=media,
        charset=None if media == "application/json" else "utf-8",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **_PAGE},
    )
