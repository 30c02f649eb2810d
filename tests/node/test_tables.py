"""What is gathered in memory is what the store would say, whoever was looked up together."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from sopro_node.store.connection import create_database
from sopro_node.store.sqlite import SqliteStore
from sopro_node.store.tables import StoreTables
from sopro_node.verify import find_entities
from sopro_protocol.bundle import Withheld
from sopro_protocol.keys import Ed25519Signer
from sopro_protocol.record import Record, format_record, sign_record
from sopro_registry.families import offering, organisation
from sopro_registry.label import Decision, Label, Status
from sopro_registry.tables import EntityRow

HELD, OTHER, NOBODY = (bytes([number]) * 16 for number in range(3))


def state_of(index: int, region: str) -> organisation.State:
    return organisation.State(index, "enterprise", "AT", "active", [region])


def change(folder: Path, *, expected: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, int]:
    """Move an organisation to another region; return what is stored, and how often was looked."""
    folder.mkdir()
    create_database(folder)
    store = SqliteStore.open(folder, writing=True)
    looked = []
    entity = store.entity
    monkeypatch.setattr(store, "entity", lambda *a: looked.append(a) or entity(*a))
    tables = StoreTables(store, 1, coordinator_root=lambda _: b"")
    for one in (HELD, OTHER):
        tables.put_entity(one, EntityRow("organisation", bytes(32), state_of(1, "n:AT12")))
    with store.transaction():
        tables.flush(store)
    if expected:
        tables.expect([HELD, OTHER, NOBODY])
    row = tables.entity(HELD)
    assert row is not None
    assert tables.entity(NOBODY) is None
    row.state = state_of(2, "n:AT31")
    tables.put_entity(HELD, row)
    with store.transaction():
        tables.flush(store)
    rows = [store._db.execute(f"SELECT * FROM {name}").fetchall() for name in ("term", "entity")]
    store.close()
    return rows, len(looked)


def test_what_was_looked_up_together_is_as_what_is_looked_up_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, looked = change(tmp_path / "alone", expected=False, monkeypatch=monkeypatch)
    together, looked_after = change(tmp_path / "together", expected=True, monkeypatch=monkeypatch)
    assert together == alone
    assert any("n:AT31" in row for row in alone[0])
    assert (looked, looked_after) == (2, 0)


def test_sees_whom_records_are_about_and_passes_over_the_rest() -> None:
    def entry_about(entity: bytes) -> bytes:
        record = Record(
            body=msgspec.Raw(b"\x80"),
            entity=entity,
            family="novel/1",
            log="sopro.example/at/1",
            salt=bytes(16),
            time=1,
            v=1,
        )
        return sign_record(format_record(record), [Ed25519Signer(bytes(32))])

    strange = sign_record(b"\x93", [Ed25519Signer(bytes(32))])
    entries = [entry_about(HELD), Withheld(bytes(32), 9), b"\xc1", strange, entry_about(OTHER)]
    assert find_entities([*entries, entry_about(HELD)]) == [HELD, OTHER]


def test_an_offering_that_has_a_label_is_not_listed_as_one_without(tmp_path: Path) -> None:
    """Also where the two change in one transaction, and the offering was here before."""
    create_database(tmp_path)
    store = SqliteStore.open(tmp_path, writing=True)
    tables = StoreTables(store, 1, coordinator_root=lambda _: b"")
    granted = Decision(3, 0, 739_000, Status.ACTIVE, 740_000, 739_000)
    label = Label(bytes(32), "SOPRO/AT0/001/00001", OTHER, "sopro", -1, [granted])
    for portion in (
        {OTHER: ("offering", offering.State(1, HELD, "product", "published"))},
        {
            OTHER: ("offering", offering.State(2, HELD, "product", "paused")),
            NOBODY: ("label_decision", label),
        },
    ):
        for entity, (family, state) in portion.items():
            row = tables.entity(entity) or EntityRow(family, bytes(32), None)
            row.state = state
            tables.put_entity(entity, row)
        with store.transaction():
            tables.flush(store)
    found = store.directory.listed(1, HELD[:8], low=OTHER[:8], high=OTHER[:8], limit=9)
    assert [number for _, number in found] == [label.number]
    store.close()
