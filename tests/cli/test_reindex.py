from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sopro_node.lock import DirectoryLock
from sopro_node.reindex import reindex
from tests.cli.place import ORGANISATIONS, Place, sopro


def test_rebuilds_what_was_there(place: Place) -> None:
    before = place.indexes()
    result = sopro("reindex", place.at)
    assert place.indexes() == before
    assert len(before["entity"]) > ORGANISATIONS
    assert "sopro.example/at/1: " in result.stdout


def test_mends_damaged_indexes(place: Place) -> None:
    before = place.indexes()
    with place.database() as database:
        database.execute("UPDATE entity SET state = x'c1'")
        database.execute("DELETE FROM label")
        database.execute("UPDATE decision_count SET count = count + 1")
        database.execute("INSERT INTO void VALUES (1, 5, 'x', 'y')")
    sopro("reindex", place.at)
    assert place.indexes() == before
    sopro("audit", place.at)


def test_interrupted_leaves_the_old_tables(place: Place) -> None:
    before = place.indexes()

    def interrupt(_origin: str, done: int, _total: int) -> None:
        if done > 256:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reindex(place.at, interrupt)
    assert place.indexes() == before


def test_says_that_damaged_entries_cannot_be_judged(place: Place) -> None:
    with place.database() as database:
        database.execute("DELETE FROM entry WHERE log = 1 AND position = 256")
    result = sopro("reindex", place.at, code=65)
    assert "the entries on disk do not lead to the stored root" in result.stderr


def test_refuses_a_directory_that_is_worked_on(place: Place) -> None:
    with locked(place):
        result = sopro("reindex", place.at, code=75)
    assert "another sopro process" in result.stderr


@contextmanager
def locked(place: Place) -> Iterator[None]:
    lock = DirectoryLock(place.at)
    try:
        yield
    finally:
        lock.release()
