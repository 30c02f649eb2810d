"""Pages in a real browser: they load, say what they must, and break no rule of their own policy."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sopro_node.conditions import ask_words
from sopro_node.directory import Wanted
from sopro_node.web.i18n import LANGUAGES
from tests.node.web.conftest import Visit
from tests.node.web.page import read_page
from tests.node.web.register import HOSTILE_NUMBER, number

pytestmark = [pytest.mark.slow]
PATIENCE = 60.0
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
)
REFUSALS = (
    "Content Security Policy",
    "Refused to",
    "Mixed Content",
    "MIME type",
    "404 (Not Found)",
)
PAGES = ("/", "/labels", "/statistics", "/members", "/criteria", "/verify", "/status")
SAID = {
    "de": "Dieses Gütezeichen ist seit",
    "en": "This label has been suspended since",
    "hu": "fel van függesztve",
}


@pytest.fixture
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed; CI needs it (Debian: apt-get install chromium)")
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    return found


async def browse(chromium: str, folder: Path, address: str, *options: str) -> tuple[str, str]:
    """Load a page; returns what the browser wrote and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        chromium,
        *QUIET,
        f"--user-data-dir={folder / 'profile'}",
        *options,
        address,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            written, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaints.decode()[-2_000:]
    return written.decode(), complaints.decode()


def check_complaints(complaints: str) -> None:
    lines = [line for line in complaints.splitlines() if any(one in line for one in REFUSALS)]
    assert lines == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_browser_shows_a_label_and_complains_of_nothing(
    visit: Visit, tmp_path: Path, chromium: str, language: str
) -> None:
    at = await visit("at")
    address = str(at.client.make_url(f"/label/{number('suspended')}"))
    written, complaints = await browse(
        chromium, tmp_path, f"{address}?lang={language}", "--dump-dom"
    )
    page = read_page(written)
    assert page.one("html").attributes["lang"] == language
    assert page.one("title").text.startswith(number("suspended"))
    assert SAID[language] in page.text
    check_complaints(complaints)


class Tab:
    """One page of a browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._asked = 0

    async def ask(self, method: str, **values: object) -> dict[str, Any]:
        self._asked += 1
        await self._socket.send_json({"id": self._asked, "method": method, "params": values})
        while (answer := await self._socket.receive_json()).get("id") != self._asked:
            pass
        return answer["result"]

    async def show(self, address: str, *, width: int) -> None:
        await self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self.ask("Page.enable")
        await self.ask("Page.navigate", url=address)
        while (await self._socket.receive_json()).get("method") != "Page.loadEventFired":
            pass

    async def evaluate(self, expression: str) -> Any:
        answer = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")


@contextlib.asynccontextmanager
async def steer(chromium: str, folder: Path) -> AsyncIterator[Tab]:
    """Start a browser that is told what to do over its debugging port."""
    profile = folder / "profile"
    process = await asyncio.create_subprocess_exec(
        chromium,
        *QUIET,
        f"--user-data-dir={profile}",
        "--remote-debugging-port=0",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
            port = await find_port(profile / "DevToolsActivePort")
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = await answer.json()
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            async with session.ws_connect(address) as socket:
                yield Tab(socket)
    finally:
        process.terminate()
        await process.wait()


async def find_port(file: Path) -> str:
    while not (written := await asyncio.to_thread(read_if_there, file)):  # noqa: ASYNC110  # a file has no events
        await asyncio.sleep(0.02)
    return written.split()[0]


def read_if_there(file: Path) -> str:
    return file.read_text() if file.exists() else ""


@pytest.mark.parametrize("width", [320, 768, 1280])
async def test_no_page_is_wider_than_the_window(
    visit: Visit, tmp_path: Path, chromium: str, width: int
) -> None:
    doors = [await visit("at"), await visit("eeig")]
    [held] = doors[0].node.directory.labels(Wanted(ask_words("alert"))).labels
    labels = (f"/label/{number('terminated')}", f"/label/{HOSTILE_NUMBER}", "/nowhere")
    labels += (f"/organisation/{held.site}/{held.organisation}", "/criteria/sopro/S1")
    wide = []
    async with steer(chromium, tmp_path) as tab:
        for door in doors:
            for path in (*PAGES, *labels):
                for language in LANGUAGES:
                    address = str(door.client.make_url(f"{path}?lang={language}"))
                    await tab.show(address, width=width)
                    assert await tab.evaluate("document.documentElement.lang") == language
                    seen = await tab.evaluate("document.documentElement.scrollWidth")
                    if seen > width:
                        wide.append((path, language, seen))
    assert wide == []


async def test_a_browser_runs_nothing_that_a_name_holds(
    visit: Visit, tmp_path: Path, chromium: str
) -> None:
    at = await visit("at")
    address = str(at.client.make_url(f"/label/{HOSTILE_NUMBER}"))
    written, complaints = await browse(chromium, tmp_path, address + "?lang=de", "--dump-dom")
    page = read_page(written)
    assert page.all("script") == []
    assert "<script>alert(1)</script>" in page.text
    check_complaints(complaints)


@pytest.mark.parametrize("width", [320, 1280])
async def test_a_browser_paints_the_front_page(
    visit: Visit, tmp_path: Path, chromium: str, width: int
) -> None:
    eeig = await visit("eeig")
    picture = tmp_path / "front.png"
    _, complaints = await browse(
        chromium,
        tmp_path,
        str(eeig.client.make_url("/?lang=hu")),
        f"--window-size={width},1000",
        f"--screenshot={picture}",
    )
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert int.from_bytes(data[16:20]) == width
    check_complaints(complaints)


async def test_the_browser_does_complain_where_the_policy_is_broken(
    visit: Visit, tmp_path: Path, chromium: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The accepted twin: without it, a silent browser would pass every test above."""
    at = await visit("at")
    body = '<!doctype html><title>x</title><p style="color:red">x<script>1</script>'

    def show(*_: object, **__: object) -> object:
        return web.Response(text=body, content_type="text/html")

    monkeypatch.setattr("sopro_node.web.pages_view.PageWriter.write", show)
    _, complaints = await browse(
        chromium, tmp_path, str(at.client.make_url("/verify")), "--dump-dom"
    )
    assert "Content Security Policy" in complaints
