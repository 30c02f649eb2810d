"""The store on SQLite: its contract, its file, its failures."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect

from sopro_node.store import migrations
from sopro_node.store.connection import DATABASE, create_database
from sopro_node.store.directory_index import Described
from sopro_node.store.migrate import LATEST, migrate
from sopro_node.store.rows import LogRow
from sopro_node.store.schema import metadata
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.errors import FormatError, StorageFullError
from sopro_registry.family import Erased
from tests.node.accounts_contract import AccountsContract
from tests.node.store_contract import Open, StoreContract


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    create_database(tmp_path)
    opened: list[SqliteStore] = []

    def again() -> SqliteStore:
        opened.append(SqliteStore.open(tmp_path, writing=True))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


class TestSqliteStore(StoreContract, AccountsContract):
    """The contract holds on SQLite."""


def test_writes_nothing_where_the_disk_is_full(open_store: Open, tmp_path: Path) -> None:
    store = open_store()
    assert isinstance(store, SqliteStore)
    store._db.execute("PRAGMA max_page_count = 40")
    with pytest.raises(StorageFullError, match="nothing was written"), store.transaction():
        store.put_setting("large", bytes(1_000_000))
    store._db.execute("PRAGMA max_page_count = 4000")
    with store.transaction():
        store.put_setting("large", bytes(1_000_000))
    assert store.setting("large") == bytes(1_000_000)


def test_migrations_lead_to_the_schema_of_the_code(tmp_path: Path) -> None:
    create_database(tmp_path)
    engine = create_engine(f"sqlite:///{tmp_path / DATABASE}")
    with engine.connect() as connection:
        found = inspect(connection)
        assert set(found.get_table_names()) == {*metadata.tables, "alembic_version"}
        for name, table in metadata.tables.items():
            columns = {one["name"]: one for one in found.get_columns(name)}
            assert set(columns) == {column.name for column in table.columns}, name
            for column in table.columns:
                assert columns[column.name]["nullable"] == column.nullable, (name, column.name)
                assert str(columns[column.name]["type"]) == str(
                    column.type.compile(dialect=engine.dialect)
                ), (name, column.name)
            keys = found.get_pk_constraint(name)["constrained_columns"]
            assert keys == [column.name for column in table.primary_key], name
    engine.dispose()


def test_an_older_database_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO setting VALUES ('name', x'00')")
    engine.dispose()
    store = SqliteStore.open(tmp_path, writing=True)
    assert store.setting("name") == b"\x00"
    assert (store.others.witness_heads(), store.others.cosigned()) == ([], [])
    store.close()


def test_leaves_a_current_database_alone(tmp_path: Path) -> None:
    create_database(tmp_path)
    before = (tmp_path / DATABASE).read_bytes()
    migrate(tmp_path / DATABASE)
    assert (tmp_path / DATABASE).read_bytes() == before


def test_refuses_the_database_of_a_newer_version(tmp_path: Path) -> None:
    create_database(tmp_path)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(FormatError, match=f"schema 9999, this one knows {LATEST}"):
        SqliteStore.open(tmp_path, writing=True)


def test_says_that_a_folder_holds_no_node(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no node here"):
        SqliteStore.open(tmp_path, writing=False)


def test_says_that_a_file_is_no_database(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"not a database at all" * 100)
    with pytest.raises(FormatError, match="cannot be read"):
        SqliteStore.open(tmp_path, writing=True)


def test_a_reader_cannot_write(open_store: Open, tmp_path: Path) -> None:
    open_store()
    reader = SqliteStore.open(tmp_path, writing=False)
    with pytest.raises(sqlite3.OperationalError, match="readonly"), reader.transaction():
        reader.put_setting("name", b"value")
    reader.close()


def test_commits_survive_with_full_synchronisation(open_store: Open) -> None:
    store = open_store()
    assert isinstance(store, SqliteStore)
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_leaves_no_copy_of_words_on_pages_that_were_split(open_store: Open, tmp_path: Path) -> None:
    store = open_store()
    assert isinstance(store, SqliteStore)
    rng = random.Random(5)
    with store.transaction():
        store.put_log(LogRow(1, "sopro.example/at/1", 0, bytes(32), b"", b""))
    assert store.residue() == 0
    position = 0
    for year in range(40):
        erased = []
        for _ in range(12):
            rows = []
            for number in range(30):
                terms = ["nfirma", "ngraz", f"n{rng.randbytes(8).hex()}"]
                if number % 10 == 0:
                    terms.append(f"nsecret{year}")
                    erased.append(Erased(position, 0, 40_000, 740_000))
                line = f"secret{year} shown".encode() if number % 10 == 0 else b"shown"
                place = rng.randbytes(8)
                rows.append(Described(position, place, b"", terms, place * 2, line))
                position += 1
            with store.transaction():
                store.directory.put_described(1, rows)
        with store.transaction():
            store.documents.erase(1, erased)
    assert store.residue()
    with closing(SqliteStore.open(tmp_path, writing=False)) as reader, reader.snapshot():
        assert reader.logs()
        assert not store.scrub()
    again = open_store()
    assert again.residue()
    assert again.scrub()
    assert again.residue() == 0
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"secret" not in content
    assert again.directory.count_found(1, "nfirma", most=5000) > 1000


@pytest.mark.parametrize("writing", [True, False])
def test_lets_go_of_a_file_that_is_no_database(tmp_path: Path, writing: bool) -> None:
    path = tmp_path / DATABASE
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(FormatError, match="cannot be read") as refusal:
        SqliteStore.open(tmp_path, writing=writing)
    held = [one.readlink() for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    assert path not in held, refusal
