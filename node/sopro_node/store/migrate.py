"""Brings a database to the schema this version knows, or refuses one it does not."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from sopro_protocol.errors import FormatError, StorageFullError

LATEST: Final = "0016"


def migrate(path: Path) -> None:
    """Run the missing migrations; a database that has them all is left alone.

    Raises:
        FormatError: the database was written by a newer version, or cannot be changed.
        StorageFullError: the disk is full; it is as it was.
    """
    found = _version(path)
    if found == LATEST:
        return
    if found is not None and found > LATEST:
        raise FormatError(
            f"{path}: written by a newer version (schema {found}, this one knows {LATEST}); "
            "install that version or a later one"
        )
    _upgrade(path)


def _version(path: Path) -> str | None:
    with closing(sqlite3.connect(path)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            row = None
    return str(row[0]) if row else None


def _upgrade(path: Path) -> None:
    # Alembic and the engine are loaded only when there is something to do: half a second saved.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise StorageFullError(
                f"{path}: the disk is full, and the database is of an older version that has to be "
                "changed first; free some space and try again"
            ) from None
        raise FormatError(
            f"{path}: is of an older version and cannot be changed: {error.orig}"
        ) from None
    finally:
        engine.dispose()
