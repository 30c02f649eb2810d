"""The power is cut after any write: nothing acknowledged is lost, nothing is torn.

An append may not be forgotten once it was acknowledged, nor a head by the witness that cosigned it:
after the power is back it would cosign another one.
"""

import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sopro_node.found import COORDINATOR, Plan, create_node
from sopro_node.holdings import Holdings
from sopro_node.identity import load_identity
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.errors import FormatError
from tests.federation.history import read_head
from tests.federation.write_points import require_strace
from tests.node.power_cut import Disk, Step, lay_out, record

TIMES = {"append": 20, "cosign": 30}
TEARINGS = 3
FULL, NORMAL = 2, 1

pytestmark = pytest.mark.slow


def trace(tmp_path: Path, action: str, synchronous: int) -> tuple[Disk, list[Step]]:
    """Have a node act in a process of its own; return its disk before, and what it did."""
    require_strace()
    folder = tmp_path / "node"
    plan = Plan(federation="sopro.example", site=COORDINATOR, country="BE", zone="Europe/Brussels")
    create_node(folder, plan, coordinator=True)
    disk = Disk.of(folder)
    child = Path(__file__).with_name("power_child.py")
    arguments = [str(folder), action, str(TIMES[action]), str(synchronous)]
    environment = {**os.environ, "PYTHONPATH": str(child.parents[2])}
    command = [sys.executable, str(child), *arguments]
    return disk, record(command, folder, tmp_path / "strace", environment=environment)


def look_at_log(folder: Path) -> tuple[int, bytes]:
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


def look_at_witness(folder: Path) -> tuple[int, bytes]:
    """Return the size and the root of what a node cosigned last, as its note has it.

    Raises:
        FormatError: the note says something else than the row, or the database is damaged.
    """
    store = SqliteStore.open(folder, writing=True)
    try:
        rows = store.others.witness_heads()
    finally:
        store.close()
    if not rows:
        return 0, b""
    [row] = rows
    if read_head(row.note) != (row.size, row.root):
        raise FormatError("the note and its row differ")
    return row.size, row.root


LOOKS = {"append": look_at_log, "cosign": look_at_witness}


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: thousands of databases are opened in it."""
    memory = Path("/dev/shm")  # a folder of its own is made there
    if not os.access(memory, os.W_OK):
        yield tmp_path / "image"
        return
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder) / "image"


def cut_everywhere(
    disk: Disk, steps: list[Step], image: Path, look: Callable[[Path], tuple[int, bytes]]
) -> tuple[int, int, int]:
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


@pytest.mark.parametrize("action", TIMES)
def test_a_power_cut_loses_nothing_acknowledged(tmp_path: Path, image: Path, action: str) -> None:
    disk, steps = trace(tmp_path, action, FULL)
    assert sum(step.what == "said" for step in steps) == TIMES[action]
    images, lost, damaged = cut_everywhere(disk, steps, image, LOOKS[action])
    print(f"synchronous=FULL: {len(steps)} steps, {images} images, {lost} lost, {damaged} damaged")
    assert (lost, damaged) == (0, 0)
    assert images > 500


@pytest.mark.parametrize("action", TIMES)
def test_it_would_be_seen_if_it_did(tmp_path: Path, image: Path, action: str) -> None:
    """With synchronous=NORMAL commits wait for no disk, and images must show that."""
    disk, steps = trace(tmp_path, action, NORMAL)
    images, lost, damaged = cut_everywhere(disk, steps, image, LOOKS[action])
    print(f"synchronous=NORMAL: {images} images, {lost} lost, {damaged} damaged")
    assert lost > images // 10
    assert damaged == 0
