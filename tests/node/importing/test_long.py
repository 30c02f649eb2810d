"""Long files stay bounded in memory; an import that was killed is finished by the next one."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sopro_node.found import COORDINATOR
from sopro_node.lock import IMPORT_LOCK, DirectoryLock
from sopro_node.node import Node
from tests.neighbours import neighbours
from tests.node.conftest import Federation
from tests.node.importing.sources import over_msgpack

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
SOPRO = str(Path(sysconfig.get_path("scripts")) / "sopro")

MEASURE = """
import asyncio, resource, sys
from pathlib import Path
from sopro_node.importing.fields import Kind
from sopro_node.importing.mapping import parse_mapping
from sopro_node.importing.job import Job
from sopro_node.importing.run import run_import
from tests.node.importing.sources import DECISIONS, FakeOffice
office = FakeOffice()
office.keeps = False
mapping = parse_mapping(DECISIONS, Kind.DECISIONS, where="m")
source = Path(sys.argv[1])
job = Job(Kind.DECISIONS, source, mapping, source.with_suffix(".bad"), print, lambda *_: None)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
summary = asyncio.run(run_import(job, office, secret=bytes(32))).summary
print(summary.appended, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def write_lives(path: Path, *, labels: int, events: int) -> None:
    """Write each label's events far apart, so that nothing is together by itself."""
    with path.open("w") as file:
        file.write("no,n,status,at\n")
        for event in range(events):
            status = "granted" if event % 2 == 0 else "lost"
            for label in range(labels):
                file.write(f"{label},{event},{status},20{event + 10}-06-30T22:00:00Z\n")


def test_a_hundred_thousand_rows_take_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "lives.csv"
    write_lives(path, labels=25_000, events=4)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    appended, kilobytes = map(int, done.stdout.split())
    assert appended == 100_000
    assert kilobytes < 40_000


MAPPING = """
[organisations.columns]
key = "no"
legal_name = "name"
[organisations.constants]
actor_type = "enterprise"
country = "AT"

[offerings.columns]
key = "no"
organisation = "org"
[offerings.constants]
kind = "product"
[offerings.texts]
name = { column = "org", language = "de" }

[decisions.columns]
key = "no"
order = "n"
status = "status"
effective_date = "at"
[decisions.constants]
scheme = "sopro"
[decisions.dates]
effective_date = { kind = "instant" }
[decisions.status]
granted = "hold"
lost = "end"
"""
LABELS, EVENTS, KILLS = 1500, 4, 6


def start_import(folder: Path, work: Path, kind: str) -> subprocess.Popen[str]:
    words = ("import", folder, work / f"{kind}.csv", "--as", kind, "--json")
    return subprocess.Popen(
        [SOPRO, *map(str, words), "--mapping", str(work / "mapping.toml")],
        cwd=work,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish_import(folder: Path, work: Path, kind: str) -> dict[str, int]:
    out, err = start_import(folder, work, kind).communicate(timeout=120)
    assert out, err
    summary: dict[str, int] = json.loads(out)
    return summary


async def make_site(federation: Federation) -> Path:
    await federation.coordinator()
    site = await federation.join("at", "AT")
    await federation.close()
    federation.served.clear()
    return site.node.folder


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as one:
        yield one


async def test_an_import_that_was_killed_is_finished_by_the_next(
    federation: Federation, tmp_path: Path, stack: ExitStack, seed: int
) -> None:
    folder = await make_site(federation)
    stack.enter_context(neighbours([folder.parent / COORDINATOR]))
    work = tmp_path / "work"
    work.mkdir()
    (work / "mapping.toml").write_text(MAPPING)
    (work / "organisations.csv").write_text("no,name\n1,Eine\n")
    (work / "offerings.csv").write_text(
        "no,org\n" + "".join(f"{number},1\n" for number in range(LABELS))
    )
    write_lives(work / "decisions.csv", labels=LABELS, events=EVENTS)
    assert finish_import(folder, work, "organisations")["appended"] == 1
    assert finish_import(folder, work, "offerings")["appended"] == LABELS

    chance = random.Random(seed)
    for _ in range(KILLS):
        killed = start_import(folder, work, "decisions")
        # Long enough for the interpreter to start; some are killed before, some after they begin.
        await asyncio.sleep(chance.uniform(0.8, 3.0))
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=60)
    last = finish_import(folder, work, "decisions")
    assert (last["refused"], last["bad"]) == (0, 0)
    assert last["appended"] + last["unchanged"] == LABELS * EVENTS
    assert finish_import(folder, work, "decisions")["unchanged"] == LABELS * EVENTS

    node = await Node.open(folder)
    try:
        [site] = (await node.counting.statistics()).sites
        assert site.labels == {"revoked": LABELS}
        assert site.decisions == {
            "grant": LABELS,
            "reinstate": LABELS,
            "revoke": 2 * LABELS,
        }
        assert site.void == 0
        answer = await over_msgpack(node)("identity", {})
        assert answer["site"] == "at"
    finally:
        await node.close()


async def test_two_imports_at_once_are_refused(federation: Federation, tmp_path: Path) -> None:
    folder = await make_site(federation)
    work = tmp_path / "work"
    work.mkdir()
    (work / "mapping.toml").write_text(MAPPING)
    (work / "organisations.csv").write_text("no,name\n1,Eine\n")
    lock = DirectoryLock(folder, name=IMPORT_LOCK)
    try:
        _, err = start_import(folder, work, "organisations").communicate(timeout=60)
    finally:
        lock.release()
    assert "another import into this site is under way" in err
