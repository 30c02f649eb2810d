"""What is to be renewed by a day is said in time, and nothing that counts follows from it."""

import logging
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sopro_node import clock, office
from sopro_node.config import Settings
from sopro_node.drafting import Draft
from sopro_node.keyoffice import keys, plan_keys, put_keys
from sopro_node.keyring import KEYS, find_key, open_key
from sopro_node.node import Node
from sopro_node.renewal import due_keys, due_statements, list_due, say_days, warn_due
from sopro_node.telemetry import NodeMetrics
from sopro_node.upkeep import Upkeep
from sopro_protocol.errors import RefusedError
from sopro_protocol.record import sign_record
from sopro_registry.fields import format_day
from tests.node.conftest import Federation, Served, until
from tests.registry.world import statement_body


async def change(node: Node, act: str, role: str, **values: Any) -> None:
    plan = await plan_keys(node, {"act": act, "role": role, **values})
    signer = find_key(node.folder, plan["root"], passphrase=node.passphrase).signer
    await put_keys(node, {"entry": sign_record(plan["record"], [signer])})


def day(node: Node, days: int) -> str:
    """The civil date so many days from today."""
    return format_day(node.desk.today() + days)


async def renewals(node: Node) -> dict[str, str | None]:
    listed = (await keys(node, {}))["keys"]
    return {one["role"]: one["renew_by"] for one in listed if one["in_force"]}


async def test_the_first_keys_and_new_ones_have_a_last_day(lone_node: Node) -> None:
    first = day(lone_node, Settings().key_days)
    said = await renewals(lone_node)
    assert said == dict.fromkeys(said, first) | {"root": None}
    await change(lone_node, "rotate", "decision", renew_by=day(lone_node, 5))
    await change(lone_node, "rotate", "access", renew_by="")
    await change(lone_node, "rotate", "witness")
    said = await renewals(lone_node)
    assert (said["decision"], said["access"], said["witness"], said["log"]) == (
        day(lone_node, 5),
        None,
        first,
        first,
    )


async def test_a_day_is_said_anew_for_a_key_that_stays(lone_node: Node) -> None:
    before = [one.public for one in lone_node.log.held.keys]
    await change(lone_node, "date", "registrar", renew_by=day(lone_node, 3))
    await change(lone_node, "date", "root", renew_by=day(lone_node, 400))
    await change(lone_node, "date", "log", renew_by="")
    said = await renewals(lone_node)
    assert (said["registrar"], said["root"], said["log"]) == (
        day(lone_node, 3),
        day(lone_node, 400),
        None,
    )
    assert [one.public for one in lone_node.log.held.keys] == before
    with pytest.raises(RefusedError, match="expected one log key 'ffff'"):
        await plan_keys(lone_node, {"act": "date", "role": "log", "key": "ffff", "renew_by": ""})


async def test_a_retired_key_is_nothing_to_renew(lone_node: Node) -> None:
    [old] = [one for one in lone_node.log.held.keys if one.role == "decision"]
    await change(lone_node, "rotate", "decision")
    with pytest.raises(RefusedError, match="is not in force any more"):
        await change(lone_node, "date", "decision", key=old.key_id.hex()[:16], renew_by="")
    assert old.public not in {one.key.public for one in due_keys(lone_node) if one.key}


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (31, ""),
        (30, "is to be replaced by {day} (in 30 days): sopro keys rotate {folder} decision"),
        (1, "is to be replaced by {day} (in 1 day)"),
        (0, "is to be replaced by {day} (today)"),
        (-2, "was to be replaced by {day} (2 days ago)"),
    ],
)
async def test_warns_in_time_and_goes_on_after_it(lone_node: Node, days: int, words: str) -> None:
    await change(lone_node, "date", "decision", renew_by=day(lone_node, days))
    warnings = [one for one in (await keys(lone_node, {}))["warnings"] if "replaced by" in one]
    if not words:
        assert warnings == []
        return
    [warning] = warnings
    assert words.format(day=day(lone_node, days), folder=lone_node.folder) in warning
    # The key counts all the same.
    outcome = await lone_node.log.append(Draft("serve_alone", {"peers": 0, "reason": "test"}))
    assert outcome.index < lone_node.log.held.size


async def test_the_root_key_is_replaced_by_its_successor(lone_node: Node) -> None:
    await change(lone_node, "date", "root", renew_by=day(lone_node, 3))
    [warning] = warn_due(lone_node)
    assert f"sopro keys rotate {lone_node.folder} root puts its successor" in warning
    successor = open_key(lone_node.folder / KEYS / "next-root.pem").signer.public_key
    await change(lone_node, "rotate", "root", successor=successor, renew_by=day(lone_node, 99))
    assert (await renewals(lone_node))["root"] == day(lone_node, 99)


async def test_a_log_line_says_it_at_the_start_and_once_a_day(
    lone_node: Node, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await change(lone_node, "date", "decision", renew_by=day(lone_node, 3))
    upkeep = Upkeep(lone_node)
    today = lone_node.desk.today()
    with caplog.at_level(logging.WARNING, logger="sopro.upkeep"):
        await upkeep.look()
        await upkeep.look()
        assert [one.getMessage() for one in caplog.records] == ["key to be replaced"]
        assert caplog.records[0].__dict__["days"] == 3
        monkeypatch.setattr(lone_node.desk, "today", lambda: today + 1)
        await upkeep.look()
    assert [one.__dict__["days"] for one in caplog.records] == [3, 2]


async def test_metrics_say_how_long_it_is(lone_node: Node) -> None:
    await change(lone_node, "date", "decision", renew_by=day(lone_node, 2))
    [metric] = [
        one for one in NodeMetrics(lone_node).collect() if one.name == "sopro_key_renewal_seconds"
    ]
    found = {one.labels["role"]: one.value for one in metric.samples}
    assert 2 * 86_400 - 3600 <= found["decision"] <= 3 * 86_400 + 3600
    assert "root" not in found


@pytest.mark.parametrize("zone", ["Europe/Vienna", "UTC", "Pacific/Apia"])
def test_a_day_ends_when_it_is_over_in_its_zone(zone: str) -> None:
    for one in (date(2026, 3, 29), date(2026, 10, 25), date(2026, 12, 31)):
        over = clock.end_of_day(one.toordinal(), zone)
        next_day = datetime.fromtimestamp(over / 1000, tz=ZoneInfo(zone))
        assert (next_day.date(), next_day.hour) == (one + timedelta(days=1), 0)
    assert clock.end_of_day(date.max.toordinal(), zone) > 0


def test_days_are_said_in_words() -> None:
    assert [say_days(days) for days in (-1, 0, 1, 14)] == [
        "1 day ago",
        "today",
        "in 1 day",
        "in 14 days",
    ]


# Statements of conformance.


@pytest.fixture
async def pair(federation: Federation) -> tuple[Served, Served]:
    coordinator = await federation.coordinator()
    return coordinator, await federation.join("at", "AT")


async def state(coordinator: Node, **changes: Any) -> None:
    await office.change_membership(coordinator, {"site": "at", "changes": changes})


async def test_both_sides_are_warned_of_a_statement_that_ends(
    pair: tuple[Served, Served],
) -> None:
    coordinator, at = (one.node for one in pair)
    await state(coordinator, conformance=bytes(32), conformance_until=day(coordinator, 7))
    await until(lambda: bool(list_due(at)))
    [own], [theirs] = warn_due(at), warn_due(coordinator)
    assert "this site's statement of conformance ends on" in own
    assert "in 7 days" in own
    assert f"sopro members change {coordinator.folder} at --statement POSITION" in theirs
    [metric] = [one for one in NodeMetrics(at).collect() if one.name == "sopro_conformance_seconds"]
    assert [one.labels["site"] for one in metric.samples] == ["at"]


@pytest.mark.parametrize(("days", "is_warned"), [(61, False), (60, True), (31, True)])
async def test_both_sides_are_warned_from_60_days_before(
    pair: tuple[Served, Served], days: int, is_warned: bool
) -> None:
    coordinator, at = (one.node for one in pair)
    until_day = day(coordinator, days)
    await state(coordinator, conformance=bytes(32), conformance_until=until_day)
    await until(lambda: bool(due_statements(at)))
    for node in (at, coordinator):
        warnings = (await office.status(node, {}))["warnings"]
        said = [one for one in warnings if f"statement of conformance ends on {until_day}" in one]
        assert len(said) == is_warned


async def test_a_stale_statement_is_shown_and_cuts_nobody_off(pair: tuple[Served, Served]) -> None:
    coordinator, at = (one.node for one in pair)
    await state(coordinator, conformance=bytes(32), conformance_until=day(coordinator, -1))
    [member] = (await office.members(coordinator, {}))["members"]
    assert (member["stale"], member["status"]) == (True, "admitted")
    assert "ended on" in next(iter(warn_due(coordinator)))
    await at.log.append_state()
    size = at.log.held.size
    await until(lambda: coordinator.holdings.logs[at.identity.origin].cursor.projected >= size)
    assert coordinator.holdings.logs[at.identity.origin].cursor.voids == 0


async def test_a_new_statement_takes_the_place_of_the_old_one(pair: tuple[Served, Served]) -> None:
    coordinator = pair[0].node
    with pytest.raises(RefusedError, match="without the digest of a statement says nothing"):
        await state(coordinator, conformance_until=day(coordinator, 7))
    await state(coordinator, conformance=bytes(32), conformance_until=day(coordinator, 7))
    await state(coordinator, urls=["https://at.sopro.example"])
    [member] = (await office.members(coordinator, {}))["members"]
    assert (member["conformance"], member["conformance_until"]) == ("00" * 32, day(coordinator, 7))
    await state(coordinator, conformance=bytes([1]) * 32)
    [member] = (await office.members(coordinator, {}))["members"]
    assert member["conformance"] == "01" * 32
    assert "conformance_until" not in member


async def test_members_see_what_a_statement_shows(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    coordinator, at = (one.node for one in pair)
    hu = (await federation.join("hu", "HU")).node
    now = clock.now()
    said = statement_body(began=now, ended=now, valid_until=day(at, 300))
    stated = await at.log.append(Draft("conformance_statement", said))
    other = await at.log.append(Draft("conformance_statement", said | {"nonce": b"n" * 32}))
    assert stated.entry_id != other.entry_id
    await state(coordinator, conformance=stated.entry_id, conformance_until=day(at, 300))

    async def shown(node: Node) -> dict[str, list[str]]:
        listed = (await office.members(node, {}))["members"]
        return {one["site"]: one["profiles"] for one in listed}

    for node in (coordinator, hu, at):
        await until(lambda node=node: any(one.site == "at" for one in due_statements(node)))
        await until(
            lambda node=node: node.holdings.logs[at.identity.origin].cursor.projected > other.index
        )
        assert await shown(node) == {"at": ["peer", "witness"], "hu": []}
    await state(coordinator, conformance=bytes(32))
    assert (await shown(coordinator))["at"] == [], "no log that is held has that record"
