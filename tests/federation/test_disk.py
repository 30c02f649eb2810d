"""A full disk: 507, reads go on, nothing acknowledged is lost, and it heals without a restart."""

import asyncio
import contextlib
import http.client
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sopro_node.admission import make_application
from sopro_node.control import call
from sopro_node.node import Node
from sopro_node.store.connection import create_database
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.errors import SoproError, StorageFullError
from tests.federation.federation import (
    COUNTRIES,
    SOPRO,
    Federation,
    Site,
    organisation,
    wait_until,
)
from tests.federation.history import History, read_head

pytestmark = pytest.mark.slow

SPACE = "8m"
_MOUNTS = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    script = "mount -t tmpfs -o size=64k none /mnt"
    tried = subprocess.run([*_MOUNTS, "sh", "-c", script], check=False, capture_output=True)
    return tried.returncode == 0


@pytest.fixture(autouse=True)
def _mountable() -> None:
    if not can_mount():
        if os.environ.get("CI"):
            pytest.fail("CI must be able to mount a tmpfs in a namespace of its own")
        pytest.skip("no tmpfs can be mounted in a namespace of its own here")


class SmallDisk:
    """A node's directory on a disk of a few mebibytes that only this node sees."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        site = self._site
        seed = site.folder.with_name(f"{site.folder.name}-seed")
        site.folder.rename(seed)
        site.folder.mkdir(mode=0o700)
        script = (
            'mount -t tmpfs -o size="$3" none "$2" && cp -a "$1"/. "$2" && '
            'exec "$5" serve "$2" --listen "$4"'
        )
        with site.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *_MOUNTS,
                    "sh",
                    "-c",
                    script,
                    "sh",
                    str(seed),
                    str(site.folder),
                    SPACE,
                    f"127.0.0.1:{site.port}",
                    str(SOPRO),
                ],
                stdout=log,
                stderr=log,
            )
        site.process = self._process.pid
        # What is mounted there is reached through the process that sees it.
        site.folder = Path(f"/proc/{self._process.pid}/root{site.folder}")
        wait_until(self._is_up, f"{site.code} answers")

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._site.read_log()
        try:
            return self._site.get("/health").status == 200 and bool(self._site.call("identity"))
        except (OSError, http.client.HTTPException, AssertionError):
            return False

    @property
    def _ballast(self) -> Path:
        return self._site.folder / "ballast"

    def fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1024 * 1024, 64 * 1024, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def free(self) -> None:
        self._ballast.unlink()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._site.process = None


@contextlib.contextmanager
def on_small_disk(site: Site) -> Iterator[SmallDisk]:
    site.stop()
    disk = SmallDisk(site)
    try:
        disk.start()
        yield disk
    finally:
        disk.close()


def append_until_full(site: Site) -> dict[int, bytes]:
    acknowledged: dict[int, bytes] = {}
    drafts = [organisation(COUNTRIES.get(site.code, "BE"))] * 50
    for _ in range(1000):
        try:
            answer = asyncio.run(call(site.folder, "append", {"drafts": drafts}))
        except StorageFullError as error:
            assert "the disk is full" in str(error)
            return acknowledged
        assert answer is not None
        acknowledged |= {one["index"]: one["entry_id"] for one in answer["outcomes"]}
    raise AssertionError("the disk never became full")


def check_reads(site: Site) -> None:
    for path in (
        "/health",
        "/metrics",
        "/api/v1/status",
        "/api/v1/statistics",
        "/api/v1/members",
        f"/log/{site.code}/1/checkpoint",
        f"/log/{site.code}/1/bundle/000.p/2",
    ):
        assert site.get(path).status == 200, path


def test_a_full_disk_refuses_and_heals(land: Federation) -> None:
    [at] = land.start(["at"])
    with on_small_disk(at) as disk:
        acknowledged = {one["index"]: one["entry_id"] for one in at.append(3)}
        disk.fill()
        acknowledged |= append_until_full(at)
        size = at.status()["size"]
        for _ in range(3):
            with pytest.raises(StorageFullError):
                at.append()
        assert at.status()["size"] == size
        check_reads(at)
        history = History()
        history.read_on(at, "at")
        history.check_acknowledged(acknowledged)

        disk.free()
        acknowledged |= {one["index"]: one["entry_id"] for one in at.append(3)}
        history.read_on(at, "at")
        history.check_acknowledged(acknowledged)
        land.wait_for(land.coordinator, at)
        assert "Traceback" not in at.read_log()


def apply(coordinator: Site, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", coordinator.port, timeout=10)
    try:
        connection.request("POST", "/api/v1/applications", body=body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_full_disk_answers_507_over_http(land: Federation) -> None:
    coordinator = land.start_coordinator()
    at = land.new("at")

    async def make() -> bytes:
        node = await Node.open(at.folder)
        try:
            return make_application(node)
        finally:
            await node.close()

    application = asyncio.run(make())
    with on_small_disk(coordinator) as disk:
        disk.fill()
        for _ in range(1000):
            status, body = apply(coordinator, application)
            if status != 200:
                break
        assert status == 507
        assert b"the disk is full" in body
        assert b"Traceback" not in body
        check_reads(coordinator)
        disk.free()
        assert apply(coordinator, application)[0] == 200


def test_a_mirror_on_a_full_disk_says_so_and_catches_up(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    land.wait_for(hu, at)
    with on_small_disk(hu) as disk:
        land.wait_for(hu, at)
        before = hu.checkpoint("at")
        disk.fill()
        wait_until(lambda: grow_and_look(at, hu), "the full disk is seen", patience=60)
        check_reads(hu)
        # A mirror serves whole heads of the site or none.
        history = History()
        history.read_on(at, "at")
        history.check_heads({read_head(before), read_head(hu.checkpoint("at"))})
        disk.free()
        land.wait_for(hu, at)
        assert hu.mirror(at.origin)["problem"] is None
        with contextlib.suppress(SoproError):
            hu.append()
        land.wait_for(land.coordinator, hu)


def grow_and_look(at: Site, hu: Site) -> bool:
    at.append(100)
    problem = hu.mirror(at.origin)["problem"]
    return bool(problem) and problem["code"] == "storage-full"


# Erased, but the database cannot be written anew beside itself; then it can.
SCRUB = """
import sys
from pathlib import Path
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.errors import StorageFullError

folder = Path(sys.argv[1])
store = SqliteStore.open(folder, writing=True)
filler = folder / "filler"
filler.write_bytes(b"x" * 2_000_000)
try:
    store.scrub()
except StorageFullError:
    print("full", bool(store.residue()))
filler.unlink()
print(store.scrub(), store.residue(), len(store.setting("large")))
"""


def test_the_database_is_written_anew_when_there_is_room(tmp_path: Path) -> None:
    seed, disk = tmp_path / "seed", tmp_path / "disk"
    seed.mkdir()
    disk.mkdir()
    create_database(seed)
    with closing(SqliteStore.open(seed, writing=True)) as store, store.transaction():
        store.put_setting("large", b"x" * 2_000_000)
        store.documents.cut(1, [(0, 0)])
    script = 'mount -t tmpfs -o size=5m none "$2" && cp -a "$1"/. "$2" && exec "$3" -c "$4" "$2"'
    told = [*_MOUNTS, "sh", "-c", script, "sh", str(seed), str(disk), sys.executable, SCRUB]
    done = subprocess.run(told, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == "full True\nTrue 0 2000000\n"
