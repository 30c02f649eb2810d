"""A search finds the same whether it asks about each place or reads many together."""

import random
from pathlib import Path
from typing import Any

import pytest

from sopro_node import finding
from sopro_node.finding import BEGINNING, Condition, Finder, Hit
from sopro_node.store.listing import PLACE
from sopro_node.store.sqlite import SqliteStore, create_database

RANDOM = random.Random(4)
HOLDERS = [bytes([number]) * PLACE for number in range(150)]
TERMS = ("w:all", "w:most", "w:some", "w:rare", "w:second")
ASKED = [
    [Condition((term,)) for term in chosen]
    for chosen in (
        ("w:all", "w:most"),
        ("w:some", "w:most"),
        ("w:rare", "w:all"),
        ("w:some", "w:all", "w:most"),
        ("w:nothing", "w:all"),
    )
]
ASKED.append([Condition(("w:some", "w:rare")), Condition(("w:most", "w:second"))])
ASKED.append([Condition(("w:s",), is_open=True), Condition(("w:all",))])


def terms_of(holder: bytes) -> list[tuple[str, bytes, bytes]]:
    """Describe an organisation and four offerings, some by a common word and some by a rare one."""
    things = [b"", *(bytes([number]) * PLACE for number in range(1, 5))]
    shares = dict(zip(TERMS, (0.9, 0.5, 0.2, 0.01, 0.05), strict=True))
    return [
        (term, holder, thing)
        for thing in things
        for term, share in shares.items()
        if RANDOM.random() < share
    ]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    create_database(tmp_path)
    store = SqliteStore.open(tmp_path, writing=True)
    with store.transaction():
        for log in (1, 2):
            store.directory.put_terms(log, [one for at in HOLDERS for one in terms_of(at)])
    yield store
    store.close()


def find(store: SqliteStore, asked: list[Condition], after: Hit) -> list[Any]:
    """Return every step of a search, and every organisation that is found."""
    finder = Finder(store, 1, asked)
    led = [(holder, thing, finder._may_meet(holder, thing)) for holder, thing in finder._led(after)]
    return [led, list(Finder(store, 1, asked).holders(after.holder))]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("after", [BEGINNING, Hit(HOLDERS[70], b"\x02" * PLACE, "")])
def test_finds_the_same_one_by_one_and_together(
    store: SqliteStore, asked: list[Condition], after: Hit, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = find(store, asked, after)
    monkeypatch.setattr(finding._Weighed, "look_ahead", lambda *_: None)
    assert find(store, asked, after) == together


def test_asks_less_the_more_it_looks_at(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, is_found = [], store.directory.is_found
    monkeypatch.setattr(
        store.directory, "is_found", lambda *a, **k: asked.append(a) or is_found(*a, **k)
    )
    [led, _] = find(store, [Condition(("w:some",)), Condition(("w:most",))], BEGINNING)
    assert len(led) > 100
    assert len(asked) < 20


def test_what_far_more_meet_is_asked_one_by_one(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, found_among = [], store.directory.found_among
    asked, is_found = [], store.directory.is_found

    def watched(*arguments: Any, limit: int) -> Any:
        rows = found_among(*arguments, limit=limit)
        read.append(len(rows))
        return rows

    monkeypatch.setattr(store.directory, "found_among", watched)
    monkeypatch.setattr(
        store.directory, "is_found", lambda *a, **k: asked.append(a) or is_found(*a, **k)
    )
    [led, _] = find(store, [Condition(("w:second",)), Condition(("w:all",))], BEGINNING)
    # Twice: for the places, and for the organisations.
    assert 0 < sum(read) <= 2 * finding._TIMES * len(led)
    assert len(asked) >= finding._FEW


def test_what_was_read_together_says_nothing_of_others(store: SqliteStore) -> None:
    one = finding._Weighed(store, 1, Condition(("w:some",)))
    alone = [one.is_met(holder, finding._LAST) for holder in HOLDERS]
    one.look_ahead([(holder, b"") for holder in HOLDERS[10:30]])
    assert [one.is_met(holder, finding._LAST) for holder in HOLDERS] == alone
    assert 0 < sum(alone) < len(HOLDERS)
