"""`/api/v1/office`: what officers read of what was filed with their site (SPEC OFC-12)."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec
from aiohttp import hdrs, web

from sopro_node import complaining, entities, reading
from sopro_node.heldlog import HeldLog
from sopro_node.node import Node
from sopro_node.officers import Officer
from sopro_node.reading import Asker
from sopro_node.web.operations import Asked, Operation, Parameter
from sopro_node.web.parameters import ENTITY, EPOCH, SITE_INSIDE
from sopro_node.web.problems import in_hex
from sopro_node.web.signing_in import Door
from sopro_protocol.errors import FormatError, NotFoundError

_PRIVATE: Final[Mapping[str, str]] = {hdrs.CACHE_CONTROL: "private, no-store"}
_ANY: Final = "application/octet-stream"
_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")
_LONGEST: Final = 15


def _place(name: str, words: str) -> Parameter:
    """Describe a position in the path."""

    def read(text: str) -> int:
        is_plain = text.isascii() and text.isdecimal() and len(text) <= _LONGEST
        if not is_plain or str(int(text)) != text:
            raise FormatError(
                f"{name}: expected a plain decimal number, got {text[:40]!r}", code="err.query"
            )
        return int(text)

    return Parameter(name, words, {"type": "integer", "minimum": 0}, read)


_INDEX: Final = _place("index", "position of the record in its log")
_NUMBER: Final = _place("document", "number of the document in its record, from 0")
_IN_LOG: Final = (SITE_INSIDE, EPOCH, _INDEX)


class OfficeReading:
    """Handlers of what is read; each says to the node who reads."""

    def __init__(self, node: Node, door: Door) -> None:
        self._node = node
        self._door = door

    def operations(self, prefix: str) -> list[Operation]:
        """List what can be read."""
        return [
            Operation(prefix + path, handler, (), inside, is_public=False, is_signed=True)
            for path, handler, inside in (
                ("/entities/{entity}", self.describe_entity, (ENTITY,)),
                ("/entities/{entity}/documents", self.list_documents, (ENTITY,)),
                ("/complaints/{site}/{epoch}/{index}", self.describe_complaint, _IN_LOG),
                (
                    "/documents/{site}/{epoch}/{index}/{document}",
                    self.read_document,
                    (*_IN_LOG, _NUMBER),
                ),
            )
        ]

    def _asker(self, request: web.Request) -> Asker:
        officer: Officer = self._door.admit(request)
        return Asker(officer.name, officer.person, request.remote or "", tuple(officer.roles))

    def _held(self, asked: Asked) -> HeldLog:
        return self._node.holdings.at_path(asked["site"], asked["epoch"])

    async def describe_entity(self, request: web.Request, asked: Asked) -> web.Response:
        """Say what this site's log holds on an entity; `head` is `prev` of who acts on it.

        With what was filed with its records, in words where the officer may read them.
        """
        asker = self._asker(request)
        node, entity = self._node, asked["entity"]
        [row] = (await entities.entities(node, {"entities": [entity]}))["rows"]
        last = entities.last_record(node, entity)
        if row is None or last is None:
            raise NotFoundError(f"this site has nothing recorded on {entity.hex()}")
        _, index, body = last
        records = await reading.read_records(node, asker, reading.places_of(node, [entity]))
        filed = [
            {"origin": one["origin"], "index": one["index"], **document}
            for one in records
            for document in one["documents"]
        ]
        return _answer(
            {
                "entity": entity,
                "family": row["family"],
                "head": row["head"],
                "index": index,
                "body": body,
                "fields": row["fields"] or _last_fields(filed),
                "documents": filed,
            }
        )

    async def list_documents(self, request: web.Request, asked: Asked) -> web.Response:
        """List documents of an entity's records that are here, as an erasure names them."""
        self._door.admit(request)
        node = self._node
        found = await node.eraser.documents_of(asked["entity"])
        own = node.log.held
        return _answer({"documents": [reading.describe_document(node, own, *at) for at in found]})

    async def describe_complaint(self, request: web.Request, asked: Asked) -> web.Response:
        """Describe a complaint by where its first record is, in this site's log or another's.

        With what was filed with it and with what this site has answered, in words.
        """
        asker, held = self._asker(request), self._held(asked)
        return _answer(await complaining.read_complaint(self._node, asker, held, asked["index"]))

    async def read_document(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        """Read a document: its fields as JSON, or the bytes of a file; that goes on the trail."""
        asker, held = self._asker(request), self._held(asked)
        node, index, number = self._node, asked["index"], asked["document"]
        found = await reading.read_document(node, asker, held, index, number)
        fields = reading.read_fields(found.commitment, found.row)
        if fields is not None:
            return _answer(fields)
        name, kind = quote(found.given, safe=""), found.commitment.type
        headers: dict[str, str] = {
            **_PRIVATE,
            # A file is somebody else's: it is saved, and never shown as a page of this site.
            hdrs.CONTENT_DISPOSITION: f"attachment; filename*=UTF-8''{name}",
            "SoPro-Document-Type": kind if _TYPE.fullmatch(kind) else _ANY,
        }
        return web.Response(body=found.row.content, content_type=_ANY, headers=headers)


def _last_fields(filed: list[dict[str, Any]]) -> Mapping[str, Any]:
    """Return the fields of the first document of the latest record that has one with fields."""
    latest = max((one["index"] for one in filed if one["fields"]), default=None)
    return next((one["fields"] for one in filed if one["index"] == latest and one["fields"]), {})


def _answer(value: object) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(in_hex(value)), content_type="application/json", headers=_PRIVATE
    )
