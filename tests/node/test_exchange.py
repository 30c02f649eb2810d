"""Sites and a coordinator that exchange their logs over real sockets."""

import asyncio
from dataclasses import replace
from typing import NoReturn

import aiohttp
import pytest

from sopro_node import clock
from sopro_node.certificates import make_certificate
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_node.fetch import Fetch
from sopro_node.reach import ANYWHERE
from sopro_node.telemetry import render_metrics
from sopro_protocol.errors import PeerError, RefusedError, SoproError, VerificationError
from sopro_registry.certificate import open_certificate
from tests.node.conftest import Federation, decide, grant, until


def size_at(federation: Federation, where: str, site: str) -> int:
    held = federation.served[where].node.holdings.logs.get(f"sopro.example/{site}/1")
    return held.cursor.projected if held else 0


async def test_a_decision_is_known_everywhere(federation: Federation) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    number, entity = await grant(at.node)
    size = at.node.log.held.size
    for where in ("eeig", "hu"):
        await until(lambda where=where: size_at(federation, where, "at") == size)
        answer = federation.served[where].node.desk.label(number)
        assert (answer.status, answer.site) == ("active", "at")
    await decide(
        at.node,
        entity,
        action="revoke",
        reason_code="false_information",
        appeal_until="2026-12-01",
        certificate=number,
    )
    await until(lambda: hu.node.desk.label(number).status == "revoked")
    assert at.node.desk.label(number).computed_from == hu.node.desk.label(number).computed_from


async def test_pushes_new_heads_faster_than_it_polls(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    object.__setattr__(coordinator.node.settings, "poll_seconds", 3_600)
    await until(lambda: coordinator.node.hub.listeners > 0)
    await grant(at.node)
    await until(lambda: size_at(federation, "eeig", "at") == at.node.log.held.size, seconds=5)


async def test_takes_what_comes_with_a_head_without_asking(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    await grant(at.node)
    await until(lambda: size_at(federation, "eeig", "at") == at.node.log.held.size)
    asked = []

    async def get(url: str, **_: object) -> NoReturn:
        asked.append(url)
        raise PeerError(f"{url}: not now", code="hos.unreachable")

    monkeypatch.setattr(coordinator.node.exchange._fetch, "get", get)
    names = structured("organisation", {"name": "Tischlerei Morgenrot"})
    values = {"actor_type": "enterprise", "country": "AT", "effective_date": "2026-10-01"}
    draft = Draft("organisation", {**values, "status": "active"}, documents=(names,))
    before = at.node.log.held.size
    await at.node.log.append(draft)
    await until(lambda: size_at(federation, "eeig", "at") == at.node.log.held.size)
    assert [url for url in asked if "/log/at/" in url] == []
    mirrored = coordinator.node.holdings.logs["sopro.example/at/1"]
    assert mirrored.checkpoint == at.node.log.held.checkpoint
    kept = coordinator.node.reader.documents.get(mirrored.number, before, 0)
    assert kept is not None
    assert b"Morgenrot" in kept.content


async def test_syncs_many_bundles_with_workers(federation: Federation) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    values = {
        "actor_type": "enterprise",
        "country": "AT",
        "effective_date": "2026-10-01",
        "status": "active",
    }
    for _ in range(3):
        await at.node.log.append_all([Draft("organisation", values) for _ in range(1_000)])
    await federation.join("hu", "HU")
    size = at.node.log.held.size
    await until(lambda: size_at(federation, "hu", "at") == size, seconds=60)
    mirrored = federation.served["hu"].node.holdings.logs["sopro.example/at/1"]
    assert mirrored.tree.root() == at.node.log.held.tree.root()
    assert mirrored.checkpoint == at.node.log.held.checkpoint
    await at.node.log.append_all([Draft("organisation", values) for _ in range(300)])
    await until(lambda: size_at(federation, "hu", "at") == at.node.log.held.size)
    assert mirrored.tree.root() == at.node.log.held.tree.root()


async def test_of_the_logs_one_is_pulled_alone_with_the_coordinators(
    federation: Federation,
) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    fr = await federation.join("fr", "FR")
    await fr.node.exchange.sync_once()
    await fr.node.exchange.stop()
    for one in (at, hu):
        await grant(one.node)
    results = await fr.node.exchange.sync_once("sopro.example/at/1")
    assert {origin.split("/")[1] for origin in results} == {"eeig", "at"}
    assert size_at(federation, "fr", "at") == at.node.log.held.size
    assert size_at(federation, "fr", "hu") < hu.node.log.held.size


async def test_a_mirror_that_is_cut_off_too_is_passed_over_for_one_that_is_not(
    federation: Federation,
) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    fr = await federation.join("fr", "FR")
    for one in (coordinator, hu, fr):
        await one.node.exchange.sync_once()
        await one.node.exchange.stop()
    await grant(at.node)
    await hu.node.exchange.sync_once()
    await at.close()
    del federation.served["at"]
    [target] = [one for one in fr.node.exchange.targets() if one.origin.endswith("/at/1")]
    path = "/log/at/1"
    stale, fresh = coordinator.url + path, hu.url + path
    async with Fetch(reach=ANYWHERE) as fetch:
        only_stale = replace(target, bases=(at.url + path, stale), own_bases=1)
        pulled = await fr.node.exchange.mirror.pull(only_stale, fetch)
        assert (pulled.added, getattr(pulled.problem, "code", "")) == (0, "hos.unreachable")
        both = replace(target, bases=(at.url + path, stale, fresh), own_bases=1)
        pulled = await fr.node.exchange.mirror.pull(both, fetch)
    assert pulled.added > 0
    assert pulled.problem is not None
    assert size_at(federation, "fr", "at") == size_at(federation, "hu", "at")


async def test_takes_a_log_from_a_mirror_when_its_origin_is_down(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    number, _ = await grant(at.node)
    await until(lambda: size_at(federation, "eeig", "at") == at.node.log.held.size)
    await at.close()
    del federation.served["at"]
    hu = await federation.join("hu", "HU")
    await until(lambda: size_at(federation, "hu", "at") == size_at(federation, "eeig", "at"))
    assert hu.node.desk.label(number).status == "active"
    assert coordinator.node.desk.label(number).status == "active"


async def test_a_site_cannot_decide_before_it_is_admitted(federation: Federation) -> None:
    await federation.coordinator()
    alone = await federation.begin("xx", "AT")
    with pytest.raises(RefusedError, match="has not joined the federation") as caught:
        await grant(alone.node)
    assert caught.value.code == "mem.inactive"


async def test_a_certificate_is_verified_with_the_invite_alone(federation: Federation) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    number, _ = await grant(at.node)
    data = make_certificate(at.node.reader, at.node.holdings, number)
    invite = at.node.invite
    assert invite is not None
    day = at.node.desk.today()
    opened = open_certificate(
        data, coordinator=invite.origin, coordinator_root=invite.root_key, day=day
    )
    assert (opened.number, opened.status, opened.site) == (number, "active", "at")
    with pytest.raises(VerificationError):
        open_certificate(data, coordinator=invite.origin, coordinator_root=bytes([7] * 32), day=day)
    for place in range(40, len(data), max(1, len(data) // 97)):
        forged = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        try:
            found = open_certificate(
                forged, coordinator=invite.origin, coordinator_root=invite.root_key, day=day
            )
        except SoproError:
            continue
        # The name of a part that a file may lack: it is passed over with what it holds.
        assert (found.status, found.size, found.number) == ("active", opened.size, number), place


async def test_lists_organisations_of_every_site_it_mirrors(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    for _ in range(3):
        await grant(at.node)
    await until(lambda: size_at(federation, "eeig", "at") == at.node.log.held.size)
    async with aiohttp.ClientSession(coordinator.url) as session:
        url = "/api/v1/organisations?site=at&limit=2"
        first = await (await session.get(url)).json()
        rest = await (await session.get(f"{url}&after={first['next']}")).json()
        found = [*first["organisations"], *rest["organisations"]]
        assert [one["country"] for one in found] == ["AT"] * 3
        assert rest["next"] is None
        one = await (await session.get(f"/api/v1/organisations/at/{found[0]['entity']}")).json()
        assert one == found[0]
        for wrong, status in {"at/00": 400, f"at/{'0' * 32}": 404, f"xx/{'0' * 32}": 404}.items():
            answer = await session.get(f"/api/v1/organisations/{wrong}")
            assert (answer.status, answer.content_type) == (status, "application/problem+json")
            assert (await answer.json())["code"]


async def test_statistics_agree_everywhere(federation: Federation) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    await federation.join("hu", "HU")
    await asyncio.gather(*[grant(at.node) for _ in range(5)])
    for where in ("eeig", "hu"):
        await until(lambda where=where: size_at(federation, where, "at") == at.node.log.held.size)
    counted = [
        [
            (one.site, one.labels, one.decisions, one.computed_from)
            for one in (await served.node.counting.statistics()).sites
            if one.site == "at"
        ]
        for served in federation.served.values()
    ]
    assert counted[0] == counted[1] == counted[2]
    assert counted[0][0][1] == {"active": 5}


async def test_an_answer_is_never_older_than_the_log_it_names(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await federation.coordinator()
    at = (await federation.join("at", "AT")).node
    number, entity = await grant(at)
    old, read = at.reader.label(number), at.reader.label
    await decide(at, entity, action="terminate_on_request", reason_code="holder_request")
    rows = iter([old])

    def read_before_the_commit(asked: str) -> object:
        row = next(rows, None)
        if row is None:
            return read(asked)
        at.holdings.published += 1  # as the writer does when it shows the decision
        return row

    monkeypatch.setattr(at.reader, "label", read_before_the_commit)
    answer = at.desk.label(number)
    assert answer.status == "terminated"
    assert answer.computed_from[0].size == at.log.held.size


async def test_a_clock_set_back_makes_nobody_current(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    await at.node.exchange.stop()
    state = at.node.exchange.peers["sopro.example/eeig/1"]
    assert state.confirmed

    def lag() -> object:
        [mirror] = at.node.status()["mirrors"]
        return mirror["lag_seconds"]

    hour = 3_600_000
    now, uptime = clock.now(), clock.uptime()
    monkeypatch.setattr(clock, "now", lambda: now - hour)
    monkeypatch.setattr(clock, "uptime", lambda: uptime + 300)
    assert 300 <= lag() < 330
    assert (
        'sopro_peer_lag_seconds{origin="sopro.example/eeig/1"} 30'
        in render_metrics(at.node).decode()
    )
    # After a restart only the time that was stored is known, and it is still to come.
    state.heard = None
    assert lag() is None
    assert (
        'sopro_peer_lag_seconds{origin="sopro.example/eeig/1"} +Inf'
        in render_metrics(at.node).decode()
    )
    monkeypatch.setattr(clock, "now", lambda: now + hour)
    assert 3600 <= lag() < 3630
