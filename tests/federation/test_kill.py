"""Killing nodes at random moments: nothing acknowledged is lost, no history is told twice.

Load comes from several callers and a stream of batches as an import makes them, over the control
socket; a peer syncs all the while. One of the two is killed with SIGKILL, started again, and what
was ever promised is compared with what is there. The seed is printed; `SOPRO_SEED` repeats it.
"""

import asyncio
import http.client
import random
import threading
import time

import pytest

from sopro_node.control import call
from sopro_protocol.errors import SoproError
from sopro_protocol.tile import WIDTH, entries_path
from tests.federation.federation import ROUTES, Federation, Site, organisation, wait_until
from tests.federation.history import Head, History, read_head

CALLERS = 4
BATCH = 200


class Watcher:
    """Notes every head of a log that any of these nodes ever shows."""

    def __init__(self, nodes: list[Site], code: str) -> None:
        self._nodes = nodes
        self._code = code
        self._ended = threading.Event()
        self.heads: set[Head] = set()
        self._threads = [threading.Thread(target=self._watch, args=(node,)) for node in nodes]

    def __enter__(self) -> "Watcher":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, node: Site) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=2)
        while not self._ended.wait(0.005):
            try:
                connection.request("GET", ROUTES.format(site=self._code) + "/checkpoint")
                answer = connection.getresponse()
                note = answer.read()
                if answer.status == 200:
                    self.heads.add(read_head(note))
            except (OSError, http.client.HTTPException):
                connection.close()
        connection.close()


class Load:
    """Appends from several callers until it is told to stop, and keeps what was acknowledged."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.acknowledged: dict[int, bytes] = {}

    async def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        sizes = [1] * CALLERS + [BATCH]
        await asyncio.gather(*(self._append(size, end) for size in sizes))

    async def _append(self, size: int, end: float) -> None:
        drafts = [organisation()] * size
        while time.monotonic() < end:
            try:
                answer = await call(self._site.folder, "append", {"drafts": drafts})
            except (SoproError, OSError):
                return
            if answer is None:
                return
            for outcome in answer["outcomes"]:
                assert (
                    self.acknowledged.setdefault(outcome["index"], outcome["entry_id"])
                    == (outcome["entry_id"])
                ), "one index was given to two entries"


def kill_again_and_again(land: Federation, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    at, hu = land.start(["at", "hu"])
    load, history = Load(at), History()
    with Watcher([at, hu], "at") as watcher:
        for _ in range(kills):
            victim = chance.choice([at, at, hu])
            moment = chance.uniform(0.02, 0.4)
            killer = threading.Timer(moment, victim.kill)
            killer.start()
            asyncio.run(load.run(moment + 0.05))
            killer.join()
            victim.start()
            # Until its peers have answered it serves the head before the last batch (SPEC FENCE).
            wait_until(lambda: at.get("/health").json["fence"] == "open", "at signs again")
            history.read_on(at, "at")
            history.check_acknowledged(load.acknowledged)
        land.wait_for(hu, at)
    history.read_on(at, "at")
    history.check_acknowledged(load.acknowledged)
    history.check_heads(watcher.heads)
    assert len(load.acknowledged) > kills
    assert len(watcher.heads) > kills
    check_same_bytes(at, hu, len(history.leaves))
    print(f"{kills} kills, {len(load.acknowledged)} acknowledged, {len(watcher.heads)} heads")


def check_same_bytes(origin: Site, mirror: Site, size: int) -> None:
    for number in range(-(-size // WIDTH)):
        path = f"/log/at/1/{entries_path(index=number, width=min(WIDTH, size - number * WIDTH))}"
        assert origin.get(path).body == mirror.get(path).body


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_forty_kills_lose_nothing(land: Federation, seed: int) -> None:
    kill_again_and_again(land, 40, seed)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_four_hundred_kills_lose_nothing(land: Federation, seed: int) -> None:
    kill_again_and_again(land, 400, seed)


@pytest.mark.slow
def test_the_checks_see_what_they_are_there_for(land: Federation) -> None:
    """Notice a lost entry, a shorter log and a second history."""
    [at] = land.start(["at"])
    at.append(3)
    history = History()
    history.read_on(at, "at")
    size = len(history.leaves)
    with pytest.raises(AssertionError, match="lost"):
        history.check_acknowledged({size: bytes(32)})
    with pytest.raises(AssertionError, match="another one"):
        history.check_acknowledged({size - 1: bytes(32)})
    with pytest.raises(AssertionError, match="is gone"):
        history.check_heads({(size + 1, bytes(32))})
    with pytest.raises(AssertionError, match="another history"):
        history.check_heads({(size, bytes(32))})
