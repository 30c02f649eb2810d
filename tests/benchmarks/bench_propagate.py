"""One decision at its site, and when the API of five other nodes says so: six serving processes.

Four of the five are other members, one is the coordinator. The clock starts when the decision is
handed to its site's node, before it is durable, and stops when all five have answered with it.
"""

import asyncio
import contextlib
import json
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import machine
import msgspec
import uvloop
from figures import Figure, at_most, only
from machine import Span, serving, span_of
from workload import SCHEME, Site, World

_PAUSE = 0.05
_BETWEEN = 0.0005
"""Seconds between two questions to one node: asking without a pause takes a core from six nodes."""
_ROUND_TRIPS = 20
_DAY = "2025-10-02"


class Asker:
    """A kept-alive connection over which one request is under way at a time."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)

    async def __aenter__(self) -> "Asker":
        host, port = self._address.hostname, self._address.port
        self._reader, self._writer = await asyncio.open_connection(host, port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: node\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        return int(head[9:12]), await self._reader.readexactly(int(length))


class Office:
    """Operations of a serving node, over its control socket."""

    def __init__(self, site: Site) -> None:
        self._folder = site.folder

    async def __aenter__(self) -> "Office":
        self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        path = f"/proc/self/fd/{self._descriptor}/control.sock"
        self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(path))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        os.close(self._descriptor)

    async def append(self, family: str, entity: bytes, **values: Any) -> None:
        draft = {"family": family, "values": values, "entity": entity}
        body = msgspec.msgpack.encode({"drafts": [draft]})
        async with self._session.post("http://node/call/append", data=body) as answer:
            outcomes = msgspec.msgpack.decode(await answer.read())["outcomes"]
        if "code" in outcomes[0]:
            raise RuntimeError(str(outcomes[0]))


class Label:
    """A label that is granted beforehand and then suspended."""

    def __init__(self, site: Site, number: int) -> None:
        self.entity = os.urandom(16)
        self.number = f"SOPRO/{site.code.upper()}0/001/{number:05}"
        self._decided = {
            "basis": "assessed",
            "certificate": self.number,
            "decided_on": _DAY,
            "decider": b"officer of label",
            "effective_date": _DAY,
        }

    async def grant(self, office: Office, thing: bytes) -> None:
        validity = {"valid_from": _DAY, "valid_until": "2027-10-01"}
        what = {"action": "grant", "offering": thing, "scheme": SCHEME}
        await office.append("label_decision", self.entity, **self._decided, **what, **validity)

    async def suspend(self, office: Office) -> float:
        """Return when it was acknowledged."""
        what = {"action": "suspend", "reason_code": "other", "suspended_until": "2026-12-31"}
        await office.append("label_decision", self.entity, **self._decided, **what)
        return time.perf_counter()


def measure(work: Path, *, decisions: int) -> list[Figure]:
    """Build a federation of six nodes, serve it, and decide."""
    world = World(work, sites=5)
    port = machine.free_port()
    bare = machine.start("bare.py", port)
    try:
        machine.wait_for(f"http://127.0.0.1:{port}/json")
        with contextlib.ExitStack() as nodes:
            for site in [world.coordinator, *world.sites]:
                nodes.enter_context(serving(site.folder))
            found = uvloop.run(_decide(world, f"http://127.0.0.1:{port}/json", decisions))
    finally:
        machine.stop(bare)
    return _figures(*found)


async def _decide(
    world: World, bare: str, decisions: int
) -> tuple[list[float], list[float], list[float]]:
    origin, *others = world.sites
    total, after, trips = [], [], []
    async with contextlib.AsyncExitStack() as stack:
        office = await stack.enter_async_context(Office(origin))
        askers = [
            await stack.enter_async_context(Asker(one.url)) for one in [world.coordinator, *others]
        ]
        session = await stack.enter_async_context(aiohttp.ClientSession())
        labels = await _prepare(origin, office, decisions)
        for asker in askers:
            await _until_known(asker, labels[-1].number, "active")
        for label in labels:
            trips.append(await _round_trip(session, bare))
            began = time.perf_counter()
            task = asyncio.ensure_future(label.suspend(office))
            for asker in askers:
                await _until_known(asker, label.number, "suspended")
            ended = time.perf_counter()
            total.append(ended - began)
            after.append(ended - await task)
            await asyncio.sleep(_PAUSE)
    return total, after, trips


async def _prepare(origin: Site, office: Office, decisions: int) -> list[Label]:
    holder, thing = os.urandom(16), os.urandom(16)
    register = {"effective_date": _DAY, "actor_type": "enterprise", "country": "AT"}
    await office.append("organisation", holder, **register, status="active")
    what = {"effective_date": _DAY, "kind": "product", "organisation": holder}
    await office.append("offering", thing, **what, status="published")
    labels = [Label(origin, number) for number in range(1, decisions + 1)]
    for label in labels:
        await label.grant(office, thing)
    return labels


async def _until_known(asker: Asker, number: str, status: str) -> None:
    """Ask for a label until it has a status."""
    end = time.perf_counter() + 60
    while time.perf_counter() < end:
        code, body = await asker.get(f"/api/v1/labels/{number}")
        if code == 200 and json.loads(body)["status"] == status:
            return
        await asyncio.sleep(_BETWEEN)
    raise RuntimeError(f"{number} is not {status} after 60 s: {body[:300]!r}")


async def _round_trip(session: aiohttp.ClientSession, url: str) -> float:
    """Return the median time of a request by aiohttp's client to the bare server."""
    times = []
    for _ in range(_ROUND_TRIPS):
        began = time.perf_counter()
        async with session.get(url) as answer:
            await answer.read()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _figures(total: list[float], after: list[float], trips: list[float]) -> list[Figure]:
    trip = statistics.median(trips)
    p50, p99 = _percentile(total, 50), _percentile(total, 99)
    later = _percentile(after, 50)
    least, most = min(total), max(total)
    limit = f"{trip * 1e6:.0f} us, aiohttp to bare aiohttp"
    what = "decision to 5 other APIs"
    times = Span(p50 / trip, least / trip, most / trip)
    milliseconds = Span(p50 * 1e3, least * 1e3, most * 1e3)
    acknowledged = Span(later * 1e3, min(after) * 1e3, max(after) * 1e3)
    return [
        Figure("propagate", f"{what}, p50 / round trip", **at_most(16, times), limit=limit),
        Figure("propagate", f"{what}, p99 / p50", **at_most(2, span_of([p99 / p50]))),
        Figure("propagate", what, **only(milliseconds), unit="ms", limit=f"p99 {p99 * 1e3:.1f} ms"),
        Figure("propagate", "from being durable on", **only(acknowledged), unit="ms"),
    ]


def _percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]
