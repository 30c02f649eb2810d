"""Whole journeys of a federation whose members come, go and stay away."""

import pytest

from sopro_node.keyring import load_keys
from sopro_protocol.checkpoint import open_checkpoint
from sopro_protocol.keys import Role, make_vkey
from tests.federation.federation import Federation, is_alive, state_of, sync, wait_until
from tests.federation.liar import Liar, Lie, say

pytestmark = pytest.mark.slow


def test_a_member_admitted_while_others_run_is_followed_without_a_restart(
    land: Federation,
) -> None:
    [at] = land.start(["at"])
    hu = land.new("hu")
    land.join(hu)
    hu.append(3)
    at.append(3)
    land.wait_for(at, hu)
    land.wait_for(hu, at)
    land.wait_for(land.coordinator, at)
    land.wait_for(land.coordinator, hu)


def test_a_dead_origin_stops_nobody(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    at.append(3 * 256)
    land.wait_for(hu, at)
    head = at.checkpoint("at")
    at.kill()

    fr = land.new("fr")
    land.join(fr)
    wait_until(lambda: fr.checkpoint("at") == head, "fr has the log of the dead site")

    signer = load_keys(at.folder, Role.LOG)[Role.LOG]
    key = make_vkey(at.origin, signer.public_key)
    size = open_checkpoint(fr.checkpoint("at"), origin=at.origin, keys=[key]).size
    for bundle in ("000", "001", "002", f"003.p/{size % 256}"):
        path = f"/log/at/1/bundle/{bundle}"
        assert fr.get(path).body == hu.get(path).body
    mirror = fr.mirror(at.origin)
    assert mirror["judged"] == mirror["size"]
    assert mirror["problem"]["code"] == "hos.unreachable"
    assert mirror["confirmed_at"] is None, "a mirror cannot say that there is nothing newer"

    at.start()
    at.append()
    land.wait_for(fr, at)
    assert fr.mirror(at.origin)["problem"] is None


def test_a_killed_node_leaves_no_worker_behind(land: Federation) -> None:
    land.start_coordinator()
    at, hu = land.new("at"), land.new("hu")
    land.join(at)
    at.append(6 * 256)
    land.join(hu)
    land.wait_for(hu, at)
    workers = hu.workers()
    assert workers
    hu.kill()
    wait_until(lambda: not any(is_alive(worker) for worker in workers), "the workers have ended")


def test_an_origin_whose_mirror_lags_is_dead_and_not_rolled_back(land: Federation) -> None:
    at, hu, fr = land.start(["at", "hu", "fr"])
    land.wait_for(hu, at)
    for lagging in (hu, land.coordinator):
        lagging.stop()
    at.append()
    land.wait_for(fr, at)
    at.kill()
    hu.start()
    for _ in range(2):
        assert sync(fr)[at.origin].get("code") == "hos.unreachable"


def test_a_log_that_acts_on_what_is_not_here_yet_waits_for_it(land: Federation) -> None:
    land.start_coordinator()
    at, fr = land.new("at"), land.new("fr")
    land.join(at)
    liar = Liar(land.ports.take(), upstream=land.coordinator.url)
    liar.start()
    try:
        land.join(fr, invite=land.invite() | {"urls": [liar.url]})
        land.wait_for(fr, at)
        old = fr.checkpoint("eeig")
        for site in (at, land.coordinator):
            land.wait_for(site, fr)

        liar.tell(Lie(r"/log/eeig/1/checkpoint", say(old)))
        land.coordinator.call("set_membership", site="fr", status="suspended")
        land.wait_for(at, land.coordinator)
        at.append(3)
        wait_until(lambda: fr.checkpoint("at") == at.checkpoint("at"), "fr has all entries of at")
        mirror = fr.mirror(at.origin)
        assert mirror["judged"] < mirror["size"]
        assert mirror["void"] == 0

        liar.be_honest()
        land.wait_for(fr, at)
        assert fr.mirror(at.origin)["void"] == 0
        assert state_of(fr, at) == state_of(at, at)
    finally:
        liar.stop()
