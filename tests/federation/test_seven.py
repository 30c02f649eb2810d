"""A federation of seven lives through every fault in a row (R7, R9, R16, F1, F23, F24).

A coordinator, five honest sites and a liar. After each fault all honest nodes hold the same views,
and every head that any of them ever showed is of one history. Who suffers what is drawn from a seed
that is printed; `SOPRO_SEED` repeats it.
"""

import dataclasses
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sopro_node.config import CONFIG
from sopro_node.documents import structured
from tests.federation.agreement import Agreement
from tests.federation.federation import (
    SETTINGS,
    Nursery,
    Site,
    federation,
    organisation,
    wait_until,
)
from tests.federation.history import History, read_head
from tests.federation.janus import make_fork
from tests.federation.liar import Liar, Lie, say, sign_head
from tests.federation.network import DividedLand
from tests.federation.test_fence import wait_for_state
from tests.federation.test_keys import certificate, grant, keys, load, log_signer, verify
from tests.federation.test_recovery import Run, recover, replace_disk

HONEST = ("at", "hu", "fr", "si", "sk")
LIAR = "hr"
POLL = 2
INTERVALS = 3
"""So many looks at a peer may pass until all agree again after a partition (promise Q5)."""
LIVES = 4
"""How many federations the long test lets live."""


class Seven:
    """The federation, who plays which part in it, and what it was promised."""

    def __init__(self, base: Path, land: DividedLand, nursery: Nursery, seed: int) -> None:
        self._base = base
        self._nursery = nursery
        self.land = land
        self.chance = random.Random(seed)
        self.run = Run(base)
        self.sites = [land.sites[code] for code in HONEST]
        self.liar = land.sites[LIAR]
        self.honest = [land.coordinator, *self.sites]
        self.agreement = Agreement(self.honest, ["eeig", *HONEST], [LIAR])
        self.acknowledged: dict[str, dict[int, bytes]] = {code: {} for code in HONEST}
        parts = self.chance.sample(self.sites, len(self.sites))
        self.rotating, self.robbed, self.restored, self.lost, self.leaving = parts

    def go_on(self) -> None:
        """Have every honest site append, and keep what it acknowledges."""
        for site in self.sites:
            if site in self.agreement.nodes:
                self.keep(site, site.append(self.chance.randint(1, 3)))

    def keep(self, site: Site, outcomes: Sequence[dict[str, Any]]) -> None:
        for one in outcomes:
            assert (
                self.acknowledged[site.code].setdefault(one["index"], one["entry_id"])
                == (one["entry_id"])
            )

    def others(self, site: Site) -> list[Site]:
        """Return the honest nodes that are there besides a site."""
        return [node for node in self.agreement.nodes if node is not site]

    @contextmanager
    def lying(self, site: Site, note: bytes) -> Iterator[None]:
        """Have everybody shown another head of a site than its own."""
        port = self.land.ports.take()
        liar = Liar(port, upstream=site.url)
        liar.start()
        liar.tell(Lie(rf"/log/{site.code}/1/checkpoint", say(note)))
        try:
            self.land.network.show(site, port, to=self.others(site))
            yield
        finally:
            self.land.network.show(site, site.port, to=[])
            liar.stop()

    def check_refused(self, site: Site, note: bytes, code: str) -> None:
        """See a head refused everywhere, and what was held kept."""
        others = self.others(site)
        before = {node.code: node.refusals(site.origin).get(code, 0) for node in others}
        held = {node.code: read_head(node.checkpoint(site.code)) for node in others}
        with self.lying(site, note):
            for node in others:
                wait_until(
                    lambda node=node: node.refusals(site.origin).get(code, 0) > before[node.code],
                    f"{node.code} refuses the head of {site.code} with {code}",
                )
        assert held == {node.code: read_head(node.checkpoint(site.code)) for node in others}

    def erase_canary(self, site: Site) -> bytes:
        """Have a site register a name and erase it; return the name."""
        name = f"Zaunkönig {self.chance.getrandbits(64):x}"
        document = structured("organisation", {"legal_name": name})
        draft = organisation() | {"documents": [dataclasses.asdict(document)]}
        [outcome] = site.call("append", drafts=[draft])["outcomes"]
        self.keep(site, [outcome])
        for node in self.others(site):
            self.land.wait_for(node, site)
            assert name.encode() in everything(node)
        site.call("erase", entity=outcome["entity"], reason="request", deadline="2099-12-31")
        return name.encode()


def everything(node: Site) -> bytes:
    """Return every byte in a node's directory."""
    return b"".join(path.read_bytes() for path in node.folder.rglob("*") if path.is_file())


# The faults, in the order in which they come.


def rotate_keys_under_load(seven: Seven) -> None:
    taken: list[tuple[int, bytes]] = []
    with load(seven.rotating, taken):
        keys(seven.rotating, "rotate", "log")
        keys(seven.rotating, "rotate", "log", "--finish")
    assert len(taken) > 20, "there was a load"
    seven.acknowledged[seven.rotating.code] |= dict(taken)


def steal_a_log_key(seven: Seven) -> None:
    """The log key of a site is stolen and cut off; a head above the cut convinces nobody."""
    site = seven.robbed
    stolen = log_signer(site)
    keys(site, "revoke", "log", "--at-size", site.status()["size"])
    for node in seven.others(site):
        seven.land.wait_for(node, site)
    forged = sign_head(site.origin, site.status()["size"] + 5, bytes(32), stolen)
    seven.check_refused(site, forged, "ckp.signature")


def split_a_view(seven: Seven) -> None:
    """The liar shows some another history; all find it, and the coordinator settles it."""
    liar, land = seven.liar, seven.land
    fork = make_fork(land, seven._nursery, liar)
    land.network.know(fork)
    deceived = seven.chance.sample(seven.sites, seven.chance.randint(1, 4))
    land.network.show(liar, fork.port, to=deceived)
    liar.append(seven.chance.randint(1, 3))
    fork.append(seven.chance.randint(1, 3))
    for node in seven.agreement.nodes:
        wait_until(
            lambda node=node: (
                node.mirror(liar.origin)["evidence"]
                and "two histories" in str(node.mirror(liar.origin)["problem"])
            ),
            f"{node.code} has evidence and says so",
        )
    fork.kill()
    land.network.show(liar, liar.port, to=[])
    land.coordinator.call("set_membership", site=LIAR, status="suspended")
    # The coordinator may have had evidence before it had either history, and is told which it is.
    history = History()
    history.read_on(liar, LIAR)
    keep = [root.hex() for root in history.roots.values()]
    assert land.release(liar, keep=keep)["abandoned"]
    liar.append()
    for node in seven.agreement.nodes:
        land.wait_for(node, liar)


def roll_back(seven: Seven) -> None:
    """The liar shows an old head again."""
    old = seven.liar.checkpoint(LIAR)
    seven.liar.append(3)
    for node in seven.agreement.nodes:
        seven.land.wait_for(node, seven.liar)
    seven.check_refused(seven.liar, old, "hos.rollback")


def restore_an_old_backup(seven: Seven) -> None:
    """What was published since comes back from the mirrors; what was erased since does not."""
    site, run = seven.restored, seven.run
    target, chest = seven._base / "backup", seven._base / f"keys-{site.code}"
    run("backup", site.folder, target, *run.with_keys(chest))
    name = seven.erase_canary(site)
    for _ in range(5):
        seven.keep(site, site.append())
    for node in seven.others(site):
        seven.land.wait_for(node, site)
    published = read_head(site.checkpoint(site.code))
    site.stop()
    replace_disk(site)
    run("restore", target, site.folder, *run.with_keys(chest))
    site.start()
    wait_for_state(site, "open")
    [outcome] = site.append()
    assert outcome["index"] == published[0]
    seven.keep(site, [outcome])
    assert name not in everything(site)


def lose_a_disk(seven: Seven) -> None:
    """Nothing is left but the keys."""
    site, run = seven.lost, seven.run
    chest = seven._base / f"keys-{site.code}"
    run("backup", site.folder, seven._base / "never-read", *run.with_keys(chest))
    shutil.rmtree(seven._base / "never-read")
    seven.keep(site, site.append(3))
    for node in seven.others(site):
        seven.land.wait_for(node, site)
    published = site.checkpoint(site.code)
    site.kill()
    replace_disk(site)
    recover(run, site, seven.land, chest)
    with (site.folder / CONFIG).open("a", encoding="utf-8") as file:
        for name, value in {**SETTINGS, "poll_seconds": POLL}.items():
            file.write(f"{name} = {value}\n")
    site.start()
    wait_for_state(site, "open")
    assert read_head(site.checkpoint(site.code)) == read_head(published)


def leave(seven: Seven) -> None:
    """A member leaves and is switched off; its log stays with everybody."""
    site, coordinator = seven.leaving, seven.land.coordinator
    seven.land.wait_for(coordinator, site)
    coordinator.call("set_membership", site=site.code, status="left")
    seven.land.wait_for(site, coordinator)
    assert site.status()["membership"] == "left"
    seven.agreement.check("leaving, before it is switched off")
    seven.agreement.leave(site)
    site.stop()


def erase(seven: Seven) -> None:
    site = seven.chance.choice([one for one in seven.sites if one in seven.agreement.nodes])
    name = seven.erase_canary(site)
    wait_until(lambda: site.status()["erasures"] == [], "everybody has confirmed")
    assert [node.code for node in seven.agreement.nodes if name in everything(node)] == []


def fall_into_halves(seven: Seven) -> None:
    nodes = [*seven.agreement.nodes, seven.liar]
    seven.chance.shuffle(nodes)
    halves = nodes[:3], nodes[3:]
    network = seven.land.network
    network.divide(halves, silent=seven.chance.random() < 0.5)
    seven.go_on()
    for half in halves:
        for source in half:
            for node in half:
                if node is not source:
                    wait_until(
                        lambda node=node, source=source: (
                            read_head(node.checkpoint(source.code))
                            == read_head(source.checkpoint(source.code))
                        ),
                        f"{node.code} has all of {source.code} on its side",
                    )
    assert seven.agreement.differences(), "both halves have gone on by themselves"
    began = time.monotonic()
    network.heal()
    seven.agreement.wait_for_heads("the healing", patience=INTERVALS * POLL)
    print(f"healed within {time.monotonic() - began:.2f} s")


FAULTS: dict[str, Callable[[Seven], None]] = {
    "rotation of log keys under load": rotate_keys_under_load,
    "a stolen log key": steal_a_log_key,
    "a split view": split_a_view,
    "a rollback": roll_back,
    "an old backup": restore_an_old_backup,
    "a lost disk": lose_a_disk,
    "a member that leaves": leave,
    "an erasure": erase,
    "a partition into halves": fall_into_halves,
}


def live(base: Path, nursery: Nursery, seed: int) -> None:
    """Let a federation live through all of it."""
    began = time.monotonic()
    land = DividedLand(base, nursery)
    with federation(base, nursery, land=land):
        land.start([*HONEST, LIAR], poll_seconds=POLL)
        seven = Seven(base, land, nursery, seed)
        names = [node.code for node in seven.honest]
        land.coordinator.call("publish_policy", witnesses=names, faulty=1)
        number = grant(seven.rotating)
        with seven.agreement.watcher:
            seven.agreement.check("the start")
            for fault, happen in FAULTS.items():
                happen(seven)
                seven.go_on()
                heads = seven.agreement.check(fault)
                print(f"{time.monotonic() - began:5.1f} s  {fault}: {heads} heads of one history")
        for code, acknowledged in seven.acknowledged.items():
            seven.agreement.history(code).check_acknowledged(acknowledged)
        for node in seven.agreement.nodes:
            assert verify(land, certificate(node, number)) == "active"


@pytest.mark.slow
def test_seven_agree_after_every_fault(tmp_path: Path, nursery: Nursery, seed: int) -> None:
    live(tmp_path, nursery, seed)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_more_federations_of_seven_do_so_too(tmp_path: Path, nursery: Nursery, seed: int) -> None:
    for number in range(LIVES):
        base = tmp_path / str(number)
        base.mkdir()
        live(base, nursery, seed + number)
