"""The coordinator tries its members at their addresses, day after day (SPEC CONF-7)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from sopro_node import watching
from sopro_node.drafting import Draft
from sopro_node.node import Node
from sopro_node.outside import Tried
from sopro_node.watching import CASES, DAYS, Watched, Watcher, format_utc_day, read_watched, watch
from tests.node.conftest import COORDINATOR, Federation

HOUR = 3_600_000
NOON = 20_000 * 24 * HOUR + 12 * HOUR


@pytest.fixture
async def federation(tmp_path: Path) -> AsyncIterator[Federation]:
    made = Federation(tmp_path)
    await made.coordinator()
    yield made
    await made.close()


async def test_looks_once_a_day_in_the_hour_that_is_set(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    async def note(_node: Node, values: Any) -> dict[str, Any]:
        calls.append(values)
        return {"watched": []}

    monkeypatch.setattr(watching, "watch", note)
    node = federation.served[COORDINATOR].node
    watcher = Watcher(node)
    assert node.settings.watch_hour == 3
    times = [NOON, NOON + 14 * HOUR, NOON + 15 * HOUR, NOON + 15 * HOUR + 1, NOON + 16 * HOUR]
    assert [await watcher.look(one) for one in times] == [False, False, True, False, False]
    assert await watcher.look(NOON + 39 * HOUR)
    assert len(calls) == 2


async def test_keeps_one_finding_a_day_for_a_month(federation: Federation) -> None:
    node = federation.served[COORDINATOR].node

    def keep(day: str, verdict: str) -> None:
        watching._keep(node, "at", Watched(day, "http://at", {"LOG-01": verdict}))

    days = [format_utc_day(NOON + 24 * HOUR * number) for number in range(DAYS + 5)]
    for one in days:
        await node.writer.run(lambda one=one: keep(one, "FAIL"))
    await node.writer.run(lambda: keep(days[-1], "PASS"))
    found = read_watched(node)["at"]
    assert [one.day for one in found] == days[5:]
    assert [one.red for one in found[-2:]] == [["LOG-01"], []]


async def test_who_answers_nobody_breaks_no_rule_that_was_tried(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown as what could not be tried, and why is said once."""
    await federation.join("at", "AT")
    served = federation.served[COORDINATOR]

    async def nobody(*_: Any, **__: Any) -> list[Tried]:
        return [Tried(name, "NOT-MEASURED", "no node answers there") for name in CASES]

    monkeypatch.setattr(watching, "try_address", nobody)
    [found] = (await watch(served.node, {}))["watched"]
    assert (found["verdicts"], found["words"]) == ({}, [])
    assert found["problem"] == "no node answers there"
    [kept] = read_watched(served.node)["at"]
    assert kept.red == []
    async with aiohttp.ClientSession() as session, session.get(f"{served.url}/conformance") as page:
        text = await page.text()
    assert "could not be tried" in text
    assert "not as it should be" not in text


@pytest.mark.slow
async def test_a_member_that_shows_what_it_should_and_then_another_history(
    federation: Federation,
) -> None:
    at = await federation.join("at", "AT")
    node = federation.served[COORDINATOR].node
    [first] = (await watch(node, {"sites": ["at"]}))["watched"]
    assert first["words"] == []
    assert set(first["verdicts"]) == set(CASES)
    assert set(first["verdicts"].values()) <= {"PASS", "N/A"}
    memory = node.folder / "watching" / "at.json"
    said = msgspec.json.decode(memory.read_bytes())
    assert said["origin"] == "sopro.example/at/1"
    # What was seen before was another log than that of today.
    size, root, note = said["heads"][0]
    said["heads"] = [[size, "A" * 43 + "=", note]]
    memory.write_bytes(msgspec.json.encode(said))
    await at.node.log.append(Draft("serve_alone", {"peers": 1, "reason": "a test"}))
    [second] = (await watch(node, {}))["watched"]
    assert second["verdicts"]["LOG-07"] == "FAIL"
    assert second["words"] == [
        f"LOG-07: the head at size {size}: expected the root of the first entries, "
        "got its root is another one"
    ]
    [kept] = read_watched(node)["at"]
    assert kept.red == ["LOG-07"]
    assert root != "A" * 43 + "="
