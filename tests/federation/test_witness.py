"""Witnesses as processes: killed while they cosign, stopped while they are asked; no rollback."""

import hashlib
import http.client
import os
import random
import re
import signal
import threading
import time

import pytest

from sopro_node.keyring import load_keys
from sopro_protocol.cosignature import open_cosignature
from sopro_protocol.keys import COSIGNATURE, Role, VerifierKey, make_vkey
from sopro_protocol.note import add_signatures, parse_note, parse_signatures
from sopro_protocol.policy import open_witnessed, parse_policy
from tests.federation.federation import Federation, Site, wait_until
from tests.federation.history import History, read_head
from tests.node.witnessing import Author, post

ASKERS = 3


def vkey_of(site: Site) -> VerifierKey:
    public = load_keys(site.folder, Role.WITNESS)[Role.WITNESS].public_key
    return make_vkey(f"sopro.example/{site.code}/witness", public, key_type=COSIGNATURE)


def kept_by(witness: Site, origin: str) -> bytes:
    digest = hashlib.sha256(origin.encode()).hexdigest()
    answer = witness.get(f"/witness/{digest}/checkpoint")
    return answer.body if answer.status == 200 else b""


class Askers:
    """Ask a witness for one log from several sides at once, until it is gone."""

    def __init__(self, witness: Site, author: Author, seed: int) -> None:
        self._witness = witness
        self._author = author
        self._vkey = vkey_of(witness)
        self._seed = seed
        self.given: list[tuple[int, int, int]] = []
        self.problems: list[str] = []

    def run(self) -> None:
        threads = [
            threading.Thread(target=self._ask, args=(random.Random(self._seed + number),))
            for number in range(ASKERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _ask(self, chance: random.Random) -> None:
        old = 0
        while True:
            new = max(old, self._author.held) + chance.randrange(3)
            try:
                answer = post(self._witness.port, self._author.request(old, new))
            except (OSError, http.client.HTTPException):
                return
            if answer.status == 200:
                note = add_signatures(self._author.sign(new), parse_signatures(answer.body))
                self.given.append((old, new, open_cosignature(parse_note(note), self._vkey)))
                old = new
            elif answer.status == 409:
                old = int(answer.body)
            else:
                self.problems.append(f"{answer.status} {answer.body[:200]!r}")
                return


def check_chain(given: list[tuple[int, int, int]]) -> None:
    """Every cosignature begins where the one before ended, and no time falls."""
    end = moment = 0
    for old, new, at in sorted(given):
        assert old >= end, f"cosigned from {old} after {end} was cosigned: a rollback"
        assert at >= moment, f"cosigned at {at} after {moment}"
        end, moment = new, at


def kill_while_cosigning(land: Federation, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    at, hu = land.start(["at", "hu"])
    land.wait_for(hu, at)
    history = History()
    history.read_on(hu, "at")
    at.stop()
    author = Author(at.folder, at.origin, history.leaves, more=100_000 // 4)
    askers = Askers(hu, author, seed)
    for _ in range(kills):
        killer = threading.Timer(chance.uniform(0.02, 0.25), hu.kill)
        killer.start()
        askers.run()
        killer.join()
        hu.start()
        assert askers.problems == []
        check_chain(askers.given)
        largest = max((new for _, new, _ in askers.given), default=0)
        kept = kept_by(hu, at.origin)
        if largest:
            size, root = read_head(kept)
            assert size >= largest, f"{largest} was cosigned, {size} is kept"
            assert root == author.root(size)
            stale = post(hu.port, author.request(size + 1, size + 2))
            assert (stale.status, stale.body) == (409, b"%d\n" % size)
    assert len(askers.given) > kills
    print(f"{kills} kills, {len(askers.given)} cosignatures, size {askers.given[-1][1]}")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_twenty_kills_lose_no_cosigned_head(land: Federation, seed: int) -> None:
    kill_while_cosigning(land, 20, seed)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_hundred_kills_lose_no_cosigned_head(land: Federation, seed: int) -> None:
    kill_while_cosigning(land, 200, seed)


def test_the_check_sees_a_rollback_and_a_time_that_falls() -> None:
    check_chain([(0, 5, 10), (5, 5, 10), (7, 9, 11)])
    with pytest.raises(AssertionError, match="a rollback"):
        check_chain([(0, 5, 10), (4, 6, 10)])
    with pytest.raises(AssertionError, match="after 10"):
        check_chain([(0, 5, 10), (5, 6, 9)])


def witnessed_size(site: Site) -> int:
    return int(site.status()["publication"]["witnessed"])


def metric(node: Site, name: str, /, **labels: str) -> float:
    inner = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    found = re.search(
        rf"(?m)^{re.escape(f'{name}{{{inner}}}')} ([0-9.e+]+)$", node.get("/metrics").body.decode()
    )
    return float(found[1]) if found else -1.0


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_two_of_three_witnesses_are_enough_while_one_is_stopped(land: Federation) -> None:
    """A process that takes connections and says nothing, its return, then another policy."""
    at, _, si = land.start(["at", "hu", "si"])
    land.coordinator.call("publish_policy", witnesses=["at", "hu", "si"], faulty=0)
    wait_until(lambda: witnessed_size(at) == at.status()["size"], "all of at is witnessed")
    assert si.process is not None
    os.kill(si.process, signal.SIGSTOP)
    try:
        for _ in range(3):
            began = time.monotonic()
            [outcome] = at.append()
            appended = time.monotonic() - began
            wait_until(lambda index=outcome["index"]: witnessed_size(at) > index, "a quorum")
            assert appended < 1
        policy = parse_policy(at.get("/api/v1/witness-policy").body)
        note = at.checkpoint("at")
        _, witnessed = open_witnessed(note, origin=at.origin, policy=policy)
        assert witnessed.times.keys() == {"at", "hu"}
        wait_until(
            lambda: metric(at, "sopro_witness_failures_total", code="hos.timeout", site="si") > 0,
            "si fails",
        )
        assert metric(at, "sopro_log_unwitnessed_seconds", origin=at.origin) == 0
    finally:
        os.kill(si.process, signal.SIGCONT)
    wait_until(
        lambda: (
            {one["site"] for one in at.status()["witnesses"] if one["cosigned_at"]}
            == {"at", "hu", "si"}
        ),
        "si cosigns what it missed",
    )
    assert metric(at, "sopro_witness_cosignatures_total", site="si") > 0
    # A policy that cannot be met takes the word back; publishing goes on.
    si.kill()
    land.coordinator.call("publish_policy", witnesses=["hu", "si"], faulty=0)
    [outcome] = at.append()
    wait_until(lambda: at.status()["witness_policy"]["witnesses"] == ["hu", "si"], "the new policy")
    assert at.status()["publication"]["published"] > outcome["index"] >= witnessed_size(at)
    wait_until(
        lambda: metric(at, "sopro_log_unwitnessed_seconds", origin=at.origin) > 0, "it waits"
    )
    si.start()
    wait_until(lambda: witnessed_size(at) > outcome["index"], "a quorum again", patience=40)
