"""The power is cut after any write of an append: nothing acknowledged is lost, nothing is torn."""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sopro_node.found import COORDINATOR, Plan, create_node
from sopro_node.holdings import Holdings
from sopro_node.identity import load_identity
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.errors import FormatError
from tests.federation.write_points import require_strace
from tests.node.power_cut import Disk, Step, lay_out, record

APPENDS = 20
TEARINGS = 3
FULL, NORMAL = 2, 1

pytestmark = pytest.mark.slow


def trace(tmp_path: Path, synchronous: int) -> tuple[Disk, list[Step]]:
    """Have a node append in a process of its own; return its disk before, and what it did."""
    require_strace()
    folder = tmp_path / "node"
    plan = Plan(federation="sopro.example", site=COORDINATOR, country="BE", zone="Europe/Brussels")
    create_node(folder, plan, coordinator=True)
    disk = Disk.of(folder)
    child = Path(__file__).with_name("power_child.py")
    command = [sys.executable, str(child), str(folder), str(APPENDS), str(synchronous)]
    return disk, record(command, folder, tmp_path / "strace")


def look(folder: Path) -> tuple[int, bytes]:
    """Return the size and the root of a node's own log, recomputed from its entries.

    Raises:
        FormatError: they contradict one another, or the database is damaged.
    """
    store = SqliteStore.open(folder, writing=True)
    try:
        holdings = Holdings(store, own=load_identity(store).origin, coordinator=None)
        return holdings.own.size, holdings.own.tree.root()
    finally:
        store.close()


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: thousands of databases are opened in it."""
    memory = Path("/dev/shm")  # a folder of its own is made there
    if not os.access(memory, os.W_OK):
        yield tmp_path / "image"
        return
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder) / "image"


def cut_everywhere(disk: Disk, steps: list[Step], image: Path) -> tuple[int, int, int]:
    """Cut the power after every step, in several ways.

    Returns:
        How many images there were, how many lost what was acknowledged, how many were damaged.
    """
    roots: dict[int, bytes] = {}
    for step in steps:
        if step.what == "said":
            size, root = step.data.split()
            roots[int(size)] = bytes.fromhex(root.decode())
    acknowledged = images = lost = damaged = 0
    chance = random.Random(3)
    for step in steps:
        if step.what == "said":
            acknowledged = int(step.data.split()[0])
            continue
        disk.do(step)
        kinds = [disk.cut(None, all_of_it=kept) for kept in (False, True)]
        kinds += [disk.cut(chance, all_of_it=False) for _ in range(TEARINGS)]
        for files in kinds:
            images += 1
            lay_out(files, image)
            try:
                size, root = look(image)
            except FormatError:
                damaged += 1
                continue
            lost += size < acknowledged
            damaged += roots.get(size, root) != root
    return images, lost, damaged


def test_a_power_cut_loses_nothing_acknowledged(tmp_path: Path, image: Path) -> None:
    disk, steps = trace(tmp_path, FULL)
    assert sum(step.what == "said" for step in steps) == APPENDS
    images, lost, damaged = cut_everywhere(disk, steps, image)
    print(f"synchronous=FULL: {len(steps)} steps, {images} images, {lost} lost, {damaged} damaged")
    assert (lost, damaged) == (0, 0)
    assert images > 500


def test_it_would_be_seen_if_it_did(tmp_path: Path, image: Path) -> None:
    """With synchronous=NORMAL commits wait for no disk, and images must show that."""
    disk, steps = trace(tmp_path, NORMAL)
    images, lost, damaged = cut_everywhere(disk, steps, image)
    print(f"synchronous=NORMAL: {images} images, {lost} lost, {damaged} damaged")
    assert lost > images // 10
    assert damaged == 0
