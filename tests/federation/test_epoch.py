"""A site that has lost its last entries for ever goes on in another log (SPEC EPOCH)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sopro_node.config import CONFIG
from sopro_protocol.errors import UnavailableError
from tests.cli.place import ANNA, sopro
from tests.federation.federation import FEDERATION, SETTINGS, Federation, Site, wait_until
from tests.federation.history import read_head
from tests.federation.liar import Liar, Lie, say
from tests.federation.test_fence import AT, state, wait_for_state
from tests.federation.test_recovery import Run, recover, replace_disk
from tests.federation.test_transfer import grant, register
from tests.federation.test_witness import witnessed_size

pytestmark = pytest.mark.slow

BEFORE, AFTER = f"{FEDERATION}/at/1", f"{FEDERATION}/at/2"
ACTIVE, SUSPENDED, LOST = (f"SOPRO/AT0/001/{number:05}" for number in (1, 2, 3))
FIRST_OF_TWO = "SOPRO/AT0/001/000200001"


@pytest.fixture
def door(land: Federation) -> Iterator[Liar]:
    """What stands before `at`: shut, nobody can mirror it while it asks witnesses itself."""
    liar = Liar(land.ports.take(), upstream="")
    liar.start()
    yield liar
    liar.stop()


def checkpoint(node: Site, origin: str) -> bytes:
    answer = node.get("/log/" + origin.split("/", 1)[1] + "/checkpoint")
    return answer.body if answer.status == 200 else b""


def meet(land: Federation, origin: str, source: Site) -> None:
    """Wait until every node holds and has judged what a log is at its source."""

    def is_current(node: Site) -> bool:
        mirror, note = node.mirror(origin), checkpoint(node, origin)
        if not mirror or not note:
            return False
        is_same = read_head(note) == read_head(checkpoint(source, origin))
        return is_same and bool(mirror["judged"] == mirror["size"])

    for node in land.sites.values():
        if node is not source:
            wait_until(lambda node=node: is_current(node), f"{node.code} has all of {origin}")


def told(land: Federation, number: str) -> dict[str, Any]:
    """Return what all nodes say of a label, which must be one thing."""
    answers = [site.get(f"/api/v1/labels/{number}").json for site in land.sites.values()]
    for answer in answers:
        answer.pop("publication", None)
    assert answers == [answers[0]] * len(answers)
    return dict(answers[0])


def check_everywhere(land: Federation) -> None:
    """See that every node tells the same of every label, and counts each once."""
    found = {number: told(land, number) for number in (ACTIVE, SUSPENDED, FIRST_OF_TWO)}
    assert {one["status"] for one in found.values()} == {"active"}
    assert [one["log"] for one in found[SUSPENDED]["history"]] == [BEFORE, BEFORE, AFTER, AFTER]
    for site in land.sites.values():
        assert site.get(f"/api/v1/labels/{LOST}").status == 404
        counted = site.get("/api/v1/statistics").json
        assert counted["total"] == {"active": 3}
        counts = {one["computed_from"]["origin"]: one["labels"] for one in counted["sites"]}
        assert counts == {BEFORE: {}, AFTER: {"active": 3}, f"{FEDERATION}/hu/1": {}}
        page = site.get(f"/label/{SUSPENDED}", headers={"Accept-Language": "en"}).body.decode()
        assert "That log is closed" in page


def settle(site: Site) -> None:
    with (site.folder / CONFIG).open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())


class Here(Run):
    """Runs `sopro` in this process, which is faster."""

    def __call__(self, *arguments: object, code: int = 0) -> str:
        return sopro(*arguments, code=code).output


class Lost(NamedTuple):
    """A site whose last entries are lost.

    Attributes:
        at: the site; its node does not run, and its directory is gone.
        old: its directory as it was when it held what the mirrors have.
        run: runs commands.
        chest: its keys.
        certificate: of a label of the log that is lost.
        owner: an organisation of the site.
        end: up to which the log is mirrored.
        lost: how many entries behind that others have cosigned.
    """

    at: Site
    old: Path
    run: Run
    chest: Path
    certificate: Path
    owner: str
    end: int
    lost: int


@pytest.fixture
def lost(land: Federation, door: Liar, tmp_path: Path) -> Lost:
    """A federation in which a disk is lost before the others had its last entries."""
    run, coordinator = Here(tmp_path), land.start_coordinator()
    at, hu = land.new("at", url=door.url), land.new("hu")
    door.upstream = at.url
    for site in (at, hu):
        land.join(site)
    coordinator.call("publish_policy", witnesses=["eeig", "hu"], faulty=0)
    chest, file, old = tmp_path / "chest", tmp_path / "old.sopro", tmp_path / "at-old"
    run("backup", at.folder, tmp_path / "backup", *run.with_keys(chest))
    owner, _ = register(at, "Werk"), register(at, "Amt")
    assert [grant(at, owner, name) for name in ("Brot", "Käse")] == [ACTIVE, SUSPENDED]
    why = ("--reason", "other", "--suspended-until", "2027-06-01")
    run("decide", at.folder, "suspend", SUSPENDED, *why, *ANNA)
    meet(land, BEFORE, at)
    wait_until(lambda: witnessed_size(at) == at.status()["size"], "all of at is witnessed")
    run("certificate", "get", ACTIVE, "--url", hu.url, "-o", file)
    end = at.status()["size"]
    # What nobody mirrors any more is cosigned, and the disk is lost.
    door.tell(Lie(AT, say(b"", status=503)))
    assert grant(at, owner, "Milch") == LOST
    wait_until(lambda: witnessed_size(at) == at.status()["size"] > end, "it is witnessed")
    size = at.status()["size"]
    at.stop()
    replace_disk(at)
    door.be_honest()
    return Lost(at, old, run, chest, file, owner, end, size - end)


def go_on(land: Federation, one: Lost) -> None:
    """Begin another log of the site, and have the coordinator close the one before."""
    at, run, folder = one.at, one.run, land.coordinator.folder
    said = recover(run, at, land, one.chest, "--new-epoch")
    assert f"ends there, at size {one.end}" in said
    settle(at)
    at.start()
    assert "renew-epoch" in run("join", at.folder, folder / "invite.json")
    assert f"to close {BEFORE} at size {one.end}" in run("members", "list", folder)
    assert "renew-epoch" in run("members", "admit", folder, "at", code=1)
    said = run("members", "renew-epoch", folder, "at")
    assert f"{BEFORE} is closed at size {one.end}; {AFTER} goes on" in said
    assert f"{one.lost} more entries of it were signed, and are lost" in said
    size = land.coordinator.status()["size"]
    wait_until(
        lambda: (at.status()["acts_on"] or {"size": 0})["size"] >= size - 1, "at acts as a member"
    )
    assert (at.status()["membership"], state(at)) == ("admitted", "open")


def test_a_site_that_lost_what_others_cosigned_signs_nothing_in_that_log_again(
    land: Federation, lost: Lost
) -> None:
    at = lost.at
    recover(lost.run, at, land, lost.chest)
    at.start()
    wait_for_state(at, "behind")
    assert "--new-epoch" in at.status()["fence"]["reason"]
    at.stop()
    at.folder.rename(lost.old)
    go_on(land, lost)
    at.stop()
    replace_disk(at)
    lost.old.rename(at.folder)
    at.start()
    wait_for_state(at, "closed")
    with pytest.raises(UnavailableError, match="continues this one"):
        at.append()


@pytest.mark.timeout(120)
def test_labels_go_on_in_the_log_that_continues_a_lost_one(land: Federation, lost: Lost) -> None:
    go_on(land, lost)
    at, hu, run = lost.at, land.sites["hu"], lost.run
    invite = ("--invite", land.coordinator.folder / "invite.json")
    revoke = ("--reason", "other", "--appeal-until", "2027-12-01")
    said = run("decide", at.folder, "revoke", ACTIVE, *revoke, *ANNA, code=1)
    assert "take it over first" in said
    done = run("transfer", "in", at.folder, *ANNA)
    assert f"{ACTIVE} taken over from at: active" in done
    assert f"{SUSPENDED} taken over from at: suspended" in done
    # Two organisations and two offerings; the third was lost with the label on it.
    assert "4 organisations and offerings written" in done
    assert run("transfer", "in", at.folder, *ANNA).startswith("nothing is offered")
    run("decide", at.folder, "reinstate", SUSPENDED, *ANNA)
    assert grant(at, lost.owner, "Butter") == FIRST_OF_TWO
    meet(land, AFTER, at)
    check_everywhere(land)
    assert f"{ACTIVE}: valid" in run("certificate", "verify", lost.certificate, *invite)
    for number in (SUSPENDED, FIRST_OF_TWO):
        run("certificate", "get", number, "--url", hu.url, "-o", lost.certificate)
        assert f"{number}: valid" in run("certificate", "verify", lost.certificate, *invite)

    # So it stays when everybody has begun anew, and anybody can check it.
    for site in land.sites.values():
        site.stop()
        run("audit", site.folder)
    run("reindex", at.folder)
    for site in land.sites.values():
        site.launch()
    for site in land.sites.values():
        site.wait_up()
    wait_for_state(at, "open")
    run("decide", at.folder, "revoke", ACTIVE, *revoke, *ANNA)
    meet(land, AFTER, at)
    assert told(land, ACTIVE)["status"] == "revoked"
    run("audit", hu.url, *invite)
