"""Nodes in a folder of their own, and federations of them on real sockets."""

import asyncio
import atexit
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sopro_node import admission, memberships, office
from sopro_node.config import Settings
from sopro_node.drafting import Draft
from sopro_node.found import COORDINATOR, Plan, create_node
from sopro_node.node import Node
from sopro_node.web.server import serve
from tests.criteria import scheme_without_set

_TAKEN: list[socket.socket] = []


@atexit.register
def _release() -> None:
    for probe in _TAKEN:
        probe.close()


def free_port() -> int:
    """Take a port; bound and not listening, it stays ours, also beside other tests."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    _TAKEN.append(probe)
    return int(probe.getsockname()[1])


@dataclass
class Served:
    """A node that serves in this process, over a real socket."""

    node: Node
    url: str
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None

    async def start(self) -> None:
        ready = asyncio.Event()

        async def on_ready(_url: str) -> None:
            ready.set()

        self.task = asyncio.create_task(serve(self.node, ready=on_ready, stop=self.stop))
        done = asyncio.create_task(ready.wait())
        await asyncio.wait({self.task, done}, return_when=asyncio.FIRST_COMPLETED)
        done.cancel()
        if self.task.done():
            self.task.result()

    async def close(self) -> None:
        self.stop.set()
        if self.task is not None:
            await self.task
        await self.node.close()


@dataclass
class Federation:
    """A coordinator and its sites, founded in a folder and served in this process."""

    folder: Path
    served: dict[str, Served] = field(default_factory=dict)

    async def begin(
        self,
        site: str,
        country: str,
        *,
        coordinator: bool = False,
        mirror: tuple[str, ...] = ("*",),
    ) -> Served:
        port = free_port()
        plan = Plan(
            federation="sopro.example",
            site=site,
            country=country,
            zone="Europe/Vienna",
            listen=f"127.0.0.1:{port}",
        )
        folder = self.folder / site
        await asyncio.to_thread(create_node, folder, plan, coordinator=coordinator)
        return await self.open(site, port, mirror=mirror)

    async def open(self, site: str, port: int, *, mirror: tuple[str, ...] = ("*",)) -> Served:
        listen = f"127.0.0.1:{port}"
        settings = Settings(listen=listen, mirror=mirror, poll_seconds=1, drain_seconds=0)
        node = await Node.open(self.folder / site, settings=settings)
        one = self.served[site] = Served(node, f"http://127.0.0.1:{port}")
        await one.start()
        return one

    async def coordinator(self) -> Served:
        one = await self.begin(COORDINATOR, "BE", coordinator=True)
        await office.publish_criteria(one.node, scheme_without_set())
        return one

    async def join(self, site: str, country: str, *, mirror: tuple[str, ...] = ("*",)) -> Served:
        one = await self.begin(site, country, mirror=mirror)
        coordinator = self.served[COORDINATOR].node
        assert coordinator.invite is not None
        invite = {
            name: getattr(coordinator.invite, name) for name in coordinator.invite.__struct_fields__
        }
        invite["urls"] = [self.served[COORDINATOR].url]
        await admission.join(one.node, {"invite": invite})
        await memberships.admit(coordinator, {"site": site})
        await until(lambda: one.node.log.held.cursor.acted_on is not None)
        return one

    async def close(self) -> None:
        for one in self.served.values():
            await one.close()


async def until(holds: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Wait until something holds; the deadline is generous because nothing waits for it.

    What is about a log that a node does not hold yet does not hold yet.
    """

    def does_hold() -> object:
        try:
            return holds()
        except KeyError:
            return False

    async with asyncio.timeout(seconds):
        while not does_hold():  # noqa: ASYNC110  # any state of a node, and those have no events
            await asyncio.sleep(0.01)


async def grant(node: Node, *, valid_until: str = "2029-01-01") -> tuple[str, bytes]:
    """Register an organisation and an offering, and grant a label; return number and entity."""
    today = "2026-10-01"
    organisation = await node.log.append(
        Draft(
            "organisation",
            {
                "actor_type": "social_enterprise",
                "country": "AT",
                "effective_date": today,
                "status": "active",
            },
        )
    )
    offering = await node.log.append(
        Draft(
            "offering",
            {
                "effective_date": today,
                "kind": "product",
                "organisation": organisation.entity,
                "status": "published",
            },
        )
    )
    return await decide(
        node,
        None,
        action="grant",
        offering=offering.entity,
        scheme="sopro",
        valid_from=today,
        valid_until=valid_until,
    )


async def decide(node: Node, entity: bytes | None, **values: object) -> tuple[str, bytes]:
    today = "2026-10-01"
    appended = await node.log.append(
        Draft(
            "label_decision",
            {
                "basis": "assessed",
                "decided_on": today,
                "decider": bytes(16),
                "effective_date": today,
                **values,
            },
            entity=entity,
        )
    )
    return str(appended.values["certificate"]), appended.entity


@pytest.fixture
async def federation(tmp_path: Path) -> AsyncIterator[Federation]:
    one = Federation(tmp_path)
    try:
        yield one
    finally:
        with contextlib.suppress(TimeoutError):
            await one.close()


Opened = Callable[[], Awaitable[Node]]


@pytest.fixture
async def lone_node(tmp_path: Path) -> AsyncIterator[Node]:
    """A coordinator that nobody joined, opened without a server."""
    plan = Plan(federation="sopro.example", site=COORDINATOR, country="BE", zone="Europe/Brussels")
    create_node(tmp_path / "node", plan, coordinator=True)
    node = await Node.open(tmp_path / "node")
    try:
        yield node
    finally:
        await node.close()
