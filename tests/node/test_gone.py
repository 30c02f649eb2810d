"""A site that has gone cannot take its labels' certificates away."""

import asyncio
import json
import urllib.request
from typing import Any

import pytest
from click.testing import CliRunner

from sopro_cli.main import main
from sopro_node import certificate_desk, memberships, office
from sopro_node.found import COORDINATOR
from sopro_registry.verdict import Verdict
from tests.node.conftest import Federation, Served, grant, until

ORIGIN = "sopro.example/at/1"


async def test_what_is_written_after_the_end_keeps_no_certificate_from_anybody(
    federation: Federation,
) -> None:
    """Nobody cosigns it any more, and a certificate waits for cosignatures."""
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    values = {"witnesses": [COORDINATOR, "hu"], "faulty": 0}
    await office.publish_policy(coordinator.node, values)
    number, _ = await grant(at.node)
    size = at.node.log.held.size

    def is_witnessed() -> bool:
        logs = [one.node.holdings.logs[ORIGIN] for one in (coordinator, hu)]
        return all(one.witnessed_size == one.signed_size == size for one in logs)

    await until(is_witnessed)
    await memberships.set_membership(coordinator.node, {"site": "at", "status": "expelled"})
    await until(lambda: hu.node.holdings.directory.endings(ORIGIN))
    await at.node.log.append_state()
    await until(lambda: hu.node.holdings.logs[ORIGIN].signed_size > size)
    made = await certificate_desk.certificate(hu.node, {"number": number})
    judged = await certificate_desk.judge(hu.node, made["content"], day=hu.node.desk.today())
    assert (judged.verdict, judged.is_witnessed) == (Verdict.VALID, True), judged.why
    assert judged.opened is not None
    assert (judged.opened.size, judged.opened.covers_end) == (size, True)


async def ask(one: Served, path: str, *, language: str = "en") -> str:
    request = urllib.request.Request(one.url + path, headers={"Accept-Language": language})
    reading = asyncio.to_thread(lambda: urllib.request.urlopen(request).read())
    return str((await reading).decode())


@pytest.mark.parametrize(
    ("successor", "caretaker", "said"),
    [
        ("hu", "hu", "hu looks after it"),
        ("", "eeig", "eeig looks after it, as no site has been named to take it over"),
    ],
)
async def test_programs_are_told_that_a_label_is_orphaned_and_who_looks_after_it(
    federation: Federation,
    monkeypatch: pytest.MonkeyPatch,
    successor: str,
    caretaker: str,
    said: str,
) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    number, _ = await grant(at.node, valid_until="2028-06-01")
    size = at.node.log.held.size
    await until(lambda: hu.node.holdings.logs[ORIGIN].signed_size >= size)
    answer = json.loads(await ask(hu, f"/api/v1/labels/{number}"))
    assert (answer["caretaker"], answer["overlays"]) == ("", [])
    values = {"site": "at", "status": "left"} | ({"successor": successor} if successor else {})
    await memberships.set_membership(coordinator.node, values)
    await until(lambda: hu.node.holdings.directory.endings(ORIGIN))
    answer = json.loads(await ask(hu, f"/api/v1/labels/{number}?at=2028-01-01"))
    assert (answer["caretaker"], answer["successor"]) == (caretaker, successor)
    assert "orphaned" in answer["overlays"]

    def stands(_folder: object, _name: str, **_values: object) -> dict[str, Any]:
        return answer | {"describes": shown["describes"], "findings": []}

    shown = await office.label(hu.node, {"number": number, "at": "2028-01-01"})
    assert (list(shown["overlays"]), shown["caretaker"]) == (answer["overlays"], caretaker)
    monkeypatch.setattr("sopro_cli.labels.ask", stands)
    lines = CliRunner().invoke(main, ["label", "show", number]).stdout
    assert "orphaned: its site is gone" in lines
    assert f"at is no member any more; {said}\n" in lines
    page = await ask(hu, f"/label/{number}", language="de")
    assert ("Betreut wird es von:" if successor else "bis dahin betreut es: eeig.") in page
