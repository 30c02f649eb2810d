"""A witness of the world: it cosigns the candidate's heads, or does as a case tells it (WIT)."""

import asyncio
import base64
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from aiohttp import web

from sopro_conformance.wire.codec import WireError
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import (
    Line,
    cosign_text,
    read_checkpoint,
    sign_text,
    write_line,
)
from sopro_conformance.wire.tree import Tree, is_consistent

EMPTY: Final = Tree().root()


class Mood(StrEnum):
    """How a witness answers."""

    RIGHT = "right"
    STALE = "409 with its size"
    STRANGE = "lines of strangers around its own"
    SILENT = "no answer"
    BROKEN = "500"


@dataclass(frozen=True)
class Request:
    """A request to cosign, as it came.

    Attributes:
        old: size that the proof begins at; -1 where the body could not be read.
        proof: its hashes.
        size: of the head.
        root: of the head.
        problem: what is wrong with it; empty where nothing is.
        status: that it was answered with.
    """

    old: int
    proof: tuple[bytes, ...]
    size: int
    root: bytes
    problem: str
    status: int


@dataclass
class Witness:
    """A witness with its memory.

    Attributes:
        name: of its key.
        key: with which it cosigns.
        mood: how it answers.
        requests: that came.
        heads: size and root it cosigned last, by origin.
        news: set with every request.
    """

    name: str
    key: SigningKey
    mood: Mood = Mood.RIGHT
    requests: list[Request] = field(default_factory=list)
    heads: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, body: bytes) -> web.StreamResponse:
        """Answer a request to cosign (WIT-3)."""
        try:
            old, proof, note = read_request(body)
            head = read_checkpoint(note)
        except WireError as error:
            return self._keep(Request(-1, (), 0, b"", str(error), 400), b"")
        size, root = self.heads.get(head.origin, (0, EMPTY))
        one = Request(old, tuple(proof), head.size, head.root, "", 200)
        if self.mood is Mood.SILENT:
            self._keep(one, b"")
            await asyncio.Event().wait()
        if self.mood is Mood.BROKEN:
            return self._keep(_with(one, 500), b"")
        if old != size:
            return self._keep(_with(one, 409), b"%d\n" % size, "text/x.tlog.size")
        if not is_consistent(size, head.size, root, head.root, proof):
            return self._keep(_with(one, 422, "the proof does not lead to the root"), b"")
        self.heads[head.origin] = (head.size, head.root)
        now = int(time.time())
        lines = [cosign_text(head.text, self.name, self.key, now)]
        if self.mood is Mood.STRANGE:
            stranger = SigningKey(bytes(31) + b"\x01")
            lines = [
                cosign_text(head.text, "strange.example/x/witness", stranger, now),
                *lines,
                sign_text(head.text, "strange.example/y", stranger),
            ]
        return self._keep(one, _write_lines(lines))

    def _keep(self, one: Request, body: bytes, kind: str = "text/plain") -> web.Response:
        self.requests.append(one)
        self.news.set()
        return web.Response(status=one.status, body=body, content_type=kind)


def _with(one: Request, status: int, problem: str = "") -> Request:
    return Request(one.old, one.proof, one.size, one.root, problem, status)


def _write_lines(lines: list[Line]) -> bytes:
    return "".join(map(write_line, lines)).encode()


def read_request(body: bytes) -> tuple[int, list[bytes], bytes]:
    """Read a request to cosign: old size, proof, note (COS-4).

    Raises:
        WireError: it is none.
    """
    head, blank, note = body.partition(b"\n\n")
    lines = head.split(b"\n")
    size = lines[0].removeprefix(b"old ")
    if not blank or not lines[0].startswith(b"old ") or not size.isdigit():
        raise WireError("COS-4: expected 'old' with a size, hashes, an empty line and a note")
    if len(lines) > 64 or (size[:1] == b"0" and size != b"0"):
        raise WireError("COS-4: more than 63 hashes, or a size with a leading zero")
    try:
        proof = [base64.b64decode(one, validate=True) for one in lines[1:]]
    except ValueError:
        raise WireError("COS-4: a hash that is no base64") from None
    if any(len(one) != 32 for one in proof):
        raise WireError("COS-4: a hash that has not 32 bytes")
    return int(size), proof, note
