"""Keys change under load, are stolen and lost: real processes, and the commands of operators."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sopro_node import clock
from sopro_node.identity import parse_invite
from sopro_node.keyring import KEYS, list_key_files, open_key
from sopro_protocol.checkpoint import open_checkpoint
from sopro_protocol.keys import Ed25519Signer, make_vkey
from sopro_registry.certificate import open_certificate
from sopro_registry.keyhistory import KeyRecord, log_keys_at, open_key_history
from tests.federation.federation import SOPRO, Federation, Site, sync, wait_until
from tests.federation.history import History, read_head
from tests.federation.liar import CHECKPOINT, Liar, Lie, say, sign_head

pytestmark = pytest.mark.slow

_KEYS = msgspec.msgpack.Decoder(list[KeyRecord])


def keys(site: Site, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `sopro keys` as its operator does, and hold it to an exit code."""
    action, *rest = arguments
    command = [str(SOPRO), "keys", str(action), str(site.folder), *map(str, rest)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def log_signer(site: Site) -> Ed25519Signer:
    """The log key that was made last."""
    return open_key(
        [path for kind, path in list_key_files(site.folder) if kind == "log"][-1]
    ).signer


@contextmanager
def load(site: Site, taken: list[tuple[int, bytes]]) -> Iterator[None]:
    """Append without a pause, and keep what was acknowledged."""
    stop, failed = threading.Event(), []

    def work() -> None:
        try:
            while not stop.is_set():
                taken.extend((one["index"], one["entry_id"]) for one in site.append())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not failed, failed


def certificate(site: Site, number: str) -> bytes:
    answer = site.get(f"/api/v1/certificates/{number}")
    assert answer.status == 200, answer
    return answer.body


def grant(site: Site) -> str:
    """Register a holder and an offering, and grant a label."""
    holder = site.append()[0]["entity"]
    day = {"effective_date": "2026-01-10"}
    offering = draft(
        site, "offering", day | {"kind": "product", "organisation": holder, "status": "published"}
    )
    decision = day | {
        "action": "grant",
        "basis": "assessed",
        "decided_on": "2026-01-10",
        "decider": bytes(16),
        "offering": offering["entity"],
        "scheme": "sopro",
        "valid_from": "2026-01-10",
        "valid_until": "2027-12-01",
    }
    return str(draft(site, "label_decision", decision)["values"]["certificate"])


def draft(site: Site, family: str, values: dict[str, Any]) -> dict[str, Any]:
    [outcome] = site.call("append", drafts=[{"family": family, "values": values}])["outcomes"]
    assert "entry_id" in outcome, outcome
    return dict(outcome)


def verify(land: Federation, data: bytes) -> str:
    """Verify a certificate offline, from the coordinator's invite alone."""
    path = land.coordinator.folder / "invite.json"
    invite = parse_invite(path.read_bytes(), where=str(path))
    opened = open_certificate(
        data,
        coordinator=invite.origin,
        coordinator_root=invite.root_key,
        day=clock.today("UTC"),
    )
    return opened.status


def test_every_key_is_rotated_under_load_without_a_gap(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    number = grant(at)
    land.wait_for(hu, at)
    certificates = [certificate(hu, number)]
    taken: list[tuple[int, bytes]] = []
    heads = [at.checkpoint("at")]
    with load(at, taken):
        for role in ("registrar", "log", "decision", "witness", "access", "next-root", "root"):
            keys(at, "rotate", role)
            heads += [at.checkpoint("at"), hu.checkpoint("at")]
        keys(at, "rotate", "log", "--finish")
        heads.append(at.checkpoint("at"))
    assert len(taken) > 20, "there was a load"
    for reader in (hu, land.coordinator):
        land.wait_for(reader, at)
        assert reader.mirror(at.origin)["void"] == 0
        assert (
            not {"ckp.signature", "hos.fork", "mem.untrusted"} & reader.refusals(at.origin).keys()
        )
    certificates += [certificate(one, number) for one in (at, hu, land.coordinator)]
    assert [verify(land, data) for data in certificates] == ["active"] * 4

    # Every head that was ever served is opened with the keys that count at its size.
    history = _KEYS.decode(hu.get("/log/at/1/keys").body)
    known = open_key_history(history, origin=at.origin, root=open_root(at))
    for head in [*heads, at.checkpoint("at")]:
        size = int(head.split(b"\n")[1])
        vkeys = [make_vkey(at.origin, public) for public in log_keys_at(known, size)]
        assert open_checkpoint(head, origin=at.origin, keys=vkeys).size == size
    history_of_at = History()
    history_of_at.read_on(hu, "at")
    history_of_at.check_heads({read_head(head) for head in heads})
    history_of_at.check_acknowledged(dict(taken))

    # Who comes to the federation now follows as well.
    fr = land.new("fr")
    land.join(fr)
    land.wait_for(fr, at)
    assert_clean(fr)


def open_root(site: Site) -> bytes:
    return open_key(site.folder / KEYS / "root.pem").signer.public_key


def assert_clean(site: Site) -> None:
    """Audit a node that serves, as its operator does."""
    command = [str(SOPRO), "audit", str(site.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_heads_of_a_stolen_log_key_above_the_cut_are_refused_everywhere(land: Federation) -> None:
    """F23: the log key was seen by others; the site cuts it off at the last size it is sure of."""
    land.start_coordinator()
    hu, fr = (land.new(code) for code in ("hu", "fr"))
    land.join(hu)
    port = land.ports.take()
    at = land.new("at", url=f"http://127.0.0.1:{port}")
    liar = Liar(port, upstream=at.url)
    liar.start()
    try:
        land.join(at)
        number = grant(at)
        sync(hu)
        early = certificate(hu, number)
        stolen = log_signer(at)
        safe = at.status()["size"]
        done = keys(at, "revoke", "log", "--at-size", safe)
        assert "retired: log " in done.stderr
        for reader in (hu, land.coordinator):
            sync(reader)
            land.wait_for(reader, at)

        size, held = at.status()["size"], hu.checkpoint("at")
        forged = sign_head(at.origin, size + 5, bytes(32), stolen)
        liar.tell(Lie(CHECKPOINT, say(forged)))
        for reader in (hu, land.coordinator):
            assert sync(reader)[at.origin].get("code") == "ckp.signature"
            assert reader.checkpoint("at") == held
        # Nor is it taken by who has never seen the log before.
        land.join(fr)
        wait_until(lambda: fr.refusals(at.origin).get("ckp.signature"), "fr refuses the head")
        assert fr.checkpoint("at") in (b"", held)

        liar.be_honest()
        at.append()
        for reader in (hu, fr, land.coordinator):
            sync(reader)
            land.wait_for(reader, at)
        assert [verify(land, data) for data in (early, certificate(fr, number))] == ["active"] * 2
    finally:
        liar.stop()


def test_a_lost_root_key_is_replaced_and_the_coordinator_takes_it_over(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    number = grant(at)
    before = certificate(at, number)
    vault = land.coordinator.folder.parent / "vault"
    vault.mkdir()
    shutil.move(at.folder / KEYS / "next-root.pem", vault)
    (at.folder / KEYS / "root.pem").unlink()

    refused = keys(at, "rotate", "access", code=1)
    assert "name its file with --root-key FILE" in refused.stderr
    refused = keys(at, "recover", code=1)
    assert "no successor is in" in refused.stderr
    shutil.copy(hu.folder / KEYS / "next-root.pem", vault / "wrong.pem")
    refused = keys(at, "recover", "--successor", vault / "wrong.pem", code=1)
    assert "not the key that the log has committed to" in refused.stderr

    keys(at, "recover", "--successor", vault / "next-root.pem")
    keys(at, "rotate", "access", "--root-key", vault / "next-root.pem")
    refused = keys(at, "rotate", "access", "--root-key", vault / "wrong.pem", code=1)
    assert "not the key that has to sign" in refused.stderr
    for reader in (hu, land.coordinator):
        land.wait_for(reader, at)

    invite = land.coordinator.folder / "invite.json"
    command = [str(SOPRO), "join", str(at.folder), str(invite)]
    subprocess.run([*command, "--root-key", str(vault / "next-root.pem")], check=True)
    land.coordinator.call("admit", site="at")
    [member] = [one for one in land.coordinator.call("members")["members"] if one["site"] == "at"]
    public = open_key(vault / "next-root.pem").signer.public_key
    assert member["root"] == public.hex()
    fr = land.new("fr")
    land.join(fr)
    for reader in (hu, fr):
        land.wait_for(reader, land.coordinator)
        land.wait_for(reader, at)
    after = certificate(fr, number)
    assert [verify(land, data) for data in (before, after)] == ["active"] * 2
    for one in (fr, land.coordinator):
        assert_clean(one)


def test_a_node_comes_back_unattended_with_encrypted_keys(land: Federation, tmp_path: Path) -> None:
    [at] = land.start(["at"])
    secret = tmp_path / "secret"
    secret.write_text("a passphrase drawn by a machine\n")
    secret.chmod(0o600)
    keys(at, "encrypt", "--passphrase-file", secret)
    # The node goes on serving, with keys it opened before; what it makes now is encrypted, too.
    keys(at, "rotate", "registrar", "--key-passphrase-file", secret)
    assert "not on this machine" not in keys(at, "list").stdout
    with (at.folder / "node.toml").open("a", encoding="utf-8") as file:
        file.write(f'key_passphrase_file = "{secret}"\n')
    at.kill()
    at.start()
    keys(at, "rotate", "decision")
    at.append()
    land.wait_for(land.coordinator, at)
    # Keys of changes that nobody carried out before the process was killed go; no other does.
    before = sorted((at.folder / KEYS).iterdir())
    for role in ("log", "next-root"):
        at.call("plan_keys", act="rotate", role=role)
    assert len(list((at.folder / KEYS).iterdir())) == len(before) + 2
    at.kill()
    at.start()
    wait_until(lambda: sorted((at.folder / KEYS).iterdir()) == before, "the leftovers are removed")
    at.append()
    assert all(
        path.read_bytes().startswith(b"-----BEGIN ENCRYPTED")
        for _, path in list_key_files(at.folder)
    )
    told = subprocess.run(
        [str(SOPRO), "status", str(at.folder)], capture_output=True, text=True, check=True
    ).stdout
    assert "key: decision" in told
    assert "without a passphrase" not in told


def test_where_the_successor_is_lost_too_the_other_members_decide(land: Federation) -> None:
    at, hu, fr = land.start(["at", "hu", "fr"])
    number = grant(at)
    before = certificate(at, number)
    eeig = land.coordinator
    told = keys(at, "approvers", "--all")
    assert told.stdout.splitlines()[-1] == "may approve a new root key: fr, hu"
    assert "2 of 2 have to" in told.stderr
    assert "may approve a new root key: fr, hu" in keys(at, "list").stdout
    for member in (hu, fr, eeig):
        land.wait_for(member, at)
    for name in ("root.pem", "next-root.pem"):
        (at.folder / KEYS / name).unlink()
    public = keys(at, "recover", "--new-root").stdout.strip()
    for member in (hu, fr):
        refused = members(eeig, "recover", "at", code=1)
        assert "2 of 2 must" in refused.stderr
        members(member, "approve", "at", public)
        land.wait_for(eeig, member)
    listed = members(eeig, "list").stdout
    assert f"new root key {public}: approved by fr, hu; 2 of 2 have to" in listed
    assert f"at has the root key {public}, approved by 2" in members(eeig, "recover", "at").stdout
    assert "new root key" not in members(eeig, "list").stdout
    land.wait_for(at, eeig)
    keys(at, "recover", "--new-root")
    keys(at, "rotate", "log")
    keys(at, "rotate", "log", "--finish")
    for reader in (hu, fr, eeig):
        land.wait_for(reader, at)
    si = land.new("si")
    land.join(si)
    land.wait_for(si, at)
    assert [verify(land, data) for data in (before, certificate(si, number))] == ["active"] * 2
    assert_clean(si)


def members(site: Site, action: str, *arguments: str, code: int = 0) -> Any:
    """Run `sopro members` as its operator does, and hold it to an exit code."""
    command = [str(SOPRO), "members", action, str(site.folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done
