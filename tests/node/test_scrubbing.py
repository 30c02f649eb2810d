"""When the database is written anew, and when that has to wait."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from sopro_node.scrubbing import Scrubber
from sopro_node.store.accounts import UploadRow
from sopro_node.store.connection import DATABASE, create_database
from sopro_node.store.sqlite import SqliteStore
from sopro_node.writer import Writer
from sopro_protocol.errors import UnavailableError


class Watched(SqliteStore):
    """A store whose rewriting takes as long on a test's clock as it is told."""

    takes = 0.0
    now = 0.0
    times = 0

    def scrub(self) -> bool:
        self.times += 1
        self.now += self.takes
        return super().scrub()

    def drop(self) -> None:
        with self.transaction():
            self.accounts.put_upload(UploadRow(bytes(16), "Maria", 1, "a/b", b"1"))
            self.cut_uploads(before=2)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Watched]:
    create_database(tmp_path)
    store = Watched.open(tmp_path, writing=True)
    assert isinstance(store, Watched)
    yield store
    store.close()


@pytest.fixture
async def writer() -> AsyncIterator[Writer]:
    writer = Writer()
    yield writer
    writer.close()


async def test_one_rewriting_does_for_all_that_was_dropped_before(
    store: Watched, writer: Writer
) -> None:
    scrubber = Scrubber(store, writer, clock=lambda: store.now)
    store.drop()
    store.drop()
    assert await scrubber.is_due()
    assert [await scrubber.scrub() for _ in range(3)] == [True] * 3
    assert store.times == 1
    assert not await scrubber.is_due()


async def test_rests_after_a_rewriting_that_took_long(store: Watched, writer: Writer) -> None:
    scrubber = Scrubber(store, writer, clock=lambda: store.now)
    store.takes = 3.0
    outcomes = []
    for _ in range(1000):
        store.drop()
        outcomes.append(await scrubber.scrub())
        store.now += 0.1
    # 100 seconds of erasures, of which three are spent on rewriting in every thirty-three.
    assert 3 <= store.times <= 5
    assert outcomes.count(True) == store.times
    assert store.residue()
    assert not scrubber.has_rested
    store.now = scrubber.rests_until
    assert scrubber.has_rested
    assert await scrubber.scrub()
    assert not store.residue()
    store.now = scrubber.rests_until
    assert not scrubber.has_rested


async def test_rewritings_of_half_a_second_leave_time_to_write(
    store: Watched, writer: Writer
) -> None:
    scrubber = Scrubber(store, writer, clock=lambda: store.now)
    store.takes = 0.5
    for _ in range(100):
        store.drop()
        await scrubber.scrub()
        store.now += 1
    assert store.times * store.takes <= store.now / 10


async def test_says_where_a_reader_is_in_the_way(
    store: Watched, writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sopro_node.scrubbing._PAUSE", 0)
    scrubber = Scrubber(store, writer)
    store.drop()
    with closing(SqliteStore.open(tmp_path, writing=False)) as reader, reader.snapshot():
        reader.logs()
        with pytest.raises(UnavailableError, match="end what reads it"):
            await scrubber.scrub()
    assert await scrubber.scrub()


def test_writes_nothing_elsewhere(
    store: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a sandbox no other place may be written; and what a node keeps has no business there."""
    asked = []

    class Connection:
        def __init__(self, inner: sqlite3.Connection) -> None:
            self._inner = inner

        def execute(self, statement: str) -> sqlite3.Cursor:
            if statement == "VACUUM":
                asked.append(self._inner.execute("PRAGMA temp_store_directory").fetchone()[0])
            return self._inner.execute(statement)

    monkeypatch.setattr(store._residue, "_db", Connection(store._db))
    store.drop()
    assert store.scrub()
    assert asked == [str(tmp_path.resolve())]
    assert sorted(one.name.split("-")[0] for one in tmp_path.iterdir() if one.is_file())[0] == (
        DATABASE
    )
    assert store._db.execute("PRAGMA temp_store_directory").fetchall() == []
