"""Killing a node at every write point: of an append, a bundle, a mirror, an erasure, a suspension,
of what it cosigns and of what others have cosigned.

What was acknowledged is there, what was shown or cosigned is of one history, the node starts at
once, and an audit of its directory finds nothing. CI takes a sample whose seed is printed;
`SOPRO_SEED` repeats it, `make long` takes every point.
"""

import dataclasses
import http.client
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sopro_node.audit.directory import audit_directory
from sopro_node.documents import structured
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.merkle import root_of
from sopro_registry.families import site_membership
from tests.federation.federation import Federation, Site, organisation, wait_until
from tests.federation.history import Head, History, read_head
from tests.federation.rivals import Given, Rivals, check_given
from tests.federation.write_points import (
    Point,
    Tracer,
    is_dead,
    require_strace,
    start_again,
    wait_until_done,
)

EACH = 4
"""How many points of each action are in the sample."""
NUMBERS = count()


@dataclass
class Place:
    """A federation, what was promised in it, and what was shown."""

    land: Federation
    at: Site
    hu: Site
    seen: dict[str, History]
    heads: dict[str, set[Head]]
    acknowledged: dict[int, bytes]
    entity: bytes
    rivals: Rivals

    def append(self, *drafts: dict[str, Any]) -> list[dict[str, Any]]:
        """Append to `at`, and keep what it acknowledges."""
        try:
            outcomes = wait_until(lambda: self._append(drafts), "at decides as a member")
        except Exception:  # it was killed: nothing is promised
            return []
        for one in outcomes:
            assert "entry_id" in one, one
            assert self.acknowledged.setdefault(one["index"], one["entry_id"]) == one["entry_id"]
        return outcomes

    def _append(self, drafts: Sequence[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """Append; None while a release has not arrived."""
        outcomes: list[dict[str, Any]] = self.at.call("append", drafts=list(drafts))["outcomes"]
        return None if outcomes[0].get("code") == "mem.inactive" else outcomes

    def look(self) -> None:
        """Note the heads that are shown."""
        for node in (self.at, self.hu):
            for code in ("at", "eeig"):
                try:
                    self.heads[code].add(read_head(node.checkpoint(code)))
                except (OSError, AssertionError, ValueError):
                    continue

    def check(self, victim: Site) -> None:
        """Hold the promises Q1 and Q2, and the directory to its own logs."""
        # Before a peer has answered, a node that was killed serves the head before its last batch.
        wait_until(lambda: victim.status()["fence"]["state"] == "open", "it may sign again")
        for code, node in (("at", self.at), ("eeig", self.land.coordinator)):
            self.seen[code].read_on(node, code)
            self.seen[code].check_heads(self.heads[code])
        self.seen["at"].check_acknowledged(self.acknowledged)
        self.rivals.check()
        report = audit_directory(victim.folder, lambda *_: None)
        assert report.is_clean, report
        self.land.wait_for(self.hu, self.at)


def named() -> dict[str, Any]:
    document = structured("organisation", {"legal_name": f"Firma {next(NUMBERS)}"})
    return organisation() | {"documents": [dataclasses.asdict(document)]}


def append_some(place: Place) -> None:
    for _ in range(3):
        place.append(named())
        place.look()


def fill_a_bundle(place: Place) -> None:
    place.append(*[named() for _ in range(300)])
    place.look()


def erase(place: Place) -> None:
    for outcome in place.append(named()):
        try:
            place.at.call("erase", entity=outcome["entity"], reason="request")
        except Exception:  # it was killed
            return


def suspend_and_release(place: Place) -> None:
    """Have every node judge the log of `at` anew: what it decides meanwhile counts no more."""
    [member] = [
        one for one in place.land.coordinator.call("members")["members"] if one["site"] == "at"
    ]
    stated = set(site_membership.Body.__struct_fields__) - {"ends"}
    values = {name: one for name, one in member.items() if name in stated}
    values["root"] = bytes.fromhex(member["root"])
    # The command would not end a log below what the coordinator holds of it.
    ends = {"origin": place.at.origin, "size": len(place.seen["at"].leaves) - 1}
    for more in ({"status": "suspended", "ends": ends}, {"status": "admitted"}):
        draft = {"family": "site_membership", "values": values | more, "entity": place.entity}
        [outcome] = place.land.coordinator.call("append", drafts=[draft])["outcomes"]
        assert "entry_id" in outcome, outcome
        place.look()


def cosign(place: Place) -> None:
    place.rivals.race()


def publish(place: Place) -> None:
    """Have a head published and cosigned by a quorum, which the site keeps too."""
    place.append(named())
    end = time.monotonic() + 5
    while time.monotonic() < end and not is_dead(place.at):
        place.look()
        try:
            publication = place.at.status()["publication"]
        except (OSError, ValueError, http.client.HTTPException):  # it was killed
            return
        if publication["witnessed"] >= publication["published"]:
            return
    assert is_dead(place.at), "no quorum has cosigned it"


ACTIONS: dict[str, tuple[str, Callable[[Place], None]]] = {
    "append": ("at", append_some),
    "bundle": ("at", fill_a_bundle),
    "erase": ("at", erase),
    "mirror": ("hu", append_some),
    "mirror a bundle": ("hu", fill_a_bundle),
    "mirror an erasure": ("hu", erase),
    "judge anew": ("hu", suspend_and_release),
    "be suspended": ("at", suspend_and_release),
    "cosign": ("hu", cosign),
    "publish": ("at", publish),
}


@pytest.fixture
def place(land: Federation) -> Iterator[Place]:
    require_strace()
    at, hu, fr = land.start(["at", "hu", "fr"])
    land.wait_for(hu, fr)
    rivals = Rivals(hu, fr)
    fr.stop()
    land.coordinator.call("publish_policy", witnesses=["eeig", "hu"], faulty=0)
    seen = {code: History() for code in ("at", "eeig")}
    seen["at"].read_on(at, "at")
    store = SqliteStore.open(land.coordinator.folder, writing=False)
    entity = store.named(1, "site_membership", "at")
    store.close()
    assert entity is not None
    yield Place(land, at, hu, seen, {"at": set(), "eeig": set()}, {}, entity, rivals)


def do(place: Place, action: str, log: Path, *, kill_at: Point | None) -> list[Point]:
    """Do something while a node is killed at one of its writes; return those it came to."""
    code, act = ACTIONS[action]
    victim = place.land.sites[code]
    tracer = Tracer(victim, log, kill_at=kill_at)
    try:
        act(place)
        wait_until_done(victim, seconds=0.4)
    finally:
        tracer.stop()
    if is_dead(victim):
        assert start_again(victim) < 5
    else:
        assert kill_at not in tracer.points(), "the write came and nobody was killed"
    place.check(victim)
    return tracer.points()


def points(place: Place, log: Path) -> list[tuple[str, Point]]:
    """Return every write point: do everything once, and count."""
    return [(action, point) for action in ACTIONS for point in do(place, action, log, kill_at=None)]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_kill_at_any_of_forty_write_points_loses_nothing(
    place: Place, tmp_path: Path, seed: int
) -> None:
    every = points(place, tmp_path / "strace")
    chance = random.Random(seed)
    chosen = [
        point
        for action in ACTIONS
        for point in chance.sample([one for one in every if one[0] == action], EACH)
    ]
    print(f"{len(chosen)} of {len(every)} write points")
    began = time.monotonic()
    for action, point in chosen:
        print(f"{time.monotonic() - began:6.1f} s  {action}: {point.call} {point.number}")
        do(place, action, tmp_path / "strace", kill_at=point)
    assert len(place.acknowledged) > len(chosen)
    assert len(place.rivals.given) > EACH
    wait_until(
        lambda: all(one["missing"] == ["fr"] for one in place.at.status()["erasures"]),
        "what was erased is confirmed by all who run",
    )


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_kill_at_every_write_point_loses_nothing(
    place: Place, tmp_path: Path, action: str
) -> None:
    every = do(place, action, tmp_path / "strace", kill_at=None)
    for number, point in enumerate(every, 1):
        print(f"{number} of {len(every)}: {point.call} {point.number}")
        do(place, action, tmp_path / "strace", kill_at=point)


def test_the_check_sees_what_a_witness_must_not_do() -> None:
    leaves = [bytes([number]) * 32 for number in range(4)]
    root = root_of(leaves[:2])
    check_given([Given(2, root, 10), Given(2, root, 11), Given(4, root_of(leaves), 11)], leaves)
    with pytest.raises(AssertionError, match="two heads cosigned at 2"):
        check_given([Given(2, root, 10), Given(2, bytes(32), 10)], leaves)
    with pytest.raises(AssertionError, match="is kept"):
        check_given([Given(2, root, 10)], leaves[:1])
    with pytest.raises(AssertionError, match="after 11"):
        check_given([Given(2, root, 11), Given(4, root_of(leaves), 10)], leaves)
