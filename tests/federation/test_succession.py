"""The coordinator is gone for ever: its members appoint another, and everybody goes on."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sopro_node.config import CONFIG
from sopro_node.found import COORDINATOR, INVITE
from sopro_node.keyring import load_keys
from sopro_protocol.errors import RefusedError, UnavailableError
from sopro_protocol.keys import Role
from sopro_protocol.record import sign_record
from tests.federation.federation import (
    SETTINGS,
    SOPRO,
    Federation,
    Nursery,
    Site,
    federation,
    state_of,
    wait_until,
)

pytestmark = pytest.mark.slow

EEIG = f"sopro.example/{COORDINATOR}/1"
MEMBERS = ("at", "hu", "fr", "si", "sk")


def command(*arguments: object) -> tuple[int, str]:
    done = subprocess.run(
        [str(SOPRO), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def done(*arguments: object) -> str:
    code, said = command(*arguments)
    assert code == 0, said
    return said


def change(coordinator: Site, country: str) -> None:
    coordinator.call("change_membership", site="at", changes={"country": country})


def vote(site: Site, key: str, heir: Site) -> None:
    """Anchor as the command does."""
    plan = site.call("plan_successor", successor=bytes.fromhex(key), urls=[heir.url])
    root = load_keys(site.folder, Role.ROOT)[Role.ROOT]
    site.call("put_keys", entry=sign_record(plan["record"], [root]))


def succession(site: Site) -> list[tuple[str, list[str]]]:
    return [(one["state"], one["by"]) for one in site.status()["succession"]]


def test_members_appoint_who_goes_on_for_a_coordinator_that_is_gone(
    tmp_path: Path, nursery: Nursery
) -> None:
    with federation(tmp_path, nursery) as land:
        members = land.start(MEMBERS)
        old = land.coordinator
        backup = tmp_path / "backup"
        done("backup", old.folder, backup, "--keys", tmp_path / "chest", *secret(tmp_path))
        # What happened after the backup is known to the members only.
        change(old, "DE")
        for site in members:
            land.wait_for(site, old)
        invite = tmp_path / "old-invite.json"
        shutil.copy(old.folder / INVITE, invite)
        old.kill()
        shutil.rmtree(old.folder)
        heir = appoint(land, members, tmp_path, invite)
        go_on(land, members, heir)
        come_back(land, members, tmp_path, backup, old.port)
        everybody_agrees(land, [heir, *members], invite)


def secret(tmp_path: Path) -> tuple[str, str]:
    path = tmp_path / "secret"
    path.write_text("a passphrase of some length\n")
    path.chmod(0o600)
    return "--passphrase-file", str(path)


def appoint(land: Federation, members: list[Site], tmp_path: Path, invite: Path) -> Site:
    at, hu, fr, si, sk = members
    # Members go on with each other, as of what they know.
    at.append()
    land.wait_for(hu, at)
    for site in (at, hu, fr):
        wait_until(lambda site=site: site.mirror(EEIG)["failures"], f"{site.code} has noticed")
    heir = Site(land.nursery, tmp_path / "heir", COORDINATOR, land.ports.take())
    taking = (
        *("federation", "take-over", heir.folder, "--invite", invite, "--url", heir.url),
        *("--listen", f"127.0.0.1:{heir.port}", "--peer", at.url, "--peer", hu.url),
    )
    [key] = set(re.findall("[0-9a-f]{64}", done(*taking)))
    for site in (at, hu):
        vote(site, key, heir)
    wait_until(lambda: succession(sk) == [("proposed", ["at", "hu"])], "two of three")
    code, said = command(*taking)
    assert code == 1, said
    assert "at, hu of 5 members" in said
    with pytest.raises(RefusedError, match="decided already"):
        vote(hu, key, heir)
    si.kill()
    done("anchor", fr.folder, "--successor", key, "--url", heir.url)
    wait_until(lambda: succession(sk) == [("appointed", ["at", "fr", "hu"])], "three of five")
    assert "took over" in done(*taking)
    with (heir.folder / CONFIG).open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())
    heir.start()
    land.sites[COORDINATOR] = heir
    return heir


def go_on(land: Federation, members: list[Site], heir: Site) -> None:
    """Everybody follows, also who was away; somebody new joins."""
    at, hu, _, si, _ = members
    wait_until(lambda: heir.status()["fence"]["state"] == "open", "it signs")
    change(heir, "AT")
    si.start()
    for site in members:
        land.wait_for(site, heir)
        assert succession(site) == [("taken_over", ["at", "fr", "hu"])]
    hr = land.new("hr")
    land.join(hr)
    for site in (hr, at):
        site.append()
        land.wait_for(hu, site)
        land.wait_for(si, site)
    members.append(hr)


def come_back(
    land: Federation, members: list[Site], tmp_path: Path, backup: Path, port: int
) -> None:
    """The old coordinator is started from a backup, with its old keys; nobody follows it."""
    ghost = Site(land.nursery, tmp_path / "ghost", COORDINATOR, port)
    done("restore", backup, ghost.folder, "--keys", tmp_path / "chest", *secret(tmp_path))
    ghost.start()
    with pytest.raises(UnavailableError):
        change(ghost, "FR")
    ghost.stop()
    ghost.start(alone="a test")
    at, hu = members[:2]
    before = land.coordinator.checkpoint(COORDINATOR)
    for site in (at, hu):
        wait_until(lambda site=site: evidence(site), f"{site.code} keeps evidence")
        assert not site.mirror(EEIG).get("evidence")
        assert site.checkpoint(COORDINATOR).split(b"\n")[:3] == before.split(b"\n")[:3]
    ghost.stop()


def evidence(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.get("/evidence").json["evidence"]
    return found


def everybody_agrees(land: Federation, nodes: list[Site], invite: Path) -> None:
    for site in nodes[:3]:
        site.kill()
        site.start()
    for source in nodes:
        for node in nodes:
            if node is not source:
                land.wait_for(node, source)
        views: list[dict[bytes, Any]] = [state_of(node, source) for node in nodes]
        assert all(view == views[0] for view in views)
    done("audit", nodes[0].url, "--invite", invite)
    done("audit", nodes[1].folder)
