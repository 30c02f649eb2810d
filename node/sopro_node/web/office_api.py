"""`/api/v1/office`: a site's people at work, each act of the catalogue as a path (SPEC OFC)."""

import json
import logging
import os
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from sopro_node import (
    assessing,
    clock,
    complaining,
    inbox,
    labelled,
    officers,
    relating,
    transferring,
)
from sopro_node.acting import HOURS_WAITING, Actor, Done, perform
from sopro_node.acts.act import Act
from sopro_node.acts.catalogue import ACTS
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_node.store.accounts import UploadRow
from sopro_node.web.bodies import read_body
from sopro_node.web.office_reading import OfficeReading
from sopro_node.web.once import KEY_SENT, REPLAYED, Once, named_by
from sopro_node.web.operations import (
    Answering,
    Asked,
    Body,
    Operation,
    routes_of,
    whole_number,
)
from sopro_node.web.parameters import ENTITY, NUMBER
from sopro_node.web.problems import in_hex
from sopro_node.web.signing_in import Door
from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.record import MAX_DOCUMENT_SIZE
from sopro_registry.fields import format_day

PREFIX: Final = "/api/v1/office"
MAX_BODY: Final = 256 * 1024
MAX_UPLOADS: Final = 256
MAX_WAITING: Final = 256 * 1024 * 1024
_HOUR: Final = 60 * 60 * 1000
_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")
_HEADERS: Final = {"Cache-Control": "no-store"}
_BEFORE: Final = whole_number("before", "number of a line; what is older", least=1, most=2**48)
_LIMIT: Final = whole_number("limit", "how many at most", least=1, most=500, default=100)
_logger = logging.getLogger("sopro.office")


class Uploaded(msgspec.Struct, frozen=True):
    """A file that waits for its record: id, bytes, media type."""

    upload: str
    size: int
    type: str


class OfficeApi:
    """Handlers of what officers do and ask."""

    def __init__(self, node: Node, *, door: Door | None = None, once: Once | None = None) -> None:
        self._node = node
        self._door = door or Door(node)
        self._once = once or Once(node)

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return routes_of(self.operations())

    def operations(self) -> list[Operation]:
        """List the acts of the catalogue, and what can be asked."""
        return [
            *(self._operation(act) for act in ACTS.values()),
            Operation(
                f"{PREFIX}/uploads",
                self.upload_file,
                method="POST",
                body=Body({"application/octet-stream": {"type": "string", "format": "binary"}}),
                answer=Uploaded,
                is_public=False,
                is_signed=True,
                status=201,
            ),
            *(
                Operation(PREFIX + path, handler, query, inside, is_public=False, is_signed=True)
                for path, handler, query, inside in (
                    ("/me", self.say_who_asks, (), ()),
                    ("/applications", self.list_applications, (), ()),
                    ("/applications/{entity}", self.describe_application, (), (ENTITY,)),
                    ("/assessors", self.list_assessors, (), ()),
                    ("/complaints", self.list_complaints, (), ()),
                    ("/appeals", self.list_appeals, (), ()),
                    ("/inbox", self.list_what_waits, (), ()),
                    ("/transfers/offers", self.list_offers, (), ()),
                    ("/labels/{number:[Ss][Oo][Pp][Rr][Oo].+}", self.describe_label, (), (NUMBER,)),
                    ("/organisations/{entity}/relations", self.list_relations, (), (ENTITY,)),
                    ("/officers", self.list_officers, (), ()),
                    ("/trail", self.list_trail, (_BEFORE, _LIMIT), ()),
                )
            ),
            *OfficeReading(self._node, self._door).operations(PREFIX),
        ]

    # Acts.

    def _operation(self, act: Act) -> Operation:
        return Operation(
            PREFIX + act.path,
            self._handler(act),
            inside=(ENTITY,) if "{entity}" in act.path else (),
            answer=Done,
            method=act.method,
            body=Body(told=act.told),
            is_public=False,
            is_signed=True,
            headers=(KEY_SENT,),
            status=201,
        )

    def _handler(self, act: Act) -> Answering:
        decoder = msgspec.json.Decoder(act.told)

        async def handle(request: web.Request, asked: Asked) -> web.StreamResponse:
            officer = self._door.admit(request, act.roles)
            if request.content_type != "application/json":
                raise web.HTTPUnsupportedMediaType
            data = await read_body(request, limit=MAX_BODY)
            named = named_by(request, data)
            told = read_told(decoder, data)
            actor = Actor(officer.name, officer.person, request.remote or "")

            async def work() -> bytes:
                done = await perform(
                    self._node, act, told, entity=asked.get("entity"), actor=actor, named=named
                )
                _logger.info("act", extra={"act": act.name, "leaf_index": done.index})
                return msgspec.json.encode(done)

            if named is None:
                return answer_office(await self._once.whole(work()), status=201)
            answer, is_new = await self._once.do(officer.name, named, work)
            return answer_office(answer, status=201, headers={} if is_new else REPLAYED)

        handle.__name__ = act.name.replace(".", "_")
        roles = " or ".join(act.roles)
        handle.__doc__ = f"{act.words}\n\nFor the role {roles}."
        return handle

    async def upload_file(self, request: web.Request, _asked: Asked) -> web.Response:
        """Keep a file for a day, until it goes into a record."""
        officer = self._door.admit(request)
        kind = request.content_type.lower()
        if not _TYPE.fullmatch(kind):
            raise web.HTTPUnsupportedMediaType
        content = await read_body(request, limit=MAX_DOCUMENT_SIZE)
        if not content:
            raise FormatError("body: expected the bytes of a file, got none", code="ofc.file")
        row = UploadRow(os.urandom(16), officer.name, clock.now(), kind, content)
        node = self._node

        def keep() -> None:
            accounts = node.store.accounts
            with node.store.transaction():
                node.store.cut_uploads(before=row.time - HOURS_WAITING * _HOUR)
                count, size = accounts.weigh_uploads()
                if count >= MAX_UPLOADS or size + len(content) > MAX_WAITING:
                    raise RefusedError(
                        f"{count} files of {size} bytes wait for their records already; "
                        "use them, or wait until they are a day old",
                        code="ofc.file",
                    )
                accounts.put_upload(row)

        await node.writer.run(keep)
        return _json({"upload": row.id, "size": len(content), "type": kind}, status=201)

    # Questions.

    async def say_who_asks(self, request: web.Request, _asked: Asked) -> web.Response:
        """Say who asks, in which roles, and what today is at this site."""
        officer = self._door.admit(request)
        return _json(
            {
                "name": officer.name,
                "person": officer.person,
                "roles": list(officer.roles),
                "site": self._node.identity.site,
                "origin": self._node.identity.origin,
                "today": format_day(self._node.desk.today()),
                "acts": [act.name for act in ACTS.values() if set(act.roles) & set(officer.roles)],
            }
        )

    async def list_applications(self, request: web.Request, _asked: Asked) -> web.Response:
        """List applications and how far they have come, oldest first."""
        self._door.admit(request)
        return _json(await assessing.applications(self._node, {}))

    async def describe_application(self, request: web.Request, asked: Asked) -> web.Response:
        """Describe one application, with its evaluations and reviews."""
        self._door.admit(request)
        return _json(await assessing.application_at(self._node, {"entity": asked["entity"]}))

    async def list_assessors(self, request: web.Request, _asked: Asked) -> web.Response:
        """List who may evaluate; people by their pseudonyms."""
        self._door.admit(request)
        return _json(await assessing.assessors(self._node, {}))

    async def list_complaints(self, request: web.Request, _asked: Asked) -> web.Response:
        """List complaints about labels of this site, and those that it has recorded."""
        self._door.admit(request)
        return _json(await complaining.complaints(self._node, {}))

    async def list_appeals(self, request: web.Request, _asked: Asked) -> web.Response:
        """List appeals against decisions of this site, oldest first."""
        self._door.admit(request)
        return _json(await complaining.appeals(self._node, {}))

    async def list_what_waits(self, request: web.Request, _asked: Asked) -> web.Response:
        """List what waits for the people of this site, the most urgent first."""
        self._door.admit(request)
        return _json(await inbox.inbox(self._node, {}))

    async def list_offers(self, request: web.Request, _asked: Asked) -> web.Response:
        """List labels of other sites that this one may take over."""
        self._door.admit(request)
        return _json(await transferring.offers(self._node, {}))

    async def describe_label(self, request: web.Request, asked: Asked) -> web.Response:
        """Say what is recorded on a label of this site; `head` is `prev` of who decides on it."""
        self._door.admit(request)
        return _json(await labelled.label_at(self._node, {"number": asked["number"]}))

    async def list_relations(self, request: web.Request, asked: Asked) -> web.Response:
        """Say what an organisation is to others; `head` is `prev` of who states that next."""
        self._door.admit(request)
        return _json(await relating.relations(self._node, {"organisation": asked["entity"]}))

    async def list_officers(self, request: web.Request, _asked: Asked) -> web.Response:
        """List officers with their pseudonyms, which panels are named by."""
        self._door.admit(request, (OfficerRole.REGISTRAR, OfficerRole.ADMINISTRATOR))
        return _json(await officers.officer_list(self._node, {}))

    async def list_trail(self, request: web.Request, asked: Asked) -> web.Response:
        """Say who has done what, the latest first."""
        self._door.admit(request, (OfficerRole.ADMINISTRATOR,))
        return _json(await officers.officer_trail(self._node, asked))


def read_told(decoder: "msgspec.json.Decoder[Any]", data: bytes) -> Any:
    """Read a request's JSON; a type says how deep it can be, and nothing deeper is read.

    Raises:
        FormatError: it is no JSON, or does not fit, or says one thing twice.
    """
    try:
        told = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise FormatError(f"body: {why[:1].lower()}{why[1:300]}", code="ofc.body") from None
    # What fits its type is not deep.
    json.loads(data, object_pairs_hook=_each_once)
    return told


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    """Refuse an object that says one member twice: readers differ in which of them they take."""
    seen = set()
    for name, _ in pairs:
        if name in seen:
            raise FormatError(f"body: {name[:64]!r} is said twice", code="ofc.body")
        seen.add(name)


def _json(value: object, *, status: int = 200) -> web.Response:
    return answer_office(msgspec.json.encode(in_hex(value)), status=status)


def answer_office(
    body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer an officer in JSON, which nobody on the way keeps."""
    return web.Response(
        body=body,
        status=status,
        content_type="application/json",
        headers={**_HEADERS, **(headers or {})},
    )
