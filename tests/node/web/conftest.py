"""A federation written once, and opened anew for each test."""

import asyncio
import dataclasses
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from sopro_node.config import load_settings
from sopro_node.node import Node
from sopro_node.web.server import build_app
from tests.node.conftest import Federation, Served
from tests.node.web.officers import Client, add_officer
from tests.node.web.register import write_register

Visit = Callable[..., Awaitable["Visitor"]]


@dataclasses.dataclass(frozen=True)
class Visitor:
    """A browser at the door of a node."""

    node: Node
    client: TestClient

    async def read(self, path: str, *, status: int = 200, **headers: str) -> str:
        """Return a page as a browser gets it."""
        asked = {"Accept": "text/html,*/*;q=0.8", **headers}
        async with self.client.get(path, headers=asked, allow_redirects=False) as answer:
            assert answer.status == status, f"{path}: {answer.status}"
            return await answer.text()


@pytest.fixture(scope="session")
def register(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("register")
    asyncio.run(write_register(folder))
    return folder


@pytest.fixture
async def visit(register: Path, tmp_path: Path) -> AsyncIterator[Visit]:
    """Open a copy of a site's directory and a door to it; another folder may be given."""
    opened: list[Visitor] = []

    async def open_door(site: str, *, folder: Path | None = None) -> Visitor:
        here = tmp_path / site
        shutil.copytree((folder or register) / site, here)
        node = await Node.open(here, settings=load_settings(here))
        visitor = Visitor(node, TestClient(TestServer(build_app(node))))
        opened.append(visitor)
        await visitor.client.start_server()
        return visitor

    yield open_door
    for visitor in opened:
        await visitor.client.close()
        await visitor.node.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as one:
        yield one


@pytest.fixture
async def at(federation: Federation) -> Served:
    await federation.coordinator()
    return await federation.join("at", "AT")


@pytest.fixture
async def maria(at: Served, session: aiohttp.ClientSession) -> Client:
    return await add_officer(at.node, at.url, session, "Maria")
