"""Two histories shown to two halves of a federation: found, proven, survived and settled.

The liar stands at the address of `at`; which history it shows depends on who asks. Each half is
shown one that is consistent in itself, so only talking to each other can tell them.
"""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sopro_node.found import INVITE
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.encoding import decode, encode
from sopro_protocol.errors import UnavailableError
from sopro_protocol.evidence import MAX_EVIDENCE
from tests.federation.federation import (
    SOPRO,
    Federation,
    Nursery,
    Site,
    federation,
    state_of,
    sync,
    wait_until,
)
from tests.federation.history import read_head
from tests.federation.janus import Janus, make_fork

pytestmark = pytest.mark.slow


class Halves:
    """A federation, half of which is shown another history of `at`."""

    def __init__(self, land: Federation, nursery: Nursery) -> None:
        self.land = land
        self._nursery = nursery
        self.coordinator = land.start_coordinator()
        self.hu, self.fr, self.si = (land.new(code) for code in ("hu", "fr", "si"))
        for site in (self.hu, self.fr, self.si):
            land.join(site)
        port = land.ports.take()
        self.at = land.new("at", url=f"http://127.0.0.1:{port}")
        self.janus = Janus(port, upstream=self.at.url)
        self.janus.start()

    @property
    def members(self) -> list[Site]:
        return [self.coordinator, self.hu, self.fr, self.si]

    def begin(self) -> None:
        self.land.join(self.at)
        for site in self.members:
            self.land.wait_for(site, self.at)

    def part(self, *, honest: int, forked: int, deceived: Sequence[Site]) -> Site:
        """Grow two histories and show each to its half."""
        fork = make_fork(self.land, self._nursery, self.at)
        self.janus.deceived, self.janus.other = list(deceived), fork.url
        self.at.append(honest)
        fork.append(forked)
        assert read_head(fork.checkpoint("at"))[1] != read_head(self.at.checkpoint("at"))[1]
        return fork

    def evidence(self, site: Site) -> list[str]:
        """What stands against `at` at a node."""
        found: list[str] = site.mirror(self.at.origin).get("evidence", [])
        return found


@pytest.fixture
def halves(tmp_path: Path, nursery: Nursery) -> Iterator[Halves]:
    with federation(tmp_path, nursery) as land:
        one = Halves(land, nursery)
        try:
            one.begin()
            yield one
        finally:
            one.janus.stop()


def command(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [str(SOPRO), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def listed(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.get("/evidence").json["evidence"]
    return found


@pytest.mark.parametrize(
    ("honest", "forked"), [(1, 1), (1, 3), (3, 300)], ids=["same-size", "larger", "much-larger"]
)
def test_a_fork_shown_to_one_half_is_found_by_both_and_survived(
    halves: Halves, honest: int, forked: int, tmp_path: Path
) -> None:
    at, hu, fr, si = halves.at, halves.hu, halves.fr, halves.si
    halves.part(honest=honest, forked=forked, deceived=[fr, si])

    for site in halves.members:
        wait_until(lambda site=site: halves.evidence(site), f"{site.code} has evidence")
    heads = {site.code: site.checkpoint("at") for site in halves.members}
    for site in halves.members:
        wait_until(
            lambda site=site: "two histories" in str(site.mirror(at.origin)["problem"]),
            f"{site.code} says so",
        )

    # Everybody gets to the same evidence, and anybody can verify it with the file alone.
    common = set.intersection(*(set(halves.evidence(site)) for site in halves.members))
    if not common:
        wait_until(
            lambda: set.intersection(*(set(halves.evidence(site)) for site in halves.members)),
            "all have the same evidence",
        )
    check_file(halves, fr, tmp_path)

    # Nothing more is signed in the log or taken from it, and every other log goes on.
    wait_until(lambda: at.status()["fence"]["state"] != "open", "at has heard of it")
    with pytest.raises(UnavailableError, match="nothing may be signed"):
        at.append()
    hu.append()
    for site in halves.members:
        assert sync(site)[at.origin]["code"] == "hos.fork"
        assert site.checkpoint("at") == heads[site.code]
    for site in (halves.coordinator, fr, si):
        halves.land.wait_for(site, hu)
    check_words(halves, hu)

    # Killed and started again, a node still knows.
    fr.kill()
    fr.start()
    assert halves.evidence(fr)
    assert sync(fr)[at.origin]["code"] == "hos.fork"
    assert fr.checkpoint("at") == heads["fr"]


def check_file(halves: Halves, site: Site, folder: Path) -> None:
    one = listed(site)[0]
    data = site.get(f"/evidence/{one['id']}").body
    path, invite = folder / "evidence.sopro", halves.coordinator.folder / INVITE
    path.write_bytes(data)
    code, out, _ = command("evidence", "verify", str(path), "--invite", str(invite))
    assert code == 0, out
    assert f"{halves.at.origin}: two histories are proven" in out
    code, out, _ = command("evidence", "show", str(path))
    assert code == 0
    assert f"evidence that {halves.at.origin} has two histories" in out
    value = decode(data, limit=MAX_EVIDENCE)
    assert isinstance(value, dict)
    first = value["heads"][0]  # type: ignore[index, call-overload]  # two of them
    path.write_bytes(encode({**value, "heads": [first, first]}))
    code, _, said = command("evidence", "verify", str(path), "--invite", str(invite))
    assert (code, "agree" in said or "root" in said) == (76, True)


def check_words(halves: Halves, site: Site) -> None:
    """See it told wherever people and programs look."""
    one = listed(site)[0]
    assert site.status()["evidence"][0]["id"] == one["id"]
    assert f'sopro_evidence{{origin="{halves.at.origin}"}}' in site.get("/metrics").body.decode()
    for language, words in (
        ("en", "two signed heads that exclude one another"),
        ("de", "zwei signierte Stände, die einander ausschließen"),
        ("hu", "két, egymást kizáró aláírt állapota van"),
    ):
        page = site.get(f"/status?lang={language}").body.decode()
        assert words in page
        assert one["path"] in page
    code, out, _ = command("status", str(site.folder))
    assert code == 0
    assert f"{halves.at.origin}: two histories: signed heads at size" in out
    code, out, _ = command("evidence", "list", str(site.folder))
    assert (code, "nothing more is taken from it" in out) == (0, True)


def test_only_a_membership_record_that_abandons_a_head_lifts_it(halves: Halves) -> None:
    at, hu, fr, coordinator = halves.at, halves.hu, halves.fr, halves.coordinator
    fork = halves.part(honest=1, forked=2, deceived=[fr])
    for site in halves.members:
        wait_until(lambda site=site: halves.evidence(site), f"{site.code} has evidence")
    halves.janus.other = ""
    fork_head = read_head(fr.checkpoint("at"))

    coordinator.call("set_membership", site="at", status="suspended")
    for site in halves.members:
        if site is not coordinator:
            halves.land.wait_for(site, coordinator)
        assert sync(site)[at.origin]["code"] == "hos.fork"

    answer = halves.land.release(at)
    assert [(one["size"], one["root"]) for one in answer["abandoned"]] == [
        (fork_head[0], fork_head[1].hex())
    ]
    at.append()
    for site in (coordinator, hu, halves.si):
        wait_until(lambda site=site: not halves.evidence(site), f"{site.code}: it is lifted")
        halves.land.wait_for(site, at)
    # Who held the abandoned history takes the log anew, and keeps nothing of the old one.
    halves.land.wait_for(fr, at)
    assert fr.get("/log/at/1/tile/0/000.p/4").body == at.get("/log/at/1/tile/0/000.p/4").body
    assert state_of(fr, at) == state_of(hu, at)
    assert [one["stands"] for one in listed(hu)] == [False] * len(listed(hu))

    # Whose directory holds the abandoned one is not left to wait for what was settled long ago.
    wait_until(lambda: "sopro recover" in fork.status()["fence"]["reason"], "fork knows")
    assert fork.status()["fence"]["state"] == "forked"

    # A third history is found like the second.
    halves.part(honest=1, forked=2, deceived=[halves.si])
    for site in halves.members:
        wait_until(lambda site=site: halves.evidence(site), f"{site.code} has evidence again")


def test_evidence_is_on_the_disk_before_anybody_is_told(halves: Halves) -> None:
    """Killed at the first sign of a reaction, the node comes back with the evidence."""
    at, hu, fr = halves.at, halves.hu, halves.fr
    halves.part(honest=1, forked=1, deceived=[fr])
    wait_until(
        lambda: sync(hu)[at.origin].get("code") == "hos.fork", "hu refuses the log", patience=90
    )
    hu.kill()
    told = listed_on_disk(hu)
    assert told
    hu.start()
    assert set(halves.evidence(hu)) == told


def listed_on_disk(site: Site) -> set[str]:
    store = SqliteStore.open(site.folder, writing=False)
    try:
        return {row.id.hex() for row in store.others.evidence()}
    finally:
        store.close()
