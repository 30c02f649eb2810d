"""Two histories of the coordinator's own log, settled by its members, and everybody goes on."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from sopro_node.found import COORDINATOR
from sopro_node.keyring import load_keys
from sopro_protocol.errors import RefusedError, UnavailableError
from sopro_protocol.keys import Role
from sopro_protocol.record import sign_record
from tests.criteria import scheme_without_set
from tests.federation.federation import (
    SOPRO,
    Federation,
    Nursery,
    Site,
    federation,
    paused,
    state_of,
    wait_until,
)
from tests.federation.history import read_head
from tests.federation.janus import Janus, make_fork

pytestmark = pytest.mark.slow

EEIG = f"sopro.example/{COORDINATOR}/1"


def command(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(SOPRO), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def evidence(site: Site) -> list[str]:
    found: list[str] = site.mirror(EEIG).get("evidence", [])
    return found


def head(site: Site) -> tuple[int, bytes]:
    return read_head(site.checkpoint(COORDINATOR))


def change(site: Site, country: str) -> None:
    site.call("change_membership", site="at", changes={"country": country})


def tallies(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.status()["anchors"]
    return found


def appended(site: Site) -> bool:
    """Append, unless the log waits until the coordinator's is as long as the one given up."""
    try:
        site.append()
    except UnavailableError:
        return False
    return True


def vote(site: Site, keep: str) -> None:
    """Anchor as the command does."""
    plan = site.call("plan_anchor", keep=keep)
    root = load_keys(site.folder, Role.ROOT)[Role.ROOT]
    site.call("put_keys", entry=sign_record(plan["record"], [root]))


def test_members_settle_which_history_of_the_coordinators_log_holds(
    tmp_path: Path, nursery: Nursery
) -> None:
    with federation(tmp_path, nursery) as land:
        port = land.ports.take()
        coordinator = land.new(COORDINATOR, url=f"http://127.0.0.1:{port}")
        janus = Janus(port, upstream=coordinator.url, code=COORDINATOR)
        janus.start()
        try:
            settle(land, nursery, janus, coordinator)
        finally:
            janus.stop()


def settle(land: Federation, nursery: Nursery, janus: Janus, coordinator: Site) -> None:
    coordinator.start()
    coordinator.call("publish_criteria", **scheme_without_set())
    at, hu, fr = members = [land.new(code) for code in ("at", "hu", "fr")]
    for site in members:
        land.join(site)
    for site in members:
        land.wait_for(site, coordinator)

    # Two processes sign the coordinator's log; and one member is shown the other.
    fork = make_fork(land, nursery, coordinator)
    janus.deceived, janus.other = [fr], fork.url
    extra = {"family": "serve_alone", "values": {"peers": 0, "reason": "a test"}}
    before = head(coordinator)
    # Nobody can tell the one process of the other before both have signed.
    with paused(*members):
        change(coordinator, "DE")
        fork.call("append", drafts=[extra] * 300)
    for site in members:
        wait_until(lambda site=site: evidence(site), f"{site.code} has evidence")
    kept = head(coordinator)
    # Who heard of the other history first has taken nothing of either.
    assert head(hu) in (before, kept)
    assert head(fr) == head(fork)
    wait_until(lambda: coordinator.status()["fence"]["state"] == "forked", "it has heard of it")
    with pytest.raises(UnavailableError, match="anchor"):
        change(coordinator, "AT")
    # Members go on with each other meanwhile; what rests on the other history has to wait.
    fr.append()
    hu.append()
    fork.stop()
    janus.other = ""

    with pytest.raises(RefusedError, match="expected the first digits"):
        vote(hu, "0" * 16)
    # Who was shown the other history decides for the one it does not hold.
    vote(fr, kept[1].hex()[:16])
    with pytest.raises(RefusedError, match="decided already"):
        vote(fr, kept[1].hex()[:16])
    wait_until(
        lambda: (
            [(one["by"], one["needed"], one["voters"]) for one in tallies(at)] == [(["fr"], 2, 3)]
        ),
        "one of the two that are needed",
    )
    assert evidence(at)
    code, said = command("anchor", str(hu.folder), "--keep", kept[1].hex()[:16])
    assert code == 0, said

    for site in members:
        wait_until(lambda site=site: not evidence(site), f"{site.code}: it is settled")
    wait_until(lambda: coordinator.status()["fence"]["state"] == "open", "it signs again")
    change(coordinator, "AT")
    for site in members:
        land.wait_for(site, coordinator)
        assert tallies(site)[0]["settled"]
    for site in members:
        wait_until(lambda site=site: appended(site), f"{site.code}: its log is judged again")
    nodes = [coordinator, *members]
    for source in members:
        for node in nodes:
            if node is not source:
                land.wait_for(node, source)
        views = [state_of(node, source) for node in nodes]
        assert views[0]
        assert all(view == views[0] for view in views)
    assert tallies(fr)[0]["by"] == ["fr", "hu"]
    # An audit counts them again, from what the node serves alone.
    code, said = command("audit", hu.url)
    assert code == 0, said
    fr.kill()
    fr.start()
    assert not evidence(fr)
    land.wait_for(fr, coordinator)
