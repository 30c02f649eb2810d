"""A search finds the same whether it asks about each place or reads many together."""

import random
from pathlib import Path
from typing import Any

import pytest

from sopro_node import weighing
from sopro_node.conditions import Condition
from sopro_node.finding import BEGINNING, Finder, Hit
from sopro_node.store.connection import create_database
from sopro_node.store.directory_index import PLACE
from sopro_node.store.sqlite import SqliteStore
from sopro_node.weighing import Weighed

RANDOM = random.Random(4)
HOLDERS = [bytes([number]) * PLACE for number in range(150)]
THINGS = [b"", *(bytes([number]) * PLACE for number in range(1, 5))]
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
    shares = dict(zip(TERMS, (0.9, 0.5, 0.2, 0.01, 0.05), strict=True))
    return [
        (term, holder, thing)
        for thing in THINGS
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
    """Return everything that is found, offering by offering, and every organisation."""
    finder = Finder(store, 1, asked)
    met = [
        (holder, of)
        for led in finder._led(after)
        for holder, thing in finder._kept(led)
        for of in ([thing] if thing else THINGS[1:])
        if all(one.meets(holder, of) for one in finder._others)
    ]
    return [met, list(Finder(store, 1, asked).holders(after.holder))]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("after", [BEGINNING, Hit(HOLDERS[70], b"\x02" * PLACE, "")])
def test_finds_the_same_one_by_one_and_together(
    store: SqliteStore, asked: list[Condition], after: Hit, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = find(store, asked, after)
    monkeypatch.setattr(Weighed, "look_ahead", lambda *_: None)
    assert find(store, asked, after) == together


def test_what_others_ask_for_is_read_together(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, is_found = [], store.directory.is_found
    monkeypatch.setattr(
        store.directory, "is_found", lambda *a, **k: asked.append(a) or is_found(*a, **k)
    )
    [met, _] = find(store, [Condition(("w:some",)), Condition(("w:most",))], BEGINNING)
    assert len(met) > 50
    assert len(asked) < 20


def test_what_lies_between_is_not_read_where_it_is_far_more(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    between, found_among = [], store.directory.found_among
    there, found_at = [], store.directory.found_at

    def among(*arguments: Any, limit: int) -> Any:
        rows = found_among(*arguments, limit=limit)
        between.append(len(rows))
        return rows

    def at(*arguments: Any, limit: int) -> Any:
        rows = found_at(*arguments, limit=limit)
        there.append(len(rows))
        return rows

    monkeypatch.setattr(store.directory, "found_among", among)
    monkeypatch.setattr(store.directory, "found_at", at)
    monkeypatch.setattr(weighing, "_TIMES", 5)
    [met, _] = find(store, [Condition(("w:second",)), Condition(("w:all",))], BEGINNING)
    assert met
    # Once for the places and once for the organisations: it has shown then what it is like.
    assert len(between) == 2
    assert sum(there) > 0


def test_what_is_too_much_even_there_is_asked_one_by_one(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, is_found = [], store.directory.is_found
    monkeypatch.setattr(weighing, "_TIMES", 1)
    monkeypatch.setattr(
        store.directory, "is_found", lambda *a, **k: asked.append(a) or is_found(*a, **k)
    )
    [met, _] = find(store, [Condition(("w:second",)), Condition(("w:all",))], BEGINNING)
    assert met
    assert len(asked) >= len(met)


def test_what_was_read_together_says_nothing_of_others(store: SqliteStore) -> None:
    one = Weighed(store, 1, Condition(("w:some",)), most=1)
    alone = [one.meets(holder, b"") for holder in HOLDERS]
    one.look_ahead([(holder, b"") for holder in HOLDERS[10:30]])
    assert [one.meets(holder, b"") for holder in HOLDERS] == alone
    assert 0 < sum(alone) < len(HOLDERS)
