"""The read paths of logs: checkpoints, tiles, bundles, proofs, keys, documents, events."""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec
from aiohttp import web

from sopro_node.access import Caller
from sopro_node.bundles import compress_part, decompress, documents_part
from sopro_node.certificates import make_proof
from sopro_node.documents import VISIBILITIES, is_party
from sopro_node.evidence import Kept
from sopro_node.heldlog import HeldLog
from sopro_node.hub import News, Told
from sopro_node.keyrecords import list_key_records
from sopro_node.node import Node
from sopro_node.web.cache import ByteCache
from sopro_protocol.bundle import (
    MAX_RIDING_DOCUMENT,
    WIDTH,
    Item,
    Withheld,
    format_items,
)
from sopro_protocol.errors import FormatError, NotFoundError, UnavailableError, WithheldError
from sopro_protocol.record import read_record
from sopro_protocol.tile import Kind, Resource, format_entry_bundle, parse_tile_path
from sopro_registry.catalogue import READERS

_SHORT: Final = {"Cache-Control": "public, max-age=2"}
_OCTETS: Final = "application/octet-stream"
_HOUR: Final = {"Content-Type": _OCTETS, "Cache-Control": "public, max-age=3600"}
_FOREVER: Final = {
    "Content-Type": _OCTETS,
    "Cache-Control": "public, max-age=31536000, immutable",
}
_PLAIN: Final = _HOUR | {"Vary": "Accept-Encoding"}
_ZSTD: Final = _PLAIN | {"Content-Encoding": "zstd"}
# (is a bundle, compressed, holds entries) -> headers
_HEADERS: Final = {
    (True, True, False): _ZSTD,
    (True, False, False): _PLAIN,
    (False, False, True): _HOUR,
    (False, False, False): _FOREVER,
}
_CACHED: Final = 32 * 1024 * 1024
_IDLE: Final = 25.0
_MOST_LISTENERS: Final = 512
_MOST_PUSHED: Final = 48 * 1024
_NOTHING: Final[tuple[tuple[bytes, int], bytes]] = ((b"", 0), b"")


class LogPages:
    """Handlers of everything under `/log/` and of `/events`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._cache = ByteCache(_CACHED)
        self._told = _NOTHING
        self._era = self._changes()

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        base = "/log/{site}/{epoch}"
        return [
            web.get(base + "/{path:(?:tile|bundle)/.+}", self.resource),
            web.get(base + "/checkpoint", self.checkpoint),
            web.get(base + "/keys", self.keys),
            web.get(base + "/proof/{index}", self.proof),
            web.get(base + "/document/{index}/{number}", self.document),
            web.get("/events", self.events),
        ]

    def _changes(self) -> tuple[int, int]:
        """Return what changes where something served before is not to be served any more."""
        holdings = self._node.holdings
        return holdings.changed_documents, holdings.discarded

    def _held(self, request: web.Request) -> HeldLog:
        info = request.match_info
        held = self._node.holdings.at_path(info["site"], info["epoch"])
        if not held.checkpoint or not self._node.holdings.is_shown(held):
            raise NotFoundError(f"{held.origin}: not synced yet")
        return held

    async def checkpoint(self, request: web.Request) -> web.Response:
        """Serve the newest signed head."""
        return web.Response(
            body=self._held(request).note,
            content_type="text/plain",
            charset="utf-8",
            headers=_SHORT,
        )

    async def resource(self, request: web.Request) -> web.Response:
        """Serve a tile, an entry bundle or a bundle, by the path grammar of tlog-tiles."""
        path = request.path
        if "%" in request.rel_url.raw_path:
            raise FormatError(f"tile path: one spelling, expected {path[:80]!r}", code="err.path")
        is_bundle = "/bundle/" in path
        compressed = is_bundle and _takes_zstd(request.headers.get("Accept-Encoding", ""))
        # What was served once never changes, so a second request needs no more than its path;
        # but of a log that was discarded, and of what was erased, nothing is served.
        if self._era != self._changes():
            self._era = self._changes()
            self._cache = ByteCache(_CACHED)
            self._told = _NOTHING
        body = self._cache.find((path, compressed))
        if body is None:
            body = self._render(request, compressed=compressed)
            self._cache.keep((path, compressed), body)
        return web.Response(body=body, headers=_HEADERS[is_bundle, compressed, "/entries/" in path])

    def _render(self, request: web.Request, *, compressed: bool) -> bytes:
        held = self._held(request)
        resource = parse_tile_path(request.match_info["path"])
        _check_published(held, resource)
        if resource.kind is Kind.BUNDLE:
            return self._render_bundle(held, resource, compressed=compressed)
        return self._render_tile(held, resource)

    def _render_tile(self, held: HeldLog, resource: Resource) -> bytes:
        if resource.kind is Kind.ENTRIES:
            return format_entry_bundle(_shown(held, self._entries(held, resource)))
        return b"".join(held.tree.hashes(resource.level, resource.index, resource.width))

    def _entries(self, held: HeldLog, resource: Resource) -> Sequence[Item]:
        found = self._node.holdings.bundle_of(self._node.reader, held, resource.index)
        return found[: resource.width]

    def _render_bundle(self, held: HeldLog, resource: Resource, *, compressed: bool) -> bytes:
        node = self._node
        start = resource.index * WIDTH
        rows = node.reader.documents.riding(
            held.number, start, start + resource.width, most=MAX_RIDING_DOCUMENT
        )
        documents = documents_part(rows)
        edge = held.tree.edge
        if resource.width == WIDTH and resource.index < edge.full:
            frame = node.reader.bundle(held.number, resource.index) or b""
            if compressed:
                return frame + compress_part(documents)
            return decompress(frame) + documents
        items = format_items(self._entries(held, resource))
        if compressed:
            return compress_part(items) + compress_part(documents)
        return items + documents

    async def keys(self, request: web.Request) -> web.Response:
        """Serve the site's key records with their positions."""
        node = self._node
        held = self._held(request)
        history = [list(one) for one in list_key_records(node.reader, node.holdings, held)]
        return web.Response(
            body=msgspec.msgpack.encode(history), content_type=_OCTETS, headers=_SHORT
        )

    async def proof(self, request: web.Request) -> web.Response:
        """Serve the tlog-proof of an entry."""
        held = self._held(request)
        position = _number(request.match_info["index"], "position")
        return web.Response(
            body=make_proof(held, position),
            content_type="text/plain",
            charset="utf-8",
            headers=_SHORT,
        )

    async def document(self, request: web.Request) -> web.Response:
        """Serve a document to whoever may see it, its key in the header `SoPro-Document-Key`.

        Others are told what they are told of one that is not here (SPEC ACCESS-4).
        """
        held = self._held(request)
        caller = self._node.gate.caller(request.method, request.raw_path, request.headers)
        position = _number(request.match_info["index"], "position")
        number = _number(request.match_info["number"], "number")
        row = None
        visibility = self._node.reader.documents.visibility(held.number, position, number)
        if visibility is not None and self._may_see(caller, held, (position, number), visibility):
            row = self._node.reader.documents.get(held.number, position, number)
        if row is None:
            raise NotFoundError(f"{held.origin}: no document {number} of entry {position} here")
        if caller is not None and held is self._node.holdings.own:
            for site in caller.sites:
                self._node.takers.add(site)
        return web.Response(
            body=row.content,
            content_type=_OCTETS,
            headers={
                "Cache-Control": "no-store",
                "SoPro-Document-Key": row.key.hex(),
                "Content-Disposition": "attachment",
            },
        )

    def _may_see(
        self, caller: Caller | None, held: HeldLog, place: tuple[int, int], visibility: int
    ) -> bool:
        match VISIBILITIES[visibility]:
            case "public":
                return True
            case "members":
                return caller is not None
            case "parties":
                position, number = place
                data = self._node.holdings.record(self._node.reader, held, position)
                record, _ = read_record(data, READERS)
                commitment = record.documents[number]
                return caller is not None and any(
                    site == held.site or is_party(commitment, site) for site in caller.sites
                )
            case _:
                return False

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Stream every new checkpoint this node knows, own and mirrored, and all evidence."""
        if self._node.hub.listeners >= _MOST_LISTENERS:
            raise UnavailableError("too many listen already; ask for the checkpoint instead")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        response.enable_chunked_encoding()
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        try:
            for held in self._node.holdings.logs.values():
                if held.checkpoint and self._node.holdings.is_shown(held):
                    await _write(response, self._event(News(held, held.signed_size)))
            for kept in self._node.evidence:
                await _write(response, _format_evidence(kept))
            async for new in self._node.hub.listen(idle=_IDLE):
                await _write(response, self._say(new))
        except ConnectionResetError:  # whoever listened has gone
            pass
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        return response

    def _say(self, told: Told | None) -> bytes:
        if told is None:
            return b": still here\n\n"
        return _format_evidence(told) if isinstance(told, Kept) else self._event(told)

    def _event(self, news: News) -> bytes:
        """Write an event; every listener is told the same."""
        held, since, note = news
        key = (note or held.note, since)
        if key != self._told[0]:
            self._told = (key, _format_event(*key, self._render_tail(held, since)))
        return self._told[1]

    def _render_tail(self, held: HeldLog, since: int) -> bytes:
        """Write what our own log has grown by as a bundle without its first entries (SYNC-11)."""
        edge = held.tree.edge
        first, size = edge.full * WIDTH, held.signed_size
        if held is not self._node.holdings.own or not first <= since < size:
            return b""
        items = format_items(edge.entries[since - first : size - first])
        if len(items) > _MOST_PUSHED:
            return b""
        rows = self._node.reader.documents.riding(held.number, since, size, most=_MOST_PUSHED)
        documents = documents_part(rows)
        return items + documents if len(items) + len(documents) <= _MOST_PUSHED else b""


@lru_cache(maxsize=256)
def _takes_zstd(accepted: str) -> bool:
    """Say whether a client takes zstd: named, and not with a weight of nothing (RFC 9110)."""
    for one in accepted.lower().split(","):
        name, _, weight = one.replace(" ", "").partition(";")
        if name == "zstd":
            return re.fullmatch(r"q=0(\.0*)?", weight) is None
    return False


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """Write to a stream; who does not read for long is let go."""
    async with asyncio.timeout(_IDLE):
        await response.write(data)


def _format_event(checkpoint: bytes, since: int, bundle: bytes) -> bytes:
    origin, size, _ = checkpoint.split(b"\n", 2)
    fields = {"origin": origin.decode(), "size": int(size), "note": checkpoint.decode()}
    if bundle:
        fields |= {"since": since, "bundle": b64encode(bundle).decode()}
    return f"event: checkpoint\ndata: {json.dumps(fields)}\n\n".encode()


def _format_evidence(kept: Kept) -> bytes:
    fields = {"evidence": kept.id.hex(), "origin": kept.origin}
    return f"event: evidence\ndata: {json.dumps(fields)}\n\n".encode()


def _shown(held: HeldLog, items: Sequence[Item]) -> list[bytes]:
    """Return entries of which none is withheld.

    Raises:
        WithheldError: one is, which the format of c2sp cannot say.
    """
    entries = []
    for item in items:
        if isinstance(item, Withheld):
            raise WithheldError(
                f"{held.origin}: an entry of this bundle is withheld by entry {item.record}; "
                "fetch 'bundle/' instead of 'tile/entries/'"
            )
        entries.append(item)
    return entries


def _check_published(held: HeldLog, resource: Resource) -> None:
    """Refuse what lies beyond the signed head."""
    covered = held.signed_size >> (8 * resource.level)
    if resource.index * WIDTH + resource.width > covered:
        raise NotFoundError(
            f"{held.origin}: {resource.path} lies beyond the head at size {held.signed_size}"
        )


def _number(text: str, what: str) -> int:
    is_decimal = text.isascii() and text.isdecimal() and len(text) <= 15
    if not is_decimal or (text[0] == "0" and text != "0"):
        raise FormatError(f"{what}: expected a plain decimal number, got {text[:32]!r}")
    return int(text)
