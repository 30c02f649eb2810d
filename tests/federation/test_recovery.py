"""Backups, and what comes after a disk is lost: `sopro backup`, `restore` and `recover`."""

import asyncio
import json
import random
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sopro_node.control import call
from sopro_node.manifest import MANIFEST, digest_file, read_manifest
from sopro_node.store.connection import DATABASE
from sopro_protocol.encoding import encode
from sopro_protocol.errors import UnavailableError
from tests.cli.place import sopro
from tests.criteria import scheme_without_set
from tests.federation.federation import (
    SOPRO,
    Federation,
    Nursery,
    Site,
    federation,
    organisation,
    state_of,
    wait_until,
)
from tests.federation.history import History, read_head
from tests.federation.liar import BUNDLE, CHECKPOINT, Liar, Lie, flood, say, stream
from tests.federation.test_fence import append, check_one_history, state, wait_for_state
from tests.federation.test_kill import Watcher

pytestmark = pytest.mark.slow

PASSPHRASE = "the keys of Austria"


class Run:
    """Runs `sopro` as people do, and holds it to an exit code."""

    def __init__(self, folder: Path) -> None:
        self._passphrase = folder / "passphrase"
        self._passphrase.write_text(PASSPHRASE + "\n")

    def __call__(self, *arguments: object, code: int = 0) -> str:
        """Return everything it said."""
        done = self.start(*arguments)
        said, _ = done.communicate(timeout=60)
        assert done.returncode == code, said
        assert "Traceback" not in said
        return said

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [str(SOPRO), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def with_keys(self, path: Path) -> tuple[object, ...]:
        return ("--keys", path, "--passphrase-file", self._passphrase)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def replace_disk(site: Site) -> None:
    """Have the directory gone."""
    shutil.rmtree(site.folder)


def test_a_backup_under_load_restores_to_a_verified_root(
    land: Federation, run: Run, tmp_path: Path
) -> None:
    at, hu = land.start(["at", "hu"])
    acknowledged = append(at, 600)
    target, chest = tmp_path / "backup", tmp_path / "keys"
    ended = threading.Event()

    async def load() -> None:
        while not ended.is_set():
            began = time.monotonic()
            answer = await call(at.folder, "append", {"drafts": [organisation()]})
            assert answer is not None
            acknowledged.update({one["index"]: one["entry_id"] for one in answer["outcomes"]})
            await asyncio.sleep(max(0.0, 0.02 - (time.monotonic() - began)))

    with Watcher([at, hu], "at") as watcher:
        worker = threading.Thread(target=lambda: asyncio.run(load()))
        worker.start()
        try:
            before = at.status()["size"]
            said = run("backup", at.folder, target, *run.with_keys(chest))
            after = at.status()["size"]
            time.sleep(0.5)
        finally:
            ended.set()
            worker.join()
        manifest = read_manifest(target)
        assert manifest.root in said
        assert before <= manifest.size <= after
        assert not (target / "keys").exists()
        assert {path.stat().st_mode & 0o077 for path in [chest, *target.iterdir()]} == {0}
        history = History()
        history.read_on(at, "at")
        assert history.roots[manifest.size].hex() == manifest.root
        land.wait_for(hu, at)
        land.wait_for(land.coordinator, at)
        published = at.checkpoint("at")
        at.stop()
        replace_disk(at)

        said = run("restore", target, at.folder, *run.with_keys(chest))

        assert f"{manifest.size} entries" in said
        at.start()
        more = append(at)
        assert min(more) == read_head(published)[0]
        land.wait_for(hu, at)
        land.wait_for(land.coordinator, at)
    check_one_history([at, hu, land.coordinator], watcher, acknowledged | more)
    assert state_of(at, at) == state_of(hu, at)
    run("audit", at.folder)


def test_a_restored_node_signs_nothing_while_nobody_answers(
    land: Federation, run: Run, tmp_path: Path
) -> None:
    [at] = land.start(["at"])
    chest = tmp_path / "keys"
    run("backup", at.folder, tmp_path / "backup", *run.with_keys(chest))
    at.stop()
    land.coordinator.stop()
    replace_disk(at)
    run("restore", tmp_path / "backup", at.folder, *run.with_keys(chest))
    at.start()
    with pytest.raises(UnavailableError):
        at.append()
    assert at.get("/labels").status == 200


def test_a_restored_node_serves_no_document_before_it_knows_what_was_erased(
    land: Federation, run: Run, tmp_path: Path
) -> None:
    at, hu = land.start(["at", "hu"])
    document = {"name": "organisation", "content": encode({"legal_name": "Werk"})}
    drafts = [organisation("AT") | {"documents": [document]} for _ in range(2)]
    erased, kept = at.call("append", drafts=drafts)["outcomes"]
    land.wait_for(hu, at)
    chest, paths = tmp_path / "keys", {}
    for name, outcome in (("erased", erased), ("kept", kept)):
        paths[name] = f"/log/at/1/document/{outcome['index']}/0"
        wait_until(lambda name=name: hu.get(paths[name]).status == 200, "the document is there")
    run("backup", hu.folder, tmp_path / "backup", *run.with_keys(chest))
    hu.stop()
    at.call("erase", entity=erased["entity"], reason="request", deadline="2026-12-31")
    at.stop()
    land.coordinator.stop()
    replace_disk(hu)
    run("restore", tmp_path / "backup", hu.folder, *run.with_keys(chest))
    hu.start()
    assert [hu.get(path).status for path in paths.values()] == [404, 404]
    assert at.origin in hu.status()["hidden_documents"]
    assert b"Werk" not in hu.get("/log/at/1/bundle/0.p/4").body

    land.coordinator.start()
    at.start()
    wait_until(lambda: hu.status()["hidden_documents"] == [], "documents are served again")
    assert {name: hu.get(path).status for name, path in paths.items()} == {
        "erased": 404,
        "kept": 200,
    }
    run("audit", hu.folder)


def test_a_backup_from_before_the_first_member_is_not_open_at_once(
    land: Federation, run: Run, tmp_path: Path
) -> None:
    coordinator = land.start_coordinator()
    chest = tmp_path / "keys"
    run("backup", coordinator.folder, tmp_path / "backup", *run.with_keys(chest))
    land.join(land.new("at"))
    coordinator.stop()
    replace_disk(coordinator)
    run("restore", tmp_path / "backup", coordinator.folder, *run.with_keys(chest))
    coordinator.start()
    assert state(coordinator) == "asking"
    with pytest.raises(UnavailableError, match="knows no other node"):
        coordinator.call("publish_criteria", **scheme_without_set())


# What cannot be restored.


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Path]:
    """A folder with a backup of a site and its keys."""
    base = tmp_path_factory.mktemp("backed-up")
    with federation(base / "land", nursery) as land:
        (base / "land").mkdir()
        [at] = land.start(["at"])
        at.append(300)
        run = Run(base)
        run("backup", at.folder, base / "backup", *run.with_keys(base / "keys"))
        assert "nothing is overwritten" in run("backup", at.folder, base / "backup", code=65)
        assert "cannot be written" in run(
            "backup", at.folder, base / "second", *run.with_keys(base / "keys"), code=65
        )
        inside = base / "third" / "keys"
        assert "lies in the backup" in run(
            "backup", at.folder, base / "third", *run.with_keys(inside), code=65
        )
        assert not (base / "second").exists()
    yield base


def flip(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 1
    path.write_bytes(bytes(data))


def edit_manifest(path: Path, **changes: object) -> None:
    fields = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps(fields | changes))


def swap_entry(path: Path) -> None:
    """Change an entry and make the manifest fit the changed file."""
    with closing(sqlite3.connect(path / DATABASE)) as database, database:
        position, data = database.execute(
            "SELECT position, data FROM entry WHERE log = 1 ORDER BY position DESC LIMIT 1"
        ).fetchone()
        database.execute(
            "UPDATE entry SET data = ? WHERE log = 1 AND position = ?", (data[:-1] + b"x", position)
        )
    digest = digest_file(path / DATABASE)
    files = json.loads((path / MANIFEST).read_text())["files"]
    files[DATABASE] = {"size": digest.size, "sha256": digest.sha256}
    edit_manifest(path, files=files)


DAMAGES: dict[str, tuple[Callable[[Path], None], int, str]] = {
    "a bit of the database": (
        lambda path: flip(path / DATABASE, 0.5),
        76,
        "this backup is damaged",
    ),
    "a bit of its end": (lambda path: flip(path / DATABASE, 0.999), 76, "this backup is damaged"),
    "a bit of the settings": (lambda path: flip(path / "node.toml", 0.5), 76, "is damaged"),
    "half the database": (
        lambda path: (path / DATABASE).write_bytes((path / DATABASE).read_bytes()[:50_000]),
        76,
        "this backup is damaged",
    ),
    "more than the database": (
        lambda path: (path / DATABASE).write_bytes((path / DATABASE).read_bytes() + b"\0"),
        76,
        "this backup is damaged",
    ),
    "an entry and its digest": (swap_entry, 76, "lead to another root"),
    "no database": (lambda path: (path / DATABASE).unlink(), 65, "is the backup complete"),
    "no manifest": (lambda path: (path / MANIFEST).unlink(), 65, "complete backup"),
    "a manifest of nonsense": (
        lambda path: (path / MANIFEST).write_bytes(b"\xff" * 99),
        65,
        "not the manifest",
    ),
    "a manifest of a newer form": (lambda path: edit_manifest(path, sopro_backup=2), 65, "newer"),
    "another size": (lambda path: edit_manifest(path, size=3), 76, "other logs than the manifest"),
    "another site": (lambda path: edit_manifest(path, origin="a/b/1"), 76, "other logs than"),
    "a path out of the backup": (
        lambda path: edit_manifest(
            path, files={DATABASE: {"size": 1, "sha256": ""}, "../keys": {"size": 1, "sha256": ""}}
        ),
        65,
        "names the files",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_refuses_a_damaged_backup_and_leaves_nothing(
    backed_up: Path, tmp_path: Path, run: Run, damage: str
) -> None:
    harm, code, words = DAMAGES[damage]
    backup, folder = tmp_path / "backup", tmp_path / "at"
    shutil.copytree(backed_up / "backup", backup)
    arguments = ("restore", backup, folder, *run.with_keys(backed_up / "keys"))
    harm(backup)
    said = sopro(*arguments, code=code).stderr
    assert words in said
    assert len(said.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "passphrase"]
    # The accepted twin.
    shutil.rmtree(backup)
    shutil.copytree(backed_up / "backup", backup)
    sopro(*arguments)


def test_overwrites_nothing(backed_up: Path, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "at"
    folder.mkdir()
    (folder / "node.db").write_bytes(b"precious")
    arguments = ("restore", backed_up / "backup", folder)
    assert "nothing is overwritten" in run(*arguments, code=65)
    assert (folder / "node.db").read_bytes() == b"precious"
    (folder / "node.db").unlink()
    assert "put the keys into" in run(*arguments)


def test_refuses_keys_of_another_site(backed_up: Path, tmp_path: Path, run: Run) -> None:
    other = tmp_path / "hu"
    run("site", "new", other, "--site", "hu", "--country", "HU")
    run("backup", other, tmp_path / "other-backup", *run.with_keys(tmp_path / "other-keys"))
    said = run(
        *("restore", backed_up / "backup", tmp_path / "at"),
        *run.with_keys(tmp_path / "other-keys"),
        code=76,
    )
    assert "no log key that this site's log names" in said
    assert not (tmp_path / "at").exists()


def test_killed_while_it_restores_leaves_nothing_half(
    backed_up: Path, tmp_path: Path, run: Run
) -> None:
    folder = tmp_path / "at"
    arguments = ("restore", backed_up / "backup", folder, *run.with_keys(backed_up / "keys"))
    began = time.monotonic()
    run(*arguments)
    whole = time.monotonic() - began
    shutil.rmtree(folder)
    chance = random.Random(7)
    for _ in range(8):
        process = run.start(*arguments)
        time.sleep(chance.uniform(whole * 0.3, whole))
        process.kill()
        process.communicate()
        if folder.exists():  # it was ready
            break
    if folder.exists():
        shutil.rmtree(folder)
    run(*arguments)
    assert {path.name for path in folder.iterdir()} >= {DATABASE, "keys", "node.toml"}
    assert not list(tmp_path.glob(".at*"))


# The disk is gone.


def recover(
    run: Run, site: Site, land: Federation, chest: Path, *more: object, code: int = 0
) -> str:
    return run(
        *("recover", site.folder, "--from-peers", "--site", site.code),
        *("--invite", land.coordinator.folder / "invite.json", *run.with_keys(chest)),
        *("--listen", f"127.0.0.1:{site.port}", *more),
        code=code,
    )


def test_a_site_whose_disk_is_gone_is_built_again_from_its_peers(
    land: Federation, run: Run, tmp_path: Path
) -> None:
    at, hu = land.start(["at", "hu"])
    chest = tmp_path / "keys"
    run("backup", at.folder, tmp_path / "backup", *run.with_keys(chest))
    secret = {"name": "secret", "content": b"\x80", "visibility": "site"}
    with Watcher([at, hu], "at") as watcher:
        acknowledged = append(at, 700)
        at.call("append", drafts=[organisation() | {"documents": [secret]}])
        for node in (hu, land.coordinator):
            land.wait_for(node, at)
        published = at.checkpoint("at")
        states = state_of(hu, at)
        at.stop()
        replace_disk(at)

        said = recover(run, at, land, chest)

        assert "(1 for site): secret of entry" in said
        at.start()
        wait_for_state(at, "open")
        assert at.checkpoint("at") == published
        assert state_of(at, at) == states
        more = append(at)
        assert min(more) == read_head(published)[0]
        for node in (hu, land.coordinator):
            land.wait_for(node, at)
        land.wait_for(at, hu)
    check_one_history([at, hu, land.coordinator], watcher, acknowledged | more)


def test_a_coordinator_whose_disk_is_gone_is_built_again(
    land: Federation, run: Run, tmp_path: Path
) -> None:
    at, hu = land.start(["at", "hu"])
    coordinator = land.coordinator
    chest, invite = tmp_path / "keys", tmp_path / "invite.json"
    shutil.copy(coordinator.folder / "invite.json", invite)
    run("backup", coordinator.folder, tmp_path / "backup", *run.with_keys(chest))
    published = coordinator.checkpoint("eeig")
    for node in (at, hu):
        land.wait_for(node, coordinator)
    coordinator.stop()
    replace_disk(coordinator)
    arguments = (
        *("recover", coordinator.folder, "--from-peers", "--site", "eeig", "--invite", invite),
        *(*run.with_keys(chest), "--listen", f"127.0.0.1:{coordinator.port}"),
    )
    assert "--peer" in run(*arguments, code=1)
    assert not coordinator.folder.exists()

    run(*arguments, "--peer", hu.url, "--peer", at.url)

    coordinator.start()
    wait_for_state(coordinator, "open")
    assert coordinator.checkpoint("eeig") == published
    land.wait_for(coordinator, hu)
    coordinator.call("set_membership", site="hu", status="suspended")
    wait_until(lambda: hu.status()["membership"] == "suspended", "hu follows it again")


def test_recovers_beside_liars_and_never_from_one_alone(
    land: Federation, run: Run, tmp_path: Path
) -> None:
    at, hu = land.start(["at", "hu"])
    chest = tmp_path / "keys"
    run("backup", at.folder, tmp_path / "backup", *run.with_keys(chest))
    old = at.checkpoint("at")
    append(at, 300)
    for node in (hu, land.coordinator):
        land.wait_for(node, at)
    published = at.checkpoint("at")
    at.stop()
    replace_disk(at)
    liar = Liar(land.ports.take(), upstream=hu.url)
    liar.start()
    try:
        hu.stop()
        for lie in (
            Lie(CHECKPOINT, say(old)),
            Lie(CHECKPOINT, stream(flood)),
            Lie(BUNDLE, say(b"\x00" * 4000)),
        ):
            liar.tell(lie)
            recover(run, at, land, chest, "--peer", liar.url)
            at.start()
            wait_for_state(at, "open")
            assert at.checkpoint("at") == published
            at.stop()
            replace_disk(at)
        # Without an honest node nothing is made.
        liar.tell(Lie(CHECKPOINT, say(b"nonsense")))
        invite = tmp_path / "invite.json"
        shutil.copy(land.coordinator.folder / "invite.json", invite)
        land.coordinator.stop()
        said = run(
            *("recover", at.folder, "--from-peers", "--site", "at", "--invite", invite),
            *(*run.with_keys(chest), "--peer", liar.url),
            code=75,
        )
        assert "error: " in said
        assert not at.folder.exists()
    finally:
        liar.stop()


def test_refuses_to_recover_an_unknown_site(land: Federation, run: Run, tmp_path: Path) -> None:
    [at] = land.start(["at"])
    chest = tmp_path / "keys"
    run("backup", at.folder, tmp_path / "backup", *run.with_keys(chest))
    twin = Site(land.nursery, tmp_path / "xx", "xx", land.ports.take())
    assert "names no site 'xx'; it names: at" in recover(run, twin, land, chest, code=1)
